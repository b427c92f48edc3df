//! Signing in, as a sequence of types: [`Anonymous`] proves a passphrase and becomes [`AwaitingSecondFactor`]; that proves
//! a code or a passkey and becomes a session. No step can be left out, since each is reached from the one before only.

use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::attempts::Factor;
use super::break_seal::BreakSealStore;
use super::ceremony::{CeremonyStore, Purpose};
use super::cookie;
use super::credentials::{CredentialStore, NewFactor};
use super::device::Device;
use super::enrolment::EnrolmentStore;
use super::half::{AwaitingSecondFactor, Enrolling, HalfStore, Sets, Stage};
use super::hasher::{Hasher, Turn};
use super::invitation::InvitationStore;
use super::keyring::Keyring;
use super::limits::SignInLimits;
use super::password::Passphrase;
use super::provider::{FlowStore, Identity, IdentityStore, Providers};
use super::recovery::{self, RecoveryCode};
use super::second_factor::Given;
use crate::addresses::{Subject, admit};
use crate::app::AppState;
use crate::audit::Trail;
use crate::clock::Clock;
use crate::config::SignInConfig;
use crate::db::Db;
use crate::error::{AppError, AppResult};
use crate::users::{Email, User};

/// Everything sign-in works with.
#[derive(Clone)]
pub struct SignIn {
    /// What people prove to be themselves with.
    pub credentials: CredentialStore,
    /// One-time links.
    pub invitations: InvitationStore,
    /// People between two factors.
    pub halves: HalfStore,
    /// Identity providers.
    pub providers: Providers,
    /// Browsers that are with one.
    pub(super) flows: FlowStore,
    /// Whose accounts the providers' people are.
    pub identities: IdentityStore,
    /// Authenticators being set up.
    pub enrolments: EnrolmentStore,
    /// Passkeys that are asked for.
    pub(super) ceremonies: CeremonyStore,
    /// Codes that stand for a second person.
    pub break_seal: BreakSealStore,
    /// Keys that seal their secrets.
    pub keyring: Keyring,
    /// Where passphrases are hashed.
    pub hasher: Hasher,
    /// How often is too often.
    pub limits: SignInLimits,
}

impl SignIn {
    /// Opens the stores.
    #[must_use]
    pub fn new(db: &Db, config: &SignInConfig, clock: &Clock, keyring: Keyring) -> Self {
        Self {
            credentials: CredentialStore::new(db, keyring.clone()),
            invitations: InvitationStore::new(db),
            halves: HalfStore::new(db),
            providers: Providers::open(config),
            flows: FlowStore::new(db),
            identities: IdentityStore::new(db),
            enrolments: EnrolmentStore::new(db, keyring.clone()),
            ceremonies: CeremonyStore::new(db),
            break_seal: BreakSealStore::new(db),
            keyring,
            hasher: Hasher::default(),
            limits: SignInLimits::new(config, clock),
        }
    }
}

/// What is said of an invitation that is used, replaced or too old.
pub(super) const INVITATION_ENDED: &str =
    "invitation (it works once, for 72 hours; your institute's administrator makes another)";
/// A passphrase is refused at multiples of this time only. What was looked up before, and whether there was anything to
/// look up, takes a few thousandths of a second more or less and does not show in it (A18).
const TICK: Duration = Duration::from_millis(250);
const TOO_OFTEN: &str = "too many tries from an address or for an account";

/// Whoever asks, before anything was proved, from an address that people may sign in from. It is known, and the session this
/// browser had.
pub struct Anonymous {
    device: Device,
    session: Option<String>,
}

impl FromRequestParts<AppState> for Anonymous {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let Ok(device) = Device::from_request_parts(parts, app).await;
        let rules = app.addresses.of(&Subject::System).await?;
        if let Err(refusal) = admit(&[rules], device.address, app.clock.now()) {
            Trail::of(parts).note_outside(&refusal, None);
            return Err(AppError::Outside(refusal));
        }
        Ok(Self { device, session: cookie::read(&parts.headers).map(ToOwned::to_owned) })
    }
}

/// A session that has begun, for the browser's cookie. Only this room makes one.
pub struct SignedIn(String);

impl SignedIn {
    /// The session's id.
    pub(super) fn id(&self) -> &str {
        &self.0
    }
}

/// How a factor was taken.
pub(super) enum Proof<T> {
    /// It was right.
    Right(T),
    /// It was wrong, used before, or does not count: nobody is told which.
    Wrong,
}

impl Anonymous {
    /// Refuses before any work when this address or account tries too often.
    pub(super) fn within_limits(&self, app: &AppState, trail: &Trail, account: &str) -> AppResult<()> {
        app.sign_in.limits.check(&self.device, account).inspect_err(|_| trail.note_reason(TOO_OFTEN))
    }

