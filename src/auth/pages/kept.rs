use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;

use crate::app::AppState;
use crate::auth::cookie;
use crate::auth::kept::{Form, KEPT_FOR};
use crate::auth::principal::Principal;
use crate::error::AppResult;
use crate::web::{Access, CsrfForm, Layout, Page, Routes, filters, see_other};

pub(super) fn routes() -> Routes {
    Routes::new().get("/account/kept", Access::SignedIn, show).post("/account/kept/discard", Access::SignedIn, discard)
}

#[derive(Template)]
#[template(path = "auth/kept.html")]
struct KeptPage {
    layout: Layout,
    form: Form,
    sent: String,
    until: String,
}

/// `GET /account/kept`: what this person sent, to send it again. Where nothing is kept for them, their first page.
async fn show(
    page: Page,
    State(app): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
) -> AppResult<Response> {
    let kept = match cookie::kept(&headers) {
        Some(handle) => app.kept_forms.find(handle, principal.user(), app.clock.now()).await?,
        None => None,
    };
    let Some((form, sent)) = kept else { return Ok(see_other("/")) };
    let until = filters::moment(sent + KEPT_FOR);
    page.render(|layout| KeptPage { layout, form, sent: filters::moment(sent), until })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// `POST /account/kept/discard`
async fn discard(
    State(app): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    if let Some(handle) = cookie::kept(&headers)
        && app.kept_forms.find(handle, principal.user(), app.clock.now()).await?.is_some()
    {
        app.kept_forms.forget(handle).await?;
    }
    let mut response = see_other("/");
    response.headers_mut().append(header::SET_COOKIE, cookie::clear_kept());
    Ok(response)
}
