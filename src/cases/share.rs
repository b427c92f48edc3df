//! Sharing one case with another institute: for a purpose, for a time, to be read.

use bson::{Bson, DateTime, Document, doc};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::model::{Case, ListKind, field};
use crate::auth::Scope;
use crate::events::Actor;
use crate::ids::{InstituteId, ShareId};

/// That another institute may read a case. Kept in the case after it is over, so that its owner sees what was shared.
///
/// It never goes further: whoever reads a case by a share cannot share it.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Identity.
    pub id: ShareId,
    /// The guest: those who read this institute's cases may read this one.
    pub with: InstituteId,
    /// What for, as the owner wrote it.
    pub purpose: String,
    /// Which lists of variants.
    pub lists: SharedLists,
    /// Whether guests may comment.
    pub comments: bool,
    /// Who confirmed it.
    pub by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// From this moment on it is over.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub until: Timestamp,
    /// That it was ended before.
    pub ended: Option<ShareEnd>,
}

/// That a share was ended before its time.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareEnd {
    /// Who ended it.
    pub by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// Why, if they said so.
    pub reason: Option<String>,
}

/// Which lists of variants a guest reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedLists {
    /// Clinical ones.
    Clinical,
    /// Clinical and research ones.
    ClinicalAndResearch,
}

impl SharedLists {
    /// All, narrowest first.
    pub const ALL: [Self; 2] = [Self::Clinical, Self::ClinicalAndResearch];

    /// The word in documents, forms and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clinical => "clinical",
            Self::ClinicalAndResearch => "clinical_and_research",
        }
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Clinical => "clinical lists only",
            Self::ClinicalAndResearch => "clinical and research lists",
        }
    }

    /// Whether lists of this kind are among them.
    #[must_use]
    pub fn hold(self, list: ListKind) -> bool {
        list == ListKind::Clinical || self == Self::ClinicalAndResearch
    }
}

impl Case {
    /// The share by which somebody of this scope reads the case: of several the one with most lists, then the longest.
    pub(super) fn share_for(&self, scope: &Scope, now: Timestamp) -> Option<&Share> {
        let open = self.shares.iter().filter(|share| share.is_running(now) && scope.covers(&share.with));
        open.max_by_key(|share| (share.lists, share.until))
    }
}

impl Share {
    /// Whether it lets the guest read now.
    #[must_use]
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.until
    }

    /// The condition under which a case has a share with one of these institutes that [runs](Self::is_running).
    #[must_use]
    pub fn running_with(institutes: &[Bson], now: Timestamp) -> Document {
        let now = DateTime::from_millis(now.as_millisecond());
        let runs = doc! { "with": { "$in": institutes }, "until": { "$gt": now }, "ended": { "$exists": false } };
        doc! { field::SHARES: { "$elemMatch": runs } }
    }

    /// The last whole day it runs, in UTC.
    #[must_use]
    pub fn last_day(&self) -> Date {
        (self.until - jiff::SignedDuration::from_nanos(1)).to_zoned(TimeZone::UTC).date()
    }
}
