//! That the laboratory is asked whether a variant is there (Sanger sequencing, or another method), and what it found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use crate::clock::random_bytes;
use crate::events::Actor;
use crate::ids::base32;

/// An order.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// Names the order between clinic and laboratory; says nothing of the patient.
    pub number: String,
    /// Who ordered it.
    pub by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// What was found.
    pub result: Option<Validated>,
}

/// A result on record.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validated {
    /// What it is.
    pub outcome: Outcome,
    /// Who put it on record.
    pub by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

/// What a validation finds. The list is Scout's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The variant is there.
    TruePositive,
    /// It is not.
    FalsePositive,
    /// That could not be told.
    NotValidated,
}

impl Outcome {
    /// All, in the order of pages.
    pub const ALL: [Self; 3] = [Self::TruePositive, Self::FalsePositive, Self::NotValidated];

    /// The word in documents, forms and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TruePositive => "true_positive",
            Self::FalsePositive => "false_positive",
            Self::NotValidated => "not_validated",
        }
    }

    /// The words on pages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::TruePositive => "true positive: the variant is there",
            Self::FalsePositive => "false positive: it is not",
            Self::NotValidated => "not validated: it could not be told",
        }
    }

    /// The outcome of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

impl Validation {
    /// A new order, under a number that was never given.
    #[must_use]
    pub fn order(by: Actor, at: Timestamp) -> Self {
        let mut number = base32(&random_bytes::<5>()).to_uppercase();
        number.insert(4, '-');
        Self { number: format!("V-{number}"), by, at, result: None }
    }

    /// In words, after what it is about; for guests without who and which.
    #[must_use]
    pub fn words(&self, is_guest: bool) -> String {
        match &self.result {
            Some(result) => format!("validated as {}", result.outcome.words()),
            None if is_guest => "to be validated".to_owned(),
            None => format!("to be validated, order {}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orders_number_is_short_and_its_own() {
        let by = Actor { user: None, name: "Ann".into() };
        let [one, other] = [0, 1].map(|_| Validation::order(by.clone(), Timestamp::UNIX_EPOCH).number);
        assert_ne!(one, other);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [1, 4, 4], "{one}: read out over the telephone");
        assert!(one.chars().all(|letter| letter == '-' || letter.is_ascii_uppercase() || letter.is_ascii_digit()));
    }

    #[test]
    fn outcomes_are_read_by_their_word_only() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
        assert_eq!(Outcome::parse("True positive"), None);
    }
}
