//! More than the server can do: what it still does, how soon the rest is refused, and what dawdling clients cost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lodestone::auth::TokenScope;
use lodestone::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::MissedTickBehavior;

use crate::served::Served;
use crate::support::TestApp;
use crate::{Line, quantile, step, write_case};

/// How long each measurement lasts.
const LASTS: Duration = Duration::from_secs(10);
/// Clients that ask one thing after the other: enough to find out what the server can do at most.
const CLIENTS: usize = 32;
/// How much more than that is asked for.
const TIMES: u32 = 10;
/// Clients that dawdle over what they send, headers and forms in turns.
const SENDERS: usize = 400;
/// Clients that ask for thousands of pages and take a byte now and then.
const TAKERS: usize = 20;
/// Until what those asked for has filled all buffers, and waits for them.
const FILLED: Duration = Duration::from_secs(8);

/// O1 and O3 on a process of its own.
pub async fn run(lines: &mut Vec<Line>) {
    step("overload");
    let app = TestApp::start_heard(false, "", false).await;
    app.institute("own").await;
    let case = write_case(&app, "big", 1_000);
    assert!(app.cli(&["load", "case", case.to_str().expect("a plain path")]).await);
    let user = app.user(&["own:clinician"]).await;
    let own = "own".parse().expect("an institute's id");
    let token = app.app.tokens.create(&user.id, &own, TokenScope::Read, 1, Clock::system().now()).await;
    let token = token.expect("a token is made");
    let server = Served::start(&app, &[]);
    let asked = Asked { url: format!("{}/api/v1/own/big/variants?per_page=50", server.origin), token };
    let (_, _) = capacity(&asked, LASTS / 4).await;
    let (mut at_peak, peak) = capacity(&asked, LASTS).await;
    let p99_at_peak = quantile(&mut at_peak, 0.99);
    let answers = flood(&asked, peak * f64::from(TIMES)).await;
    let (mut admitted, mut refused, mut lost, mut bare) = (Vec::new(), Vec::new(), 0, 0);
    for answer in answers {
        match answer {
            Answer::Done(time) => admitted.push(time),
            Answer::Busy { time, says_when } => {
                refused.push(time);
                bare += usize::from(!says_when);
            }
            Answer::Lost => lost += 1,
        }
    }
    let goodput = rate(admitted.len(), LASTS);
    let p99 = if admitted.is_empty() { Duration::MAX } else { quantile(&mut admitted, 0.99) };
    let refused_p95 = if refused.is_empty() { Duration::ZERO } else { quantile(&mut refused, 0.95) };
    lines.push(Line {
        what: "ten times what it can do, at a constant rate (O1): work done",
        budget: ">= 80 % of its peak".into(),
        measured: format!(
            "{goodput:.0}/s of {peak:.0}/s; {} admitted, {} refused, {lost} without an answer, of {:.0}/s offered",
            admitted.len(),
            refused.len(),
            peak * f64::from(TIMES),
        ),
        kept: Some(goodput >= 0.8 * peak),
    });
    lines.push(Line {
        what: "the same: refusals",
        budget: "503 with Retry-After, p95 <= 50 ms".into(),
        measured: format!("p95 {refused_p95:.1?}, {bare} without Retry-After"),
        kept: Some(refused_p95 <= Duration::from_millis(50) && bare == 0),
    });
    lines.push(Line {
        what: "the same: what is admitted",
        budget: "p99 <= 2 x that at its peak".into(),
        measured: format!("p99 {p99:.1?} against {p99_at_peak:.1?} with {CLIENTS} clients"),
        kept: Some(p99 <= p99_at_peak * 2),
    });
    slow_clients(&server, &asked, lines).await;
    drop(server);
    app.end().await;
}

struct Asked {
    url: String,
    token: String,
}

enum Answer {
    Done(Duration),
    Busy { time: Duration, says_when: bool },
    Lost,
}

