use std::collections::BTreeSet;

use bson::{Bson, Document, doc};
use jiff::{SignedDuration, Timestamp};

use super::csrf::CsrfToken;
use super::session::Session;
use super::step_up::StepUpClass;
use super::token::{ApiToken, TokenScope};
use crate::addresses::{Admitted, ClosedRole};
use crate::cases::{Emergency, Share};
use crate::ids::{InstituteId, UserId};
use crate::users::{Membership, Role, RoleGrant, SystemRole, User};

/// A signed-in person, or a script acting for one. Only this folder builds one.
#[derive(Debug, Clone)]
pub struct Principal {
    user: UserId,
    name: String,
    memberships: Vec<Membership>,
    system_roles: Vec<SystemRole>,
    closed: Vec<ClosedRole>,
    via: Via,
    scope: Scope,
}

#[derive(Debug, Clone)]
enum Via {
    Session { csrf: CsrfToken, session: Box<Session>, left: SignedDuration },
    Token { scope: TokenScope },
}

/// The institutes whose cases a principal may read, and whose shared cases. Store methods on patient data narrow their
/// queries by it.
///
/// A store cannot be asked for cases without one, and nothing outside `auth` makes one:
///
/// ```compile_fail
/// let scope = lodestone::auth::Scope { institutes: Default::default() };
/// ```
///
/// Whoever was given one may ask it:
///
/// ```
/// # fn with(scope: &lodestone::auth::Scope, institute: &lodestone::ids::InstituteId) -> bool {
/// scope.covers(institute)
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Scope {
    institutes: BTreeSet<InstituteId>,
    administrator: Option<Administrator>,
}

/// Where somebody may open a case in an emergency, without reading any by that alone.
#[derive(Debug, Clone)]
struct Administrator {
    user: UserId,
    /// These institutes; none for all of the system.
    of: Option<BTreeSet<InstituteId>>,
}

impl Administrator {
    fn new(user: &UserId, memberships: &[Membership], system_roles: &[SystemRole]) -> Option<Self> {
        let held = memberships.iter().filter(|held| held.role == Role::Admin);
        let institutes: BTreeSet<InstituteId> = held.map(|held| held.institute.clone()).collect();
        let of = if system_roles.contains(&SystemRole::Admin) { None } else { Some(institutes) };
        let somewhere = of.as_ref().is_none_or(|institutes| !institutes.is_empty());
        somewhere.then(|| Self { user: user.clone(), of })
    }
}

impl Scope {
    /// Whether cases of this institute may be read, all of them.
    #[must_use]
    pub fn covers(&self, institute: &InstituteId) -> bool {
        self.institutes.contains(institute)
    }

    /// The institutes, in alphabetical order.
    pub fn institutes(&self) -> impl Iterator<Item = &InstituteId> {
        self.institutes.iter()
    }

    /// The condition that queries on cases carry: an own one, or one that is shared with an own institute at this moment.
    #[must_use]
    pub fn filter(&self, now: Timestamp) -> Document {
        let institutes: Vec<Bson> = self.institutes.iter().map(Bson::from).collect();
        let shared = Share::running_with(&institutes, now);
        let own = doc! { "institute": { "$in": institutes } };
        let any: Vec<Document> = [own, shared].into_iter().chain(self.emergency_filter(now)).collect();
        doc! { "$or": any }
    }

    /// The condition under which a case is open in an emergency at this moment; none for whoever administers nothing.
    #[must_use]
    pub fn emergency_filter(&self, now: Timestamp) -> Option<Document> {
        let administrator = self.administrator.as_ref()?;
        let mut open = Emergency::running_for(&administrator.user, now);
        if let Some(of) = &administrator.of {
            open.insert("institute", doc! { "$in": of.iter().map(Bson::from).collect::<Vec<_>>() });
        }
        Some(open)
    }

