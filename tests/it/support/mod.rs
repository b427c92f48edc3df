//! A real server with a database of its own, people to sign in, and cases to load.

pub mod authenticator;
pub mod ledger;
pub mod provider;
pub mod proxy;
pub mod smtp;
pub mod vcf;
pub mod visitor;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use jiff::SignedDuration;
use lodestone::app::{self, AppState};
use lodestone::audit::{AuditKeys, AuditWriter};
use lodestone::auth::{Keyring, StepUpClass};
use lodestone::cli::{self, Cli};
use lodestone::clock::Clock;
use lodestone::config::Config;
use lodestone::db::{Db, migrations};
use lodestone::ids::UserId;
use lodestone::users::{Membership, RoleGrant, User};
use mongodb::event::command::CommandEvent;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// Commands the driver sent, by name and collection.
type Commands = Arc<Mutex<Vec<(String, String)>>>;
/// Commands and answers as a whole, while somebody listens.
type Wire = Arc<Mutex<Option<Vec<CommandEvent>>>>;

/// A running server.
pub struct TestApp {
    /// Its state, for looking at stores.
    pub app: AppState,
    /// `http://127.0.0.1:…`, or what the configuration says.
    pub origin: String,
    /// Its clock.
    pub clock: Clock,
    config: PathBuf,
    folder: tempfile::TempDir,
    commands: Commands,
    wire: Wire,
    behind: tokio::sync::OnceCell<mongodb::Client>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

/// Address of the tests' database server.
pub fn server_uri() -> String {
    std::env::var("LODESTONE_TEST_DATABASE")
        .expect("these tests need a database: run `make test`, or `tests/with-database cargo test`")
}

/// Limits that no test of something else meets.
pub const NO_RATES: &str = "[rates]\nrequests_per_minute_and_address = 100000000\npages_per_minute = 100000000\n\
    changes_per_minute = 100000000\nexports_per_minute = 100000000\nrequests_at_once = 10000\nrequests_at_once_and_address = 10000";

/// The header that carries the session's token, where there is no form.
pub const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl TestApp {
    /// A server on an empty, migrated database.
    pub async fn start() -> Self {
        Self::start_as(false, "").await
    }

    /// A server on a database marked as a demo.
    pub async fn start_demo() -> Self {
        Self::start_as(true, "").await
    }

    /// A server on a database that holds nothing, not even its own marks.
    pub async fn start_empty() -> Self {
        let app = Self::start_as(false, "").await;
        app.app.db.drop_database().await.unwrap();
        app
    }

    /// A server with these lines in its configuration, besides those that name the database.
    pub async fn start_with(lines: &str) -> Self {
        Self::start_as(false, lines).await
    }

    async fn start_as(demo: bool, lines: &str) -> Self {
        Self::start_heard(demo, lines, true).await
    }

    /// A server whose commands to the database may be heard, for which the driver reads each answer twice: measurements that
    /// need not hear them do without.
    pub async fn start_heard(demo: bool, lines: &str, heard: bool) -> Self {
        // A second test finds it installed; that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let config = folder.path().join("lodestone.toml");
        // Tests ask for more than a person does, and time stands still meanwhile. `lines` may go on in `[audit]`.
        let rates = if lines.contains("[rates]") { "" } else { NO_RATES };
        let settings = format!(
            "[database]\nuri = '{}'\nname = '{name}'\n{rates}\n[audit]\nkeys_dir = '{1}/keys'\ncheckpoints_dir = '{1}/checkpoints'\n{lines}",
            server_uri(),
            folder.path().display()
        );
        std::fs::write(&config, settings).unwrap();
        let mut settings = Config::load(Some(&config)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        settings.server.listen = listener.local_addr().unwrap();
        if settings.server.base_url.ends_with("://localhost") {
            settings.server.base_url = format!("{}:{}", settings.server.base_url, settings.server.listen.port());
        }
        let origin = settings.origin();
        let commands = Commands::default();
        let (seen, wire) = (Arc::clone(&commands), Wire::default());
        let kept = Arc::clone(&wire);
        let spy: lodestone::db::CommandSpy = Arc::new(move |event| {
            if let Some(kept) = kept.lock().unwrap().as_mut() {
                kept.push(event.clone());
            }
            if let CommandEvent::Started(started) = event {
                let name = started.command_name.clone();
                let collection = started.command.get_str(&name).unwrap_or_default().to_owned();
                seen.lock().unwrap().push((name, collection));
            }
        });
        let db = Db::connect(&server_uri(), &name, heard.then_some(spy)).await.unwrap();
        // Ahead of the database's own clock, which removes what has expired.
        let clock = Clock::manual("2036-03-04T05:06:07Z".parse().unwrap());
        migrations::migrate(&db, &clock).await.unwrap();
        let keys = AuditKeys::open(&folder.path().join("keys")).unwrap();
        let checkpoints = settings.audit.checkpoints_folder(folder.path(), &name);
        let audit = AuditWriter::start(&db, &clock, keys, checkpoints);
        let keyring = Keyring::open(&folder.path().join("keys")).unwrap();
        let app = AppState::new(settings, clock.clone(), db, demo, audit, keyring);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        tokio::spawn(app::serve(app.clone(), listener, async {
            let _ = stopped.await;
        }));
        Self {
            app,
            origin,
            clock,
            config,
            folder,
            commands,
            wire,
            behind: tokio::sync::OnceCell::new(),
            stop: Some(stop),
        }
    }

    /// A folder for this test's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command on this server's database; whether it exited with 0.
    pub async fn cli(&self, arguments: &[&str]) -> bool {
        self.exit(arguments).await == ExitCode::SUCCESS
    }

    /// Runs a command in a process of its own; its exit code.
    pub async fn exit_code(&self, arguments: &[&str]) -> i32 {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--config").arg(&self.config).args(arguments).stdout(std::process::Stdio::null());
        let ended = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
        ended.code().expect("it was not killed")
    }

    /// Runs a command in a process of its own, with another server's audit keys and checkpoints; exit code and output.
    pub async fn said_with_keys_of(&self, other: &Self, arguments: &[&str]) -> (i32, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--config").arg(&self.config).args(arguments);
        command.env("LODESTONE_AUDIT__KEYS_DIR", other.folder().join("keys"));
        command.env("LODESTONE_AUDIT__CHECKPOINTS_DIR", other.folder().join("checkpoints"));
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (
            ended.status.code().expect("it was not killed"),
            format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr)),
        )
    }

