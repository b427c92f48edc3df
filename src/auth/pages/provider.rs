use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use tracing::warn;

use super::invitation::{invited, to_second_factor};
use super::{refused, with_half};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::cookie;
use crate::auth::half::{Pending, Sets, Stage};
use crate::auth::provider::{Flow, Identity, Provider, ProviderError};
use crate::auth::sign_in::Anonymous;
use crate::error::{AppError, AppResult};
use crate::users::User;
use crate::web::{Access, Layout, Page, Path, Routes};

/// Where browsers come back to; registered with every provider.
pub(super) const BACK: &str = "/auth/callback";
const NOT_COMPLETED: &str =
    "The sign-in with the identity provider was not completed. Begin again from the sign-in page.";

pub(super) fn routes() -> Routes {
    Routes::new().post("/login/with/{provider}", Access::Public, begin).get(BACK, Access::Public, come_back)
}

/// A provider to choose.
pub(super) struct Choice {
    pub id: String,
    pub name: String,
}

/// The providers, in the order of the configuration.
pub(super) fn choices(app: &AppState) -> Vec<Choice> {
    let choice = |provider: &Provider| Choice { id: provider.id().to_owned(), name: provider.name().to_owned() };
    app.sign_in.providers.all().map(choice).collect()
}

#[derive(Deserialize)]
pub(super) struct ProviderPath {
    provider: String,
}

/// What a browser leaves for a provider with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BeginForm {
    /// Token of the invitation that links the identity.
    invitation: Option<String>,
}

/// The way to a provider. A page and no redirect: our policy lets forms lead nowhere but here.
#[derive(Template)]
#[template(path = "auth/leaving.html")]
struct LeavingPage {
    layout: Layout,
    name: String,
    url: String,
}

/// `POST /login/with/{provider}`
async fn begin(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    Path(ProviderPath { provider }): Path<ProviderPath>,
    Form(form): Form<BeginForm>,
) -> AppResult<Response> {
    anonymous.within_limits(&app, &trail, &provider)?;
    let provider = app.sign_in.providers.find(&provider).ok_or(AppError::NotFound("identity provider"))?;
    let invitation = match &form.invitation {
        Some(token) => Some(invited(&app, &trail, token).await?.0.id),
        None => None,
    };
    let now = app.clock.now();
    let (url, secrets) = provider.begin(&back(&app), now).await.map_err(|error| told(provider, &trail, &error))?;
    let handle = app.sign_in.flows.start(provider.id(), secrets, invitation, now).await?;
    let mut shown = page.render(|layout| LeavingPage { layout, name: provider.name().to_owned(), url })?;
    shown.headers_mut().append(header::SET_COOKIE, cookie::start_flow(&handle));
    Ok(shown)
}

/// The address that browsers come back to, from the configuration, never from the request.
fn back(app: &AppState) -> String {
    format!("{}{BACK}", app.config.origin())
}

/// The answer to a provider that fails; the trail and the log learn why.
fn told(provider: &Provider, trail: &Trail, error: &ProviderError) -> AppError {
    trail.note_reason(&error.to_string());
    match error {
        ProviderError::Unavailable(_) => {
            warn!(provider = provider.id(), "{error}");
            AppError::ProviderUnavailable
        }
        ProviderError::Refused(_) => AppError::BadRequest(NOT_COMPLETED.to_owned()),
    }
}

