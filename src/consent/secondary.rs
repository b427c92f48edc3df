//! Which genes of a case are of the list of secondary findings and of no ordered panel.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::withheld::Withheld;
use crate::app::AppState;
use crate::cases::{Case, CasePanel, ListKind};
use crate::cli::SystemScope;
use crate::db::{StoreError, unless_conflict};
use crate::ids::VariantId;
use crate::variants::columns::Columns;

/// A gene of the list of secondary findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedGene {
    /// HGNC number.
    pub hgnc_id: u32,
    /// Approved symbol.
    pub symbol: String,
}

/// Genes of a list of secondary findings that no panel holds with which a case was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondaryGenes {
    /// Name and version, e.g. `ACMG SF v3.2`.
    pub list: String,
    /// By number.
    pub genes: Vec<ListedGene>,
}

impl Case {
    /// What lies outside consent, in words, whether or not there is anything; none when nothing is closed.
    #[must_use]
    pub fn closed(&self) -> Option<String> {
        let (secondary, withheld) = (self.secondary.as_ref()?, self.withheld());
        let concerned = self.individuals.iter().filter(|one| withheld.concerns(&one.individual_id));
        let names: Vec<&str> = concerned.map(|one| one.name.as_str()).collect();
        let words = || format!("genes of {} that were not ordered, in {}", secondary.list, names.join(", "));
        (!names.is_empty()).then(words)
    }

    /// What of its lists stays closed, as things stand: the genes of secondary findings in everybody sequenced who does not
    /// allow to be told of those.
    #[must_use]
    pub fn withheld(&self) -> Withheld {
        let Some(secondary) = &self.secondary else { return Withheld::default() };
        let closed = |id: &&str| !self.consents.allow(id, super::Purpose::SecondaryFindings);
        let sequenced = self.individuals.iter().filter(|individual| individual.has_dna());
        Withheld::new(&secondary.genes, sequenced.map(|individual| individual.individual_id.as_str()).filter(closed))
    }
}

/// The genes of the reference's list of secondary findings that none of these panels holds as an ordered one; none when no
/// such list is loaded.
pub(crate) async fn secondary_genes(
    app: &AppState,
    panels: &[CasePanel],
) -> Result<Option<SecondaryGenes>, StoreError> {
    let Some(mut secondary) = app.genes.secondary_findings().await? else { return Ok(None) };
    let mut ordered = HashSet::new();
    for panel in panels.iter().filter(|panel| panel.default) {
        let found = app.panels.find(&panel.name, &panel.version).await?;
        ordered.extend(found.into_iter().flat_map(|panel| panel.genes).map(|gene| gene.hgnc_id));
    }
    secondary.genes.retain(|gene| !ordered.contains(&gene.hgnc_id));
    Ok(Some(secondary))
}

/// A case with what lies outside its consent counted anew, and what of that people decided about or commented on.
pub(crate) async fn counted(app: &AppState, case: Case) -> Result<Case, StoreError> {
    counted_with(app, case, None).await
}

/// The same for a load: `new` are the columns of the list that it read, and that nobody else can read yet.
pub(crate) async fn counted_with(
    app: &AppState,
    case: Case,
    new: Option<(ListKind, &Columns)>,
) -> Result<Case, StoreError> {
    let mut lists = case.lists.clone();
    let mut columns = Vec::new();
    for list in &mut lists {
        let within = match new.filter(|(kind, _)| *kind == list.list) {
            Some((_, new)) => Arc::new(new.within(&case.withheld())),
            None => app.columns.within(&case, list).await?,
        };
        list.outside = within.count_outside();
        columns.push(within);
    }
    let kept_out = kept_out(app, &case, &columns.iter().map(AsRef::as_ref).collect::<Vec<_>>()).await?;
    Ok(Case { lists, kept_out, ..case })
}

/// Variants that people decided about or commented on, and of which nothing is to be told: those that the present lists hold
/// outside consent, those that no list holds any more and that lay in closed genes alone, and those of closed research lists.
async fn kept_out(app: &AppState, case: &Case, lists: &[&Columns]) -> Result<Vec<VariantId>, StoreError> {
    let withheld = case.withheld();
    // Nobody decided about what was never open.
    let is_closed_again = case.research.is_none() && case.research_rev > 0;
    if withheld.is_nothing() && !is_closed_again {
        return Ok(Vec::new());
    }
    let (states, commented) = tokio::try_join!(app.states.all(&case.id), app.comments.commented(&case.id))?;
    let of_research = |id: &VariantId| {
        states.get(id).is_some_and(|state| state.list() == ListKind::Research)
            || commented.get(id).is_some_and(|list| *list == ListKind::Research)
    };
    let was_closed = |id: &VariantId| {
        let facts = states.get(id).and_then(|state| state.facts.as_ref());
        let is_closed = |symbol: &String| withheld.has_gene(None, symbol);
        facts.is_some_and(|facts| !facts.genes.is_empty() && facts.genes.iter().all(is_closed))
    };
    let mut ids: Vec<VariantId> = states.keys().chain(commented.keys()).cloned().collect();
    ids.retain(|id| {
        if is_closed_again && of_research(id) {
            return true;
        }
        let is_told = lists.iter().any(|columns| columns.find(id).is_some());
        !is_told && (lists.iter().any(|columns| columns.is_outside(id)) || was_closed(id))
    });
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Tries when others change a case at the same time.
const TRIES: usize = 8;

/// Brings all cases in line with the reference's list of secondary findings; how many changed, and what is wrong with those
/// whose lists could not be looked through: they follow too, only their counts are those of before.
pub(crate) async fn refresh(app: &AppState, scope: &SystemScope) -> Result<(usize, Vec<String>), StoreError> {
    let (mut changed, mut wrong) = (0, Vec::new());
    for id in app.cases.ids(scope).await? {
        for attempt in 1.. {
            // Whoever deleted it meanwhile was faster.
            let Some(read) = app.cases.by_id(scope, &id).await? else { break };
            let secondary = secondary_genes(app, &read.panels).await?;
            if secondary == read.secondary {
                break;
            }
            let after = Case { secondary, ..read.clone() };
            let after = match counted(app, after.clone()).await {
                Ok(counted) => counted,
                Err(error) => {
                    wrong.push(format!("case {} of {}: {error}", read.name, read.institute));
                    after
                }
            };
            let mut transaction = app.db.begin().await?;
            let written = loop {
                let work = app.cases.set_secondary(scope, &mut transaction.session, &read, &after).await;
                if let Some(written) = transaction.end(work).await {
                    break unless_conflict(written)?;
                }
            };
            if written {
                changed += 1;
                break;
            }
            if attempt == TRIES {
                return Err(StoreError::Conflict("the case"));
            }
        }
    }
    Ok((changed, wrong))
}
