//! Time and randomness, handed in so that tests decide both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rand::TryRng as _;
use rand::rngs::SysRng;

/// Tells the time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// With the moment it was made.
    System(Instant),
    Manual(Arc<Mutex<Manual>>),
}

#[derive(Debug)]
struct Manual {
    now: Timestamp,
    passed: Duration,
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(Manual { now: start, passed: Duration::ZERO }))))
    }

    /// The present, rounded down to milliseconds, which is what the database keeps.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Source::System(_) => Timestamp::now(),
            Source::Manual(time) => held(time).now,
        };
        Timestamp::from_millisecond(now.as_millisecond()).expect("a rounded timestamp stays in range")
    }

    /// How much time has passed since the clock was made, whether somebody set it meanwhile or not. For limits, which a
    /// clock that is set back would make endless.
    #[must_use]
    pub fn passed(&self) -> Duration {
        match &self.0 {
            Source::System(made) => made.elapsed(),
            Source::Manual(time) => held(time).passed,
        }
    }

    /// Moves a manual clock, also back; the machine's clock stays as it is.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Manual(time) = &self.0 {
            let mut time = held(time);
            time.now += by;
            time.passed += Duration::try_from(by).unwrap_or_default();
        }
    }
}

fn held(time: &Mutex<Manual>) -> MutexGuard<'_, Manual> {
    time.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `N` bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done then.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A fresh secret of 256 bits, as lower-case base32 text.
#[must_use]
pub fn random_token() -> String {
    crate::ids::base32(&random_bytes::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual("2026-01-02T03:04:05Z".parse().unwrap());
        let before = clock.now();
        assert_eq!(before, clock.now());
        clock.advance(SignedDuration::from_mins(5));
        assert_eq!(clock.now().duration_since(before), SignedDuration::from_mins(5));
        clock.advance(SignedDuration::from_mins(-9));
        assert_eq!(clock.now().duration_since(before), SignedDuration::from_mins(-4));
        assert_eq!(clock.passed(), Duration::from_mins(5), "time does not run backwards when a clock is set back");
    }

    #[test]
    fn tokens_do_not_repeat() {
        assert_ne!(random_token(), random_token());
        assert_eq!(random_token().len(), 52);
    }
}
