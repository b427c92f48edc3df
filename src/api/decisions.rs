//! Deciding about one variant, as its page does.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::openapi::{CsrfHeader, DecisionRefusals, OfVariant};
use super::variants::StateJson;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseEditor, CaseGeneticist};
use crate::decisions::terms::{MOSAICS, RANKS};
use crate::decisions::{
    Decided, Reason, Wanted, chosen, decide, decide_cause, offered, only_of_tumours, partial, put_back, terms_of,
};
use crate::error::{AppError, AppResult};
use crate::events::Actor;
use crate::variants::{AmpTier, EscatTier, Outcome, Tiers, Validated, Validation, VariantPath, VariantState};
use crate::web::{CsrfJson, Path, problem};

/// What somebody who reads the case decides. `rev` is the revision of the state that was read; 0 when nothing was decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "decide", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum DecisionBody {
    /// Pinned or not.
    Pin { on: bool },
    /// Put aside for these reasons, known ones by code, the institute's own in its words; for none, taken back.
    Dismiss { reasons: Vec<Reason>, rev: i64 },
    /// Ranked by hand; `null` for not.
    Rank { rank: Option<u8>, rev: i64 },
    /// What is held of mosaicism, by code; nothing takes that back.
    Mosaic { mosaic: Vec<u8>, rev: i64 },
    /// What it means in the tumour, in cases of the track cancer: the tier of AMP, ASCO and CAP, e.g. `2C`, and that of ESCAT,
    /// e.g. `1A` for its I-A. Both are said together; `null` is none.
    Tiers {
        #[serde(deserialize_with = "Option::deserialize")]
        amp: Option<String>,
        #[serde(deserialize_with = "Option::deserialize")]
        escat: Option<String>,
        rev: i64,
    },
    /// The last decision taken back.
    Undo { rev: i64 },
}

/// What a geneticist decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "decide", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum GeneticistBody {
    /// Held to be the cause or not.
    Causative { on: bool },
    /// A second reader's word about a causative mark; whoever disagrees says why.
    SecondReading { agrees: bool, why: Option<String> },
    /// Held to explain these phenotype terms of the case, or what the words say; with nothing it is no partial cause.
    Partial { phenotypes: Vec<String>, words: Option<String>, rev: i64 },
    /// To be validated by the laboratory, or not after all.
    Order { on: bool, rev: i64 },
    /// What the laboratory found: `true_positive`, `false_positive` or `not_validated`; `null` for nothing yet.
    Validated { outcome: Option<String>, rev: i64 },
}

/// Decides about a variant.
#[utoipa::path(
    post, path = "/api/v1/{institute}/{case}/variants/{id}/decisions", security(("session" = [])),
    params(OfVariant, CsrfHeader), request_body = DecisionBody,
    responses((status = 200, body = StateJson), DecisionRefusals)
)]
pub(super) async fn by_reader(
    editor: CaseEditor,
    State(app): State<AppState>,
    Path(at): Path<VariantPath>,
    trail: Trail,
    CsrfJson(body): CsrfJson<DecisionBody>,
) -> AppResult<Json<StateJson>> {
    let (variant, _) = chosen(&app, editor.access(), at.id, &trail).await?;
    let decided = match body {
        DecisionBody::Pin { on } => decide(&app, &editor, &variant, &Wanted::Pinned(on), 0).await?,
        DecisionBody::Dismiss { reasons, rev } => {
            let reasons = dismissal(reasons)?;
            offered(&app, editor.access(), &variant, &reasons).await?;
            let wanted = Wanted::Dismissed(reasons);
            decide(&app, &editor, &variant, &wanted, rev).await?
        }
        DecisionBody::Rank { rank, rev } => {
            if let Some(unknown) = rank.filter(|rank| RANKS.iter().all(|(known, ..)| known != rank)) {
                return Err(problem("rank", &unknown.to_string(), "is not a rank"));
            }
            decide(&app, &editor, &variant, &Wanted::Rank(rank), rev).await?
        }
        DecisionBody::Mosaic { mut mosaic, rev } => {
            if let Some(unknown) = mosaic.iter().find(|code| MOSAICS.iter().all(|(known, _)| known != *code)) {
                return Err(problem("mosaic", &unknown.to_string(), "is nothing that is held of mosaicism"));
            }
            mosaic.sort_unstable();
            mosaic.dedup();
            decide(&app, &editor, &variant, &Wanted::Mosaic(mosaic), rev).await?
        }
        DecisionBody::Tiers { amp, escat, rev } => {
            let tiers = tiers(amp.as_deref(), escat.as_deref())?;
            only_of_tumours(&app, editor.access(), &variant, tiers).await?;
            decide(&app, &editor, &variant, &Wanted::Tiers(tiers), rev).await?
        }
        DecisionBody::Undo { rev } => put_back(&app, &editor, &variant, rev).await?,
    };
    state(&app, &editor, &variant.id, decided).await
}

