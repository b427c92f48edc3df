//! `lodestone backup` and `lodestone restore`.

use std::path::Path;

use anyhow::Context as _;

use super::{Globals, SystemScope, open};
use crate::app::AppState;
use crate::audit::{AuditStore, keys};
use crate::backup::{self, CHECKPOINTS};
use crate::clock::Clock;
use crate::config::Config;

/// `lodestone backup DIR`
pub(super) async fn save(globals: &Globals, app: &AppState, scope: &SystemScope, folder: &Path) -> anyhow::Result<()> {
    let checkpoints = app.config.audit.checkpoints_folder(&open::data_dir(globals)?, app.db.name());
    // The log of this command is in the backup too, under a checkpoint.
    app.audit.flush(std::time::Duration::from_secs(10)).await;
    let began = std::time::Instant::now();
    let manifest = backup::save(&app.db, &app.clock, &checkpoints, folder).await?;
    scope.note_export("backup", manifest.documents());
    println!(
        "saved {} documents of {} collections to {} in {:.1} s",
        manifest.documents(),
        manifest.collections.len(),
        folder.display(),
        began.elapsed().as_secs_f64()
    );
    println!("The trail's keys are not in it; keep a copy of their folder somewhere else.");
    Ok(())
}

/// `lodestone restore DIR`
pub(super) async fn restore(globals: &Globals, config: &Config, folder: &Path) -> anyhow::Result<()> {
    let clock = Clock::system();
    let data = open::data_dir(globals)?;
    let open = open::connect(config, &data, &config.database.name).await?;
    let done = async {
        let began = std::time::Instant::now();
        let manifest = backup::restore(&open.db, folder).await?;
        println!(
            "restored {} documents of {} collections, saved at {} from {}, in {:.1} s; counts and hashes fit",
            manifest.documents(),
            manifest.collections.len(),
            manifest.created_at,
            manifest.database,
            began.elapsed().as_secs_f64()
        );
        let keys = config.audit.keys_folder(&data);
        let original = config.audit.checkpoints_folder(&data, &manifest.database);
        verify_trail(&open.db, folder, &keys, &original, &clock).await?;
        backup::copy_checkpoints(&folder.join(CHECKPOINTS), &config.audit.checkpoints_folder(&data, open.db.name()))
            .context("putting back the trail's checkpoints")?;
        let audit = open::audit_writer(config, &data, &open.db, &clock)?;
        let scope = SystemScope::new();
        scope.note("backup", &manifest.created_at.to_string(), None);
        open::record(&audit, &clock, "restore", &scope, true).await;
        anyhow::Ok(())
    }
    .await;
    open.close().await;
    done
}

/// The trail of the backup is whole by its own checkpoints; what was signed later, outside of it, is said.
async fn verify_trail(
    db: &crate::db::Db,
    folder: &Path,
    keys_dir: &Path,
    outside: &Path,
    clock: &Clock,
) -> anyhow::Result<()> {
    let Ok(keys) = keys::verifier_keys(keys_dir) else {
        println!(
            "The trail was not verified: its keys are not in {}; put them there and run `lodestone audit verify`.",
            keys_dir.display()
        );
        return Ok(());
    };
    let store = AuditStore::new(db);
    let own = super::audit::verify_store(&store, &folder.join(CHECKPOINTS), &keys, None, clock.now()).await?;
    let whole = own.fault_count == 0;
    println!(
        "The trail of the backup {}.",
        if whole { "is whole" } else { "was TAMPERED WITH; run `lodestone audit verify`" }
    );
    if whole && outside.exists() {
        let later = super::audit::verify_store(&store, outside, &keys, None, clock.now()).await?;
        if later.fault_count > 0 {
            println!(
                "This backup is OLDER than checkpoints in {}: what was recorded since is not in it.",
                outside.display()
            );
        }
    }
    Ok(())
}
