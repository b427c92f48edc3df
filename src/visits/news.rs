use std::collections::HashMap;

use crate::app::AppState;
use crate::auth::Principal;
use crate::cases::CaseSummary;
use crate::db::StoreError;
use crate::ids::CaseId;

/// How many changes others made in each of these cases since the reader marked it as read; cases that they never marked
/// are left out. Two queries, however many cases there are.
pub(crate) async fn news_of(
    app: &AppState,
    principal: &Principal,
    cases: &[&CaseSummary],
) -> Result<HashMap<CaseId, usize>, StoreError> {
    if cases.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<CaseId> = cases.iter().map(|case| case.id.clone()).collect();
    let read_until = app.visits.read_until_in(principal, &ids).await?;
    app.events.news(principal, cases, &read_until).await
}
