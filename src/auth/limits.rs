//! How often sign-in is tried from an address and for an account, in this process: what is refused here costs nothing.
//!
//! These limits are against load. Those against guessing are in the database: see [`super::attempts`].

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::device::Device;
use crate::clock::Clock;
use crate::config::SignInConfig;
use crate::error::AppError;

/// Checks after which keys that have been quiet are forgotten.
const SWEEP: u32 = 1_024;

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.passed()
    }
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, Clock, NoOpMiddleware<Duration>>;

/// The limits of sign-in. Cheap to clone.
#[derive(Clone)]
pub struct SignInLimits(Arc<Inner>);

struct Inner {
    by_address: Limiter<IpAddr>,
    by_account: Limiter<[u8; 32]>,
    clock: Clock,
    checks: AtomicU32,
}

impl SignInLimits {
    /// Limits per minute as configured.
    #[must_use]
    pub fn new(config: &SignInConfig, clock: &Clock) -> Self {
        let quota = |per_minute: u32| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self(Arc::new(Inner {
            by_address: RateLimiter::new(quota(config.per_address), DashMapStateStore::default(), clock.clone()),
            by_account: RateLimiter::new(quota(config.per_account), DashMapStateStore::default(), clock.clone()),
            clock: clock.clone(),
            checks: AtomicU32::new(0),
        }))
    }

    /// Takes one try of this address and this account, or refuses with the time to wait. `account` is whatever was typed:
    /// it counts whether there is such an account or not.
    pub fn check(&self, device: &Device, account: &str) -> Result<(), AppError> {
        let inner = &*self.0;
        if inner.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            inner.by_address.retain_recent();
            inner.by_account.retain_recent();
        }
        let wait = |until: governor::NotUntil<Duration>| {
            let rest = until.wait_time_from(governor::clock::Clock::now(&inner.clock));
            AppError::TooOften { seconds: rest.as_secs() + 1 }
        };
        inner.by_address.check_key(&network(device.address)).map_err(wait)?;
        inner.by_account.check_key(blake3::hash(account.trim().to_lowercase().as_bytes()).as_bytes()).map_err(wait)
    }
}

/// An IPv4 address, or the /64 network that one IPv6 customer has to itself.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => std::net::Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn from(address: &str) -> Device {
        Device { name: String::new(), address: address.parse().unwrap() }
    }

    /// T10: many accounts from one address, and one account from many addresses.
    #[test]
    fn t10_both_limits_bite_and_end() {
        let clock = Clock::manual("2026-01-02T03:04:05Z".parse().unwrap());
        let config = SignInConfig { local_accounts: true, per_address: 3, per_account: 2, providers: Vec::new() };
        let limits = SignInLimits::new(&config, &clock);
        for account in ["a", "b", "c"] {
            assert!(limits.check(&from("192.0.2.1"), account).is_ok());
        }
        assert!(matches!(limits.check(&from("192.0.2.1"), "d"), Err(AppError::TooOften { seconds: 1..=21 })));
        assert!(limits.check(&from("::ffff:192.0.2.1"), "d").is_err(), "the same address in another spelling");
        assert!(limits.check(&from("192.0.2.2"), "A ").is_ok(), "the same account in another spelling");
        assert!(limits.check(&from("192.0.2.3"), "a").is_err());
        for (host, fits) in [("1", true), ("2", true), ("3", true), ("4", false)] {
            assert_eq!(limits.check(&from(&format!("2001:db8::{host}")), host).is_ok(), fits, "one network");
        }
        clock.advance(SignedDuration::from_mins(1));
        assert!(limits.check(&from("192.0.2.1"), "a").is_ok());
    }
}
