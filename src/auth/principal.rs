use std::collections::BTreeSet;

use bson::{Bson, Document, doc};
use jiff::{SignedDuration, Timestamp};

use super::csrf::CsrfToken;
use super::elevation::{ActingRoles, EnteredRole};
use super::session::Session;
use super::step_up::StepUpClass;
use super::token::ApiToken;
use crate::addresses::{Admitted, ClosedRole};
use crate::cases::{Emergency, Restriction, Share};
use crate::ids::{InstituteId, UserId};
use crate::users::{Role, RoleGrant, SystemRole, User};

/// A signed-in person, or a script acting for one. Only this folder builds one.
#[derive(Debug, Clone)]
pub struct Principal {
    user: UserId,
    name: String,
    roles: ActingRoles,
    closed: Vec<ClosedRole>,
    via: Via,
    scope: Scope,
}

#[derive(Debug, Clone)]
enum Via {
    Session {
        csrf: CsrfToken,
        session: Box<Session>,
        left: SignedDuration,
    },
    Token,
    /// Nobody asks: what waits for the person is counted.
    Digest,
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
    user: UserId,
    institutes: BTreeSet<InstituteId>,
    emergencies: Option<EmergencyReach>,
}

/// Where somebody may open a case in an emergency, without reading any by that alone.
#[derive(Debug, Clone)]
struct EmergencyReach {
    /// These institutes; none for all of the system.
    of: Option<BTreeSet<InstituteId>>,
}

impl EmergencyReach {
    /// Where somebody administers or reads cases, of which some may be restricted to others. Roles count that are not entered
    /// too: a case that was opened in an emergency stays open for its hour.
    fn new(roles: &ActingRoles) -> Option<Self> {
        let opens = |role: &&RoleGrant| role.administers() || role.reads_cases();
        let mut opening = roles.held().filter(opens).peekable();
        opening.peek()?;
        // A role of the system is held in no institute, and so makes it all of them.
        Some(Self { of: opening.map(|role| role.institute().cloned()).collect() })
    }
}

impl Scope {
    /// Who it is.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Whether cases of this institute may be read, all that are not restricted to others.
    #[must_use]
    pub fn covers(&self, institute: &InstituteId) -> bool {
        self.institutes.contains(institute)
    }

    /// The institutes, in alphabetical order.
    pub fn institutes(&self) -> impl Iterator<Item = &InstituteId> {
        self.institutes.iter()
    }

    /// The condition that queries on cases carry: an own one that is not restricted to others, one that is shared with an own
    /// institute at this moment, or one that is open in an emergency.
    #[must_use]
    pub fn filter(&self, now: Timestamp) -> Document {
        let institutes: Vec<Bson> = self.institutes.iter().map(Bson::from).collect();
        let shared = Share::running_with(&institutes, now);
        let mut own = Restriction::open_to(&self.user);
        own.insert("institute", doc! { "$in": institutes });
        let any: Vec<Document> = [own, shared].into_iter().chain(self.emergency_filter(now)).collect();
        doc! { "$or": any }
    }

    /// The condition under which a case is open in an emergency at this moment; none for whoever can open none.
    #[must_use]
    pub fn emergency_filter(&self, now: Timestamp) -> Option<Document> {
        let mut open = Emergency::running_for(&self.user, now);
        if let Some(of) = &self.emergencies.as_ref()?.of {
            open.insert("institute", doc! { "$in": of.iter().map(Bson::from).collect::<Vec<_>>() });
        }
        Some(open)
    }

    /// Whether cases of this institute may be open in an emergency.
    #[must_use]
    pub fn has_emergencies_of(&self, institute: &InstituteId) -> bool {
        let reaches = |reach: &EmergencyReach| reach.of.as_ref().is_none_or(|of| of.contains(institute));
        self.emergencies.as_ref().is_some_and(reaches)
    }

    /// Whether somebody may have cases open in an emergency at all.
    #[must_use]
    pub fn has_emergencies(&self) -> bool {
        self.emergencies.is_some()
    }
}

