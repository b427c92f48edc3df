use crate::app::AppState;
use crate::audit::access::AuditAccess;
use crate::db::StoreError;
use crate::ids::UserId;

/// Most people that one name may stand for.
const PEOPLE: usize = 50;

/// Whom an auditor means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum People {
    /// These, by identity.
    Known(Vec<UserId>),
    /// Nobody we have an account of: whoever had this text in the name at the time, in lower case.
    Named(String),
}

/// Looks a text up: an identity, an e-mail address, or a part of the name of people of the auditor's institutes.
pub(super) async fn find(app: &AppState, access: &AuditAccess, text: &str) -> Result<People, StoreError> {
    if let Ok(id) = text.parse() {
        return Ok(People::Known(vec![id]));
    }
    if let Ok(email) = text.to_lowercase().parse() {
        return Ok(People::Known(app.users.by_email(&email).await?.map(|user| user.id).into_iter().collect()));
    }
    let name = text.to_lowercase();
    let known: Vec<UserId> = app
        .users
        .all()
        .await?
        .into_iter()
        .filter(|user| {
            access.scope().is_everything()
                || user.memberships.iter().any(|held| access.scope().covers(Some(&held.institute)))
        })
        .filter(|user| user.name.to_lowercase().contains(&name))
        .map(|user| user.id)
        .take(PEOPLE)
        .collect();
    Ok(if known.is_empty() { People::Named(name) } else { People::Known(known) })
}
