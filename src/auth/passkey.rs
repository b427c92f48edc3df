//! Passkeys (Web Authentication): keys of a person's own that stand beside the authenticator as second factor, never in its place.

use anyhow::Context as _;
use bson::{Binary, spec::BinarySubtype};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;
use sha2::{Digest as _, Sha256};
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::{
    AllowedCredentials, AuthenticationVerificationOptions, NonDiscoverableCredentialRequestOptions,
};
use webauthn_rp::request::register::{
    Nickname, PublicKeyCredentialCreationOptions, PublicKeyCredentialUserEntity, RegistrationVerificationOptions,
    UserHandle, Username,
};
use webauthn_rp::request::{
    AsciiDomain, Credentials as _, PublicKeyCredentialDescriptor, RpId, UserVerificationRequirement,
};
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, NonDiscoverableAuthentication, NonDiscoverableAuthenticationServerState, Registration,
    RegistrationServerState,
};

use crate::ids::UserId;
use crate::users::User;

/// Passkeys that one person can have.
pub const MOST: usize = 10;

/// Bytes of the handle by which keys know a person.
const HANDLE: usize = 32;

/// What an error about a stored passkey begins with.
const STORED: &str = "a stored passkey";
const ASKING: &str = "asking for a passkey";
const CEREMONY: &str = "the state of a passkey's ceremony";

type PublicKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// A passkey as it is stored: nothing of it is secret.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPasskey {
    /// The id that the key has given itself, in base64url.
    pub id: String,
    /// The host name that it was made for; it proves nothing under another.
    pub host: String,
    /// How browsers reach it, as the library encodes that.
    pub transports: i32,
    /// Its public key, as the library encodes that.
    pub public: Binary,
    /// Its signature counter and what else changes with its use, as the library encodes that.
    pub state: Binary,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub added_at: Timestamp,
    /// When it was used last.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub last_used_at: Option<Timestamp>,
}

/// A ceremony that has begun.
pub(super) struct Begun {
    /// What its end is held against.
    pub state: Vec<u8>,
    /// What the browser is asked.
    pub options: serde_json::Value,
}

/// What a use of a passkey changes.
pub(super) struct Used {
    pub id: String,
    pub before: Binary,
    pub after: Binary,
}

/// This server as browsers and keys know it.
pub(super) struct RelyingParty {
    id: RpId,
    origin: String,
}

fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

/// The handle of a person: the same for all of their keys, and nothing that names them.
fn handle(user: &UserId) -> UserHandle<HANDLE> {
    let digest = Sha256::new().chain_update("lodestone passkeys v1\0").chain_update(user.as_str()).finalize();
    let Ok(handle) = UserHandle::decode(digest.into());
    handle
}

impl StoredPasskey {
    fn raw_id(&self) -> anyhow::Result<Vec<u8>> {
        BASE64URL_NOPAD.decode(self.id.as_bytes()).context(STORED)
    }

    fn descriptor(&self) -> anyhow::Result<PublicKeyCredentialDescriptor<Vec<u8>>> {
        let id = CredentialId::<Vec<u8>>::decode(self.raw_id()?).context(STORED)?;
        let transports = AuthTransports::decode(u8::try_from(self.transports).context(STORED)?).context(STORED)?;
        Ok(PublicKeyCredentialDescriptor { id, transports })
    }
}

impl RelyingParty {
    /// The party of an origin; none where browsers offer no passkeys, at an IP address or without https (but for
    /// `localhost`): Web Authentication level 3, section 5.1.3.
    pub fn at(origin: &str) -> Option<Self> {
        let (scheme, rest) = origin.split_once("://")?;
        let host = rest
            .rsplit_once(':')
            .map_or(rest, |(host, port)| if port.bytes().all(|b| b.is_ascii_digit()) { host } else { rest });
        let local = host == "localhost" || host.ends_with(".localhost");
        // Browsers read a name that ends in a number as an IPv4 address.
        let address = host.rsplit('.').next().is_none_or(|last| last.bytes().all(|b| b.is_ascii_digit()));
        let named = host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        if address || !named || !(scheme == "https" || local) {
            return None;
        }
        let id = RpId::Domain(AsciiDomain::try_from(host.to_owned()).ok()?);
        Some(Self { id, origin: origin.to_owned() })
    }

    /// The host name that passkeys are made for.
    pub fn host(&self) -> &str {
        self.id.as_ref()
    }

    /// Whether one of these could be used here.
    pub fn has_any(&self, held: &[StoredPasskey]) -> bool {
        held.iter().any(|one| one.host == self.host())
    }