    async fn exit(&self, arguments: &[&str]) -> ExitCode {
        let config = self.config.display().to_string();
        let mut line = vec!["lodestone", "--config", &config];
        line.extend(arguments);
        let cli = Cli::try_parse_from(line).expect("the command line is well-formed");
        Box::pin(cli::run(cli)).await
    }

    /// Where the trail's checkpoints are published.
    pub fn checkpoints(&self) -> PathBuf {
        self.app.config.audit.checkpoints_folder(self.folder(), self.app.db.name())
    }

    /// The configuration file, for commands run as processes.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Adds an institute.
    pub async fn institute(&self, id: &str) {
        assert!(self.cli(&["institute", "add", id, "--name", id]).await);
    }

    /// Adds a user with these roles, `cust000:clinician`.
    pub async fn user(&self, grants: &[&str]) -> User {
        let mut user = User {
            id: UserId::random(),
            email: format!("user{}@lab.example", NUMBER.fetch_add(1, Ordering::Relaxed)).parse().unwrap(),
            name: "Ann Example".into(),
            memberships: Vec::<Membership>::new(),
            system_roles: vec![],
            disabled: false,
            created_at: self.clock.now(),
            rev: 1,
        };
        for grant in grants {
            match grant.parse::<RoleGrant>().unwrap() {
                RoleGrant::Member(membership) => user.memberships.push(membership),
                RoleGrant::System(role) => user.system_roles.push(role),
            }
        }
        self.app.users.add(&user).await.unwrap();
        user
    }

    /// A browser in which a new user with these roles is signed in.
    pub async fn signed_in(&self, grants: &[&str]) -> Browser {
        let user = self.user(grants).await;
        self.browser_of(&user).await
    }

    /// A browser in which this user is signed in and has entered all elevated roles.
    pub async fn browser_of(&self, user: &User) -> Browser {
        let browser = self.plain_browser_of(user).await;
        self.enter_roles(browser.session.as_deref().unwrap(), user).await;
        browser
    }

