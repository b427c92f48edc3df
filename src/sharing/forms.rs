//! The form that shares a case.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use crate::cases::{Share, SharedLists};
use crate::error::FieldError;
use crate::events::Actor;
use crate::ids::{InstituteId, ShareId};

/// Most characters of a purpose, or of the reason for ending.
pub(super) const LONGEST: usize = 500;
/// How long a share is offered for, in days.
const OFFERED_DAYS: i64 = 90;

/// What was submitted, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShareForm {
    /// The guest.
    pub with: String,
    /// What for.
    pub purpose: String,
    /// `clinical` or `clinical_and_research`.
    pub lists: String,
    /// `1` when guests may comment.
    pub comments: Option<String>,
    /// The last day, `2027-01-01`.
    pub until: String,
}

/// What a person of the owner confirms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The guest.
    pub with: InstituteId,
    /// What for.
    pub purpose: String,
    /// Which lists.
    pub lists: SharedLists,
    /// Whether guests may comment.
    pub comments: bool,
    /// From this moment on it is over.
    pub until: Timestamp,
}

impl Terms {
    /// The share on these terms.
    pub(super) fn share(&self, by: Actor, now: Timestamp) -> Share {
        Share {
            id: ShareId::random(),
            with: self.with.clone(),
            purpose: self.purpose.clone(),
            lists: self.lists,
            comments: self.comments,
            by,
            at: now,
            until: self.until,
            ended: None,
        }
    }

    /// Whether a share is on these terms.
    pub(super) fn are_of(&self, share: &Share) -> bool {
        (&self.with, &self.purpose, self.lists, self.comments, self.until)
            == (&share.with, &share.purpose, share.lists, share.comments, share.until)
    }
}

fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// The last day that can be chosen: a share runs to its end, at most a year from now.
pub(super) fn latest_day(now: Timestamp) -> Date {
    today(now).saturating_add(1.year()).saturating_sub(1.day())
}

/// The moment at which a day is over.
fn end_of(day: Date) -> Option<Timestamp> {
    Some(day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A text of one line, without spaces at its ends.
fn read_line(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.chars().count() <= LONGEST && !text.chars().any(char::is_control)).then_some(text)
}

/// The reason for ending a share, which may be left out.
pub(super) fn read_reason(text: &str) -> Result<Option<&str>, FieldError> {
    let reason = read_line(text)
        .ok_or_else(|| FieldError::new("reason", text, format!("write at most {LONGEST} characters on one line")))?;
    Ok(Some(reason).filter(|reason| !reason.is_empty()))
}

fn read_until(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let (first, last) = (today(now), latest_day(now));
    let day = text.trim().parse::<Date>().ok().filter(|day| (first..=last).contains(day));
    day.and_then(end_of).ok_or_else(|| format!("choose a day from {first} to {last}, as in {last}"))
}

impl ShareForm {
    /// The form before anything was chosen, for a guest that was proposed.
    pub(super) fn offered(with: &str, now: Timestamp) -> Self {
        Self {
            with: with.to_owned(),
            purpose: String::new(),
            lists: SharedLists::Clinical.as_str().to_owned(),
            comments: None,
            until: today(now).saturating_add(OFFERED_DAYS.days()).to_string(),
        }
    }

    /// The terms, or what is wrong with each field. `agreed`: the owner's agreement list.
    pub(super) fn parse(&self, agreed: &BTreeSet<InstituteId>, now: Timestamp) -> Result<Terms, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut note = |field: &str, value: &str, message: String| wrong.push(FieldError::new(field, value, message));
        let with = agreed.iter().find(|id| id.as_str() == self.with);
        if with.is_none() {
            note("with", &self.with, "choose an institute of your agreement list".to_owned());
        }
        let purpose = read_line(&self.purpose).filter(|text| !text.is_empty());
        if purpose.is_none() {
            note("purpose", &self.purpose, format!("write what it is for, in 1 to {LONGEST} characters on one line"));
        }
        let lists = SharedLists::ALL.into_iter().find(|lists| lists.as_str() == self.lists);
        if lists.is_none() {
            note("lists", &self.lists, "choose which lists are shared".to_owned());
        }
        let comments = match self.comments.as_deref() {
            None => Some(false),
            Some("1") => Some(true),
            Some(other) => {
                note("comments", other, "is ticked or not".to_owned());
                None
            }
        };
        let until = read_until(&self.until, now).map_err(|message| note("until", &self.until, message));
        match (with, purpose, lists, comments, until) {
            (Some(with), Some(purpose), Some(lists), Some(comments), Ok(until)) => {
                Ok(Terms { with: with.clone(), purpose: purpose.to_owned(), lists, comments, until })
            }
            _ => Err(wrong),
        }
    }
}