impl Asked {
    async fn ask(&self, client: &reqwest::Client) -> Answer {
        let began = Instant::now();
        let Ok(answer) = client.get(&self.url).bearer_auth(&self.token).send().await else { return Answer::Lost };
        let (status, says_when) = (answer.status(), answer.headers().contains_key("retry-after"));
        match answer.bytes().await {
            Ok(_) if status.is_success() => Answer::Done(began.elapsed()),
            Ok(_) if status == 503 => Answer::Busy { time: began.elapsed(), says_when },
            _ => Answer::Lost,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousand answers")]
fn rate(answers: usize, time: Duration) -> f64 {
    answers as f64 / time.as_secs_f64()
}

/// The most that is answered in a second, and how long each answer takes then.
async fn capacity(asked: &Asked, time: Duration) -> (Vec<Duration>, f64) {
    let client = reqwest::Client::new();
    let until = Instant::now() + time;
    let clients = (0..CLIENTS).map(|_| async {
        let mut times = Vec::new();
        while Instant::now() < until {
            if let Answer::Done(time) = asked.ask(&client).await {
                times.push(time);
            }
        }
        times
    });
    let times: Vec<Duration> = futures::future::join_all(clients).await.concat();
    let rate = rate(times.len(), time);
    (times, rate)
}

/// Asks at a constant rate, whether there are answers or not.
async fn flood(asked: &Asked, per_second: f64) -> Vec<Answer> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
    let (client, asked) = (Arc::new(client), Arc::new(Asked { url: asked.url.clone(), token: asked.token.clone() }));
    let answers = Arc::new(Mutex::new(Vec::new()));
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut all, mut sent) = (Vec::new(), 0.0);
    while began.elapsed() < LASTS {
        ticks.tick().await;
        let due = began.elapsed().as_secs_f64() * per_second;
        while sent < due {
            sent += 1.0;
            let (client, asked, answers) = (Arc::clone(&client), Arc::clone(&asked), Arc::clone(&answers));
            all.push(tokio::spawn(async move {
                let answer = asked.ask(&client).await;
                answers.lock().expect("nothing panics with it").push(answer);
            }));
        }
    }
    futures::future::join_all(all).await;
    let mut answers = answers.lock().expect("nothing panics with it");
    std::mem::take(&mut *answers)
}

/// O3: clients that send headers, forms, or take answers byte by byte, while somebody reads.
async fn slow_clients(server: &Served, asked: &Asked, lines: &mut Vec<Line>) {
    step("clients that dawdle");
    let client = reqwest::Client::new();
    let read = async |time: Duration| {
        let (mut times, until) = (Vec::new(), Instant::now() + time);
        while Instant::now() < until {
            match asked.ask(&client).await {
                Answer::Done(time) => times.push(time),
                Answer::Busy { .. } | Answer::Lost => times.push(Duration::from_secs(60)), // as bad as it gets
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        times
    };
    let mut before = read(LASTS / 2).await;
    let (memory_before, files_before) = (server.resident_mb(), server.open_files());
    let held = Arc::new(AtomicUsize::new(0));
    let address = server.origin.strip_prefix("http://").expect("an address").to_owned();
    let form = format!(
        "POST /login HTTP/1.1\r\nhost: here\r\norigin: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 500\r\n\r\nemail=",
        server.origin
    );
    let answers = "GET /login HTTP/1.1\r\nhost: here\r\n\r\n".repeat(2_000);
    for number in 0..TAKERS + SENDERS {
        let (address, held) = (address.clone(), Arc::clone(&held));
        let takes = number < TAKERS;
        if number == TAKERS {
            tokio::time::sleep(FILLED).await;
        }
        let begin = match number % 2 {
            _ if takes => answers.clone(),
            0 => "GET /login HTTP/1.1\r\nhost: here\r\nx-slow: ".to_owned(),
            _ => form.clone(),
        };
        tokio::spawn(async move {
            held.fetch_add(1, Ordering::Relaxed);
            let _ = dawdle(&address, &begin, takes).await; // it is meant to be cut off
            held.fetch_sub(1, Ordering::Relaxed);
        });
    }
    let (memory, files) = (server.resident_mb(), server.open_files());
    let mut during = read(LASTS).await;
    let until = Instant::now() + Duration::from_secs(90);
    let began = Instant::now();
    while held.load(Ordering::Relaxed) > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = held.load(Ordering::Relaxed);
    let (p95_before, p95) = (quantile(&mut before, 0.95), quantile(&mut during, 0.95));
    lines.push(Line {
        what: "a list beside 420 clients that dawdle, byte by byte (O3)",
        budget: "p95 <= 2 x its own before; all are cut off".into(),
        measured: format!(
            "p95 {p95:.1?} against {p95_before:.1?}; {memory:.0} MB against {memory_before:.0} MB, {files} files against {files_before}; {left} left after {:.0?}",
            FILLED + LASTS + began.elapsed(),
        ),
        kept: Some(p95 <= p95_before * 2 && left == 0),
    });
}

/// Sends, or takes, a byte a second until the other side has had enough.
async fn dawdle(address: &str, begin: &str, takes: bool) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4_096)?;
    let stream = socket.connect(address.parse().map_err(std::io::Error::other)?).await?;
    let (mut from, mut to) = stream.into_split();
    let pause = || tokio::time::sleep(Duration::from_secs(1));
    let sends = async {
        to.write_all(begin.as_bytes()).await?;
        loop {
            pause().await;
            // Between requests an end of line says nothing; one who takes asks with it whether the connection is there.
            match to.try_write(if takes { b"\n" } else { b"a" }) {
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    };
    let taken = async {
        let mut part = vec![0; if takes { 1 } else { 4_096 }];
        while from.read(&mut part).await? > 0 {
            if takes {
                pause().await;
            }
        }
        Ok(())
    };
    tokio::select! { ended = sends => ended, ended = taken => ended }
}
