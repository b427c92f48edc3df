//! Numbered, idempotent changes of stored shape, applied under a lock.
//!
//! A migration is a file `migrations/NNNN_name.json`: database commands in Extended JSON, with `.before.json` and
//! `.after.json` beside it as its test. The database remembers the number it is at and is refused when it is newer
//! than this program.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bson::{Bson, Document, doc};
use jiff::Timestamp;
use rust_embed::RustEmbed;
use serde::Deserialize;
use tracing::info;

use super::Db;
use crate::clock::Clock;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/migrations"]
struct Files;

pub(super) const META: &str = "meta";
/// The lock of a process that was killed runs out after so long; a living one renews it.
const LOCK_SECONDS: i64 = 20;
const RENEW: Duration = Duration::from_secs(5);

/// One change of stored shape.
#[derive(Debug)]
pub struct Migration {
    /// Its place in the sequence, from 1.
    pub number: i32,
    /// `NNNN_name`.
    pub name: String,
    /// Database commands, in order.
    pub commands: Vec<Document>,
}

#[derive(Deserialize)]
struct MigrationFile {
    commands: Vec<serde_json::Value>,
}

/// All migrations of this program, in order.
///
/// # Errors
/// When a file is malformed or the numbers have a gap; a test reads them all, so a released program has neither.
pub fn all() -> anyhow::Result<Vec<Migration>> {
    let mut names: Vec<String> = Files::iter()
        .filter(|name| {
            std::path::Path::new(name.as_ref()).extension().is_some_and(|extension| extension == "json")
                && !name.ends_with(".before.json")
                && !name.ends_with(".after.json")
        })
        .map(|name| name.trim_end_matches(".json").to_owned())
        .collect();
    names.sort();
    let mut migrations = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let number: i32 = name
            .get(..4)
            .and_then(|digits| digits.parse().ok())
            .with_context(|| format!("migration {name} has no number"))?;
        if usize::try_from(number) != Ok(index + 1) {
            bail!("migration {name} is out of sequence");
        }
        let file: MigrationFile = serde_json::from_slice(&fixture(&format!("{name}.json"))?)
            .with_context(|| format!("reading migration {name}"))?;
        let commands = file
            .commands
            .into_iter()
            .map(|value| match Bson::try_from(value) {
                Ok(Bson::Document(document)) => Ok(document),
                Ok(_) => bail!("a command of migration {name} is not an object"),
                Err(error) => Err(error).with_context(|| format!("a command of migration {name}")),
            })
            .collect::<anyhow::Result<_>>()?;
        migrations.push(Migration { number, name, commands });
    }
    Ok(migrations)
}

/// The bytes of a file of the folder, e.g. a fixture.
pub fn fixture(name: &str) -> anyhow::Result<Vec<u8>> {
    Ok(Files::get(name).with_context(|| format!("migrations/{name} is missing"))?.data.into_owned())
}

/// Applies what is missing; the names of the applied ones.
///
/// # Errors
/// When the database is newer than the program, another process keeps the lock, or a command fails.
pub async fn migrate(db: &Db, clock: &Clock) -> anyhow::Result<Vec<String>> {
    let migrations = all()?;
    let newest = migrations.last().map_or(0, |migration| migration.number);
    refuse_newer(db, newest).await?;
    if version(db).await? == newest {
        return Ok(Vec::new());
    }
    let holder = crate::clock::random_token();
    lock(db, clock, &holder).await?;
    let outcome = tokio::select! {
        outcome = apply(db, clock, &migrations) => outcome,
        lost = keep_lock(db, clock, &holder) => Err(lost),
    };
    meta(db).delete_one(doc! { "_id": "migration_lock", "holder": &holder }).await?;
    outcome
}

