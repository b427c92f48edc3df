use std::net::IpAddr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::density::moment;
use crate::audit::entry::{Entry, Outcome, Subject};
use crate::audit::formats;
use crate::audit::request::spelt;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::InstituteId;
use crate::web::Params;

/// Longest text of a filter.
const LONGEST: usize = 200;

/// What an auditor asks for. Conditions narrow together; all of it is in the query string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReviewQuery {
    /// User id, e-mail address or a part of a name.
    pub person: Option<String>,
    /// One institute of the scope.
    pub institute: Option<InstituteId>,
    /// Name or id of a case.
    pub case: Option<String>,
    /// Any other subject: a patient, variant, panel.
    pub subject: Option<String>,
    /// A gene or region.
    pub asked: Option<String>,
    /// `GET /{institute}/{case}`, its template alone, or a command.
    pub action: Option<String>,
    /// How it ended.
    pub outcome: Option<Ending>,
    /// Address of the person's machine.
    pub address: Option<IpAddr>,
    /// Only what left the program as a file.
    pub exports: bool,
    /// From this time on.
    pub from: Option<When>,
    /// Until this time; a date includes its day.
    pub to: Option<When>,
    /// The page before this moment …
    pub before: Option<Timestamp>,
    /// … or from this one on.
    pub after: Option<Timestamp>,
    /// Rows put together.
    pub group: Option<Group>,
    /// The page looks again by itself.
    pub live: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With an outcome.
    Ended(Outcome),
    /// An intent without outcome: the program was killed, or is still at work.
    Never,
}

/// Rows put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Who did this?
    Person,
    /// What was done on which day, about which case?
    Day,
}

/// A day or a moment, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Day(Date),
    Moment(Timestamp),
}

impl Ending {
    /// All, in the order of the form.
    pub(super) const ALL: [Self; 6] = [
        Self::Ended(Outcome::Success),
        Self::Ended(Outcome::Denied),
        Self::Ended(Outcome::ClientError),
        Self::Ended(Outcome::ServerError),
        Self::Ended(Outcome::Abandoned),
        Self::Never,
    ];

    /// The value in addresses.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ended(outcome) => outcome.as_str(),
            Self::Never => "never_ended",
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ended(Outcome::Success) => "done",
            Self::Ended(Outcome::Denied) => "refused",
            Self::Ended(Outcome::ClientError) => "wrong request",
            Self::Ended(Outcome::ServerError) => "failed",
            Self::Ended(Outcome::Abandoned) => "left before the answer",
            Self::Never => "never ended",
        }
    }
}

impl Group {
    fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Day => "day",
        }
    }
}

impl When {
    fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Day).or_else(|_| text.parse().map(Self::Moment)).ok()
    }

    fn start(self) -> Timestamp {
        match self {
            Self::Day(day) => midnight(day),
            Self::Moment(at) => at,
        }
    }

    fn end(self) -> Timestamp {
        match self {
            Self::Day(day) => midnight(day.saturating_add(SignedDuration::from_hours(24))),
            Self::Moment(at) => at,
        }
    }

    /// The day, for a form's field.
    pub(super) fn day(self) -> String {
        match self {
            Self::Day(day) => day,
            Self::Moment(at) => at.to_zoned(TimeZone::UTC).date(),
        }
        .to_string()
    }
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |at| at.timestamp())
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Moment(at) => write!(f, "{at:.3}"),
        }
    }
}

const MOMENT: &str = "write a time such as 2026-01-31T12:00:00Z";
const DAY: &str = "write a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z";

