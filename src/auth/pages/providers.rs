//! How the identity providers are found, for admins of the system.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use super::provider::BACK;
use crate::app::AppState;
use crate::auth::provider::Health;
use crate::db::StoreError;
use crate::error::AppResult;
use crate::users::SystemAdmin;
use crate::web::{Access, Layout, Page, Routes, filters};

pub(super) fn routes() -> Routes {
    Routes::new().get("/admin/providers", Access::SystemAdmin, show)
}

/// What a look at all providers found.
pub(crate) struct Found {
    /// When it was.
    pub at: Timestamp,
    /// The configured ones, each with how many accounts are linked to it.
    pub providers: Vec<(Health, u64)>,
    /// Issuers that are not configured, to which accounts are linked all the same.
    pub unknown: Vec<(String, u64)>,
}

/// Asks all providers at once; it takes three seconds at most, whatever they do.
pub(crate) async fn look(app: &AppState, _: &SystemAdmin) -> Result<Found, StoreError> {
    let at = app.clock.now();
    let (found, linked) = tokio::join!(app.sign_in.providers.look(at), app.sign_in.identities.counts());
    let mut linked = linked?;
    let providers = found.into_iter().map(|health| {
        let count = linked.remove(&health.issuer).unwrap_or(0);
        (health, count)
    });
    let providers = providers.collect();
    Ok(Found { at, providers, unknown: linked.into_iter().collect() })
}

#[derive(Template)]
#[template(path = "auth/providers.html")]
struct ProvidersPage {
    layout: Layout,
    at: String,
    providers: Vec<ProviderLine>,
    unknown: Vec<UnknownLine>,
    local_accounts: bool,
    /// Address that is registered with a provider.
    back: String,
}

struct ProviderLine {
    id: String,
    name: String,
    issuer: String,
    wrong: String,
    last_answered: String,
    linked: u64,
}

/// An issuer that is not configured.
struct UnknownLine {
    issuer: String,
    /// How many are linked to it.
    people: String,
}

/// `GET /admin/providers`
async fn show(admin: SystemAdmin, page: Page, State(app): State<AppState>) -> AppResult<Response> {
    let found = look(&app, &admin).await?;
    let line = |(health, linked): (Health, u64)| ProviderLine {
        id: health.id,
        name: health.name,
        issuer: health.issuer,
        wrong: health.wrong.unwrap_or_default(),
        last_answered: health.last_answered.map(filters::moment).unwrap_or_default(),
        linked,
    };
    let unknown = found.unknown.into_iter().map(|(issuer, linked)| UnknownLine {
        issuer,
        people: if linked == 1 { "1 person is".to_owned() } else { format!("{linked} people are") },
    });
    page.render(|layout| ProvidersPage {
        layout,
        at: filters::moment(found.at),
        providers: found.providers.into_iter().map(line).collect(),
        unknown: unknown.collect(),
        local_accounts: app.config.sign_in.local_accounts,
        back: format!("{}{BACK}", app.config.origin()),
    })
}
