//! How often a factor was tried: counted in the database before anything is compared, so that neither another browser nor
//! another process nor a burst of requests gives more tries.

use bson::{Bson, Document, doc};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

/// Tries within [`WINDOW`] before a pause begins.
pub const PER_WINDOW: i64 = 5;
/// How long tries are counted together.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Tries without a success after which a factor is closed until it is set up anew: NIST SP 800-63B-4 section 3.2.2 allows
/// no more than 100.
pub const CLOSED_AFTER: i64 = 100;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// The passphrase.
    Passphrase,
    /// Codes: of the authenticator, and recovery codes.
    Code,
}

impl Factor {
    /// The field of a person's credentials that counts it.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase_attempts",
            Self::Code => "code_attempts",
        }
    }
}

/// The tries of one factor since it last succeeded.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// Tries since the last success.
    pub consecutive: i64,
    /// Tries in the present window.
    pub in_window: i64,
    /// When the present window ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub window_ends: Timestamp,
    /// No try counts before this moment.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub paused_until: Timestamp,
    /// Pauses since the last success.
    pub pauses: i64,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            consecutive: 0,
            in_window: 0,
            window_ends: Timestamp::UNIX_EPOCH,
            paused_until: Timestamp::UNIX_EPOCH,
            pauses: 0,
        }
    }
}

impl Attempts {
    /// Whether the factor is closed until it is set up anew.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.consecutive >= CLOSED_AFTER
    }

    /// Whether this try filled the window.
    pub(super) fn filled(&self) -> bool {
        self.in_window >= PER_WINDOW
    }
}

/// The pause after `pauses` earlier ones: 15, 30, then 60 minutes.
fn pause(pauses: i64) -> SignedDuration {
    SignedDuration::from_mins(match pauses {
        0 => 15,
        1 => 30,
        _ => 60,
    })
}

fn at(time: Timestamp) -> Bson {
    Bson::DateTime(bson::DateTime::from_millis(time.as_millisecond()))
}

/// Conditions and changes of the two ways to count a try: in the running window, or in a new one.
pub(super) fn counted(factor: Factor, now: Timestamp) -> [(Document, Document); 2] {
    let name = |field: &str| format!("{}.{field}", factor.field());
    let open = doc! { name("consecutive"): { "$lt": CLOSED_AFTER }, name("paused_until"): { "$lte": at(now) } };
    let mut running = open.clone();
    running.insert(name("window_ends"), doc! { "$gt": at(now) });
    running.insert(name("in_window"), doc! { "$lt": PER_WINDOW });
    let mut over = open;
    over.insert(name("window_ends"), doc! { "$lte": at(now) });
    [
        (running, doc! { "$inc": { name("in_window"): 1_i64, name("consecutive"): 1_i64 } }),
        (
            over,
            doc! {
                "$inc": { name("consecutive"): 1_i64 },
                "$set": { name("in_window"): 1_i64, name("window_ends"): at(now + WINDOW) },
            },
        ),
    ]
}

/// Condition and change that begin a pause after the window `seen` was filled; only the first of several takes effect.
pub(super) fn paused(factor: Factor, seen: &Attempts, now: Timestamp) -> (Document, Document) {
    let name = |field: &str| format!("{}.{field}", factor.field());
    (
        doc! { name("window_ends"): at(seen.window_ends), name("in_window"): { "$gte": PER_WINDOW } },
        doc! {
            "$set": { name("in_window"): 0_i64, name("window_ends"): at(now), name("paused_until"): at(now + pause(seen.pauses)) },
            "$inc": { name("pauses"): 1_i64 },
        },
    )
}

/// The counter of a factor that has just succeeded.
pub(super) fn fresh() -> Bson {
    bson::serialize_to_bson(&Attempts::default()).expect("numbers and times can be stored")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let minutes: Vec<i64> = (0..5).map(|pauses| pause(pauses).as_mins()).collect();
        assert_eq!(minutes, [15, 30, 60, 60, 60]);
    }

    #[test]
    fn counters_are_stored_under_the_names_that_queries_use() {
        let stored = fresh();
        let stored = stored.as_document().unwrap();
        for (condition, change) in counted(Factor::Code, Timestamp::UNIX_EPOCH) {
            let changed = change.values().filter_map(Bson::as_document).flat_map(Document::keys);
            for name in condition.keys().chain(changed) {
                let field = name.strip_prefix("code_attempts.").unwrap();
                assert!(stored.contains_key(field), "{name}");
            }
        }
        assert!(stored.get_datetime("window_ends").is_ok() && stored.get_i64("in_window").is_ok());
        assert!(!Attempts::default().closed());
        assert!(Attempts { consecutive: CLOSED_AFTER, ..Attempts::default() }.closed());
    }
}
