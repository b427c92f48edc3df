use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::AdminRefusals;
use super::session::BySession;
use crate::app::AppState;
use crate::auth::look_at_providers;
use crate::error::AppResult;
use crate::users::SystemAdmin;

/// What a look at all providers found.
#[derive(Serialize, ToSchema)]
pub(super) struct ProvidersJson {
    /// When they were asked.
    at: String,
    /// In the order of the sign-in page.
    providers: Vec<ProviderJson>,
    /// Issuers that are not configured, to which people are linked all the same.
    unknown: Vec<UnknownJson>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ProviderJson {
    id: String,
    name: String,
    issuer: String,
    /// Whether it answers now as it should.
    answers: bool,
    /// What is wrong, in a sentence.
    wrong: Option<String>,
    /// When it last answered this server as it should.
    last_answered: Option<String>,
    /// How many people are linked to it.
    linked: u64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct UnknownJson {
    issuer: String,
    linked: u64,
}

/// How the identity providers are found: each is asked now for its metadata and keys, and given three seconds.
#[utoipa::path(
    get, path = "/api/v1/admin/providers", security(("session" = [])),
    responses((status = 200, body = ProvidersJson), AdminRefusals)
)]
pub(super) async fn list(
    _: BySession,
    admin: SystemAdmin,
    State(app): State<AppState>,
) -> AppResult<Json<ProvidersJson>> {
    let found = look_at_providers(&app, &admin).await?;
    let providers = found.providers.into_iter().map(|(health, linked)| ProviderJson {
        id: health.id,
        name: health.name,
        issuer: health.issuer,
        answers: health.wrong.is_none(),
        wrong: health.wrong,
        last_answered: health.last_answered.map(|at| at.to_string()),
        linked,
    });
    let unknown = found.unknown.into_iter().map(|(issuer, linked)| UnknownJson { issuer, linked });
    Ok(Json(ProvidersJson { at: found.at.to_string(), providers: providers.collect(), unknown: unknown.collect() }))
}
