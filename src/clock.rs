//! Time and randomness, handed in so that tests decide both.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use rand::TryRng as _;
use rand::rngs::SysRng;

/// Tells the time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// The present, rounded down to milliseconds, which is what the database keeps.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Source::System => Timestamp::now(),
            Source::Manual(time) => {
                *time.lock().expect("a clock's lock is never poisoned: nothing panics while it is held")
            }
        };
        Timestamp::from_millisecond(now.as_millisecond()).expect("a rounded timestamp stays in range")
    }

    /// Moves a manual clock; the machine's clock stays as it is.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Manual(time) = &self.0 {
            let mut time = time.lock().expect("a clock's lock is never poisoned: nothing panics while it is held");
            *time += by;
        }
    }
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
    }

    #[test]
    fn tokens_do_not_repeat() {
        assert_ne!(random_token(), random_token());
        assert_eq!(random_token().len(), 52);
    }
}
