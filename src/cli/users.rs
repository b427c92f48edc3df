//! How people get into their accounts, and back into them.

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::SystemScope;
use super::admin::user_of;
use crate::app::AppState;
use crate::auth::{NoNewSet, RecoveryCode, ResetAnswer};
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
    reset(app, scope, &user, &account()).await
}

/// `lodestone user reset-totp --break-seal`: a code from the envelope is the second person's word.
pub(super) async fn break_seal(app: &AppState, scope: &SystemScope, email: &Email) -> anyhow::Result<()> {
    let user = user_of(app, email).await?;
    scope.note("user", user.id.as_str(), None);
    // Before the code is looked at: one from the envelope is not to be wasted.
    let present = app.sign_in.credentials.of(&user.id).await?;
    if present.and_then(|present| present.waiting_reset(app.clock.now()).cloned()).is_none() {
        bail!("nobody asked for this in the last 72 hours; first run: lodestone user reset-totp {email}");
    }
    if !app.sign_in.break_seal.use_code(&typed_code()?).await? {
        bail!("this break-seal code is wrong or was used; nothing has changed");
    }
    scope.note("break_seal", "used", None);
    reset(app, scope, &user, "a break-seal code").await
}

/// `lodestone user break-seal-codes`: the codes and nothing else go to standard output.
pub(super) async fn break_seal_codes(app: &AppState, scope: &SystemScope, replace: bool) -> anyhow::Result<()> {
    let code = if replace { Some(typed_code()?) } else { None };
    let made = match app.sign_in.break_seal.make(&account(), code.as_ref(), app.clock.now()).await? {
        Ok(codes) => codes,
        Err(NoNewSet::CodeNeeded) => bail!(
            "{} made the present set: give one of its codes with --replace, or let another person make a new one",
            account()
        ),
        Err(NoNewSet::WrongCode) => bail!("this break-seal code is wrong or was used; the present set stays"),
    };
    scope.note("break_seal", "made", None);
    eprintln!(
        "Print these, seal them in an envelope, and give it to somebody who is not an administrator, such as the head of"
    );
    eprintln!(
        "the clinic. They are shown this once. Each lets one administrator reset an authenticator alone; the trail shows it."
    );
    for code in made {
        println!("{}", code.as_text());
    }
    Ok(())
}

/// A code on standard input, which other users of the machine do not see.
fn typed_code() -> anyhow::Result<RecoveryCode> {
    eprintln!("Type a break-seal code, then Enter:");
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().read_line(&mut line).context("reading a break-seal code")?;
    RecoveryCode::read(line.trim()).context("this is no break-seal code: they have 26 letters and digits")
}

async fn reset(app: &AppState, scope: &SystemScope, user: &User, by: &str) -> anyhow::Result<()> {
    let email = &user.email;
    match app.sign_in.credentials.confirm_reset(&user.id, by, app.clock.now()).await? {
        ResetAnswer::NobodyAsked => {
            bail!(
                "nobody asked for this in the last 72 hours; the first person runs: lodestone user reset-totp {email}"
            )
        }
        ResetAnswer::SamePerson => {
            bail!("{by} asked for this reset; another person must confirm it, from another account")
        }
        ResetAnswer::Done => {}
    }
    scope.note("totp_reset", "confirmed", None);
    app.sessions.end_all(&user.id).await?;
    app.sign_in.halves.end_all(&user.id).await?;
    eprintln!("The authenticator and the recovery codes of {email} are gone, and all sessions have ended.");
    let link = invited(app, user).await?;
    eprintln!("By this link, once and within 72 hours, they set up new ones:");
    println!("{link}");
    Ok(())
}
