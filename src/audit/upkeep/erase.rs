//! Carrying out erasures that two auditors agreed on.

use anyhow::{Context as _, ensure};

use super::erasure::Erasure;
use super::{ErasureStore, UpkeepStore};
use crate::app::AppState;
use crate::audit::Auditor;
use crate::audit::entry::{Entry, EntryKind};
use crate::audit::removal::{Removal, kept_since, spans, start_of};
use crate::audit::{Agent, AuditWriter};
use crate::cli::SystemScope;

/// Spans and heads that one entry names; more of them go into further entries.
const NAMED_AT_ONCE: usize = 1_000;
/// How long a record may take to be stored and signed.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// What came of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Erasures carried out.
    pub erasures: usize,
    /// Entries whose payload is gone.
    pub entries: usize,
}

/// Carries out every erasure that two auditors agreed on, as far as the retention period has passed.
///
/// # Errors
/// When the database fails, or an entry about it could not be put under a signed checkpoint: then nothing was erased
/// that the trail does not speak of.
pub async fn run(app: &AppState, scope: &SystemScope, store: &UpkeepStore, by: &Agent) -> anyhow::Result<Erased> {
    let erasures = ErasureStore::new(&app.db);
    let mut total = Erased::default();
    for erasure in erasures.agreed(scope).await? {
        total.entries += carry_out(app, store, &erasures, &erasure, by).await?;
        total.erasures += 1;
    }
    Ok(total)
}

async fn carry_out(
    app: &AppState,
    store: &UpkeepStore,
    erasures: &ErasureStore,
    erasure: &Erasure,
    by: &Agent,
) -> anyhow::Result<usize> {
    let case = erasure.case.as_ref().context("an agreed erasure names its case")?;
    let years = app.config.audit.retention_years;
    let before = kept_since(app.clock.now(), years);
    let found = store.about(&erasure.institute, case, start_of(before)).await?;
    let places = spans(found.iter().map(|entry| (entry.log_id.clone(), entry.seq)).collect());
    let decided_by: Vec<Auditor> =
        [Some(&erasure.asked_by), erasure.agreed_by.as_ref()].into_iter().flatten().cloned().collect();
    for some in places.chunks(NAMED_AT_ONCE) {
        let removal = Removal {
            erased: some.to_vec(),
            pruned: Vec::new(),
            before,
            retention_years: years,
            legal_basis: erasure.legal_basis.clone(),
            decided_by: decided_by.clone(),
        };
        let mut entry = Entry::new(app.clock.now(), &uuid::Uuid::now_v7().to_string());
        entry.institute = Some(erasure.institute.clone());
        let record = entry.request_id.clone();
        say(&app.audit, entry, removal, by).await?;
        store.erase(some, &record).await?;
    }
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    erasures.done(erasure, count, app.clock.now()).await?;
    Ok(found.len())
}

/// Stores an entry about a removal and signs a checkpoint over it, before anything is taken.
pub(super) async fn say(audit: &AuditWriter, entry: Entry, removal: Removal, by: &Agent) -> anyhow::Result<()> {
    let entry = Entry { kind: EntryKind::Removal, agent: Some(by.clone()), removal: Some(removal), ..entry };
    let stored = audit.reserve()?.write(entry);
    audit.flush(PATIENCE).await;
    let stored = tokio::time::timeout(PATIENCE, stored).await.is_ok_and(|stored| stored.is_ok());
    ensure!(
        stored && audit.checkpoints_well(),
        "what was to be removed could not be said in the trail, under a signed checkpoint; nothing more was removed"
    );
    Ok(())
}
