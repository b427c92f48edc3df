use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use jiff::Timestamp;

use super::change::{Chosen, Decided, Wanted, decide, decide_cause, in_words, undo as put_back};
use super::forms::{Sent, terms_of};
use super::reason::Reason;
use super::tiers::only_of_tumours;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseEditor, CaseGeneticist, Stale};
use crate::error::{AppError, AppResult};
use crate::events::Actor;
use crate::ids::VariantId;
use crate::variants::search::shown_lists;
use crate::variants::{Facts, VariantPath, VariantState};
use crate::web::{CsrfForm, Page, Params, Path, filters, problem, see_other, urls};

/// A decision that was sent about a variant of a case, with the right by which the sender decides. Only the extractor builds
/// one.
pub(super) struct Deciding<Right = CaseEditor> {
    right: Right,
    page: Page,
    app: AppState,
    variant: Chosen,
    /// How the case's list names it.
    name: String,
    /// The filter under which it was reached.
    query: Params,
    pairs: Vec<(String, String)>,
    sent: Sent,
}

impl<Right> FromRequest<AppState> for Deciding<Right>
where
    Right: FromRequestParts<AppState, Rejection = AppError> + AsRef<CaseEditor> + Send,
{
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> AppResult<Self> {
        let (mut parts, body) = request.into_parts();
        let right = Right::from_request_parts(&mut parts, app).await?;
        let Path(at) = Path::<VariantPath>::from_request_parts(&mut parts, app).await?;
        let Ok(page) = Page::from_request_parts(&mut parts, app).await;
        let Ok(query) = Params::from_request_parts(&mut parts, app).await;
        let trail = Trail::of(&parts);
        let CsrfForm(pairs) =
            CsrfForm::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), app).await?;
        let sent = Sent::read(&pairs)?;
        let (variant, name) = chosen(app, right.as_ref().access(), at.id, &trail).await?;
        Ok(Self { variant, name, right, page, app: app.clone(), query, pairs, sent })
    }
}

/// A variant of one of the case's lists, and how the list names it.
pub(crate) async fn chosen(
    app: &AppState,
    access: &CaseAccess,
    id: VariantId,
    trail: &Trail,
) -> AppResult<(Chosen, String)> {
    let lists = shown_lists(app, access).await?;
    let found = lists.iter().find_map(|list| Some((list, list.columns.row(list.columns.find(&id)?))));
    let (list, row) = found.ok_or(AppError::NotFound("variant"))?;
    let variant = Chosen { facts: Facts::of(row, list.kind, list.revision), id };
    trail.note_done("variant", variant.id.as_str(), Some(&access.case().institute));
    Ok((variant, row.simple_id()))
}

/// Why a reason is refused.
pub(super) const NOT_OFFERED: &str = "is not a reason to dismiss a variant that your institute offers";

/// Refuses reasons that the institute does not offer, unless the variant is put aside for them already.
pub(crate) async fn offered(
    app: &AppState,
    access: &CaseAccess,
    variant: &Chosen,
    reasons: &[Reason],
) -> AppResult<()> {
    let (institute, state) =
        tokio::try_join!(app.institutes.find(&access.case().institute), app.states.find(access, &variant.id))?;
    let offered = institute.map(|institute| institute.settings.dismissals).unwrap_or_default();
    let standing = state.map(|state| state.dismissed).unwrap_or_default();
    match offered.refuses(reasons, &standing) {
        Some(refused) => Err(problem("reason", &refused.value(), NOT_OFFERED)),
        None => Ok(()),
    }
}

impl Deciding {
    async fn decide(self, action: &str, wanted: Wanted) -> AppResult<Response> {
        let decided = decide(&self.app, &self.right, &self.variant, &wanted, self.sent.known).await?;
        self.answer(decided, &wanted.words(), Some(action))
    }
}

impl Deciding<CaseGeneticist> {
    /// Decides what is no cause, but for geneticists as well.
    async fn decide_as_geneticist(
        self,
        action: &str,
        wanted: impl FnOnce(&Sent, Actor, Timestamp) -> AppResult<Wanted>,
    ) -> AppResult<Response> {
        let editor = self.right.editor();
        let wanted = wanted(&self.sent, Actor::of(editor.access().principal()), self.app.clock.now())?;
        let decided = decide(&self.app, editor, &self.variant, &wanted, self.sent.known).await?;
        self.answer(decided, &wanted.words(), Some(action))
    }

    async fn decide_cause(self, action: &str, wanted: Wanted) -> AppResult<Response> {
        let decided = decide_cause(&self.app, &self.right, &self.variant, &wanted).await?;
        self.answer(decided, &wanted.words(), Some(action))
    }
}

