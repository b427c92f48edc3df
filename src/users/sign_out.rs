//! Giving members the right to sign out, and taking it away: who confirms, as a second person, what another decided.

use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use serde::Deserialize;

use super::access::MemberAdmin;
use super::member::refuse;
use super::model::User;
use super::views::Confirmed;
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::UserId;
use crate::institutes::{Changed, Choices, Institute, SignOut, change};
use crate::variants::Category;
use crate::web::{CsrfForm, Page, filters, see_other, urls};

/// How often settings that others change at the same time are read again.
const TRIES: usize = 5;

/// A category with what somebody may sign out of it.
pub(super) struct SignOutView {
    pub word: &'static str,
    pub words: &'static str,
    /// The right as forms give it back; empty while there is none.
    pub held: String,
    /// Its days in words.
    pub days: String,
    /// First day, as it would be given now.
    pub from: String,
    pub until: String,
}

/// Of a member, in the order of [`Category::ALL`].
pub(super) fn views(institute: &Institute, user: &UserId, today: Date) -> Vec<SignOutView> {
    let view = |category: Category| {
        let held = right_of(&institute.sign_out, user, category);
        SignOutView {
            word: category.as_str(),
            words: category.words(),
            held: held.map(SignOut::words).unwrap_or_default(),
            days: held.map(SignOut::days).unwrap_or_default(),
            from: held.map_or(today, |right| right.from).to_string(),
            until: held.and_then(|right| right.until).map(|until| until.to_string()).unwrap_or_default(),
        }
    };
    Category::ALL.into_iter().map(view).collect()
}

fn right_of<'a>(rights: &'a [SignOut], user: &UserId, category: Category) -> Option<&'a SignOut> {
    rights.iter().find(|right| right.user == *user && right.category == category)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOutForm {
    category: String,
    on: String,
    /// The right as it was shown, in words; empty for none.
    held: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

impl SignOutForm {
    /// The category, and the right to it; none to take it away.
    fn read(&self, of: &User) -> AppResult<(Category, Option<SignOut>)> {
        let mut wrong = Vec::new();
        let mut note = |field: &str, value: &str, why: &str| wrong.push(FieldError::new(field, value, why));
        let category = Category::ALL.into_iter().find(|category| category.as_str() == self.category);
        if category.is_none() {
            note("category", &self.category, "is not a category of variants");
        }
        let on = self.on == "1";
        if !on && self.on != "0" {
            note("on", &self.on, "must be 1 or 0");
        }
        let mut day = |field: &str, text: &str| {
            let read = text.trim().parse::<Date>();
            read.map_err(|_| note(field, text, "write a day as 2026-03-31")).ok()
        };
        let from = if on { day("from", &self.from) } else { None };
        let until = if on && !self.until.trim().is_empty() { day("until", &self.until) } else { None };
        if let (Some(from), Some(until)) = (from, until)
            && until < from
        {
            note("until", &self.until, "is before the first day");
        }
        let (Some(category), true) = (category, wrong.is_empty()) else { return Err(AppError::Unprocessable(wrong)) };
        Ok((category, from.map(|from| SignOut { user: of.id.clone(), name: of.name.clone(), category, from, until })))
    }
}

/// `POST /{institute}/members/{user}/sign-out`: nobody gives it to themselves.
pub(super) async fn set(
    member: MemberAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<SignOutForm>,
) -> AppResult<Response> {
    let user = &member.member().id;
    let (category, wanted) = form.read(member.member())?;
    if member.is_own() && wanted.is_some() {
        return refuse(&member, page, &app, &trail, "Nobody gives themselves the right to confirm causes.").await;
    }
    let admin = member.admin();
    let mut institute = member.institute().clone();
    for _ in 0..TRIES {
        let held = right_of(&institute.sign_out, user, category).map(SignOut::words).unwrap_or_default();
        let to = wanted.as_ref().map(SignOut::words).unwrap_or_default();
        if held != form.held && held != to {
            let why = "Somebody else changed this right in the meantime. It stands below as it is now; change it again if it is wrong.";
            return refuse(&member, page, &app, &trail, why).await;
        }
        let mut sign_out = institute.sign_out.clone();
        sign_out.retain(|right| right.user != *user || right.category != category);
        sign_out.extend(wanted.clone());
        let choices = Choices { sign_out, ..institute.choices() };
        match change(&app, &institute, institute.rev, &choices, admin.authority(), &admin.actor()).await? {
            Changed::Stored(_) | Changed::AsBefore => {
                let said = if wanted.is_some() { "right to sign out given" } else { "right to sign out taken away" };
                trail.note_done("right", said, Some(&institute.id));
                return Ok(see_other(&format!("{}?done=sign-out", urls::member(&institute.id, user))));
            }
            Changed::Conflict(now) => institute = now,
            Changed::NotAllowed => return Err(AppError::NotFound("page")),
            Changed::Partners(why) => return Err(AppError::BadRequest(why)),
        }
    }
    Err(AppError::Overloaded)
}

/// The day on which rights are given now.
pub(super) fn today(app: &AppState) -> Date {
    filters::day(app.clock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(on: &str, from: &str, until: &str) -> Result<Option<String>, Vec<String>> {
        let form = SignOutForm {
            category: "snv".into(),
            on: on.into(),
            held: String::new(),
            from: from.into(),
            until: until.into(),
        };
        let of = User {
            id: UserId::random(),
            email: "ann@lab.example".parse().unwrap(),
            name: "Ann".into(),
            memberships: Vec::new(),
            system_roles: Vec::new(),
            disabled: false,
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            rev: 1,
        };
        match form.read(&of) {
            Ok((_, right)) => Ok(right.map(|right| right.words())),
            Err(AppError::Unprocessable(wrong)) => Err(wrong.into_iter().map(|one| one.field).collect()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_right_has_a_first_day_and_may_have_a_last() {
        assert_eq!(read("1", "2026-03-01", ""), Ok(Some("snv from 2026-03-01".to_owned())));
        assert_eq!(read("1", " 2026-03-01", "2026-03-01"), Ok(Some("snv from 2026-03-01 to 2026-03-01".to_owned())));
        assert_eq!(read("0", "", ""), Ok(None));
        assert_eq!(read("1", "", ""), Err(vec!["from".to_owned()]));
        assert_eq!(read("1", "2026-03-01", "2026-02-28"), Err(vec!["until".to_owned()]));
        assert_eq!(read("yes", "1.3.2026", "soon"), Err(vec!["on".to_owned()]));
    }
}
