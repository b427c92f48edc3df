//! How dense the trail is where a page looks, told by checkpoints, which are signed every minute or thousand entries.
//!
//! The database's time goes with the whole range of an index that a query covers, so a range is chosen before it is read.

use bson::{Document, doc};
use jiff::Timestamp;

use super::store::ReviewStore;
use crate::db::StoreError;

/// Which way a page reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From now into the past.
    Older,
    /// From a moment towards now.
    Newer,
}

impl Direction {
    /// A moment as a place on the way: places grow while one reads. Its own inverse.
    pub(super) fn place(self, millis: i64) -> i64 {
        match self {
            Self::Older => -millis,
            Self::Newer => millis,
        }
    }

    /// How a query sorts entries by their places.
    pub(super) fn order(self) -> Document {
        doc! { "occurred_at": match self { Self::Older => -1, Self::Newer => 1 } }
    }

    /// The time between two places, as `from..to`.
    pub(super) fn between(self, start: i64, end: i64) -> (Timestamp, Timestamp) {
        match self {
            Self::Older => (moment(-end), moment(-start)),
            Self::Newer => (moment(start), moment(end)),
        }
    }
}

pub(super) fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// How far the first look at checkpoints goes, in milliseconds: six hours.
const FIRST_LOOK: i64 = 6 * 3_600_000;
/// How much further each following one goes.
const FURTHER: i64 = 3;
/// Steps that are looked at; beyond them the trail is taken to be as dense as before.
const LOOKED_AT: usize = 5_000;

/// What is known of the density along the way.
pub(super) struct Density {
    direction: Direction,
    /// Places of checkpoints with the entries each added, in the order of the way.
    steps: Vec<(i64, i64)>,
    start: i64,
    /// How far checkpoints were read.
    known: i64,
    end: i64,
    stride: i64,
}

impl Density {
    pub(super) fn new(direction: Direction, start: i64, end: i64) -> Self {
        Self { direction, steps: Vec::new(), start, known: start, end, stride: FIRST_LOOK }
    }

    /// The place until which there are about `wanted` entries from `at` on.
    pub(super) async fn until(&mut self, store: &ReviewStore, at: i64, wanted: i64) -> Result<i64, StoreError> {
        loop {
            if let Some(place) = far_enough(&self.steps, at, wanted) {
                return Ok(place.min(self.end));
            }
            if self.known >= self.end {
                return Ok(self.end);
            }
            if self.steps.len() > LOOKED_AT {
                return Ok(self.as_before(at, wanted));
            }
            let next = self.known.saturating_add(self.stride).min(self.end);
            let (from, to) = self.direction.between(self.known, next);
            let mut found: Vec<(i64, i64)> = store
                .steps
                .between(from.as_millisecond(), to.as_millisecond())
                .await?
                .into_iter()
                .map(|step| (self.direction.place(step.at), step.entries))
                .collect();
            found.sort_unstable();
            self.steps.extend(found);
            self.known = next;
            self.stride = self.stride.saturating_mul(FURTHER);
        }
    }

    fn as_before(&self, at: i64, wanted: i64) -> i64 {
        let seen: i64 = self.steps.iter().map(|(_, entries)| entries).sum();
        let way = (self.known - self.start).max(1);
        let further = i128::from(way) * i128::from(wanted) / i128::from(seen.max(1));
        at.saturating_add(i64::try_from(further).unwrap_or(i64::MAX).max(1)).min(self.end)
    }
}

/// The checkpoint, after the first one behind `at`, before which there are more than `wanted` entries.
fn far_enough(steps: &[(i64, i64)], at: i64, wanted: i64) -> Option<i64> {
    let mut entries = 0;
    for (passed, (place, added)) in steps.iter().filter(|(place, _)| *place > at).enumerate() {
        if passed > 0 && entries > wanted {
            return Some(*place);
        }
        entries += added;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_where_there_is_enough() {
        let steps = [(10, 400), (20, 400), (30, 400), (40, 400)];
        assert_eq!(far_enough(&steps, 0, 700), Some(30));
        assert_eq!(far_enough(&steps, 10, 700), Some(40));
        assert_eq!(far_enough(&steps, 0, 1), Some(20), "one checkpoint is always passed");
        assert_eq!(far_enough(&steps, 0, 5_000), None);
    }

    #[test]
    fn places_grow_on_the_way() {
        for direction in [Direction::Older, Direction::Newer] {
            assert_eq!(direction.place(direction.place(7)), 7);
            let (from, to) = direction.between(
                direction.place(100).min(direction.place(200)),
                direction.place(100).max(direction.place(200)),
            );
            assert_eq!((from, to), (moment(100), moment(200)));
        }
    }
}
