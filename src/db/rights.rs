//! What database users may do. The one who serves pages cannot change or remove what was recorded.

use anyhow::Context as _;
use bson::{Bson, Document, doc};
use mongodb::Client;

use super::Db;

/// Collections that the serving user reads and adds to, and cannot change: the trail and the clinical history.
const ADDED_TO: [&str; 3] = ["audit", "audit_checkpoints", "events"];
/// Indexes are made before serving begins: one that expires documents would be a way to remove them.
const ADD: [&str; 3] = ["find", "insert", "listIndexes"];
const CHANGE: [&str; 8] =
    ["find", "insert", "update", "remove", "createCollection", "createIndex", "dropIndex", "listIndexes"];
/// The server has it by another name: a role of this name exists.
const ROLE_EXISTS: i32 = 51_002;
const USER_EXISTS: i32 = 51_003;

/// Name of the role, and of the embedded server's user who has it.
#[must_use]
pub fn serving_name(database: &str) -> String {
    format!("lodestone_serving_{database}")
}

/// The command that makes the role of the user who serves pages of a database; to be run on `admin`.
#[must_use]
pub fn serving_role(database: &str) -> Document {
    role("createRole", database)
}

fn role(command: &str, database: &str) -> Document {
    let mut collections: Vec<&str> = crate::app::collections().into_iter().map(|(name, _)| name).collect();
    collections.push(super::migrations::META);
    let mut privileges: Vec<Bson> = collections
        .into_iter()
        .map(|name| {
            let actions: &[&str] = if ADDED_TO.contains(&name) { &ADD } else { &CHANGE };
            doc! { "resource": { "db": database, "collection": name }, "actions": actions }.into()
        })
        .collect();
    privileges.push(doc! { "resource": { "db": database, "collection": "" }, "actions": ["listCollections"] }.into());
    doc! { command: serving_name(database), "privileges": privileges, "roles": [] }
}

/// Whether the user of this connection may remove entries of the trail. Nothing is removed.
pub async fn may_remove_entries(db: &Db) -> bool {
    let nothing = doc! { "delete": "audit", "deletes": [{ "q": { "_id": "no such entry" }, "limit": 1 }] };
    db.raw().run_command(nothing).await.is_ok()
}

/// Makes the role and a user with it, or brings both up to date. Needs a user who may do that.
pub(super) async fn grant(client: &Client, database: &str, password: &str) -> anyhow::Result<()> {
    let admin = client.database("admin");
    let name = serving_name(database);
    let run = async |create: Document, update: Document, exists: i32| match admin.run_command(create).await {
        Err(error) if matches!(error.kind.as_ref(), mongodb::error::ErrorKind::Command(said) if said.code == exists) => {
            admin.run_command(update).await
        }
        other => other,
    };
    run(serving_role(database), role("updateRole", database), ROLE_EXISTS)
        .await
        .context("making the role of the database user who serves pages")?;
    let user = |command: &str| doc! { command: &name, "pwd": password, "roles": [{ "role": &name, "db": "admin" }] };
    run(user("createUser"), user("updateUser"), USER_EXISTS)
        .await
        .context("making the database user who serves pages")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_can_be_added_to_only() {
        let role = serving_role("clinic");
        let privileges = role.get_array("privileges").unwrap();
        let of = |collection: &str| -> Vec<&str> {
            let privilege = privileges.iter().filter_map(Bson::as_document).find(|privilege| {
                privilege
                    .get_document("resource")
                    .is_ok_and(|on| on.get_str("collection").is_ok_and(|it| it == collection))
            });
            privilege.unwrap().get_array("actions").unwrap().iter().filter_map(Bson::as_str).collect()
        };
        for recorded in ADDED_TO {
            assert_eq!(of(recorded), ADD, "{recorded}");
        }
        assert!(of("cases").contains(&"update") && of("meta").contains(&"find"));
        for (name, _) in crate::app::collections() {
            assert!(!of(name).is_empty(), "{name}");
        }
    }
}
