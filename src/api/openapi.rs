use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

#[derive(OpenApi)]
#[openapi(
    info(title = "Lodestone", description = "Cases, their ranked variants and comments; for signed-in administrators, people, institutes and settings."),
    paths(
        document_path,
        super::cases::institutes,
        super::cases::list,
        super::cases::show,
        super::variants::list,
        super::variants::show,
        super::decisions::by_reader,
        super::decisions::by_geneticist,
        super::find::find,
        super::filters::list,
        super::filters::save,
        super::filters::change,
        super::timeline::show,
        super::comments::list,
        super::comments::add,
        super::comments::change,
        super::comments::take_back,
        super::people::list,
        super::people::add,
        super::people::show,
        super::people::change_roles,
        super::people::disable,
        super::people::enable,
        super::people::invite,
        super::institutes::list,
        super::institutes::add,
        super::institutes::save_name,
        super::providers::list,
        super::members::list,
        super::members::add,
        super::members::change_roles,
        super::members::invite,
        super::settings::show,
        super::settings::save
    ),
    modifiers(&Security),
    security(("token" = []), ("session" = []))
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components
            .add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-sid"))));
    }
}

/// The path of what belongs to a case.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct OfCase {
    /// Institute id
    institute: String,
    /// Case name
    case: String,
}

/// The path of a variant of a case.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct OfVariant {
    /// Institute id
    institute: String,
    /// Case name
    case: String,
    /// Variant id
    id: String,
}

/// The rest of the path of a comment.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct OfComment {
    /// Id of the comment
    comment: String,
}

/// The rest of the path of a saved filter.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct OfFilter {
    /// Id of the filter
    filter: String,
}

/// The path of what belongs to an institute.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct OfInstitute {
    /// Institute id
    institute: String,
}

/// The path of what concerns a person.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct OfUser {
    /// Id of the person
    user: String,
}

/// What a browser proves with that it sends what its own page meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct CsrfHeader {
    /// The session's token, as in the field `csrf` of its pages' forms
    #[param(rename = "X-CSRF-Token")]
    token: String,
}

/// How a request of an administrator is refused.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum AdminRefusals {
    /// The content is not of the shape this address takes
    #[response(status = 400)]
    BadRequest,
    /// Nobody is signed in
    #[response(status = 401)]
    SignInRequired,
    /// Asked with a token, without the session's own, or without a fresh code: then `confirm` is where one is given
    #[response(status = 403)]
    Forbidden,
    /// No such thing, or the asker does not administer it
    #[response(status = 404)]
    NotFound,
    /// Somebody else was faster; `rev` is the present revision, if it may be told
    #[response(status = 409)]
    Conflict,
    /// A value cannot be used, or a rule stands in the way; `errors` names each
    #[response(status = 422)]
    Unprocessable,
}

/// How a decision is refused.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum DecisionRefusals {
    /// The content is not of the shape this address takes
    #[response(status = 400)]
    BadRequest,
    /// Asked with a token or without the session's own, or it is not the asker's to decide
    #[response(status = 403)]
    Forbidden,
    /// No such variant, or not in scope
    #[response(status = 404)]
    NotFound,
    /// Somebody decided since; `rev` is the present revision
    #[response(status = 409)]
    Conflict,
    /// A value that is on no list
    #[response(status = 422)]
    Unprocessable,
}

/// How a comment is refused.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum CommentRefusals {
    /// The content is not of the shape this address takes
    #[response(status = 400)]
    BadRequest,
    /// Asked with a token or without the session's own, or the comment is somebody else's, taken back or erased, or the share
    /// is to be read only
    #[response(status = 403)]
    Forbidden,
    /// No such case, variant or comment, or not in scope
    #[response(status = 404)]
    NotFound,
    /// It was changed meanwhile; `rev` is the present revision
    #[response(status = 409)]
    Conflict,
    /// A value cannot be used; `errors` names each
    #[response(status = 422)]
    Unprocessable,
}

/// How a request with parameters is refused.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum Refusals {
    /// No such case, or not in scope
    #[response(status = 404)]
    NotFound,
    /// A parameter cannot be used; the answer names it
    #[response(status = 422)]
    Unprocessable,
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", security(()), responses((status = 200, description = "OpenAPI 3.1")))]
#[expect(dead_code, reason = "only its description is used; the route serves the text")]
fn document_path() {}

static TEXT: LazyLock<String> =
    LazyLock::new(|| Document::openapi().to_pretty_json().expect("the description is plain data"));

/// `GET /api/v1/openapi.json`
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
