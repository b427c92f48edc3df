//! Removing months that are older than the retention period.

use std::path::Path;

use anyhow::ensure;
use jiff::civil::Date;

use super::UpkeepStore;
use super::erase::say;
use crate::app::AppState;
use crate::audit::entry::{Entry, Head};
use crate::audit::keys::VerifierKey;
use crate::audit::removal::{Removal, kept_since, start_of};
use crate::audit::verification::verify_store;
use crate::audit::{Agent, AuditStore};

/// Heads that one entry names; more of them go into further entries.
const NAMED_AT_ONCE: usize = 1_000;

/// What a run removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// All entries recorded before this day, UTC: the first of a month.
    pub before: Date,
    /// By log: how much of its beginning.
    pub beginnings: Vec<Head>,
    /// How many entries that are, those included that an interrupted run left.
    pub entries: i64,
}

/// What can be removed: whole months, older than the retention period, of a trail that verifies.
///
/// # Errors
/// When the database fails, or when the trail is not whole: what is removed could not be examined any more.
pub async fn plan(app: &AppState, store: &UpkeepStore, folder: &Path, keys: &[VerifierKey]) -> anyhow::Result<Plan> {
    let before = kept_since(app.clock.now(), app.config.audit.retention_years).first_of_month();
    let promised = store.promised().await?;
    store.remove(&promised).await?; // by a run that was killed
    let report = verify_store(&AuditStore::new(&app.db), folder, keys, None, app.clock.now()).await?;
    ensure!(
        report.exit_code() == 0,
        "the trail is not whole, and what is removed cannot be examined later; see `lodestone audit verify`"
    );
    let mut beginnings = store.beginnings(start_of(before)).await?;
    let known =
        |head: &Head| promised.iter().filter(|old| old.log_id == head.log_id).map(|old| old.size).max().unwrap_or(0);
    beginnings.retain(|head| head.size > known(head));
    let entries = beginnings.iter().map(|head| head.size - known(head)).sum();
    Ok(Plan { before, beginnings, entries })
}

/// Says in the trail what is removed, signs that, and removes it; how many entries.
///
/// # Errors
/// When the database fails, or an entry about it could not be put under a signed checkpoint. A run that was interrupted
/// is finished by the next.
pub async fn carry_out(app: &AppState, store: &UpkeepStore, plan: &Plan, by: &Agent) -> anyhow::Result<u64> {
    let mut removed = 0;
    let years = app.config.audit.retention_years;
    for some in plan.beginnings.chunks(NAMED_AT_ONCE) {
        let removal = Removal {
            erased: Vec::new(),
            pruned: some.to_vec(),
            before: plan.before,
            retention_years: years,
            legal_basis: format!("retention period of {years} years"),
            decided_by: Vec::new(),
        };
        say(&app.audit, Entry::new(app.clock.now(), &uuid::Uuid::now_v7().to_string()), removal, by).await?;
        removed += store.remove(some).await?;
    }
    Ok(removed)
}
