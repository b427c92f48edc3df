use std::sync::{Arc, Mutex as Held, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    SignatureVerificationError, TokenResponse as _,
};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::flow::Secrets;
use super::http::{HttpClient, HttpError};
use super::identity::Identity;
use crate::config::ProviderConfig;

/// What is known of a provider is asked for again after so long.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Keys that are not known yet are looked for no more often than this.
const LOOKED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Clocks of provider and server may differ by so much.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
/// How long a look at a provider takes at most, metadata and keys together.
const LOOK: Duration = Duration::from_secs(3);
/// Most characters of what is said to be wrong: a provider's own words are among them.
const SAID: usize = 400;
/// Signatures with a key of the provider's own, no others: `none` and those with our secret are not among them.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// One identity provider.
pub struct Provider {
    config: ProviderConfig,
    /// Its secret and a client for it; or why there is none.
    means: Result<Means, String>,
    known: Mutex<Option<Known>>,
    /// When it last answered this process as a provider does.
    answered: Held<Option<Timestamp>>,
}

/// What it is spoken to with.
struct Means {
    secret: Option<ClientSecret>,
    http: HttpClient,
}

/// Its metadata and keys.
#[derive(Clone)]
struct Known {
    metadata: Arc<CoreProviderMetadata>,
    since: Timestamp,
}

/// How a provider is found at a look. Nothing here is secret.
#[derive(Debug, Clone)]
pub struct Health {
    /// Short name.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// As its tokens have it.
    pub issuer: String,
    /// What is wrong, in a sentence; none when it answers as it should.
    pub wrong: Option<String>,
    /// When it last answered this process as it should.
    pub last_answered: Option<Timestamp>,
}

/// Why a provider's word could not be had or does not count. The words are for logs and the trail; nothing of a token is
/// in them.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It does not answer as a provider does.
    #[error("the identity provider cannot be used now: {0}")]
    Unavailable(String),
    /// It refused, or what it said does not hold.
    #[error("{0}")]
    Refused(String),
}

/// Parts of a token that the library leaves to its user.
#[derive(Deserialize)]
struct Rest {
    nbf: Option<i64>,
    azp: Option<String>,
}

fn unavailable(error: impl std::fmt::Display) -> ProviderError {
    ProviderError::Unavailable(error.to_string())
}

fn refused(why: impl Into<String>) -> ProviderError {
    ProviderError::Refused(why.into())
}

impl Means {
    fn of(config: &ProviderConfig) -> anyhow::Result<Self> {
        let path = &config.client_secret_file;
        let secret = if path.as_os_str().is_empty() {
            None
        } else {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("reading its secret, {}", path.display()))?;
            Some(ClientSecret::new(text.trim().to_owned()))
        };
        Ok(Self { secret, http: HttpClient::new().context("making a client for it")? })
    }
}

impl Provider {
    pub(super) fn open(config: &ProviderConfig) -> Self {
        let means = Means::of(config).map_err(|error| format!("{error:#}"));
        if let Err(error) = &means {
            tracing::error!(provider = %config.id, "identity provider {} cannot be used: {error}", config.id);
        }
        Self { config: config.clone(), means, known: Mutex::default(), answered: Held::default() }
    }

    fn means(&self) -> Result<&Means, ProviderError> {
        self.means.as_ref().map_err(unavailable)
    }

