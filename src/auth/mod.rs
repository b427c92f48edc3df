//! Who somebody is and what that lets them reach. Nothing outside this folder knows how sign-in works: the rest of the
//! program sees [`Principal`] and [`Scope`].

mod attempts;
mod break_seal;
mod ceremony;
mod cookie;
mod credentials;
mod csrf;
mod demo_link;
mod device;
mod digest;
mod drift;
mod elevation;
mod ended;
mod enrolment;
mod extract;
mod half;
mod handlers;
mod hasher;
mod invitation;
mod kept;
mod keyring;
mod limits;
mod pages;
mod passkey;
mod password;
mod principal;
mod provider;
mod qr;
mod recovery;
mod second_factor;
mod session;
mod sign_in;
mod step_up;
mod target;
mod token;
mod totp;
mod ways_in;

pub use break_seal::{BreakSealStore, NoNewSet};
pub(crate) use cookie::{header as cookie_header, read as session_cookie};
pub use credentials::{CredentialStore, Credentials, NewFactor, PendingReset, ResetAnswer, StoredTotp};
pub use csrf::{CsrfToken, same_origin};
pub use demo_link::DemoLinks;
pub use device::Device;
pub use digest::{DigestReader, DigestStore};
pub use drift::{AcceptedCodes, Drift};
pub use elevation::EnteredRole;
pub(crate) use ended::{end_access, prepare as prepare_to_end_access};
pub use enrolment::EnrolmentStore;
pub use extract::Asker;
pub(crate) use extract::shut_out;
pub use half::{AwaitingSecondFactor, Enrolling, HalfStore};
pub use handlers::{routes, sign_out};
pub use hasher::Hasher;
pub use invitation::{InvitationStore, LIFETIME as INVITATION_LIFETIME};
pub use kept::{FormKept, KeptStore, keep_refused};
pub use keyring::{Keyring, Sealed};
pub use limits::{SignInLimits, network};
pub(crate) use pages::look_at_providers;
pub use pages::read_token_name;
pub use passkey::StoredPasskey;
pub use password::{Passphrase, Unfit};
pub use principal::{Principal, Scope};
pub use provider::{Health, Identity, IdentityStore, Provider, ProviderError, Providers};
pub use recovery::{RecoveryCode, fresh_set as fresh_recovery_codes};
pub use session::{Session, SessionStore};
pub use sign_in::{Anonymous, SignIn, SignedIn};
pub use step_up::{Administration, BulkExport, Class, SignOutCases, StepUpClass, SteppedUp};
pub use target::{LocalPath, remember as remember_target};
pub use token::{ApiToken, NewToken, TokenScope, TokenStore};
pub use totp::{STEP_S, TotpSecret};
pub use ways_in::{WaysIn, WaysInStore};

/// Everything `auth` keeps in the database, with its indexes.
pub(crate) fn collections() -> Vec<(&'static str, Vec<mongodb::IndexModel>)> {
    use crate::db::Stored as _;
    vec![
        (Session::COLLECTION, Session::indexes()),
        (ApiToken::COLLECTION, ApiToken::indexes()),
        (digest::Digest::COLLECTION, digest::Digest::indexes()),
        (demo_link::DemoLink::COLLECTION, demo_link::DemoLink::indexes()),
        (break_seal::BreakSeal::COLLECTION, break_seal::BreakSeal::indexes()),
        (Credentials::COLLECTION, Credentials::indexes()),
        (ceremony::Ceremony::COLLECTION, ceremony::Ceremony::indexes()),
        (enrolment::Enrolment::COLLECTION, enrolment::Enrolment::indexes()),
        (provider::Flow::COLLECTION, provider::Flow::indexes()),
        (provider::Link::COLLECTION, provider::Link::indexes()),
        (kept::KeptForm::COLLECTION, kept::KeptForm::indexes()),
        (half::HalfSession::COLLECTION, half::HalfSession::indexes()),
        (invitation::Invitation::COLLECTION, invitation::Invitation::indexes()),
    ]
}
