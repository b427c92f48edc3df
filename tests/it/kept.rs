//! Nobody loses work: what was sent over an ended session, or before a fresh code, comes back to its author.

use bson::doc;
use jiff::SignedDuration;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::support::TestApp;
use crate::support::ledger::fields_of_settings;
use crate::support::visitor::{Account, Visitor, token_in};

const NAME: &str = "Clinic of rare & <strange> things; naïve = 100 %";

/// The settings of `own` as shown, with another name.
async fn filled(visitor: &mut Visitor) -> Vec<(String, String)> {
    let page = visitor.get("/own/settings").await.text().await.unwrap();
    let mut form = fields_of_settings(&page);
    NAME.clone_into(&mut form.iter_mut().find(|(name, _)| name == "name").unwrap().1);
    form
}

async fn send(visitor: &mut Visitor, path: &str, form: &[(String, String)]) -> reqwest::Response {
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    visitor.post_bare(path, &form).await
}

/// What the page that gives back would send.
async fn given_back(visitor: &mut Visitor) -> (String, Vec<(String, String)>) {
    let shown = visitor.get("/account/kept").await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert_eq!(shown.headers()["cache-control"], "no-store");
    let html = Html::parse_document(&shown.text().await.unwrap());
    let (form, field) = (Selector::parse("main form").unwrap(), Selector::parse("input").unwrap());
    let form = html.select(&form).next().unwrap();
    let value = |input: scraper::ElementRef, name: &str| input.attr(name).unwrap().to_owned();
    let fields = form.select(&field).map(|input| (value(input, "name"), value(input, "value"))).collect();
    (form.attr("action").unwrap().to_owned(), fields)
}

async fn signs_in(app: &TestApp, visitor: &mut Visitor, account: &Account) -> String {
    let email = account.user.email.as_str();
    let answer = visitor.give_passphrase(email, crate::support::visitor::PASSPHRASE).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let code = app.next_code(account);
    let answer = visitor.give_code(&code).await;
    app.enter_roles(&visitor.jar["__Host-sid"], &account.user).await;
    answer.headers()["location"].to_str().unwrap().to_owned()
}

async fn ready() -> (TestApp, Account, Visitor, Vec<(String, String)>) {
    let app = TestApp::start().await;
    app.institute("own").await;
    let account = app.account(&["own:admin"]).await;
    let mut visitor = app.entered(&account).await;
    let form = filled(&mut visitor).await;
    (app, account, visitor, form)
}

async fn kept(app: &TestApp) -> Vec<bson::Document> {
    app.documents("kept_forms", doc! {}).await
}

#[tokio::test]
async fn a_form_sent_over_an_ended_session_comes_back_after_sign_in() {
    let (app, account, mut visitor, form) = ready().await;
    app.wait(SignedDuration::from_mins(16));
    let refused = send(&mut visitor, "/own/settings", &form).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.text().await.unwrap().contains("Nothing of what you sent is lost"));
    let stored = kept(&app).await;
    assert_eq!(stored.len(), 1);
    let bytes = bson::serialize_to_vec(&stored[0]).unwrap();
    assert!(!bytes.windows(4).any(|part| part == b"rare"), "the database cannot read it");
    assert!(!visitor.jar["__Host-kept"].is_empty());

    assert_eq!(signs_in(&app, &mut visitor, &account).await, "/account/kept");
    let (action, fields) = given_back(&mut visitor).await;
    assert_eq!(action, "/own/settings");
    let without_token =
        |form: &[(String, String)]| form.iter().filter(|(name, _)| name != "csrf").cloned().collect::<Vec<_>>();
    assert_eq!(without_token(&fields), without_token(&form), "field by field, in their order");
    let institutes = app.documents("institutes", doc! {}).await;
    assert_ne!(institutes[0].get_str("name").unwrap(), NAME, "nothing is sent by itself");
    assert_eq!(send(&mut visitor, &action, &fields).await.status(), StatusCode::SEE_OTHER);
    let institutes = app.documents("institutes", doc! {}).await;
    assert_eq!(institutes[0].get_str("name").unwrap(), NAME);
    assert!(kept(&app).await.is_empty(), "once it is stored, it is kept no longer");
    assert!(!visitor.jar.contains_key("__Host-kept"));
    let trail = format!("{:?}", app.audit_entries().await);
    assert!(!trail.contains("strange"), "the trail has no form's content");
    app.end().await;
}

