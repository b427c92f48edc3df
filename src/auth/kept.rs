//! Nobody loses work: a form that meets a session which has ended, or that needs a fresh code or a role first, is kept for a quarter
//! of an hour and given back to the same person.
//!
//! Its key is in the browser's cookie alone, so that neither the database nor the server's key files open it. It is given
//! back to be looked at and sent again by its author, never sent by itself.

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bson::{Binary, doc, spec::BinarySubtype};
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;
use sha2::{Digest as _, Sha256};

use super::cookie;
use super::csrf::CsrfToken;
use super::enrolment::expiry;
use super::session::digest;
use super::target::LocalPath;
use crate::app::AppState;
use crate::audit::Trail;
use crate::db::{Db, Documents, StoreError, Stored};
use crate::error::{AppError, Shown};
use crate::ids::UserId;
use crate::web::{NOT_WHOLE, TOKEN_FIELD, is_form, urls};

/// How long a form is kept.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_mins(15);
/// Rooms whose forms hold secrets or end sessions; they are filled in anew.
const NEVER_KEPT: [&str; 4] = ["login", "logout", "auth", "account"];

/// A form as its author sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Where it was sent to: a path of this server with its query.
    pub action: String,
    /// Its fields, in their order, without the session's token.
    pub fields: Vec<(String, String)>,
}

/// A form that is kept, sealed.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptForm {
    /// SHA-256 of the handle in the browser's cookie.
    #[serde(rename = "_id")]
    id: String,
    /// Whose it is.
    user: UserId,
    /// AES-256-GCM-SIV of the form, bound to whose it is.
    sealed: Binary,
    /// When it was sent.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    sent_at: Timestamp,
    /// When it is given up.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    expires_at: Timestamp,
}

impl Stored for KeptForm {
    const COLLECTION: &'static str = "kept_forms";

    fn indexes() -> Vec<IndexModel> {
        vec![expiry()]
    }
}

/// The key is made of the handle, and the handle for one form; so one nonce will do.
fn cipher(handle: &str) -> (Aes256GcmSiv, Nonce) {
    let key = Sha256::new().chain_update("lodestone kept form v1\0").chain_update(handle).finalize();
    (Aes256GcmSiv::new(&key), Nonce::default())
}

impl Form {
    /// Reads a submitted body, if it carries the session's token.
    fn read(action: &str, body: &[u8], token: &CsrfToken) -> Option<Self> {
        let mut fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
        let given = fields.iter().position(|(name, _)| name == TOKEN_FIELD)?;
        token.matches(&fields.remove(given).1).then(|| Self { action: action.to_owned(), fields })
    }

    fn seal(&self, handle: &str, user: &UserId) -> Option<Vec<u8>> {
        let (cipher, nonce) = cipher(handle);
        let msg = serde_json::to_vec(self).ok()?;
        cipher.encrypt(&nonce, Payload { msg: &msg, aad: user.as_str().as_bytes() }).ok()
    }

    fn unseal(sealed: &[u8], handle: &str, user: &UserId) -> Option<Self> {
        let (cipher, nonce) = cipher(handle);
        let text = cipher.decrypt(&nonce, Payload { msg: sealed, aad: user.as_str().as_bytes() }).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// The `kept_forms` collection.
#[derive(Clone)]
pub struct KeptStore {
    forms: Documents<KeptForm>,
}

impl KeptStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { forms: Documents::new(db) }
    }

    async fn keep(&self, form: &Form, user: UserId, now: Timestamp) -> Result<Option<String>, StoreError> {
        let handle = crate::clock::random_token();
        let Some(bytes) = form.seal(&handle, &user) else { return Ok(None) };
        let kept = KeptForm {
            id: digest(&handle),
            user,
            sealed: Binary { subtype: BinarySubtype::Generic, bytes },
            sent_at: now,
            expires_at: now + KEPT_FOR,
        };
        self.forms.insert(&kept, "this form").await?;
        Ok(Some(handle))
    }

