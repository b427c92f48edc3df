use std::time::{Duration, Instant};

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use super::entry::{Entry, EntryKind, Outcome, Payload, RequestFacts, Subject};
use super::request;
use super::trail::Trail;
use super::writer::Place;
use crate::app::AppState;
use crate::auth;
use crate::clock::Clock;
use crate::error::AppError;
use crate::web::{ClientAddress, RequestContext};

/// How long an answer waits for its intent to be stored.
const PATIENCE: Duration = Duration::from_secs(5);

/// What must happen when the trail cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrailClass {
    /// Serve nothing: this route may show patient data.
    Closed,
    /// Serve all the same: sign-out.
    Open,
    /// Leave no entry of its own: static files and health.
    Unrecorded,
}

impl TrailClass {
    fn of(route: Option<&str>) -> Self {
        match route {
            Some("/logout") => Self::Open,
            Some("/healthz" | "/readyz" | "/favicon.ico" | "/static/{*file}") => Self::Unrecorded,
            _ => Self::Closed,
        }
    }
}

/// The audit layer: an intent before the answer leaves, an outcome after the work.
///
/// For GET and HEAD the intent is stored while the handler works; for all others it is stored before the handler starts.
pub async fn record(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let class = TrailClass::of(route.as_deref());
    if class == TrailClass::Unrecorded {
        let response = next.run(request).await;
        app.audit.count_unrecorded(response.body().size_hint().exact().unwrap_or_default());
        return response;
    }
    let _admitted = match app.door.admit(&request) {
        Ok(admitted) => admitted,
        Err(refusal) => return turn_away(&app, request, route.as_deref(), refusal).await,
    };
    let places = app.audit.reserve().and_then(|intent| Ok((intent, app.audit.reserve()?)));
    let (intent_place, outcome_place) = match places {
        Ok(places) => places,
        Err(_) if class == TrailClass::Open => return next.run(request).await,
        Err(_) => {
            app.audit.count_turned_away();
            return AppError::Overloaded.into_response();
        }
    };
    let trail = Trail::default();
    request.extensions_mut().insert(trail.clone());
    let (request, subjects) = asked_for(request).await;
    let sought = request::sought(request.uri());
    let started = Instant::now();
    let id = request.extensions().get::<RequestContext>().map_or("", |context| context.request_id.as_str());
    let outcome = Entry {
        kind: EntryKind::Outcome,
        request: Some(facts_of(&request, route.as_deref())),
        ..Entry::new(app.clock.now(), id)
    };
    let named = subjects.iter().find(|subject| subject.kind == "institute").and_then(|named| named.id.parse().ok());
    let asked = subjects.into_iter().chain(sought.iter().cloned()).collect();
    let intent = Entry {
        kind: EntryKind::Intent,
        // Whose auditors learn of it should it never end; its outcome says who was really concerned.
        institute: named,
        payload: Some(request::payload(&request, asked, app.audit.sealer(), id)),
        ..outcome.clone()
    };
    let pending =
        PendingOutcome { entry: Some((outcome_place, outcome)), trail, sought, started, clock: app.clock.clone() };
    let stored = tokio::time::timeout(PATIENCE, intent_place.write(intent));
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let (response, stored) = if is_safe {
        let (response, stored) = tokio::join!(next.run(request), stored);
        (response, stored.is_ok_and(|stored| stored.is_ok()))
    } else if stored.await.is_ok_and(|stored| stored.is_ok()) || class == TrailClass::Open {
        (next.run(request).await, true)
    } else {
        (AppError::Overloaded.into_response(), true)
    };
    let response =
        if stored || class == TrailClass::Open { response } else { AppError::TrailUnavailable.into_response() };
    pending.finish(&response);
    response
}

/// What the door refuses is one entry that nobody waits for: it shows nothing, and a server with too much to do cannot do
/// more for it. Of thousands, and when the trail lags behind, the rest is counted.
async fn turn_away(app: &AppState, request: Request, route: Option<&str>, refusal: AppError) -> Response {
    let Ok(place) = app.audit.reserve_for_refusal() else {
        app.audit.count_turned_away();
        return refusal.into_response();
    };
    let (request, subjects) = asked_for(request).await;
    let asked = subjects.into_iter().chain(request::sought(request.uri())).collect();
    let id = request.extensions().get::<RequestContext>().map_or("", |context| context.request_id.as_str());
    let status = refusal.status();
    place.write_later(Entry {
        kind: EntryKind::Outcome,
        request: Some(facts_of(&request, route)),
        outcome: Some(outcome_of(status)),
        status: Some(i32::from(status.as_u16())),
        reason: Some(if status == StatusCode::TOO_MANY_REQUESTS { "too many requests" } else { "busy" }.to_owned()),
        payload: Some(request::payload(&request, asked, app.audit.sealer(), id)),
        ..Entry::new(app.clock.now(), id)
    });
    refusal.into_response()
}