    /// Who it is, if they administer this institute or the system.
    #[must_use]
    pub fn administrator_of(&self, institute: &InstituteId) -> Option<&UserId> {
        let administrator = self.administrator.as_ref()?;
        let here = administrator.of.as_ref().is_none_or(|of| of.contains(institute));
        here.then_some(&administrator.user)
    }

    /// Whether somebody may open cases in an emergency at all.
    #[must_use]
    pub fn may_open_in_emergency(&self) -> bool {
        self.administrator.is_some()
    }
}

impl Principal {
    /// `left`: of the session, should this be its last request. `admitted`: the roles in which the person acts from where
    /// they are; no others count.
    pub(super) fn of_session(
        user: &User,
        csrf: CsrfToken,
        session: Session,
        left: SignedDuration,
        admitted: Admitted,
    ) -> Self {
        Self::new(user, Via::Session { csrf, session: Box::new(session), left }, admitted)
    }

    /// A token reaches what its owner reaches from where it is used, in its own institute only: its cases, and those shared
    /// with it. It never acts in the owner's other roles.
    pub(super) fn of_token(user: &User, token: &ApiToken, mut admitted: Admitted) -> Self {
        let here = |role: &RoleGrant| matches!(role, RoleGrant::Member(held) if held.institute == token.institute);
        admitted.open.retain(here);
        admitted.closed.retain(|closed| closed.role.reads_cases_of(&token.institute));
        Self::new(user, Via::Token { scope: token.scope }, admitted)
    }

    fn new(user: &User, via: Via, admitted: Admitted) -> Self {
        let (mut memberships, mut system_roles) = (Vec::new(), Vec::new());
        for role in admitted.open {
            match role {
                RoleGrant::Member(membership) => memberships.push(membership),
                RoleGrant::System(role) => system_roles.push(role),
            }
        }
        // A script opens nothing in an emergency.
        let administrator = match via {
            Via::Session { .. } => Administrator::new(&user.id, &memberships, &system_roles),
            Via::Token { .. } => None,
        };
        let scope = Scope { institutes: readable(&memberships), administrator };
        Self {
            user: user.id.clone(),
            name: user.name.clone(),
            memberships,
            system_roles,
            closed: admitted.closed,
            via,
            scope,
        }
    }

    /// Identity of the person.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Name as shown to colleagues.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What may be read.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the person is a member of the institute in any role.
    #[must_use]
    pub fn is_member_of(&self, institute: &InstituteId) -> bool {
        self.memberships.iter().any(|membership| membership.institute == *institute)
    }

    /// Whether the person has this role in the institute.
    #[must_use]
    pub fn has_role(&self, institute: &InstituteId, role: Role) -> bool {
        self.memberships.iter().any(|membership| membership.institute == *institute && membership.role == role)
    }

    /// Institutes of any membership, in alphabetical order, each once.
    #[must_use]
    pub fn institutes(&self) -> Vec<InstituteId> {
        let all: BTreeSet<_> = self.memberships.iter().map(|membership| membership.institute.clone()).collect();
        all.into_iter().collect()
    }

    /// Roles that concern the whole system.
    #[must_use]
    pub fn system_roles(&self) -> &[SystemRole] {
        &self.system_roles
    }

    /// Whether the person administers the whole system. A script never acts in that role.
    #[must_use]
    pub fn is_system_admin(&self) -> bool {
        !self.is_script() && self.system_roles.contains(&SystemRole::Admin)
    }

    /// Whether a fresh code keeps a class open in this session.
    #[must_use]
    pub fn has_opened(&self, class: StepUpClass, now: Timestamp) -> bool {
        self.session().is_some_and(|session| session.is_open(class, now))
    }

    /// Roles that the person has, and in which they cannot act from this address. Nothing else here counts them.
    #[must_use]
    pub fn closed(&self) -> &[ClosedRole] {
        &self.closed
    }

