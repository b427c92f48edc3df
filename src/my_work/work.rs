use std::collections::HashMap;

use jiff::Timestamp;

use crate::app::AppState;
use crate::auth::Principal;
use crate::cases::{AtHand, CaseSummary};
use crate::db::StoreError;
use crate::ids::{CaseId, InstituteId, VariantId};
use crate::institutes::Institute;
use crate::variants::Category;
use crate::web::filters;

/// Cases that ask something of somebody; those last changed come first.
pub(super) struct Work {
    pub mine: Vec<CaseSummary>,
    pub active: Vec<CaseSummary>,
    /// That nobody took.
    pub waiting: Vec<CaseSummary>,
    /// With causes that the reader may confirm.
    pub to_read: Vec<CaseSummary>,
    /// With variants that the laboratory is to validate.
    pub to_validate: Vec<CaseSummary>,
}

impl Work {
    /// Of the institutes that somebody reads; at most `most` of what asks for them, and `others` of what is active or new.
    pub(super) async fn of(
        app: &AppState,
        principal: &Principal,
        institutes: &[Institute],
        now: Timestamp,
        (most, others): (usize, usize),
    ) -> Result<Self, StoreError> {
        let scope = principal.scope();
        let readable: Vec<InstituteId> = scope.institutes().cloned().collect();
        let of_me = AtHand::Of(principal.user().clone());
        let to_read = AtHand::Among(to_read(app, principal, institutes, now).await?);
        let to_validate = AtHand::Among(app.states.validating(scope, &readable).await?);
        Ok(Self {
            mine: app.cases.at_hand(scope, institutes, &of_me, now, most).await?,
            active: app.cases.at_hand(scope, institutes, &AtHand::Active, now, others).await?,
            waiting: app.cases.at_hand(scope, institutes, &AtHand::Waiting, now, others).await?,
            to_read: app.cases.at_hand(scope, institutes, &to_read, now, most).await?,
            to_validate: app.cases.at_hand(scope, institutes, &to_validate, now, most).await?,
        })
    }
}

/// Cases with causes that others marked and that this person may confirm today; asks the database only where there is
/// such a right.
async fn to_read(
    app: &AppState,
    principal: &Principal,
    institutes: &[Institute],
    now: Timestamp,
) -> Result<HashMap<CaseId, Vec<VariantId>>, StoreError> {
    let user = principal.user();
    let may = |institute: &&Institute| institute.is_confirmed_by(principal, Category::Snv, filters::day(now));
    let institutes: Vec<InstituteId> = institutes.iter().filter(may).map(|institute| institute.id.clone()).collect();
    let awaiting = app.states.awaiting(principal.scope(), &institutes).await?;
    let mut cases: HashMap<CaseId, Vec<VariantId>> = HashMap::new();
    for one in awaiting.into_iter().filter(|one| one.mark.by != *user) {
        cases.entry(one.case).or_default().push(one.variant);
    }
    Ok(cases)
}
