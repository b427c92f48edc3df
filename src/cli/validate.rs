//! `lodestone validate`: the files of a case, read once more by another reader, against what pages and API show.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::SystemScope;
use crate::api;
use crate::app::AppState;
use crate::cases::{Case, CaseList, LeftOut, ListKind, LoadReport};
use crate::ids::VariantId;
use crate::validate::{
    Comparison, IndependentVcf, LeftOutCounts, ListFiles, ListRule, Report, ShownBy, ShownSample, ShownVariant, digest,
    expected_order, read,
};
use crate::variants::search::{Search, whole_list};
use crate::variants::{Category, read_back};

/// Rows whose documents are read at once, as a page of the API.
const ROWS: usize = 500;

/// Everything that was compared.
#[derive(Debug, Serialize)]
struct Validation {
    program_version: &'static str,
    institute: String,
    case: String,
    list: String,
    revision: u32,
    /// Variants in the list.
    total: u32,
    threshold: f64,
    /// Alleles of the files that are not shown, by the reason that the files give.
    left_out: LeftOutJson,
    /// One for each file.
    files: Vec<Report>,
    load_report: Comparison,
    passed: bool,
}

#[derive(Debug, Serialize)]
struct LeftOutJson {
    rank_at_or_below_threshold: usize,
    duplicate_record: usize,
    unreadable: usize,
}

/// `lodestone validate`
pub(super) async fn validate(app: &AppState, scope: &SystemScope, case: &Case, json: bool) -> anyhow::Result<()> {
    let list = case
        .list(Category::Snv.as_str(), ListKind::Clinical)
        .with_context(|| format!("case {} of {} has no list of small variants", case.name, case.institute))?;
    let paths: Vec<PathBuf> = case.files.small_variants(ListKind::Clinical).collect();
    if paths.is_empty() {
        bail!("case {} of {} does not say which file its variants came from; load it again", case.name, case.institute);
    }
    let mut digests = Vec::with_capacity(paths.len());
    let mut files = Vec::with_capacity(paths.len());
    for path in &paths {
        let (digest, file) = read_once_more(path.clone()).await?;
        digests.push(digest);
        files.push(file.without_samples(&list.report.ignored_columns));
    }
    let found = whole_list(app, scope, case).await?;
    let validation = compare(
        case,
        list,
        &Files { paths: &paths, digests: &digests, read: files },
        &[
            (ShownBy::Api, people_of_the_api(case)?, shown_by_api(app, scope, case, list, &found).await?),
            (ShownBy::PageView, people_of_the_page(case), shown_by_page(case, &found)?),
        ],
    );
    print!("{}", if json { format!("{:#}\n", serde_json::json!(validation)) } else { words(&validation) });
    if validation.passed {
        return Ok(());
    }
    let differences = validation.files.iter().flat_map(|file| &file.comparisons).chain([&validation.load_report]);
    let differences: usize = differences.map(|comparison| comparison.differences.len()).sum();
    bail!(
        "what is shown of case {} of {} is not what its files say: {differences} differences",
        case.name,
        case.institute
    )
}

async fn read_once_more(path: PathBuf) -> anyhow::Result<(String, IndependentVcf)> {
    let shown = path.display().to_string();
    let both = tokio::task::spawn_blocking(move || Ok::<_, crate::validate::ReadError>((digest(&path)?, read(&path)?)));
    both.await?.with_context(|| format!("reading {shown} once more"))
}

/// What every answer of the API says: its own conversion, as JSON, read back.
async fn shown_by_api(
    app: &AppState,
    scope: &SystemScope,
    case: &Case,
    list: &CaseList,
    found: &Search,
) -> anyhow::Result<Vec<ShownVariant>> {
    let mut shown = Vec::with_capacity(found.total());
    for rows in found.rows.chunks(ROWS) {
        let ids: Vec<VariantId> = rows.iter().map(|row| found.columns.row(*row).id()).collect();
        let documents = app.variants.of_list_for_command(scope, &case.id, list.revision, &ids).await?;
        let answer = serde_json::to_value(api::variants_json(case, found, rows, &documents))?;
        for variant in answer.as_array().into_iter().flatten() {
            shown.push(ShownVariant::from_api(variant)?);
        }
    }
    Ok(shown)
}

fn people_of_the_api(case: &Case) -> anyhow::Result<Vec<ShownSample>> {
    let mut people = ShownSample::all_from_api(&serde_json::to_value(api::CaseJson::from(case))?)?;
    // Samples of RNA alone are people of the case without a column in these files.
    people.retain(|person| {
        case.individuals
            .iter()
            .any(|individual| individual.individual_id == person.individual_id && individual.has_dna())
    });
    Ok(people)
}

