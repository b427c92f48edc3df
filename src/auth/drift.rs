//! Whether the server's clock agrees with people's telephones, as far as accepted codes tell.

use jiff::SignedDuration;

/// How far back codes are looked at.
pub(super) const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(24);
/// Fewer people tell nothing: one wrong telephone is no wrong server.
const FEWEST: usize = 5;

/// People whose last accepted code was of the step before, of the present one and of the next, by the server's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AcceptedCodes {
    /// Of the step before: typed slowly, or the server's clock is ahead.
    pub before: usize,
    /// Of the present step.
    pub present: usize,
    /// Of the next step, which no telephone shows whose clock agrees with the server's.
    pub next: usize,
}

/// In which direction the server's clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// It is behind the telephones'.
    Behind,
    /// It is ahead of them.
    Ahead,
}

impl AcceptedCodes {
    /// Counts people by how many steps their last code was off.
    pub(super) fn count(offsets: impl Iterator<Item = i64>) -> Self {
        let mut counted = Self::default();
        for offset in offsets {
            match offset {
                ..0 => counted.before += 1,
                0 => counted.present += 1,
                1.. => counted.next += 1,
            }
        }
        counted
    }

    fn people(self) -> usize {
        self.before + self.present + self.next
    }

    /// In which direction the server's clock seems to be off by a quarter of a minute or more.
    ///
    /// A code is typed within about ten seconds of being shown, so that with clocks that agree a third at most are of the
    /// step before, and none of the next one. A clock that is off by half a step moves either share by a half.
    #[must_use]
    pub fn drift(self) -> Option<Drift> {
        let people = self.people();
        if people < FEWEST {
            None
        } else if self.next * 4 >= people {
            Some(Drift::Behind)
        } else if self.before * 4 >= people * 3 {
            Some(Drift::Ahead)
        } else {
            None
        }
    }

    /// What is told of a drift: a title, and what to do.
    #[must_use]
    pub fn notice(self) -> Option<(&'static str, String)> {
        let (title, count, which) = match self.drift()? {
            Drift::Behind => ("The server’s clock seems to be behind.", self.next, "after"),
            Drift::Ahead => ("The server’s clock seems to be ahead.", self.before, "before"),
        };
        let people = self.people();
        let text = format!(
            "Of {people} people who gave a code in the last 24 hours, {count} gave the one of the half minute {which} the server’s. Beyond half a minute more no code is accepted, and nobody signs in. Look at the clock of the server and at what sets it; the notice goes when people’s codes fit again."
        );
        Some((title, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_when_many_peoples_codes_are() {
        let drift = |before, present, next| AcceptedCodes { before, present, next }.drift();
        assert_eq!(drift(0, 0, 4), None, "four people tell nothing");
        assert_eq!(drift(0, 4, 1), None);
        assert_eq!(drift(0, 3, 2), Some(Drift::Behind));
        assert_eq!(drift(0, 0, 5), Some(Drift::Behind));
        assert_eq!(drift(3, 7, 0), None, "slow typing");
        assert_eq!(drift(7, 3, 0), None);
        assert_eq!(drift(4, 1, 0), Some(Drift::Ahead));
        assert_eq!(drift(30, 10, 0), Some(Drift::Ahead));
    }

    /// By how much the server is ahead, and what people who type for 2 to 9 seconds then do.
    #[test]
    fn half_a_step_is_noticed_and_agreement_is_not() {
        let of = |ahead: i64| {
            let offsets = (0..600_i64).map(|person| {
                let shown = 1_000_000 + person * 7;
                let given = shown + ahead + 2 + person % 8;
                shown.div_euclid(30) - given.div_euclid(30)
            });
            AcceptedCodes::count(offsets).drift()
        };
        for agreed in -5..=5 {
            assert_eq!(of(agreed), None, "{agreed} s");
        }
        for off in 20..=30 {
            assert_eq!(of(off), Some(Drift::Ahead), "{off} s");
            assert_eq!(of(-off), Some(Drift::Behind), "-{off} s");
        }
    }

    #[test]
    fn the_notice_counts_people_and_says_what_to_do() {
        let (title, text) = AcceptedCodes { before: 0, present: 3, next: 2 }.notice().unwrap();
        assert_eq!(title, "The server’s clock seems to be behind.");
        assert!(
            text.starts_with("Of 5 people") && text.contains(", 2 gave the one of the half minute after"),
            "{text}"
        );
        assert!(AcceptedCodes::default().notice().is_none());
    }
}
