//! Sharing a case with another institute: who may, on which terms, and what guests see of it (I10).

use bson::doc;
use lodestone::auth::{StepUpClass, TokenScope};
use lodestone::cases::Share;
use lodestone::events::{Event, EventKind};
use lodestone::users::User;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::support::{Browser, TestApp};

const AT: &str = "/own/fam/sharing";
const END: &str = "/own/fam/sharing/end";

/// Two institutes with an agreement, a third without, a case of `own`, and a clinician of `own` who gave a fresh code.
pub async fn ready() -> (TestApp, User, Browser) {
    let app = TestApp::start().await;
    for institute in ["own", "partner", "foreign"] {
        app.institute(institute).await;
    }
    assert!(app.cli(&["institute", "set", "own", "--share-with", "partner"]).await);
    app.given_case("own", "fam").await;
    let user = app.user(&["own:geneticist"]).await;
    let owner = app.opened(&user, StepUpClass::BulkExport).await;
    (app, user, owner)
}

pub async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Response {
    let csrf = browser.csrf("/account").await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(path, &form).await
}

/// Terms that fit, with others in place of some; an empty value leaves the field out.
pub fn terms<'a>(change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form =
        vec![("with", "partner"), ("purpose", "a second opinion"), ("lists", "clinical"), ("until", "2036-06-01")];
    for (name, value) in change {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    form
}

pub async fn shares(app: &TestApp) -> Vec<Share> {
    let cases = app.documents("cases", doc! {}).await;
    let case = cases.into_iter().find(|case| case.get_str("name").is_ok_and(|name| name == "fam")).unwrap();
    bson::deserialize_from_bson(case.get("shares").unwrap().clone()).unwrap()
}

/// Shares case `fam` with `partner` on terms that fit.
pub async fn share(owner: &Browser, change: &[(&str, &str)]) {
    assert_eq!(send(owner, AT, &terms(change)).await.status(), StatusCode::SEE_OTHER);
}

/// Ends the newest share of a case of `own`.
pub async fn end_share(app: &TestApp, owner: &Browser, name: &str) {
    let cases = app.documents("cases", doc! {}).await;
    let case = cases.into_iter().find(|case| case.get_str("name").is_ok_and(|known| known == name)).unwrap();
    let last = case.get_array("shares").unwrap().last().unwrap().as_document().unwrap().clone();
    let form = [("share", last.get_str("id").unwrap()), ("reason", "")];
    assert_eq!(send(owner, &format!("/own/{name}/sharing/end"), &form).await.status(), StatusCode::SEE_OTHER);
}