    /// All roles with their institute; none for those of the whole system.
    #[must_use]
    pub fn roles(&self) -> Vec<(Option<InstituteId>, &'static str)> {
        let members = self.memberships.iter().map(|held| (Some(held.institute.clone()), held.role.as_str()));
        members.chain(self.system_roles.iter().map(|role| (None, role.as_str()))).collect()
    }

    /// The token that forms of this session carry; a script has none.
    #[must_use]
    pub fn csrf(&self) -> Option<&CsrfToken> {
        match &self.via {
            Via::Session { csrf, .. } => Some(csrf),
            Via::Token { .. } => None,
        }
    }

    /// The session of this request; a script has none.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match &self.via {
            Via::Session { session, .. } => Some(session),
            Via::Token { .. } => None,
        }
    }

    /// What is left of the session, should this be its last request; a script has none.
    #[must_use]
    pub fn session_left(&self) -> Option<SignedDuration> {
        match &self.via {
            Via::Session { left, .. } => Some(*left),
            Via::Token { .. } => None,
        }
    }

    /// Whether this request came with an API token, which is no browser's and needs no CSRF proof.
    #[must_use]
    pub fn is_script(&self) -> bool {
        matches!(self.via, Via::Token { .. })
    }

    /// What the token may do, when this is a script.
    #[must_use]
    pub fn token_scope(&self) -> Option<TokenScope> {
        match &self.via {
            Via::Token { scope } => Some(*scope),
            Via::Session { .. } => None,
        }
    }
}

fn readable(memberships: &[Membership]) -> BTreeSet<InstituteId> {
    memberships
        .iter()
        .filter(|membership| membership.role.reads_cases())
        .map(|membership| membership.institute.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(grants: &[(&str, Role)]) -> User {
        User {
            id: UserId::random(),
            email: "ann@lab.example".parse().unwrap(),
            name: "Ann".into(),
            memberships: grants
                .iter()
                .map(|(institute, role)| Membership { institute: institute.parse().unwrap(), role: *role })
                .collect(),
            system_roles: vec![SystemRole::Admin],
            disabled: false,
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            rev: 1,
        }
    }

    fn everywhere(user: &User) -> Admitted {
        Admitted { open: user.standing().grants(), closed: Vec::new() }
    }

    #[test]
    fn administration_and_audit_give_no_case() {
        for role in [Role::Admin, Role::Auditor, Role::Researcher] {
            let user = user(&[("cust000", role)]);
            let session = Session {
                id: "h".into(),
                user: user.id.clone(),
                created_at: user.created_at,
                last_seen_at: user.created_at,
                expires_at: user.created_at,
                forgotten_at: None,
                device: None,
                last_address: None,
                grants: Vec::new(),
                open_until: std::collections::BTreeMap::new(),
            };
            let principal = Principal::of_session(
                &user,
                CsrfToken::of_session("x"),
                session,
                SignedDuration::ZERO,
                everywhere(&user),
            );
            assert!(!principal.scope().covers(&"cust000".parse().unwrap()), "{role:?}");
            assert!(principal.is_member_of(&"cust000".parse().unwrap()));
        }
    }

    #[test]
    fn a_token_is_narrower_than_its_owner() {
        let owner = user(&[("cust000", Role::Clinician), ("cust111", Role::Clinician)]);
        let token = ApiToken {
            id: "h".into(),
            user: owner.id.clone(),
            institute: "cust000".parse().unwrap(),
            scope: TokenScope::Read,
            name: String::new(),
            addresses: Vec::new(),
            last_used_at: None,
            created_at: owner.created_at,
            expires_at: owner.created_at,
        };
        let principal = Principal::of_token(&owner, &token, everywhere(&owner));
        assert!(principal.scope().covers(&"cust000".parse().unwrap()));
        assert!(!principal.scope().covers(&"cust111".parse().unwrap()));
        assert!(principal.system_roles().is_empty());
        assert!(!principal.is_member_of(&"cust111".parse().unwrap()));
    }
}
