//! What is taken out of the trail lawfully: payloads erased on somebody's request, and old months removed. An entry says
//! so before anything is taken, so that the chain still verifies and what is missing without such an entry shows.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span as Time, Timestamp};
use serde::{Deserialize, Serialize};

use super::access::Auditor;
use super::chain::Hash;
use super::entry::Head;
use super::verify::PublicPart;

/// What one entry of the trail says was taken out of it. It is stored and under a signed checkpoint before that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Entries whose payload was erased: whom and what they were about. Who did what and when stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<Span>,
    /// Logs whose beginning was removed: how many entries, and what the chain was after the last of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pruned: Vec<Head>,
    /// Only what was recorded before this day (UTC) was taken.
    pub before: Date,
    /// The retention period then in force, which had passed on that day.
    pub retention_years: i64,
    /// The law or contract that it follows.
    pub legal_basis: String,
    /// Who decided: two for an erasure, none for what the retention period alone asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided_by: Vec<Auditor>,
}

/// Entries of a log that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The log.
    pub log_id: String,
    /// The first of them, by its place in the log.
    pub from: i64,
    /// The one after the last.
    pub to: i64,
}

/// Midnight UTC at which a day begins.
#[must_use]
pub fn start_of(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |start| start.timestamp())
}

/// The day before which everything has been kept for `years`.
#[must_use]
pub fn kept_since(now: Timestamp, years: i64) -> Date {
    let today = now.to_zoned(TimeZone::UTC).date();
    Time::new().try_years(years).and_then(|years| today.checked_sub(years)).unwrap_or(Date::MIN)
}

impl Removal {
    /// Whether the retention period had passed for what was taken, when the entry about it was recorded.
    #[must_use]
    pub fn was_due(&self, recorded_at: Timestamp) -> bool {
        self.retention_years > 0 && self.before <= kept_since(recorded_at, self.retention_years)
    }
}

/// Entries in a row become one span each.
#[must_use]
pub fn spans(mut places: Vec<(String, i64)>) -> Vec<Span> {
    places.sort();
    let mut spans: Vec<Span> = Vec::new();
    for (log_id, seq) in places {
        match spans.last_mut() {
            Some(last) if last.log_id == log_id && last.to == seq => last.to += 1,
            Some(last) if last.log_id == log_id && last.to > seq => {} // the same entry twice
            _ => spans.push(Span { log_id, from: seq, to: seq + 1 }),
        }
    }
    spans
}

/// All removals that a trail speaks of.
#[derive(Debug, Default)]
pub(super) struct Removals {
    pruned: HashMap<String, Pruned>,
    erased: HashMap<String, Vec<Erased>>,
    /// Entries that speak of a removal: log, place.
    pub said_by: Vec<(String, i64)>,
}

/// How much of a log is removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pruned {
    pub size: i64,
    pub chain: Hash,
}

#[derive(Debug)]
struct Erased {
    from: i64,
    to: i64,
    before: Timestamp,
}

impl Removals {
    /// What these entries say, and which of them say what cannot be, with a sentence each.
    pub(super) fn of(speaking: &[PublicPart]) -> (Self, Vec<(&PublicPart, &'static str)>) {
        let (mut removals, mut wrong) = (Self::default(), Vec::new());
        for part in speaking {
            if let Some(said) = &part.removal
                && let Err(what) = removals.add(&part.log_id, part.seq, part.recorded_at, said)
            {
                wrong.push((part, what));
            }
        }
        (removals, wrong)
    }

    /// Adds what the entry at a place of a log says. A sentence when that cannot be.
    fn add(&mut self, log_id: &str, seq: i64, at: Timestamp, said: &Removal) -> Result<(), &'static str> {
        if !said.was_due(at) {
            return Err("takes out entries before their retention period had ended");
        }
        if !said.erased.is_empty() && said.decided_by.len() < 2 {
            return Err("erases without two people who decided it");
        }
        for head in &said.pruned {
            let chain = HEXLOWER.decode(head.chain.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            let chain = chain.ok_or("names a head that is no hash")?;
            let known = self.pruned.entry(head.log_id.clone()).or_insert(Pruned { size: head.size, chain });
            if head.size > known.size {
                *known = Pruned { size: head.size, chain };
            }
        }
        let before = start_of(said.before);
        for span in &said.erased {
            let erased = Erased { from: span.from, to: span.to, before };
            self.erased.entry(span.log_id.clone()).or_default().push(erased);
        }
        self.said_by.push((log_id.to_owned(), seq));
        Ok(())
    }

    /// How much of a log is removed.
    pub(super) fn pruned(&self, log_id: &str) -> Option<Pruned> {
        self.pruned.get(log_id).copied()
    }

    /// Logs with a part removed, and how much.
    pub(super) fn all_pruned(&self) -> impl Iterator<Item = (&str, Pruned)> {
        self.pruned.iter().map(|(log_id, pruned)| (log_id.as_str(), *pruned))
    }

    /// Whether the payload of an entry recorded at a time may be gone.
    pub(super) fn covers(&self, log_id: &str, seq: i64, recorded_at: Timestamp) -> bool {
        let covers = |erased: &Erased| (erased.from..erased.to).contains(&seq) && recorded_at < erased.before;
        self.erased.get(log_id).is_some_and(|all| all.iter().any(covers))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn removal(before: Date, retention_years: i64) -> Removal {
        let (erased, pruned) = (Vec::new(), Vec::new());
        Removal { erased, pruned, before, retention_years, legal_basis: "law".into(), decided_by: Vec::new() }
    }

    #[test]
    fn nothing_is_due_before_its_retention_has_passed() {
        let at: Timestamp = "2036-03-15T12:00:00Z".parse().unwrap();
        assert_eq!(kept_since(at, 10), date(2026, 3, 15));
        assert!(removal(date(2026, 3, 15), 10).was_due(at));
        assert!(!removal(date(2026, 3, 16), 10).was_due(at));
        assert!(!removal(date(2036, 3, 1), 0).was_due(at), "no retention at all is none");
        assert!(!removal(date(2036, 3, 1), -5).was_due(at));
    }

    #[test]
    fn entries_in_a_row_are_one_span() {
        let place = |log: &str, seq| (log.to_owned(), seq);
        let span = |log: &str, from, to| Span { log_id: log.to_owned(), from, to };
        let places = vec![place("b", 1), place("a", 4), place("a", 3), place("a", 3), place("a", 9), place("b", 2)];
        assert_eq!(spans(places), [span("a", 3, 5), span("a", 9, 10), span("b", 1, 3)]);
        assert!(spans(Vec::new()).is_empty());
    }

    #[test]
    fn an_erasure_covers_what_was_recorded_before_its_day_only() {
        let at: Timestamp = "2036-03-15T12:00:00Z".parse().unwrap();
        let mut said = removal(date(2026, 3, 1), 10);
        said.erased = vec![Span { log_id: "a".into(), from: 2, to: 4 }];
        let mut removals = Removals::default();
        assert_eq!(removals.add("z", 7, at, &said), Err("erases without two people who decided it"));
        let somebody = |name: &str| Auditor { user: crate::ids::UserId::random(), name: name.into() };
        said.decided_by = vec![somebody("Ann"), somebody("Ben")];
        removals.add("z", 7, at, &said).unwrap();
        let early: Timestamp = "2026-02-28T23:59:59Z".parse().unwrap();
        let late: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        assert!(removals.covers("a", 2, early) && removals.covers("a", 3, early));
        assert!(!removals.covers("a", 3, late) && !removals.covers("a", 4, early) && !removals.covers("b", 2, early));
    }
}
