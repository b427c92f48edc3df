use bson::{Bson, doc};
use mongodb::options::FindOptions;

use super::model::{Panel, version_key};
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError};

/// The `panels` collection: knowledge without patients, so reading takes no scope.
#[derive(Clone)]
pub struct PanelStore {
    panels: Documents<Panel>,
}

impl PanelStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { panels: Documents::new(db) }
    }

    /// Adds a version; it must be new.
    pub async fn add(&self, _: &SystemScope, panel: &Panel) -> Result<(), StoreError> {
        self.panels.insert(panel, "this version of the panel").await
    }

    /// The version of this name.
    pub async fn find(&self, name: &str, version: &str) -> Result<Option<Panel>, StoreError> {
        self.panels.find_one(doc! { "_id": Panel::id_of(name, version) }).await
    }

    /// All versions of these names in one round trip.
    pub async fn named(&self, names: &[String]) -> Result<Vec<Panel>, StoreError> {
        let names: Vec<Bson> = names.iter().map(|name| Bson::from(name.as_str())).collect();
        self.panels.find(doc! { "name": { "$in": names } }, FindOptions::default()).await
    }

    /// The newest version of each of these names that exists.
    pub async fn latest(&self, names: &[String]) -> Result<Vec<Panel>, StoreError> {
        let mut panels = self.named(names).await?;
        panels.sort_by_key(|panel| version_key(&panel.version));
        let mut latest: Vec<Panel> = Vec::new();
        for name in names {
            if latest.iter().any(|panel| panel.name == *name) {
                continue;
            }
            latest.extend(panels.iter().rev().find(|panel| panel.name == *name).cloned());
        }
        Ok(latest)
    }
}
