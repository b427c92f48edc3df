use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openapi::{AdminRefusals, CsrfHeader, OfUser};
use super::session::BySession;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Administration, SteppedUp, WaysIn};
use crate::error::{AppError, AppResult, FieldError};
use crate::users::{
    Decided, Invitation, NewPerson, PersonAdmin, Standing, SystemAdmin, User, add_person, decide, known_institutes,
    read_grants,
};
use crate::web::{CsrfJson, problem};

#[derive(Serialize, ToSchema)]
pub(super) struct People {
    users: Vec<PersonJson>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PersonJson {
    id: String,
    email: String,
    name: String,
    /// As on the command line: `cust000:clinician`, `system:admin`.
    roles: Vec<String>,
    disabled: bool,
    /// Counts changes; a change names the one it was made from.
    rev: i64,
    created_at: String,
    signs_in_with: WaysJson,
}

/// How somebody can sign in.
#[derive(Serialize, ToSchema)]
pub(super) struct WaysJson {
    passphrase: bool,
    /// Issuers of the identity providers that the account is linked to.
    identity_providers: Vec<String>,
    authenticator: bool,
    recovery_codes: usize,
    /// A reset of the authenticator that waits for a second administrator.
    reset: Option<ResetJson>,
    /// Last request of a session that is still stored.
    last_seen: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ResetJson {
    by: String,
    at: String,
}

/// A new person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPersonBody {
    /// A label, and the name of a local account.
    email: String,
    name: String,
    /// At least one.
    roles: Vec<String>,
}

/// Roles to give and to end; others stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RolesBody {
    rev: i64,
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AtRevision {
    rev: i64,
}

/// `{}`
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A link that works once; it is given this once.
#[derive(Serialize, ToSchema)]
pub(super) struct InvitationJson {
    link: String,
    until: String,
}

/// Everybody who may sign in, by address.
#[utoipa::path(
    get, path = "/api/v1/admin/users", security(("session" = [])),
    responses((status = 200, body = People), AdminRefusals)
)]
pub(super) async fn list(_: BySession, _: SystemAdmin, State(app): State<AppState>) -> AppResult<Json<People>> {
    let mut ways = app.ways_in.all(app.clock.now()).await?;
    let users = app.users.all().await?;
    let users = users.into_iter().map(|user| PersonJson::new(&user, ways.remove(&user.id).unwrap_or_default()));
    Ok(Json(People { users: users.collect() }))
}

/// One person.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{user}", security(("session" = [])), params(OfUser),
    responses((status = 200, body = PersonJson), AdminRefusals)
)]
pub(super) async fn show(
    _: BySession,
    person: PersonAdmin,
    State(app): State<AppState>,
) -> AppResult<Json<PersonJson>> {
    one(&app, person.person()).await
}

/// Adds a person, who can sign in once they are invited.
#[utoipa::path(
    post, path = "/api/v1/admin/users", security(("session" = [])), params(CsrfHeader), request_body = NewPersonBody,
    responses((status = 201, body = PersonJson), AdminRefusals)
)]
pub(super) async fn add(
    _: BySession,
    admin: SystemAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(body): CsrfJson<NewPersonBody>,
) -> AppResult<(StatusCode, Json<PersonJson>)> {
    let person = NewPerson::read(&body.email, &body.name, &body.roles, &known_institutes(&app).await?);
    let person = person.map_err(AppError::Unprocessable)?;
    let user = add_person(&app, &admin, &trail, person).await?.map_err(AppError::Unprocessable)?;
    Ok((StatusCode::CREATED, one(&app, &user).await?))
}

/// Gives and ends roles. The person's sessions and open invitations end, and the tokens that they may have no more.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{user}/roles", security(("session" = [])), params(OfUser, CsrfHeader),
    request_body = RolesBody, responses((status = 200, body = PersonJson), AdminRefusals)
)]
pub(super) async fn change_roles(
    _: BySession,
    person: PersonAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(body): CsrfJson<RolesBody>,
) -> AppResult<Json<PersonJson>> {
    let known = known_institutes(&app).await?;
    let wanted = with_roles(&person.person().standing(), &body, &known).map_err(AppError::Unprocessable)?;
    let decided = decide(&app, &person, &trail, body.rev, &wanted).await?;
    answer(&app, decided, "roles").await
}

/// Ends somebody's right to sign in, with sessions, invitations and tokens; roles stay on record.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{user}/disable", security(("session" = [])), params(OfUser, CsrfHeader),
    request_body = AtRevision, responses((status = 200, body = PersonJson), AdminRefusals)
)]
pub(super) async fn disable(
    _: BySession,
    person: PersonAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(body): CsrfJson<AtRevision>,
) -> AppResult<Json<PersonJson>> {
    set_disabled(&app, &person, &trail, body.rev, true).await
}

