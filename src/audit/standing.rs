//! What administrators and auditors must know of the trail on every page.

use jiff::{SignedDuration, Timestamp};

use super::verification::VerificationStore;
use super::{AuditStore, AuditWriter, flags};
use crate::auth::Principal;
use crate::db::{Db, StoreError};
use crate::users::{Role, SystemRole};

/// A checkpoint is due every minute; after three it is late.
const LATE: SignedDuration = SignedDuration::from_mins(3);
/// The trail is searched every minute.
const UNSEARCHED: SignedDuration = SignedDuration::from_mins(15);
/// Logs that signed nothing for so long are no running ones.
const RUNNING: SignedDuration = SignedDuration::from_hours(24);

/// Something is wrong with the trail: what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailNotice {
    /// A few words.
    pub title: &'static str,
    /// Sentences.
    pub text: String,
}

/// Whether somebody is told: administrators and auditors, of the system and of institutes.
#[must_use]
pub fn concerns(principal: &Principal) -> bool {
    !principal.system_roles().is_empty()
        || principal
            .roles()
            .iter()
            .any(|(_, role)| [Role::Admin.as_str(), Role::Auditor.as_str(), SystemRole::Admin.as_str()].contains(role))
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
    pub async fn notices(&self, writer: &AuditWriter, now: Timestamp) -> Result<Vec<TrailNotice>, StoreError> {
        let mut notices = Vec::new();
        let last = self.verifications.last().await?;
        if last.fault_count > 0 {
            let first = last.faults.first().map(|fault| format!(" ({fault})")).unwrap_or_default();
            notices.push(TrailNotice {
            title: "The audit trail does not verify.",
            text: format!(
                "{} faults were found{first}: somebody may have changed what was recorded. Keep a copy of the database and of the checkpoint folder as they are, run `lodestone audit verify`, and tell whoever is responsible for security. This notice stays until a verification of the whole trail finds no fault.",
                last.fault_count
            ),
        });
        }
        if !writer.checkpoints_well() || self.late(now).await? {
            notices.push(TrailNotice {
            title: "Checkpoints of the audit trail are late.",
            text: "For more than 3 minutes entries have not been signed, so a change of them would not show. Check that the checkpoint folder (audit.checkpoints_dir) can be written and has space, and read the server's log; the notice goes when the next checkpoint is stored.".to_owned(),
        });
        }
        if self.flags.searched_at().await?.is_some_and(|at| now.duration_since(at) > UNSEARCHED) {
            notices.push(TrailNotice {
            title: "The audit trail is not searched for flags.",
            text: "It was not searched for more than a quarter of an hour, so misuse would not be flagged. Read the server's log for the reason, and run `lodestone audit flags`; the notice goes when a search comes to its end.".to_owned(),
        });
        }
        Ok(notices)
    }

    /// Whether an entry has waited too long for its checkpoint.
    pub async fn late(&self, now: Timestamp) -> Result<bool, StoreError> {
        for head in self.trail.heads_since(Some(now - RUNNING)).await?.into_iter().filter(|head| !head.named).take(20) {
            let first = self.trail.entries_from(&head.log_id, head.size, 1).await?;
            if first.first().is_some_and(|entry| now.duration_since(entry.recorded_at) > LATE) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
