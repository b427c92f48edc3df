use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use serde::Serialize;
use tracing::error;

use super::context::RequestContext;
use super::page::Layout;
use super::{ClientAddress, see_other, urls};
use crate::app::AppState;
use crate::auth::{Asker, FormKept, remember_target};
use crate::error::{AppError, FieldError, Shown};
use crate::users::RoleGrant;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    title: &'static str,
    sentence: String,
    errors: Vec<FieldError>,
    reference: Option<String>,
    sign_in: bool,
    /// Whether somebody who is signed in stands outside, and goes on from inside.
    goes_on: bool,
    /// Where a fresh code is given.
    confirm: Option<String>,
    /// The role that is entered first, and what comes then.
    enter: Option<Enter>,
    /// Whether the form that was sent is kept for its author.
    kept: bool,
}

struct Enter {
    role: RoleGrant,
    to: String,
}

/// RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    request_id: &'a str,
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<i64>,
    /// Where a fresh code is given that the request needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<String>,
}

/// Renders errors of all inner layers: JSON for the API, a page for people. Logs internal ones, once.
pub(super) async fn render(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let context = request.extensions().get::<RequestContext>().cloned().unwrap_or_default();
    let is_api = request.uri().path().starts_with("/api/");
    let is_read = request.method().is_safe();
    let uri = request.uri().clone();
    // Whoever looks first who asks tells the others, so that the error page knows without asking again.
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let credentials = request.headers().clone();
    let from = ClientAddress::of(request.extensions());
    let response = next.run(request).await;
    let Some(shown) = shown(&response) else { return response };
    if let AppError::Internal(cause) = &shown {
        error!(request.id = %context.request_id, "request failed: {cause:#}");
    }
    if matches!(shown, AppError::SignInRequired) && !is_api && is_read {
        let mut to_sign_in = see_other("/login");
        if let Some(cookie) = remember_target(&uri, &credentials) {
            to_sign_in.headers_mut().append(header::SET_COOKIE, cookie);
        }
        return to_sign_in;
    }
    if let AppError::ConfirmFirst(class) = &shown
        && !is_api
        && is_read
    {
        return see_other(&urls::confirm(*class, uri.path_and_query().map_or("", |path| path.as_str())));
    }
    let mut answer = if is_api {
        as_json(&shown, &context)
    } else {
        let bare = Layout::bare(&app, &context);
        let layout = match asker.for_error_page(&shown, &credentials, from, &app).await {
            // A script has no session to sign out of.
            Some(principal) if !principal.is_script() => bare.signed_in(&principal),
            _ => bare,
        };
        let kept = response.extensions().get::<FormKept>().is_some();
        let asked = if is_read { uri.path_and_query().map(PathAndQuery::as_str) } else { None };
        as_page(layout, &shown, &context, if kept { Some(urls::kept_form()) } else { asked }, kept)
    };
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        answer.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    if is_api && matches!(shown, AppError::SignInRequired) {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// Our own errors, and those the framework makes before a handler runs.
fn shown(response: &Response) -> Option<AppError> {
    if let Some(Shown(error)) = response.extensions().get::<Shown>() {
        return Some(error.clone());
    }
    if response.headers().contains_key(header::CONTENT_TYPE) && !is_plain_text(response) {
        return None;
    }
    match response.status() {
        StatusCode::NOT_FOUND => Some(AppError::NotFound("page")),
        StatusCode::METHOD_NOT_ALLOWED => Some(AppError::MethodNotAllowed),
        StatusCode::PAYLOAD_TOO_LARGE => Some(AppError::TooLarge),
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Some(AppError::BadRequest("The request is not of the form this address takes.".to_owned()))
        }
        StatusCode::UNPROCESSABLE_ENTITY => Some(AppError::BadRequest("The form's content does not fit.".to_owned())),
        StatusCode::REQUEST_TIMEOUT => Some(AppError::TimedOut),
        StatusCode::SERVICE_UNAVAILABLE if !is_plain_text(response) => Some(AppError::Overloaded),
        _ => None,
    }
}

fn is_plain_text(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/plain"))
        && response.extensions().get::<super::health::Plain>().is_none()
}

fn as_json(shown: &AppError, context: &RequestContext) -> Response {
    let empty = Vec::new();
    let problem = Problem {
        r#type: "about:blank",
        title: shown.title(),
        status: shown.status().as_u16(),
        detail: shown.sentence(),
        request_id: &context.request_id,
        errors: if let AppError::Unprocessable(errors) = shown { errors } else { &empty },
        rev: if let AppError::Conflict { rev } = shown { *rev } else { None },
        confirm: if let AppError::ConfirmFirst(class) = shown { Some(urls::confirm(*class, "")) } else { None },
    };
    let mut response = (shown.status(), Json(problem)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// `then`: where the person goes once what is missing is given.
fn as_page(layout: Layout, shown: &AppError, context: &RequestContext, then: Option<&str>, kept: bool) -> Response {
    let then = then.unwrap_or_default();
    let page = ErrorPage {
        goes_on: layout.user.is_some() && matches!(shown, AppError::Outside(_)),
        layout,
        title: shown.title(),
        sentence: if matches!(shown, AppError::Unprocessable(_)) {
            "Nothing was searched or changed. Correct these values and try again.".to_owned()
        } else {
            shown.sentence()
        },
        errors: if let AppError::Unprocessable(errors) = shown { errors.clone() } else { Vec::new() },
        reference: matches!(shown, AppError::Internal(_)).then(|| context.request_id.clone()),
        sign_in: matches!(shown, AppError::SignInRequired),
        confirm: if let AppError::ConfirmFirst(class) = shown { Some(urls::confirm(*class, then)) } else { None },
        enter: if let AppError::EnterFirst(role) = shown {
            Some(Enter { role: (**role).clone(), to: then.to_owned() })
        } else {
            None
        },
        kept,
    };
    match page.render() {
        Ok(html) => (shown.status(), Html(html)).into_response(),
        Err(error) => {
            error!(request.id = %context.request_id, "the error page cannot be rendered: {error}");
            shown.status().into_response()
        }
    }
}
