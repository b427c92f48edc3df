use bson::{Bson, DateTime, Document, doc};
use jiff::Timestamp;

use super::model::{Status, field};
use super::summary::CaseSummary;
use super::work::Tag;
use crate::ids::{CaseId, CaseName, UserId};
use crate::institutes::InstituteAccess;

/// What the cases page asks for. Conditions narrow together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseQuery {
    /// Beginning of a name, individual, subject or LIMS id; each word must fit.
    pub text: String,
    /// Only these statuses; all when empty.
    pub status: Vec<Status>,
    /// Only cases of this person, or of nobody.
    pub assignee: Option<Assignee>,
    /// Only cases marked with all of these.
    pub tags: Vec<Tag>,
    /// What comes first.
    pub sort: CaseSort,
    /// Only cases behind this one.
    pub after: Option<CasePlace>,
    /// How many at most.
    pub limit: i64,
}

/// Whose cases are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignee {
    /// This person's.
    User(UserId),
    /// Those that nobody works on.
    Nobody,
}

/// What cases are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CaseSort {
    /// Their last change, newest first.
    #[default]
    Changed,
    /// Their first load, newest first.
    Loaded,
    /// Their first load, oldest first.
    Oldest,
    /// Their name, from A.
    Name,
}

impl CaseSort {
    /// All, in the order of pages.
    pub const ALL: [Self; 4] = [Self::Changed, Self::Loaded, Self::Oldest, Self::Name];

    /// The word in addresses and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Loaded => "loaded",
            Self::Oldest => "oldest",
            Self::Name => "name",
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Changed => "last changed first",
            Self::Loaded => "last loaded first",
            Self::Oldest => "first loaded first",
            Self::Name => "by name",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == word)
    }

    fn field(self) -> &'static str {
        match self {
            Self::Changed => field::UPDATED_AT,
            Self::Loaded | Self::Oldest => field::CREATED_AT,
            Self::Name => field::NAME,
        }
    }
}

/// Where a case stands among others, by what they are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CasePlace {
    by: PlaceValue,
    id: CaseId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PlaceValue {
    At(Timestamp),
    Name(CaseName),
}

impl CasePlace {
    /// Of a case.
    #[must_use]
    pub fn of(case: &CaseSummary, sort: CaseSort) -> Self {
        let by = match sort {
            CaseSort::Changed => PlaceValue::At(case.updated_at),
            CaseSort::Loaded | CaseSort::Oldest => PlaceValue::At(case.created_at),
            CaseSort::Name => PlaceValue::Name(case.name.clone()),
        };
        Self { by, id: case.id.clone() }
    }

    /// Reads what [`std::fmt::Display`] wrote, for cases sorted so.
    #[must_use]
    pub fn parse(text: &str, sort: CaseSort) -> Option<Self> {
        let (value, id) = text.rsplit_once('~')?;
        let by = match sort {
            CaseSort::Changed | CaseSort::Loaded | CaseSort::Oldest => PlaceValue::At(value.parse().ok()?),
            CaseSort::Name => PlaceValue::Name(value.parse().ok()?),
        };
        Some(Self { by, id: id.parse().ok()? })
    }

    fn value(&self) -> Bson {
        match &self.by {
            PlaceValue::At(at) => DateTime::from_millis(at.as_millisecond()).into(),
            PlaceValue::Name(name) => name.into(),
        }
    }
}

impl std::fmt::Display for CasePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            PlaceValue::At(at) => write!(f, "{at:.3}~{}", self.id),
            PlaceValue::Name(name) => write!(f, "{name}~{}", self.id),
        }
    }
}

impl CaseQuery {
    fn is_descending(&self) -> bool {
        matches!(self.sort, CaseSort::Changed | CaseSort::Loaded)
    }

    /// The order of the database's answer.
    pub(super) fn order(&self) -> Document {
        let direction = if self.is_descending() { -1 } else { 1 };
        doc! { self.sort.field(): direction, "_id": direction }
    }

    /// The condition, within the institute.
    pub(super) fn filter(&self, access: &InstituteAccess) -> Document {
        let mut filter = doc! { field::INSTITUTE: &access.institute().id };
        match self.status.as_slice() {
            [] => {}
            [only] => drop(filter.insert(field::STATUS, only.as_str())),
            several => {
                let wanted: Vec<&str> = several.iter().map(|status| status.as_str()).collect();
                filter.insert(field::STATUS, doc! { "$in": wanted });
            }
        }
        match &self.assignee {
            Some(Assignee::User(user)) => drop(filter.insert(field::ASSIGNEES, user)),
            Some(Assignee::Nobody) => drop(filter.insert(field::ASSIGNEES, doc! { "$size": 0 })),
            None => {}
        }
        if !self.tags.is_empty() {
            let wanted: Vec<&str> = self.tags.iter().map(|tag| tag.as_str()).collect();
            filter.insert(field::TAGS, doc! { "$all": wanted });
        }
        let mut all: Vec<Bson> = self
            .text
            .split_whitespace()
            .map(|word| {
                let from = word.to_lowercase();
                let to = format!("{from}\u{10ffff}"); // every text that begins with the word lies between the two
                doc! { field::SEARCH: { "$elemMatch": { "$gte": from, "$lt": to } } }.into()
            })
            .collect();
        if let Some(place) = &self.after {
            let (by, value) = (self.sort.field(), place.value());
            let (beyond, from) = if self.is_descending() { ("$lt", "$lte") } else { ("$gt", "$gte") };
            // The first condition says nothing new; an index answers it.
            filter.insert(by, doc! { from: value.clone() });
            let behind = doc! { by: value.clone(), "_id": { beyond: &place.id } };
            all.push(doc! { "$or": [{ by: { beyond: value } }, behind] }.into());
        }
        if !all.is_empty() {
            filter.insert("$and", all);
        }
        filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_place_is_read_as_it_was_written(millisecond in 0_i64..4_000_000_000_000, name in "[A-Za-z0-9~ -]{1,20}") {
            let id = CaseId::random();
            let at = Timestamp::from_millisecond(millisecond).unwrap();
            for (sort, by) in [
                (CaseSort::Changed, Some(PlaceValue::At(at))),
                (CaseSort::Name, name.parse().ok().map(PlaceValue::Name)),
            ] {
                let Some(by) = by else { continue };
                let place = CasePlace { by, id: id.clone() };
                proptest::prop_assert_eq!(CasePlace::parse(&place.to_string(), sort), Some(place));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            for sort in CaseSort::ALL {
                let _ = CasePlace::parse(&text, sort);
            }
        }
    }
}
