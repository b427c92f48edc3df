//! Which mails follow from a decision about a variant.

use jiff::Timestamp;

use super::model::{About, Mail, OrderOf};
use crate::app::AppState;
use crate::cases::Case;
use crate::db::StoreError;
use crate::variants::{Validation, VariantState};

/// Mails to those who get orders of the institute: that one was made or taken back, by whatever decision or undoing. Of a case
/// that is restricted to named people nobody is told of an order that they do not know.
pub(crate) async fn of_decision(
    app: &AppState,
    case: &Case,
    before: &VariantState,
    after: &VariantState,
    now: Timestamp,
) -> Result<Vec<Mail>, StoreError> {
    if !app.config.mail.is_on() {
        return Ok(Vec::new());
    }
    let (mut cancelled, mut ordered) = (taken_back(before, after), taken_back(after, before));
    if case.restriction.is_some() {
        ordered = None;
        // Who was told of an order before is told that nothing is to be done for it.
        if let Some(order) = cancelled
            && !app.outbox.has_told(&before.institute, &order.number).await?
        {
            cancelled = None;
        }
    }
    if cancelled.is_none() && ordered.is_none() {
        return Ok(Vec::new());
    }
    let institute = app.institutes.find(&before.institute).await?;
    let of = |order: &Validation| OrderOf {
        institute: before.institute.clone(),
        case_id: before.case_id.clone(),
        variant: before.id.clone(),
        number: order.number.clone(),
    };
    let told = cancelled.map(|order| About::Cancelled(of(order))).into_iter();
    let told: Vec<About> = told.chain(ordered.map(|order| About::Ordered(of(order)))).collect();
    let addresses = institute.map(|institute| institute.settings.order_mail).unwrap_or_default();
    let mails = addresses.iter().flat_map(|to| told.iter().map(|about| Mail::new(to.clone(), about.clone(), now)));
    Ok(mails.collect())
}

/// An order that waits for its result here, and is not there in the other state.
fn taken_back<'a>(here: &'a VariantState, there: &VariantState) -> Option<&'a Validation> {
    let order = here.validation.as_ref().filter(|order| order.result.is_none())?;
    let is_there = there.validation.as_ref().is_some_and(|other| other.number == order.number);
    (!is_there).then_some(order)
}
