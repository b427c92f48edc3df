//! `lodestone keys rotate`

use super::SystemScope;
use crate::app::AppState;

/// Makes a key, seals every secret anew with it and drops the others. Can be run again wherever it was ended.
pub(super) async fn rotate(app: &AppState, scope: &SystemScope) -> anyhow::Result<()> {
    let sign_in = &app.sign_in;
    let fresh = sign_in.keyring.add().await?;
    scope.note("key", &fresh, None);
    // Whoever was sealing with an older key has stored it by now: adding a key waited for them.
    let sealed = sign_in.credentials.reseal(&fresh).await? + sign_in.enrolments.reseal(&fresh).await?;
    let dropped = sign_in.keyring.keep_only(&fresh).await?;
    println!("key {fresh} seals all secrets of sign-in now; sealed {sealed} anew and dropped {} keys", dropped.len());
    println!(
        "keep a copy of the folder of keys apart from the database's backups; backups made before need the keys of then"
    );
    Ok(())
}
