//! What administrators and auditors must know of the trail on every page.

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::store::{LogHead, ahead};
use super::verification::VerificationStore;
use super::writer::CHECKPOINT_LATE;
use super::{AuditStore, AuditWriter, flags};
use crate::auth::Principal;
use crate::db::{Db, StoreError};
use crate::web::Notice;

/// The trail is searched every minute.
const UNSEARCHED: SignedDuration = SignedDuration::from_mins(15);
/// Logs that signed nothing for so long are no running ones.
const RUNNING: SignedDuration = SignedDuration::from_hours(24);
/// Logs of other processes whose last entries are looked at.
const OTHERS: usize = 20;

/// What notices made here are about.
const ABOUT: &str = "Audit trail";

/// Whether somebody is told: administrators and auditors, of the system and of institutes, in their role or not.
#[must_use]
pub fn concerns(principal: &Principal) -> bool {
    !principal.entered().is_empty() || !principal.enterable().is_empty()
}

/// Where the trail's standing is read.
#[derive(Clone)]
pub struct StandingStore {
    trail: AuditStore,
    verifications: VerificationStore,
    flags: flags::FlagStore,
}

impl StandingStore {
    /// Opens the collections.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { trail: AuditStore::new(db), verifications: VerificationStore::new(db), flags: flags::FlagStore::new(db) }
    }

    /// What is wrong with the trail now, worst first.
    pub async fn notices(&self, writer: &AuditWriter, now: Timestamp) -> Result<Vec<Notice>, StoreError> {
        let mut notices = Vec::new();
        let (last, (late, future), searched) = tokio::try_join!(
            self.verifications.last(),
            async {
                let heads = self.trail.heads_since(Some(now - RUNNING)).await?;
                Ok((self.others_late(writer, &heads, now).await?, ahead(&heads, now)))
            },
            self.flags.searched_at(),
        )?;
        if last.fault_count > 0 {
            let first = last.faults.first().map(|fault| format!(" ({fault})")).unwrap_or_default();
            notices.push(Notice {
            about: ABOUT,
            title: "The audit trail does not verify.",
            text: format!(
                "{} faults were found{first}: somebody may have changed what was recorded. Keep a copy of the database and of the checkpoint folder as they are, run `lodestone audit verify`, and tell whoever is responsible for security. This notice stays until a verification of the whole trail finds no fault.",
                last.fault_count
            ),
        });
        }
        if late || writer.checkpoints_late(now) {
            notices.push(Notice {
            about: ABOUT,
            title: "Checkpoints of the audit trail are late.",
            text: "For more than 3 minutes entries have not been signed, so a change of them would not show. Check that the checkpoint folder (audit.checkpoints_dir) can be written and has space, and read the server's log; the notice goes when the next checkpoint is stored.".to_owned(),
        });
        }
        if let Some(at) = future {
            notices.push(Notice {
            about: ABOUT,
            title: "The server’s clock is behind the audit trail.",
            text: format!(
                "The trail was signed at {}, later than the clock says it is. Times of entries, ends of sessions and codes of authenticators go by that clock: set it, and see to what sets it; the notice goes when the clock has passed that time.",
                crate::web::filters::moment(at)
            ),
        });
        }
        if searched.is_some_and(|at| now.duration_since(at) > UNSEARCHED) {
            notices.push(Notice {
            about: ABOUT,
            title: "The audit trail is not searched for flags.",
            text: "It was not searched for more than a quarter of an hour, so misuse would not be flagged. Read the server's log for the reason, and run `lodestone audit flags`; the notice goes when a search comes to its end.".to_owned(),
        });
        }
        Ok(notices)
    }

    /// Whether an entry, of this process or another one, has waited too long for its checkpoint.
    pub async fn late(&self, writer: &AuditWriter, now: Timestamp) -> Result<bool, StoreError> {
        let heads = self.trail.heads_since(Some(now - RUNNING)).await?;
        Ok(writer.checkpoints_late(now) || self.others_late(writer, &heads, now).await?)
    }

    async fn others_late(&self, writer: &AuditWriter, heads: &[LogHead], now: Timestamp) -> Result<bool, StoreError> {
        let others = heads.iter().filter(|head| !head.named && head.log_id != writer.log_id()).take(OTHERS);
        let unsigned = others.map(|head| self.trail.recorded_at(&head.log_id, head.size));
        let since = try_join_all(unsigned).await?;
        Ok(since.into_iter().flatten().any(|at| now.duration_since(at) > CHECKPOINT_LATE))
    }
}