    /// What is kept under a handle for this person, and when it was sent.
    pub(super) async fn find(
        &self,
        handle: &str,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<(Form, Timestamp)>, StoreError> {
        let kept = self.forms.find_one(doc! { "_id": digest(handle), "user": user }).await?;
        let kept = kept.filter(|kept| now < kept.expires_at);
        Ok(kept.and_then(|kept| Some((Form::unseal(&kept.sealed.bytes, handle, user)?, kept.sent_at))))
    }

    /// Gives up what is kept under a handle.
    pub(super) async fn forget(&self, handle: &str) -> Result<(), StoreError> {
        self.forms.delete(doc! { "_id": digest(handle) }).await?;
        Ok(())
    }
}

/// Rides on an answer whose form was kept, so that its page says so.
#[derive(Debug, Clone, Copy)]
pub struct FormKept;

/// Keeps forms that are refused until their author signs in again, gives a code or enters a role, and gives up those that were sent again.
pub async fn keep_refused(State(app): State<AppState>, request: Request, next: Next) -> Response {
    if !may_be_kept(&request) {
        return next.run(request).await;
    }
    let headers = request.headers();
    let (session, earlier) = (cookie::read(headers).map(str::to_owned), cookie::kept(headers).map(str::to_owned));
    let Some(session) = session else { return next.run(request).await };
    let action = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    let trail = request.extensions().get::<Trail>().cloned();
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, app.config.server.body_limit_kb * 1024).await {
        Ok(body) => body,
        Err(error) => {
            let too_large = error.into_inner().is::<http_body_util::LengthLimitError>();
            let said = if too_large { AppError::TooLarge } else { AppError::BadRequest(NOT_WHOLE.to_owned()) };
            return said.into_response();
        }
    };
    let mut response = next.run(Request::from_parts(parts, Body::from(body.clone()))).await;
    let refused = response.extensions().get::<Shown>().map(|Shown(error)| error);
    match refused {
        Some(AppError::SignInRequired | AppError::ConfirmFirst(_) | AppError::EnterFirst(_)) => {
            // A form that cannot be kept is refused as it would be anyway.
            let Some(handle) = keep(&app, &session, &action, &body).await else { return response };
            if let Some(trail) = trail {
                trail.note_reason("the form is kept for its author");
            }
            let headers = response.headers_mut();
            headers.append(header::SET_COOKIE, cookie::start_kept(&handle));
            if let Some(back) = LocalPath::read(urls::kept_form()) {
                headers.append(header::SET_COOKIE, cookie::target(&back));
            }
            response.extensions_mut().insert(FormKept);
        }
        None if response.status().is_redirection() => {
            if let Some(handle) = earlier {
                if let Err(error) = app.kept_forms.forget(&handle).await {
                    tracing::warn!(%error, "a form that was sent again is still kept; it ends by itself");
                }
                response.headers_mut().append(header::SET_COOKIE, cookie::clear_kept());
            }
        }
        _ => {}
    }
    response
}

fn may_be_kept(request: &Request) -> bool {
    let room = request.uri().path().split('/').nth(1).unwrap_or_default();
    request.method() == Method::POST && is_form(request.headers()) && !NEVER_KEPT.contains(&room)
}

async fn keep(app: &AppState, session: &str, action: &str, body: &Bytes) -> Option<String> {
    let form = Form::read(action, body, &CsrfToken::of_session(session))?;
    let kept = async {
        let Some(user) = app.sessions.owner(session).await? else { return Ok(None) };
        app.kept_forms.keep(&form, user, app.clock.now()).await
    };
    kept.await.unwrap_or_else(|error: StoreError| {
        tracing::warn!(%error, "a form was not kept for its author");
        None
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_form_comes_back_to_its_author_only(
            fields in proptest::collection::vec((".{0,20}", ".{0,200}"), 0..8),
            action in "/[a-z]{1,8}/[a-z?=]{1,20}",
        ) {
            let fields: Vec<_> = fields.into_iter().filter(|(name, _)| name != TOKEN_FIELD).collect();
            let token = CsrfToken::of_session("one");
            let mut sent = fields.clone();
            sent.push((TOKEN_FIELD.to_owned(), token.as_str().to_owned()));
            let body = serde_urlencoded::to_string(&sent).unwrap();
            prop_assert!(Form::read(&action, body.as_bytes(), &CsrfToken::of_session("two")).is_none());
            let form = Form::read(&action, body.as_bytes(), &token).unwrap();
            prop_assert_eq!(&form, &Form { action, fields });
            let (me, other) = (UserId::random(), UserId::random());
            let sealed = form.seal("handle", &me).unwrap();
            prop_assert_eq!(Form::unseal(&sealed, "handle", &me), Some(form));
            prop_assert_eq!(Form::unseal(&sealed, "handle", &other), None);
            prop_assert_eq!(Form::unseal(&sealed, "another", &me), None);
        }

        #[test]
        fn any_body_is_read_or_left(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            Form::read("/own", &body, &CsrfToken::of_session("one"));
        }
    }
}
