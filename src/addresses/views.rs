//! What the page of rules shows of each subject.

use jiff::Timestamp;

use super::forms::{LimitsForm, written};
use super::model::{AddressRules, Limits, Subject};
use crate::db::StoreError;
use crate::error::FieldError;
use crate::events::Event;
use crate::web::filters;

/// One subject: what is stored, and the form.
pub(super) struct Card {
    pub number: usize,
    pub subject: String,
    pub words: String,
    pub about: &'static str,
    pub lines: Vec<NetworkLine>,
    pub contact: String,
    pub run_out: bool,
    pub rev: i64,
    pub typed_networks: String,
    pub networks_error: String,
    pub typed_contact: String,
    pub contact_error: String,
    /// Whether the form is what the page is about.
    pub open: bool,
    pub conflict: bool,
}

pub(super) struct NetworkLine {
    pub network: String,
    pub reason: String,
    pub owner: String,
    pub added: String,
    pub last_day: String,
    pub over: bool,
}

pub(super) struct ChangeLine {
    pub at: String,
    pub who: String,
    pub subject: String,
    pub what: Vec<String>,
}

/// What happened before the page is shown.
#[derive(Default)]
pub(super) struct Outcome {
    pub saved: bool,
    pub problem: &'static str,
    pub errors: Vec<FieldError>,
    pub form: Option<LimitsForm>,
    pub conflict: bool,
}

fn about(subject: &Subject) -> &'static str {
    match subject {
        Subject::System => "Signing in, and everything behind it, for everybody.",
        Subject::Institute(_) => "Every role in the institute, also those below.",
        Subject::Role(_) => "This role, besides what is said above.",
    }
}

impl Card {
    pub(super) fn new(number: usize, rules: AddressRules, outcome: &Outcome, now: Timestamp) -> Self {
        let form = outcome.form.as_ref().filter(|form| form.subject == rules.subject);
        let shown = form.cloned().unwrap_or_else(|| LimitsForm::of(&rules));
        let error = |field: &str| {
            let all = outcome.errors.iter().filter(|error| error.field == field && form.is_some());
            all.map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ")
        };
        Self {
            number,
            subject: rules.subject.to_string(),
            words: rules.subject.words(),
            about: about(&rules.subject),
            run_out: rules.limits.have_run_out(now),
            rev: shown.rev,
            networks_error: error("networks"),
            contact_error: error("contact"),
            typed_networks: shown.networks,
            typed_contact: shown.contact,
            open: form.is_some(),
            conflict: form.is_some() && outcome.conflict,
            lines: rules
                .limits
                .networks
                .iter()
                .map(|allowed| NetworkLine {
                    network: allowed.network.to_string(),
                    reason: allowed.reason.clone(),
                    owner: allowed.owner.name.clone(),
                    added: filters::date(allowed.added_at),
                    last_day: allowed.last_day.map(|day| day.to_string()).unwrap_or_default(),
                    over: !allowed.is_current(now),
                })
                .collect(),
            contact: rules.limits.contact,
        }
    }
}

impl ChangeLine {
    pub(super) fn new(event: Event) -> Result<Self, StoreError> {
        let read = |state: bson::Bson| match state {
            bson::Bson::Null => Ok(Limits::default()),
            state => bson::deserialize_from_bson::<Limits>(state).map_err(|error| StoreError::Unreadable {
                collection: "events",
                id: event.id.clone(),
                reason: error.to_string(),
            }),
        };
        let (before, after) = (read(event.before)?, read(event.after)?);
        let lines = |limits: &Limits| limits.networks.iter().map(written).collect::<Vec<_>>();
        let (old, new) = (lines(&before), lines(&after));
        let mut what: Vec<String> = Vec::new();
        what.extend(new.iter().filter(|line| !old.contains(line)).map(|line| format!("allowed {line}")));
        what.extend(old.iter().filter(|line| !new.contains(line)).map(|line| format!("taken out {line}")));
        if new.is_empty() {
            what.push("open from everywhere".to_owned());
        }
        if before.contact != after.contact {
            what.push(format!("whom to call: {}", if after.contact.is_empty() { "nobody" } else { &after.contact }));
        }
        let subject = event.subject.strip_prefix("addresses/").unwrap_or(&event.subject).to_owned();
        Ok(Self { at: filters::moment(event.at), who: event.actor.name, subject, what })
    }
}
