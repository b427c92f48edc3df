use askama::Template;
use jiff::Timestamp;

use super::forms::ReviewForm;
use super::model::{Decision, Flag};
use super::rules::Rule;
use crate::error::FieldError;
use crate::web::{Layout, filters, urls};

/// Days after which an unreviewed flag is late, and very late.
const LATE_DAYS: i64 = 3;
const VERY_LATE_DAYS: i64 = 7;

/// A choice of a select field.
pub(super) struct Choice {
    pub value: String,
    pub words: String,
    pub selected: bool,
}

/// How long a flag waits, in words and in a class.
pub(super) struct Age {
    pub words: String,
    pub class: &'static str,
}

impl Age {
    fn of(flag: &Flag, now: Timestamp) -> Self {
        let days = flag.age_days(now);
        let since = match days {
            0 => "today".to_owned(),
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        };
        if !flag.open {
            return Self { words: since, class: "" };
        }
        if days >= VERY_LATE_DAYS {
            Self { words: format!("{since} – long overdue"), class: "overdue" }
        } else if days >= LATE_DAYS {
            Self { words: format!("{since} – overdue"), class: "late" }
        } else {
            Self { words: since, class: "" }
        }
    }
}

pub(super) struct Line {
    pub url: String,
    pub rule: &'static str,
    pub name: String,
    pub institute: String,
    pub reason: String,
    pub happened: String,
    pub age: Age,
    pub state: &'static str,
}

impl Line {
    pub fn new(flag: &Flag, now: Timestamp) -> Self {
        Self {
            url: urls::flag(&flag.id),
            rule: flag.rule.words(),
            name: flag.name.clone(),
            institute: flag.institute.as_ref().map_or_else(|| "system".to_owned(), ToString::to_string),
            reason: flag.reason.clone(),
            happened: filters::moment(flag.happened_at),
            age: Age::of(flag, now),
            state: state(flag),
        }
    }
}

fn state(flag: &Flag) -> &'static str {
    flag.decision().map_or("Open", Decision::words)
}

#[derive(Template)]
#[template(path = "audit/flags.html")]
pub(super) struct FlagsPage {
    pub layout: Layout,
    pub rules: Vec<Choice>,
    pub institutes: Vec<Choice>,
    pub states: Vec<Choice>,
    pub person: String,
    pub filtered: bool,
    pub open: usize,
    pub cut: bool,
    pub lines: Vec<Line>,
}

pub(super) fn rules(chosen: Option<Rule>) -> Vec<Choice> {
    Rule::ALL
        .into_iter()
        .map(|rule| Choice {
            value: rule.as_str().to_owned(),
            words: rule.words().to_owned(),
            selected: chosen == Some(rule),
        })
        .collect()
}

pub(super) struct Reviewed {
    pub name: String,
    pub at: String,
    pub decision: &'static str,
    pub note: String,
}

#[derive(Template)]
#[template(path = "audit/flags_one.html")]
pub(super) struct FlagPage {
    pub layout: Layout,
    pub line: Line,
    pub raised: String,
    pub open: bool,
    pub entries: Vec<String>,
    pub reviews: Vec<Reviewed>,
    pub action: String,
    pub rev: i64,
    pub own: bool,
    pub decisions: Vec<Choice>,
    pub note: String,
    pub errors: Vec<FieldError>,
    /// Somebody else reviewed it in the meantime.
    pub conflict: bool,
}

impl FlagPage {
    pub fn new(layout: Layout, flag: &Flag, own: bool, now: Timestamp, form: &ReviewForm) -> Self {
        Self {
            layout,
            line: Line::new(flag, now),
            raised: filters::moment(flag.raised_at),
            open: flag.open,
            entries: flag.entries.clone(),
            reviews: flag
                .reviews
                .iter()
                .map(|review| Reviewed {
                    name: review.name.clone(),
                    at: filters::moment(review.at),
                    decision: review.decision.words(),
                    note: review.note.clone(),
                })
                .collect(),
            action: format!("{}/review", urls::flag(&flag.id)),
            rev: flag.rev,
            own,
            decisions: Decision::ALL
                .into_iter()
                .map(|decision| Choice {
                    value: decision.as_str().to_owned(),
                    words: match decision {
                        Decision::Fine => "Fine – there is a good reason".to_owned(),
                        Decision::FollowUp => "Follow up – I am asking; it stays open".to_owned(),
                        Decision::Incident => "Incident – handed over as one".to_owned(),
                    },
                    selected: form.decision == decision.as_str(),
                })
                .collect(),
            note: form.note.clone(),
            errors: Vec::new(),
            conflict: false,
        }
    }
}
