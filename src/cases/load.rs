//! Loading a case: all or nothing by list revision.
//!
//! Variants are written under a revision nobody sees; one transaction then publishes the revision with the case and its
//! event. A killed load leaves the former list whole, and the next load removes what was left behind.

use std::path::PathBuf;

use bson::Bson;
use tracing::info;

use super::config::{CaseConfig, ConfigError};
use super::list_files::{NewList, ReadList, read_list, seen_in};
use super::model::{Case, CaseFiles, CaseList, CasePanel, ListKind, Status};
use super::rank_model::CaseRankModel;
use super::swap::suspected_swaps;
use super::work::CaseWork;
use crate::app::AppState;
use crate::cli::SystemScope;
use crate::consent::{counted, counted_with, secondary_genes};
use crate::db::StoreError;
use crate::decisions::{Changed, changed};
use crate::events::{Actor, Change, EventKind};
use crate::genome::{GenomeBuild, ReferenceError};
use crate::ids::{CaseId, UserId};
use crate::research::close_without_consent;
use crate::restriction::{self, Wanted};
use crate::users::{Email, Membership, User};
use crate::variants::columns::Columns;
use crate::variants::{Category, KeyForm, KeyMaker, SeenIn};
use crate::vcf::VcfError;

/// Why a case was not loaded. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The institute, a collaborator or another case stands in the way.
    #[error("{0}")]
    Refused(String),
    /// A VCF file cannot be used.
    #[error(transparent)]
    Vcf(#[from] VcfError),
    /// A file cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The configured reference sequence cannot be used.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How to load.
pub struct LoadOptions<'a> {
    /// Replace lists whose content changed.
    pub update: bool,
    /// Who alone reads the case from its first load on; one that is there is restricted by itself.
    pub restricted: Option<Wanted>,
    /// Load also when the genotypes of a sample are mostly other ones than before.
    pub accept_genotypes: bool,
    /// Who runs the command.
    pub actor: Actor,
    /// Is told how many bytes of the files have been read, of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// What a load did.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded {
    /// The case and its lists are as in the files now.
    Stored {
        /// The case as stored.
        case: Box<Case>,
        /// What was noticed and did not stop the load.
        notes: Vec<String>,
    },
    /// Exactly this was loaded before.
    AlreadyLoaded {
        /// What loading again with `--update` would change, if anything.
        notes: Vec<String>,
    },
}

