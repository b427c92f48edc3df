use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{OfCase, Refusals};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::CaseAccess;
use crate::error::AppResult;
use crate::events::EventKind;
use crate::timeline::{TimelineQuery, Told};
use crate::web::Params;

/// What happened in a case.
#[derive(Serialize, ToSchema)]
pub(super) struct Timeline {
    /// The newest first, at most 100.
    events: Vec<EventJson>,
    /// What `before` has to be for older ones; `null` when these are the first.
    next: Option<String>,
    /// Whether changes are left out until a second reading is done.
    keeps_back: bool,
}

#[derive(Serialize, ToSchema)]
struct EventJson {
    at: String,
    /// E.g. `status_set`, `variant_decided`, `comment_written`.
    #[schema(value_type = String)]
    kind: EventKind,
    /// The same in words.
    words: &'static str,
    /// Name at that time; of a command on the machine its own.
    who: String,
    /// `null` when it is not about one variant.
    variant: Option<EventVariant>,
    facts: Vec<FactJson>,
}

#[derive(Serialize, ToSchema)]
struct EventVariant {
    id: String,
    /// As the case's lists call it.
    name: String,
}

/// A fact that changed, in words; `null` where there was or is none.
#[derive(Serialize, ToSchema)]
struct FactJson {
    what: String,
    before: Option<String>,
    after: Option<String>,
}

/// The history of a case, as its timeline shows it. Of a case that another institute shares it is empty.
#[utoipa::path(
    get, path = "/api/v1/{institute}/{case}/timeline",
    params(
        OfCase,
        ("kind" = Option<String>, Query, description = "lists, work, decisions, comments, filters, sharing, consent, readers or emergencies"),
        ("person" = Option<String>, Query, description = "id of who did it"),
        ("variant" = Option<String>, Query, description = "id of a variant"),
        ("before" = Option<String>, Query, description = "`next` of an earlier answer"),
    ),
    responses((status = 200, body = Timeline), Refusals)
)]
pub(super) async fn show(
    access: CaseAccess,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Json<Timeline>> {
    let query = TimelineQuery::parse(&params)?;
    let told = Told::of(&app, &access, &query, &trail).await?;
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let events = told.events.iter().map(|one| EventJson {
        at: one.event.at.to_string(),
        kind: one.event.kind,
        words: one.event.kind.words(),
        who: one.event.actor.name.clone(),
        variant: one
            .about
            .as_ref()
            .map(|about| EventVariant { id: about.id().to_string(), name: told.name_of(about).to_owned() }),
        facts: one
            .facts
            .iter()
            .map(|fact| FactJson { what: fact.what.clone(), before: some(&fact.before), after: some(&fact.after) })
            .collect(),
    });
    Ok(Json(Timeline {
        events: events.collect(),
        next: told.older.as_ref().map(ToString::to_string),
        keeps_back: told.keeps_back,
    }))
}
