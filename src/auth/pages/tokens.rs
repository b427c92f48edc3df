//! One's own API tokens: listed, made and ended.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{forget_pages, refused};
use crate::addresses::Network;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::principal::Principal;
use crate::auth::step_up::{Administration, StepUpClass, SteppedUp};
use crate::auth::token::{ApiToken, MAX_DAYS, NewToken, TokenScope};
use crate::error::{AppError, AppResult, FieldError};
use crate::web::{Access, CsrfForm, Layout, Page, Routes, filters, see_other, urls};

/// Most characters of a name.
const NAME: usize = 60;
/// Most networks of a token.
const NETWORKS: usize = 50;
const NAMELESS: &str = "Say what the token is for.";
const PATH: &str = "/account/tokens";

pub(super) fn routes() -> Routes {
    Routes::new().get(PATH, Access::SignedIn, show).post(PATH, Access::SteppedUp, make).post(
        "/account/tokens/revoke",
        Access::SignedIn,
        revoke,
    )
}

#[derive(Template)]
#[template(path = "auth/tokens.html")]
struct TokensPage {
    layout: Layout,
    tokens: Vec<TokenLine>,
    revoked: bool,
    /// Institutes whose cases the person reads, here.
    institutes: Vec<String>,
    form: TokenForm,
    scopes: [TokenScope; 2],
    days_hint: String,
    errors: Vec<FieldError>,
    code_first: Option<String>,
}

impl TokensPage {
    /// What is wrong with a field; empty when nothing is.
    fn wrong(&self, field: &str) -> String {
        let all = self.errors.iter().filter(|error| error.field == field);
        all.map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Template)]
#[template(path = "auth/new_token.html")]
struct NewTokenPage {
    layout: Layout,
    token: String,
    line: TokenLine,
}

struct TokenLine {
    hash: String,
    name: String,
    institute: String,
    scope: &'static str,
    addresses: Vec<String>,
    made: String,
    last_used: String,
    expires: String,
}

impl TokenLine {
    fn new(token: ApiToken) -> Self {
        Self {
            name: token.name,
            institute: token.institute.to_string(),
            scope: token.scope.words(),
            addresses: token.addresses.iter().map(ToString::to_string).collect(),
            made: filters::moment(token.created_at),
            last_used: token.last_used_at.map(filters::moment).unwrap_or_default(),
            expires: filters::moment(token.expires_at),
            hash: token.id,
        }
    }
}

#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /account/tokens`
async fn show(
    page: Page,
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    if principal.is_script() {
        return Err(AppError::Forbidden("This page is for people."));
    }
    render(page, &app, &principal, TokenForm::default(), Vec::new(), query.done == "revoked").await
}

async fn render(
    page: Page,
    app: &AppState,
    principal: &Principal,
    form: TokenForm,
    errors: Vec<FieldError>,
    revoked: bool,
) -> AppResult<Response> {
    let now = app.clock.now();
    let tokens = app.tokens.of_user(principal.user(), now).await?;
    let class = StepUpClass::Administration;
    page.render(|layout| TokensPage {
        layout,
        tokens: tokens.into_iter().map(TokenLine::new).collect(),
        revoked,
        institutes: principal.scope().institutes().map(ToString::to_string).collect(),
        form,
        scopes: [TokenScope::Read, TokenScope::Load],
        days_hint: format!("At most {MAX_DAYS}."),
        errors,
        code_first: (!principal.has_opened(class, now)).then(|| urls::confirm(class, PATH)),
    })
}

/// A token as its owner wants it, as it was typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    name: String,
    institute: String,
    scope: TokenScope,
    days: String,
    addresses: String,
}

impl Default for TokenForm {
    fn default() -> Self {
        Self {
            name: String::new(),
            institute: String::new(),
            scope: TokenScope::Read,
            days: "30".to_owned(),
            addresses: String::new(),
        }
    }
}

/// What a token is called, without spaces at its ends.
pub fn read_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(format!("Write at most {NAME} characters on one line."));
    }
    Ok(name.to_owned())
}

impl TokenForm {
    /// The token, or what is wrong with each field.
    fn parse(&self, principal: &Principal) -> Result<NewToken, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut note = |field: &str, value: &str, message: String| wrong.push(FieldError::new(field, value, message));
        let name =
            read_name(&self.name).and_then(|name| if name.is_empty() { Err(NAMELESS.to_owned()) } else { Ok(name) });
        if let Err(message) = &name {
            note("name", &self.name, message.clone());
        }
        let institute = self.institute.parse().ok().filter(|institute| principal.scope().covers(institute));
        if institute.is_none() {
            note("institute", &self.institute, "Choose an institute whose cases you read.".to_owned());
        }
        let days = self.days.trim().parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
        if days.is_none() {
            note("days", &self.days, format!("Write a number of days from 1 to {MAX_DAYS}."));
        }
        let mut addresses: Vec<Network> = Vec::new();
        for text in self.addresses.split_whitespace() {
            match text.parse() {
                Ok(network) if addresses.contains(&network) => {}
                Ok(network) => addresses.push(network),
                Err(error) => note("addresses", text, format!("{error}.")),
            }
        }
        if addresses.len() > NETWORKS {
            note("addresses", "", format!("Write at most {NETWORKS} networks."));
        }
        match (name, institute, days) {
            (Ok(name), Some(institute), Some(days)) if wrong.is_empty() => {
                Ok(NewToken { institute, scope: self.scope, days, name, addresses })
            }
            _ => Err(wrong),
        }
    }
}

/// `POST /account/tokens`: the token is shown this once.
async fn make(
    page: Page,
    State(app): State<AppState>,
    confirmed: SteppedUp<Administration>,
    trail: Trail,
    CsrfForm(form): CsrfForm<TokenForm>,
) -> AppResult<Response> {
    let principal = confirmed.principal();
    let wanted = match form.parse(principal) {
        Ok(wanted) => wanted,
        Err(errors) => {
            let shown = render(page, &app, principal, form, errors, false).await;
            return refused(shown, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    trail.note_done("tokens", "made", Some(&wanted.institute));
    let (token, made) = app.tokens.make(principal.user(), wanted, app.clock.now()).await?;
    page.render(|layout| NewTokenPage { layout, token, line: TokenLine::new(made) }).map(forget_pages)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeForm {
    token: String,
}

/// `POST /account/tokens/revoke`
async fn revoke(
    State(app): State<AppState>,
    principal: Principal,
    trail: Trail,
    CsrfForm(form): CsrfForm<RevokeForm>,
) -> AppResult<Response> {
    if app.tokens.end_one(principal.user(), &form.token).await? {
        trail.note_done("tokens", "revoked", None);
        Ok(see_other("/account/tokens?done=revoked"))
    } else {
        Err(AppError::NotFound("token"))
    }
}
