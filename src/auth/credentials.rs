use bson::{Bson, doc};
use jiff::{SignedDuration, Timestamp};
use mongodb::options::FindOptions;
use mongodb::{ClientSession, IndexModel};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::attempts::{self, Attempts, Factor};
use super::drift::{AcceptedCodes, LOOKED_BACK};
use super::keyring::{Keyring, Purpose, Sealed};
use super::passkey::{self, StoredPasskey, Used};
use super::totp::{TotpSecret, step_at};
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::UserId;

/// Changes that a person is shown.
const CHANGES: i32 = 20;
/// How long a reset of somebody's authenticator waits for the second person.
const RESET_WAITS: SignedDuration = SignedDuration::from_hours(72);

/// Field of [`StoredTotp::accepted_at`].
const ACCEPTED_AT: &str = "totp.accepted_at";

/// Field of [`StoredPasskey::id`].
const PASSKEY: &str = "passkeys.id";

/// What a person proves to be themselves with. Secrets are hashed or sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Whose.
    #[serde(rename = "_id")]
    pub user: UserId,
    /// Counts changes other than tries.
    pub rev: i64,
    /// Argon2id hash of the passphrase; none for people who sign in elsewhere.
    pub passphrase: Option<String>,
    /// The authenticator, once confirmed.
    pub totp: Option<StoredTotp>,
    /// SHA-256 of the recovery codes that are left.
    pub recovery: Vec<String>,
    /// Passkeys, which count beside the authenticator only.
    #[serde(default)]
    pub passkeys: Vec<StoredPasskey>,
    /// Tries of the passphrase.
    pub passphrase_attempts: Attempts,
    /// Tries of codes and passkeys.
    pub code_attempts: Attempts,
    /// A reset of the authenticator that waits for the second person.
    pub reset: Option<PendingReset>,
    /// The last changes, newest last.
    pub changes: Vec<FactorChange>,
}

/// An authenticator in use.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredTotp {
    /// Its secret.
    pub sealed: Sealed,
    /// The newest step whose code was accepted: no code of this or an earlier one is accepted again.
    pub last_step: i64,
    /// By how many steps that code was off, by the server's clock.
    #[serde(default)]
    pub last_offset: i64,
    /// When it was accepted; none before the first code that signs in.
    #[serde(default)]
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub accepted_at: Option<Timestamp>,
    /// When it was set up.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub confirmed_at: Timestamp,
}

/// One of two people asked for a new authenticator.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingReset {
    /// Who asked: an account on the machine or a user.
    pub by: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

/// A change that the person is told of.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorChange {
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// What, in words.
    pub what: String,
    /// Who made it, when it was not the person.
    pub by: Option<String>,
}

/// How the second person's word was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetAnswer {
    /// Done: authenticator, recovery codes and passkeys are gone.
    Done,
    /// Nobody asked, or longer ago than 72 hours.
    NobodyAsked,
    /// The same person asked; a second one must confirm.
    SamePerson,
}

impl Stored for Credentials {
    const COLLECTION: &'static str = "credentials";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_passkey", doc! { PASSKEY: 1 })]
    }
}

impl Credentials {
    /// The reset that waits for a second person, unless it has waited for more than 72 hours.
    #[must_use]
    pub fn waiting_reset(&self, now: Timestamp) -> Option<&PendingReset> {
        self.reset.as_ref().filter(|asked| now.duration_since(asked.at) < RESET_WAITS)
    }

    fn none(user: &UserId) -> Self {
        Self {
            user: user.clone(),
            rev: 0,
            passphrase: None,
            totp: None,
            recovery: Vec::new(),
            passkeys: Vec::new(),
            passphrase_attempts: Attempts::default(),
            code_attempts: Attempts::default(),
            reset: None,
            changes: Vec::new(),
        }
    }
}

/// How a new passkey was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adding {
    /// The person has it.
    Done,
    /// Somebody has it already.
    Known,
    /// There is no authenticator that it could stand beside, or there are as many as one person can have.
    NoPlace,
}

