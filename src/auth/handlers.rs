use std::net::SocketAddr;

use askama::Template;
use axum::Form;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts as _, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tracing::error;

use super::extract::{Asked, Asker};
use super::half::Half;
use super::sign_in::Anonymous;
use super::{cookie, pages};
use crate::app::AppState;
use crate::audit;
use crate::db::StoreError;
use crate::error::{AppError, AppResult};
use crate::web::{Access, Layout, Page, Routes, read_form, see_other};

/// The router of sign-in: pages of sign-in and of one's account, `/logout` and the demo's link.
#[must_use]
pub fn routes() -> Routes {
    pages::routes().post("/logout", Access::SignedIn, sign_out).get("/auth/demo", Access::Public, show_demo_link).post(
        "/auth/demo",
        Access::Public,
        enter_demo,
    )
}

/// The form that signs out: of the session, or of the half session where there is no session.
pub struct SignOutForm;

impl FromRequest<AppState> for SignOutForm {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> AppResult<Self> {
        let (mut parts, body) = request.into_parts();
        let expected = match Asker::of(&mut parts, app).await? {
            Asked::Nobody => {
                let half = Half::of(&parts.headers, app).await?.ok_or(AppError::SignInRequired)?;
                let Ok(trail) = audit::Trail::from_request_parts(&mut parts, app).await;
                trail.note_tried(&half.user);
                trail.note_user(&half.user.id, &half.user.name);
                half.csrf
            }
            // Also where nothing else is open.
            Asked::Inside(principal) | Asked::Outside(principal, _) => {
                principal.csrf().ok_or(AppError::Forbidden("Forms are for people; a script uses the API."))?.clone()
            }
        };
        read_form::<NoFields>(Request::from_parts(parts, body), app, &expected).await?;
        Ok(Self)
    }
}

/// `POST /logout`
pub async fn sign_out(State(app): State<AppState>, headers: HeaderMap, _: SignOutForm) -> AppResult<Response> {
    let ended = async {
        if let Some(id) = cookie::read(&headers) {
            app.sessions.end(id).await?;
        }
        if let Some(id) = cookie::half(&headers) {
            app.sign_in.halves.end(id).await?;
        }
        Ok::<_, StoreError>(())
    }
    .await;
    // The browser forgets in any case.
    let mut response = match ended {
        Ok(()) => see_other("/login"),
        Err(error) => {
            error!(%error, "a session could not be ended; it ends by itself");
            AppError::SignedOutHereOnly.into_response()
        }
    };
    for cleared in [cookie::clear(), cookie::clear_half(), cookie::clear_target()] {
        response.headers_mut().append(header::SET_COOKIE, cleared);
    }
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
    anonymous: Anonymous,
    Form(form): Form<DemoToken>,
) -> AppResult<Response> {
    demo_door(&app, &peer)?;
    let now = app.clock.now();
    let user = app.demo_links.consume(&form.token, now).await?.ok_or(AppError::NotFound(LINK_ENDED))?;
    let user = app.users.by_id(&user).await?.filter(|user| !user.disabled).ok_or(AppError::NotFound(LINK_ENDED))?;
    trail.note_user(&user.id, &user.name);
    // The link counts as both factors, and as no fresh code.
    let session = anonymous.enter(&app, &user).await?;
    Ok(pages::with_session(see_other("/"), &session))
}
