use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bson::RawDocumentBuf;
use serde::Deserialize;

use super::openings::{Opening, Standing};
use super::rows::{Row, second};
use crate::app::AppState;
use crate::audit::access::AuditAccess;
use crate::audit::entry::{Entry, EntryKind};
use crate::audit::{Trail, unseal};
use crate::error::{AppError, AppResult};
use crate::ids::InstituteId;
use crate::web::{Layout, Page, Path, urls};

/// What sealed values begin with.
const SEALED: &str = "sealed:";

/// The path of an entry.
#[derive(Deserialize)]
pub(super) struct EntryPath {
    pub entry: String,
}

/// All entries of one request that an auditor may see. Only [`ReviewedRequest::find`] makes one.
pub(super) struct ReviewedRequest {
    entries: Vec<(Entry, RawDocumentBuf)>,
}

impl ReviewedRequest {
    /// The request of an entry, within the scope; noted as looked at.
    pub(super) async fn find(app: &AppState, access: &AuditAccess, id: &str, trail: &Trail) -> AppResult<Self> {
        let id: String = id.chars().take(100).collect();
        trail.request("reviewed_entry", &id);
        let entries = app.review.entries.request_of(access, &id).await?;
        let found = Self { entries };
        if found.entries.is_empty() {
            return Err(AppError::NotFound("entry"));
        }
        trail.grant("reviewed_entry", &id);
        if let Some(institute) = found.institute() {
            trail.institute(institute);
        }
        Ok(found)
    }

    /// The request.
    pub(super) fn request_id(&self) -> &str {
        &self.main().request_id
    }

    /// The institute concerned.
    pub(super) fn institute(&self) -> Option<&InstituteId> {
        self.main().institute.as_ref()
    }

    /// The outcome, else the intent.
    fn main(&self) -> &Entry {
        let entries = || self.entries.iter().map(|(entry, _)| entry);
        entries().find(|entry| entry.kind == EntryKind::Outcome).unwrap_or(&self.entries[0].0)
    }

    fn sealed_values(&self) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        for payload in self.entries.iter().filter_map(|(entry, _)| entry.payload.as_ref()) {
            if let Some(url) = &payload.url {
                found.push(("address as typed".to_owned(), url.as_str()));
            }
            let headers = payload.headers.iter().flatten().filter(|(_, value)| value.starts_with(SEALED));
            found.extend(headers.map(|(name, value)| (format!("header {name}"), value.as_str())));
        }
        found
    }
}

