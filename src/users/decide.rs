//! What administrators decide about people, by a page or the API: one set of rules, one way into the store, one note in the
//! trail.

use jiff::Timestamp;

use super::access::{MemberAdmin, PersonAdmin, SystemAdmin};
use super::change::{self, Changed, change};
use super::forms::NewPerson;
use super::model::{Email, Membership, Role, User};
use super::standing::Standing;
use super::views::{address_of, note_roles};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::INVITATION_LIFETIME;
use crate::db::StoreError;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{InstituteId, UserId};
use crate::institutes::InstituteAdmin;
use crate::web::urls;

/// How often an account that appears or changes in the meantime, perhaps elsewhere, is looked at again.
const TRIES: usize = 5;
/// Why an institute's admin cannot invite somebody: the link opens the whole account, also what it may do elsewhere.
const NOT_YOURS: &str =
    "Only an administrator of the system can invite this person, because the account is not of this institute alone.";

/// What became of a decision.
pub(crate) enum Decided {
    /// It is stored.
    Stored(User),
    /// Everything was so already.
    AsBefore(User),
    /// Somebody else was faster; this is what is stored now.
    Conflict(User),
    /// A rule stands in the way, in words.
    Refused(&'static str),
}

/// A link by which somebody sets up how they sign in. It is shown once.
pub(crate) struct Invitation {
    /// With the server's address.
    pub link: String,
    /// When it ends.
    pub until: Timestamp,
}

/// Adds a person, who can sign in once they are invited, or says what is wrong.
pub(crate) async fn add_person(
    app: &AppState,
    admin: &SystemAdmin,
    trail: &Trail,
    person: NewPerson,
) -> AppResult<Result<User, Vec<FieldError>>> {
    let none = Standing::new(Vec::new(), Vec::new(), false);
    let standing = none.with_grants(person.grants);
    let user = User {
        id: UserId::random(),
        email: person.email,
        name: person.name,
        memberships: standing.memberships,
        system_roles: standing.system_roles,
        disabled: false,
        created_at: app.clock.now(),
        rev: 1,
    };
    match change::add(app, &user, admin.authority(), &admin.actor()).await {
        Ok(true) => {
            trail.note_done("user", user.id.as_str(), None);
            note_roles(trail, &none, &user.standing());
            Ok(Ok(user))
        }
        Ok(false) => Err(AppError::NotFound("page")),
        Err(StoreError::Exists(_)) => {
            let message = "somebody has this address already; look in the list";
            Ok(Err(vec![FieldError::new("email", user.email.as_str(), message)]))
        }
        Err(error) => Err(error.into()),
    }
}

/// What became of somebody who was added to an institute.
pub(crate) enum Added {
    /// A new account.
    New(User),
    /// They had an account already.
    Joined(User),
}

/// Adds a member: a new person, or somebody who has an account already, of whom nothing else is told.
pub(crate) async fn add_member(
    app: &AppState,
    admin: &InstituteAdmin,
    trail: &Trail,
    (email, name, role): (Email, String, Role),
) -> AppResult<Result<Added, Vec<FieldError>>> {
    let institute = &admin.institute().id;
    let membership = Membership { institute: institute.clone(), role };
    let Some(added) = join(app, admin, &email, &name, &membership).await? else {
        let message = "is a member already; change the roles on the member’s page";
        return Ok(Err(vec![FieldError::new("email", email.as_str(), message)]));
    };
    let (Added::New(user) | Added::Joined(user)) = &added;
    trail.note_done("user", user.id.as_str(), Some(institute));
    let none = Standing::new(Vec::new(), Vec::new(), false);
    note_roles(trail, &none, &Standing { memberships: vec![membership], ..none.clone() });
    Ok(Ok(added))
}

/// None: they are a member already.
async fn join(
    app: &AppState,
    admin: &InstituteAdmin,
    email: &Email,
    name: &str,
    membership: &Membership,
) -> AppResult<Option<Added>> {
    let (authority, actor) = (admin.authority(), admin.actor());
    for _ in 0..TRIES {
        let Some(known) = app.users.by_email(email).await? else {
            let user = User {
                id: UserId::random(),
                email: email.clone(),
                name: name.to_owned(),
                memberships: vec![membership.clone()],
                system_roles: Vec::new(),
                disabled: false,
                created_at: app.clock.now(),
                rev: 1,
            };
            match change::add(app, &user, authority, &actor).await {
                Ok(true) => return Ok(Some(Added::New(user))),
                Ok(false) => return Err(AppError::NotFound("page")),
                // Somebody added the same address at this moment.
                Err(StoreError::Exists(_)) => continue,
                Err(error) => return Err(error.into()),
            }
        };
        let standing = known.standing();
        // One's own account too: an admin is a member already.
        if !standing.roles_in(&membership.institute).is_empty() {
            return Ok(None);
        }
        let wanted = standing.with_roles_in(&membership.institute, &[membership.role]);
        match change(app, &known, known.rev, &wanted, authority, &actor).await? {
            Changed::Stored(user) => return Ok(Some(Added::Joined(user))),
            Changed::NotAllowed => return Err(AppError::NotFound("page")),
            Changed::AsBefore => return Ok(None),
            Changed::Conflict(_) => {}
        }
    }
    Err(AppError::Overloaded)
}

/// Puts `wanted` in place of revision `known` of a person.
pub(crate) async fn decide(
    app: &AppState,
    person: &PersonAdmin,
    trail: &Trail,
    known: i64,
    wanted: &Standing,
) -> AppResult<Decided> {
    let (user, admin) = (person.person(), person.admin());
    let before = user.standing();
    if person.is_own()
        && let Err(why) = before.may_become_own(wanted)
    {
        trail.note_reason(why);
        return Ok(Decided::Refused(why));
    }
    match change(app, user, known, wanted, admin.authority(), &admin.actor()).await? {
        Changed::Stored(now) => {
            note_roles(trail, &before, wanted);
            if before.disabled != wanted.disabled {
                trail.note_done("account", if wanted.disabled { "disabled" } else { "enabled" }, None);
            }
            Ok(Decided::Stored(now))
        }
        Changed::AsBefore => Ok(Decided::AsBefore(user.clone())),
        Changed::NotAllowed => Err(AppError::NotFound("page")),
        Changed::Conflict(now) => {
            trail.note_reason("somebody else changed the account first");
            Ok(Decided::Conflict(now))
        }
    }
}

/// Puts roles in one institute in place of those that were shown there. What changes elsewhere is nothing to tell of here.
pub(crate) async fn decide_here(
    app: &AppState,
    member: &MemberAdmin,
    trail: &Trail,
    shown: &[Role],
    roles: &[Role],
) -> AppResult<Decided> {
    let (admin, institute) = (member.admin(), &member.institute().id);
    let mut user = member.member().clone();
    for _ in 0..TRIES {
        let before = user.standing();
        let wanted = before.with_roles_in(institute, roles);
        if before != wanted && !same(shown, &before.roles_in(institute)) {
            trail.note_reason("somebody else changed the roles first");
            return Ok(Decided::Conflict(user));
        }
        if member.is_own()
            && let Err(why) = before.may_become_own(&wanted)
        {
            trail.note_reason(why);
            return Ok(Decided::Refused(why));
        }
        match change(app, &user, user.rev, &wanted, admin.authority(), &admin.actor()).await? {
            Changed::Stored(now) => {
                note_roles(trail, &before, &wanted);
                return Ok(Decided::Stored(now));
            }
            Changed::AsBefore => return Ok(Decided::AsBefore(user)),
            Changed::NotAllowed => return Err(AppError::NotFound("page")),
            Changed::Conflict(now) => user = now,
        }
    }
    Err(AppError::Overloaded)
}

fn same(shown: &[Role], present: &[Role]) -> bool {
    shown.len() == present.len() && shown.iter().all(|role| present.contains(role))
}

/// Invites a person of the system, or says why that leads nowhere.
pub(crate) async fn invite(
    app: &AppState,
    person: &PersonAdmin,
    trail: &Trail,
) -> AppResult<Result<Invitation, &'static str>> {
    let user = person.person();
    if let Some(why) = cannot_be_invited(app, user) {
        trail.note_reason(why);
        return Ok(Err(why));
    }
    let by = address_of(app, person.admin().principal()).await?;
    trail.note_done("invitation", "made", None);
    Ok(Ok(make_invitation(app, user, &by).await?))
}