fn shown_by_page(case: &Case, found: &Search) -> anyhow::Result<Vec<ShownVariant>> {
    found.rows.iter().map(|row| Ok(read_back(case, found, *row)?)).collect()
}

fn people_of_the_page(case: &Case) -> Vec<ShownSample> {
    let people = case.individuals.iter().filter(|individual| individual.has_dna());
    people
        .map(|individual| ShownSample {
            individual_id: individual.individual_id.clone(),
            name: individual.name.clone(),
        })
        .collect()
}

struct Files<'a> {
    paths: &'a [PathBuf],
    digests: &'a [String],
    read: Vec<IndependentVcf>,
}

/// Pure: everything was read.
fn compare(
    case: &Case,
    list: &CaseList,
    of: &Files<'_>,
    shown_by: &[(ShownBy, Vec<ShownSample>, Vec<ShownVariant>)],
) -> Validation {
    let phenotypes: Vec<(&str, &str)> = case
        .individuals
        .iter()
        .filter(|individual| individual.has_dna())
        .map(|individual| (individual.individual_id.as_str(), individual.phenotype.as_str()))
        .collect();
    let order = expected_order(&phenotypes);
    let rule = ListRule {
        threshold: list.threshold,
        family: case.family.clone(),
        name: case.name.to_string(),
        unreadable_lines: unreadable_lines(&list.report),
    };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut reports: Vec<Report> = of
        .read
        .iter()
        .zip(of.paths)
        .zip(of.digests)
        .map(|((file, path), digest)| Report::new(case.name.as_str(), &name(path), digest, file))
        .collect();
    let mut left_out = LeftOutCounts::default();
    let mut differences = Vec::new();
    for (source, people, shown) in shown_by {
        let files = ListFiles::new(of.read.clone(), shown.clone(), &rule);
        for (report, (file, shown)) in reports.iter_mut().zip(&files.files) {
            report.add(file, shown, people, &order, *source);
        }
        left_out = files.left_out;
        for difference in left_out.differences(reported(&list.report)) {
            if !differences.contains(&difference) {
                differences.push(difference);
            }
        }
    }
    let load_report =
        Comparison { shown_by: ShownBy::LoadReport, variants: list.total as usize, values: 3, differences };
    Validation {
        program_version: env!("CARGO_PKG_VERSION"),
        institute: case.institute.to_string(),
        case: case.name.to_string(),
        list: format!("{} {}", list.list.as_str(), list.category),
        revision: list.revision,
        total: list.total,
        threshold: list.threshold,
        left_out: LeftOutJson {
            rank_at_or_below_threshold: left_out.for_rank,
            duplicate_record: left_out.duplicates,
            unreadable: left_out.unreadable,
        },
        passed: load_report.differences.is_empty() && reports.iter().all(Report::passed),
        files: reports,
        load_report,
    }
}

fn reported(report: &LoadReport) -> LeftOutCounts {
    let count = |reason| report.left_out.get(&reason).map_or(0, |count| usize::try_from(*count).unwrap_or(usize::MAX));
    LeftOutCounts {
        for_rank: count(LeftOut::RankAtOrBelowThreshold),
        duplicates: count(LeftOut::DuplicateRecord),
        unreadable: count(LeftOut::Unreadable),
    }
}

/// Lines that the load report names, when it says that some could not be read; else none excuses anything.
fn unreadable_lines(report: &LoadReport) -> BTreeSet<usize> {
    if !report.left_out.contains_key(&LeftOut::Unreadable) {
        return BTreeSet::new();
    }
    let line = |fault: &String| fault.strip_prefix("line ")?.split(',').next()?.parse().ok();
    report.first_faults.iter().filter_map(line).collect()
}

fn words(validation: &Validation) -> String {
    let mut text = String::new();
    for report in &validation.files {
        text.push_str(&report.to_text());
    }
    let load = &validation.load_report;
    let left_out = &validation.left_out;
    let _ = writeln!(
        text,
        "list {} revision {}: {} variants; not shown {} with rank at or below {}, {} duplicate records, {} unreadable\n\
         load report: {} differences",
        validation.list,
        validation.revision,
        validation.total,
        left_out.rank_at_or_below_threshold,
        validation.threshold,
        left_out.duplicate_record,
        left_out.unreadable,
        load.differences.len(),
    );
    for difference in &load.differences {
        let _ = writeln!(text, "  {difference}");
    }
    text.push_str(
        "API: the JSON of every answer. Page view: the words that the list's template is given, read back; HTML is not parsed.\n",
    );
    text.push_str(if validation.passed {
        "What is shown is what the files say\n"
    } else {
        "What is shown is NOT what the files say\n"
    });
    text
}
