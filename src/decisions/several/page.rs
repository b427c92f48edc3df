use askama::Template;

use super::form::Sent;
use super::plan::Plan;
use crate::cases::Case;
use crate::decisions::reasons_in_words;
use crate::variants::change;
use crate::variants::search::Search;
use crate::web::{Layout, Params, filters, urls};

/// What is about to be done to a list, for agreeing to it.
#[derive(Template)]
#[template(path = "variants/dismiss.html")]
pub(super) struct AskPage {
    layout: Layout,
    /// Whether it was agreed to, but to something else than it would be now.
    changed: bool,
    /// Whether variants are taken back instead of being dismissed.
    back: bool,
    count: usize,
    already: usize,
    reasons: String,
    /// Name, address and why of each variant that is left alone.
    left: Vec<(String, String, &'static str)>,
    action: String,
    pairs: Vec<(&'static str, String)>,
    list_url: String,
}

impl AskPage {
    pub(super) fn new(
        layout: Layout,
        case: &Case,
        params: &Params,
        found: &Search,
        plan: &Plan,
        sent: &Sent,
        seen: String,
    ) -> Self {
        let query = params.to_query();
        let named = |row: usize| {
            let row = found.columns.row(row);
            let gene = row.genes().next().map(|gene| format!("{} ", gene.symbol)).unwrap_or_default();
            let locus = format!("{}:{}", row.chromosome(), filters::thousands(u64::from(row.position())));
            let name = format!("{gene}{locus} {}", change(row.reference(), row.alternative()));
            (name, urls::variant(case, &row.id(), &query))
        };
        let left = plan.left.iter().map(|(row, why)| {
            let (name, url) = named(*row);
            (name, url, why.words())
        });
        let mut pairs = sent.pairs();
        pairs.push(("seen", seen));
        Self {
            changed: sent.seen.is_some(),
            back: sent.reasons.is_empty(),
            count: plan.rows.len(),
            already: plan.already,
            reasons: reasons_in_words(&sent.reasons),
            left: left.collect(),
            action: urls::dismiss_several(case, &query),
            list_url: urls::variants(case, &query),
            pairs,
            layout,
        }
    }

    fn many(&self) -> String {
        counted(self.count)
    }
}

fn counted(count: usize) -> String {
    let number = filters::thousands(count as u64);
    if count == 1 { format!("{number} variant") } else { format!("{number} variants") }
}
