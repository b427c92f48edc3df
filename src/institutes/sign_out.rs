//! Who may sign out what: the right to confirm, as a second person, what another decided.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::ids::UserId;
use crate::variants::Category;

/// How an institute has a causative mark confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondReader {
    /// One person's word is enough.
    #[default]
    None,
    /// Another person confirms it.
    Open,
    /// Another person comes to it by themselves: until they have read, nobody else sees the mark.
    Blinded,
}

impl SecondReader {
    /// All of them, in the order of the settings page.
    pub const ALL: [Self; 3] = [Self::None, Self::Open, Self::Blinded];

    /// The word in forms, documents and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
            Self::Blinded => "blinded",
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "nobody: one person’s mark is enough",
            Self::Open => "another person, who sees the mark",
            Self::Blinded => "another person, who does not see the mark before they have read",
        }
    }
}

impl std::str::FromStr for SecondReader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|one| one.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is not none, open or blinded"))
    }
}

/// One person's right to sign out one category, from a day to a day (UTC), both included. It counts for geneticists.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOut {
    /// Whose.
    pub user: UserId,
    /// The name they had when it was given.
    pub name: String,
    /// Of what.
    pub category: Category,
    /// First day.
    pub from: Date,
    /// Last day; none while it is open.
    pub until: Option<Date>,
}

impl SignOut {
    /// Whether it counts on a day.
    #[must_use]
    pub fn holds_on(&self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }

    /// Its days in words.
    #[must_use]
    pub fn days(&self) -> String {
        let until = self.until.map(|until| format!(" to {until}")).unwrap_or_default();
        format!("from {}{until}", self.from)
    }

    /// In words, without whose it is.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} {}", self.category.as_str(), self.days())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_counts_from_its_first_to_its_last_day() {
        let right = |until: Option<&str>| SignOut {
            user: UserId::random(),
            name: "Ann".into(),
            category: Category::Snv,
            from: "2026-03-01".parse().unwrap(),
            until: until.map(|day| day.parse().unwrap()),
        };
        let on = |right: &SignOut, day: &str| right.holds_on(day.parse().unwrap());
        let open = right(None);
        assert!(!on(&open, "2026-02-28") && on(&open, "2026-03-01") && on(&open, "2036-01-01"));
        let closed = right(Some("2026-03-31"));
        assert!(on(&closed, "2026-03-31") && !on(&closed, "2026-04-01"));
        assert_eq!(closed.words(), "snv from 2026-03-01 to 2026-03-31");
    }

    #[test]
    fn ways_of_reading_are_stored_as_they_are_typed() {
        for way in SecondReader::ALL {
            assert_eq!(way.as_str().parse(), Ok(way));
            assert_eq!(bson::serialize_to_bson(&way).unwrap(), bson::Bson::String(way.as_str().to_owned()));
        }
        assert!("blind".parse::<SecondReader>().is_err());
    }
}
