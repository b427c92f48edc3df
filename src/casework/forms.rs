//! What is submitted about a case itself.

use serde::Deserialize;

use super::change::Wanted;
use crate::cases::{Status, Tag};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{CaseLabel, IdError, UserId};
use crate::users::Colleague;

/// Most characters of a synopsis.
pub(super) const LONGEST: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusForm {
    pub status: String,
    /// Revision that was shown.
    pub rev: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssigneeForm {
    user: String,
    on: String,
    /// `1`: a case that nobody works on any more is not being read either.
    rest: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TagForm {
    tag: String,
    on: String,
}

/// A cohort or a group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelForm {
    name: String,
    on: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SynopsisForm {
    pub text: String,
    /// Revision that was shown.
    pub rev: i64,
}

fn wrong<T>(field: &str, value: &str, message: &str) -> AppResult<T> {
    Err(AppError::Unprocessable(vec![FieldError::new(field, value, message)]))
}

fn is_on(field: &str, value: &str) -> AppResult<bool> {
    match value {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => wrong(field, value, "must be 1 or 0"),
    }
}

impl StatusForm {
    pub(super) fn read(&self) -> AppResult<Wanted> {
        match Status::parse(&self.status) {
            Some(status) => Ok(Wanted::Status(status)),
            None => wrong("status", &self.status, "is not a status"),
        }
    }
}

impl AssigneeForm {
    /// Only who reads the institute's cases is assigned; whoever is, can be taken off.
    pub(super) fn read(&self, readers: &[Colleague]) -> AppResult<Wanted> {
        let Ok(user) = self.user.parse::<UserId>() else {
            return wrong("user", &self.user, "is not the identity of a person");
        };
        let rest = self.rest.as_deref().map_or(Ok(false), |rest| is_on("rest", rest))?;
        if !is_on("on", &self.on)? {
            return Ok(Wanted::Unassigned { user, rest });
        }
        if readers.iter().any(|reader| reader.id == user) {
            return Ok(Wanted::Assigned(user));
        }
        wrong("user", &self.user, "is nobody who reads cases of the institute")
    }
}

impl TagForm {
    pub(super) fn read(&self) -> AppResult<Wanted> {
        match Tag::parse(&self.tag) {
            Some(tag) => Ok(Wanted::Tag(tag, is_on("on", &self.on)?)),
            None => wrong("tag", &self.tag, "is not a tag"),
        }
    }
}

impl LabelForm {
    /// `of`: what it is the name of.
    pub(super) fn read(&self, of: fn(CaseLabel, bool) -> Wanted) -> AppResult<Wanted> {
        let on = is_on("on", &self.on)?;
        match self.name.trim().parse() {
            Ok(label) => Ok(of(label, on)),
            Err(IdError { rule, .. }) => wrong("name", &self.name, rule),
        }
    }
}

impl SynopsisForm {
    /// Lines end as browsers do not send them; an empty text is none.
    pub(super) fn read(&self) -> AppResult<Wanted> {
        let text = self.text.replace("\r\n", "\n").trim().to_owned();
        if text.chars().count() > LONGEST {
            return wrong("text", "", &format!("is longer than {LONGEST} characters"));
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') {
            return wrong("text", "", "has a control character; type it, or paste it as plain text");
        }
        Ok(Wanted::Synopsis((!text.is_empty()).then_some(text)))
    }
}
