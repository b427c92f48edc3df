//! What can go wrong while a request is served, one variant per outcome a person can tell apart.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::addresses::Refusal;
use crate::auth::StepUpClass;
use crate::db::StoreError;
use crate::users::RoleGrant;

/// The result of a handler.
pub type AppResult<T> = Result<T, AppError>;

/// An answer other than the page that was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppError {
    /// There is no such thing, or the asker may not know of it.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The asker may see it but not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The asker would see it from another address.
    #[error("not open from this address")]
    Outside(Arc<Refusal>),
    /// Nobody is signed in.
    #[error("sign in first")]
    SignInRequired,
    /// The method does not exist on this route.
    #[error("this page does not answer that method")]
    MethodNotAllowed,
    /// Values that cannot be used, each with its field.
    #[error("some values cannot be used")]
    Unprocessable(Vec<FieldError>),
    /// The request is not well-formed.
    #[error("{0}")]
    BadRequest(String),
    /// The body is larger than allowed.
    #[error("the request is too large")]
    TooLarge,
    /// Somebody else changed the thing first; carries its present revision.
    #[error("changed by somebody else in the meantime")]
    Conflict {
        /// Present revision; none where it would tell of changes that the asker may not know of.
        rev: Option<i64>,
    },
    /// One address or account tries too often.
    #[error("tried too often")]
    TooOften {
        /// Seconds to wait.
        seconds: u64,
    },
    /// A fresh code is needed before this is done.
    #[error("a fresh code is needed")]
    ConfirmFirst(StepUpClass),
    /// An elevated role that the asker has is entered before this is done.
    #[error("a role has to be entered")]
    EnterFirst(Box<RoleGrant>),
    /// Too much is going on.
    #[error("the server is busy")]
    Overloaded,
    /// The audit trail cannot be written, so nothing is shown.
    #[error("the audit trail cannot be written")]
    TrailUnavailable,
    /// An identity provider does not answer.
    #[error("the identity provider cannot be used now")]
    ProviderUnavailable,
    /// The browser forgot a session that could not be ended.
    #[error("the session could not be ended")]
    SignedOutHereOnly,
    /// The work took too long.
    #[error("the work took too long")]
    TimedOut,
    /// Anything else; logged once, shown as a reference.
    #[error("internal error")]
    Internal(Arc<anyhow::Error>),
}

/// One value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Name of the field or parameter.
    pub field: String,
    /// What was given.
    pub value: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl FieldError {
    /// `value` is shortened for display.
    pub fn new(field: &str, value: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), value: value.chars().take(200).collect(), message: message.into() }
    }
}

impl From<anyhow::Error> for AppError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(Arc::new(error))
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::Conflict { rev: None },
            error => Self::Internal(Arc::new(error.into())),
        }
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        Self::Internal(Arc::new(anyhow::Error::new(error).context("rendering a page")))
    }
}

impl AppError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Forbidden(_) | Self::Outside(_) | Self::ConfirmFirst(_) | Self::EnterFirst(_) => {
                StatusCode::FORBIDDEN
            }
            Self::SignInRequired => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded
            | Self::TrailUnavailable
            | Self::ProviderUnavailable
            | Self::SignedOutHereOnly
            | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A heading for people.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "Not found",
            Self::Forbidden(_) => "Not allowed",
            Self::Outside(_) => "Not open from where you are",
            Self::SignInRequired => "Sign in first",
            Self::MethodNotAllowed => "Not possible here",
            Self::Unprocessable(_) => "Some values cannot be used",
            Self::BadRequest(_) => "The request cannot be read",
            Self::TooLarge => "The request is too large",
            Self::Conflict { .. } => "Somebody else was faster",
            Self::TooOften { .. } => "Too many tries",
            Self::ConfirmFirst(_) => "Confirm that it is you",
            Self::EnterFirst(_) => "Enter your role first",
            Self::Overloaded => "Busy",
            Self::TrailUnavailable => "Nothing can be shown now",
            Self::ProviderUnavailable => "The identity provider does not answer",
            Self::SignedOutHereOnly => "Signed out in this browser only",
            Self::TimedOut => "That took too long",
            Self::Internal(_) => "Something went wrong",
        }
    }

    /// A sentence for people: what happened and what to do.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NotFound(what) => {
                format!("There is no such {what}, or it is not open to you. Check the address, or start from your cases.")
            }
            Self::Forbidden(why) => (*why).to_owned(),
            Self::Outside(refusal) => refusal.sentence(),
            Self::SignInRequired => "This page needs you to be signed in.".to_owned(),
            Self::MethodNotAllowed => "This address does not take that kind of request.".to_owned(),
            Self::Unprocessable(errors) => {
                errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>().join(" ")
            }
            Self::BadRequest(why) => why.clone(),
            Self::TooLarge => "Send less at once.".to_owned(),
            Self::Conflict { .. } => "The value was changed since you opened the page. Open it again and repeat your change.".to_owned(),
            Self::TooOften { seconds } => format!("There were too many tries from here. Wait {seconds} s, then try again."),
            Self::ConfirmFirst(class) => {
                format!("This needs a fresh code of your authenticator: {}. Give one, then go on.", class.words())
            }
            Self::EnterFirst(role) => {
                format!("This is for the {}: a role that you have, and are not in at the moment.", role.words())
            }
            Self::Overloaded => "The server has more to do than it can. Try again in a few seconds.".to_owned(),
            Self::TrailUnavailable => {
                "Every look at patient data is recorded, and the record cannot be written at the moment. Tell your administrator.".to_owned()
            }
            Self::ProviderUnavailable => {
                "Your institute’s identity provider cannot be used at the moment. Try again in a minute; whoever is signed in already works on.".to_owned()
            }
            Self::SignedOutHereOnly => {
                "This browser has forgotten your sign-in, but the server could not end it at the moment. It ends by itself when it is not used for half an hour; to be sure, sign in later and end it on your account’s page.".to_owned()
            }
            Self::TimedOut => "The work was ended. Try again, or ask for less at once.".to_owned(),
            Self::Internal(_) => "The failure was noted. Your administrator finds it in the log by the reference below.".to_owned(),
        }
    }
}

/// Rides on a response so that the outermost layer can render the error as a page or as JSON.
#[derive(Debug, Clone)]
pub(crate) struct Shown(pub AppError);

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if matches!(self, Self::Overloaded | Self::TrailUnavailable | Self::TimedOut) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if let Self::TooOften { seconds } = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Shown(self));
        response
    }
}