impl Principal {
    /// `left`: of the session, should this be its last request. `admitted`: the roles that the person has from where they
    /// are; no others count, and elevated ones only while they are entered.
    pub(super) fn of_session(
        user: &User,
        csrf: CsrfToken,
        session: Session,
        left: SignedDuration,
        admitted: Admitted,
        now: Timestamp,
    ) -> Self {
        let roles = ActingRoles::of_session(admitted.open, &session, now);
        let emergencies = EmergencyReach::new(&roles);
        let via = Via::Session { csrf, session: Box::new(session), left };
        Self::new(user, via, roles, admitted.closed, emergencies)
    }

    /// A token reaches what its owner reaches from where it is used, in its own institute only: its cases, and those shared
    /// with it. It never acts in the owner's other roles.
    pub(super) fn of_token(user: &User, token: &ApiToken, mut admitted: Admitted) -> Self {
        let here = |role: &RoleGrant| matches!(role, RoleGrant::Member(held) if held.institute == token.institute);
        admitted.open.retain(here);
        admitted.closed.retain(|closed| closed.role.reads_cases_of(&token.institute));
        // Nor does it open anything in an emergency.
        Self::new(user, Via::Token, ActingRoles::of_script(admitted.open), admitted.closed, None)
    }

    /// Counts what the person reads by roles that need not be entered, from wherever they are allowed: only numbers come of
    /// it. Nothing is open in an emergency.
    pub(super) fn of_digest(user: &User) -> Self {
        let roles = ActingRoles::of_script(user.standing().grants());
        Self::new(user, Via::Digest, roles, Vec::new(), None)
    }

    fn new(
        user: &User,
        via: Via,
        roles: ActingRoles,
        closed: Vec<ClosedRole>,
        emergencies: Option<EmergencyReach>,
    ) -> Self {
        let scope = Scope { user: user.id.clone(), institutes: readable(&roles), emergencies };
        Self { user: user.id.clone(), name: user.name.clone(), roles, closed, via, scope }
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

    /// Whether the person is a member of the institute in any role, entered or not.
    #[must_use]
    pub fn is_member_of(&self, institute: &InstituteId) -> bool {
        self.roles.held().any(|role| role.institute() == Some(institute))
    }

    /// Whether the person acts in this role of the institute now.
    #[must_use]
    pub fn has_role(&self, institute: &InstituteId, role: Role) -> bool {
        self.roles.is_in(institute, role)
    }

    /// Institutes of any membership, in alphabetical order, each once.
    #[must_use]
    pub fn institutes(&self) -> Vec<InstituteId> {
        let all: BTreeSet<_> = self.roles.held().filter_map(RoleGrant::institute).cloned().collect();
        all.into_iter().collect()
    }

    /// Whether the person administers the whole system now. A script never acts in that role.
    #[must_use]
    pub fn is_system_admin(&self) -> bool {
        self.roles.is_in_system(SystemRole::Admin)
    }

    /// Whether the person reviews the whole trail now. A script never acts in that role.
    #[must_use]
    pub fn is_system_auditor(&self) -> bool {
        self.roles.is_in_system(SystemRole::Auditor)
    }

    /// Whether the person administers this institute now, or the system with all of them.
    #[must_use]
    pub fn administers(&self, institute: &InstituteId) -> bool {
        self.roles.acting().any(|role| role.administers_in(institute))
    }

    /// Roles that count without being entered.
    pub fn plain_roles(&self) -> impl Iterator<Item = &RoleGrant> {
        self.roles.plain()
    }

    /// Elevated roles in which the person acts, and until when.
    #[must_use]
    pub fn entered(&self) -> &[EnteredRole] {
        self.roles.entered()
    }

    /// Elevated roles that the person has and is not in.
    #[must_use]
    pub fn enterable(&self) -> &[RoleGrant] {
        self.roles.enterable()
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

    /// All roles in which the person acts, with their institute; none for those of the whole system.
    #[must_use]
    pub fn roles(&self) -> Vec<(Option<InstituteId>, &'static str)> {
        self.roles.acting().map(|role| (role.institute().cloned(), role.role())).collect()
    }

    /// The token that forms of this session carry; a script has none.
    #[must_use]
    pub fn csrf(&self) -> Option<&CsrfToken> {
        match &self.via {
            Via::Session { csrf, .. } => Some(csrf),
            Via::Token | Via::Digest => None,
        }
    }

    /// The session of this request; a script has none.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match &self.via {
            Via::Session { session, .. } => Some(session),
            Via::Token | Via::Digest => None,
        }
    }

