use jiff::{Timestamp, tz::TimeZone};

/// How long a sample waits, against what its institute aims at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// In words, e.g. `day 9 of 14`.
    pub words: String,
    /// Whether the target has passed.
    pub late: bool,
    /// Days left; negative when late. Without a target, far away.
    left: i64,
}

impl Due {
    /// From the day of the sample, which is day 0, to now; days are those of UTC.
    pub(super) fn new(sample: Timestamp, target_days: Option<u16>, now: Timestamp) -> Self {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let age = i64::from(day(sample).until(day(now)).map_or(0, |span| span.get_days()).max(0));
        let Some(target) = target_days.map(i64::from) else {
            return Self { words: format!("day {age}"), late: false, left: i64::MAX - age };
        };
        let left = target - age;
        let words = if left < 0 {
            format!("day {age} of {target}: {} {} late", -left, if left == -1 { "day" } else { "days" })
        } else {
            format!("day {age} of {target}")
        };
        Self { words, late: left < 0, left }
    }

    /// What waits longest against its target first; those without one after all others, oldest first.
    pub(super) fn order(&self) -> i64 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(sample: &str, target: Option<u16>) -> Due {
        let at = |day: &str| format!("{day}T23:59:00Z").parse().unwrap();
        Due::new(at(sample), target, "2026-03-10T00:01:00Z".parse().unwrap())
    }

    #[test]
    fn days_are_counted_from_the_sample() {
        assert_eq!(due("2026-03-01", Some(14)).words, "day 9 of 14");
        assert_eq!(due("2026-03-10", Some(14)).words, "day 0 of 14");
        assert_eq!(due("2026-03-11", Some(14)).words, "day 0 of 14", "a clock may be wrong");
        assert_eq!(due("2026-01-10", None).words, "day 59", "over the ends of months");
        let late = due("2026-03-01", Some(8));
        assert_eq!((late.words.as_str(), late.late), ("day 9 of 8: 1 day late", true));
        assert!(!due("2026-03-01", Some(9)).late, "on the day itself it is in time");
    }

    #[test]
    fn what_is_due_first_comes_first() {
        let mut all =
            [due("2026-03-09", None), due("2026-02-01", None), due("2026-03-01", Some(14)), due("2026-03-01", Some(3))];
        all.sort_by_key(Due::order);
        let words: Vec<_> = all.iter().map(|due| due.words.as_str()).collect();
        assert_eq!(words, ["day 9 of 3: 6 days late", "day 9 of 14", "day 37", "day 1"]);
    }
}