/// What a person has set up with an authenticator.
pub struct NewFactor<'a> {
    /// The authenticator's secret.
    pub secret: &'a TotpSecret,
    /// The step whose code confirmed it; it is used up by that.
    pub step: i64,
    /// Hashes of the new recovery codes.
    pub recovery: Vec<String>,
    /// A hash, when a passphrase was set on the way.
    pub passphrase: Option<String>,
    /// What the person is told afterwards.
    pub what: &'static str,
}

/// The `credentials` collection.
#[derive(Clone)]
pub struct CredentialStore {
    credentials: Documents<Credentials>,
    keyring: Keyring,
}

fn encoded<T: Serialize>(value: &T) -> Result<Bson, StoreError> {
    bson::serialize_to_bson(value)
        .map_err(|error| StoreError::Unwritable { collection: Credentials::COLLECTION, reason: error.to_string() })
}

fn told(what: &str, by: Option<&str>, now: Timestamp) -> Result<Bson, StoreError> {
    let change = FactorChange { at: now, what: what.to_owned(), by: by.map(ToOwned::to_owned) };
    Ok(doc! { "$each": [encoded(&change)?], "$slice": -CHANGES }.into())
}

impl CredentialStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db, keyring: Keyring) -> Self {
        Self { credentials: Documents::new(db), keyring }
    }

    /// What a person has.
    pub async fn of(&self, user: &UserId) -> Result<Option<Credentials>, StoreError> {
        self.credentials.find_one(doc! { "_id": user }).await
    }

    /// Counts a try before anything is compared. `None`: this try does not count, whatever is given, since there were too
    /// many or there is nothing to try; whoever tries is not told which.
    pub async fn begin(
        &self,
        user: &UserId,
        factor: Factor,
        now: Timestamp,
    ) -> Result<Option<Credentials>, StoreError> {
        let [running, over] = attempts::counted(factor, now);
        // Of two that begin a window at once one comes second, and finds the window running.
        for (mut condition, change) in [running.clone(), over, running] {
            condition.insert("_id", user);
            if let Some(found) = self.credentials.update_and_get(condition, change).await? {
                let counter = match factor {
                    Factor::Passphrase => &found.passphrase_attempts,
                    Factor::Code => &found.code_attempts,
                };
                if counter.filled() {
                    let (mut condition, change) = attempts::paused(factor, counter, now);
                    condition.insert("_id", user);
                    self.credentials.update_one(condition, change).await?;
                }
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The passphrase was right: its tries are forgotten.
    pub async fn passphrase_was_right(&self, user: &UserId) -> Result<(), StoreError> {
        let update = doc! { "$set": { Factor::Passphrase.field(): attempts::fresh() } };
        self.credentials.update_one(doc! { "_id": user }, update).await?;
        Ok(())
    }

    /// Uses a code: the authenticator's step that it belongs to is used up. `None` when it is wrong; `Some(false)` when it
    /// was right but its step, or a later one, has been used.
    pub async fn use_code(&self, tried: &Credentials, given: &str, now: Timestamp) -> anyhow::Result<Option<bool>> {
        let Some(totp) = &tried.totp else { return Ok(None) };
        let secret = self.keyring.unseal(&totp.sealed, &tried.user, Purpose::Totp)?;
        let Some(step) = TotpSecret::from_bytes(&secret).and_then(|secret| secret.matches(given, now)) else {
            return Ok(None);
        };
        Ok(Some(self.use_step(&tried.user, &totp.sealed, step, now).await?))
    }

    /// Of any number at once, one succeeds for a step, and none for an earlier one.
    async fn use_step(&self, user: &UserId, sealed: &Sealed, step: i64, now: Timestamp) -> Result<bool, StoreError> {
        // The same authenticator: one that was replaced since proves nothing.
        let condition = doc! { "_id": user, "totp.last_step": { "$lt": step }, "totp.sealed": sealed.as_str() };
        let used = doc! {
            "totp.last_step": step,
            "totp.last_offset": step - step_at(now),
            ACCEPTED_AT: bson::DateTime::from_millis(now.as_millisecond()),
            Factor::Code.field(): attempts::fresh(),
        };
        let update = doc! { "$set": used };
        if self.credentials.update_one(condition, update.clone()).await? {
            return Ok(true);
        }
        // The same secret may have been sealed anew in the meantime.
        let Some(present) = self.of(user).await?.and_then(|found| found.totp) else { return Ok(false) };
        if present.sealed == *sealed || present.last_step >= step {
            return Ok(false);
        }
        let open = |sealed| self.keyring.unseal(sealed, user, Purpose::Totp).ok();
        if open(sealed).is_none_or(|before| open(&present.sealed).is_none_or(|now| *before != *now)) {
            return Ok(false);
        }
        let condition = doc! { "_id": user, "totp.last_step": { "$lt": step }, "totp.sealed": present.sealed.as_str() };
        self.credentials.update_one(condition, update).await
    }

    /// Adds a passkey.
    pub(super) async fn add_passkey(
        &self,
        user: &UserId,
        new: &StoredPasskey,
        now: Timestamp,
    ) -> Result<Adding, StoreError> {
        if self.credentials.find_one(doc! { PASSKEY: &new.id }).await?.is_some() {
            return Ok(Adding::Known);
        }
        let last = format!("passkeys.{}", passkey::MOST - 1);
        let condition = doc! { "_id": user, "totp": { "$ne": Bson::Null }, PASSKEY: { "$ne": &new.id }, last: { "$exists": false } };
        let what = format!("The passkey “{}” was added", new.name);
        let update = doc! {
            "$push": { "passkeys": encoded(new)?, "changes": told(&what, None, now)? },
            "$inc": { "rev": 1_i64 },
        };
        Ok(if self.credentials.update_one(condition, update).await? { Adding::Done } else { Adding::NoPlace })
    }

    /// Removes one of a person's passkeys; whether there was one.
    pub(super) async fn remove_passkey(
        &self,
        user: &UserId,
        passkey: &StoredPasskey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let what = format!("The passkey “{}” was removed", passkey.name);
        let update = doc! {
            "$pull": { "passkeys": { "id": &passkey.id } },
            "$push": { "changes": told(&what, None, now)? },
            "$inc": { "rev": 1_i64 },
        };
        self.credentials.update_one(doc! { "_id": user, PASSKEY: &passkey.id }, update).await
    }

    /// A passkey signed: what changed with that is stored, unless it was removed, or used elsewhere, in the meantime.
    pub(super) async fn passkey_was_right(
        &self,
        user: &UserId,
        used: &Used,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let condition = doc! {
            "_id": user,
            "totp": { "$ne": Bson::Null },
            "passkeys": { "$elemMatch": { "id": &used.id, "state": &used.before } },
        };
        let update = doc! { "$set": {
            "passkeys.$.state": &used.after,
            "passkeys.$.last_used_at": bson::DateTime::from_millis(now.as_millisecond()),
            Factor::Code.field(): attempts::fresh(),
        } };
        self.credentials.update_one(condition, update).await
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare_collection(&self) -> Result<(), StoreError> {
        self.credentials.prepare().await
    }

    /// Removes all passkeys of a person whose account is disabled, in the transaction that does that.
    pub(super) async fn forget_passkeys_in(
        &self,
        session: &mut ClientSession,
        user: &UserId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = doc! {
            "$set": { "passkeys": [] },
            "$push": { "changes": told("Your passkeys were removed, since your account was disabled", None, now)? },
            "$inc": { "rev": 1_i64 },
        };
        let any = doc! { "_id": user, "passkeys.0": { "$exists": true } };
        self.credentials.update_one_in(session, any, update).await.map(|_| ())
    }

    /// How the codes fit that were accepted of late, each person counted once.
    pub async fn accepted_codes(&self, now: Timestamp) -> Result<AcceptedCodes, StoreError> {
        #[derive(Deserialize)]
        struct Used {
            totp: Offset,
        }
        #[derive(Deserialize)]
        struct Offset {
            last_offset: i64,
        }
        let since = bson::DateTime::from_millis((now - LOOKED_BACK).as_millisecond());
        let options = FindOptions::builder().projection(doc! { "_id": 0, "totp.last_offset": 1 }).build();
        let used: Vec<Used> = self.credentials.find_as(doc! { ACCEPTED_AT: { "$gt": since } }, options).await?;
        Ok(AcceptedCodes::count(used.into_iter().map(|used| used.totp.last_offset)))
    }

    /// Uses a recovery code up, with the present and the next step of the authenticator, which may be in wrong hands, and
    /// with the passkeys: whoever has one at hand needs no recovery code.
    pub async fn use_recovery(&self, tried: &Credentials, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
        let user = &tried.user;
        let what = if tried.passkeys.is_empty() {
            "A recovery code was used to sign in"
        } else {
            "A recovery code was used to sign in, and your passkeys were removed"
        };
        let update = doc! {
            "$pull": { "recovery": hash },
            "$max": { "totp.last_step": step_at(now) + 1 },
            "$set": { "passkeys": [], Factor::Code.field(): attempts::fresh() },
            "$push": { "changes": told(what, None, now)? },
            "$inc": { "rev": 1_i64 },
        };
        self.credentials.update_one(doc! { "_id": user, "recovery": hash, "totp": { "$ne": Bson::Null } }, update).await
    }

    /// Makes sure that there is a document for a person, so that updates have something to change.
    async fn prepare(&self, user: &UserId) -> Result<(), StoreError> {
        match self.credentials.insert(&Credentials::none(user), "credentials of this person").await {
            Ok(()) | Err(StoreError::Exists(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts a confirmed authenticator and new recovery codes in the place of what was there.
    pub async fn enrol(&self, user: &UserId, new: NewFactor<'_>, now: Timestamp) -> anyhow::Result<()> {
        self.prepare(user).await?;
        let held = self.keyring.hold().await?;
        let sealed = held.seal(new.secret.bytes(), user, Purpose::Totp)?;
        let mut set = doc! {
            "totp": encoded(&StoredTotp {
                sealed,
                last_step: new.step,
                last_offset: 0,
                accepted_at: None,
                confirmed_at: now,
            })?,
            "recovery": new.recovery,
            "reset": Bson::Null,
            Factor::Code.field(): attempts::fresh(),
        };
        if let Some(hash) = new.passphrase {
            set.insert("passphrase", hash);
            set.insert(Factor::Passphrase.field(), attempts::fresh());
        }
        let update = doc! { "$set": set, "$push": { "changes": told(new.what, None, now)? }, "$inc": { "rev": 1_i64 } };
        self.credentials.update_one(doc! { "_id": user }, update).await?;
        drop(held);
        Ok(())
    }

    /// Sets the hash of a new passphrase.
    pub async fn set_passphrase(&self, user: &UserId, hash: String, now: Timestamp) -> Result<(), StoreError> {
        self.prepare(user).await?;
        let update = doc! {
            "$set": { "passphrase": hash, Factor::Passphrase.field(): attempts::fresh() },
            "$push": { "changes": told("A new passphrase was set", None, now)? },
            "$inc": { "rev": 1_i64 },
        };
        self.credentials.update_one(doc! { "_id": user }, update).await?;
        Ok(())
    }

    /// Puts new recovery codes in the place of all earlier ones; whether the person has an authenticator they belong to.
    pub async fn set_recovery(&self, user: &UserId, hashes: Vec<String>, now: Timestamp) -> Result<bool, StoreError> {
        let update = doc! {
            "$set": { "recovery": hashes },
            "$push": { "changes": told("New recovery codes were made", None, now)? },
            "$inc": { "rev": 1_i64 },
        };
        self.credentials.update_one(doc! { "_id": user, "totp": { "$ne": Bson::Null } }, update).await
    }

    /// The first of two people asks for the authenticator to be reset; an earlier question is replaced.
    pub async fn ask_reset(&self, user: &UserId, by: &str, now: Timestamp) -> Result<(), StoreError> {
        self.prepare(user).await?;
        let update = doc! {
            "$set": { "reset": encoded(&PendingReset { by: by.to_owned(), at: now })? },
            "$push": { "changes": told("A reset of your authenticator was asked for", Some(by), now)? },
            "$inc": { "rev": 1_i64 },
        };
        self.credentials.update_one(doc! { "_id": user }, update).await?;
        Ok(())
    }

    /// The second person confirms: authenticator, recovery codes and passkeys are gone, and tries of codes are forgotten.
    pub async fn confirm_reset(&self, user: &UserId, by: &str, now: Timestamp) -> Result<ResetAnswer, StoreError> {
        let asked = self.of(user).await?.and_then(|found| found.waiting_reset(now).cloned());
        let Some(asked) = asked else {
            return Ok(ResetAnswer::NobodyAsked);
        };
        if asked.by == by {
            return Ok(ResetAnswer::SamePerson);
        }
        let update = doc! {
            "$set": {
                "totp": Bson::Null,
                "recovery": [],
                "passkeys": [],
                "reset": Bson::Null,
                Factor::Code.field(): attempts::fresh(),
            },
            "$push": { "changes": told("Your authenticator was reset", Some(&format!("{} and {by}", asked.by)), now)? },
            "$inc": { "rev": 1_i64 },
        };
        let done = self.credentials.update_one(doc! { "_id": user, "reset": encoded(&asked)? }, update).await?;
        Ok(if done { ResetAnswer::Done } else { ResetAnswer::NobodyAsked })
    }

    /// Seals every secret that another key sealed with key `id`; how many there were.
    pub async fn reseal(&self, id: &str) -> anyhow::Result<u64> {
        let mut count = 0;
        let all = self.credentials.find(doc! { "totp": { "$ne": Bson::Null } }, FindOptions::default()).await?;
        for one in all {
            let Some(totp) = one.totp.filter(|totp| totp.sealed.key_id() != Some(id)) else { continue };
            let secret = self.keyring.unseal(&totp.sealed, &one.user, Purpose::Totp)?;
            let held = self.keyring.hold().await?;
            let sealed = held.seal(&secret, &one.user, Purpose::Totp)?;
            let condition = doc! { "_id": &one.user, "totp.sealed": totp.sealed.as_str() };
            let update = doc! { "$set": { "totp.sealed": sealed.as_str() } };
            // Replaced by another authenticator meanwhile: that one is sealed with the new key already.
            count += u64::from(self.credentials.update_one(condition, update).await?);
        }
        Ok(count)
    }

    /// The present code of a person's authenticator; for the users of a demo.
    pub(crate) async fn present_code(&self, user: &UserId, now: Timestamp) -> anyhow::Result<Option<String>> {
        let Some(totp) = self.of(user).await?.and_then(|found| found.totp) else { return Ok(None) };
        let secret = self.keyring.unseal(&totp.sealed, user, Purpose::Totp)?;
        Ok(TotpSecret::from_bytes(&secret).map(|secret| secret.code_at(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_field_names_exist() {
        let document = bson::serialize_to_document(&Credentials::none(&UserId::random())).unwrap();
        for name in ["_id", "rev", "passphrase", "totp", "recovery", "passkeys", "reset", "changes"] {
            assert!(document.contains_key(name), "{name}");
        }
        for factor in [Factor::Passphrase, Factor::Code] {
            assert!(document.contains_key(factor.field()));
        }
        let totp = StoredTotp {
            sealed: serde_json::from_str("\"1:a:b\"").unwrap(),
            last_step: 1,
            last_offset: 0,
            accepted_at: Some(Timestamp::UNIX_EPOCH),
            confirmed_at: Timestamp::UNIX_EPOCH,
        };
        let passkey = StoredPasskey {
            id: "AAAA".into(),
            host: "localhost".into(),
            transports: 0,
            public: bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![] },
            state: bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![7] },
            name: "key".into(),
            added_at: Timestamp::UNIX_EPOCH,
            last_used_at: Some(Timestamp::UNIX_EPOCH),
        };
        let passkey = bson::serialize_to_document(&passkey).unwrap();
        assert!(passkey.get_str(PASSKEY.strip_prefix("passkeys.").unwrap()).is_ok());
        assert!(passkey.get_binary_generic("state").is_ok() && passkey.get_datetime("last_used_at").is_ok());
        let totp = bson::serialize_to_document(&totp).unwrap();
        assert!(totp.contains_key("sealed") && totp.get_i64("last_step").is_ok());
        assert!(totp.get_i64("last_offset").is_ok());
        assert!(totp.get_datetime(ACCEPTED_AT.strip_prefix("totp.").unwrap()).is_ok());
    }
}