impl ReviewQuery {
    /// Reads parameters; an unknown, repeated or unreadable one is an error with its name.
    pub(super) fn parse(params: &Params) -> AppResult<Self> {
        let mut query = Self::default();
        let mut wrong = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in params.pairs() {
            let value = value.trim();
            if seen.contains(&name.as_str()) {
                wrong.push(FieldError::new(name, value, "is given twice"));
            } else if value.chars().count() > LONGEST {
                wrong.push(FieldError::new(name, value, "is longer than 200 characters"));
            } else if let Err(message) = query.set(name, value) {
                wrong.push(FieldError::new(name, value, message));
            }
            seen.push(name);
        }
        if query.before.is_some() && query.after.is_some() {
            wrong.push(FieldError::new("after", "", "cannot be together with before"));
        }
        if let (Some(from), Some(to)) = (query.from, query.to)
            && from.start() >= to.end()
        {
            wrong.push(FieldError::new("to", &to.to_string(), "is not after the beginning"));
        }
        if wrong.is_empty() { Ok(query) } else { Err(AppError::Unprocessable(wrong)) }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let text = (!value.is_empty()).then(|| value.to_owned());
        let Some(given) = text.as_deref() else {
            return if FIELDS.contains(&name) { Ok(()) } else { Err("this parameter is not known") };
        };
        match name {
            "person" => self.person = text,
            "institute" => self.institute = Some(given.parse().map_err(|_| "is not an institute's id")?),
            "case" => self.case = text,
            "subject" => self.subject = text,
            "asked" => self.asked = text,
            "action" => self.action = text,
            "outcome" => {
                let known = Ending::ALL.into_iter().find(|ending| ending.as_str() == given);
                self.outcome = Some(known.ok_or("is not an outcome")?);
            }
            "address" => self.address = Some(given.parse().map_err(|_| "is not an IP address")?),
            "exports" => self.exports = flag(given)?,
            "from" => self.from = Some(When::parse(given).ok_or(DAY)?),
            "to" => self.to = Some(When::parse(given).ok_or(DAY)?),
            "before" => self.before = Some(given.parse().map_err(|_| MOMENT)?),
            "after" => self.after = Some(given.parse().map_err(|_| MOMENT)?),
            "group" => {
                let known = [Group::Person, Group::Day].into_iter().find(|group| group.as_str() == given);
                self.group = Some(known.ok_or("must be person or day")?);
            }
            "live" => self.live = flag(given)?,
            _ => return Err("this parameter is not known"),
        }
        Ok(())
    }

    /// The parameters that give this query.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let flag = |on: bool| on.then(|| "1".to_owned());
        let moment = |at: Option<Timestamp>| at.map(|at| format!("{at:.3}"));
        [
            ("person", self.person.clone()),
            ("institute", self.institute.as_ref().map(ToString::to_string)),
            ("case", self.case.clone()),
            ("subject", self.subject.clone()),
            ("asked", self.asked.clone()),
            ("action", self.action.clone()),
            ("outcome", self.outcome.map(|ending| ending.as_str().to_owned())),
            ("address", self.address.map(|address| address.to_string())),
            ("exports", flag(self.exports)),
            ("from", self.from.map(|when| when.to_string())),
            ("to", self.to.map(|when| when.to_string())),
            ("before", moment(self.before)),
            ("after", moment(self.after)),
            ("group", self.group.map(|group| group.as_str().to_owned())),
            ("live", flag(self.live)),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
        .collect()
    }

    /// The same question without a place in time and without looking again.
    pub(super) fn lasting(&self) -> Self {
        Self { before: None, after: None, live: false, ..self.clone() }
    }

    /// Whether anything narrows the view.
    pub(super) fn is_filtered(&self) -> bool {
        self.lasting() != Self { group: self.group, ..Self::default() }
    }

    /// The time asked for: `from..to`.
    pub(super) fn bounds(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let ahead = moment(now.as_millisecond() + AHEAD);
        let to = self.to.map_or(ahead, |to| to.end().min(ahead));
        let earliest = moment(now.as_millisecond().saturating_sub(FURTHEST));
        let from = self.from.map_or(earliest, |from| from.start().max(earliest));
        (from.min(to), to)
    }

    /// Names under which a gene or region that is asked for may stand.
    pub(super) fn asked_names(&self) -> Vec<String> {
        let Some(text) = &self.asked else { return Vec::new() };
        let mut names = vec![spelt("gene", text), spelt("region", text)];
        names.dedup();
        names
    }

    /// Whether an entry is meant, as far as it says so itself; people are found by the query.
    pub(super) fn fits(&self, entry: &Entry) -> bool {
        let request = entry.request.as_ref();
        let subjects = entry.payload.as_ref().map(|payload| payload.subjects.as_slice()).unwrap_or_default();
        let about = |fits: &dyn Fn(&Subject) -> bool| subjects.iter().any(fits);
        self.case.as_ref().is_none_or(|case| about(&|subject| is_case(subject) && subject.id == *case))
            && self.subject.as_ref().is_none_or(|id| about(&|subject| !is_review(subject) && subject.id == *id))
            && (self.asked.is_none() || {
                let names = self.asked_names();
                about(&|subject| matches!(subject.kind.as_str(), "gene" | "region") && names.contains(&subject.id))
            })
            && self.action.as_ref().is_none_or(|action| {
                formats::action(entry) == *action || request.is_some_and(|request| request.route == *action)
            })
            && self.outcome.is_none_or(|ending| ending == ending_of(entry))
            && self.address.is_none_or(|address| {
                let from = request.and_then(|request| request.client_ip.as_deref());
                from.and_then(|from| from.parse().ok()) == Some(address)
            })
            && (!self.exports || entry.exported.is_some())
    }

