use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::entry::{Agent, Subject};
use super::request;
use crate::addresses::Refusal;
use crate::auth::Principal;
use crate::ids::{InstituteId, UserId};
use crate::users::{RoleGrant, User};

/// The kind of subject by which a case is read in an emergency, and what somebody acts as who does.
pub const EMERGENCY: &str = "emergency";

/// Collects facts for a request's outcome entry while the request is worked on.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Facts>>);

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub agent: Option<Agent>,
    pub institute: Option<InstituteId>,
    pub guest: Option<InstituteId>,
    pub subjects: Vec<Subject>,
    pub reason: Option<String>,
    /// Roles per institute; no institute for those of the whole system.
    roles: Vec<(Option<InstituteId>, &'static str)>,
    pub rows: Option<i64>,
    pub exported: Option<String>,
}

impl Trail {
    /// Of a request on its way.
    pub(crate) fn of(parts: &Parts) -> Self {
        // Only a request that did not come through the server's stack has none; its notes go nowhere.
        parts.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// All facts, with the roles that count where the request went.
    pub(crate) fn collected(&self) -> Facts {
        let mut facts = self.facts().clone();
        let place = if facts.institute.is_some() { "" } else { "system " };
        let reader = facts.guest.as_ref().or(facts.institute.as_ref());
        let here = facts.roles.iter().filter(|(institute, _)| institute.as_ref() == reader);
        let mut roles: Vec<String> = here.map(|(_, role)| format!("{place}{role}")).collect();
        if facts.subjects.iter().any(|subject| subject.kind == EMERGENCY && subject.granted) {
            // No role gives what is read then.
            roles = vec![EMERGENCY.to_owned()];
        }
        if let Some(agent) = facts.agent.as_mut().filter(|_| !roles.is_empty()) {
            agent.role = Some(roles.join(", "));
        }
        facts
    }

    /// Somebody signed in by this request.
    pub fn note_user(&self, user: &UserId, name: &str) {
        self.facts().agent =
            Some(Agent { user: Some(user.clone()), name: name.to_owned(), via: "session".to_owned(), role: None });
    }

    /// The account that somebody tries to sign in to, who has not proved to be its owner. The auditors of the one institute
    /// that it belongs to are concerned; with several, those of the system.
    pub fn note_tried(&self, user: &User) {
        self.request("user", user.id.as_str());
        let mut places: Vec<_> = user.memberships.iter().map(|membership| &membership.institute).collect();
        places.sort();
        places.dedup();
        if let ([only], []) = (places.as_slice(), user.system_roles.as_slice()) {
            self.institute(only);
        }
    }

    /// Why the request was refused.
    pub fn note_reason(&self, reason: &str) {
        self.facts().reason = Some(reason.to_owned());
    }

    /// A gene or region that was asked for within what is granted; never other text.
    pub fn note_sought(&self, kind: &str, name: &str) {
        self.grant(kind, &request::spelt(kind, name));
    }

    /// What a role of the asker's would open is refused for where they ask from: the auditors of the role's institute are
    /// concerned.
    pub(crate) fn note_outside(&self, refusal: &Refusal, institute: Option<&InstituteId>) {
        self.note_reason(&format!("outside the addresses of {}", refusal.subject));
        if let Some(institute) = institute {
            self.institute(institute);
        }
    }

    /// What a role of the asker's would open is refused because they have not entered it.
    pub(crate) fn note_not_entered(&self, role: &RoleGrant) {
        self.note_reason(&format!("the role {role} is not entered"));
        if let Some(institute) = role.institute() {
            self.institute(institute);
        }
    }

    /// How many records the answer shows.
    pub fn note_rows(&self, rows: usize) {
        self.facts().rows = i64::try_from(rows).ok();
    }

    /// The answer leaves the program as a file.
    pub fn note_export(&self, format: &str, rows: usize) {
        self.facts().exported = Some(format.to_owned());
        self.note_rows(rows);
    }

    /// What a form asks for, before it is looked up: a refusal names it too.
    pub(crate) fn note_asked(&self, kind: &str, id: &str) {
        self.request(kind, id);
    }

    /// The institute that a form names, of which the asker is a member: its auditors are concerned even by a refusal.
    pub(crate) fn note_place(&self, institute: &InstituteId) {
        self.institute(institute);
    }

    /// A command works on this.
    pub(crate) fn note_done(&self, kind: &str, id: &str, institute: Option<&InstituteId>) {
        self.grant(kind, id);
        if let Some(institute) = institute {
            self.institute(institute);
        }
    }

    pub(super) fn request(&self, kind: &str, id: &str) {
        self.facts().subjects.push(Subject { kind: kind.to_owned(), id: id.to_owned(), granted: false });
    }

    pub(super) fn grant(&self, kind: &str, id: &str) {
        let mut facts = self.facts();
        if let Some(known) = facts.subjects.iter_mut().find(|subject| subject.kind == kind && subject.id == id) {
            known.granted = true;
        } else {
            facts.subjects.push(Subject { kind: kind.to_owned(), id: id.to_owned(), granted: true });
        }
    }

    /// The institute whose auditors are concerned.
    pub(super) fn institute(&self, institute: &InstituteId) {
        self.facts().institute = Some(institute.clone());
    }
}

impl<S: Sync> FromRequestParts<S> for Trail {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Trail::of(parts))
    }
}

/// Called before a lookup: a refused read must name what it asked for.
pub fn note_requested(parts: &Parts, kind: &str, id: &str) {
    Trail::of(parts).request(kind, id);
}

/// Called before a lookup in an institute that the asker is a member of: its auditors are concerned even by a refusal.
pub fn note_concerned(parts: &Parts, institute: &InstituteId) {
    Trail::of(parts).institute(institute);
}

/// Called after a lookup that found the subject within the asker's scope.
pub fn note_granted(parts: &Parts, kind: &str, id: &str, institute: &InstituteId) {
    let trail = Trail::of(parts);
    trail.grant(kind, id);
    trail.institute(institute);
}

/// Called when a case is opened by a share: the auditors of the guest's institute are concerned too.
pub fn note_guest(parts: &Parts, guest: &InstituteId) {
    Trail::of(parts).facts().guest = Some(guest.clone());
}

/// Called once it is known who asks.
pub fn note_principal(parts: &Parts, principal: &Principal) {
    let trail = Trail::of(parts);
    let mut facts = trail.facts();
    facts.roles = principal.roles();
    facts.agent = Some(Agent {
        role: None,
        user: Some(principal.user().clone()),
        name: principal.name().to_owned(),
        via: if principal.is_script() { "token" } else { "session" }.to_owned(),
    });
}
