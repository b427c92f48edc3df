use bson::{Bson, DateTime, RawDocumentBuf, doc};
use jiff::{SignedDuration, Timestamp};
use mongodb::ClientSession;
use mongodb::options::{FindOptions, ReturnDocument};

use super::model::{About, Mail, field};
use crate::auth::Scope;
use crate::cases::CaseAccess;
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored as _, decode};
use crate::ids::{CaseId, InstituteId, VariantId};

/// How long a mail is one process's to send. Longer than a try may take, so that no other one sends it meanwhile.
const CLAIMED: SignedDuration = SignedDuration::from_mins(5);

/// The `outbox` collection.
#[derive(Clone)]
pub struct OutboxStore {
    mails: Documents<Mail>,
}

impl OutboxStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { mails: Documents::new(db) }
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(crate) async fn prepare(&self) -> Result<(), StoreError> {
        self.mails.prepare().await
    }

    /// Adds mails in the transaction of what they tell. That an order was made is not told any more once it is cancelled, so that
    /// nobody hears of it last.
    pub(crate) async fn queue(&self, session: &mut ClientSession, mails: &[Mail]) -> Result<(), StoreError> {
        let cancelled: Vec<&str> = mails
            .iter()
            .filter(|mail| matches!(mail.about, About::Cancelled(_)))
            .filter_map(|mail| mail.about.order())
            .map(|order| order.number.as_str())
            .collect();
        if !cancelled.is_empty() {
            let unsent =
                doc! { field::KIND: "ordered", field::NUMBER: { "$in": cancelled }, field::SENT_AT: Bson::Null };
            self.mails.collection().await?.delete_many(unsent).session(&mut *session).await?;
        }
        let encoded = mails.iter().map(Documents::encode).collect::<Result<Vec<RawDocumentBuf>, _>>()?;
        self.mails.insert_many_in(session, &encoded, "this mail").await
    }

    /// Takes one mail that is due, the oldest first, as this process's to send.
    pub(super) async fn claim(&self, now: Timestamp) -> Result<Option<Mail>, StoreError> {
        let due = doc! { field::DUE: { "$lte": date(now) } };
        let taken = doc! { "$set": { field::DUE: date(now + CLAIMED) }, "$inc": { field::TRIES: 1_i64 } };
        let claimed = self.mails.collection().await?.find_one_and_update(due, taken).sort(doc! { field::QUEUED_AT: 1 });
        let claimed = claimed.return_document(ReturnDocument::After).await?;
        claimed.map(|raw| decode(Mail::COLLECTION, &raw)).transpose()
    }

    /// Notes that the mail server took a claimed mail.
    pub(super) async fn sent(&self, mail: &Mail, now: Timestamp) -> Result<(), StoreError> {
        let done = doc! { "$set": { field::SENT_AT: date(now) }, "$unset": { field::DUE: "", field::FAILURE: "" } };
        self.mails.update_one(as_claimed(mail), done).await.map(drop)
    }

    /// Removes a claimed mail that nobody asks about any more.
    pub(super) async fn forget(&self, mail: &Mail) -> Result<(), StoreError> {
        self.mails.delete(as_claimed(mail)).await.map(drop)
    }

    /// Notes why a claimed mail was not sent, and when it is tried next; none gives it up.
    pub(super) async fn failed(&self, mail: &Mail, why: &str, next: Option<Timestamp>) -> Result<(), StoreError> {
        let noted = next.map_or_else(
            || doc! { "$set": { field::FAILURE: why }, "$unset": { field::DUE: "" } },
            |next| doc! { "$set": { field::FAILURE: why, field::DUE: date(next) } },
        );
        self.mails.update_one(as_claimed(mail), noted).await.map(drop)
    }

    /// Mails about orders of a variant, the oldest first.
    pub(crate) async fn of_variant(&self, access: &CaseAccess, variant: &VariantId) -> Result<Vec<Mail>, StoreError> {
        let case = access.case();
        let told = doc! { field::INSTITUTE: &case.institute, field::CASE_ID: &case.id, field::VARIANT: variant };
        self.mails.find(told, FindOptions::builder().sort(doc! { field::QUEUED_AT: 1 }).build()).await
    }

    /// A mail about the order of this number, in institutes whose cases are read.
    pub(super) async fn of_order(&self, scope: &Scope, number: &str) -> Result<Option<Mail>, StoreError> {
        let readable: Vec<Bson> = scope.institutes().map(Bson::from).collect();
        if readable.is_empty() {
            return Ok(None);
        }
        self.mails.find_one(doc! { field::NUMBER: number, field::INSTITUTE: { "$in": readable } }).await
    }

    /// Whether anybody was told of this order, or is to be.
    pub(super) async fn has_told(&self, institute: &InstituteId, number: &str) -> Result<bool, StoreError> {
        Ok(self.mails.find_one(doc! { field::NUMBER: number, field::INSTITUTE: institute }).await?.is_some())
    }

    /// Removes all mails about a case, with the case.
    pub async fn delete_case(&self, _: &SystemScope, case: &CaseId) -> Result<u64, StoreError> {
        self.mails.delete(doc! { field::CASE_ID: case }).await
    }
}

/// The mail, unless another process has claimed it since.
fn as_claimed(mail: &Mail) -> bson::Document {
    doc! { "_id": &mail.id, field::TRIES: mail.tries }
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}
