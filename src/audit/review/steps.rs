use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bson::{DateTime, doc};
use jiff::Timestamp;
use mongodb::options::FindOptions;
use serde::Deserialize;
use serde_with::serde_as;

use crate::audit::checkpoint::StoredCheckpoint;
use crate::clock::Clock;
use crate::db::{Db, Documents, StoreError};

/// How many entries the trail has when, as its checkpoints tell. Hours that are over are read once: checkpoints are added
/// at the trail's end only, and how dense it is decides how much is read at once, never what is found.
#[derive(Clone)]
pub(super) struct Steps {
    checkpoints: Documents<StoredCheckpoint>,
    clock: Clock,
    known: Arc<Mutex<Memory>>,
}

/// So many entries were added before this moment, since the step before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// In milliseconds since 1970.
    pub at: i64,
    pub entries: i64,
}

/// Hours of which all is known, by the first of them.
#[derive(Default)]
struct Memory(BTreeMap<i64, Known>);

struct Known {
    /// The hour after the last one.
    end: i64,
    /// Oldest first.
    steps: Vec<Step>,
}

#[serde_as]
#[derive(Deserialize)]
struct Signed {
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    at: Timestamp,
    #[serde(default)]
    entries: i64,
}

const HOUR: i64 = 3_600_000;
/// A checkpoint of another process, whose clock is behind, comes no later than this after its time, in milliseconds.
const SETTLES: i64 = HOUR;
/// Checkpoints with fewer entries are put together.
const WORTH_A_STEP: i64 = 250;

impl Steps {
    pub(super) fn new(db: &Db, clock: &Clock) -> Self {
        Self { checkpoints: Documents::new(db), clock: clock.clone(), known: Arc::default() }
    }

    /// The steps in `from..to` (milliseconds since 1970), oldest first.
    pub(super) async fn between(&self, from: i64, to: i64) -> Result<Vec<Step>, StoreError> {
        let settled = (self.clock.now().as_millisecond() - SETTLES).div_euclid(HOUR);
        let (mut steps, unknown) = self.known().recall(from, to);
        for Range { start, end } in unknown {
            let (over, young) = (start..end.min(settled), start.max(settled)..end);
            if !over.is_empty() {
                let read = put_together(self.read(&over).await?);
                steps.extend(&read);
                self.known().0.insert(over.start, Known { end: over.end, steps: read });
            }
            if !young.is_empty() {
                steps.extend(self.read(&young).await?);
            }
        }
        steps.retain(|step| (from..to).contains(&step.at));
        steps.sort_unstable_by_key(|step| step.at);
        Ok(steps)
    }

    fn known(&self) -> MutexGuard<'_, Memory> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, hours: &Range<i64>) -> Result<Vec<Step>, StoreError> {
        let options = FindOptions::builder().projection(doc! { "at": 1, "entries": 1 }).batch_size(5_000).build();
        let [from, to] = [hours.start, hours.end].map(|hour| DateTime::from_millis(hour.saturating_mul(HOUR)));
        let within = doc! { "at": { "$gte": from, "$lt": to } };
        let found: Vec<Signed> = self.checkpoints.find_as(within, options).await?;
        let mut steps: Vec<Step> =
            found.into_iter().map(|signed| Step { at: signed.at.as_millisecond(), entries: signed.entries }).collect();
        steps.sort_unstable_by_key(|step| step.at);
        Ok(steps)
    }
}

impl Memory {
    /// What is known of `from..to`, and hours of which nothing is.
    fn recall(&self, from: i64, to: i64) -> (Vec<Step>, Vec<Range<i64>>) {
        // Ranges that were asked for at once may overlap: each hour is taken from the first that knows it.
        let (mut at, end) = (from.div_euclid(HOUR), (to - 1).div_euclid(HOUR) + 1);
        let before = self.0.range(..at).next_back();
        let (mut steps, mut unknown) = (Vec::new(), Vec::new());
        for (start, hours) in before.into_iter().chain(self.0.range(at..end)) {
            if at < *start {
                unknown.push(at..*start);
            }
            let first = hours.steps.partition_point(|step| step.at < from.max(at * HOUR));
            let last = hours.steps.partition_point(|step| step.at < to);
            steps.extend(&hours.steps[first..last.max(first)]);
            at = at.max(hours.end);
        }
        if at < end {
            unknown.push(at..end);
        }
        (steps, unknown)
    }
}

/// Fewer steps with the same entries; `steps` and what is returned are oldest first.
fn put_together(steps: Vec<Step>) -> Vec<Step> {
    let mut fewer: Vec<Step> = Vec::new();
    for step in steps {
        match fewer.last_mut() {
            Some(last) if last.entries < WORTH_A_STEP => {
                *last = Step { at: step.at, entries: last.entries + step.entries };
            }
            _ => fewer.push(step),
        }
    }
    fewer
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One step in the middle of each third hour.
    fn steps(hours: Range<i64>) -> Vec<Step> {
        hours.filter(|hour| hour % 3 == 0).map(|hour| Step { at: hour * HOUR + HOUR / 2, entries: hour }).collect()
    }

    proptest! {
        /// Whatever is known, what is recalled and what is still to be read are together each step once.
        #[test]
        fn each_step_is_recalled_or_to_be_read(known in prop::collection::vec((0_i64..60, 1_i64..20), 0..6), from in 0_i64..70, long in 1_i64..40) {
            let mut memory = Memory::default();
            for (start, long) in known {
                memory.0.insert(start, Known { end: start + long, steps: steps(start..start + long) });
            }
            let (from, to) = (from * HOUR + 7, (from + long) * HOUR + 9);
            let (mut told, unknown) = memory.recall(from, to);
            told.extend(unknown.into_iter().flat_map(steps));
            told.retain(|step| (from..to).contains(&step.at));
            told.sort_unstable_by_key(|step| step.at);
            let mut all = steps(0..120);
            all.retain(|step| (from..to).contains(&step.at));
            prop_assert_eq!(told, all);
        }
    }

    #[test]
    fn small_steps_are_put_together_and_none_is_lost() {
        let steps: Vec<Step> =
            [(1, 3), (2, 400), (3, 100), (4, 100), (5, 100), (6, 7)].map(|(at, entries)| Step { at, entries }).to_vec();
        let fewer = put_together(steps);
        let told: Vec<(i64, i64)> = fewer.iter().map(|step| (step.at, step.entries)).collect();
        assert_eq!(told, [(2, 403), (5, 300), (6, 7)]);
    }
}
