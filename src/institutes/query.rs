use crate::cases::{Assignee, CasePlace, CaseQuery, CaseSort, Status, Tag};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{CaseLabel, IdError, UserId};
use crate::users::Colleague;
use crate::web::Params;

/// Reads what is asked of the cases of an institute; an unknown or unreadable parameter is an error with its name.
pub(crate) fn query_of(params: &Params, user: &UserId, colleagues: &[Colleague]) -> AppResult<CaseQuery> {
    let mut query = CaseQuery::default();
    let mut after = None;
    let mut wrong = Vec::new();
    for (at, (name, value)) in params.pairs().iter().enumerate() {
        let is_repeated = params.pairs()[..at].iter().any(|(earlier, _)| earlier == name);
        match name.as_str() {
            "q" | "assignee" | "sort" | "after" if is_repeated => {
                wrong.push(FieldError::new(name, value, "is given twice"));
            }
            "q" if value.len() <= 200 => query.text.clone_from(value),
            "q" => wrong.push(FieldError::new(name, value, "is longer than 200 characters")),
            "status" => match Status::parse(value) {
                Some(status) if query.status.contains(&status) => {}
                Some(status) => query.status.push(status),
                None => wrong.push(FieldError::new(name, value, "is not a status")),
            },
            "tag" | "assignee" | "after" | "cohort" | "group" if value.is_empty() => {}
            "tag" => match Tag::parse(value) {
                Some(tag) => query.tags.push(tag),
                None => wrong.push(FieldError::new(name, value, "is not a tag")),
            },
            "cohort" | "group" => match value.parse::<CaseLabel>() {
                Ok(label) if name == "cohort" => query.cohorts.push(label.to_string()),
                Ok(label) => query.groups.push(label.to_string()),
                Err(IdError { rule, .. }) => wrong.push(FieldError::new(name, value, rule)),
            },
            "assignee" if value == "me" => query.assignee = Some(Assignee::User(user.clone())),
            "assignee" if value == "nobody" => query.assignee = Some(Assignee::Nobody),
            "assignee" => match colleagues.iter().find(|colleague| colleague.id.as_str() == value) {
                Some(colleague) => query.assignee = Some(Assignee::User(colleague.id.clone())),
                None => {
                    wrong.push(FieldError::new(name, value, "must be me, nobody or a colleague who reads cases here"));
                }
            },
            "sort" => match CaseSort::parse(value) {
                Some(sort) => query.sort = sort,
                None => wrong.push(FieldError::new(name, value, "is nothing that cases are sorted by")),
            },
            "after" => after = Some(value),
            _ => wrong.push(FieldError::new(name, value, "this parameter is not known")),
        }
    }
    if let Some(value) = after {
        query.after = CasePlace::parse(value, query.sort);
        if query.after.is_none() {
            wrong.push(FieldError::new("after", value, "is not a place among cases sorted so"));
        }
    }
    if wrong.is_empty() { Ok(query) } else { Err(AppError::Unprocessable(wrong)) }
}
