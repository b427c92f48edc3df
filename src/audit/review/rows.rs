use super::query::{Group, ReviewQuery, ending_of, is_case};
use super::words;
use crate::audit::entry::{Entry, Subject};
use crate::audit::formats;
use crate::web::filters;
use crate::web::urls;

/// A line of the table: one request or command.
pub(super) struct Row {
    pub url: String,
    pub time: String,
    pub person: Person,
    pub words: String,
    /// The route template; empty where the words are it.
    pub template: String,
    pub case: Option<CaseLink>,
    pub others: Vec<SubjectView>,
    pub institute: String,
    pub outcome: &'static str,
    pub outcome_class: &'static str,
    pub reason: String,
    pub rows: String,
    pub exported: String,
    pub address: String,
    pub marks: Vec<&'static str>,
}

/// Who acted.
pub(super) struct Person {
    pub name: String,
    /// What they did, by day and case.
    pub url: Option<String>,
    pub role: String,
}

/// The case it was about.
pub(super) struct CaseLink {
    pub name: String,
    /// Who opened it.
    pub url: String,
    pub granted: bool,
}

/// Something else it was about.
pub(super) struct SubjectView {
    pub kind: String,
    pub id: String,
    pub granted: bool,
}

/// The institute concerned, and the one whose reader opened its case by a share.
fn place(entry: &Entry) -> String {
    match (&entry.institute, &entry.guest) {
        (Some(owner), Some(guest)) => format!("{owner}, shared with {guest}"),
        (institute, _) => institute.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

impl Row {
    pub(super) fn new(entry: &Entry) -> Self {
        let request = entry.request.as_ref();
        let action = formats::action(entry);
        let words = words::of(entry);
        let ending = ending_of(entry);
        let mut marks = Vec::new();
        if entry.clock_regressed {
            marks.push("clock went back");
        }
        Self {
            url: urls::audit_entry(&entry.id),
            time: second(entry.occurred_at),
            person: Person::of(entry),
            template: if words == action { String::new() } else { action },
            words,
            case: case_of(entry),
            others: others(entry),
            institute: place(entry),
            outcome: ending.words(),
            outcome_class: ending.as_str(),
            reason: entry.reason.clone().unwrap_or_default(),
            rows: entry.rows.map(|rows| filters::thousands(rows.unsigned_abs())).unwrap_or_default(),
            exported: entry.exported.clone().unwrap_or_default(),
            address: request.and_then(|request| request.client_ip.clone()).unwrap_or_default(),
            marks,
        }
    }
}

impl Person {
    pub(super) fn of(entry: &Entry) -> Self {
        let Some(agent) = &entry.agent else {
            return Self { name: "not signed in".to_owned(), url: None, role: String::new() };
        };
        let person = agent.user.as_ref().map_or_else(|| agent.name.clone(), ToString::to_string);
        let query = ReviewQuery { person: Some(person), group: Some(Group::Day), ..ReviewQuery::default() };
        let mut role = agent.role.clone().unwrap_or_default();
        if agent.via == "token" {
            role = format!("{role}{}by API token", if role.is_empty() { "" } else { ", " });
        }
        Self { name: agent.name.clone(), url: Some(urls::audit(&query.pairs())), role }
    }
}

/// The case of an entry, by its name when it has one.
pub(super) fn case_of(entry: &Entry) -> Option<CaseLink> {
    let subjects = subjects(entry);
    let case = subjects
        .iter()
        .find(|subject| subject.kind == "case")
        .or_else(|| subjects.iter().find(|subject| is_case(subject)))?;
    // Auditors of a guest do not see the owner's institute; their own scope says which openings they see.
    let institute = entry.institute.clone().filter(|_| entry.guest.is_none());
    let query =
        ReviewQuery { case: Some(case.id.clone()), institute, group: Some(Group::Person), ..ReviewQuery::default() };
    Some(CaseLink { name: case.id.clone(), url: urls::audit(&query.pairs()), granted: case.granted })
}

fn subjects(entry: &Entry) -> &[Subject] {
    entry.payload.as_ref().map(|payload| payload.subjects.as_slice()).unwrap_or_default()
}

fn others(entry: &Entry) -> Vec<SubjectView> {
    subjects(entry)
        .iter()
        .filter(|subject| !is_case(subject) && subject.kind != "institute")
        .map(|subject| SubjectView {
            kind: subject.kind.replace('_', " "),
            id: subject.id.clone(),
            granted: subject.granted,
        })
        .collect()
}

/// `2016-10-12 14:00:05`, UTC.
pub(super) fn second(at: jiff::Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
