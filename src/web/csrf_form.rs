use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::app::AppState;
use crate::auth::{CsrfToken, Principal};
use crate::error::{AppError, AppResult};

/// A submitted form of a signed-in person. It yields nothing until its token matches the session.
pub struct CsrfForm<T>(pub T);

/// The field of a form that carries its token.
pub(crate) const TOKEN_FIELD: &str = "csrf";

/// What is said of a body that ended early or was sent too slowly.
pub(crate) const NOT_WHOLE: &str = "The request did not arrive whole, or not in time. Send it again.";

/// Whether a request says that it carries a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next() == Some("application/x-www-form-urlencoded"))
}

impl<T: DeserializeOwned> FromRequest<AppState> for CsrfForm<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> AppResult<Self> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, app).await?;
        let expected =
            principal.csrf().ok_or(AppError::Forbidden("Forms are for people; a script uses the API."))?.clone();
        read_form(Request::from_parts(parts, body), app, &expected).await.map(Self)
    }
}

/// The fields of a form that carries this token, once.
pub(crate) async fn read_form<T: DeserializeOwned>(
    request: Request,
    app: &AppState,
    expected: &CsrfToken,
) -> AppResult<T> {
    if !is_form(request.headers()) {
        return Err(AppError::BadRequest("The form must be sent as application/x-www-form-urlencoded.".to_owned()));
    }
    let bytes = Bytes::from_request(request, app).await.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLarge,
        _ => AppError::BadRequest(NOT_WHOLE.to_owned()),
    })?;
    let mut pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes)
        .map_err(|_| AppError::BadRequest("The form's content cannot be read.".to_owned()))?;
    let tokens: Vec<String> = pairs.extract_if(.., |(name, _)| name == TOKEN_FIELD).map(|(_, value)| value).collect();
    match tokens.as_slice() {
        [token] if expected.matches(token) => {}
        _ => {
            return Err(AppError::Forbidden(
                "The form is too old or not from this sign-in. Open the page again and repeat.",
            ));
        }
    }
    let rest = serde_urlencoded::to_string(&pairs)
        .map_err(|_| AppError::BadRequest("The form's content cannot be read.".to_owned()))?;
    serde_urlencoded::from_str(&rest)
        .map_err(|error| AppError::BadRequest(format!("The form's content does not fit: {error}.")))
}
