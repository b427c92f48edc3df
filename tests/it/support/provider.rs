//! An identity provider in this process, which can lie in every way that matters.

use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64URL_NOPAD;
use lodestone::clock::Clock;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What a token is signed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// The provider's key.
    Right,
    /// A key of somebody else, under the provider's name for its own.
    OtherKey,
    /// `alg: none`.
    None,
    /// HMAC with the public key's bytes, as if they were a secret.
    PublicKeyAsSecret,
}

/// Changes of a token before it is signed.
type Change = Arc<dyn Fn(&mut Value, &mut Value) + Send + Sync>;

/// What the next token is like.
#[derive(Clone)]
pub struct Lie {
    /// Changes header and claims.
    pub change: Change,
    /// How it is signed.
    pub signed: Signed,
}

impl Default for Lie {
    fn default() -> Self {
        Self { change: Arc::new(|_, _| {}), signed: Signed::Right }
    }
}

impl Lie {
    /// A token with other claims.
    pub fn claims(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { change: Arc::new(move |_, claims| change(claims)), ..Self::default() }
    }

    /// A token with another header.
    pub fn header(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { change: Arc::new(move |header, _| change(header)), ..Self::default() }
    }

    /// A token signed otherwise.
    pub fn signed(signed: Signed) -> Self {
        Self { signed, ..Self::default() }
    }
}

struct Keys {
    id: String,
    pair: EcdsaKeyPair,
    other: EcdsaKeyPair,
}

struct Inner {
    issuer: String,
    clock: Clock,
    keys: Mutex<Keys>,
    lie: Mutex<Lie>,
    /// The sign-in that is going on: nonce and challenge as the browser carried them.
    going_on: Mutex<(String, String)>,
    subject: Mutex<String>,
    /// Requests for keys.
    key_requests: Mutex<usize>,
    down: Mutex<bool>,
    /// What its metadata call it, when that is not its name.
    called: Mutex<Option<String>>,
}

/// A running provider.
#[derive(Clone)]
pub struct FakeProvider(Arc<Inner>);

fn pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

fn encoded(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

impl FakeProvider {
    /// Starts one on a port of its own.
    pub async fn start(clock: &Clock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self(Arc::new(Inner {
            issuer,
            clock: clock.clone(),
            keys: Mutex::new(Keys { id: "k1".into(), pair: pair(), other: pair() }),
            lie: Mutex::default(),
            going_on: Mutex::default(),
            subject: Mutex::new("ann".into()),
            key_requests: Mutex::default(),
            down: Mutex::default(),
            called: Mutex::default(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// Its name in tokens.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// What the next tokens are like.
    pub fn lie(&self, lie: Lie) {
        *self.0.lie.lock().unwrap() = lie;
    }

    /// Who signs in next.
    pub fn subject(&self, subject: &str) {
        subject.clone_into(&mut self.0.subject.lock().unwrap());
    }

    /// The browser arrived with this address; the provider remembers what belongs together.
    pub fn visited(&self, url: &str) {
        let url = reqwest::Url::parse(url).unwrap();
        let of = |name: &str| url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
        assert_eq!((of("code_challenge_method").as_str(), of("response_type").as_str()), ("S256", "code"), "A10");
        *self.0.going_on.lock().unwrap() = (of("nonce"), of("code_challenge"));
    }

    /// Signs with a new key from now on.
    pub fn rotate(&self, id: &str) {
        let mut keys = self.0.keys.lock().unwrap();
        (keys.id, keys.pair) = (id.to_owned(), pair());
    }

    /// How often its keys were asked for.
    pub fn key_requests(&self) -> usize {
        *self.0.key_requests.lock().unwrap()
    }

    /// From now on its metadata name another issuer.
    pub fn calls_itself(&self, issuer: &str) {
        *self.0.called.lock().unwrap() = Some(issuer.to_owned());
    }

    /// From now on it fails.
    pub fn goes_down(&self, down: bool) {
        *self.0.down.lock().unwrap() = down;
    }
}

async fn metadata(State(provider): State<FakeProvider>) -> Result<Json<Value>, StatusCode> {
    if *provider.0.down.lock().unwrap() {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let issuer = provider.issuer();
    let called = provider.0.called.lock().unwrap().clone();
    Ok(Json(json!({
        "issuer": called.as_deref().unwrap_or(issuer), "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    })))
}

fn public_bytes(keys: &Keys) -> (Vec<u8>, Vec<u8>) {
    let public = keys.pair.public_key().as_ref();
    (public[1..33].to_vec(), public[33..].to_vec())
}

async fn keys(State(provider): State<FakeProvider>) -> Json<Value> {
    *provider.0.key_requests.lock().unwrap() += 1;
    let keys = provider.0.keys.lock().unwrap();
    let (x, y) = public_bytes(&keys);
    Json(json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": keys.id,
        "x": BASE64URL_NOPAD.encode(&x), "y": BASE64URL_NOPAD.encode(&y),
    }] }))
}

async fn token(
    State(provider): State<FakeProvider>,
    Form(form): Form<std::collections::HashMap<String, String>>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let inner = &provider.0;
    let (nonce, challenge) = inner.going_on.lock().unwrap().clone();
    let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
    if BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes())) != challenge || form["code"] != "the-code" {
        return Err((StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))));
    }
    let lie = inner.lie.lock().unwrap().clone();
    let keys = inner.keys.lock().unwrap();
    let now = inner.clock.now().as_second();
    let access = "an-access-token-nobody-needs";
    let mut header = json!({ "alg": "ES256", "kid": keys.id, "typ": "JWT" });
    let mut claims = json!({
        "iss": inner.issuer, "sub": *inner.subject.lock().unwrap(), "aud": "lodestone", "exp": now + 300, "iat": now, "nonce": nonce,
        "at_hash": BASE64URL_NOPAD.encode(&Sha256::digest(access.as_bytes())[..16]), "email": "ann@lab.example",
    });
    match lie.signed {
        Signed::None => header["alg"] = "none".into(),
        Signed::PublicKeyAsSecret => header["alg"] = "HS256".into(),
        Signed::Right | Signed::OtherKey => {}
    }
    (lie.change)(&mut header, &mut claims);
    let text = format!("{}.{}", encoded(&header), encoded(&claims));
    let random = SystemRandom::new();
    let signature = match lie.signed {
        Signed::Right => keys.pair.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
        Signed::OtherKey => keys.other.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
        Signed::None => Vec::new(),
        Signed::PublicKeyAsSecret => {
            let (x, y) = public_bytes(&keys);
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[x, y].concat());
            ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        }
    };
    let id_token = format!("{text}.{}", BASE64URL_NOPAD.encode(&signature));
    Ok(Json(json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": id_token })))
}
