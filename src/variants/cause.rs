//! Who held a variant to be the cause of the disease, and what a second reader said of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use crate::events::Actor;
use crate::ids::UserId;

/// Somebody's word that a variant is the cause.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Whose.
    pub by: UserId,
    /// The name they had then.
    pub name: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// What the institute asked for when it was made; none when one person's word was enough.
    pub second: Option<Second>,
}

/// Somebody's word that a variant explains a part of what the patient has.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialCause {
    /// Which of the case's phenotype terms.
    pub phenotypes: Vec<String>,
    /// Which others, in words; not for guests.
    pub words: Option<String>,
    /// Whose.
    pub by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

impl PartialCause {
    /// What it explains, in words; empty for a guest when nothing is left of it.
    #[must_use]
    pub fn explains(&self) -> String {
        let all: Vec<&str> = self.phenotypes.iter().chain(&self.words).map(String::as_str).collect();
        all.join(", ")
    }

    /// Whether somebody says the same again.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        (&self.phenotypes, &self.words) == (&other.phenotypes, &other.words)
    }
}

/// Reading by others than who made a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Whether nobody else sees the mark before one of them has read.
    pub blinded: bool,
    /// At most one of each person.
    pub readings: Vec<Reading>,
}

/// What one of them says.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Whose.
    pub by: UserId,
    /// The name they had then.
    pub name: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// Whether they hold it to be the cause as well.
    pub agrees: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// How far the second reading of a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has read.
    Waiting,
    /// Whoever read agrees.
    Agreed,
    /// Somebody does not.
    Disputed,
}

impl Mark {
    /// Whether somebody disagrees with it.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.second.as_ref().is_some_and(|second| second.standing() == Standing::Disputed)
    }
}

impl Standing {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Waiting => "not confirmed yet",
            Self::Agreed => "confirmed",
            Self::Disputed => "disputed",
        }
    }

    /// The word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Agreed => "agreed",
            Self::Disputed => "disputed",
        }
    }
}

impl Second {
    /// How far it is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.readings.as_slice() {
            [] => Standing::Waiting,
            all if all.iter().all(|reading| reading.agrees) => Standing::Agreed,
            _ => Standing::Disputed,
        }
    }

    /// Takes a reading in place of an earlier one of the same person.
    pub fn take(&mut self, reading: Reading) {
        self.readings.retain(|earlier| earlier.by != reading.by);
        self.readings.push(reading);
    }

    /// What was said, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let said = |reading: &Reading| match (&reading.agrees, &reading.reason) {
            (true, _) => format!("{} confirms it", reading.name),
            (false, None) => format!("{} disagrees", reading.name),
            (false, Some(reason)) => format!("{} disagrees: {reason}", reading.name),
        };
        if self.readings.is_empty() {
            return Standing::Waiting.words().to_owned();
        }
        self.readings.iter().map(said).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(by: &UserId, agrees: bool) -> Reading {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        Reading { by: by.clone(), name: "Bob".into(), at, agrees, reason: (!agrees).then(|| "benign".into()) }
    }

    #[test]
    fn one_who_disagrees_stands_against_all_who_agree_until_they_change_their_mind() {
        let [bob, eve] = [UserId::random(), UserId::random()];
        let mut second = Second { blinded: false, readings: Vec::new() };
        assert_eq!(second.standing(), Standing::Waiting);
        second.take(reading(&bob, true));
        assert_eq!(second.standing(), Standing::Agreed);
        second.take(reading(&eve, false));
        assert_eq!(
            (second.standing(), second.words().as_str()),
            (Standing::Disputed, "Bob confirms it; Bob disagrees: benign")
        );
        second.take(reading(&eve, true));
        assert_eq!((second.standing(), second.readings.len()), (Standing::Agreed, 2));
    }
}