/// Gives the right to sign in back.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{user}/enable", security(("session" = [])), params(OfUser, CsrfHeader),
    request_body = AtRevision, responses((status = 200, body = PersonJson), AdminRefusals)
)]
pub(super) async fn enable(
    _: BySession,
    person: PersonAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(body): CsrfJson<AtRevision>,
) -> AppResult<Json<PersonJson>> {
    set_disabled(&app, &person, &trail, body.rev, false).await
}

async fn set_disabled(
    app: &AppState,
    person: &PersonAdmin,
    trail: &Trail,
    rev: i64,
    disabled: bool,
) -> AppResult<Json<PersonJson>> {
    let wanted = Standing { disabled, ..person.person().standing() };
    answer(app, decide(app, person, trail, rev, &wanted).await?, "disabled").await
}

/// Makes a link by which somebody sets up how they sign in; earlier links end.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{user}/invite", security(("session" = [])), params(OfUser, CsrfHeader),
    request_body = Nothing, responses((status = 200, body = InvitationJson), AdminRefusals)
)]
pub(super) async fn invite(
    _: BySession,
    person: PersonAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(Nothing {}): CsrfJson<Nothing>,
) -> AppResult<Json<InvitationJson>> {
    let made = crate::users::invite(&app, &person, &trail).await?;
    made.map(|made| Json(made.into())).map_err(|why| problem("user", person.person().id.as_str(), why))
}

/// The roles after a change, or what is wrong with each.
fn with_roles(
    before: &Standing,
    body: &RolesBody,
    known: &[crate::ids::InstituteId],
) -> Result<Standing, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let mut read = |field: &str, texts: &[String]| {
        read_grants(field, texts, known).unwrap_or_else(|errors| {
            wrong.extend(errors);
            Vec::new()
        })
    };
    let (add, remove) = (read("add", &body.add), read("remove", &body.remove));
    if let Some(both) = add.iter().find(|grant| remove.contains(grant)) {
        wrong.push(FieldError::new("remove", &both.to_string(), "is to be given and ended; write it once"));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let kept = before.grants().into_iter().filter(|grant| !remove.contains(grant));
    Ok(before.with_grants(kept.chain(add).collect()))
}

async fn answer(app: &AppState, decided: Decided, field: &str) -> AppResult<Json<PersonJson>> {
    match decided {
        Decided::Stored(now) | Decided::AsBefore(now) => one(app, &now).await,
        Decided::Conflict(now) => Err(AppError::Conflict { rev: Some(now.rev) }),
        Decided::Refused(why) => Err(problem(field, "", why)),
    }
}

async fn one(app: &AppState, user: &User) -> AppResult<Json<PersonJson>> {
    let mut ways = app.ways_in.among(std::slice::from_ref(&user.id), app.clock.now()).await?;
    Ok(Json(PersonJson::new(user, ways.remove(&user.id).unwrap_or_default())))
}

impl PersonJson {
    fn new(user: &User, ways: WaysIn) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.clone(),
            roles: user.standing().grants().iter().map(ToString::to_string).collect(),
            disabled: user.disabled,
            rev: user.rev,
            created_at: user.created_at.to_string(),
            signs_in_with: WaysJson {
                passphrase: ways.passphrase,
                identity_providers: ways.issuers,
                authenticator: ways.authenticator.is_some(),
                recovery_codes: ways.recovery_codes,
                reset: ways.reset.map(|asked| ResetJson { by: asked.by, at: asked.at.to_string() }),
                last_seen: ways.last_seen.map(|at| at.to_string()),
            },
        }
    }
}

impl From<Invitation> for InvitationJson {
    fn from(made: Invitation) -> Self {
        Self { link: made.link, until: made.until.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_that_are_not_named_stay() {
        let known = ["own".parse().unwrap()];
        let before = Standing::new(vec![], vec![], false)
            .with_grants(vec!["own:clinician".parse().unwrap(), "own:admin".parse().unwrap()]);
        let change = |add: &[&str], remove: &[&str]| {
            let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
            with_roles(&before, &RolesBody { rev: 1, add: texts(add), remove: texts(remove) }, &known)
        };
        let words = |standing: Standing| standing.grants().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(words(change(&["system:auditor"], &["own:admin"]).unwrap()), ["system:auditor", "own:clinician"]);
        assert_eq!(change(&["own:admin"], &["own:researcher"]).unwrap(), before, "so already");
        let fields = |wrong: Vec<FieldError>| wrong.into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(fields(change(&["own:boss"], &["far:admin"]).unwrap_err()), ["add[0]", "remove[0]"]);
        assert_eq!(fields(change(&["own:admin"], &["own:admin"]).unwrap_err()), ["remove"]);
    }
}