/// Which share is ended, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndForm {
    /// Its identity.
    pub share: String,
    /// Why; may be empty.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn now() -> Timestamp {
        "2026-02-28T15:00:00Z".parse().unwrap()
    }

    fn agreed() -> BTreeSet<InstituteId> {
        ["cust111".parse().unwrap()].into()
    }

    fn good() -> ShareForm {
        ShareForm { purpose: " a second opinion ".into(), ..ShareForm::offered("cust111", now()) }
    }

    #[test]
    fn what_is_offered_lacks_a_purpose_and_nothing_else() {
        let fields = |form: &ShareForm| -> Vec<String> {
            form.parse(&agreed(), now())
                .map_or_else(|wrong| wrong.into_iter().map(|one| one.field).collect(), |_| vec![])
        };
        assert_eq!(fields(&ShareForm::offered("cust111", now())), ["purpose"]);
        assert_eq!(fields(&ShareForm::offered("", now())), ["with", "purpose"]);
        let terms = good().parse(&agreed(), now()).unwrap();
        assert_eq!(
            (terms.purpose.as_str(), terms.lists, terms.comments),
            ("a second opinion", SharedLists::Clinical, false)
        );
        assert_eq!(terms.until.to_string(), "2026-05-30T00:00:00Z", "to the end of the ninetieth day");
        assert!(terms.are_of(&terms.share(Actor { user: None, name: "Ann".into() }, now())));
    }

    #[test]
    fn each_wrong_field_is_named() {
        type Change<'a> = &'a dyn Fn(&mut ShareForm);
        let long = "x".repeat(LONGEST + 1);
        let cases: [(&str, Change); 11] = [
            ("with", &|form| form.with = "cust222".into()),
            ("with", &|form| form.with = String::new()),
            ("purpose", &|form| form.purpose = "  ".into()),
            ("purpose", &|form| form.purpose = "a\nb".into()),
            ("purpose", &|form| form.purpose.clone_from(&long)),
            ("lists", &|form| form.lists = "all".into()),
            ("comments", &|form| form.comments = Some("yes".into())),
            ("until", &|form| form.until = "2026-02-27".into()),
            ("until", &|form| form.until = "2027-02-28".into()),
            ("until", &|form| form.until = "28/02/2026".into()),
            ("until", &|form| form.until = String::new()),
        ];
        for (field, change) in cases {
            let mut form = good();
            change(&mut form);
            let wrong = form.parse(&agreed(), now()).unwrap_err();
            assert_eq!(wrong.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field], "{form:?}");
        }
        assert!(read_reason(&long).is_err() && read_reason("a\u{7}").is_err());
        assert_eq!(read_reason(" "), Ok(None));
        assert_eq!(read_reason(" done "), Ok(Some("done")));
    }

    proptest::proptest! {
        /// I10: whatever is typed, a share is over within a year, is not over before its day, and names one of the list.
        #[test]
        fn no_form_shares_for_longer_than_a_year(
            with in "cust[12]{3}|[ -~]{0,8}", purpose in "\\PC{0,20}", until in "202[5-8]-[01][0-9]-[0-3][0-9]|[ -~]{0,12}",
            lists in "clinical|clinical_and_research|[a-z]{0,9}", comments in proptest::option::of("1|[a-z]{0,2}"),
            second in 1_700_000_000_i64..1_900_000_000,
        ) {
            let now = Timestamp::from_second(second).unwrap();
            let form = ShareForm { with, purpose, lists, comments, until };
            if let Ok(terms) = form.parse(&agreed(), now) {
                proptest::prop_assert!(terms.until > now);
                proptest::prop_assert!(terms.until.duration_since(now) <= SignedDuration::from_hours(24 * 366));
                proptest::prop_assert!(end_of(latest_day(now)).unwrap() >= terms.until);
                proptest::prop_assert!(agreed().contains(&terms.with) && !terms.purpose.trim().is_empty());
                let share = terms.share(Actor { user: None, name: "Ann".into() }, now);
                proptest::prop_assert!(share.is_running(now) && !share.is_running(terms.until));
                proptest::prop_assert_eq!(share.last_day().to_string(), form.until.trim());
            }
        }
    }
}