    /// All elevated roles of this user count in this session from now on.
    pub async fn enter_roles(&self, session: &str, user: &User) {
        let stored = data_encoding::HEXLOWER.encode(&Sha256::digest(session));
        for role in user.standing().grants().iter().filter(|role| role.is_elevated()) {
            assert!(self.app.sessions.enter(&stored, role, self.clock.now()).await.unwrap());
        }
    }

    /// A browser in which this user is signed in, and no more.
    pub async fn plain_browser_of(&self, user: &User) -> Browser {
        let id = self.app.sessions.start(&user.id, self.clock.now()).await.unwrap();
        Browser { origin: self.origin.clone(), session: Some(id), forwarded: Vec::new(), client: client() }
    }

    /// A browser in which this user is signed in and gave a fresh code for administration.
    pub async fn confirmed(&self, user: &User) -> Browser {
        self.opened(user, StepUpClass::Administration).await
    }

    /// A browser in which this user is signed in and gave a fresh code for this class.
    pub async fn opened(&self, user: &User, class: StepUpClass) -> Browser {
        let browser = self.browser_of(user).await;
        let until = bson::DateTime::from_millis((self.clock.now() + SignedDuration::from_mins(10)).as_millisecond());
        let open = bson::doc! { "$set": { format!("open_until.{}", class.as_str()): until } };
        assert!(self.tamper("sessions", bson::doc! { "user": &user.id }, open).await > 0);
        browser
    }

    /// A browser in which a new user with these roles is signed in and gave a fresh code for administration.
    pub async fn confirmed_as(&self, grants: &[&str]) -> Browser {
        self.confirmed(&self.user(grants).await).await
    }

    /// Takes somebody the right to sign in, and ends nothing by it.
    pub async fn disabled(&self, user: &User) {
        let disabled = bson::doc! { "$set": { "disabled": true }, "$inc": { "rev": 1_i64 } };
        assert_eq!(self.tamper("users", bson::doc! { "_id": &user.id }, disabled).await, 1);
    }

    /// A browser nobody is signed in to.
    pub fn stranger(&self) -> Browser {
        Browser { origin: self.origin.clone(), session: None, forwarded: Vec::new(), client: client() }
    }

