//! Where passphrases are hashed: one at a time, with a short queue before it, so that a storm of sign-ins takes one core
//! and not the server.

use std::sync::{Arc, LazyLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::password::{NOBODYS, Passphrase};
use crate::error::AppError;

/// Hashes that may wait: some three seconds of work.
const QUEUE: usize = 32;

/// The pool of one.
#[derive(Clone)]
pub struct Hasher {
    place: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// A place in the queue: whoever has one is served.
pub struct Turn {
    place: Arc<Semaphore>,
    waiting: OwnedSemaphorePermit,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::with_queue(QUEUE)
    }
}

impl Hasher {
    fn with_queue(queue: usize) -> Self {
        Self { place: Arc::new(Semaphore::new(1)), queue: Arc::new(Semaphore::new(queue + 1)) }
    }

    /// Takes a place in the queue; refuses at once with [`AppError::Overloaded`] when too many wait already.
    pub fn enter(&self) -> Result<Turn, AppError> {
        let waiting = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| AppError::Overloaded)?;
        Ok(Turn { place: Arc::clone(&self.place), waiting })
    }

    /// The hash to keep of a passphrase.
    pub async fn hash(&self, passphrase: Passphrase) -> Result<String, AppError> {
        Ok(self.enter()?.run(move || passphrase.hash()).await??)
    }
}

impl Turn {
    /// Does the work when all who came before are done.
    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
        let waiting = self.waiting;
        let place = self.place.acquire_owned().await.map_err(|_| AppError::Overloaded)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held here, so that a person who leaves does not free a place that is still taken.
            let _held = (waiting, place);
            work()
        });
        done.await.map_err(|error| AppError::from(anyhow::anyhow!("a hash was not finished: {error}")))
    }

    /// Whether `hash` is of the passphrase. Without a hash the same work is done and the answer is no.
    pub async fn verify(self, passphrase: Passphrase, hash: Option<String>) -> Result<bool, AppError> {
        self.run(move || {
            let nobodys = LazyLock::force(&NOBODYS); // made at the first use, whoever that is
            passphrase.is_of(hash.as_ref().unwrap_or(nobodys)) && hash.is_some()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_works_some_wait_the_rest_is_refused_before_any_work() {
        let hasher = Hasher::with_queue(2);
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.enter()?.run(move || hold.recv().is_ok()).await }
        });
        while hasher.place.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.enter()?.run(|| true).await })
            })
            .collect();
        while hasher.queue.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(hasher.enter(), Err(AppError::Overloaded)));
        release.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        for one in waiting {
            assert!(one.await.unwrap().unwrap());
        }
    }

    #[tokio::test]
    async fn nobodys_passphrase_is_wrong() {
        let hasher = Hasher::default();
        let given = Passphrase::new("correct horse battery staple");
        let hash = hasher.hash(given.clone()).await.unwrap();
        assert!(hasher.enter().unwrap().verify(given.clone(), Some(hash)).await.unwrap());
        assert!(!hasher.enter().unwrap().verify(given, None).await.unwrap());
    }
}