    /// Proves a passphrase; the answer is the half session's id. Unknown, disabled and paused accounts get the same answer
    /// as a wrong passphrase, at the same time; the trail knows which it was.
    pub(super) async fn prove_passphrase(
        &self,
        app: &AppState,
        trail: &Trail,
        email: &str,
        given: Passphrase,
    ) -> AppResult<Proof<String>> {
        self.within_limits(app, trail, email)?;
        let began = Instant::now();
        // Before anything is looked up: in a storm the answer "busy" is one to all, and costs little.
        let turn = app.sign_in.hasher.enter()?;
        let proof = Self::compare(app, trail, email, given, turn).await?;
        if matches!(proof, Proof::Wrong) {
            tokio::time::sleep_until((began + next_tick(began.elapsed())).into()).await;
        }
        Ok(proof)
    }

    async fn compare(
        app: &AppState,
        trail: &Trail,
        email: &str,
        given: Passphrase,
        turn: Turn,
    ) -> AppResult<Proof<String>> {
        let now = app.clock.now();
        let user = match email.trim().to_lowercase().parse::<Email>() {
            Ok(email) => app.users.by_email(&email).await?,
            Err(_) => None,
        };
        if let Some(user) = &user {
            trail.note_tried(user);
        }
        let open = user.as_ref().filter(|user| !user.disabled && user.has_a_role());
        let tried = match open {
            Some(user) => app.sign_in.credentials.begin(&user.id, Factor::Passphrase, now).await?,
            None => None,
        };
        let hash = tried.as_ref().and_then(|tried| tried.passphrase.clone());
        let right = turn.verify(given, hash).await?;
        let (Some(user), Some(tried), true) = (open, &tried, right) else {
            trail.note_reason(match (&user, open, &tried) {
                (None, ..) => "no such account",
                (Some(_), None, _) => "the account is disabled or has no role",
                (Some(_), Some(_), None) => "no passphrase is set, or its tries are paused",
                (Some(_), Some(_), Some(_)) => "wrong passphrase",
            });
            return Ok(Proof::Wrong);
        };
        app.sign_in.credentials.passphrase_was_right(&user.id).await?;
        if tried.totp.is_none() {
            trail.note_reason("no authenticator is set up; an invitation is needed");
            return Ok(Proof::Wrong);
        }
        trail.note_user(&user.id, &user.name);
        Ok(Proof::Right(app.sign_in.halves.start(&user.id, Stage::Code, None, now).await?))
    }

    /// Ends what this browser had and begins a session; only for somebody who has proved all there is to prove.
    pub(super) async fn enter(self, app: &AppState, user: &User) -> AppResult<SignedIn> {
        if let Some(old) = &self.session {
            app.sessions.end(old).await?;
        }
        let now = app.clock.now();
        app.users.note_sign_in(&user.id, self.device.address, now).await?;
        Ok(SignedIn(app.sessions.begin(user, self.device, now).await?))
    }
}