#[tokio::test]
async fn it_comes_back_to_nobody_else_and_not_for_ever() {
    let (app, account, mut visitor, form) = ready().await;
    app.wait(SignedDuration::from_mins(16));
    send(&mut visitor, "/own/settings", &form).await;
    let other = app.account(&["own:admin"]).await;
    let mut same_browser = visitor.clone();
    signs_in(&app, &mut same_browser, &other).await;
    let nothing = same_browser.get("/account/kept").await;
    assert_eq!((nothing.status(), nothing.headers()["location"].as_bytes()), (StatusCode::SEE_OTHER, b"/".as_slice()));
    same_browser.post("/own/settings", "/account/kept/discard", &[]).await;
    assert_eq!(kept(&app).await.len(), 1, "what is not one's own is not thrown away either");

    signs_in(&app, &mut visitor, &account).await;
    given_back(&mut visitor).await;
    let mut thrown_away = visitor.clone();
    app.wait(SignedDuration::from_mins(14));
    assert_eq!(visitor.get("/account/kept").await.status(), StatusCode::SEE_OTHER, "after a quarter of an hour");
    let discarded = thrown_away.post("/own/settings", "/account/kept/discard", &[]).await;
    assert_eq!(discarded.status(), StatusCode::SEE_OTHER);
    assert!(!thrown_away.jar.contains_key("__Host-kept"));
    app.end().await;
}

#[tokio::test]
async fn only_an_authors_own_form_is_kept_and_no_secret() {
    let (app, _, mut visitor, form) = ready().await;
    let csrf = form.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    app.wait(SignedDuration::from_mins(16));
    let mut forged = form.clone();
    forged.iter_mut().find(|(name, _)| name == "csrf").unwrap().1 = "a".repeat(52);
    send(&mut visitor, "/own/settings", &forged).await;
    let passphrase = [("csrf".to_owned(), csrf), ("passphrase".to_owned(), "vier neue Züge warten".to_owned())];
    send(&mut visitor, "/account/passphrase", &passphrase).await;
    let mut stranger = app.visitor();
    send(&mut stranger, "/own/settings", &form).await;
    assert!(kept(&app).await.is_empty());

    // Whoever signed out wanted to be forgotten.
    let account = app.account(&["own:admin"]).await;
    let mut visitor = app.entered(&account).await;
    let form = filled(&mut visitor).await;
    let before = visitor.clone();
    visitor.post("/own/settings", "/logout", &[]).await;
    send(&mut before.clone(), "/own/settings", &form).await;
    assert!(kept(&app).await.is_empty());
    app.end().await;
}

/// S17: what needs a fresh code comes back filled in after it.
#[tokio::test]
async fn a_form_that_needs_a_fresh_code_comes_back_after_it() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let account = app.account(&["own:auditor"]).await;
    let mut visitor = app.entered(&account).await;
    let page = visitor.get("/audit/erasures").await.text().await.unwrap();
    let basis = "data protection law, article 17, decided by the board";
    let form: Vec<(String, String)> =
        [("institute", "own"), ("case", "fam"), ("legal_basis", basis), ("csrf", &token_in(&page))]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
    let asked = send(&mut visitor, "/audit/erasures", &form).await;
    assert_eq!(asked.status(), StatusCode::FORBIDDEN);
    let link = "/account/confirm?class=administration&to=%2Faccount%2Fkept";
    assert!(asked.text().await.unwrap().replace("&#38;", "&").replace("&amp;", "&").contains(link));
    let code = app.next_code(&account);
    let opened = visitor.confirm("administration", "/account/kept", &code).await;
    assert_eq!(opened.headers()["location"], "/account/kept");
    let (action, fields) = given_back(&mut visitor).await;
    assert_eq!(send(&mut visitor, &action, &fields).await.status(), StatusCode::SEE_OTHER);
    let erasures = app.documents("audit_erasures", doc! {}).await;
    assert_eq!(erasures.len(), 1);
    assert_eq!(erasures[0].get_str("legal_basis").unwrap(), basis);
    app.end().await;
}
