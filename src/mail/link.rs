use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::Principal;
use crate::error::{AppError, AppResult};
use crate::web::{Path, see_other, urls};

#[derive(Deserialize)]
pub(super) struct OrderPath {
    number: String,
}

/// `GET /orders/{number}`: what mails link to, for the order's own address names the case. To who does not read the case,
/// there is no such order.
pub(super) async fn show(
    principal: Principal,
    State(app): State<AppState>,
    trail: Trail,
    Path(at): Path<OrderPath>,
) -> AppResult<Response> {
    trail.note_asked("order", &at.number);
    let absent = AppError::NotFound("order");
    let mail = app.outbox.of_order(principal.scope(), &at.number).await?;
    let Some(order) = mail.as_ref().and_then(|mail| mail.about.order()) else { return Err(absent) };
    let cases = app.cases.named_in_scope(principal.scope(), std::slice::from_ref(&order.case_id), app.clock.now());
    let Some(case) = cases.await?.pop() else { return Err(absent) };
    if case.kept_out.contains(&order.variant) {
        return Err(absent);
    }
    trail.note_done("order", &at.number, Some(&case.institute));
    Ok(see_other(&urls::order(&case.institute, &case.name, &order.variant)))
}
