use serde::Deserialize;

use super::model::{Decision, NOTE_LENGTH, NOTE_WORDS};
use crate::error::FieldError;

/// A review as submitted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewForm {
    /// The revision that was shown.
    #[serde(default)]
    pub rev: String,
    /// A word of [`Decision`].
    #[serde(default)]
    pub decision: String,
    /// Why.
    #[serde(default)]
    pub note: String,
}

/// A review that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewChange {
    pub rev: i64,
    pub decision: Decision,
    pub note: String,
}

impl ReviewForm {
    /// The typed change, or what is wrong, field by field.
    pub fn parse(&self) -> Result<ReviewChange, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let rev = self.rev.parse::<i64>();
        if rev.is_err() {
            wrong.push(FieldError::new("rev", &self.rev, "open the page again"));
        }
        let decision = Decision::ALL.into_iter().find(|known| known.as_str() == self.decision);
        if decision.is_none() {
            wrong.push(FieldError::new("decision", &self.decision, "choose what you decided"));
        }
        let note = self.note.trim();
        if note.split_whitespace().count() < NOTE_WORDS {
            let message =
                format!("write at least {NOTE_WORDS} words: what you asked or looked at, and what came of it");
            wrong.push(FieldError::new("note", note, message));
        } else if note.chars().count() > NOTE_LENGTH {
            wrong.push(FieldError::new("note", note, format!("write at most {NOTE_LENGTH} characters")));
        }
        match (rev, decision) {
            (Ok(rev), Some(decision)) if wrong.is_empty() => Ok(ReviewChange { rev, decision, note: note.to_owned() }),
            _ => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_needs_a_decision_and_some_words() {
        let form =
            |decision: &str, note: &str| ReviewForm { rev: "1".into(), decision: decision.into(), note: note.into() };
        let change = form("follow_up", " asked her ward today ").parse().unwrap();
        assert_eq!((change.decision, change.note.as_str()), (Decision::FollowUp, "asked her ward today"));
        for (decision, note, field) in
            [("", "three good words", "decision"), ("maybe", "three good words", "decision"), ("fine", "ok ok", "note")]
        {
            assert_eq!(form(decision, note).parse().unwrap_err()[0].field, field);
        }
        assert!(form("fine", &"word ".repeat(500)).parse().is_err());
    }
}
