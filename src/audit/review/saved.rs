//! Views that an auditor keeps: a name for a question.

use axum::extract::State;
use axum::response::Response;
use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::query::ReviewQuery;
use crate::app::AppState;
use crate::audit::Trail;
use crate::audit::access::AuditAccess;
use crate::db::{Db, Documents, StoreError, Stored, unique_index};
use crate::error::{AppError, AppResult};
use crate::ids::UserId;
use crate::web::{CsrfForm, Params, Path, problem, see_other, urls};

/// Views that one person may keep.
const VIEWS: usize = 50;
/// Longest name, in characters.
const NAME: usize = 60;

/// A question under a name.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SavedView {
    /// Random.
    #[serde(rename = "_id")]
    pub id: String,
    /// Whose it is; nobody else sees it.
    pub user: UserId,
    /// Unique among the person's views.
    pub name: String,
    /// The query string.
    pub query: String,
    /// When it was saved.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
}

impl Stored for SavedView {
    const COLLECTION: &'static str = "audit_views";

    fn indexes() -> Vec<IndexModel> {
        vec![unique_index("of_user", doc! { "user": 1, "name": 1 })]
    }
}

/// The `audit_views` collection.
#[derive(Clone)]
pub(super) struct SavedViewStore {
    views: Documents<SavedView>,
}

impl SavedViewStore {
    pub(super) fn new(db: &Db) -> Self {
        Self { views: Documents::new(db) }
    }

    /// The person's views, by name.
    pub(super) async fn of(&self, access: &AuditAccess) -> Result<Vec<SavedView>, StoreError> {
        let by_name = FindOptions::builder().sort(doc! { "user": 1, "name": 1 }).build();
        self.views.find(doc! { "user": access.principal().user() }, by_name).await
    }

    async fn delete(&self, access: &AuditAccess, id: &str) -> Result<bool, StoreError> {
        Ok(self.views.delete(doc! { "_id": id, "user": access.principal().user() }).await? == 1)
    }
}

/// A saved view on the page.
pub(super) struct SavedLink {
    pub name: String,
    pub url: String,
    pub delete_url: String,
    pub here: bool,
}

impl SavedLink {
    pub(super) fn new(view: &SavedView, shown: &ReviewQuery) -> Self {
        // A view that a later version cannot read any more says so when it is opened.
        let query = ReviewQuery::parse(&Params::parse(&view.query));
        Self {
            name: view.name.clone(),
            url: urls::audit(&query.as_ref().map(ReviewQuery::pairs).unwrap_or_default()),
            delete_url: urls::audit_view(&view.id),
            here: query.is_ok_and(|query| query == *shown),
        }
    }
}

/// The form of a new view.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewView {
    name: String,
    query: String,
}

/// `POST /audit/views`
pub(super) async fn add(
    access: AuditAccess,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<NewView>,
) -> AppResult<Response> {
    let name = form.name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(problem("name", name, "give the view a name of 1 to 60 characters"));
    }
    let query = ReviewQuery::parse(&Params::parse(&form.query))?.lasting();
    let known = app.review.saved.of(&access).await?;
    if known.len() >= VIEWS {
        return Err(problem("name", name, "you have 50 views; delete one first"));
    }
    let pairs = query.pairs();
    let view = SavedView {
        id: crate::ids::base32(&crate::clock::random_bytes::<16>()),
        user: access.principal().user().clone(),
        name: name.to_owned(),
        query: serde_urlencoded::to_string(&pairs).unwrap_or_default(),
        created_at: app.clock.now(),
    };
    match app.review.saved.views.insert(&view, "a view of this name").await {
        Err(StoreError::Exists(_)) => return Err(problem("name", name, "you have a view of this name already")),
        other => other?,
    }
    trail.grant("view", &view.id);
    Ok(see_other(&urls::audit(&pairs)))
}

/// The path of a view.
#[derive(Deserialize)]
pub(super) struct ViewPath {
    view: String,
}

/// A form whose only content is its token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

/// `POST /audit/views/{view}/delete`
pub(super) async fn delete(
    access: AuditAccess,
    Path(ViewPath { view }): Path<ViewPath>,
    State(app): State<AppState>,
    trail: Trail,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    if !app.review.saved.delete(&access, &view).await? {
        return Err(AppError::NotFound("view"));
    }
    trail.grant("view", &view);
    Ok(see_other(&urls::audit(&[])))
}
