//! Reads what is new in the trail and hands it to the rules.
//!
//! Each log is read by its gapless sequence from where it was left, so nothing written late is missed. What the rules
//! remember stands in one small document per person and case, each with fixed bounds, and is read for those who occur in
//! the batch only. A batch (its flags, what was remembered, and the new places in the logs) is one transaction, which
//! begins by changing the one document of progress: of several processes one has the batch, the others nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::fact::fact;
use super::model::{Flag, LogPlace};
use super::rules::{Fact, Finding, Settings, Standing, checkpoint_missing};
use super::store::{Batch, FlagStore};
use crate::app::AppState;
use crate::audit::{AuditStore, Entry};
use crate::ids::UserId;

/// How often the task looks.
const EVERY: Duration = Duration::from_secs(60);
/// Entries of one log in a batch.
const ENTRIES: i64 = 1_000;
/// A log that has had no entry for so long is forgotten: its process is gone. Should it write again all the same, it is
/// read once more from its beginning, which raises no flag twice.
const FOLLOWED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A log with neither a checkpoint nor an entry of late is not even asked.
const LATELY: SignedDuration = SignedDuration::from_hours(2);
/// Clocks of several machines may differ by less than this.
const APART: SignedDuration = SignedDuration::from_hours(1);

/// Reads new entries every minute until the server ends.
#[must_use]
pub fn watch(app: &AppState) -> tokio::task::JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        let mut due = tokio::time::interval(EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !app.is_stopping() {
            due.tick().await;
            if let Ok(late) = app.standing.late(&app.audit, app.clock.now()).await {
                metrics::gauge!("lodestone_audit_checkpoints_late").set(f64::from(u8::from(late)));
            }
            match run(&app).await {
                Ok(0) => {}
                Ok(raised) => info!(raised, "raised {raised} flags from the audit trail"),
                Err(error) => warn!("the audit trail was not searched for flags; trying again: {error:#}"),
            }
        }
    })
}

/// Reads to the end of all logs; how many flags were raised.
///
/// # Errors
/// When the database does not answer.
pub async fn run(app: &AppState) -> anyhow::Result<usize> {
    let store = FlagStore::new(&app.db);
    let trail = AuditStore::new(&app.db);
    store.prepare().await?;
    let mut raised = 0;
    // Another process that is faster does the same work; the limit keeps one look from lasting for ever.
    for _ in 0..10_000 {
        let (more, new) = batch(app, &store, &trail).await?;
        raised += new;
        if !more {
            break;
        }
    }
    Ok(raised)
}

/// One batch; whether there is more, and how many flags it raised.
async fn batch(app: &AppState, store: &FlagStore, trail: &AuditStore) -> anyhow::Result<(bool, usize)> {
    let now = app.clock.now();
    let mut progress = store.progress().await?;
    let known_rev = progress.rev;
    let heads = trail.heads_since(progress.looked_at.map(|looked| looked.min(now) - APART)).await?;
    for head in &heads {
        if !progress.logs.iter().any(|place| place.log == head.log_id) {
            progress.logs.push(LogPlace { log: head.log_id.clone(), next: 0, last: None });
        }
    }
    let mut read: Vec<(Timestamp, Fact)> = Vec::new();
    let mut more = false;
    let mut standings = Vec::new();
    for place in &mut progress.logs {
        let lately = place.last.is_none_or(|last| now.duration_since(last) < LATELY);
        if !lately && !heads.iter().any(|head| head.log_id == place.log) {
            continue;
        }
        let entries: Vec<Entry> = trail.entries_from(&place.log, place.next, ENTRIES).await?;
        let full = i64::try_from(entries.len()).is_ok_and(|count| count >= ENTRIES);
        more |= full;
        // Entries of a log are in the order they were written; so are they judged.
        let mut at = Timestamp::MIN;
        for entry in &entries {
            at = at.max(entry.occurred_at);
            read.extend(fact(entry, place.last).map(|fact| (at, fact)));
            place.next = entry.seq + 1;
            place.last = Some(entry.recorded_at);
        }
        if let (Some(last), false) = (place.last, full) {
            standings.push((place.log.clone(), place.next, last));
        }
    }
    read.sort_by_key(|(at, _)| *at);
    let who: BTreeSet<&str> = read.iter().map(|(_, fact)| fact.who.as_str()).collect();
    let cases: BTreeSet<&str> =
        read.iter().filter_map(|(_, fact)| fact.case.as_ref()).map(|(id, _)| id.as_str()).collect();
    let (who, cases): (Vec<&str>, Vec<&str>) = (who.into_iter().collect(), cases.into_iter().collect());
    let mut memory = store.memory(&progress, &who, &cases, now).await?;
    let settings = Settings { outside_hours: app.config.audit.flag_outside_hours };
    let mut findings: Vec<Finding> = read.iter().flat_map(|(_, fact)| memory.take(fact, settings)).collect();
    for (log, size, last) in standings {
        // A later log names how far this one had come, which covers its last entries as well.
        let (signed, named) = trail.signed(&log).await?;
        let signed = if named { size } else { signed };
        findings.extend(checkpoint_missing(&Standing { log, signed, size, last }, now));
    }
    progress.logs.retain(|place| {
        place.last.is_none_or(|last| now.duration_since(last) < FOLLOWED)
            || heads.iter().any(|head| head.log_id == place.log)
    });
    progress.looked_at = Some(now);
    progress.shared = memory.shared.clone();
    progress.rev += 1;
    let mut flags: Vec<Flag> = Vec::new();
    for finding in findings {
        let mut flag = Flag::new(finding, now);
        if !flags.iter().any(|known| known.id == flag.id) {
            name(app, &mut flag).await?;
            flags.push(flag);
        }
    }
    let known = store.known(&flags).await?;
    flags.retain(|flag| !known.contains(&flag.id));
    let stored = store
        .commit(&Batch { known_rev, progress: &progress, memory: &memory, flags: &flags })
        .await
        .context("storing flags")?;
    if stored && !flags.is_empty() {
        metrics::counter!("lodestone_audit_flags_total").increment(flags.len() as u64);
    }
    Ok((more && stored, if stored { flags.len() } else { 0 }))
}

/// A command's entry names an account by its identity only.
async fn name(app: &AppState, flag: &mut Flag) -> anyhow::Result<()> {
    if flag.name.is_empty()
        && let Some(Ok(user)) = flag.person.as_deref().map(str::parse::<UserId>)
        && let Some(user) = app.users.by_id(&user).await?
    {
        flag.name = user.name;
    }
    Ok(())
}