/// Loads a case and its small-variant list.
pub async fn load(
    app: &AppState,
    scope: &SystemScope,
    config: CaseConfig,
    options: &LoadOptions<'_>,
) -> Result<Loaded, LoadError> {
    let mut notes = config.notes.clone();
    check_institutes(app, &config).await?;
    let known = known_case(app, scope, &config).await?;
    let files: Vec<PathBuf> = config.snv_files.clone();
    let content = content_of(&config, &files)?;
    let loaded_before = known.as_ref().and_then(|case| case.list(Category::Snv.as_str(), ListKind::Clinical));
    if let Some(case) = &known {
        if options.restricted.is_some() {
            return Err(LoadError::Refused(format!(
                "case {} of {} is there already; restrict it with `lodestone case restrict`",
                case.name, case.institute
            )));
        }
        if !options.update {
            return match loaded_before {
                Some(list) if list.content == content => {
                    finish_observations(app, scope, case, &config, list).await?;
                    Ok(Loaded::AlreadyLoaded { notes: key_notes(app, case.build, list.keys) })
                }
                None if config.snv_files.is_empty() => Ok(Loaded::AlreadyLoaded { notes: Vec::new() }),
                _ => Err(LoadError::Refused(format!(
                    "case {} of {} is there with other content; add --update to replace its lists (decisions are kept)",
                    case.name, case.institute
                ))),
            };
        }
        same_people(case, &config)?;
    }
    let mut keys = KeyMaker::new(app.config.genome.open(config.build)?);
    let known_id = known.as_ref().map(|case| &case.id);
    let reserved = app.reservations.take(scope, &config.owner, &config.family, known_id).await?;
    let mut case = assemble(app, scope, &config, known.as_ref(), reserved.case_id.clone(), &mut notes).await?;
    let restricted = restricted(app, &mut case, options).await?;
    case.drop_list(Category::Snv.as_str(), ListKind::Clinical);
    let revision = reserved.revision;
    let written = Box::pin(async {
        let mut new = ReadList::default();
        let closed = close_without_consent(&mut case)?;
        if config.snv_files.is_empty() {
            case = counted(app, case).await?;
        } else {
            let named = NewList { kind: ListKind::Clinical, files, revision, content: content.clone() };
            let (list, read) = read_list(app, scope, &case, &config, named, &mut keys, options).await?;
            case.put_list(list);
            case = counted_with(app, case, Some((ListKind::Clinical, &read.columns))).await?;
            new = read;
        }
        if let Some((known, list)) = known.as_ref().zip(loaded_before).filter(|_| !options.accept_genotypes) {
            same_samples(&*app.columns.of_list_for_command(scope, known, list).await?, &new.columns, &config.source)?;
        }
        let more: Vec<Change> = restricted.into_iter().chain(closed).collect();
        publish(app, scope, &case, known.as_ref(), &more, options).await?;
        Ok::<_, LoadError>((case, new))
    })
    .await;
    let (case, new) = match written {
        Ok(published) => published,
        Err(error) => {
            // Nothing was published; take along what was written, unless that fails too: the next load does it then.
            app.variants.discard(scope, &reserved.case_id, Category::Snv, ListKind::Clinical, revision).await?;
            app.columns.discard(scope, &reserved.case_id, revision).await?;
            return Err(error);
        }
    };
    // From here on other loads of this case that are still running cannot publish any more: what they write goes too.
    app.observations.set(scope, SeenIn::clinical(&case), &observed_as(&content, keys.form()), &new.seen).await?;
    if let Some(now) = app.cases.by_id(scope, &case.id).await? {
        app.observations.follow_consent(&now).await?;
    }
    notes.extend(decided_notes(app, scope, &case, ListKind::Clinical, revision, &new.columns).await?);
    let keep = case.list(Category::Snv.as_str(), ListKind::Clinical).map(|list| list.revision);
    app.variants.collect(scope, &case.id, Category::Snv, ListKind::Clinical, keep).await?;
    app.columns.collect(scope, &case.id, ListKind::Clinical, keep).await?;
    info!(case.id = %case.id, lists = case.lists.len(), "loaded case {}", case.id);
    Ok(Loaded::Stored { case: Box::new(case), notes })
}

async fn check_institutes(app: &AppState, config: &CaseConfig) -> Result<(), LoadError> {
    let mut wanted = config.collaborators.clone();
    wanted.push(config.owner.clone());
    let found = app.institutes.among(&wanted).await?;
    for (key, id) in
        std::iter::once(("owner", &config.owner)).chain(config.collaborators.iter().map(|id| ("collaborators", id)))
    {
        if !found.iter().any(|institute| institute.id == *id) {
            return Err(LoadError::Refused(format!(
                "{}: {key}: institute `{id}` does not exist; add it with `lodestone institute add {id} --name …`",
                config.source
            )));
        }
    }
    Ok(())
}

pub(super) async fn known_case(
    app: &AppState,
    scope: &SystemScope,
    config: &CaseConfig,
) -> Result<Option<Case>, LoadError> {
    let mut found = app.cases.find_for_load(scope, &config.owner, &config.family, &config.name).await?;
    match found.len() {
        0 => Ok(None),
        1 if found[0].family == config.family && found[0].name == config.name => Ok(found.pop()),
        _ => Err(LoadError::Refused(format!(
            "{}: family `{}` and name `{}` belong to different cases of {}; a family keeps its name",
            config.source, config.family, config.name, config.owner
        ))),
    }
}

/// An update is about the same people, or it is another case.
pub(super) fn same_people(case: &Case, config: &CaseConfig) -> Result<(), LoadError> {
    let people = |individuals: &[super::Individual]| {
        let mut people: Vec<_> = individuals
            .iter()
            .map(|individual| (individual.individual_id.clone(), individual.name.clone(), individual.phenotype))
            .collect();
        people.sort();
        people
    };
    let (stored, given) = (people(&case.individuals), people(&config.individuals));
    if stored == given && case.build == config.build {
        return Ok(());
    }
    let words = |people: &[(String, String, super::Phenotype)]| {
        people.iter().map(|(id, _, phenotype)| format!("{id} {}", phenotype.as_str())).collect::<Vec<_>>().join(", ")
    };
    Err(LoadError::Refused(format!(
        "{}: an update must be about the same individuals on the same build: stored {} on {}, given {} on {}",
        config.source,
        words(&stored),
        case.build.name(),
        words(&given),
        config.build.name()
    )))
}

