use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderMap, HeaderName, header};
use serde::de::DeserializeOwned;

use crate::app::AppState;
use crate::auth::Principal;
use crate::error::{AppError, AppResult};

/// JSON that the browser of a signed-in person sends. It yields nothing until the header `X-CSRF-Token` matches the session.
pub struct CsrfJson<T>(pub T);

/// The header that carries the session's token, where there is no form.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// Most characters that are said of a body that does not fit: parts of it are among them.
const SAID: usize = 300;

/// Whether a request says that it carries JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next() == Some("application/json"))
}

impl<T: DeserializeOwned> FromRequest<AppState> for CsrfJson<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> AppResult<Self> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, app).await?;
        let expected = principal.csrf().ok_or(AppError::Forbidden("This is for people; a token changes nothing."))?;
        let given: Vec<_> =
            parts.headers.get_all(TOKEN_HEADER).iter().filter_map(|value| value.to_str().ok()).collect();
        match given.as_slice() {
            [token] if expected.matches(token) => {}
            _ => {
                return Err(AppError::Forbidden(
                    "The header X-CSRF-Token must carry the token of this session, as the forms of its pages do.",
                ));
            }
        }
        if !is_json(&parts.headers) {
            return Err(AppError::BadRequest("The content must be sent as application/json.".to_owned()));
        }
        let bytes = Bytes::from_request(Request::from_parts(parts, body), app).await.map_err(|_| AppError::TooLarge)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let why: String = error.to_string().chars().take(SAID).collect();
            AppError::BadRequest(format!("The JSON does not fit: {why}."))
        })
    }
}
