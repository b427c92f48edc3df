//! Sign-in under attack: what it tells by its time, and what it takes from everybody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lodestone::clock::Clock;
use tokio::time::MissedTickBehavior;

use crate::served::Served;
use crate::support::TestApp;
use crate::support::visitor::{NO_LOAD_LIMITS, masked};
use crate::{Line, quantile, step, write_case};

/// Tries of each kind.
const TRIES: usize = 500;
/// Tries that an account takes before it is paused.
const BEFORE_PAUSE: usize = 5;

/// A18: a thousand wrong passphrases, for accounts that exist and for none in turns.
pub async fn known_and_unknown(lines: &mut Vec<Line>) {
    step("sign-in of the known and the unknown");
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let mut known = Vec::new();
    for _ in 0..TRIES / BEFORE_PAUSE {
        known.push(app.account(&["own:clinician"]).await.user.email.as_str().to_owned());
    }
    let visitor = app.visitor();
    let (mut times, mut bodies) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    visitor.clone().give_passphrase("nobody@lab.example", "warms up the hash of nobody").await;
    for round in 0..TRIES {
        let email = &known[round % known.len()];
        let unknown = email.replacen("user", "west", 1);
        // Which one comes first changes, so that neither always follows the other.
        let pair = [(0, email.clone()), (1, unknown)];
        let order: Vec<_> = if round % 2 == 0 { pair.to_vec() } else { pair.into_iter().rev().collect() };
        for (kind, email) in order {
            let began = Instant::now();
            let answer = visitor.clone().give_passphrase(&email, "not the passphrase").await;
            let status = answer.status();
            let text = masked(answer).await;
            times[kind].push(began.elapsed().as_secs_f64() * 1_000.0);
            bodies[kind].push((status, text.replace(&email, "EMAIL")));
        }
    }
    let equal = bodies[0] == bodies[1] && bodies[0].iter().all(|body| *body == bodies[0][0]);
    let (t, p) = welch(&times[0], &times[1]);
    let mean = |all: &[f64]| moments(all).0;
    lines.push(Line {
        what: "1 000 wrong passphrases, half for accounts, half for none (A18)",
        budget: "equal bytes; Welch's t with p > 0.01".into(),
        measured: format!(
            "bytes {}; {:.3} ms against {:.3} ms on average, t = {t:.2}, p = {p:.3}",
            if equal { "equal" } else { "DIFFER" },
            mean(&times[0]),
            mean(&times[1]),
        ),
        kept: Some(equal && p > 0.01),
    });
    app.end().await;
}

/// Mean, variance of the sample, and size.
#[expect(clippy::cast_precision_loss, reason = "a few thousand times")]
fn moments(all: &[f64]) -> (f64, f64, f64) {
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    (mean, all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0), n)
}

/// Welch's t and its two-sided p. With hundreds of each the distribution is the normal one.
fn welch(one: &[f64], other: &[f64]) -> (f64, f64) {
    let ((mean, var, n), (other_mean, other_var, other_n)) = (moments(one), moments(other));
    let t = (mean - other_mean) / (var / n + other_var / other_n).sqrt();
    // Abramowitz and Stegun 7.1.26: erfc to 1.5e-7.
    let x = t.abs() / std::f64::consts::SQRT_2;
    let k = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    (t, poly.iter().fold(0.0, |sum, a| (sum + a) * k) * (-x * x).exp())
}

/// Tries a second.
const RATE: u32 = 200;
/// How long a storm lasts.
const LASTS: Duration = Duration::from_secs(20);

/// O4: storms of sign-ins while somebody reads a list.
pub async fn storm(lines: &mut Vec<Line>) {
    step("storms of sign-ins");
    let app = TestApp::start_heard(false, "", false).await;
    app.institute("own").await;
    let big = write_case(&app, "big", 10_000);
    assert!(app.cli(&["load", "case", big.to_str().expect("a plain path")]).await);
    let mut known = Vec::new();
    for _ in 0..200 {
        known.push(app.account(&["own:clinician"]).await.user.email.as_str().to_owned());
    }
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, Clock::system().now()).await.expect("a session starts");
    let server = Served::start(&app, &[("LODESTONE_SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]")]);
    let reader = Reader { client: reqwest::Client::new(), url: format!("{}/own/big/variants", server.origin), session };
    reader.read_for(Duration::from_secs(3)).await;
    let everywhere = |number: u32| format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
    for (what, address) in [
        ("list page in a storm of 200 sign-ins/s from everywhere (O4)", &everywhere as &(dyn Fn(u32) -> String + Sync)),
        ("list page in a storm of 200 sign-ins/s from one address (O4)", &|_| "192.0.2.1".to_owned()),
    ] {
        let before = reader.read_for(LASTS / 2).await;
        let (answers, during) = tokio::join!(attempts(&server.origin, &known, address), reader.read_for(LASTS));
        let (mut before, mut during) = (before, during);
        let (p95_before, p95) = (quantile(&mut before, 0.95), quantile(&mut during, 0.95));
        // A wrong passphrase is said after its hash only; all else is refused before.
        let hashes = answers.get("403").copied().unwrap_or_default();
        lines.push(Line {
            what,
            budget: "p95 <= 2 x its own before".into(),
            measured: format!(
                "p95 {p95:.1?} against {p95_before:.1?}, p50 {:.1?} against {:.1?}; {} pages; tries {answers:?}, {hashes} hashes ({:.1}/s)",
                quantile(&mut during, 0.5),
                quantile(&mut before, 0.5),
                during.len(),
                f64::from(hashes) / LASTS.as_secs_f64(),
            ),
            kept: Some(p95 <= p95_before * 2),
        });
    }
    drop(server);
    app.end().await;
}

/// Somebody who reads one page after the other.
struct Reader {
    client: reqwest::Client,
    url: String,
    session: String,
}

impl Reader {
    async fn read_for(&self, time: Duration) -> Vec<Duration> {
        let (mut times, until) = (Vec::new(), Instant::now() + time);
        while Instant::now() < until {
            let began = Instant::now();
            let page = self.client.get(&self.url).header("cookie", format!("__Host-sid={}", self.session));
            let page = page.send().await.expect("it answers");
            assert!(page.status().is_success(), "{}", page.status());
            page.bytes().await.expect("it answers to its end");
            times.push(began.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        times
    }
}

/// Tries at a constant rate, whether they are answered or not; how many were answered with what.
async fn attempts(origin: &str, known: &[String], address: &(dyn Fn(u32) -> String + Sync)) -> BTreeMap<String, u32> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
    let answers = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut all = Vec::new();
    for number in 0..RATE * u32::try_from(LASTS.as_secs()).expect("some seconds") {
        ticks.tick().await;
        // One in ten for an account, so that limits per account do not answer for the rest.
        let email = match usize::try_from(number).expect("small") {
            number if number % 10 == 0 => known[number / 10 % known.len()].clone(),
            number => format!("nobody{number}@lab.example"),
        };
        let form = [("email", email), ("passphrase", "not the passphrase".to_owned())];
        let request = client.post(format!("{origin}/login")).header("origin", origin).form(&form);
        let (request, answers) = (request.header("x-forwarded-for", address(number)), Arc::clone(&answers));
        all.push(tokio::spawn(async move {
            let answer = match request.send().await {
                Ok(answer) => answer.status().as_u16().to_string(),
                Err(_) => "none".to_owned(),
            };
            *answers.lock().expect("nothing panics with it").entry(answer).or_default() += 1;
        }));
    }
    futures::future::join_all(all).await;
    let answers = answers.lock().expect("nothing panics with it");
    answers.clone()
}