/// What a provider sends a browser back with (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Deserialize)]
pub(super) struct Back {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// `GET /auth/callback`: the identity that the provider vouches for, once. Then the second factor, which is ours.
async fn come_back(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> AppResult<Response> {
    anonymous.within_limits(&app, &trail, "callback")?;
    let (flow, provider) = ours(&app, &trail, &headers, &back).await?;
    let code = back.code.filter(|code| !code.is_empty()).ok_or_else(|| not_ours(&trail, "no code came back"))?;
    let now = app.clock.now();
    let Flow { secrets, invitation, .. } = flow;
    let found = provider.finish(code, secrets, &self::back(&app), now).await;
    let identity = found.map_err(|error| told(provider, &trail, &error))?;
    let mut response = if let Some(invitation) = invitation {
        link(&app, &trail, &invitation, identity).await?
    } else if let Some(user) = entitled(&app, &trail, &identity).await? {
        with_half("/login/code", &app.sign_in.halves.start(&user.id, Stage::Code, None, now).await?)
    } else {
        let name = provider.name().to_owned();
        refused(page.render(|layout| UnknownPage { layout, name }), StatusCode::FORBIDDEN)?
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::clear_flow());
    Ok(response)
}

/// What this browser left with, used up; and that its answer is the one to it.
async fn ours<'a>(
    app: &'a AppState,
    trail: &Trail,
    headers: &HeaderMap,
    back: &Back,
) -> AppResult<(Flow, &'a Provider)> {
    let handle = cookie::flow(headers).ok_or_else(|| not_ours(trail, "this browser did not leave for a provider"))?;
    let flow = app.sign_in.flows.take(handle, app.clock.now()).await?;
    let flow =
        flow.ok_or_else(|| not_ours(trail, "the sign-in with the provider is over, or its answer came before"))?;
    let provider = app.sign_in.providers.find(&flow.provider);
    let provider = provider.ok_or_else(|| not_ours(trail, "the provider is not configured any more"))?;
    let state = back.state.as_deref().unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(flow.secrets.state.as_bytes())) {
        return Err(not_ours(trail, "the answer is to another sign-in"));
    }
    if back.iss.as_deref().is_some_and(|issuer| issuer != provider.issuer()) {
        return Err(not_ours(trail, "the answer is another provider's"));
    }
    if back.error.is_some() {
        return Err(not_ours(trail, "the provider says that the person did not sign in"));
    }
    Ok((flow, provider))
}

fn not_ours(trail: &Trail, why: &'static str) -> AppError {
    trail.note_reason(why);
    AppError::BadRequest(NOT_COMPLETED.to_owned())
}

/// The account of an identity, when it may sign in. Unknown, disabled and unfinished accounts look alike.
async fn entitled(app: &AppState, trail: &Trail, identity: &Identity) -> AppResult<Option<User>> {
    let Some(id) = app.sign_in.identities.owner(identity).await? else {
        trail.note_reason("no account is linked to this person of the identity provider");
        return Ok(None);
    };
    let Some(user) = app.users.by_id(&id).await? else {
        trail.note_reason("the account is gone");
        return Ok(None);
    };
    trail.note_tried(&user);
    if user.disabled || !user.has_a_role() {
        trail.note_reason("the account is disabled or has no role");
        return Ok(None);
    }
    if app.sign_in.credentials.of(&user.id).await?.is_none_or(|present| present.totp.is_none()) {
        trail.note_reason("no authenticator is set up; an invitation is needed");
        return Ok(None);
    }
    trail.note_user(&user.id, &user.name);
    Ok(Some(user))
}

/// What somebody is told whom the provider knows and we do not.
#[derive(Template)]
#[template(path = "auth/unknown.html")]
struct UnknownPage {
    layout: Layout,
    name: String,
}

/// Links an identity by an invitation; it takes effect with the second factor.
async fn link(app: &AppState, trail: &Trail, invitation: &str, identity: Identity) -> AppResult<Response> {
    let found = app.sign_in.invitations.live(invitation, app.clock.now()).await?;
    let user = match &found {
        Some(invitation) => app.users.by_id(&invitation.user).await?,
        None => None,
    };
    let Some((invitation, user)) = found.zip(user.filter(|user| !user.disabled && user.has_a_role())) else {
        trail.note_reason("no such invitation, or it is over");
        return Err(AppError::NotFound(crate::auth::sign_in::INVITATION_ENDED));
    };
    trail.note_tried(&user);
    trail.note_user(&user.id, &user.name);
    to_second_factor(app, &user, Pending { invitation: invitation.id, sets: Sets::Identity(identity) }).await
}