    /// Commands sent to the database during `work`, but for the audit trail and the session's last use.
    pub async fn commands_during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<(String, String)>) {
        self.app.audit.flush(std::time::Duration::from_secs(5)).await;
        self.commands.lock().unwrap().clear();
        let done = work.await;
        let sent = self.commands.lock().unwrap().clone();
        let apart =
            |name: &str, collection: &str| collection == "audit" || (name == "update" && collection == "sessions");
        (done, sent.into_iter().filter(|(name, collection)| !apart(name, collection)).collect())
    }

    /// Everything said between program and database during `work`.
    pub async fn wire_during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<CommandEvent>) {
        self.app.audit.flush(std::time::Duration::from_secs(5)).await;
        *self.wire.lock().unwrap() = Some(Vec::new());
        let done = work.await;
        self.app.audit.flush(std::time::Duration::from_secs(5)).await;
        (done, self.wire.lock().unwrap().take().expect("nobody else listens"))
    }

    /// Queries sent to a collection during `work`.
    pub async fn queries_during<T>(&self, collection: &str, work: impl Future<Output = T>) -> (T, Vec<String>) {
        self.app.audit.flush(std::time::Duration::from_secs(5)).await;
        self.commands.lock().unwrap().clear();
        let done = work.await;
        let sent = self.commands.lock().unwrap().clone();
        let reads = ["find", "getMore", "aggregate", "count", "distinct"];
        let wanted =
            |(name, on): &(String, String)| (on == collection || name == "getMore") && reads.contains(&name.as_str());
        (done, sent.into_iter().filter(wanted).map(|(name, _)| name).collect())
    }

    /// All audit entries, in the order they were written.
    pub async fn audit_entries(&self) -> Vec<bson::Document> {
        self.app.audit.flush(std::time::Duration::from_secs(5)).await;
        self.documents("audit", bson::doc! { "occurred_at": 1, "log_id": 1, "seq": 1 }).await
    }

    /// The database as somebody reaches it who is not the program; by one connection, for the embedded server looks at
    /// every session it ever had when it aggregates.
    async fn behind(&self) -> mongodb::Database {
        let client = self.behind.get_or_init(async || mongodb::Client::with_uri_str(server_uri()).await.unwrap()).await;
        client.database(self.app.db.name())
    }

    #[expect(clippy::disallowed_methods, reason = "the test looks at what is stored and changes it, whoever wrote it")]
    async fn beside(&self, collection: &str) -> mongodb::Collection<bson::Document> {
        self.behind().await.collection(collection)
    }

    /// All documents of a collection.
    pub async fn documents(&self, collection: &str, sort: bson::Document) -> Vec<bson::Document> {
        use futures::TryStreamExt as _;
        self.beside(collection).await.find(bson::doc! {}).sort(sort).await.unwrap().try_collect().await.unwrap()
    }

    /// Changes what is stored, behind the program's back; how many documents were changed.
    pub async fn tamper(&self, collection: &str, filter: bson::Document, update: bson::Document) -> u64 {
        let changed = self.beside(collection).await.update_many(filter, update).await.unwrap().modified_count;
        self.noted(collection).await;
        changed
    }

    /// Cases that were changed behind the program's back are read anew for the next list of them.
    async fn noted(&self, collection: &str) {
        if collection == "cases" {
            let anew = bson::doc! { "$inc": { "cases_rev": 1_i64 }, "$set": { "removed_rev": i64::MAX } };
            self.beside("institutes").await.update_many(bson::doc! {}, anew).await.unwrap();
        }
    }

    /// Puts a document in the place of another, behind the program's back.
    pub async fn replace(&self, collection: &str, filter: bson::Document, by: &bson::Document) {
        self.remove(collection, filter).await;
        self.insert(collection, by).await;
    }

    /// Adds a document, behind the program's back.
    pub async fn insert(&self, collection: &str, document: &bson::Document) {
        self.beside(collection).await.insert_one(document).await.unwrap();
        self.noted(collection).await;
    }

    /// Adds many documents at once, behind the program's back.
    pub async fn insert_many(&self, collection: &str, documents: &[bson::Document]) {
        self.beside(collection).await.insert_many(documents).ordered(false).await.unwrap();
        self.noted(collection).await;
    }

    /// Removes what is stored, behind the program's back.
    pub async fn remove(&self, collection: &str, filter: bson::Document) -> u64 {
        let removed = self.beside(collection).await.delete_many(filter).await.unwrap().deleted_count;
        self.noted(collection).await;
        removed
    }

    /// Runs the program itself on this server's database; exit code, standard output and standard error.
    pub fn program(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_lodestone"))
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .output()
            .expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        (output.status.code().expect("the program ends by itself"), text(output.stdout), text(output.stderr))
    }

    /// The same, with these variables in its environment; exit code and all that it said.
    pub fn program_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--config").arg(&self.config).args(arguments).envs(environment.iter().copied());
        let output = command.output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().expect("the program ends by itself"), text(&output.stdout) + &text(&output.stderr))
    }

    /// Everything that is stored, but for what reading may change.
    pub async fn snapshot(&self) -> Vec<(String, Vec<bson::Document>)> {
        let mut names = self.behind().await.list_collection_names().await.unwrap();
        names.retain(|name| !name.starts_with("audit") && !matches!(name.as_str(), "sessions" | "kept_forms"));
        names.sort();
        let mut all = Vec::new();
        for name in names {
            let documents = self.documents(&name, bson::doc! { "_id": 1 }).await;
            if !documents.is_empty() {
                all.push((name, documents));
            }
        }
        all
    }

    /// Lets time pass.
    pub fn wait(&self, time: SignedDuration) {
        self.clock.advance(time);
    }

    /// Ends the server and removes its database.
    pub async fn end(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.app.db.drop_database().await.unwrap();
    }
}