    /// Short name, as in addresses.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.config.id
    }

    /// As its tokens have it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether it answers now and is what the configuration says: metadata and keys are asked for, whatever is known, and
    /// nobody who signs in meanwhile waits for it.
    pub async fn look(&self, now: Timestamp) -> Health {
        let asked = tokio::time::timeout(LOOK, self.discover(now)).await;
        let wrong = match asked {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(unavailable(format!("it did not answer within {} s", LOOK.as_secs())).to_string()),
        };
        Health {
            id: self.config.id.clone(),
            name: self.config.name.clone(),
            issuer: self.config.issuer.clone(),
            wrong: wrong.map(|wrong| wrong.chars().take(SAID).collect()),
            last_answered: *self.answered.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Metadata and keys; asked for anew when old, or when `anew` and not just asked for.
    async fn known(&self, now: Timestamp, anew: bool) -> Result<Known, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some(present) = known.as_ref() {
            let age = now.duration_since(present.since);
            if age < if anew { LOOKED_FOR } else { KNOWN_FOR } {
                return Ok(present.clone());
            }
        }
        let fresh = Known { metadata: Arc::new(self.discover(now).await?), since: now };
        *known = Some(fresh.clone());
        Ok(fresh)
    }

    /// Asks for metadata and keys.
    async fn discover(&self, now: Timestamp) -> Result<CoreProviderMetadata, ProviderError> {
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(unavailable)?;
        let means = self.means()?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &means.http).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            unavailable(format!("{error}{cause}"))
        })?;
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(metadata)
    }

    /// Begins a sign-in: where to send the browser, and what to keep until it comes back to `redirect`.
    pub(in crate::auth) async fn begin(
        &self,
        redirect: &str,
        now: Timestamp,
    ) -> Result<(String, Secrets), ProviderError> {
        let known = self.known(now, false).await?;
        let client = CoreClient::from_provider_metadata(
            CoreProviderMetadata::clone(&known.metadata),
            ClientId::new(self.config.client_id.clone()),
            self.means()?.secret.clone(),
        )
        .set_redirect_uri(RedirectUrl::new(redirect.to_owned()).map_err(unavailable)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let token = crate::clock::random_token;
        let secrets = Secrets { state: token(), nonce: token(), verifier: verifier.into_secret() };
        let (state, nonce) = (secrets.state.clone(), secrets.nonce.clone());
        let (url, ..) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok((url.to_string(), secrets))
    }

    /// Trades the code that a browser brought back for the identity that the provider vouches for.
    pub(in crate::auth) async fn finish(
        &self,
        code: String,
        secrets: Secrets,
        redirect: &str,
        now: Timestamp,
    ) -> Result<Identity, ProviderError> {
        let known = self.known(now, false).await?;
        let client = CoreClient::from_provider_metadata(
            CoreProviderMetadata::clone(&known.metadata),
            ClientId::new(self.config.client_id.clone()),
            self.means()?.secret.clone(),
        )
        .set_redirect_uri(RedirectUrl::new(redirect.to_owned()).map_err(unavailable)?);
        let means = self.means()?;

        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(unavailable)?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier))
            .request_async(&means.http)
            .await
            .map_err(|error| match error {
                openidconnect::RequestTokenError::Request(HttpError::Unreachable(error)) => unavailable(error),
                openidconnect::RequestTokenError::Request(error) => unavailable(error),
                openidconnect::RequestTokenError::ServerResponse(_) => {
                    refused("the identity provider did not take the code")
                }
                _ => unavailable("its answer to the code cannot be read"),
            })?;
        let token = answer.id_token().ok_or_else(|| refused("the identity provider gave no ID token"))?;
        let nonce = Nonce::new(secrets.nonce);
        match self.identity(&known.metadata, token, answer.access_token(), &nonce, now) {
            Err(Unfit::UnknownKey) => {
                // It may have changed its keys since they were read.
                let anew = self.known(now, true).await?;
                self.identity(&anew.metadata, token, answer.access_token(), &nonce, now)
            }
            other => other,
        }
        .map_err(|unfit| match unfit {
            Unfit::UnknownKey => refused("the ID token is signed with a key that the identity provider does not name"),
            Unfit::Other(why) => refused(why),
        })
    }

    /// What an ID token says, when everything about it holds (`OpenID` Connect Core 1.0, section 3.1.3.7).
    fn identity(
        &self,
        metadata: &CoreProviderMetadata,
        token: &CoreIdToken,
        access: &AccessToken,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<Identity, Unfit> {
        // A token that ended within the leeway has not ended.
        let late = SystemTime::from(now - LEEWAY);
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.config.client_id.clone()),
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        )
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || late.into())
        .set_issue_time_verifier_fn(move |issued| {
            if issued.timestamp() > (now + LEEWAY).as_second() {
                return Err("it was issued in the future".to_owned());
            }
            Ok(())
        });
        let claims = token.claims(&verifier, nonce).map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Unfit::UnknownKey
            }
            // What the error says may quote the token; its kind is enough.
            other => Unfit::Other(kind_of(&other).to_owned()),
        })?;
        let rest = rest_of(token).ok_or_else(|| Unfit::Other("the ID token cannot be read".to_owned()))?;
        if rest.nbf.is_some_and(|from| from > (now + LEEWAY).as_second()) {
            return Err(Unfit::Other("the ID token does not hold yet".to_owned()));
        }
        if rest.azp.is_some_and(|party| party != self.config.client_id) {
            return Err(Unfit::Other("the ID token was made for another party".to_owned()));
        }
        if let Some(expected) = claims.access_token_hash() {
            let made = token
                .signing_alg()
                .ok()
                .zip(token.signing_key(&verifier).ok())
                .and_then(|(algorithm, key)| AccessTokenHash::from_token(access, algorithm, key).ok());
            if made.as_ref() != Some(expected) {
                return Err(Unfit::Other("the ID token belongs to another access token".to_owned()));
            }
        }
        Ok(Identity { issuer: claims.issuer().to_string(), subject: claims.subject().to_string() })
    }
}

enum Unfit {
    UnknownKey,
    Other(String),
}

fn kind_of(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "the ID token has ended, or was issued in the future",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token was made for another audience",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is another issuer's",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token belongs to another sign-in",
        ClaimsVerificationError::SignatureVerification(_) => "the ID token's signature does not hold",
        _ => "the ID token does not hold",
    }
}

/// The payload of a token whose signature was verified.
fn rest_of(token: &CoreIdToken) -> Option<Rest> {
    let text = token.to_string();
    let payload = text.split('.').nth(1)?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?).ok()
}
