use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::factors::{CodesPage, EnrolPage};
use super::provider::{self, Choice};
use super::{
    CodeForm, HalfForm, NOT_AGAIN, ShownSecret, forget_pages, passphrase_hint, refused, texts, with_half, with_session,
};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::half::{Enrolling, Pending, Sets, Stage};
use crate::auth::handlers::NoFields;
use crate::auth::invitation::Invitation;
use crate::auth::password::Passphrase;
use crate::auth::sign_in::{Anonymous, INVITATION_ENDED, Proof};
use crate::error::{AppError, AppResult};
use crate::users::User;
use crate::web::{Access, Layout, Page, Routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/auth/invitation", Access::Public, show)
        .post("/auth/invitation", Access::Public, accept)
        .get("/auth/enrol", Access::Enrolling, show_enrolment)
        .post("/auth/enrol/secret", Access::Enrolling, show_secret)
        .post("/auth/enrol", Access::Enrolling, confirm)
}

/// The token is a parameter, not a part of the path: values of parameters named so are kept out of the trail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitationToken {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptForm {
    token: String,
    passphrase: Passphrase,
    again: Passphrase,
}

#[derive(Template)]
#[template(path = "auth/invitation.html")]
struct InvitationPage {
    layout: Layout,
    name: String,
    email: String,
    token: String,
    local: bool,
    providers: Vec<Choice>,
    hint: String,
    wrong: String,
    wrong_again: String,
}

impl InvitationPage {
    fn new(layout: Layout, app: &AppState, user: &User, token: String) -> Self {
        Self {
            layout,
            local: app.config.sign_in.local_accounts,
            providers: provider::choices(app),
            name: user.name.clone(),
            email: user.email.to_string(),
            token,
            hint: passphrase_hint(),
            wrong: String::new(),
            wrong_again: String::new(),
        }
    }
}

/// The invitation and whom it invites; looking does not use it up.
pub(super) async fn invited(app: &AppState, trail: &Trail, token: &str) -> AppResult<(Invitation, User)> {
    let found = match app.sign_in.invitations.find(token, app.clock.now()).await? {
        Some(invitation) => {
            let user = app.users.by_id(&invitation.user).await?;
            user.filter(|user| !user.disabled && user.has_a_role()).map(|user| (invitation, user))
        }
        None => None,
    };
    let Some((invitation, user)) = found else {
        trail.note_reason("no such invitation, or it is over");
        return Err(AppError::NotFound(INVITATION_ENDED));
    };
    trail.note_tried(&user);
    Ok((invitation, user))
}

async fn show(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    Query(query): Query<InvitationToken>,
) -> AppResult<Response> {
    anonymous.within_limits(&app, &trail, &query.token)?;
    let (_, user) = invited(&app, &trail, &query.token).await?;
    page.render(|layout| InvitationPage::new(layout, &app, &user, query.token))
}

/// `POST /auth/invitation`: a passphrase is chosen. It takes effect, and the invitation is used up, with the second factor.
async fn accept(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    Form(form): Form<AcceptForm>,
) -> AppResult<Response> {
    anonymous.within_limits(&app, &trail, &form.token)?;
    if !app.config.sign_in.local_accounts {
        return Err(AppError::NotFound("page"));
    }
    let (invitation, user) = invited(&app, &trail, &form.token).await?;
    let unfit = form.passphrase.check(&user.name, user.email.as_str()).err();
    if unfit.is_some() || !form.passphrase.equals(&form.again) {
        let shown = page.render(|layout| {
            let mut shown = InvitationPage::new(layout, &app, &user, form.token);
            match unfit {
                Some(unfit) => shown.wrong = unfit.to_string(),
                None => NOT_AGAIN.clone_into(&mut shown.wrong_again),
            }
            shown
        });
        return refused(shown, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let passphrase = app.sign_in.hasher.hash(form.passphrase).await?;
    let pending = Pending { invitation: invitation.id, sets: Sets::Passphrase(passphrase) };
    to_second_factor(&app, &user, pending).await
}

/// The way on from an invitation: to the second factor, which makes it take effect.
pub(super) async fn to_second_factor(app: &AppState, user: &User, pending: Pending) -> AppResult<Response> {
    // One administrator's invitation is no reset of an authenticator, which takes two.
    let has_totp = app.sign_in.credentials.of(&user.id).await?.is_some_and(|present| present.totp.is_some());
    let (stage, next) = if has_totp { (Stage::Code, "/login/code") } else { (Stage::Enrol, "/auth/enrol") };
    let half = app.sign_in.halves.start(&user.id, stage, Some(pending), app.clock.now()).await?;
    Ok(with_half(next, &half))
}

const HERE: &str = "/auth/enrol";

async fn show_enrolment(page: Page, State(app): State<AppState>, enrolling: Enrolling) -> AppResult<Response> {
    let waiting = &enrolling.0;
    let begun = app.sign_in.enrolments.secret(&waiting.session.id, &waiting.user.id, app.clock.now()).await?.is_some();
    page.render(|layout| EnrolPage::new(layout, HERE, begun).with_token(waiting.csrf.as_str()))
}

/// `POST /auth/enrol/secret`: makes a secret and shows it, this once.
async fn show_secret(
    page: Page,
    State(app): State<AppState>,
    HalfForm(enrolling, _): HalfForm<Enrolling, NoFields>,
) -> AppResult<Response> {
    let waiting = &enrolling.0;
    let secret = app.sign_in.enrolments.begin(&waiting.session.id, &waiting.user.id, app.clock.now()).await?;
    let shown = ShownSecret::new(&secret, &waiting.user)?;
    page.render(|layout| EnrolPage::new(layout, HERE, true).with_token(waiting.csrf.as_str()).with_secret(shown))
}

async fn confirm(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    HalfForm(enrolling, form): HalfForm<Enrolling, CodeForm>,
) -> AppResult<Response> {
    let (csrf, user) = (enrolling.0.csrf.clone(), enrolling.0.user.clone());
    match enrolling.confirm(&app, &trail, anonymous, &form.code).await? {
        Proof::Right((session, codes)) => {
            // The page is this person's already: signing out from it works.
            let csrf = crate::auth::CsrfToken::of_session(session.id());
            let shown = page.render(|mut layout| {
                csrf.as_str().clone_into(&mut layout.csrf);
                layout.user = Some(user.name.clone());
                CodesPage { layout, codes: texts(&codes), next: "/" }
            })?;
            Ok(forget_pages(with_session(shown, &session)))
        }
        Proof::Wrong => {
            let shown = page.render(|layout| EnrolPage::new(layout, HERE, true).with_token(csrf.as_str()).wrong());
            refused(shown, StatusCode::FORBIDDEN)
        }
    }
}