/// The last entry of a kind that a route left.
pub fn last_entry(entries: &[bson::Document], kind: &str, route: &str) -> bson::Document {
    let of = |entry: &&bson::Document| {
        let asked = entry.get_document("request").and_then(|request| request.get_str("route"));
        entry.get_str("kind").is_ok_and(|text| text == kind) && asked.is_ok_and(|text| text == route)
    };
    entries.iter().rfind(of).unwrap_or_else(|| panic!("{route} left no {kind}")).clone()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A browser, or a script.
pub struct Browser {
    origin: String,
    session: Option<String>,
    forwarded: Vec<String>,
    client: reqwest::Client,
}

impl Browser {
    /// The same browser, with these lines of `X-Forwarded-For` from now on.
    pub fn forwarded(&self, lines: &[&str]) -> Self {
        let forwarded = lines.iter().map(|line| (*line).to_owned()).collect();
        Self { origin: self.origin.clone(), session: self.session.clone(), forwarded, client: self.client.clone() }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in &self.forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        if let Some(session) = &self.session {
            headers.insert(COOKIE, format!("__Host-sid={session}").parse().unwrap());
        }
        headers
    }

    /// Fetches a page.
    pub async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.origin)).headers(self.headers()).send().await.unwrap()
    }

    /// Fetches a page that must be there, as text.
    pub async fn page(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    /// Fetches JSON that must be there.
    pub async fn json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Fetches with an API token in place of the session.
    pub async fn with_token(&self, path: &str, token: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.origin)).headers(self.headers());
        request.bearer_auth(token).send().await.unwrap()
    }

    /// Sends a form with an API token in place of the session, from our own origin.
    pub async fn post_with_token(&self, path: &str, token: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(format!("{}{path}", self.origin)).headers(self.headers());
        request.header(ORIGIN, &self.origin).bearer_auth(token).form(form).send().await.unwrap()
    }

    /// Sends JSON with an API token in place of the session, from our own origin.
    pub async fn json_with_token(&self, method: &str, path: &str, token: &str) -> Response {
        let headers = [(ORIGIN, self.origin.clone()), (AUTHORIZATION, format!("Bearer {token}"))];
        self.send_json(method, path, &serde_json::json!({}), &headers).await
    }

    /// Sends JSON as a page of ours would, with the session's token.
    pub async fn ask(&self, method: &str, path: &str, body: &serde_json::Value) -> Response {
        let csrf = self.csrf("/account").await;
        self.send_json(method, path, body, &[(ORIGIN, self.origin.clone()), (CSRF, csrf)]).await
    }

    /// Sends JSON with these headers besides the cookie.
    pub async fn send_json(
        &self,
        method: &str,
        path: &str,
        body: &serde_json::Value,
        more: &[(HeaderName, String)],
    ) -> Response {
        let mut headers = self.headers();
        for (name, value) in more {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let method = method.parse::<reqwest::Method>().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.origin)).headers(headers);
        request.json(body).send().await.unwrap()
    }

    /// The origin of its pages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends bytes with these headers besides the cookie.
    pub async fn send_bytes(&self, method: &str, path: &str, body: Vec<u8>, more: &[(HeaderName, String)]) -> Response {
        let mut headers = self.headers();
        for (name, value) in more {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let method = method.parse::<reqwest::Method>().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.origin)).headers(headers);
        request.body(body).send().await.unwrap()
    }

    /// Sends a form as a page of ours would.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.post_from(path, form, &[(ORIGIN, self.origin.clone())]).await
    }

    /// Sends a form with these headers besides the cookie.
    pub async fn post_from(&self, path: &str, form: &[(&str, &str)], more: &[(HeaderName, String)]) -> Response {
        let mut headers = self.headers();
        for (name, value) in more {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        self.client.post(format!("{}{path}", self.origin)).headers(headers).form(form).send().await.unwrap()
    }

    /// The session's form token, read from a page.
    pub async fn csrf(&self, path: &str) -> String {
        let page = self.page(path).await;
        let html = scraper::Html::parse_document(&page);
        let field = scraper::Selector::parse("input[name=csrf]").unwrap();
        html.select(&field).next().expect("the page has a form").attr("value").unwrap().to_owned()
    }
}

/// Real input files beside the project; `None`, with a note, where they are not. Under CI they must be there.
pub fn shared_data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LODESTONE_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", found.display());
    eprintln!("skipped: {} is not here", found.display());
    None
}