/// Says what the cause is, or what the laboratory is asked; for geneticists.
#[utoipa::path(
    post, path = "/api/v1/{institute}/{case}/variants/{id}/geneticist-decisions", security(("session" = [])),
    params(OfVariant, CsrfHeader), request_body = GeneticistBody,
    responses((status = 200, body = StateJson), DecisionRefusals)
)]
pub(super) async fn by_geneticist(
    geneticist: CaseGeneticist,
    State(app): State<AppState>,
    Path(at): Path<VariantPath>,
    trail: Trail,
    CsrfJson(body): CsrfJson<GeneticistBody>,
) -> AppResult<Json<StateJson>> {
    let editor = geneticist.editor();
    let (variant, _) = chosen(&app, editor.access(), at.id, &trail).await?;
    let (by, now) = (Actor::of(editor.access().principal()), app.clock.now());
    let decided = match body {
        GeneticistBody::Causative { on } => decide_cause(&app, &geneticist, &variant, &Wanted::Causative(on)).await?,
        GeneticistBody::SecondReading { agrees, why } => {
            let wanted = Wanted::reading(agrees, why.as_deref().unwrap_or_default())?;
            decide_cause(&app, &geneticist, &variant, &wanted).await?
        }
        GeneticistBody::Partial { phenotypes, words, rev } => {
            let words = words.unwrap_or_default();
            let terms = terms_of(&app, editor.access(), &variant.id).await?;
            let wanted = partial(&terms, phenotypes, &words, (by, now))?;
            decide(&app, editor, &variant, &wanted, rev).await?
        }
        GeneticistBody::Order { on, rev } => {
            let wanted = if on { Wanted::Ordered(Validation::order(by, now)) } else { Wanted::Cancelled };
            decide(&app, editor, &variant, &wanted, rev).await?
        }
        GeneticistBody::Validated { outcome, rev } => {
            let read = |word: &str| {
                Outcome::parse(word).ok_or_else(|| problem("outcome", word, "is no result of a validation"))
            };
            let outcome = outcome.as_deref().map(read).transpose()?;
            let result = outcome.map(|outcome| Validated { outcome, by, at: now });
            decide(&app, editor, &variant, &Wanted::Validated(result), rev).await?
        }
    };
    state(&app, editor, &variant.id, decided).await
}

/// Tiers of these codes.
fn tiers(amp: Option<&str>, escat: Option<&str>) -> AppResult<Tiers> {
    let amp = amp.map(|code| AmpTier::parse(code).ok_or_else(|| problem("amp", code, "is not an AMP tier")));
    let escat = escat.map(|code| EscatTier::parse(code).ok_or_else(|| problem("escat", code, "is not an ESCAT tier")));
    Ok(Tiers { amp: amp.transpose()?, escat: escat.transpose()? })
}

/// Each reason once, in order.
fn dismissal(mut reasons: Vec<Reason>) -> AppResult<Vec<Reason>> {
    if let Some(unknown) = reasons.iter().find(|reason| Reason::read(&reason.value()).as_ref() != Some(*reason)) {
        return Err(problem("reasons", &unknown.value(), "is not a reason to dismiss a variant"));
    }
    reasons.sort_unstable();
    reasons.dedup();
    Ok(reasons)
}

/// How the variant stands now, as far as whoever decided may know.
async fn state(
    app: &AppState,
    editor: &CaseEditor,
    id: &crate::ids::VariantId,
    decided: Decided,
) -> AppResult<Json<StateJson>> {
    let user = editor.access().principal().user();
    let seen = |state: VariantState| if state.is_kept_from(user) { state.without_mark() } else { state };
    match decided {
        Decided::Refused(why) => Err(AppError::Forbidden(why)),
        Decided::Stale(now) => Err(AppError::Conflict { rev: Some(seen(*now).rev) }),
        Decided::Done => {
            let (stored, comments) =
                tokio::try_join!(app.states.find(editor.access(), id), app.comments.counts(editor.access()))?;
            let comments = comments.get(id).copied().unwrap_or_default();
            Ok(Json(StateJson::of(stored.map(seen).as_ref(), comments)))
        }
    }
}