/// From the beginning to the next moment at which a refusal may leave.
fn next_tick(passed: Duration) -> Duration {
    let ticks = passed.as_millis() / TICK.as_millis() + 1;
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

impl AwaitingSecondFactor {
    /// Counts a try, in this half session and for the account.
    async fn count(
        &self,
        app: &AppState,
        trail: &Trail,
        from: &Anonymous,
    ) -> AppResult<Proof<super::credentials::Credentials>> {
        from.within_limits(app, trail, self.0.user.id.as_str())?;
        if !app.sign_in.halves.count_try(&self.0.session).await? {
            // It stays until it ends by itself: a right code that is looked at just now may still need it.
            trail.note_reason("too many codes in one sign-in");
            return Err(AppError::Forbidden(
                "There were too many wrong codes in this sign-in. Sign in again from the start.",
            ));
        }
        let tried = app.sign_in.credentials.begin(&self.0.user.id, Factor::Code, app.clock.now()).await?;
        Ok(tried.map_or_else(
            || {
                trail.note_reason("no authenticator is set up, or tries of codes are paused");
                Proof::Wrong
            },
            Proof::Right,
        ))
    }

    /// Proves a code of the authenticator or a passkey, and begins the session.
    pub(super) async fn prove(
        self,
        app: &AppState,
        trail: &Trail,
        from: Anonymous,
        given: &Given,
    ) -> AppResult<Proof<SignedIn>> {
        let Proof::Right(tried) = self.count(app, trail, &from).await? else { return Ok(Proof::Wrong) };
        let now = app.clock.now();
        if !given.counts(app, trail, &tried, (Purpose::SignIn, &self.0.session.id)).await? {
            return Ok(Proof::Wrong);
        }
        if !app.sign_in.halves.finish(&self.0.session).await? {
            return Err(AppError::SignInRequired);
        }
        let user = &self.0.user;
        if let Some(pending) = self.0.session.pending {
            if !app.sign_in.invitations.consume(&pending.invitation, now).await? {
                return Err(AppError::NotFound(INVITATION_ENDED));
            }
            match pending.sets {
                Sets::Passphrase(hash) => app.sign_in.credentials.set_passphrase(&user.id, hash, now).await?,
                Sets::Identity(identity) => link(app, trail, &identity, user).await?,
            }
            app.sessions.end_all(&user.id).await?;
        }
        from.enter(app, user).await.map(Proof::Right)
    }

    /// Proves a recovery code. It is not the end of the way: a new authenticator is set up next, in the half session whose id
    /// is the answer.
    pub(super) async fn prove_recovery(
        self,
        app: &AppState,
        trail: &Trail,
        from: &Anonymous,
        given: &str,
    ) -> AppResult<Proof<String>> {
        let Proof::Right(tried) = self.count(app, trail, from).await? else { return Ok(Proof::Wrong) };
        let (user, now) = (&self.0.user, app.clock.now());
        let used = match RecoveryCode::read(given) {
            Some(code) => app.sign_in.credentials.use_recovery(&tried, &code.hash(), now).await?,
            None => false,
        };
        if !used {
            trail.note_reason("wrong recovery code");
            return Ok(Proof::Wrong);
        }
        if !app.sign_in.halves.finish(&self.0.session).await? {
            return Err(AppError::SignInRequired);
        }
        Ok(Proof::Right(app.sign_in.halves.start(&user.id, Stage::Enrol, self.0.session.pending, now).await?))
    }
}

impl Enrolling {
    /// Confirms the authenticator that was shown by a code of it, and begins the session; the answer has the recovery codes.
    /// Of those who give a right code at once, one gets them.
    pub(super) async fn confirm(
        self,
        app: &AppState,
        trail: &Trail,
        from: Anonymous,
        given: &str,
    ) -> AppResult<Proof<(SignedIn, Vec<RecoveryCode>)>> {
        from.within_limits(app, trail, self.0.user.id.as_str())?;
        let (user, half, now) = (&self.0.user, &self.0.session, app.clock.now());
        let secret = app.sign_in.enrolments.secret(&half.id, &user.id, now).await?;
        let Some((secret, step)) = secret.and_then(|secret| secret.matches(given, now).map(|step| (secret, step)))
        else {
            trail.note_reason("wrong code for a new authenticator");
            return Ok(Proof::Wrong);
        };
        if !app.sign_in.enrolments.finish(&half.id).await? {
            return Err(AppError::SignInRequired);
        }
        if let Some(pending) = &half.pending
            && !app.sign_in.invitations.consume(&pending.invitation, now).await?
        {
            app.sign_in.halves.finish(half).await?;
            return Err(AppError::NotFound(INVITATION_ENDED));
        }
        let mut passphrase = None;
        match half.pending.as_ref().map(|pending| &pending.sets) {
            Some(Sets::Passphrase(hash)) => passphrase = Some(hash.clone()),
            Some(Sets::Identity(identity)) => link(app, trail, identity, user).await?,
            None => {}
        }
        let codes = recovery::fresh_set();
        let factor = NewFactor {
            secret: &secret,
            step,
            recovery: codes.iter().map(RecoveryCode::hash).collect(),
            passphrase,
            what: "A new authenticator was set up",
        };
        app.sign_in.credentials.enrol(&user.id, factor, now).await?;
        app.sign_in.halves.end_all(&user.id).await?;
        app.sessions.end_all(&user.id).await?;
        Ok(Proof::Right((from.enter(app, user).await?, codes)))
    }
}

/// Makes a provider's person an account's owner; another account's identity stays that account's.
async fn link(app: &AppState, trail: &Trail, identity: &Identity, user: &User) -> AppResult<()> {
    if app.sign_in.identities.link(identity, &user.id, app.clock.now()).await? {
        return Ok(());
    }
    trail.note_reason("this person of the identity provider is linked to another account");
    Err(AppError::Forbidden(
        "This account of the identity provider belongs to somebody else here. Ask your institute's administrator.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_leave_at_ticks_only() {
        let after = |ms| next_tick(Duration::from_millis(ms)).as_millis();
        assert_eq!([0, 1, 249, 250, 251, 3_100].map(after), [250, 250, 250, 500, 500, 3_250]);
    }
}
