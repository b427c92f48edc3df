//! Which genes of a case are of the list of secondary findings and of no ordered panel.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::withheld::Withheld;
use crate::app::AppState;
use crate::cases::{Case, CaseList, CasePanel};
use crate::cli::SystemScope;
use crate::db::{StoreError, unless_conflict};

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

/// The lists of a case with what of each lies outside consent counted anew.
pub(super) async fn counted(app: &AppState, case: &Case) -> Result<Vec<CaseList>, StoreError> {
    let mut lists = case.lists.clone();
    for list in &mut lists {
        list.outside = app.columns.count_outside(case, list).await?;
    }
    Ok(lists)
}

/// Tries when others change a case at the same time.
const TRIES: usize = 8;

/// Brings all cases in line with the reference's list of secondary findings; how many changed.
pub(crate) async fn refresh(app: &AppState, scope: &SystemScope) -> Result<usize, StoreError> {
    let mut changed = 0;
    for id in app.cases.ids(scope).await? {
        for attempt in 1.. {
            // Whoever deleted it meanwhile was faster.
            let Some(read) = app.cases.by_id(scope, &id).await? else { break };
            let secondary = secondary_genes(app, &read.panels).await?;
            if secondary == read.secondary {
                break;
            }
            let mut after = Case { secondary, ..read.clone() };
            after.lists = counted(app, &after).await?;
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
    Ok(changed)
}
