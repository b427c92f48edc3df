//! Entries that stay without a signed checkpoint: until one comes, somebody could change them unseen.

use jiff::{SignedDuration, Timestamp};

use super::{Finding, Rule};

/// A checkpoint comes every minute; after three it is missing.
pub const LATE: SignedDuration = SignedDuration::from_mins(3);

/// How far a log and its checkpoints had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The log.
    pub log: String,
    /// Entries under the newest checkpoint, or named by a later log.
    pub signed: i64,
    /// Entries in all.
    pub size: i64,
    /// When the last entry was written.
    pub last: Timestamp,
}

/// Says what is missing, if it is.
#[must_use]
pub fn checkpoint_missing(standing: &Standing, now: Timestamp) -> Option<Finding> {
    let unsigned = standing.size - standing.signed;
    let waited = now.duration_since(standing.last);
    (unsigned > 0 && waited > LATE).then(|| Finding {
        rule: Rule::MissingCheckpoint,
        cause: format!("{}/{}", standing.log, standing.signed),
        institute: None,
        user: None,
        name: String::new(),
        case: None,
        reason: format!(
            "The last {unsigned} of {} entries of log {} are under no signed checkpoint, the newest for more than {} min; one is due every minute. The process was killed, could not write, or somebody added them.",
            standing.size,
            standing.log,
            waited.as_mins().min(99_999)
        ),
        entries: vec![format!("{}-{:012}", standing.log, standing.size - 1)],
        at: standing.last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_may_wait_three_minutes_for_their_checkpoint() {
        let last: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let standing = Standing { log: "l".into(), signed: 5, size: 7, last };
        assert!(checkpoint_missing(&standing, last + SignedDuration::from_mins(3)).is_none());
        let found = checkpoint_missing(&standing, last + SignedDuration::from_secs(181)).unwrap();
        assert!(found.reason.contains("last 2 of 7"), "{}", found.reason);
        assert!(checkpoint_missing(&Standing { signed: 7, ..standing }, last + LATE + LATE).is_none());
    }
}
