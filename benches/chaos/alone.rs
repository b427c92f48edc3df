//! R3: the demo is installed, served and walked through by every role in a network that has nothing but itself. Everything
//! works, and nothing is sent anywhere else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode, redirect};
use scraper::{Html, Selector};

use crate::world::{signal, started};

/// Set for this program when it runs inside.
const INSIDE: &str = "CHAOS_ALONE";

/// Everybody that the demo has.
const ROLES: [&str; 8] =
    ["clinician", "geneticist", "hanna", "researcher", "admin", "auditor", "system", "clinician.demo2"];

/// Pages of one kind that are opened, whatever their parameters; the rest are more of the same.
const ALIKE: usize = 4;

/// Runs this scene again in a network of its own.
pub async fn run() -> Vec<String> {
    if std::env::var_os(INSIDE).is_some() {
        return match walk().await {
            Ok(()) => Vec::new(),
            Err(why) => vec![why],
        };
    }
    let this = std::env::current_exe().expect("the program has a path");
    let script = format!("ip link set lo up && exec '{}'", this.display());
    let inside = Command::new("unshare")
        .args(["--net", "sh", "-c", &script])
        .env(INSIDE, "1")
        .env("CHAOS_SCENES", "alone")
        .status();
    match inside {
        Ok(status) if status.success() => Vec::new(),
        Ok(status) if may_not() => {
            println!("skipped ({status}): this account may make no network of its own, or `ip` is missing");
            Vec::new()
        }
        Ok(status) => vec![format!("the walk without a network ended with {status}")],
        Err(error) => vec![format!("unshare: {error}")],
    }
}

fn may_not() -> bool {
    let tried = Command::new("unshare").args(["--net", "ip", "link", "set", "lo", "up"]).status();
    !tried.is_ok_and(|status| status.success())
}

/// How often something could not be sent, as no way leads there.
fn attempts() -> u64 {
    let text = std::fs::read_to_string("/proc/net/snmp").expect("the kernel counts");
    let mut lines = text.lines().filter(|line| line.starts_with("Ip:"));
    let (titles, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let at = titles.split(' ').position(|title| title == "OutNoRoutes").expect("the kernel counts these");
    values.split(' ').nth(at).and_then(|value| value.parse().ok()).expect("a number")
}

async fn walk() -> Result<(), String> {
    // A check that cannot fail is none: an attempt is counted.
    let before = attempts();
    let tried = std::net::TcpStream::connect_timeout(&([192, 0, 2, 1], 443).into(), Duration::from_secs(1));
    if tried.is_ok() || attempts() == before {
        return Err("an attempt to leave this network is not noticed".to_owned());
    }
    let before = attempts();
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--data-dir").arg(folder.path()).args(arguments).env("LODESTONE_LOG__FORMAT", "json");
        // One visitor opens more pages in a minute than anybody does.
        for limit in ["REQUESTS_PER_MINUTE_AND_ADDRESS", "PAGES_PER_MINUTE", "EXPORTS_PER_MINUTE"] {
            command.env(format!("LODESTONE_RATES__{limit}"), "100000000");
        }
        command
    };
    let (mut server, address) = started(&mut program(&["demo", "--listen", "127.0.0.1:0"]));
    let mut answers = BTreeMap::<StatusCode, usize>::new();
    for role in ROLES {
        let said = program(&["demo-link", role]).output().map_err(|error| error.to_string())?;
        let link = String::from_utf8_lossy(&said.stdout);
        let link =
            link.trim().split_once("/auth/").ok_or_else(|| format!("no link for {role}: {said:?}"))?.1.to_owned();
        let visitor = Visitor::enter(&address, &format!("/auth/{link}")).await?;
        let began = Instant::now();
        let seen = visitor.walk().await?;
        let pages: usize = seen.values().sum();
        println!("{role}: {pages} addresses in {:.0?}: {seen:?}", began.elapsed());
        if pages < 8 {
            return Err(format!("{role} finds {pages} addresses only"));
        }
        for (status, count) in seen {
            *answers.entry(status).or_default() += count;
        }
    }
    signal(&server, "TERM");
    let ended = tokio::task::block_in_place(|| server.wait()).map_err(|error| error.to_string())?;
    let left = attempts() - before;
    println!("{left} attempts to reach another network; answers {answers:?}");
    if let Some(status) = answers.keys().find(|status| status.is_server_error()) {
        return Err(format!("a page answers {status}"));
    }
    if left > 0 || !ended.success() {
        return Err(format!("{left} attempts to reach another network; the server ended with {ended}"));
    }
    Ok(())
}

