//! How people get into their accounts, and back into them.

use anyhow::bail;

use super::SystemScope;
use super::admin::user_of;
use crate::app::AppState;
use crate::auth::ResetAnswer;
use crate::users::{Email, User};
use crate::web::urls;

/// Whoever sits at the machine, by the account that cannot be chosen by a variable: the real user id or, for root by
/// `sudo`, the one that called it. Root can pretend to be anybody; what root does is in the machine's own log.
fn account() -> String {
    let own = rustix::process::getuid().as_raw();
    let behind = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse::<u32>().ok());
    format!("account {} of this machine", if own == 0 { behind.unwrap_or(own) } else { own })
}

async fn invited(app: &AppState, user: &User) -> anyhow::Result<String> {
    if !app.config.sign_in.local_accounts {
        bail!("local accounts are off: set sign_in.local_accounts = true to invite people to them");
    }
    if user.disabled || !user.has_a_role() {
        bail!("{} is disabled or has no role, and could not sign in with an invitation", user.email);
    }
    let token = app.sign_in.invitations.create(&user.id, &account(), app.clock.now()).await?;
    Ok(format!("{}{}", app.config.origin(), urls::invitation(&token)))
}

/// `lodestone user invite`: the link and nothing else goes to standard output.
pub(super) async fn invite(app: &AppState, scope: &SystemScope, email: &Email) -> anyhow::Result<()> {
    let user = user_of(app, email).await?;
    scope.note("user", user.id.as_str(), None);
    let link = invited(app, &user).await?;
    if app.sign_in.credentials.of(&user.id).await?.is_some_and(|present| present.totp.is_some()) {
        eprintln!(
            "note: {email} has an authenticator and needs it; a lost one is reset with `lodestone user reset-totp`"
        );
    }
    eprintln!("The link works once, for 72 hours. Hand it over so that nobody else sees it, and be sure who gets it:");
    println!("{link}");
    Ok(())
}

/// `lodestone user reset-totp`: the first person's word.
pub(super) async fn ask_reset(app: &AppState, scope: &SystemScope, email: &Email) -> anyhow::Result<()> {
    let user = user_of(app, email).await?;
    scope.note("user", user.id.as_str(), None);
    scope.note("totp_reset", "asked", None);
    app.sign_in.credentials.ask_reset(&user.id, &account(), app.clock.now()).await?;
    println!("asked for a reset of the authenticator of {email}; nothing has changed yet");
    println!(
        "a second person confirms within 72 hours, from an account of their own: lodestone user reset-totp {email} --confirm"
    );
    Ok(())
}

/// `lodestone user reset-totp --confirm`: the second person's word.
pub(super) async fn confirm_reset(app: &AppState, scope: &SystemScope, email: &Email) -> anyhow::Result<()> {
    let user = user_of(app, email).await?;
    scope.note("user", user.id.as_str(), None);
    match app.sign_in.credentials.confirm_reset(&user.id, &account(), app.clock.now()).await? {
        ResetAnswer::NobodyAsked => {
            bail!(
                "nobody asked for this in the last 72 hours; the first person runs: lodestone user reset-totp {email}"
            )
        }
        ResetAnswer::SamePerson => {
            bail!("{} asked for this reset; another person must confirm it, from another account", account())
        }
        ResetAnswer::Done => {}
    }
    scope.note("totp_reset", "confirmed", None);
    app.sessions.end_all(&user.id).await?;
    app.sign_in.halves.end_all(&user.id).await?;
    eprintln!("The authenticator and the recovery codes of {email} are gone, and all sessions have ended.");
    let link = invited(app, &user).await?;
    eprintln!("By this link, once and within 72 hours, they set up new ones:");
    println!("{link}");
    Ok(())
}