/// The samples of an update are those of the list that it takes the place of, as far as genotypes tell.
pub(super) fn same_samples(former: &Columns, new: &Columns, source: &str) -> Result<(), LoadError> {
    let swaps = suspected_swaps(former, new);
    if swaps.is_empty() {
        return Ok(());
    }
    Err(LoadError::Refused(format!(
        "{source}: samples may be swapped: {}, compared with what is loaded. Nothing was changed. Look at the files; if they \
         are right, repeat with --accept-genotypes",
        swaps.join("; ")
    )))
}

/// Variants named in one note.
const NAMED: usize = 20;

/// What people decided about and what is another one now.
pub(super) async fn decided_notes(
    app: &AppState,
    scope: &SystemScope,
    case: &Case,
    list: ListKind,
    revision: u32,
    columns: &Columns,
) -> Result<Vec<String>, LoadError> {
    let states = app.states.of_case_for_command(scope, &case.id).await?;
    let (gone, other): (Vec<_>, Vec<_>) =
        changed(&states, list, revision, columns).into_iter().partition(|changed| !changed.is_held);
    let told = |what: &str, found: &[Changed]| {
        let named: Vec<String> = found.iter().take(NAMED).map(Changed::in_words).collect();
        let more = if found.len() > NAMED { format!("; and {} more", found.len() - NAMED) } else { String::new() };
        let count = found.len();
        (count > 0).then(|| format!("{count} decided {what}: {}{more}", named.join("; ")))
    };
    Ok(told("and not in the list any more", &gone)
        .into_iter()
        .chain(told("and other ones now, to be looked at again", &other))
        .collect())
}

/// BLAKE3 over the bytes of the files and the settings that decide what is stored.
pub(super) fn content_of(config: &CaseConfig, files: &[PathBuf]) -> Result<String, LoadError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{}|{}|{}|{}", config.build, config.family, config.name, config.threshold).as_bytes());
    for individual in &config.individuals {
        hasher.update(
            format!("|{}|{}|{}", individual.individual_id, individual.sex.as_str(), individual.phenotype.as_str())
                .as_bytes(),
        );
    }
    for path in files {
        let failed =
            |error: std::io::Error| LoadError::File { path: path.display().to_string(), reason: error.to_string() };
        hasher.update_reader(std::fs::File::open(path).map_err(failed)?).map_err(failed)?;
    }
    Ok(crate::ids::base32(&hasher.finalize().as_bytes()[..16]))
}

