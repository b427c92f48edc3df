use std::net::SocketAddr;

use askama::Template;
use axum::Form;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::cookie;
use crate::app::AppState;
use crate::audit;
use crate::error::{AppError, AppResult};
use crate::web::{Access, CsrfForm, Layout, Page, Routes, see_other};

/// The router of sign-in: `/login`, `/logout` and the demo's link.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/login", Access::Public, show_sign_in)
        .post("/logout", Access::SignedIn, sign_out)
        .get("/auth/demo", Access::Public, show_demo_link)
        .post("/auth/demo", Access::Public, enter_demo)
}

#[derive(Template)]
#[template(path = "auth/sign_in.html")]
struct SignInPage {
    layout: Layout,
    demo: bool,
}

async fn show_sign_in(page: Page, State(app): State<AppState>) -> AppResult<Response> {
    page.render(|layout| SignInPage { layout, demo: app.demo })
}

/// `POST /logout`
pub async fn sign_out(State(app): State<AppState>, headers: HeaderMap, _: CsrfForm<NoFields>) -> AppResult<Response> {
    if let Some(id) = cookie::read(&headers) {
        app.sessions.end(id).await?;
    }
    let mut response = see_other("/login");
    response.headers_mut().insert(header::SET_COOKIE, cookie::clear());
    // Pages that the browser keeps must not come back with the back button.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// A form whose only content is its token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoToken {
    token: String,
}

#[derive(Template)]
#[template(path = "auth/demo_link.html")]
struct DemoLinkPage {
    layout: Layout,
    name: String,
    roles: Vec<String>,
    token: String,
}

/// The demo's door exists on demo databases and for this machine only; elsewhere it is not there.
fn demo_door(app: &AppState, peer: &SocketAddr) -> AppResult<()> {
    if app.demo && peer.ip().to_canonical().is_loopback() { Ok(()) } else { Err(AppError::NotFound("page")) }
}

const LINK_ENDED: &str = "link (it works once, for ten minutes; `lodestone demo-link` prints another)";

async fn show_demo_link(
    page: Page,
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(query): Query<DemoToken>,
) -> AppResult<Response> {
    demo_door(&app, &peer)?;
    let user = app.demo_links.find(&query.token, app.clock.now()).await?.ok_or(AppError::NotFound(LINK_ENDED))?;
    let user = app.users.by_id(&user).await?.ok_or(AppError::NotFound(LINK_ENDED))?;
    page.render(|layout| DemoLinkPage { layout, roles: user.grants(), name: user.name, token: query.token })
}

async fn enter_demo(
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    trail: audit::Trail,
    Form(form): Form<DemoToken>,
) -> AppResult<Response> {
    demo_door(&app, &peer)?;
    let now = app.clock.now();
    let user = app.demo_links.consume(&form.token, now).await?.ok_or(AppError::NotFound(LINK_ENDED))?;
    let user = app.users.by_id(&user).await?.filter(|user| !user.disabled).ok_or(AppError::NotFound(LINK_ENDED))?;
    let id = app.sessions.start(&user.id, now).await?;
    trail.note_user(&user.id, &user.name);
    let mut response = see_other("/").into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie::start(&id));
    Ok(response)
}
