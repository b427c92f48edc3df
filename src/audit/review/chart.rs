//! How many requests there were when, as bars.

use jiff::Timestamp;

use super::density::moment;
use super::rows::second;

/// Most bars of a chart.
const BARS: i64 = 60;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Lengths of time that one bar may stand for.
const UNITS: [(i64, &str); 7] = [
    (MINUTE, "minute"),
    (10 * MINUTE, "10 minutes"),
    (HOUR, "hour"),
    (6 * HOUR, "6 hours"),
    (DAY, "day"),
    (7 * DAY, "7 days"),
    (90 * DAY, "90 days"),
];
/// Size of the drawing.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 60;

/// Bars over time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chart {
    /// What a bar stands for, `hour`.
    pub unit: &'static str,
    pub bars: Vec<Bar>,
    pub most: usize,
    pub first: String,
    pub last: String,
}

/// One bar, in the drawing's units, and in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub from: String,
    pub count: usize,
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
}

impl Chart {
    /// Bars of moments; none when one would hold them all.
    pub(super) fn of(moments: impl Iterator<Item = Timestamp>) -> Option<Self> {
        let millis: Vec<i64> = moments.map(Timestamp::as_millisecond).collect();
        let (first, last) = (*millis.iter().min()?, *millis.iter().max()?);
        let fits = |unit: i64| last.div_euclid(unit) - first.div_euclid(unit) < BARS;
        let (unit, name) = UNITS.into_iter().find(|(unit, _)| fits(*unit)).unwrap_or(UNITS[UNITS.len() - 1]);
        let start = first.div_euclid(unit);
        let number = last.div_euclid(unit) - start + 1;
        if number < 2 {
            return None; // a single bar says no more than its number
        }
        let mut counts = vec![0_usize; usize::try_from(number).ok()?];
        for at in millis {
            *counts.get_mut(usize::try_from(at.div_euclid(unit) - start).ok()?)? += 1;
        }
        let most = counts.iter().copied().max()?.max(1);
        let width = (WIDTH / number).clamp(1, 24);
        let bars = (0_i64..)
            .zip(&counts)
            .map(|(at, count)| {
                let height = scaled(*count, most);
                Bar {
                    from: second(moment((start + at) * unit)),
                    count: *count,
                    x: at * width,
                    y: HEIGHT - height,
                    width: (width - 1).max(1),
                    height,
                }
            })
            .collect();
        Some(Self { unit: name, bars, most, first: second(moment(first)), last: second(moment(last)) })
    }

    /// Bars that stand for something: what the table beside the drawing lists.
    pub(super) fn counted(&self) -> Vec<&Bar> {
        self.bars.iter().filter(|bar| bar.count > 0).collect()
    }
}

/// At least a line for anything at all.
fn scaled(count: usize, most: usize) -> i64 {
    let [count, most] = [count, most].map(|number| i64::try_from(number).unwrap_or(i64::MAX / HEIGHT));
    if count == 0 { 0 } else { (count * HEIGHT / most).max(2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_stands_for_as_much_time_as_the_drawing_has_room_for() {
        let chart = |millis: &[i64]| Chart::of(millis.iter().map(|at| moment(*at)));
        assert_eq!(chart(&[]), None);
        assert_eq!(chart(&[1]), None);
        let minutes = chart(&[0, MINUTE, MINUTE + 1, 3 * MINUTE]).unwrap();
        assert_eq!(minutes.unit, "minute");
        assert_eq!(minutes.bars.iter().map(|bar| bar.count).collect::<Vec<_>>(), [1, 2, 0, 1]);
        assert_eq!(minutes.bars[1].height, HEIGHT);
        assert_eq!(minutes.counted().len(), 3);
        assert_eq!(chart(&[0, 30 * HOUR]).unwrap().unit, "hour");
        assert_eq!(chart(&[0, 50 * DAY]).unwrap().unit, "day");
        assert_eq!(chart(&[0, 9_000 * DAY]).unwrap().unit, "90 days");
    }
}