/// Path parameters as asked for, before anything is looked up.
async fn asked_for(request: Request) -> (Request, Vec<Subject>) {
    use axum::extract::FromRequestParts as _;
    let (mut parts, body) = request.into_parts();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
    let asked = params.iter().flatten().map(|(kind, id)| Subject {
        kind: if kind == "id" { "variant" } else { kind }.to_owned(),
        id: id.chars().take(200).collect(),
        granted: false,
    });
    let asked = asked.collect();
    (Request::from_parts(parts, body), asked)
}

fn facts_of(request: &Request, route: Option<&str>) -> RequestFacts {
    let from = ClientAddress::of(request.extensions());
    RequestFacts {
        method: request.method().to_string(),
        route: route.unwrap_or("(no route)").to_owned(),
        client_ip: Some(from.client.to_string()),
        peer_ip: Some(from.peer.to_string()),
        session_ref: session_ref(request.headers()),
    }
}

/// The beginning of a hash of the credential shown, 256 random bits: joins entries, opens nothing.
fn session_ref(headers: &HeaderMap) -> Option<String> {
    let shown = match headers.get(header::AUTHORIZATION) {
        Some(token) => token.as_bytes(),
        None => auth::session_cookie(headers)?.as_bytes(),
    };
    let hash = blake3::derive_key("lodestone audit session reference v1", shown);
    Some(crate::ids::base32(&hash[..5]))
}

/// Writes the outcome even when the asker leaves and the request's future is dropped.
struct PendingOutcome {
    entry: Option<(Place, Entry)>,
    trail: Trail,
    /// Genes and regions of the query string.
    sought: Vec<Subject>,
    started: Instant,
    clock: Clock,
}

impl PendingOutcome {
    fn finish(mut self, response: &Response) {
        self.write(outcome_of(response.status()), Some(response));
    }

    fn write(&mut self, outcome: Outcome, response: Option<&Response>) {
        let Some((place, mut entry)) = self.entry.take() else { return };
        let mut facts = self.trail.collected();
        for mut sought in std::mem::take(&mut self.sought) {
            if !facts.subjects.iter().any(|known| known.kind == sought.kind && known.id == sought.id) {
                sought.granted = outcome == Outcome::Success;
                facts.subjects.push(sought);
            }
        }
        entry.occurred_at = self.clock.now();
        entry.agent = facts.agent;
        entry.institute = facts.institute;
        entry.guest = facts.guest;
        entry.payload = Some(Payload { subjects: facts.subjects, ..Payload::default() });
        entry.reason = facts.reason;
        entry.rows = facts.rows;
        entry.exported = facts.exported;
        entry.outcome = Some(outcome);
        entry.status = response.map(|response| i32::from(response.status().as_u16()));
        entry.bytes =
            response.and_then(|response| response.body().size_hint().exact()).and_then(|n| i64::try_from(n).ok());
        entry.duration_us = i64::try_from(self.started.elapsed().as_micros()).ok();
        place.write_later(entry);
    }
}

impl Drop for PendingOutcome {
    fn drop(&mut self) {
        self.write(Outcome::Abandoned, None);
    }
}

fn outcome_of(status: StatusCode) -> Outcome {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Outcome::Denied,
        status if status.is_client_error() => Outcome::ClientError,
        status if status.is_server_error() => Outcome::ServerError,
        _ => Outcome::Success,
    }
}

impl Entry {
    /// An entry without facts; the writer gives it its place in the log.
    #[must_use]
    pub fn new(at: Timestamp, request_id: &str) -> Self {
        Self {
            id: String::new(),
            v: 2,
            log_id: String::new(),
            seq: 0,
            kind: EntryKind::Intent,
            occurred_at: at,
            recorded_at: at,
            clock_regressed: false,
            request_id: request_id.to_owned(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            agent: None,
            institute: None,
            guest: None,
            request: None,
            command: None,
            outcome: None,
            reason: None,
            status: None,
            duration_us: None,
            bytes: None,
            rows: None,
            exported: None,
            heads: None,
            removal: None,
            payload: None,
        }
    }
}
