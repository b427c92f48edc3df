//! A case that some people of its institute read, and the others do not.

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::model::{Case, field};
use crate::auth::Scope;
use crate::events::Actor;
use crate::ids::UserId;

/// Who alone reads a case. It takes away and gives nothing: whoever is named reads the case while they read cases of its
/// institute. For the others the case is not there, unless they [open it in an emergency](super::Emergency). A restricted case
/// is shared with nobody.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// Those who read it.
    pub people: BTreeSet<UserId>,
    /// Why, in words.
    pub reason: String,
    /// Who named them.
    pub by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

impl Restriction {
    /// Whether this person is named.
    #[must_use]
    pub fn names(&self, user: &UserId) -> bool {
        self.people.contains(user)
    }

    /// The condition under which a case is not closed to this person by one.
    #[must_use]
    pub fn open_to(user: &UserId) -> Document {
        let named = doc! { format!("{}.people", field::RESTRICTION): user };
        doc! { "$or": [{ field::RESTRICTION: Bson::Null }, named] }
    }
}

impl Case {
    /// Whether somebody of this scope reads the case as one of their institute's.
    #[must_use]
    pub fn is_open_to(&self, scope: &Scope) -> bool {
        scope.covers(&self.institute) && self.is_for(scope.user())
    }

    /// Whether this person would read the case, as one who reads cases of its institute.
    #[must_use]
    pub fn is_for(&self, user: &UserId) -> bool {
        self.restriction.as_ref().is_none_or(|restriction| restriction.names(user))
    }
}