/// Somebody of the demo with a browser that follows every link.
struct Visitor {
    client: Client,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    async fn enter(address: &str, link: &str) -> Result<Self, String> {
        let client = Client::builder().redirect(redirect::Policy::none()).build().map_err(|error| error.to_string())?;
        let mut visitor = Self { client, origin: format!("http://{address}"), cookies: BTreeMap::new() };
        let asked = visitor.client.get(format!("{}{link}", visitor.origin)).send().await;
        let asked = asked.map_err(|error| error.to_string())?;
        visitor.keep(&asked);
        let page = asked.text().await.map_err(|error| error.to_string())?;
        let html = Html::parse_document(&page);
        let fields = Selector::parse("form input[type=hidden]").expect("a selector");
        let form: Vec<(String, String)> = html
            .select(&fields)
            .filter_map(|field| Some((field.attr("name")?.to_owned(), field.attr("value")?.to_owned())))
            .collect();
        let form = serde_urlencoded::to_string(form).map_err(|error| error.to_string())?;
        let path = link.split('?').next().unwrap_or_default();
        let request = visitor.client.post(format!("{}{path}", visitor.origin)).header("origin", &visitor.origin);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let entered = request.header("cookie", visitor.cookie()).send().await.map_err(|error| error.to_string())?;
        visitor.keep(&entered);
        if entered.status() != StatusCode::SEE_OTHER {
            return Err(format!("{link} lets nobody in: {}", entered.status()));
        }
        Ok(visitor)
    }

    /// Cookies are for https only; a browser sends them to this machine all the same.
    fn keep(&mut self, answer: &Response) {
        for cookie in answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            if let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn cookie(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, String), String> {
        let ask = || self.client.get(format!("{}{path}", self.origin)).header("cookie", self.cookie()).send();
        let mut answer = ask().await.map_err(|error| error.to_string())?;
        while answer.status() == StatusCode::TOO_MANY_REQUESTS {
            tokio::time::sleep(Duration::from_secs(1)).await;
            answer = ask().await.map_err(|error| error.to_string())?;
        }
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| format!("{path}: {error}"))?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Every address that pages lead to, each kind some times; how many answered with which status.
    async fn walk(&self) -> Result<BTreeMap<StatusCode, usize>, String> {
        let everything =
            Selector::parse("a[href], link[href], script[src], img[src], form[action]").expect("a selector");
        let (mut waiting, mut known) = (VecDeque::from(["/".to_owned()]), BTreeSet::new());
        let mut alike = BTreeMap::<String, usize>::new();
        let mut answers = BTreeMap::new();
        while let Some(path) = waiting.pop_front() {
            let (status, page) = self.get(&path).await?;
            *answers.entry(status).or_default() += 1;
            if status.is_server_error() {
                return Err(format!("{path} answers {status}"));
            }
            for element in Html::parse_document(&page).select(&everything) {
                let is_post = element.attr("method") == Some("post");
                let to = ["href", "src", "action"].into_iter().find_map(|name| element.attr(name));
                let Some(to) = to.filter(|to| to.starts_with('/') && !to.starts_with("//") && !is_post) else {
                    continue;
                };
                let to = to.split('#').next().unwrap_or_default().to_owned();
                let count = alike.entry(kind(&to)).or_default();
                if *count < ALIKE && known.insert(to.clone()) {
                    *count += 1;
                    waiting.push_back(to);
                }
            }
        }
        Ok(answers)
    }
}

/// An address without what tells one of a kind from another: identities, names of cases, and all of its parameters but how
/// many there are.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let part = |part: &str| if part.contains(|letter: char| letter.is_ascii_digit()) { "…" } else { part }.to_owned();
    let parts: Vec<String> = path.split('/').map(part).collect();
    format!("{}?{}", parts.join("/"), query.split('&').filter(|pair| !pair.is_empty()).count().min(3))
}
