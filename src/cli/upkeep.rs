//! `lodestone audit erase` and `audit prune`: taking out of the trail what the law asks for.

use std::io::Write as _;

use anyhow::Context as _;

use super::{Globals, SystemScope, open};
use crate::app::AppState;
use crate::audit::Agent;
use crate::audit::keys;
use crate::audit::upkeep::{UpkeepStore, erase, prune};

/// The account on the machine, as the trail names it.
fn agent() -> Agent {
    Agent { user: None, name: open::actor().name, via: "command".to_owned(), role: None }
}

/// `lodestone audit erase`
pub(super) async fn erase(globals: &Globals, app: &AppState, scope: &SystemScope) -> anyhow::Result<()> {
    let open = open::connect_for_upkeep(&app.config, &open::data_dir(globals)?).await?;
    let done = erase::run(app, scope, &UpkeepStore::new(scope, &open.db), &agent()).await;
    open.close().await;
    let done = done?;
    scope.note_rows(done.entries);
    match done.erasures {
        0 => println!("no erasure waits: two auditors decide it at /audit/erasures"),
        _ => println!("{} erasures carried out, {} entries erased", done.erasures, done.entries),
    }
    Ok(())
}

/// `lodestone audit prune`
pub(super) async fn prune(globals: &Globals, app: &AppState, scope: &SystemScope, dry_run: bool) -> anyhow::Result<()> {
    let data = open::data_dir(globals)?;
    let keys = keys::verifier_keys(&app.config.audit.keys_folder(&data))?;
    let folder = app.config.audit.checkpoints_folder(&data, app.db.name());
    // What this command itself has left so far is signed, so that the trail can be found whole.
    app.audit.flush(std::time::Duration::from_secs(10)).await;
    let open = open::connect_for_upkeep(&app.config, &data).await?;
    let store = UpkeepStore::new(scope, &open.db);
    let done = async {
        let plan = prune::plan(app, &store, &folder, &keys).await?;
        if dry_run || plan.entries == 0 {
            return anyhow::Ok((plan, None));
        }
        let removed = prune::carry_out(app, &store, &plan, &agent()).await?;
        Ok((plan, Some(removed)))
    }
    .await;
    open.close().await;
    let (plan, removed) = done?;
    let line = match removed {
        Some(removed) => {
            scope.note_rows(usize::try_from(removed).unwrap_or(usize::MAX));
            format!("{removed} entries of {} logs, recorded before {}, removed", plan.beginnings.len(), plan.before)
        }
        None => {
            format!("{} entries of {} logs were recorded before {}", plan.entries, plan.beginnings.len(), plan.before)
        }
    };
    writeln!(std::io::stdout(), "{line}").context("writing to standard output")
}
