//! Deleting a case with everything that belongs to it.

use bson::{Bson, doc};

use super::load::LoadError;
use super::model::Case;
use crate::app::AppState;
use crate::cli::SystemScope;
use crate::events::{Actor, Change, EventKind};

/// Removes the case, then its comments, variants, columns, decisions, mails and observations.
///
/// The case goes first, with its event, in one transaction: from then on nothing of it can be reached. A command that is
/// killed afterwards is finished by running it again with the case's id.
pub async fn delete(app: &AppState, scope: &SystemScope, case: &Case, actor: &Actor) -> Result<(), LoadError> {
    app.events.prepare().await?;
    let change = Change {
        subject: format!("case/{}", case.id),
        rev: case.rev + 1,
        kind: EventKind::CaseDeleted,
        institute: Some(case.institute.clone()),
        case_id: Some(case.id.clone()),
        before: doc! { "family": &case.family, "name": case.name.as_str() }.into(),
        after: Bson::Null,
    };
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            app.cases.remove(scope, &mut transaction.session, case).await?;
            app.events.append(&mut transaction.session, &change, actor, app.clock.now()).await
        }
        .await;
        if let Some(removed) = transaction.end(work).await {
            break removed?;
        }
    }
    app.observations.forget_case(scope, &case.id).await?;
    app.comments.delete_case(scope, &case.id).await?;
    app.visits.delete_case(scope, &case.id).await?;
    app.states.delete_case(scope, &case.id).await?;
    app.outbox.delete_case(scope, &case.id).await?;
    app.columns.delete_case(scope, &case.id).await?;
    app.variants.delete_case(scope, &case.id).await?;
    app.reservations.forget(scope, &case.id).await?;
    Ok(())
}
