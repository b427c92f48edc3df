//! One's own API tokens.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::principal::Principal;
use crate::auth::token::ApiToken;
use crate::error::{AppError, AppResult};
use crate::web::{Access, CsrfForm, Layout, Page, Routes, filters, see_other};

pub(super) fn routes() -> Routes {
    Routes::new().get("/account/tokens", Access::SignedIn, show).post(
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
}

struct TokenLine {
    hash: String,
    institute: String,
    scope: &'static str,
    made: String,
    expires: String,
}

impl TokenLine {
    fn new(token: ApiToken) -> Self {
        Self {
            institute: token.institute.to_string(),
            scope: token.scope.words(),
            made: filters::moment(token.created_at),
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
    let tokens = app.tokens.of_user(principal.user(), app.clock.now()).await?;
    page.render(|layout| TokensPage {
        layout,
        tokens: tokens.into_iter().map(TokenLine::new).collect(),
        revoked: query.done == "revoked",
    })
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
