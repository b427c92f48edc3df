//! Signing in to a demo as one would elsewhere: a passphrase for all its users, and codes without a telephone.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::demo::{DATABASE, address};
use super::{Globals, SystemScope, open};
use crate::app::AppState;
use crate::auth::{Keyring, NewFactor, Passphrase, TotpSecret, fresh_recovery_codes};
use crate::clock::{Clock, random_bytes};
use crate::config::Config;
use crate::ids::base32;
use crate::users::{Email, User};

/// File in the demo's folder that holds the passphrase of its users, made anew for each demo.
const PASSPHRASE: &str = "passphrase";

/// Gives every user of the demo who has none a passphrase and an authenticator. The answer is the passphrase.
pub(super) async fn set_up(app: &AppState, data: &Path) -> anyhow::Result<String> {
    let (passphrase, fresh) = passphrase(&data.join(PASSPHRASE))?;
    let mut hash = None;
    for user in app.users.all().await? {
        let present = app.sign_in.credentials.of(&user.id).await?;
        if !fresh && present.is_some_and(|present| present.totp.is_some() && present.passphrase.is_some()) {
            continue;
        }
        if hash.is_none() {
            hash = Some(
                app.sign_in.hasher.hash(Passphrase::new(&passphrase)).await.context("hashing the demo's passphrase")?,
            );
        }
        let factor = NewFactor {
            secret: &TotpSecret::random(),
            step: 0,
            recovery: fresh_recovery_codes().iter().map(crate::auth::RecoveryCode::hash).collect(),
            passphrase: hash.clone(),
            what: "The demo set up passphrase and authenticator",
        };
        app.sign_in.credentials.enrol(&user.id, factor, app.clock.now()).await?;
    }
    Ok(passphrase)
}

/// Reads the demo's passphrase, or makes one; whether it was made.
fn passphrase(path: &Path) -> anyhow::Result<(String, bool)> {
    if let Ok(known) = std::fs::read_to_string(path) {
        return Ok((known.trim().to_owned(), false));
    }
    let random = base32(&random_bytes::<10>());
    let groups: Vec<&str> = random.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let made = groups.join("-");
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(format!("{made}\n").as_bytes()))
        .with_context(|| format!("writing the demo's passphrase to {}", path.display()))?;
    Ok((made, true))
}

/// `lodestone totp-code`: the present code of a user, in a demo only.
pub(super) async fn print_code(globals: &Globals, config: Config, user: &str) -> anyhow::Result<()> {
    let data = open::data_dir(globals)?.join("demo");
    let open = open::connect(&config, &data, DATABASE).await?;
    let printed = async {
        if !open::is_demo(&open.db).await? {
            bail!(
                "there is no demo here; make one with `lodestone demo`. Codes of other databases are nobody's to print"
            );
        }
        let clock = Clock::system();
        let audit = open::audit_writer(&config, &data, &open.db, &clock)?;
        let keyring = Keyring::open(&config.audit.keys_folder(&data))?;
        let app = AppState::new(config, clock, open.db.clone(), true, audit, keyring);
        let email: Email = if user.contains('@') { user.parse()? } else { address(user)? };
        let found: User = app.users.by_email(&email).await?.with_context(|| format!("the demo has no user {email}"))?;
        let scope = SystemScope::new();
        scope.note("user", found.id.as_str(), None);
        let code = app.sign_in.credentials.present_code(&found.id, app.clock.now()).await?;
        println!("{}", code.with_context(|| format!("{email} has no authenticator; start the demo again"))?);
        open::record(&app.audit, &app.clock, "totp-code", &scope, true).await;
        Ok(())
    }
    .await;
    open.close().await;
    printed
}