async fn assemble(
    app: &AppState,
    scope: &SystemScope,
    config: &CaseConfig,
    known: Option<&Case>,
    id: CaseId,
    notes: &mut Vec<String>,
) -> Result<Case, LoadError> {
    let now = app.clock.now();
    let panels = app.panels.latest(&config.panels).await?;
    for name in config.panels.iter().filter(|name| !panels.iter().any(|panel| panel.name == **name)) {
        notes.push(format!(
            "panel `{name}` is not loaded; the case is stored without it, and its genes do not count as ordered"
        ));
    }
    let panels: Vec<CasePanel> = panels
        .into_iter()
        .map(|panel| CasePanel {
            default: config.default_panels.contains(&panel.name),
            genes: u32::try_from(panel.genes.len()).unwrap_or(u32::MAX),
            name: panel.name,
            display_name: panel.display_name,
            version: panel.version,
        })
        .collect();
    let assignees = match known {
        Some(case) => case.assignees.clone(),
        None => named_assignee(app, config, notes).await?,
    };
    let status = match known.map(|case| case.status) {
        // A reload is news: what was being read or put away is to be opened again.
        Some(Status::Active | Status::Archived) => Status::Inactive,
        Some(status) => status,
        None => config.status.unwrap_or(Status::Inactive),
    };
    // What a person wrote or set stays.
    let (mut synopsis, mut cohorts) = (config.synopsis.clone(), config.cohorts.clone());
    if let Some(known) = known {
        if app.events.people_did(scope, &known.id, EventKind::SynopsisWritten).await? {
            synopsis.clone_from(&known.synopsis);
        }
        if app.events.people_did(scope, &known.id, EventKind::CohortsSet).await? {
            cohorts.clone_from(&known.cohorts);
        }
    }
    let secondary = secondary_genes(app, &panels).await?;
    let mut case = Case {
        id,
        institute: config.owner.clone(),
        family: config.family.clone(),
        name: config.name.clone(),
        build: config.build,
        track: config.track,
        status,
        individuals: config.individuals.clone(),
        panels,
        lists: known.map(|case| case.lists.clone()).unwrap_or_default(),
        closed_lists: known.map(|case| case.closed_lists.clone()).unwrap_or_default(),
        research: known.and_then(|case| case.research.clone()),
        research_rev: known.map_or(0, |case| case.research_rev),
        not_assessed: config.not_assessed.clone(),
        files: CaseFiles {
            paths: config.paths.clone(),
            research: known.map(|case| case.files.research.clone()).unwrap_or_default(),
            settings: config.settings.clone(),
        },
        assignees,
        phenotype_terms: config.phenotype_terms.clone(),
        phenotype_groups: config.phenotype_groups.clone(),
        tags: known.map(|case| case.tags.clone()).unwrap_or_default(),
        cohorts,
        groups: known.map(|case| case.groups.clone()).unwrap_or_default(),
        synopsis,
        lims_id: config.lims_id.clone(),
        analysis_date: config.analysis_date,
        rank_model_version: config.rank_model_version.clone(),
        rank_model: None,
        secondary,
        consents: known.map(|case| case.consents.clone()).unwrap_or_default(),
        kept_out: Vec::new(),
        share_proposals: config.collaborators.clone(),
        shares: known.map(|case| case.shares.clone()).unwrap_or_default(),
        restriction: known.and_then(|case| case.restriction.clone()),
        restriction_rev: known.map_or(0, |case| case.restriction_rev),
        emergencies: known.map(|case| case.emergencies.clone()).unwrap_or_default(),
        search: Vec::new(),
        decisions_rev: known.map_or(0, |case| case.decisions_rev),
        work_rev: known.map_or(0, |case| case.work_rev),
        listed_rev: 0,
        created_at: known.map_or(now, |case| case.created_at),
        updated_at: now,
        rev: known.map_or(1, |case| case.rev + 1),
    };
    if known.is_some_and(|known| CaseWork::of(known) != CaseWork::of(&case)) {
        case.work_rev += 1;
    }
    case.rank_model = case.files.rank_model().map(CaseRankModel::read);
    notes.extend(case.rank_model.iter().flat_map(|model| model.notes.iter().cloned()));
    case.search = case.search_words();
    Ok(case)
}

/// Restricts a case that is loaded for the first time, so that there is no moment at which others read it.
async fn restricted(app: &AppState, case: &mut Case, options: &LoadOptions<'_>) -> Result<Option<Change>, LoadError> {
    let Some(wanted) = &options.restricted else { return Ok(None) };
    let readers = app.users.readers(&case.institute).await?;
    let change = restriction::first(case, wanted, &readers, (&options.actor, app.clock.now()));
    change.map(Some).map_err(|why| LoadError::Refused(format!("--restrict-to: {why}")))
}

/// The person that a first load hands the case to; later it is people who decide.
async fn named_assignee(
    app: &AppState,
    config: &CaseConfig,
    notes: &mut Vec<String>,
) -> Result<Vec<UserId>, LoadError> {
    let Some(name) = config.assignee() else { return Ok(Vec::new()) };
    let user = match name.parse::<Email>() {
        Ok(email) => app.users.by_email(&email).await?,
        Err(_) => None,
    };
    let reads = |user: &User| {
        let here = |held: &Membership| held.institute == config.owner && held.role.reads_cases();
        !user.disabled && user.memberships.iter().any(here)
    };
    if let Some(user) = user.filter(reads) {
        return Ok(vec![user.id]);
    }
    notes.push(format!(
        "assignee `{name}` is not the address of somebody who reads cases of {}; nobody is assigned",
        config.owner
    ));
    Ok(Vec::new())
}

