//! How much one session, script or address may ask for, in this process. Against load, by people and by mistakes; what is
//! refused here has cost nothing. Limits against guessing are counted in the database, by sign-in.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{Method, header};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::client::ClientAddress;
use crate::auth;
use crate::clock::Clock;
use crate::config::RateConfig;
use crate::error::AppError;

/// Requests after which keys that have been quiet are forgotten.
const SWEEP: u32 = 4_096;
/// Ends of paths whose answers are whole lists.
const EXPORTS: [&str; 4] = [".csv", ".tsv", ".xlsx", ".ndjson"];

/// Work of one kind, with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A page or an answer of the API.
    Page,
    /// A form.
    Change,
    /// A list as a file.
    Export,
}

impl Class {
    /// None: answers that cost nothing, and the way out.
    fn of(method: &Method, path: &str) -> Option<Self> {
        match path.split('/').nth(1).unwrap_or_default() {
            "static" | "favicon.ico" | "healthz" | "readyz" | "logout" => None,
            _ if !method.is_safe() => Some(Self::Change),
            _ if EXPORTS.iter().any(|end| path.ends_with(end)) => Some(Self::Export),
            _ => Some(Self::Page),
        }
    }
}

/// SHA-256 of a session's id or a script's token, or an address.
type Key = [u8; 32];
type Limiter = RateLimiter<Key, DashMapStateStore<Key>, Clock, NoOpMiddleware<Duration>>;

/// Whose requests are counted together while they are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    Address(Key),
    /// Of one session or script, or of an address without either.
    Asker(Key),
}

/// The limits. Cheap to clone.
#[derive(Clone)]
pub(super) struct Rates(Arc<Inner>);

struct Inner {
    /// All of an address, so that inventing credentials gains nothing.
    addresses: Limiter,
    pages: Limiter,
    changes: Limiter,
    exports: Limiter,
    at_once: usize,
    at_once_of_address: usize,
    running: Mutex<HashMap<Whose, usize>>,
    clock: Clock,
    checks: AtomicU32,
}

impl Rates {
    /// Limits as configured.
    pub(super) fn new(config: &RateConfig, clock: &Clock) -> Self {
        let limiter = |per_minute: u32| {
            let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
            RateLimiter::new(quota, DashMapStateStore::default(), clock.clone())
        };
        Self(Arc::new(Inner {
            addresses: limiter(config.requests_per_minute_and_address),
            pages: limiter(config.pages_per_minute),
            changes: limiter(config.changes_per_minute),
            exports: limiter(config.exports_per_minute),
            at_once: config.requests_at_once,
            at_once_of_address: config.requests_at_once_and_address,
            running: Mutex::default(),
            clock: clock.clone(),
            checks: AtomicU32::new(0),
        }))
    }

    /// Lets a request in, or says how long to wait. None: there is no limit for it.
    pub(super) fn admit(&self, request: &Request) -> Result<Option<Running>, AppError> {
        let Some(class) = Class::of(request.method(), request.uri().path()) else { return Ok(None) };
        let [address, key] = keys(request);
        self.take(class, address, key).map(Some).map_err(|seconds| AppError::TooOften { seconds })
    }

    /// Takes a place, or tells how many seconds to wait.
    fn take(&self, class: Class, address: Key, key: Key) -> Result<Running, u64> {
        let inner = &*self.0;
        if inner.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            for limiter in [&inner.addresses, &inner.pages, &inner.changes, &inner.exports] {
                limiter.retain_recent();
            }
        }
        let of_class = match class {
            Class::Page => &inner.pages,
            Class::Change => &inner.changes,
            Class::Export => &inner.exports,
        };
        for (limiter, key) in [(&inner.addresses, address), (of_class, key)] {
            limiter
                .check_key(&key)
                .map_err(|until| until.wait_time_from(governor::clock::Clock::now(&inner.clock)).as_secs() + 1)?;
        }
        let mut running = inner.running.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = [Whose::Address(address), Whose::Asker(key)];
        let counts = whose.map(|whose| running.get(&whose).copied().unwrap_or_default());
        if counts[0] >= inner.at_once_of_address || counts[1] >= inner.at_once {
            return Err(1);
        }
        for (whose, count) in whose.into_iter().zip(counts) {
            running.insert(whose, count + 1);
        }
        Ok(Running { rates: self.clone(), whose })
    }
}

/// One request at work; ends with it, however that ends.
pub(super) struct Running {
    rates: Rates,
    whose: [Whose; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.rates.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        for whose in &self.whose {
            if let Some(count) = running.get_mut(whose) {
                *count -= 1;
                if *count == 0 {
                    running.remove(whose);
                }
            }
        }
    }
}

