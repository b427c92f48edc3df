//! Loading the research list of a case that is there: read whether or not somebody opened it, shown once somebody did.

use std::path::PathBuf;

use tracing::info;

use super::config::CaseConfig;
use super::list_files::{NewList, ReadList, read_list};
use super::load::{
    LoadError, LoadOptions, Loaded, content_of, decided_notes, key_notes, known_case, publish, same_people,
    same_samples,
};
use super::model::{Case, ListKind};
use crate::app::AppState;
use crate::cli::SystemScope;
use crate::consent::counted_with;
use crate::research::close_without_consent;
use crate::variants::{Category, KeyMaker};

/// Which list.
const CATEGORY: Category = Category::Snv;
const KIND: ListKind = ListKind::Research;

/// Loads the research list of small variants of a case, from the files that its configuration names
/// (`vcf_snv_research`, `vcf_snv_research_mt`). Nothing else of the case changes, and it counts in no local frequency.
pub async fn load_research(
    app: &AppState,
    scope: &SystemScope,
    config: CaseConfig,
    options: &LoadOptions<'_>,
) -> Result<Loaded, LoadError> {
    let files: Vec<PathBuf> =
        KIND.small_variants().iter().filter_map(|key| config.paths.get(*key)).map(PathBuf::from).collect();
    if files.is_empty() {
        return Err(LoadError::Refused(format!(
            "{}: no research list of small variants is named; give it as `vcf_snv_research` or `vcf_snv_research_mt`",
            config.source
        )));
    }
    let Some(known) = known_case(app, scope, &config).await? else {
        return Err(LoadError::Refused(format!(
            "case {} of {} is not loaded yet; load it with `lodestone load case` first",
            config.name, config.owner
        )));
    };
    same_people(&known, &config)?;
    let content = content_of(&config, &files)?;
    let former = known.loaded_list(CATEGORY.as_str(), KIND);
    match former {
        Some(list) if !options.update && list.content == content => {
            return Ok(Loaded::AlreadyLoaded { notes: key_notes(app, known.build, list.keys) });
        }
        Some(_) if !options.update => {
            return Err(LoadError::Refused(format!(
                "case {} of {} has a research list of other content; add --update to replace it (decisions are kept)",
                known.name, known.institute
            )));
        }
        _ => {}
    }
    let mut keys = KeyMaker::new(app.config.genome.open(config.build)?);
    let reserved = app.reservations.take(scope, &config.owner, &config.family, Some(&known.id)).await?;
    let mut case = Case { rev: known.rev + 1, updated_at: app.clock.now(), ..known.clone() };
    let named = |key: &&str| Some(((*key).to_owned(), config.paths.get(*key)?.clone()));
    case.files.research = KIND.small_variants().iter().filter_map(named).collect();
    let revision = reserved.revision;
    let written = Box::pin(async {
        let named = NewList { kind: KIND, files, revision, content };
        let (list, read) = read_list(app, scope, &case, &config, named, &mut keys, options).await?;
        // The first one is compared with the clinical list.
        let clinical = || known.loaded_list(CATEGORY.as_str(), ListKind::Clinical);
        if let Some(list) = former.or_else(clinical).filter(|_| !options.accept_genotypes) {
            let columns = app.columns.of_list_for_command(scope, &known, list).await?;
            same_samples(&columns, &read.columns, &config.source)?;
        }
        // Somebody may have become one whose sample is in the lists.
        let closed = close_without_consent(&mut case)?;
        case.put_list(list);
        let case = counted_with(app, case, Some((KIND, &read.columns))).await?;
        publish(app, scope, &case, Some(&known), closed.as_slice(), options).await?;
        Ok::<_, LoadError>((case, read))
    })
    .await;
    let (case, ReadList { columns, .. }) = match written {
        Ok(published) => published,
        Err(error) => {
            app.variants.discard(scope, &known.id, CATEGORY, KIND, revision).await?;
            app.columns.discard(scope, &known.id, revision).await?;
            return Err(error);
        }
    };
    let notes = decided_notes(app, scope, &case, KIND, revision, &columns).await?;
    app.variants.collect(scope, &case.id, CATEGORY, KIND, Some(revision)).await?;
    app.columns.collect(scope, &case.id, KIND, Some(revision)).await?;
    info!(case.id = %case.id, "loaded the research list of case {}", case.id);
    Ok(Loaded::Stored { case: Box::new(case), notes })
}