async fn history(app: &TestApp) -> Vec<Event> {
    let documents = app.documents("events", doc! { "at": 1, "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| matches!(event.kind, EventKind::Share | EventKind::ShareEnded)).collect()
}

pub fn texts(page: &str, selector: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    html.select(&Selector::parse(selector).unwrap())
        .map(|element| element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// I10: a person of the owner confirms every term; a fresh code to share, none to end; each in one step with its history.
#[tokio::test]
async fn a_share_is_confirmed_with_a_code_and_ended_without() {
    let (app, user, owner) = ready().await;
    let unconfirmed = app.browser_of(&user).await;
    let before = app.snapshot().await;
    assert_eq!(send(&unconfirmed, AT, &terms(&[])).await.status(), StatusCode::FORBIDDEN, "S17");
    assert!(unconfirmed.page(AT).await.contains("class=bulk_export"), "the way to a code");
    assert_eq!(app.snapshot().await, before);

    let answer = send(&owner, AT, &terms(&[("lists", "clinical_and_research"), ("comments", "1")])).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let stored = shares(&app).await;
    assert_eq!(stored.len(), 1);
    let share = &stored[0];
    assert_eq!((share.with.as_str(), share.purpose.as_str(), share.comments), ("partner", "a second opinion", true));
    assert_eq!((share.by.user.as_ref(), share.by.name.as_str()), (Some(&user.id), "Ann Example"));
    assert_eq!((share.at, share.until.to_string()), (app.clock.now(), "2036-06-02T00:00:00Z".into()));
    let page = owner.page(AT).await;
    assert!(page.contains("clinical and research lists, to be read and commented") && page.contains("2036-06-01"));
    assert!(owner.page("/own/fam").await.contains("partner until 2036-06-01"));

    let twice = send(&owner, AT, &terms(&[("lists", "clinical_and_research"), ("comments", "1")])).await;
    assert_eq!(twice.status(), StatusCode::SEE_OTHER, "sent twice, shared once");
    let other = send(&owner, AT, &terms(&[])).await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(other.text().await.unwrap().contains("end that share first"));
    assert_eq!(shares(&app).await, stored);

    let id = share.id.to_string();
    let ended = send(&unconfirmed, END, &[("share", &id), ("reason", " solved ")]).await;
    assert_eq!(ended.status(), StatusCode::SEE_OTHER, "ending is quick");
    assert_eq!(send(&unconfirmed, END, &[("share", &id), ("reason", "")]).await.status(), StatusCode::SEE_OTHER);
    let end = shares(&app).await[0].ended.clone().unwrap();
    assert_eq!((end.reason.as_deref(), end.by.user.as_ref()), (Some("solved"), Some(&user.id)));
    let page = owner.page(AT).await;
    assert!(texts(&page, "[aria-labelledby=over-head] dd").concat().contains("by Ann Example: solved"));
    assert_eq!(send(&owner, AT, &terms(&[])).await.status(), StatusCode::SEE_OTHER, "shared anew on other terms");
    assert_eq!(shares(&app).await.len(), 2, "what was shared stays on record");

    let events = history(&app).await;
    let first: Vec<&Event> = events.iter().filter(|event| event.subject == format!("share/{id}")).collect();
    assert_eq!(
        first.iter().map(|event| (event.rev, event.kind)).collect::<Vec<_>>(),
        [(1, EventKind::Share), (2, EventKind::ShareEnded)]
    );
    assert_eq!(first[0].before, bson::Bson::Null);
    assert_eq!(first[0].after, first[1].before, "replay gives the present");
    assert_eq!(first[1].after, bson::serialize_to_bson(&shares(&app).await[0]).unwrap());
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event.case_id.is_some() && event.actor.user.as_ref() == Some(&user.id)));
    let shown = texts(&owner.page("/own/fam").await, "[aria-labelledby=history] li").join("\n");
    assert!(shown.contains("shared with another institute") && shown.contains("sharing ended"), "{shown}");
    app.end().await;
}

/// I10: to oneself, off the list, for longer than a year, without a purpose, by fields that are not ours: nothing happens.
#[tokio::test]
async fn nothing_is_shared_by_a_wrong_form() {
    let (app, _, owner) = ready().await;
    let before = app.snapshot().await;
    for (field, wrong) in [
        ("with", "own"),
        ("with", "foreign"),
        ("with", "nowhere"),
        ("with", "PARTNER"),
        ("purpose", " "),
        ("lists", "research"),
        ("comments", "0"),
        ("until", "2036-03-03"),
        ("until", "2037-03-04"),
        ("until", "soon"),
    ] {
        let answer = send(&owner, AT, &terms(&[(field, wrong)])).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{field}={wrong}");
        let page = answer.text().await.unwrap();
        assert_eq!(Html::parse_document(&page).errors, Vec::<String>::new());
        assert_eq!(texts(&page, &format!("#wrong-{field}")).len(), 1, "{field}={wrong}");
        assert_eq!(texts(&page, ".errors li").len(), 1, "{field}={wrong}");
    }
    for foreign in [("institute", "own"), ("by", "somebody"), ("id", "x"), ("rev", "1"), ("$set", "x")] {
        assert_eq!(send(&owner, AT, &terms(&[foreign])).await.status(), StatusCode::BAD_REQUEST, "I14 {foreign:?}");
    }
    let unknown = "a".repeat(26);
    for (id, reason, status) in [
        (unknown.as_str(), "", StatusCode::NOT_FOUND),
        ("../x", "", StatusCode::NOT_FOUND),
        (&unknown, "a\nb", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(send(&owner, END, &[("share", id), ("reason", reason)]).await.status(), status, "{id} {reason}");
    }
    assert_eq!(owner.post(AT, &terms(&[])).await.status(), StatusCode::FORBIDDEN, "S6");
    assert_eq!(owner.post(END, &[("share", &unknown), ("reason", "")]).await.status(), StatusCode::FORBIDDEN, "S6");
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

/// I10, I4: only those of the owner who read cases share, and only people: to all others the page is as absent as the case.
#[tokio::test]
async fn only_people_of_the_owner_share() {
    let (app, user, owner) = ready().await;
    assert_eq!(send(&owner, AT, &terms(&[])).await.status(), StatusCode::SEE_OTHER);
    let id = shares(&app).await[0].id.to_string();
    let before = app.snapshot().await;
    for role in [
        "own:researcher",
        "own:admin",
        "own:auditor",
        "partner:admin",
        "foreign:clinician",
        "foreign:geneticist",
        "foreign:admin",
        "system:admin",
        "system:auditor",
        "",
    ] {
        let roles: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let person = app.user(roles).await;
        let without_accounts = app.snapshot().await;
        let browser = app.opened(&person, StepUpClass::BulkExport).await;
        assert_eq!(browser.get(AT).await.status(), StatusCode::NOT_FOUND, "{role}");
        assert_eq!(send(&browser, AT, &terms(&[("with", "foreign")])).await.status(), StatusCode::NOT_FOUND, "{role}");
        let end = send(&browser, END, &[("share", &id), ("reason", "")]).await;
        assert_eq!(end.status(), StatusCode::NOT_FOUND, "{role}");
        assert_eq!(app.snapshot().await, without_accounts, "`{role}` changed nothing");
    }
    let own = "own".parse().unwrap();
    for scope in [TokenScope::Read, TokenScope::Load] {
        let token = app.app.tokens.create(&user.id, &own, scope, 1, app.clock.now()).await.unwrap();
        assert_eq!(app.stranger().with_token(AT, &token).await.status(), StatusCode::FORBIDDEN, "a script");
    }
    assert_eq!(app.stranger().get(AT).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(app.stranger().post(AT, &terms(&[])).await.status(), StatusCode::UNAUTHORIZED);
    let cases = |all: &[(String, Vec<bson::Document>)]| all.iter().find(|(name, _)| name == "cases").cloned();
    assert_eq!(cases(&app.snapshot().await), cases(&before));
    app.end().await;
}

/// C1, H7: of many who confirm at once, one shares; decisions and a reload in between lose no share.
#[tokio::test]
async fn one_share_runs_for_one_institute_whatever_happens_at_once() {
    let (app, _, owner) = ready().await;
    let days: Vec<String> = (1..=6).map(|day| format!("2036-06-0{day}")).collect();
    let forms: Vec<_> = days.iter().map(|day| terms(&[("until", day)])).collect();
    let answers = futures::future::join_all(forms.iter().map(|form| send(&owner, AT, form))).await;
    let count = |status: StatusCode| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((count(StatusCode::SEE_OTHER), count(StatusCode::UNPROCESSABLE_ENTITY)), (1, 5));
    let stored = shares(&app).await;
    assert_eq!((stored.len(), history(&app).await.len()), (1, 1));
    let changed = app.write_trio("own", "fam", &crate::support::vcf::three_records()[..2], "");
    assert!(app.cli(&["load", "case", changed.to_str().unwrap(), "--update"]).await);
    assert_eq!(shares(&app).await, stored, "other content, the same shares");
    let id = stored[0].id.to_string();
    let form = [("share", id.as_str()), ("reason", "")];
    let ends = futures::future::join_all((0..4).map(|_| send(&owner, END, &form))).await;
    assert!(ends.iter().all(|answer| answer.status() == StatusCode::SEE_OTHER));
    assert_eq!(history(&app).await.len(), 2, "ended once");
    app.end().await;
}

/// `collaborators` of a load configuration propose; they share nothing, and lead to the form that does.
#[tokio::test]
async fn proposals_are_inert_until_they_are_confirmed() {
    let (app, _, owner) = ready().await;
    let config =
        app.write_trio("own", "new", &crate::support::vcf::three_records(), "collaborators: [own, partner, foreign]\n");
    assert!(app.cli(&["load", "case", config.to_str().unwrap()]).await);
    for guest in ["partner:clinician", "foreign:clinician"] {
        let browser = app.signed_in(&[guest]).await;
        assert_eq!(browser.get("/own/new").await.status(), StatusCode::NOT_FOUND, "{guest}");
    }
    assert!(owner.page("/own/new").await.contains("partner, foreign"));
    let page = owner.page("/own/new/sharing").await;
    let proposed = texts(&page, "[aria-labelledby=proposals-head] li");
    assert_eq!(proposed.len(), 2, "one does not share with oneself");
    assert!(proposed[0].contains("fill in the form") && proposed[1].contains("not on your institute’s agreement list"));
    let filled = owner.page("/own/new/sharing?with=partner").await;
    assert_eq!(texts(&filled, "option[selected]"), ["partner"]);
    assert_eq!(send(&owner, "/own/new/sharing", &terms(&[])).await.status(), StatusCode::SEE_OTHER);
    let page = owner.page("/own/new/sharing").await;
    assert_eq!(texts(&page, "[aria-labelledby=proposals-head] li").len(), 1, "what was confirmed is no proposal");
    app.end().await;
}