/// Where a request comes from, and whose it is as far as its credentials say: invalid ones count for themselves and are
/// refused later.
fn keys(request: &Request) -> [Key; 2] {
    let headers = request.headers();
    let of = |text: &[u8]| *blake3::hash(text).as_bytes();
    let address = of(auth::network(ClientAddress::of(request.extensions()).client).to_string().as_bytes());
    let script = headers.get(header::AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    let secret = script.or_else(|| auth::session_cookie(headers).map(str::as_bytes));
    [address, secret.map_or(address, of)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(clock: &Clock) -> Rates {
        let config = RateConfig {
            requests_per_minute_and_address: 20,
            pages_per_minute: 3,
            changes_per_minute: 2,
            exports_per_minute: 1,
            requests_at_once: 2,
            requests_at_once_and_address: 3,
        };
        Rates::new(&config, clock)
    }

    #[test]
    fn each_class_and_each_key_has_a_limit_of_its_own() {
        let clock = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
        let rates = rates(&clock);
        let taken = |class, key: u8| rates.take(class, [0; 32], [key; 32]).map(drop);
        for (class, most) in [(Class::Page, 3), (Class::Change, 2), (Class::Export, 1)] {
            assert!((0..most).all(|_| taken(class, 1).is_ok()), "{class:?}");
            let wait = taken(class, 1).unwrap_err();
            assert!((1..=61).contains(&wait), "{class:?}: {wait} s");
            assert!(taken(class, 2).is_ok(), "somebody else");
            clock.advance(jiff::SignedDuration::from_secs(i64::try_from(wait).unwrap()));
            assert!(taken(class, 1).is_ok(), "{class:?} after {wait} s");
        }
    }

    /// T20
    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out() {
        let clock = Clock::manual("2026-01-01T12:00:00Z".parse().unwrap());
        let rates = rates(&clock);
        assert!(rates.take(Class::Page, [0; 32], [1; 32]).is_ok());
        clock.advance(jiff::SignedDuration::from_hours(-1));
        assert!(rates.take(Class::Page, [0; 32], [1; 32]).is_ok());
    }

    #[test]
    fn inventing_credentials_gains_nothing() {
        let rates = rates(&Clock::manual("2026-01-01T00:00:00Z".parse().unwrap()));
        let passed = (0..=255).filter(|key| rates.take(Class::Page, [0; 32], [*key; 32]).is_ok()).count();
        assert_eq!(passed, 20);
        assert!(rates.take(Class::Page, [1; 32], [7; 32]).is_ok(), "another address");
    }

    #[test]
    fn places_are_given_back() {
        let clock = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
        let rates = rates(&clock);
        let key = [1; 32];
        let (one, two) =
            (rates.take(Class::Page, [0; 32], key).unwrap(), rates.take(Class::Change, [0; 32], key).unwrap());
        assert_eq!(rates.take(Class::Page, [0; 32], key).err(), Some(1), "two at once");
        drop(one);
        assert!(rates.take(Class::Page, [0; 32], key).is_ok());
        drop(two);
        assert!(rates.0.running.lock().unwrap().is_empty(), "only who is at work is remembered");
    }

    /// O3: places are few, and inventing sessions gives nobody all of them.
    #[test]
    fn one_address_does_not_hold_all_places() {
        let rates = rates(&Clock::manual("2026-01-01T00:00:00Z".parse().unwrap()));
        let held: Vec<_> = (1..=4).filter_map(|key| rates.take(Class::Change, [0; 32], [key; 32]).ok()).collect();
        assert_eq!(held.len(), 3);
        assert!(rates.take(Class::Change, [1; 32], [9; 32]).is_ok(), "another address");
        drop(held);
        assert!(rates.take(Class::Change, [0; 32], [5; 32]).is_ok());
    }

    #[test]
    fn the_way_out_and_what_costs_nothing_have_no_limit() {
        let class = |method: Method, path: &str| Class::of(&method, path);
        for path in ["/static/a.css", "/healthz", "/readyz", "/favicon.ico"] {
            assert_eq!(class(Method::GET, path), None, "{path}");
        }
        assert_eq!(class(Method::POST, "/logout"), None);
        assert_eq!(class(Method::GET, "/own/fam/variants.csv"), Some(Class::Export));
        assert_eq!(class(Method::GET, "/own/fam/variants"), Some(Class::Page));
        assert_eq!(class(Method::POST, "/own/settings"), Some(Class::Change));
    }
}