    /// What is left of the session, should this be its last request; a script has none.
    #[must_use]
    pub fn session_left(&self) -> Option<SignedDuration> {
        match &self.via {
            Via::Session { left, .. } => Some(*left),
            Via::Token | Via::Digest => None,
        }
    }

    /// Whether this request came with an API token, which is no browser's and needs no CSRF proof.
    #[must_use]
    pub fn is_script(&self) -> bool {
        matches!(self.via, Via::Token)
    }
}

fn readable(roles: &ActingRoles) -> BTreeSet<InstituteId> {
    let reads = |role: &&RoleGrant| role.institute().is_some_and(|institute| role.reads_cases_of(institute));
    roles.acting().filter(reads).filter_map(RoleGrant::institute).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::TokenScope;
    use crate::users::Membership;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

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
            created_at: now(),
            rev: 1,
        }
    }

    fn everywhere(user: &User) -> Admitted {
        Admitted { open: user.standing().grants(), closed: Vec::new() }
    }

    /// Somebody in a session in which these roles were entered a while ago, for one minute from now.
    fn signed_in(user: &User, entered: &[&str]) -> Principal {
        let until = now() + SignedDuration::from_mins(1);
        let session = Session {
            id: "h".into(),
            user: user.id.clone(),
            created_at: now(),
            last_seen_at: now(),
            expires_at: now(),
            forgotten_at: None,
            device: None,
            last_address: None,
            grants: Vec::new(),
            open_until: std::collections::BTreeMap::new(),
            entered: entered.iter().map(|role| (role.parse().unwrap(), until)).collect(),
        };
        let csrf = CsrfToken::of_session("x");
        Principal::of_session(user, csrf, session, SignedDuration::ZERO, everywhere(user), now())
    }

    #[test]
    fn administration_and_audit_give_no_case() {
        for role in [Role::Admin, Role::Auditor, Role::Researcher] {
            let person = signed_in(&user(&[("cust000", role)]), &["cust000:admin", "cust000:auditor", "system:admin"]);
            assert!(!person.scope().covers(&"cust000".parse().unwrap()), "{role:?}");
            assert!(person.is_member_of(&"cust000".parse().unwrap()));
        }
    }

    #[test]
    fn an_elevated_role_counts_only_while_it_is_entered() {
        let own = "cust000".parse().unwrap();
        let held = user(&[("cust000", Role::Admin), ("cust000", Role::Clinician)]);
        let person = signed_in(&held, &[]);
        assert!(!person.has_role(&own, Role::Admin) && !person.is_system_admin() && !person.administers(&own));
        assert!(person.has_role(&own, Role::Clinician) && person.scope().covers(&own));
        assert_eq!(person.roles(), [(Some(own.clone()), "clinician")], "the trail names roles that count");
        assert_eq!(person.enterable().len(), 2);

        let person = signed_in(&held, &["cust000:admin"]);
        assert!(person.has_role(&own, Role::Admin) && person.administers(&own));
        assert!(!person.is_system_admin(), "one was entered, not all");
        assert!(!person.administers(&"cust111".parse().unwrap()));

        let person = signed_in(&held, &["system:admin"]);
        assert!(person.is_system_admin() && person.administers(&"cust111".parse().unwrap()));
        assert!(!person.has_role(&own, Role::Admin));

        let person = signed_in(&user(&[]), &["cust000:admin", "cust000:auditor"]);
        assert!(person.entered().is_empty(), "a role that was taken away does not count though it was entered");
    }

    #[test]
    fn a_token_is_narrower_than_its_owner() {
        let owner = user(&[("cust000", Role::Clinician), ("cust000", Role::Admin), ("cust111", Role::Clinician)]);
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
        let script = Principal::of_token(&owner, &token, everywhere(&owner));
        let own = "cust000".parse().unwrap();
        assert!(script.scope().covers(&own));
        assert!(!script.scope().covers(&"cust111".parse().unwrap()));
        assert!(!script.is_member_of(&"cust111".parse().unwrap()));
        assert!(!script.is_system_admin() && !script.has_role(&own, Role::Admin));
        assert!(script.enterable().is_empty() && !script.scope().has_emergencies());
    }
}