async fn apply(db: &Db, clock: &Clock, migrations: &[Migration]) -> anyhow::Result<Vec<String>> {
    let present = version(db).await?;
    let mut applied = Vec::new();
    for migration in migrations.iter().filter(|migration| migration.number > present) {
        run(db, migration).await?;
        let noted = meta(db)
            .update_one(
                // A process that was stopped in the middle and comes back must not set the number back.
                doc! { "_id": "schema", "version": { "$not": { "$gte": migration.number } } },
                doc! {
                    "$set": { "version": migration.number },
                    "$push": { "applied": { "name": &migration.name, "at": date(clock.now()) } },
                },
            )
            .upsert(true)
            .await;
        match noted {
            Err(error) if super::StoreError::is_duplicate(&error) => continue,
            other => other?,
        };
        info!(migration = %migration.name, "applied migration {}", migration.name);
        applied.push(migration.name.clone());
    }
    Ok(applied)
}

/// Carries out the commands of one migration.
pub async fn run(db: &Db, migration: &Migration) -> anyhow::Result<()> {
    for command in &migration.commands {
        let answer = db
            .raw()
            .run_command(command.clone())
            .await
            .with_context(|| format!("migration {} failed; correct the cause and run it again", migration.name))?;
        if let Ok(errors) = answer.get_array("writeErrors") {
            bail!("migration {} failed: {errors:?}", migration.name);
        }
    }
    Ok(())
}

/// The number of the last migration the database has seen; 0 for none.
pub async fn version(db: &Db) -> anyhow::Result<i32> {
    let schema = meta(db).find_one(doc! { "_id": "schema" }).await?;
    Ok(schema.and_then(|schema| schema.get_i32("version").ok()).unwrap_or(0))
}

/// Refuses a database that a newer program has changed.
pub async fn refuse_newer(db: &Db, newest: i32) -> anyhow::Result<()> {
    let present = version(db).await?;
    if present > newest {
        bail!(
            "database {} was migrated to {present} by a newer Lodestone; this one knows migrations up to {newest}. \
             Install the newer program",
            db.name()
        );
    }
    Ok(())
}

async fn lock(db: &Db, clock: &Clock, holder: &str) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let now = clock.now();
        let until = now + jiff::SignedDuration::from_secs(LOCK_SECONDS);
        let free = meta(db)
            .update_one(
                doc! { "_id": "migration_lock", "until": { "$lt": date(now) } },
                doc! { "$set": { "holder": holder, "until": date(until) } },
            )
            .upsert(true)
            .await;
        match free {
            Ok(_) => return Ok(()),
            Err(error) if super::StoreError::is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
        if tokio::time::Instant::now() > deadline {
            bail!(
                "another process is migrating database {}; wait for it, or try again in {LOCK_SECONDS} s if it was killed",
                db.name()
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Renews the lock until it is found in other hands, which it says.
async fn keep_lock(db: &Db, clock: &Clock, holder: &str) -> anyhow::Error {
    loop {
        tokio::time::sleep(RENEW).await;
        let until = clock.now() + jiff::SignedDuration::from_secs(LOCK_SECONDS);
        let renewed = meta(db)
            .update_one(doc! { "_id": "migration_lock", "holder": holder }, doc! { "$set": { "until": date(until) } })
            .await;
        match renewed {
            Ok(done) if done.matched_count == 0 => {
                return anyhow::anyhow!(
                    "another process took over the migration of database {} while this one stood still; run it again",
                    db.name()
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("the lock of the migration was not renewed; trying again: {error}"),
        }
    }
}

fn date(at: Timestamp) -> bson::DateTime {
    bson::DateTime::from_millis(at.as_millisecond())
}

#[expect(clippy::disallowed_methods, reason = "migrations keep their own record, which no store reads")]
fn meta(db: &Db) -> mongodb::Collection<Document> {
    db.raw().collection(META)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_is_readable_and_has_its_fixtures() {
        let migrations = all().unwrap();
        assert!(!migrations.is_empty());
        for migration in migrations {
            assert!(!migration.commands.is_empty(), "{}", migration.name);
            for side in ["before", "after"] {
                let bytes = fixture(&format!("{}.{side}.json", migration.name)).unwrap();
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
            }
        }
    }
}
