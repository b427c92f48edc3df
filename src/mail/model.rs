use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use crate::clock::random_bytes;
use crate::db::{Stored, index};
use crate::ids::{CaseId, InstituteId, UserId, VariantId, base32};
use crate::my_work::Counts;
use crate::users::Email;

/// A mail to one address, that is to be sent or was.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Also its name among mail servers, so that one sent twice is known again.
    #[serde(rename = "_id")]
    pub id: String,
    /// To whom.
    pub to: Email,
    /// What it tells.
    pub about: About,
    /// When that was.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub queued_at: Timestamp,
    /// When it is tried next; none once nothing is to be done with it.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub due: Option<Timestamp>,
    /// How often it was tried.
    pub tries: i64,
    /// Why the last try failed.
    pub failure: Option<String>,
    /// When the mail server took it.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub sent_at: Option<Timestamp>,
}

/// What a mail tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// A validation was ordered.
    Ordered(OrderOf),
    /// The order is taken back.
    Cancelled(OrderOf),
    /// How much waits for somebody.
    Digest {
        /// Whom.
        user: UserId,
        /// How much.
        counts: Counts,
    },
}

/// An order, and of what. The mail tells the number only; its link leads to the rest those who may read the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderOf {
    /// Owner of the case.
    pub institute: InstituteId,
    /// The case.
    pub case_id: CaseId,
    /// The variant.
    pub variant: VariantId,
    /// The order's number.
    pub number: String,
}

impl About {
    /// The order that it tells of, if it does.
    #[must_use]
    pub fn order(&self) -> Option<&OrderOf> {
        match self {
            Self::Ordered(order) | Self::Cancelled(order) => Some(order),
            Self::Digest { .. } => None,
        }
    }
}

/// How long a mail about an order is tried; and one about a day, which is not to come together with the next.
const PATIENCE: SignedDuration = SignedDuration::from_hours(3 * 24);
const PATIENCE_OF_A_DAY: SignedDuration = SignedDuration::from_hours(12);
/// The pause after the first try; each later one is twice as long, up to the longest.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(6);

impl Mail {
    /// A mail that is to be sent at once.
    #[must_use]
    pub fn new(to: Email, about: About, now: Timestamp) -> Self {
        let id = base32(&random_bytes::<16>());
        Self { id, to, about, queued_at: now, due: Some(now), tries: 0, failure: None, sent_at: None }
    }

    /// When it is tried again after a try that failed now; none when it is given up.
    #[must_use]
    pub fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let doublings = u32::try_from(self.tries - 1).unwrap_or(0).min(16);
        let pause = (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE);
        let next = now.checked_add(pause).ok()?;
        let patience = if self.about.order().is_some() { PATIENCE } else { PATIENCE_OF_A_DAY };
        (next.duration_since(self.queued_at) <= patience).then_some(next)
    }
}

/// Names of stored fields.
pub(super) mod field {
    pub const DUE: &str = "due";
    pub const TRIES: &str = "tries";
    pub const QUEUED_AT: &str = "queued_at";
    pub const FAILURE: &str = "failure";
    pub const SENT_AT: &str = "sent_at";
    pub const INSTITUTE: &str = "about.institute";
    pub const CASE_ID: &str = "about.case_id";
    pub const VARIANT: &str = "about.variant";
    pub const NUMBER: &str = "about.number";
    pub const KIND: &str = "about.kind";
}

impl Stored for Mail {
    const COLLECTION: &'static str = "outbox";

    fn indexes() -> Vec<IndexModel> {
        vec![
            index("due", doc! { field::DUE: 1 }),
            index("of_case", doc! { field::CASE_ID: 1 }),
            index("of_order", doc! { field::NUMBER: 1 }),
        ]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn mail() -> Mail {
        let order = OrderOf {
            institute: "own".parse().unwrap(),
            case_id: "a".repeat(26).parse().unwrap(),
            variant: "e".repeat(26).parse().unwrap(),
            number: "V-ABCD-2345".into(),
        };
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        Mail::new("lab@clinic.example".parse().unwrap(), About::Ordered(order), now)
    }

    #[test]
    fn stored_field_names_exist() {
        let whole = Mail { failure: Some("refused".into()), sent_at: mail().due, ..mail() };
        let stored = bson::serialize_to_document(&whole).unwrap();
        for name in [
            field::DUE,
            field::TRIES,
            field::QUEUED_AT,
            field::FAILURE,
            field::SENT_AT,
            field::INSTITUTE,
            field::CASE_ID,
            field::VARIANT,
            field::NUMBER,
            field::KIND,
        ] {
            let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
            let found = match rest {
                Some(rest) => stored.get_document(first).is_ok_and(|inner| inner.contains_key(rest)),
                None => stored.contains_key(first),
            };
            assert!(found, "{name}");
        }
        assert_eq!(stored.get_document("about").unwrap().get_str("kind").unwrap(), "ordered");
        assert_eq!(bson::deserialize_from_document::<Mail>(stored).unwrap(), whole);
    }

    #[test]
    fn a_mail_about_a_day_is_stored_and_given_up_before_the_next() {
        let about = About::Digest { user: UserId::random(), counts: Counts { mine: 2, ..Counts::default() } };
        let mail = Mail { about, tries: 10, ..mail() };
        let stored = bson::serialize_to_document(&mail).unwrap();
        assert_eq!(bson::deserialize_from_document::<Mail>(stored).unwrap(), mail);
        assert!(mail.next_try(mail.queued_at + SignedDuration::from_hours(5)).is_some());
        assert!(mail.next_try(mail.queued_at + SignedDuration::from_hours(7)).is_none());
    }

    #[test]
    fn pauses_grow_and_end_after_three_days() {
        let mut mail = mail();
        let mut now = mail.queued_at;
        let mut pauses = Vec::new();
        loop {
            mail.tries += 1;
            let Some(next) = mail.next_try(now) else { break };
            pauses.push(next.duration_since(now).as_mins());
            now = next;
        }
        assert_eq!(pauses[..4], [1, 2, 4, 8]);
        assert!(pauses.is_sorted() && pauses.last() == Some(&360), "{pauses:?}");
        let tried = now.duration_since(mail.queued_at).as_hours();
        assert!((66..=72).contains(&tried), "given up after {tried} hours");
    }
}