/// The name under which a list's observations are recorded: keys made in another way are other observations.
fn observed_as(content: &str, keys: KeyForm) -> String {
    match keys {
        KeyForm::Trimmed => content.to_owned(),
        KeyForm::LeftAligned => format!("aligned-{content}"),
    }
}

/// What to say when a list's keys were made in another way than they would be now.
pub(super) fn key_notes(app: &AppState, build: GenomeBuild, keys: KeyForm) -> Vec<String> {
    match (keys, app.config.genome.reference(build)) {
        (KeyForm::Trimmed, Some(_)) => vec![
            "its indels were not left-aligned, because no reference sequence was configured then; add --update to count \
             them together with those of other cases wherever a repeat lets them be written"
                .to_owned(),
        ],
        (KeyForm::LeftAligned, None) => vec![format!(
            "its indels were left-aligned by a reference sequence that is not configured any more; set \
             genome.reference_{build} again, or add --update"
        )],
        _ => Vec::new(),
    }
}

/// One transaction: the case with its new lists, its event, and those of what else changes with it.
pub(super) async fn publish(
    app: &AppState,
    scope: &SystemScope,
    case: &Case,
    known: Option<&Case>,
    more: &[Change],
    options: &LoadOptions<'_>,
) -> Result<(), LoadError> {
    app.cases.prepare().await?;
    app.events.prepare().await?;
    let change = Change {
        subject: format!("case/{}", case.id),
        rev: case.rev,
        kind: if known.is_some() { EventKind::ListReplaced } else { EventKind::CaseLoaded },
        institute: Some(case.institute.clone()),
        case_id: Some(case.id.clone()),
        before: known.map_or(Bson::Null, lists_of),
        after: lists_of(case),
    };
    let moved = known.filter(|known| known.work_rev != case.work_rev).map(|known| {
        let kind = if known.status != case.status {
            EventKind::StatusSet
        } else if known.synopsis != case.synopsis {
            EventKind::SynopsisWritten
        } else {
            EventKind::CohortsSet
        };
        CaseWork::of(case).change(known, kind)
    });
    let moved = moved.transpose()?;
    let mut transaction = app.db.begin().await?;
    let published = loop {
        let work = async {
            app.cases.publish(scope, &mut transaction.session, case, known.map(|case| case.rev)).await?;
            for change in moved.iter().chain(more) {
                app.events.append(&mut transaction.session, change, &options.actor, app.clock.now()).await?;
            }
            app.events.append(&mut transaction.session, &change, &options.actor, app.clock.now()).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            break written;
        }
    };
    published.map_err(|error| match error {
        StoreError::Conflict(_) | StoreError::Exists(_) => LoadError::Refused(format!(
            "case {} was changed by somebody else during the load; nothing was published. Load it again",
            case.name
        )),
        other => other.into(),
    })
}

/// What the history keeps of a case's lists.
fn lists_of(case: &Case) -> Bson {
    let lists: Vec<Bson> = case
        .all_lists()
        .map(|list| {
            bson::doc! {
                "category": &list.category,
                "list": list.list.as_str(),
                "revision": i64::from(list.revision),
                "total": i64::from(list.total),
                "threshold": list.threshold,
                "content": &list.content,
            }
            .into()
        })
        .collect();
    Bson::Array(lists)
}

/// A load that was killed after publishing may have left observations uncounted; the same content counts them now.
async fn finish_observations(
    app: &AppState,
    scope: &SystemScope,
    case: &Case,
    config: &CaseConfig,
    list: &CaseList,
) -> Result<(), LoadError> {
    app.observations.follow_consent(case).await?;
    let content = observed_as(&list.content, list.keys);
    let of = SeenIn::clinical(case);
    if app.observations.is_complete(scope, of, &content).await? {
        return Ok(());
    }
    let reference = match list.keys {
        KeyForm::Trimmed => None,
        KeyForm::LeftAligned => Some(app.config.genome.open(case.build)?.ok_or_else(|| {
            LoadError::Refused(format!(
                "case {} was left uncounted by a load that was ended, and its keys need the reference sequence: set \
                 genome.reference_{} as it was, or add --update",
                case.name, case.build
            ))
        })?),
    };
    let seen = seen_in(case, &config.snv_files, &mut KeyMaker::new(reference))?;
    app.observations.set(scope, of, &content, &seen).await?;
    Ok(())
}
