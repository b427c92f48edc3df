//! Parts that pages about people share.

use askama::Template;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::decide::Invitation;
use super::forms::{Row, row_field};
use super::model::{Role, User};
use super::standing::Standing;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Administration, INVITATION_LIFETIME, Principal, StepUpClass, SteppedUp, WaysIn};
use crate::error::{AppError, AppResult, FieldError};
use crate::institutes::Institute;
use crate::web::{Layout, Page, filters, urls};

/// Somebody gave a fresh code for administration.
pub(super) type Confirmed = SteppedUp<Administration>;

/// One choice of a list.
pub(super) struct Choice {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

impl Choice {
    fn new(value: &str, label: &str, chosen: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), selected: value == chosen }
    }
}

/// A row of two lists.
pub(super) struct RowView {
    pub field: String,
    pub number: usize,
    pub error: String,
    pub places: Vec<Choice>,
    pub roles: Vec<Choice>,
}

/// Rows as they were filled in, and `spare` empty ones.
pub(super) fn rows(filled: &[Row], spare: usize, institutes: &[Institute], errors: &[FieldError]) -> Vec<RowView> {
    let kept = filled.iter().filter(|row| **row != Row::default()).count();
    let all =
        filled.iter().cloned().chain(std::iter::repeat_n(Row::default(), (kept + spare).saturating_sub(filled.len())));
    all.enumerate()
        .map(|(number, row)| {
            let field = row_field(number);
            let mut places =
                vec![Choice::new("", "no role", &row.place), Choice::new("system", "the whole system", &row.place)];
            places.extend(
                institutes
                    .iter()
                    .map(|one| Choice::new(one.id.as_str(), &format!("{} ({})", one.name, one.id), &row.place)),
            );
            let mut roles = vec![Choice::new("", "–", &row.role)];
            roles.extend(Role::ALL.into_iter().map(|role| Choice::new(role.as_str(), role.as_str(), &row.role)));
            let error = error_of(errors, &field);
            RowView { field, number: number + 1, error, places, roles }
        })
        .collect()
}

/// What is wrong with a field; empty when nothing is.
pub(crate) fn error_of(errors: &[FieldError], field: &str) -> String {
    errors.iter().find(|error| error.field == field).map(|error| error.message.clone()).unwrap_or_default()
}

/// How somebody can sign in, in words.
pub(super) struct WaysView {
    pub factors: Vec<String>,
    pub last_seen: String,
    pub reset: Option<ResetView>,
    pub authenticator: bool,
}

/// A reset that waits for the second person.
pub(super) struct ResetView {
    pub by: String,
    pub at: String,
}

impl WaysView {
    pub(super) fn new(app: &AppState, ways: Option<&WaysIn>) -> Self {
        let Some(ways) = ways else {
            return Self { factors: Vec::new(), last_seen: String::new(), reset: None, authenticator: false };
        };
        let mut factors = Vec::new();
        if ways.passphrase {
            factors.push("passphrase".to_owned());
        }
        for issuer in &ways.issuers {
            let known = app.config.sign_in.providers.iter().find(|provider| provider.issuer == *issuer);
            factors.push(known.map_or_else(|| issuer.clone(), |provider| provider.name.clone()));
        }
        if ways.authenticator.is_some() {
            factors.push(format!("authenticator, {} recovery codes left", ways.recovery_codes));
        }
        Self {
            factors,
            last_seen: ways.last_seen.map(filters::moment).unwrap_or_default(),
            reset: ways.reset.as_ref().map(|asked| ResetView { by: asked.by.clone(), at: filters::moment(asked.at) }),
            authenticator: ways.authenticator.is_some(),
        }
    }
}

/// Where a fresh code is given before something is changed; none when one was given.
pub(crate) fn code_first(app: &AppState, principal: &Principal, back: &str) -> Option<String> {
    let class = StepUpClass::Administration;
    (!principal.has_opened(class, app.clock.now())).then(|| urls::confirm(class, back))
}

/// The page with another status than 200.
pub(crate) fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

/// Notes in the trail which roles were given and ended.
pub(super) fn note_roles(trail: &Trail, before: &Standing, after: &Standing) {
    after.beyond(before).iter().for_each(|grant| trail.note_done("role", &grant.to_string(), None));
    before.beyond(after).iter().for_each(|grant| trail.note_done("role_ended", &grant.to_string(), None));
}

/// The address by which somebody is named as one of two people: unlike a name, it is one person's.
pub(super) async fn address_of(app: &AppState, principal: &Principal) -> AppResult<String> {
    let user = app.users.by_id(principal.user()).await?.ok_or(AppError::SignInRequired)?;
    Ok(user.email.to_string())
}

#[derive(Template)]
#[template(path = "users/link.html")]
struct LinkPage {
    layout: Layout,
    name: String,
    link: String,
    hours: i64,
    until: String,
    /// Whether the person needs the authenticator they have.
    keeps_authenticator: bool,
    /// Whether the authenticator was reset just now.
    reset: bool,
    back: String,
}

/// Shows the link of an invitation, this once.
pub(super) async fn show_link(
    app: &AppState,
    page: Page,
    user: &User,
    invitation: Invitation,
    reset: bool,
    back: String,
) -> AppResult<Response> {
    let ways = app.ways_in.among(std::slice::from_ref(&user.id), app.clock.now()).await?;
    let mut response = page.render(|layout| LinkPage {
        layout,
        name: user.name.clone(),
        link: invitation.link,
        hours: INVITATION_LIFETIME.as_hours(),
        until: filters::moment(invitation.until),
        keeps_authenticator: ways.get(&user.id).is_some_and(|ways| ways.authenticator.is_some()),
        reset,
        back,
    })?;
    // A secret on a page must not come back with the back button.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}