#[derive(Template)]
#[template(path = "audit/entry.html")]
struct EntryPage {
    layout: Layout,
    row: Row,
    request_id: String,
    erased: bool,
    facts: Vec<(&'static str, String)>,
    headers: Vec<(String, String)>,
    view: Vec<(String, String)>,
    subjects: Vec<(String, String, bool)>,
    chain: Vec<ChainView>,
    sealed: Vec<String>,
    opened: Vec<(String, String)>,
    openings: Vec<OpeningView>,
    may_ask: bool,
    ask_url: String,
    agree_url: String,
}

/// Where an entry stands in its log.
struct ChainView {
    kind: &'static str,
    id: String,
    log: String,
    seq: i64,
    occurred: String,
    recorded: String,
    regressed: bool,
    payload_hash: String,
    chain: String,
}

struct OpeningView {
    id: String,
    rev: i64,
    reason: String,
    asked_by: String,
    asked_at: String,
    agreed_by: String,
    agreed_at: String,
    words: String,
    may_agree: bool,
}

impl OpeningView {
    fn new(opening: Opening, standing: Standing) -> Self {
        Self {
            words: match standing {
                Standing::Asked => "waits for another auditor".to_owned(),
                Standing::MayAgree => "waits for you or another auditor".to_owned(),
                Standing::Open(until) => format!("you may read until {} UTC", second(until)),
                Standing::OpenToOthers => "opened by two other auditors".to_owned(),
                Standing::Over => "over".to_owned(),
            },
            may_agree: standing == Standing::MayAgree,
            id: opening.id,
            rev: opening.rev,
            reason: opening.reason,
            asked_by: opening.asked_by.name,
            asked_at: second(opening.asked_at),
            agreed_by: opening.agreed_by.map(|by| by.name).unwrap_or_default(),
            agreed_at: opening.agreed_at.map(second).unwrap_or_default(),
        }
    }
}

/// `GET /audit/entries/{entry}`
pub(super) async fn show(
    access: AuditAccess,
    Path(EntryPath { entry }): Path<EntryPath>,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Response> {
    let reviewed = ReviewedRequest::find(&app, &access, &entry, &trail).await?;
    let (now, me) = (app.clock.now(), access.principal().user());
    let openings = app.review.openings.of(&reviewed).await?;
    let standings: Vec<Standing> = openings.iter().map(|opening| opening.standing(me, now)).collect();
    let sealed = reviewed.sealed_values();
    let mut opened = Vec::new();
    if standings.iter().any(|standing| matches!(standing, Standing::Open(_))) {
        trail.grant("reviewed_sealed_text", reviewed.request_id());
        for (name, value) in &sealed {
            let text = app.audit.sealer().open(value, reviewed.request_id());
            opened.push((name.clone(), text.unwrap_or_else(|| "sealed with a key that is not here".to_owned())));
        }
    }
    let main = reviewed.main();
    let may_ask = !sealed.is_empty() && standings.iter().all(|standing| *standing == Standing::Over);
    let payloads = || reviewed.entries.iter().filter_map(|(entry, _)| entry.payload.as_ref());
    let shown = |value: &str| if value.starts_with(SEALED) { "sealed".to_owned() } else { value.to_owned() };
    page.render(|layout| EntryPage {
        layout,
        row: Row::new(main),
        request_id: main.request_id.clone(),
        erased: reviewed.entries.iter().any(|(entry, _)| entry.payload.is_none()),
        facts: facts(main),
        headers: payloads()
            .flat_map(|payload| payload.headers.iter().flatten())
            .map(|(name, value)| (name.clone(), shown(value)))
            .collect(),
        view: payloads()
            .flat_map(|payload| payload.view.iter().flatten())
            .map(|(name, values)| (name.clone(), values.join(", ")))
            .collect(),
        subjects: subjects(&reviewed),
        chain: reviewed.entries.iter().map(|(entry, raw)| ChainView::new(entry, raw)).collect(),
        sealed: sealed.into_iter().map(|(name, _)| name).collect(),
        opened,
        openings: openings.into_iter().zip(standings).map(|(opening, at)| OpeningView::new(opening, at)).collect(),
        may_ask,
        ask_url: format!("{}/opening", urls::audit_entry(&entry)),
        agree_url: format!("{}/opening/agree", urls::audit_entry(&entry)),
    })
}

fn facts(entry: &Entry) -> Vec<(&'static str, String)> {
    let agent = entry.agent.as_ref();
    let request = entry.request.as_ref();
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    [
        ("User id", agent.and_then(|agent| agent.user.as_ref()).map(ToString::to_string)),
        ("Came by", agent.map(|agent| agent.via.clone())),
        ("Session or token", request.and_then(|request| request.session_ref.clone())),
        ("Client address", request.and_then(|request| request.client_ip.clone())),
        ("Peer address", request.and_then(|request| request.peer_ip.clone())),
        ("Status", entry.status.map(|status| status.to_string())),
        ("Took", entry.duration_us.map(|micros| format!("{}.{:03} ms", micros / 1_000, micros % 1_000))),
        ("Rows", number(entry.rows)),
        ("Bytes", number(entry.bytes)),
        ("Program version", Some(entry.build.clone())),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .collect()
}

/// Each subject once, granted when the outcome says so.
fn subjects(reviewed: &ReviewedRequest) -> Vec<(String, String, bool)> {
    let mut found: Vec<(String, String, bool)> = Vec::new();
    for subject in reviewed.entries.iter().filter_map(|(entry, _)| entry.payload.as_ref()).flat_map(|all| &all.subjects)
    {
        match found.iter_mut().find(|(kind, id, _)| *kind == subject.kind && *id == subject.id) {
            Some(known) => known.2 |= subject.granted,
            None => found.push((subject.kind.clone(), subject.id.clone(), subject.granted)),
        }
    }
    found
}

impl ChainView {
    fn new(entry: &Entry, raw: &RawDocumentBuf) -> Self {
        let hashes = unseal(raw).ok();
        let hex = |hash: Option<&[u8; 32]>| {
            hash.map_or_else(|| "cannot be read".to_owned(), |hash| data_encoding::HEXLOWER.encode(hash))
        };
        Self {
            kind: entry.kind.as_str(),
            id: entry.id.clone(),
            log: entry.log_id.clone(),
            seq: entry.seq,
            occurred: format!("{:.3}", entry.occurred_at),
            recorded: format!("{:.3}", entry.recorded_at),
            regressed: entry.clock_regressed,
            payload_hash: hex(hashes.as_ref().map(|hashes| &hashes.payload_hash)),
            chain: hex(hashes.as_ref().map(|hashes| &hashes.chain)),
        }
    }
}