impl<Right: AsRef<CaseEditor>> Deciding<Right> {
    fn answer(self, decided: Decided, wanted: &str, action: Option<&str>) -> AppResult<Response> {
        let access = self.right.as_ref().access();
        let case = access.case();
        let query = self.query.to_query();
        let back = if self.sent.on_list {
            format!("{}#v-{}", urls::variants(case, &query), self.variant.id)
        } else {
            format!("{}#decisions", urls::variant(case, &self.variant.id, &query))
        };
        let now: VariantState = match decided {
            Decided::Done => return Ok(see_other(&back)),
            Decided::Refused(why) => return Err(AppError::Forbidden(why)),
            Decided::Stale(now) if now.is_kept_from(access.principal().user()) => now.without_mark(),
            Decided::Stale(now) => *now,
        };
        let stale = Stale {
            of: self.name,
            what: format!(
                "Somebody decided about this variant {}, after you opened its page.",
                filters::moment(now.at)
            ),
            now: in_words(&now, false),
            wanted: wanted.to_owned(),
            again: action.map(|action| (urls::decision(case, &self.variant.id, action, &query), self.pairs)),
            back,
        };
        stale.told(access, self.page, now.rev)
    }
}

/// `POST /{institute}/{case}/variants/{id}/pin`
pub(super) async fn pin(deciding: Deciding) -> AppResult<Response> {
    let wanted = deciding.sent.pinned()?;
    deciding.decide("pin", wanted).await
}

/// `POST /{institute}/{case}/variants/{id}/causative`
pub(super) async fn hold_causative(deciding: Deciding<CaseGeneticist>) -> AppResult<Response> {
    let wanted = deciding.sent.causative()?;
    Box::pin(deciding.decide_cause("causative", wanted)).await
}

/// `POST /{institute}/{case}/variants/{id}/second-reading`: another person confirms a causative mark, or says why not.
pub(super) async fn read_second(deciding: Deciding<CaseGeneticist>) -> AppResult<Response> {
    let wanted = deciding.sent.read_second()?;
    Box::pin(deciding.decide_cause("second-reading", wanted)).await
}

/// `POST /{institute}/{case}/variants/{id}/order`: the laboratory is asked to validate it, or not after all.
pub(super) async fn order(deciding: Deciding<CaseGeneticist>) -> AppResult<Response> {
    deciding.decide_as_geneticist("order", Sent::ordered).await
}

/// `POST /{institute}/{case}/variants/{id}/validated`: what the laboratory found.
pub(super) async fn validate(deciding: Deciding<CaseGeneticist>) -> AppResult<Response> {
    deciding.decide_as_geneticist("validated", Sent::validated).await
}

/// `POST /{institute}/{case}/variants/{id}/partial`: that it explains a part of what the patient has; without any part it does
/// not.
pub(super) async fn hold_partial(deciding: Deciding<CaseGeneticist>) -> AppResult<Response> {
    let access = deciding.right.editor().access();
    let terms = terms_of(&deciding.app, access, &deciding.variant.id).await?;
    deciding.decide_as_geneticist("partial", |sent, by, now| sent.partial(&terms, by, now)).await
}

/// `POST /{institute}/{case}/variants/{id}/mosaic`: what is held of mosaicism; nothing takes that back.
pub(super) async fn mosaic(deciding: Deciding) -> AppResult<Response> {
    let wanted = deciding.sent.mosaic();
    deciding.decide("mosaic", wanted).await
}

/// `POST /{institute}/{case}/variants/{id}/tiers`: what it means in the tumour; an empty one is none.
pub(super) async fn tiers(deciding: Deciding) -> AppResult<Response> {
    let tiers = deciding.sent.tiers();
    only_of_tumours(&deciding.app, deciding.right.access(), &deciding.variant, tiers).await?;
    deciding.decide("tiers", Wanted::Tiers(tiers)).await
}

/// `POST /{institute}/{case}/variants/{id}/dismiss`: with no reason it is taken back.
pub(super) async fn dismiss(deciding: Deciding) -> AppResult<Response> {
    let wanted = deciding.sent.dismissed();
    if let Wanted::Dismissed(reasons) = &wanted {
        offered(&deciding.app, deciding.right.access(), &deciding.variant, reasons).await?;
    }
    deciding.decide("dismiss", wanted).await
}

/// `POST /{institute}/{case}/variants/{id}/rank`: an empty one is none.
pub(super) async fn rank(deciding: Deciding) -> AppResult<Response> {
    let wanted = deciding.sent.ranked();
    deciding.decide("rank", wanted).await
}

/// `POST /{institute}/{case}/variants/{id}/undo`
pub(super) async fn undo(deciding: Deciding) -> AppResult<Response> {
    let decided = put_back(&deciding.app, &deciding.right, &deciding.variant, deciding.sent.known).await?;
    deciding.answer(decided, "the last decision undone", None)
}
