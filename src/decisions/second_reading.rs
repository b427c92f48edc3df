//! Causes that another person is to confirm: what a case's page says of them, and ending a reading by oneself.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::change::{Chosen, Decided, Wanted, decide_cause, in_words};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseEditor, CaseGeneticist};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::VariantId;
use crate::institutes::Institute;
use crate::variants::{Category, Standing};
use crate::web::{CsrfForm, filters, see_other, urls};

/// What is not settled about the cause of a case.
pub(crate) struct SecondReadingPanel {
    /// Whether a mark is kept from the reader, who may come to it by themselves.
    pub kept: bool,
    /// Where they say that they are done; none for whoever reads no second time.
    pub finish: Option<String>,
    /// Marks that wait, or that somebody disagrees with.
    pub open: Vec<OpenMark>,
}

/// A mark that is not confirmed.
pub(crate) struct OpenMark {
    pub name: String,
    pub url: String,
    pub words: String,
}

/// Of a case of this institute; none when everything is settled, and for guests.
pub(crate) async fn panel(
    app: &AppState,
    access: &CaseAccess,
    institute: &Institute,
) -> AppResult<Option<SecondReadingPanel>> {
    if access.is_guest() {
        return Ok(None);
    }
    let states = app.states.of_case(access).await?;
    let kept = states.values().any(|state| state.kept_back);
    let is_open = |standing| matches!(standing, Standing::Waiting | Standing::Disputed);
    let mut marks: Vec<_> = states.values().filter(|state| state.standing().is_some_and(is_open)).collect();
    if !kept && marks.is_empty() {
        return Ok(None);
    }
    marks.sort_by_key(|state| state.at);
    let ids: Vec<VariantId> = marks.iter().map(|state| state.id.clone()).collect();
    let names = app.variants.names(access, &ids).await?;
    let case = access.case();
    let open = marks.iter().map(|state| OpenMark {
        name: names.call(&state.id, None).to_owned(),
        url: urls::variant(case, &state.id, &[]),
        words: in_words(state, false).swap_remove(0),
    });
    let finish = (kept && reads_second(access, institute, app.clock.now())).then(|| urls::second_reading(case));
    Ok(Some(SecondReadingPanel { kept, finish, open: open.collect() }))
}

/// Whether somebody is a second reader in a case at a time.
pub(super) fn reads_second(access: &CaseAccess, institute: &Institute, now: Timestamp) -> bool {
    access.may_edit() && institute.is_confirmed_by(access.principal(), Category::Snv, filters::day(now))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finished {
    why: String,
}

/// `POST /{institute}/{case}/second-reading`: somebody who read by themselves holds none of the marks that are kept from them.
pub(super) async fn finish(
    geneticist: CaseGeneticist,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<Finished>,
) -> AppResult<Response> {
    let why = form.why.trim();
    if why.is_empty() || why.chars().count() > super::forms::LONGEST {
        let rule = format!("say in 1 to {} characters what you came to", super::forms::LONGEST);
        return Err(AppError::Unprocessable(vec![FieldError::new("why", "", rule)]));
    }
    let editor: &CaseEditor = geneticist.editor();
    let user = editor.access().principal().user();
    let present = app.states.present(editor).await?;
    let mut count = 0;
    for state in present.values().filter(|state| state.is_kept_from(user)) {
        // What its list said when it was marked stays what it was decided on; whoever marks writes it down.
        let facts = state.facts.clone().ok_or_else(|| anyhow::anyhow!("a mark on {} without facts", state.id))?;
        let variant = Chosen { id: state.id.clone(), facts };
        let wanted = Wanted::Ended(why.to_owned());
        if let Decided::Refused(why) = decide_cause(&app, &geneticist, &variant, &wanted).await? {
            return Err(AppError::Forbidden(why));
        }
        count += 1;
    }
    trail.note_rows(count);
    Ok(see_other(&urls::case(editor.access().case())))
}