/// Invites a member of an institute, or says why not.
pub(crate) async fn invite_member(
    app: &AppState,
    member: &MemberAdmin,
    trail: &Trail,
) -> AppResult<Result<Invitation, &'static str>> {
    let (user, institute) = (member.member(), &member.institute().id);
    let why = if user.is_only_of(institute) { cannot_be_invited(app, user) } else { Some(NOT_YOURS) };
    if let Some(why) = why {
        trail.note_reason(why);
        return Ok(Err(why));
    }
    let by = address_of(app, member.admin().principal()).await?;
    trail.note_done("invitation", "made", None);
    Ok(Ok(make_invitation(app, user, &by).await?))
}

/// Why there can be no invitation, if so.
pub(super) fn cannot_be_invited(app: &AppState, user: &User) -> Option<&'static str> {
    let ways = app.config.sign_in.local_accounts || !app.config.sign_in.providers.is_empty();
    if !ways {
        Some("This server has neither local accounts nor identity providers, so an invitation leads nowhere.")
    } else if user.disabled {
        Some("This account is disabled and could not be used with an invitation. Enable it first.")
    } else if !user.has_a_role() {
        Some("This person has no role and could not sign in. Give a role first.")
    } else {
        None
    }
}

/// Makes the link, in place of earlier ones.
pub(super) async fn make_invitation(app: &AppState, user: &User, by: &str) -> AppResult<Invitation> {
    let now = app.clock.now();
    let token = app.sign_in.invitations.create(&user.id, by, now).await?;
    let link = format!("{}{}", app.config.origin(), urls::invitation(&token));
    Ok(Invitation { link, until: now + INVITATION_LIFETIME })
}

/// The institutes that roles can be given in.
pub(crate) async fn known_institutes(app: &AppState) -> Result<Vec<InstituteId>, StoreError> {
    Ok(app.institutes.all().await?.into_iter().map(|institute| institute.id).collect())
}
