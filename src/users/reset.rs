//! A new authenticator takes two people: one asks, another confirms, and neither is the person it is for.

use axum::extract::State;
use axum::response::Response;

use super::access::{MemberAdmin, PersonAdmin};
use super::decide::{cannot_be_invited, make_invitation};
use super::forms::NoFields;
use super::views::{Confirmed, address_of, show_link};
use super::{member, person};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::ResetAnswer;
use crate::error::AppResult;
use crate::web::{CsrfForm, Page, see_other, urls};

const OWN: &str =
    "Your own authenticator is reset by two other people. While you have it, you change it on your account’s page.";
const NOBODY_ASKED: &str = "Nobody asked for this in the last 72 hours. One administrator asks, another confirms.";
const SAME_PERSON: &str = "You asked for this reset. Another administrator must confirm it.";

/// `POST /admin/users/{user}/reset`: the first person's word.
pub(super) async fn ask(
    person: PersonAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    if person.is_own() {
        return person::refuse(&person, page, &app, &trail, OWN).await;
    }
    let by = address_of(&app, person.admin().principal()).await?;
    app.sign_in.credentials.ask_reset(&person.person().id, &by, app.clock.now()).await?;
    trail.note_done("totp_reset", "asked", None);
    Ok(see_other(&format!("{}?done=asked", urls::person(&person.person().id))))
}

/// `POST /{institute}/members/{user}/reset`: the first person's word, by an admin of the member's institute.
pub(super) async fn ask_for_member(
    member: MemberAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    if member.is_own() {
        return member::refuse(&member, page, &app, &trail, OWN).await;
    }
    let by = address_of(&app, member.admin().principal()).await?;
    app.sign_in.credentials.ask_reset(&member.member().id, &by, app.clock.now()).await?;
    trail.note_done("totp_reset", "asked", None);
    Ok(see_other(&format!("{}?done=asked", urls::member(&member.institute().id, &member.member().id))))
}

/// `POST /admin/users/{user}/reset/confirm`: the second person's word. The link by which a new authenticator is set up is
/// shown once.
pub(super) async fn confirm(
    person: PersonAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    let user = person.person();
    if person.is_own() {
        return person::refuse(&person, page, &app, &trail, OWN).await;
    }
    if let Some(why) = cannot_be_invited(&app, user) {
        return person::refuse(&person, page, &app, &trail, why).await;
    }
    let by = address_of(&app, person.admin().principal()).await?;
    match app.sign_in.credentials.confirm_reset(&user.id, &by, app.clock.now()).await? {
        ResetAnswer::NobodyAsked => person::refuse(&person, page, &app, &trail, NOBODY_ASKED).await,
        ResetAnswer::SamePerson => person::refuse(&person, page, &app, &trail, SAME_PERSON).await,
        ResetAnswer::Done => {
            trail.note_done("totp_reset", "confirmed", None);
            app.sessions.end_all(&user.id).await?;
            app.sign_in.halves.end_all(&user.id).await?;
            let invitation = make_invitation(&app, user, &by).await?;
            show_link(&app, page, user, invitation, true, urls::person(&user.id)).await
        }
    }
}
