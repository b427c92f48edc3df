//! What is let in: the server turns away what is too much for it, or for whoever asks, before any of it starts.

use std::sync::Arc;

use axum::extract::Request;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rates::{Rates, Running};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::AppError;

/// Places for requests at work.
///
/// Reads have few, as many as keep the processors busy: more would only wait for each other, and all of them for longer (O1).
/// Changes are not held back by reads: nobody's decision waits because others look around.
pub struct Door {
    rates: Rates,
    all: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

/// Leave for one request to be worked on; ends with it, however that ends.
#[must_use]
pub struct Admitted {
    _running: Option<Running>,
    _place: OwnedSemaphorePermit,
    _read: Option<OwnedSemaphorePermit>,
}

impl Door {
    /// A door as wide as configured.
    #[must_use]
    pub fn new(config: &Config, clock: &Clock) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let reads = config.server.concurrent_reads_per_core.saturating_mul(cores).min(Semaphore::MAX_PERMITS);
        Self {
            rates: Rates::new(&config.rates, clock),
            all: Arc::new(Semaphore::new(config.server.max_concurrent_requests)),
            reads: Arc::new(Semaphore::new(reads)),
        }
    }

    /// Lets a request in, or says why not.
    ///
    /// # Errors
    /// [`AppError::TooOften`] when it is too much for whoever asks, [`AppError::Overloaded`] when it is for the server.
    pub fn admit(&self, request: &Request) -> Result<Admitted, AppError> {
        let running = self.rates.admit(request)?;
        let place = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().map_err(|_| AppError::Overloaded);
        Ok(Admitted {
            _running: running,
            _place: place(&self.all)?,
            _read: if request.method().is_safe() { Some(place(&self.reads)?) } else { None },
        })
    }

    /// How many requests, and how many reads among them, would be let in now.
    #[must_use]
    pub fn free(&self) -> (usize, usize) {
        (self.all.available_permits(), self.reads.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Method;

    use super::*;

    fn asks(method: Method) -> Request {
        Request::builder().method(method).uri("/own").body(Body::empty()).unwrap()
    }

    /// O1
    #[test]
    fn reads_do_not_take_the_places_of_changes() {
        let mut config = Config::load(None).unwrap();
        config.server.max_concurrent_requests = 100;
        config.server.concurrent_reads_per_core = 1;
        let door = Door::new(&config, &Clock::manual("2026-01-01T00:00:00Z".parse().unwrap()));
        let (all, reads) = door.free();
        assert!(reads < config.rates.requests_at_once, "so that the door itself is met");
        let held: Vec<_> = (0..reads).map(|_| door.admit(&asks(Method::GET)).unwrap()).collect();
        assert!(matches!(door.admit(&asks(Method::GET)), Err(AppError::Overloaded)));
        let change = door.admit(&asks(Method::POST)).unwrap();
        assert_eq!(door.free(), (all - reads - 1, 0), "what was refused holds nothing");
        drop((held, change));
        assert_eq!(door.free(), (all, reads));
    }
}
