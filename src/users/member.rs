//! One member of an institute, for its admins: what concerns this institute, and nothing else.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::access::MemberAdmin;
use super::decide::{Decided, decide_here, invite_member};
use super::forms::{MemberRolesForm, NoFields};
use super::model::{Role, User};
use super::sign_out::{self, SignOutView};
use super::views::{Confirmed, ResetView, WaysView, code_first, show_link, with_status};
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::AppResult;
use crate::institutes::Institute;
use crate::web::{CsrfForm, Layout, Page, see_other, urls};

#[derive(Template)]
#[template(path = "users/member.html")]
struct MemberPage {
    layout: Layout,
    institute: Institute,
    url: String,
    name: String,
    email: String,
    disabled: bool,
    own: bool,
    authenticator: bool,
    reset: Option<ResetView>,
    tokens: usize,
    shown: Vec<&'static str>,
    roles: Vec<RoleChoice>,
    sign_out: Vec<SignOutView>,
    done: &'static str,
    problem: String,
    conflict: Option<ConflictView>,
    code_first: Option<String>,
}

struct RoleChoice {
    word: &'static str,
    means: &'static str,
    held: bool,
}

/// What is stored, and what was wanted in its place.
struct ConflictView {
    stored: String,
    wanted: String,
}

/// What happened before the page is shown.
#[derive(Default)]
struct Outcome {
    done: &'static str,
    problem: String,
    wanted: Option<Vec<Role>>,
}

/// What was done just now.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// In words; only what we know is said.
fn said(done: &str) -> &'static str {
    match done {
        "added" => "Added. Invite this person, so that they can set up how they sign in.",
        "joined" => {
            "This person had an account already and is a member now, under the name they have there. They sign in as they \
             are used to. Make sure with them that the account is theirs."
        }
        "roles" => "The roles are saved. This person’s sessions and open invitations have ended.",
        "asked" => {
            "The reset was asked for. An administrator of the system confirms it within 72 hours; nothing has changed yet."
        }
        "sign-out" => "What this person may sign out is saved.",
        "tokens" => "This person’s tokens for this institute have ended.",
        _ => "",
    }
}

/// `GET /{institute}/members/{user}`
pub(super) async fn show(
    member: MemberAdmin,
    page: Page,
    State(app): State<AppState>,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    let outcome = Outcome { done: said(&query.done), ..Outcome::default() };
    render(&member, member.member(), page, &app, outcome).await
}

/// `POST /{institute}/members/{user}/roles`: no role left ends the membership.
pub(super) async fn change_roles(
    member: MemberAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let form = MemberRolesForm::read(pairs)?;
    let institute = &member.institute().id;
    let url = urls::member(institute, &member.member().id);
    match decide_here(&app, &member, &trail, &form.shown, &form.roles).await? {
        Decided::Stored(_) if form.roles.is_empty() => {
            Ok(see_other(&format!("{}?done=ended", urls::members(institute))))
        }
        Decided::Stored(_) => Ok(see_other(&format!("{url}?done=roles"))),
        Decided::AsBefore(_) => Ok(see_other(&url)),
        Decided::Refused(why) => refuse(&member, page, &app, &trail, why).await,
        Decided::Conflict(now) => {
            let outcome = Outcome { wanted: Some(form.roles), ..Outcome::default() };
            Ok(with_status(render(&member, &now, page, &app, outcome).await?, StatusCode::CONFLICT))
        }
    }
}

/// `POST /{institute}/members/{user}/invite`
pub(super) async fn invite(
    member: MemberAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    let (user, institute) = (member.member(), &member.institute().id);
    match invite_member(&app, &member, &trail).await? {
        Ok(invitation) => show_link(&app, page, user, invitation, false, urls::member(institute, &user.id)).await,
        Err(why) => refuse(&member, page, &app, &trail, why).await,
    }
}

/// `POST /{institute}/members/{user}/tokens/revoke`: all tokens of a member that reach this institute.
pub(super) async fn revoke_tokens(
    member: MemberAdmin,
    _: Confirmed,
    State(app): State<AppState>,
    trail: Trail,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    let (user, institute) = (member.member(), &member.institute().id);
    app.tokens.end_in(&user.id, institute).await?;
    trail.note_done("tokens", "revoked", None);
    Ok(see_other(&format!("{}?done=tokens", urls::member(institute, &user.id))))
}

/// The page again, with what stands in the way.
pub(super) async fn refuse(
    member: &MemberAdmin,
    page: Page,
    app: &AppState,
    trail: &Trail,
    why: &str,
) -> AppResult<Response> {
    trail.note_reason(why);
    let outcome = Outcome { problem: why.to_owned(), ..Outcome::default() };
    Ok(with_status(render(member, member.member(), page, app, outcome).await?, StatusCode::UNPROCESSABLE_ENTITY))
}

fn in_words(roles: &[Role]) -> String {
    let words: Vec<&str> = Role::ALL.into_iter().filter(|role| roles.contains(role)).map(Role::as_str).collect();
    if words.is_empty() { "no role".to_owned() } else { words.join(", ") }
}

/// `user`: the member as they are stored by now.
async fn render(
    member: &MemberAdmin,
    user: &User,
    page: Page,
    app: &AppState,
    outcome: Outcome,
) -> AppResult<Response> {
    let institute = member.institute();
    let now = app.clock.now();
    let ways = app.ways_in.among(std::slice::from_ref(&user.id), now).await?;
    let ways = WaysView::new(app, ways.get(&user.id));
    let tokens = app.tokens.count_in(&institute.id, now).await?.get(&user.id).copied().unwrap_or(0);
    let held = user.standing().roles_in(&institute.id);
    let ticked = outcome.wanted.as_ref().unwrap_or(&held);
    let choice = |role: Role| RoleChoice { word: role.as_str(), means: role.means(), held: ticked.contains(&role) };
    let url = urls::member(&institute.id, &user.id);
    let code_first = code_first(app, member.admin().principal(), &url);
    page.render(|layout| MemberPage {
        layout,
        institute: institute.clone(),
        name: user.name.clone(),
        email: user.email.to_string(),
        disabled: user.disabled,
        own: member.is_own(),
        authenticator: ways.authenticator,
        reset: ways.reset,
        tokens,
        shown: held.iter().map(|role| role.as_str()).collect(),
        roles: Role::ALL.into_iter().map(choice).collect(),
        sign_out: sign_out::views(institute, &user.id, sign_out::today(app)),
        done: outcome.done,
        problem: outcome.problem,
        conflict: outcome
            .wanted
            .as_ref()
            .map(|wanted| ConflictView { stored: in_words(&held), wanted: in_words(wanted) }),
        code_first,
        url,
    })
}
