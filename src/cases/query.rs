use jiff::Timestamp;

use super::directory::Listed;
use super::model::Status;
use super::summary::CaseSummary;
use super::work::Tag;
use crate::ids::{CaseId, CaseName, UserId};

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
    /// Only cases that belong to all of these cohorts.
    pub cohorts: Vec<String>,
    /// Only cases that belong to all of these groups.
    pub groups: Vec<String>,
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
    /// The analysis of their sample, or else their first load, oldest first: what waits longest.
    Sample,
    /// Their status, in the order of [`Status::ALL`].
    Status,
    /// Their name, from A.
    Name,
}

impl CaseSort {
    /// All, in the order of pages.
    pub const ALL: [Self; 6] = [Self::Changed, Self::Loaded, Self::Oldest, Self::Sample, Self::Status, Self::Name];

    /// The word in addresses and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Loaded => "loaded",
            Self::Oldest => "oldest",
            Self::Sample => "sample",
            Self::Status => "status",
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
            Self::Sample => "oldest sample first",
            Self::Status => "by status",
            Self::Name => "by name",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == word)
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
    Status(Status),
    Name(CaseName),
}

impl CasePlace {
    /// Of a case.
    #[must_use]
    pub fn of(case: &CaseSummary, sort: CaseSort) -> Self {
        let by = match sort {
            CaseSort::Changed => PlaceValue::At(case.updated_at),
            CaseSort::Loaded | CaseSort::Oldest => PlaceValue::At(case.created_at),
            CaseSort::Sample => PlaceValue::At(case.sampled_at()),
            CaseSort::Status => PlaceValue::Status(case.status),
            CaseSort::Name => PlaceValue::Name(case.name.clone()),
        };
        Self { by, id: case.id.clone() }
    }

    /// Reads what [`std::fmt::Display`] wrote, for cases sorted so.
    #[must_use]
    pub fn parse(text: &str, sort: CaseSort) -> Option<Self> {
        let (value, id) = text.rsplit_once('~')?;
        let by = match sort {
            CaseSort::Changed | CaseSort::Loaded | CaseSort::Oldest | CaseSort::Sample => {
                PlaceValue::At(value.parse().ok()?)
            }
            CaseSort::Status => PlaceValue::Status(Status::parse(value)?),
            CaseSort::Name => PlaceValue::Name(value.parse().ok()?),
        };
        Some(Self { by, id: id.parse().ok()? })
    }
}

/// What cases are compared by: a value, and where that is the same their identity.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a>(By<'a>, &'a str);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum By<'a> {
    At(Timestamp),
    /// Place among [`Status::ALL`].
    Status(usize),
    Name(&'a str),
}

fn rank(status: Status) -> usize {
    Status::ALL.iter().position(|one| *one == status).unwrap_or(Status::ALL.len())
}

impl<'a> Key<'a> {
    fn of(case: &'a CaseSummary, sort: CaseSort) -> Self {
        let by = match sort {
            CaseSort::Changed => By::At(case.updated_at),
            CaseSort::Loaded | CaseSort::Oldest => By::At(case.created_at),
            CaseSort::Sample => By::At(case.sampled_at()),
            CaseSort::Status => By::Status(rank(case.status)),
            CaseSort::Name => By::Name(case.name.as_str()),
        };
        Self(by, case.id.as_str())
    }
}

impl CasePlace {
    fn key(&self) -> Key<'_> {
        let by = match &self.by {
            PlaceValue::At(at) => By::At(*at),
            PlaceValue::Status(status) => By::Status(rank(*status)),
            PlaceValue::Name(name) => By::Name(name.as_str()),
        };
        Key(by, self.id.as_str())
    }
}

impl std::fmt::Display for CasePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            PlaceValue::At(at) => write!(f, "{at:.3}~{}", self.id),
            PlaceValue::Status(status) => write!(f, "{}~{}", status.as_str(), self.id),
            PlaceValue::Name(name) => write!(f, "{name}~{}", self.id),
        }
    }
}

impl CaseQuery {
    fn is_descending(&self) -> bool {
        matches!(self.sort, CaseSort::Changed | CaseSort::Loaded)
    }

    /// The page of these cases that is asked for, and whether there are more.
    pub(super) fn page<'a>(&self, cases: impl Iterator<Item = &'a Listed>) -> (Vec<CaseSummary>, bool) {
        let words: Vec<String> = self.text.split_whitespace().map(str::to_lowercase).collect();
        let mut found: Vec<(Key<'_>, &Listed)> = cases
            .filter(|case| self.fits(case, &words))
            .map(|case| (Key::of(&case.summary, self.sort), case))
            .collect();
        let order = |one: &Key<'_>, other: &Key<'_>| {
            let order = one.cmp(other);
            if self.is_descending() { order.reverse() } else { order }
        };
        if let Some(after) = self.after.as_ref().map(CasePlace::key) {
            found.retain(|(key, _)| order(key, &after).is_gt());
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        if more {
            found.select_nth_unstable_by(limit, |one, other| order(&one.0, &other.0));
            found.truncate(limit);
        }
        found.sort_unstable_by(|one, other| order(&one.0, &other.0));
        (found.into_iter().map(|(_, case)| case.summary.clone()).collect(), more)
    }

    fn fits(&self, Listed { summary: case, search }: &Listed, words: &[String]) -> bool {
        let is_assigned = match &self.assignee {
            Some(Assignee::User(user)) => case.assignees.contains(user),
            Some(Assignee::Nobody) => case.assignees.is_empty(),
            None => true,
        };
        is_assigned
            && (self.status.is_empty() || self.status.contains(&case.status))
            && self.tags.iter().all(|tag| case.tags.contains(tag))
            && self.cohorts.iter().all(|cohort| case.cohorts.contains(cohort))
            && self.groups.iter().all(|group| case.groups.contains(group))
            && words.iter().all(|word| search.iter().any(|known| known.starts_with(word)))
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
                (CaseSort::Sample, Some(PlaceValue::At(at))),
                (CaseSort::Status, Some(PlaceValue::Status(Status::Solved))),
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
