//! One window of the trail: the entries that fit a question, from one moment on, until there are enough.

use jiff::Timestamp;

use super::density::{Density, Direction, moment};
use super::store::{Part, ReviewStore, Selection};
use crate::audit::access::AuditAccess;
use crate::audit::entry::Entry;
use crate::db::StoreError;

/// Entries that are looked at for one page, whether they fit or not.
const EXAMINED: usize = 1_000;
/// How much wider a range may be than the one before it.
const WIDER: i64 = 128;
/// Entries that are read at once, however many a range holds.
const AT_ONCE: i64 = 5_000;

/// What a page found.
#[derive(Debug)]
pub(super) struct Window {
    /// Entries that fit, newest first.
    pub entries: Vec<Entry>,
    /// Where the window begins; none at the beginning of the trail or of the time asked for.
    pub from: Option<Timestamp>,
    /// Where it ends, not included; none at its present end.
    pub to: Option<Timestamp>,
}

/// Where to begin, where to end at the latest, and which way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub direction: Direction,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Reads a window of at most `wanted` fitting entries (more only where several share the last moment).
///
/// What is found depends on the entries of the selection alone, never on how dense the rest of the trail is.
pub(super) async fn read(
    store: &ReviewStore,
    access: &AuditAccess,
    selection: &Selection,
    way: Way,
    wanted: usize,
    fits: impl Fn(&Entry) -> bool,
) -> Result<Window, StoreError> {
    let Way { direction, from, to } = way;
    let places = [from, to].map(|at| direction.place(at.as_millisecond()));
    let (mut at, end) = (places[0].min(places[1]), places[0].max(places[1]));
    let mut density = Density::new(direction, at, end);
    let mut examined: Vec<Entry> = Vec::new();
    let mut range = selection.first_range(wanted);
    loop {
        if at >= end {
            return Ok(window(way, examined, None, &fits));
        }
        let mut next = density.until(store, at, range).await?.clamp(at + 1, end);
        let mut part = store.first_entries(access, selection, direction, (at, next), Some(AT_ONCE)).await?;
        if part.until == Some(at) {
            // As many within one millisecond: it is read whole.
            part = Part {
                until: Some(at + 1),
                ..store.first_entries(access, selection, direction, (at, at + 1), None).await?
            };
        }
        next = part.until.unwrap_or(next);
        let mut found = part.entries;
        found.sort_by_cached_key(|entry| order(direction, entry));
        let read = found.len();
        examined.extend(found);
        range = following(range, read, missing(&examined, wanted, &fits));
        at = next;
        if let Some(cut) = cut(&examined, wanted, &fits) {
            examined.truncate(cut);
            let reached = examined.last().map(|entry| entry.occurred_at);
            return Ok(window(way, examined, reached, &fits));
        }
    }
}

/// Entries in the order they are read; those of one moment in the order of their logs.
fn order(direction: Direction, entry: &Entry) -> (i64, i64, String) {
    (direction.place(entry.occurred_at.as_millisecond()), direction.place(entry.seq), entry.log_id.clone())
}

/// How many entries more are likely to hold what is wanted; at most as many as may be looked at.
fn missing(examined: &[Entry], wanted: usize, fits: &impl Fn(&Entry) -> bool) -> usize {
    let fitting = examined.iter().filter(|entry| fits(entry)).count();
    let left = EXAMINED.saturating_sub(examined.len());
    // A tenth more, so that one further range mostly does.
    let likely = wanted.saturating_sub(fitting) * examined.len() * 11 / 10;
    likely.checked_div(fitting).map_or(left, |likely| likely.clamp(1, left.max(1)))
}

/// How wide the next range is: as much as is likely to hold what is still to be looked at.
fn following(range: i64, found: usize, remaining: usize) -> i64 {
    let wider = range.saturating_mul(WIDER);
    if found == 0 {
        return wider;
    }
    let [found, remaining] = [found, remaining].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    (range.saturating_mul(remaining) / found).clamp(100, wider)
}

/// After how many entries a page ends, when more are at hand: where enough fit or were looked at, and the moment is over.
fn cut(examined: &[Entry], wanted: usize, fits: &impl Fn(&Entry) -> bool) -> Option<usize> {
    let mut fitting = 0;
    for (number, entry) in examined.iter().enumerate() {
        let enough = fitting >= wanted || number >= EXAMINED;
        if enough && examined[number - 1].occurred_at != entry.occurred_at {
            return Some(number);
        }
        fitting += usize::from(fits(entry));
    }
    None
}

fn window(way: Way, mut examined: Vec<Entry>, reached: Option<Timestamp>, fits: &impl Fn(&Entry) -> bool) -> Window {
    examined.retain(|entry| fits(entry));
    let (from, to) = match way.direction {
        Direction::Older => (reached, Some(way.to)),
        Direction::Newer => {
            examined.reverse();
            // The moment reached belongs to the window, and its end does not.
            (Some(way.from), reached.map(|at| moment(at.as_millisecond() + 1)))
        }
    };
    Window { entries: examined, from, to }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Entry {
        Entry::new(moment(millis), "r")
    }

    #[test]
    fn a_page_ends_between_two_moments() {
        let entries: Vec<Entry> = [9, 8, 8, 8, 7].map(at).to_vec();
        assert_eq!(cut(&entries, 2, &|_| true), Some(4));
        assert_eq!(cut(&entries, 1, &|_| true), Some(1));
        assert_eq!(cut(&entries, 5, &|_| true), None, "nothing is left over");
        assert_eq!(cut(&entries, 1, &|entry| entry.occurred_at == moment(8)), Some(4));
        assert_eq!(cut(&entries[..4], 2, &|_| true), None, "the moment may go on");
    }

    #[test]
    fn what_is_missing_goes_by_what_fits() {
        let entries: Vec<Entry> = (0..400).map(at).collect();
        assert_eq!(missing(&entries, 500, &|_| true), 110);
        assert_eq!(
            missing(&entries, 500, &|entry| entry.occurred_at < moment(200)),
            600,
            "at most as many as may be looked at"
        );
        assert_eq!(missing(&entries, 500, &|_| false), 600, "nothing fits: as many as may be looked at");
        assert_eq!(missing(&[], 500, &|_| true), 1_000);
    }

    #[test]
    fn ranges_grow_with_what_is_found() {
        assert_eq!(following(1_000, 0, 2_000), 128_000);
        assert_eq!(following(1_000, 500, 1_500), 3_000);
        assert_eq!(following(1_000, 1, 1_999), 128_000);
        assert_eq!(following(1_000, 1_000, 0), 100);
    }
}
