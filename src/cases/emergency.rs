//! Emergency access ("break-glass"): somebody reads one case for an hour that their roles do not open: an administrator any
//! case, a reader one that is restricted to others.

use bson::{DateTime, Document, doc};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::model::{Case, field};
use crate::auth::Scope;
use crate::events::Actor;
use crate::ids::{EmergencyId, UserId};

/// How long emergency access lasts.
pub const LASTS: SignedDuration = SignedDuration::from_mins(60);

/// That somebody opened the case in an emergency. Kept in the case, so that its people see it and a lookup finds it.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    /// Identity.
    pub id: EmergencyId,
    /// Who.
    pub by: Actor,
    /// Why, in their words.
    pub reason: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// From this moment on it is over.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub until: Timestamp,
    /// When they ended it before.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub ended: Option<Timestamp>,
}

impl Emergency {
    /// Whether it lets this person read now.
    #[must_use]
    pub fn is_running(&self, user: &UserId, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.until && self.by.user.as_ref() == Some(user)
    }

    /// The condition under which this person has a case open by one that [runs](Self::is_running).
    #[must_use]
    pub fn running_for(user: &UserId, now: Timestamp) -> Document {
        let now = DateTime::from_millis(now.as_millisecond());
        let runs = doc! { "by.user": user, "until": { "$gt": now }, "ended": { "$exists": false } };
        doc! { field::EMERGENCIES: { "$elemMatch": runs } }
    }
}

impl Case {
    /// The emergency access by which somebody of this scope reads the case.
    pub(super) fn emergency_for(&self, scope: &Scope, now: Timestamp) -> Option<&Emergency> {
        let mut emergencies = self.emergencies.iter().filter(|_| scope.has_emergencies_of(&self.institute));
        emergencies.find(|emergency| emergency.is_running(scope.user(), now))
    }
}
