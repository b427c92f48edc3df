//! Putting consent on record: one transaction with its row in the history, what each list counts, and the end of shares.

use std::collections::BTreeMap;

use super::forms::Wanted;
use super::model::{Answer, Consent, IndividualConsents, Purpose};
use super::secondary::counted;
use crate::app::AppState;
use crate::cases::{Case, CaseEditor};
use crate::db::{StoreError, unless_conflict};
use crate::events::{Actor, Change, EventKind, consent_subject, fact};
use crate::{research, sharing};

/// What became of it.
pub(super) enum Became {
    /// It stands so now, or stood so before.
    Done,
    /// The case has no such individual.
    Nobody,
    /// Somebody else changed it since it was shown; it stands so.
    Stale(IndividualConsents),
}

/// Tries when others change the case at the same time.
const TRIES: usize = 8;

/// Why a share ends with the consent to it.
const WITHDRAWN: &str = "somebody in the case does not consent to sharing";

/// Puts what an individual said on record.
pub(super) async fn record(app: &AppState, editor: &CaseEditor, wanted: &Wanted) -> Result<Became, StoreError> {
    let by = Actor::of(editor.access().principal());
    let mut case = editor.access().case().clone();
    for _ in 0..TRIES {
        if !case.individuals.iter().any(|individual| individual.individual_id == wanted.individual) {
            return Ok(Became::Nobody);
        }
        let before = case.consents.of(&wanted.individual);
        let after = after(&before, wanted, &by, app);
        if after.answers == before.answers {
            return Ok(Became::Done);
        }
        if before.rev != wanted.rev {
            return Ok(Became::Stale(before));
        }
        if Box::pin(store(app, editor, &case, &before, &after)).await? {
            return Ok(Became::Done);
        }
        case = app.cases.again(editor, app.clock.now()).await?;
    }
    Err(StoreError::Conflict("the case"))
}

/// What is said as it was before stays on record as it was put there.
fn after(before: &IndividualConsents, wanted: &Wanted, by: &Actor, app: &AppState) -> IndividualConsents {
    let kept = |purpose: &Purpose, answer: Answer, on| {
        before.answers.get(purpose).filter(|known| (known.answer, known.on) == (answer, on)).cloned()
    };
    let consent = |(purpose, (answer, on)): (&Purpose, &(Answer, jiff::civil::Date))| {
        let new = || Consent { answer: *answer, on: *on, by: by.clone(), at: app.clock.now() };
        (*purpose, kept(purpose, *answer, *on).unwrap_or_else(new))
    };
    let answers: BTreeMap<Purpose, Consent> = wanted.answers.iter().map(consent).collect();
    IndividualConsents { individual_id: before.individual_id.clone(), answers, rev: before.rev + 1 }
}

/// Writes it; `false` when the case is another one by now.
async fn store(
    app: &AppState,
    editor: &CaseEditor,
    read: &Case,
    before: &IndividualConsents,
    changed: &IndividualConsents,
) -> Result<bool, StoreError> {
    let (by, now) = (Actor::of(editor.access().principal()), app.clock.now());
    let mut after = Case { consents: read.consents.with(changed.clone()), ..read.clone() };
    let closed = research::close_without_consent(&mut after)?;
    if closed.is_some() || after.withheld() != read.withheld() {
        after = counted(app, after).await?;
    }
    let known = (before.rev > 0).then_some(before);
    let mut changes = vec![Change {
        subject: consent_subject(&read.id, &changed.individual_id),
        rev: changed.rev,
        kind: EventKind::ConsentRecorded,
        institute: Some(read.institute.clone()),
        case_id: Some(read.id.clone()),
        before: fact(&known)?,
        after: fact(changed)?,
    }];
    changes.extend(closed);
    if after.consents.refuse(Purpose::Sharing) {
        changes.extend(sharing::end_all(&mut after, &by, now, WITHDRAWN)?);
    }
    app.events.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            app.cases.set_consents(&mut transaction.session, editor, read, &after).await?;
            for change in &changes {
                app.events.append(&mut transaction.session, change, &by, now).await?;
            }
            Ok(())
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return unless_conflict(written);
        }
    }
}
