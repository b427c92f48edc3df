//! What a changed account ends: a person whose rights change signs in anew, and a link or token that was made for other
//! rights is good no more.

use mongodb::ClientSession;

use crate::app::AppState;
use crate::db::StoreError;
use crate::users::User;

/// Makes the collections ready for [`end_access`].
pub(crate) async fn prepare(app: &AppState) -> Result<(), StoreError> {
    app.sessions.prepare().await?;
    app.sign_in.halves.prepare().await?;
    app.sign_in.invitations.prepare().await?;
    app.sign_in.credentials.prepare_collection().await?;
    app.tokens.prepare().await
}

/// Ends sessions, half sessions and invitations of a person, and the tokens that `after` may have no more, in the
/// transaction that changes the account. Of a disabled account the passkeys go too.
///
/// An open invitation ends too: whoever holds it was to set up an account with the rights of before.
pub(crate) async fn end_access(app: &AppState, session: &mut ClientSession, after: &User) -> Result<(), StoreError> {
    app.sessions.end_all_in(session, &after.id).await?;
    app.sign_in.halves.end_all_in(session, &after.id).await?;
    app.sign_in.invitations.end_all_in(session, &after.id).await?;
    if after.disabled {
        app.sign_in.credentials.forget_passkeys_in(session, &after.id, app.clock.now()).await?;
    }
    app.tokens.end_unfit_in(session, after).await
}
