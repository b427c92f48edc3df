//! A window of the trail as a file. Its end says how much it holds, its hash, and the latest checkpoint.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};

use super::query::ReviewQuery;
use super::read;
use crate::app::AppState;
use crate::audit::access::AuditAccess;
use crate::audit::entry::Entry;
use crate::audit::lines::{self, Trailer};
use crate::audit::{Trail, formats, unseal};
use crate::auth::{Administration, SteppedUp};
use crate::db::decode;
use crate::error::{AppError, AppResult};
use crate::web::{Params, disposition, harmless};

/// How far back the latest checkpoint is looked for, step by step.
const LOOKED_BACK: [SignedDuration; 4] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(24 * 30),
    SignedDuration::from_hours(24 * 366 * 20),
];

/// `GET /audit/export.csv`
pub(super) async fn csv(
    access: AuditAccess,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let query = ReviewQuery::parse(&params)?;
    let found = read::find(&app, &access, &query, &trail).await?;
    let entries = &found.window.entries;
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(formats::COLUMNS).map_err(anyhow::Error::new)?;
    for entry in entries {
        writer.write_record(formats::cells(entry)).map_err(anyhow::Error::new)?;
    }
    let mut bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    let trailer = trailer(&app, &bytes, entries.len()).await?;
    let mut last = vec![
        "trailer".to_owned(),
        format!("rows {}", trailer.rows),
        format!("sha256 {}", trailer.sha256),
        format!("checkpoint {}", trailer.notes.first().map_or("none yet", String::as_str)),
    ];
    // One line as long as the others; the note's line ends become blanks.
    last.resize(formats::COLUMNS.len(), String::new());
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(last.iter().map(|cell| harmless(cell))).map_err(anyhow::Error::new)?;
    bytes.extend(writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?);
    trail.note_export("csv", entries.len());
    Ok(file(&app, "csv", "text/csv; charset=utf-8", bytes))
}

/// `GET /audit/export.ndjson`: lines as `lodestone audit export --ndjson` writes them.
pub(super) async fn ndjson(
    access: AuditAccess,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let query = ReviewQuery::parse(&params)?;
    let found = read::find(&app, &access, &query, &trail).await?;
    let ids: Vec<&str> = found.window.entries.iter().map(|entry| entry.id.as_str()).collect();
    let mut stored = Vec::with_capacity(ids.len());
    for raw in app.review.entries.stored(&access, &ids).await? {
        let entry: Entry = decode("audit", &raw)?;
        stored.push((entry.occurred_at, entry.log_id, entry.seq, raw));
    }
    stored.sort_by(|a, b| (a.0, &a.1, a.2).cmp(&(b.0, &b.1, b.2)));
    let mut bytes = Vec::new();
    for (.., raw) in &stored {
        let line = unseal(raw).map_err(|error| AppError::from(anyhow::Error::new(error)))?;
        bytes.extend_from_slice(lines::write(&line).map_err(anyhow::Error::new)?.as_bytes());
    }
    let trailer = trailer(&app, &bytes, stored.len()).await?;
    bytes.extend_from_slice(lines::write_trailer(&trailer).map_err(anyhow::Error::new)?.as_bytes());
    trail.note_export("ndjson", stored.len());
    Ok(file(&app, "ndjson", "application/x-ndjson", bytes))
}

async fn trailer(app: &AppState, bytes: &[u8], rows: usize) -> AppResult<Trailer> {
    let now = app.clock.now();
    let mut note = None;
    for back in LOOKED_BACK {
        note = app.review.entries.latest_note(now - back, now + SignedDuration::from_mins(5)).await?;
        if note.is_some() {
            break;
        }
    }
    Ok(Trailer {
        rows: rows as u64,
        sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)),
        whole: false,
        notes: note.into_iter().collect(),
    })
}

fn file(app: &AppState, extension: &str, mime: &'static str, bytes: Vec<u8>) -> Response {
    let name = format!("audit-{}.{extension}", app.clock.now().strftime("%Y%m%dT%H%M%SZ"));
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    if let Ok(value) = HeaderValue::try_from(disposition(&name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