    /// Whether an intent without outcome can be meant: nothing is asked for that only an outcome knows.
    pub(super) fn takes_unended(&self) -> bool {
        self.person.is_none() && !self.exports && self.outcome.is_none_or(|ending| ending == Ending::Never)
    }
}

/// Parameters that may stand empty, as a form sends them.
const FIELDS: [&str; 15] = [
    "person",
    "institute",
    "case",
    "subject",
    "asked",
    "action",
    "outcome",
    "address",
    "exports",
    "from",
    "to",
    "before",
    "after",
    "group",
    "live",
];
/// Clocks of other machines may be ahead by this many milliseconds.
const AHEAD: i64 = 300_000;
/// How far back pages go, in milliseconds: twenty years, twice the usual time that entries are kept.
const FURTHEST: i64 = 20 * 366 * 86_400_000;

fn flag(value: &str) -> Result<bool, &'static str> {
    if value == "1" { Ok(true) } else { Err("must be 1 or absent") }
}

/// Whether a subject names a case, by its name or its identity.
pub(super) fn is_case(subject: &Subject) -> bool {
    matches!(subject.kind.as_str(), "case" | "case_id")
}

/// Whether a subject says what an auditor looked for, not what was opened.
pub(super) fn is_review(subject: &Subject) -> bool {
    subject.kind.starts_with("reviewed_")
}

/// How an entry's request ended; an intent stands in the trail's pages only when it never did.
pub(super) fn ending_of(entry: &Entry) -> Ending {
    entry.outcome.map_or(Ending::Never, Ending::Ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_again() {
        let text = "person=Kim&institute=own&case=fam&subject=p1&asked=POT1&action=GET+%2F&outcome=denied&address=10.0.0.1&exports=1&from=2026-01-31&to=2026-02-01T12%3A00%3A00.000Z&before=2026-02-01T00%3A00%3A00.000Z&group=person&live=1";
        let query = ReviewQuery::parse(&Params::parse(text)).unwrap();
        assert_eq!(serde_urlencoded::to_string(query.pairs()).unwrap(), text);
        assert_eq!(query.lasting().before, None);
    }

    #[test]
    fn wrong_parameters_are_named() {
        for (text, field) in [
            ("nonsense=1", "nonsense"),
            ("nonsense=", "nonsense"),
            ("outcome=well", "outcome"),
            ("address=here", "address"),
            ("from=yesterday", "from"),
            ("before=1", "before"),
            ("exports=yes", "exports"),
            ("group=week", "group"),
            ("institute=A%20b", "institute"),
            ("case=a&case=b", "case"),
            ("from=2026-02-02&to=2026-02-01", "to"),
            ("before=2026-02-01T00:00:00Z&after=2026-02-01T00:00:00Z", "after"),
        ] {
            match ReviewQuery::parse(&Params::parse(text)) {
                Err(AppError::Unprocessable(errors)) => assert_eq!(errors[0].field, field, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(ReviewQuery::parse(&Params::parse("case=&from=")).unwrap(), ReviewQuery::default());
    }

    #[test]
    fn a_day_ends_with_its_last_moment() {
        let query = ReviewQuery::parse(&Params::parse("from=2026-01-31&to=2026-01-31")).unwrap();
        let (from, to) = query.bounds("2026-06-01T00:00:00Z".parse().unwrap());
        assert_eq!((from.to_string(), to.to_string()), ("2026-01-31T00:00:00Z".into(), "2026-02-01T00:00:00Z".into()));
    }

    proptest::proptest! {
        #[test]
        fn any_query_is_read_or_refused(text in "[a-z0-9=&%+:.-]{0,80}") {
            let _ = ReviewQuery::parse(&Params::parse(&text));
        }
    }
}
