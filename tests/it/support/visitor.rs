//! A browser with a cookie jar that a test can look into, and people with a passphrase and an authenticator.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::SignedDuration;
use lodestone::auth::{NewFactor, Passphrase, RecoveryCode, STEP_S, TotpSecret, fresh_recovery_codes};
use lodestone::users::User;
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Response, StatusCode};

use super::TestApp;

/// The passphrase of every account made here.
pub const PASSPHRASE: &str = "vier blaue Züge warten";
/// Hashing takes a tenth of a second; one hash serves all tests.
static HASH: LazyLock<String> = LazyLock::new(|| Passphrase::new(PASSPHRASE).hash().unwrap());

/// Lines of a configuration that keep the limits against load out of tests of other limits.
pub const NO_LOAD_LIMITS: &str = "[sign_in]\nper_address = 1000000\nper_account = 1000000";

/// Somebody with all factors set up.
pub struct Account {
    pub user: User,
    pub secret: TotpSecret,
    pub recovery: Vec<String>,
}

impl TestApp {
    /// A new user with these roles, a passphrase, an authenticator and recovery codes.
    pub async fn account(&self, grants: &[&str]) -> Account {
        let user = self.user(grants).await;
        let (secret, codes) = (TotpSecret::random(), fresh_recovery_codes());
        let factor = NewFactor {
            secret: &secret,
            step: 0,
            recovery: codes.iter().map(RecoveryCode::hash).collect(),
            passphrase: Some(HASH.clone()),
            what: "set up",
        };
        self.app.sign_in.credentials.enrol(&user.id, factor, self.clock.now()).await.unwrap();
        Account { user, secret, recovery: codes.iter().map(RecoveryCode::as_text).collect() }
    }

    /// A browser with an empty jar.
    pub fn visitor(&self) -> Visitor {
        Visitor { origin: self.origin.clone(), jar: BTreeMap::new(), client: super::client() }
    }

    /// A browser in which somebody has signed in with passphrase and code, and entered all elevated roles. Time goes on to
    /// the next code first.
    pub async fn entered(&self, account: &Account) -> Visitor {
        let mut visitor = self.half_way(account).await;
        let code = self.next_code(account);
        assert_eq!(visitor.give_code(&code).await.status(), StatusCode::SEE_OTHER);
        self.enter_roles(&visitor.jar["__Host-sid"], &account.user).await;
        visitor
    }

    /// A browser in which somebody has given the right passphrase.
    pub async fn half_way(&self, account: &Account) -> Visitor {
        let mut visitor = self.visitor();
        let answer = visitor.give_passphrase(account.user.email.as_str(), PASSPHRASE).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()["location"], "/login/code");
        visitor
    }

    /// The code of the step after this one; time goes on to it.
    pub fn next_code(&self, account: &Account) -> String {
        self.wait(SignedDuration::from_secs(STEP_S));
        account.secret.code_at(self.clock.now())
    }

    /// A code that is none of the three that are accepted now.
    pub fn wrong_code(&self, account: &Account) -> String {
        let near: Vec<String> = (-2..=2)
            .map(|steps| account.secret.code_at(self.clock.now() + SignedDuration::from_secs(STEP_S * steps)))
            .collect();
        (0..9).map(|n| format!("00000{n}")).find(|code| !near.contains(code)).unwrap()
    }
}

/// A browser that keeps cookies.
pub struct Visitor {
    origin: String,
    /// Cookies by name.
    pub jar: BTreeMap<String, String>,
    client: reqwest::Client,
}

impl Clone for Visitor {
    fn clone(&self) -> Self {
        Self { origin: self.origin.clone(), jar: self.jar.clone(), client: self.client.clone() }
    }
}

impl Visitor {
    fn cookies(&self) -> String {
        self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, response: &Response) {
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Fetches a page as a person does.
    pub async fn get(&mut self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.origin)).header(COOKIE, self.cookies());
        let response = request.send().await.unwrap();
        self.keep(&response);
        response
    }

    /// Sends a form of our own pages without a token.
    pub async fn post_bare(&mut self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(format!("{}{path}", self.origin)).header(COOKIE, self.cookies());
        let response = request.header(ORIGIN, self.origin.clone()).form(form).send().await.unwrap();
        self.keep(&response);
        response
    }

    /// Puts JSON from our own origin, without a token.
    pub async fn put_bare(&mut self, path: &str) -> Response {
        let request = self.client.put(format!("{}{path}", self.origin)).header(COOKIE, self.cookies());
        let request = request.header(ORIGIN, self.origin.clone()).json(&serde_json::json!({}));
        let response = request.send().await.unwrap();
        self.keep(&response);
        response
    }

    /// Sends a form with the token that the page at `from` has.
    pub async fn post(&mut self, from: &str, path: &str, form: &[(&str, &str)]) -> Response {
        let csrf = self.csrf(from).await;
        let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.post_bare(path, &form).await
    }

    /// The token in the last form of a page: the one of the page itself, not of its frame.
    pub async fn csrf(&mut self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        token_in(&response.text().await.unwrap())
    }

    /// The first step of signing in.
    pub async fn give_passphrase(&mut self, email: &str, passphrase: &str) -> Response {
        self.post_bare("/login", &[("email", email), ("passphrase", passphrase)]).await
    }

    /// The second step.
    pub async fn give_code(&mut self, code: &str) -> Response {
        self.post("/login/code", "/login/code", &[("code", code)]).await
    }

    /// Whether somebody is signed in.
    pub async fn is_in(&mut self) -> bool {
        let mut probe = self.clone();
        probe.get("/account").await.status() == StatusCode::OK
    }

    /// Opens a class with a code.
    pub async fn confirm(&mut self, class: &str, to: &str, code: &str) -> Response {
        let page = format!("/account/confirm?class={class}");
        self.post(&page, "/account/confirm", &[("class", class), ("to", to), ("code", code)]).await
    }
}

/// The token of a page's last form.
pub fn token_in(page: &str) -> String {
    let html = scraper::Html::parse_document(page);
    let field = scraper::Selector::parse("input[name=csrf]").unwrap();
    html.select(&field).next_back().expect("the page has a form").attr("value").unwrap().to_owned()
}

/// The body without what is made anew for each answer.
pub async fn masked(response: Response) -> String {
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let nonce = policy.split("'nonce-").nth(1).map_or("NONCE", |rest| rest.split('\'').next().unwrap()).to_owned();
    let text = response.text().await.unwrap();
    let token = if text.contains("name=\"csrf\"") { token_in(&text) } else { "none".to_owned() };
    let text = without_drawn_ids(&text);
    text.replace(&id, "ID").replace(&nonce, "NONCE").replace(&token, "TOKEN")
}

/// A page without the identities that were drawn for its forms.
fn without_drawn_ids(page: &str) -> String {
    const FIELD: &str = "name=\"id\" value=\"";
    let mut parts = page.split(FIELD);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, rest| format!("{page}{FIELD}DRAWN{}", &rest[rest.find('"').unwrap_or(0)..]))
}
