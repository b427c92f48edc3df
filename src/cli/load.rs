//! `lodestone load …`

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::{LoadCase, LoadResearch, SystemScope, open, restriction};
use crate::app::AppState;
use crate::cases::{self, CaseConfig, Individual, ListKind, LoadOptions, Loaded, check_family, page_order, read_ped};
use crate::consent;
use crate::db::StoreError;
use crate::genes::import;
use crate::genome::GenomeBuild;
use crate::ids::InstituteId;
use crate::panels::{self, Panel};

/// `lodestone load case`
pub(super) async fn case(app: &AppState, scope: &SystemScope, arguments: &LoadCase) -> anyhow::Result<()> {
    let mut config = match (&arguments.config_file, &arguments.ped) {
        (Some(file), _) => CaseConfig::read(file)?,
        (None, Some(ped)) => from_pedigree(ped, arguments)?,
        (None, None) => bail!("give a load configuration, or --ped with --owner and --build"),
    };
    override_files(&mut config, arguments)?;
    scope.note("case", config.name.as_str(), Some(&config.owner));
    let bar = progress_bar();
    let restricted = match &arguments.reason {
        Some(reason) => Some(restriction::wanted(app, &arguments.restrict_to, reason).await?),
        None => None,
    };
    let options = LoadOptions {
        restricted,
        update: arguments.update,
        accept_genotypes: arguments.accept_genotypes,
        actor: open::actor(),
        progress: &shown_on(&bar),
    };
    let loaded = cases::load(app, scope, config, &options).await;
    bar.finish_and_clear();
    tell(scope, loaded?, ListKind::Clinical);
    Ok(())
}

/// `lodestone load research`
pub(super) async fn research(app: &AppState, scope: &SystemScope, arguments: &LoadResearch) -> anyhow::Result<()> {
    let mut config = CaseConfig::read(&arguments.config_file)?;
    if let Some(threshold) = arguments.rank_score_threshold {
        config.threshold = threshold;
    }
    scope.note("case", config.name.as_str(), Some(&config.owner));
    let bar = progress_bar();
    let options = LoadOptions {
        restricted: None,
        update: arguments.update,
        accept_genotypes: arguments.accept_genotypes,
        actor: open::actor(),
        progress: &shown_on(&bar),
    };
    let loaded = cases::load_research(app, scope, config, &options).await;
    bar.finish_and_clear();
    if let Loaded::Stored { case, .. } = tell(scope, loaded?, ListKind::Research)
        && case.research.is_none()
    {
        println!(
            "the list is closed; somebody who reads the case opens it there, with a reason and everybody's consent"
        );
    }
    Ok(())
}

/// Says what a load did.
fn tell(scope: &SystemScope, loaded: Loaded, list: ListKind) -> Loaded {
    match &loaded {
        Loaded::AlreadyLoaded { notes } => {
            for note in notes {
                eprintln!("note: {note}");
            }
            println!("already loaded; nothing was changed");
        }
        Loaded::Stored { case, notes } => {
            scope.note("case_id", case.id.as_str(), Some(&case.institute));
            for note in notes {
                eprintln!("note: {note}");
            }
            for line in summary(case, list) {
                println!("{line}");
            }
        }
    }
    loaded
}

/// What a load did, one line per list that it read.
fn summary(case: &cases::Case, kind: ListKind) -> Vec<String> {
    let mut lines = vec![format!("loaded case {} of {}", case.name, case.institute)];
    for list in case.all_lists().filter(|list| list.list == kind) {
        let report = &list.report;
        let left_out: Vec<String> =
            report.left_out.iter().map(|(reason, count)| format!("{count} {}", reason.words())).collect();
        lines.push(format!(
            "{} {}: {} records read, {} alleles, {} stored, {} left out{} in {:.2} s ({:.0} records/s)",
            list.list.as_str(),
            list.category,
            report.records,
            report.alleles,
            report.stored,
            report.left_out_total(),
            if left_out.is_empty() { String::new() } else { format!(" ({})", left_out.join(", ")) },
            report.seconds,
            report.records_per_second(),
        ));
        if report.faults > 0 {
            lines.push(format!("  {} faults in the file, shown on the case page; the first:", report.faults));
            lines.extend(report.first_faults.iter().take(5).map(|fault| format!("  {fault}")));
        }
        lines.extend(report.reference_sentence().map(|sentence| format!("  {sentence}")));
        for (term, count) in &report.unknown_terms {
            lines.push(format!(
                "  consequence term `{term}` is unknown to this version ({count} times); shown with a mark"
            ));
        }
    }
    if !case.not_assessed.is_empty() {
        lines.push(format!("not assessed here: {}", case.not_assessed.join(", ")));
    }
    lines
}

/// A bar on a terminal, nothing elsewhere: log lines and the summary say the rest.
fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {bytes} of {total_bytes} read {wide_bar} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

/// Moves the bar as bytes are read.
fn shown_on(bar: &ProgressBar) -> impl Fn(u64, u64) + Sync {
    move |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    }
}