    fn of_here<'a>(&self, held: &'a [StoredPasskey]) -> impl Iterator<Item = &'a StoredPasskey> {
        held.iter().filter(|one| one.host == self.host())
    }

    /// Asks for a new key, other than those that the person has.
    pub fn begin_adding(&self, user: &User, held: &[StoredPasskey]) -> anyhow::Result<Begun> {
        let handle = handle(&user.id);
        let name = Username::try_from(user.email.as_str())
            .or_else(|_| Username::try_from(user.id.as_str()))
            .context("the name that a passkey shows")?;
        let entity = PublicKeyCredentialUserEntity {
            name,
            id: &handle,
            display_name: Nickname::try_from(user.name.as_str()).ok(),
        };
        let known = self.of_here(held).map(StoredPasskey::descriptor).collect::<anyhow::Result<Vec<_>>>()?;
        let mut options = PublicKeyCredentialCreationOptions::second_factor(&self.id, entity, known);
        options.authenticator_selection.user_verification = UserVerificationRequirement::Preferred;
        let (server, client) = options.start_ceremony().context(ASKING)?;
        let state = server.encode().context(ASKING)?;
        Ok(Begun { state, options: serde_json::to_value(&client)? })
    }

    /// The key that a browser made, if it is one that was asked for.
    pub fn added(
        &self,
        user: &UserId,
        state: &[u8],
        answer: &str,
        name: String,
        now: Timestamp,
    ) -> anyhow::Result<Option<StoredPasskey>> {
        let state = RegistrationServerState::<HANDLE>::decode(state).context(CEREMONY)?;
        let Ok(answer) = Registration::from_json_relaxed(answer.as_bytes()) else { return Ok(None) };
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &[self.origin.as_str()],
            // Keys may tell more than they were asked for.
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let Ok(made) = state.verify(&self.id, &answer, &options) else { return Ok(None) };
        if made.user_id().as_ref() != handle(user).as_ref() {
            return Ok(None);
        }
        let given = made.id();
        let (Ok(id), Ok(public)) = (given.encode(), made.static_state().encode());
        let (Ok(state), Ok(transports)) = (made.dynamic_state().encode(), made.transports().encode());
        Ok(Some(StoredPasskey {
            id: BASE64URL_NOPAD.encode(id),
            host: self.host().to_owned(),
            transports: transports.into(),
            public: binary(&public),
            state: binary(&state),
            name,
            added_at: now,
            last_used_at: None,
        }))
    }

    /// Asks for a signature of one of these keys; none where no key could give one.
    pub fn begin_using(&self, held: &[StoredPasskey]) -> anyhow::Result<Option<Begun>> {
        let mut allowed = AllowedCredentials::with_capacity(held.len());
        for one in self.of_here(held) {
            allowed.push(one.descriptor()?.into());
        }
        let Ok(mut options) = NonDiscoverableCredentialRequestOptions::second_factor(&self.id, allowed) else {
            return Ok(None);
        };
        options.options().user_verification = UserVerificationRequirement::Preferred;
        let (server, client) = options.start_ceremony().context(ASKING)?;
        let state = server.encode().context(ASKING)?;
        Ok(Some(Begun { state, options: serde_json::to_value(&client)? }))
    }

    /// What changes by a signature, if it is one that was asked for: by one of these keys, over this ceremony's challenge,
    /// given on a page of ours with somebody present, and with a counter that went on.
    pub fn used(
        &self,
        user: &UserId,
        held: &[StoredPasskey],
        state: &[u8],
        answer: &str,
    ) -> anyhow::Result<Option<Used>> {
        let state = NonDiscoverableAuthenticationServerState::decode(state).context(CEREMONY)?;
        let Ok(answer) = NonDiscoverableAuthentication::<HANDLE>::from_json_relaxed(answer.as_bytes()) else {
            return Ok(None);
        };
        let given = answer.raw_id();
        let Ok(given) = given.encode();
        let given = BASE64URL_NOPAD.encode(given);
        let Some(held) = self.of_here(held).find(|one| one.id == given) else { return Ok(None) };
        let (id, handle) = (held.raw_id()?, handle(user));
        let public = StaticState::<PublicKey>::decode(held.public.bytes.as_slice()).context(STORED)?;
        let before = <[u8; 7]>::try_from(held.state.bytes.as_slice()).context(STORED)?;
        let before = DynamicState::decode(before).context(STORED)?;
        let id = CredentialId::<&[u8]>::decode(id.as_slice()).context(STORED)?;
        let mut key = AuthenticatedCredential::new(id, &handle, public, before).context(STORED)?;
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &[self.origin.as_str()],
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        };
        if state.verify(&self.id, &answer, &mut key, &options).is_err() {
            return Ok(None);
        }
        let Ok(after) = key.dynamic_state().encode();
        Ok(Some(Used { id: given, before: held.state.clone(), after: binary(&after) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_host_name_and_https_or_localhost() {
        let host = |origin: &str| RelyingParty::at(origin).map(|party| party.host().to_owned());
        for (origin, name) in [
            ("https://clinic.example", "clinic.example"),
            ("https://lodestone.clinic.example:8443", "lodestone.clinic.example"),
            ("http://localhost:8000", "localhost"),
            ("http://demo.localhost:8000", "demo.localhost"),
        ] {
            assert_eq!(host(origin).as_deref(), Some(name), "{origin}");
        }
        for origin in [
            "http://127.0.0.1:8000",
            "https://192.0.2.7",
            "https://[2001:db8::7]:8000",
            "https://[2001:db8::7]",
            "http://clinic.example",
            "https://Clinic.example",
            "https://clinic.example/lodestone",
            "https://",
            "https://127.1",
            "",
        ] {
            assert_eq!(host(origin), None, "{origin}");
        }
    }

    #[test]
    fn a_person_has_one_handle_that_does_not_name_them() {
        let (one, other) = (UserId::random(), UserId::random());
        assert_eq!(handle(&one).as_ref(), handle(&one).as_ref());
        assert_ne!(handle(&one).as_ref(), handle(&other).as_ref());
    }
}