fn from_pedigree(ped: &Path, arguments: &LoadCase) -> anyhow::Result<CaseConfig> {
    let (family, members) = read_ped(ped)?;
    let owner = arguments.owner.clone().context("--owner is missing")?;
    let build: GenomeBuild = arguments.build.as_deref().context("--build is missing")?.parse()?;
    let name = arguments.name.clone().unwrap_or_else(|| family.clone());
    let mut individuals: Vec<Individual> = members
        .into_iter()
        .map(|member| Individual {
            name: member.id.clone(),
            individual_id: member.id,
            subject_id: None,
            sex: member.sex,
            phenotype: member.phenotype,
            father: member.father,
            mother: member.mother,
            analysis_type: "unknown".to_owned(),
            capture_kits: Vec::new(),
            tissue_type: None,
            settings: BTreeMap::new(),
        })
        .collect();
    if let Err((key, reason)) = check_family(&individuals) {
        bail!("{}: {key}: {reason}", ped.display());
    }
    page_order(&mut individuals);
    Ok(CaseConfig {
        source: ped.display().to_string(),
        owner,
        name: name.parse()?,
        family,
        build,
        track: cases::Track::Rare,
        status: None,
        individuals,
        panels: arguments.panel.clone(),
        default_panels: arguments.panel.clone(),
        snv_files: Vec::new(),
        threshold: cases::DEFAULT_THRESHOLD,
        not_assessed: Vec::new(),
        collaborators: Vec::new(),
        synopsis: None,
        cohorts: Vec::new(),
        phenotype_terms: Vec::new(),
        phenotype_groups: Vec::new(),
        lims_id: None,
        analysis_date: None,
        rank_model_version: None,
        paths: BTreeMap::new(),
        settings: BTreeMap::new(),
        notes: Vec::new(),
    })
}

/// Files and the threshold given on the command line win over the configuration's; the owner never does.
fn override_files(config: &mut CaseConfig, arguments: &LoadCase) -> anyhow::Result<()> {
    for (key, file) in [("vcf_snv_mt", &arguments.vcf_snv_mt), ("vcf_snv", &arguments.vcf_snv)] {
        let Some(file) = file else { continue };
        if !file.is_file() {
            bail!("--{}: {} does not exist", key.replace('_', "-"), file.display());
        }
        let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        config.paths.insert(key.to_owned(), path.display().to_string());
    }
    config.snv_files =
        ["vcf_snv_mt", "vcf_snv"].iter().filter_map(|key| config.paths.get(*key)).map(PathBuf::from).collect();
    if let Some(threshold) = arguments.rank_score_threshold {
        config.threshold = threshold;
    }
    if let (Some(owner), true) = (&arguments.owner, arguments.ped.is_none())
        && *owner != config.owner
    {
        bail!("--owner {owner} is not the owner in {} ({})", config.source, config.owner);
    }
    Ok(())
}

/// What the command line says about a panel in place of its file.
pub(super) struct PanelOverrides {
    pub institute: Option<InstituteId>,
    pub name: Option<String>,
    pub version: Option<String>,
}

/// `lodestone load panel`
pub(super) async fn panel(
    app: &AppState,
    scope: &SystemScope,
    file: &Path,
    given: PanelOverrides,
) -> anyhow::Result<()> {
    let path = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| path.clone())?;
    let genes = app.genes.names().await?;
    if genes.is_empty() {
        bail!("the gene reference is empty: run `lodestone load reference DIR` first");
    }
    let read = panels::parse(&bytes, &path, &genes)?;
    let said = |given: Option<String>, key: &str, option: &str| {
        given
            .or_else(|| read.metadata.get(key).cloned())
            .filter(|text| !text.is_empty())
            .with_context(|| format!("{path}: there is no line ##{key}=…; add it or give {option}"))
    };
    let name = said(given.name, "panel_id", "--name")?;
    let version = said(given.version, "version", "--panel-version")?;
    if version.split('.').any(|part| part.parse::<u32>().is_err()) {
        bail!("{path}: version `{version}` is not made of numbers and points, such as 1.0");
    }
    let institute = match given.institute {
        Some(institute) => institute,
        None => said(None, "institute", "--institute")?.parse()?,
    };
    if app.institutes.find(&institute).await?.is_none() {
        bail!("institute `{institute}` does not exist; add it with `lodestone institute add {institute} --name …`");
    }
    let panel = Panel {
        id: Panel::id_of(&name, &version),
        display_name: read.metadata.get("display_name").cloned().unwrap_or_else(|| name.clone()),
        description: read.metadata.get("description").cloned(),
        date: read.metadata.get("date").cloned(),
        institute,
        genes: read.genes,
        created_at: app.clock.now(),
        name,
        version,
    };
    for note in &read.notes {
        eprintln!("note: {path}, {note}");
    }
    scope.note("panel", &panel.name, Some(&panel.institute));
    match app.panels.add(scope, &panel).await {
        Ok(()) => {
            println!("loaded panel {} version {} with {} genes", panel.name, panel.version, panel.genes.len());
            Ok(())
        }
        Err(StoreError::Exists(_)) => {
            let stored = app.panels.find(&panel.name, &panel.version).await?;
            if stored.is_some_and(|stored| stored.genes == panel.genes) {
                println!("already loaded; nothing was changed");
                Ok(())
            } else {
                bail!(
                    "panel {} version {} exists with other genes; give the panel a new version",
                    panel.name,
                    panel.version
                )
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// `lodestone load reference`
pub(super) async fn reference(app: &AppState, scope: &SystemScope, dir: &Path) -> anyhow::Result<()> {
    let imported = import::import(scope, &app.genes, dir).await?;
    for line in &imported.files {
        println!("{line}");
    }
    println!("stored {} genes and {} transcripts", imported.genes, imported.transcripts);
    let (changed, wrong) = Box::pin(consent::refresh(app, scope)).await?;
    if changed > 0 {
        println!("{changed} cases follow the new list of secondary findings");
    }
    if !wrong.is_empty() {
        bail!(
            "these cases follow it, but their counts could not be brought in line; load them again: {}",
            wrong.join("; ")
        );
    }
    Ok(())
}
