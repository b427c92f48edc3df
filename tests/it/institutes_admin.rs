//! Institutes in the hands of the system's admins: how one comes to be, what it is called, and nothing of its cases.

use bson::doc;
use lodestone::events::{Event, EventKind};
use reqwest::header::ORIGIN;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::support::{Browser, TestApp};

const ALL: &str = "/admin/institutes";

/// An admin of the system who gave a fresh code, and an institute.
async fn ready() -> (TestApp, lodestone::users::User, Browser) {
    let app = TestApp::start().await;
    app.institute("own").await;
    let admin = app.user(&["system:admin"]).await;
    let browser = app.confirmed(&admin).await;
    (app, admin, browser)
}

async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Response {
    let csrf = browser.csrf("/account").await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(path, &form).await
}

/// What changed of an institute, oldest first.
async fn history(app: &TestApp, institute: &str) -> Vec<Event> {
    let subject = format!("institute/{institute}");
    let documents = app.documents("events", doc! { "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| event.subject == subject).collect()
}

fn texts(page: &str, selector: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    html.select(&Selector::parse(selector).unwrap())
        .map(|element| element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test]
async fn an_institute_is_added_renamed_and_remembered() {
    let (app, admin, browser) = ready().await;
    let links = texts(&browser.page("/admin/users").await, "nav[aria-label=Administration] a");
    assert_eq!(links, ["People", "Institutes", "Providers", "Addresses"]);
    let added = send(&browser, ALL, &[("id", " cust111 "), ("name", " The <b>new</b> clinic ")]).await;
    assert_eq!(added.status(), StatusCode::SEE_OTHER);
    assert_eq!(added.headers()["location"], "/admin/institutes/cust111?done=added");
    let page = browser.page("/admin/institutes/cust111?done=added").await;
    assert!(page.contains("Added.") && !page.contains("<b>new"), "{page}");
    assert!(texts(&browser.page(ALL).await, "tbody th").contains(&"The <b>new</b> clinic".to_owned()));

    let events = history(&app, "cust111").await;
    assert_eq!(
        events.iter().map(|event| (event.rev, event.kind)).collect::<Vec<_>>(),
        [(1, EventKind::InstituteAdded)]
    );
    assert_eq!((&events[0].before, events[0].actor.user.as_ref()), (&bson::Bson::Null, Some(&admin.id)));
    assert_eq!(events[0].after.as_document().unwrap().get_str("name").unwrap(), "The <b>new</b> clinic");

    let renamed = send(&browser, "/admin/institutes/cust111", &[("rev", "1"), ("name", "Clinic of the north")]).await;
    assert_eq!(renamed.headers()["location"], "/admin/institutes/cust111?done=renamed");
    let events = history(&app, "cust111").await;
    assert_eq!((events.len(), events[1].kind), (2, EventKind::InstituteChanged));
    assert_eq!(events[0].after, events[1].before);

    // Its own admins see both, put the name back, and cannot put back what was before there was anything.
    let own = app.confirmed_as(&["cust111:admin"]).await;
    let settings = own.page("/cust111/settings").await;
    let lines = texts(&settings, "ol.history > li");
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("Name: The <b>new</b> clinic → Clinic of the north") && lines[1].ends_with(": added"));
    let restore = "/cust111/settings/restore";
    assert_eq!(send(&own, restore, &[("rev", "2"), ("to", "0")]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(send(&own, restore, &[("rev", "2"), ("to", "1")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(history(&app, "cust111").await.last().unwrap().after, events[0].after);
    let entries = app.audit_entries().await;
    let noted = crate::support::last_entry(&entries, "outcome", ALL);
    assert!(noted.to_string().contains("system admin"), "the trail says in which role: {noted}");
    app.end().await;
}

/// The rules are those of the command line; nothing is stored, and what was typed stays.
#[tokio::test]
async fn wrong_ids_and_names_come_back_beside_their_fields() {
    let (app, _, browser) = ready().await;
    let before = app.snapshot().await;
    let long = "x".repeat(101);
    for (id, name, fields) in [
        ("own", "Another", vec!["id"]),
        ("admin", "Reserved", vec!["id"]),
        ("api", "Reserved", vec!["id"]),
        ("system", "Reserved", vec!["id"]),
        ("break-glass", "Reserved", vec!["id"]),
        ("Cust", "Upper case", vec!["id"]),
        ("a/b", "A path", vec!["id"]),
        ("", "Nothing", vec!["id"]),
        ("cust111", " ", vec!["name"]),
        ("cust111", &long, vec!["name"]),
        ("..", "", vec!["id", "name"]),
    ] {
        let answer = send(&browser, ALL, &[("id", id), ("name", name)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{id}");
        let text = answer.text().await.unwrap();
        let html = Html::parse_document(&text);
        assert_eq!(html.errors, Vec::<String>::new());
        for field in ["id", "name"] {
            let input = Selector::parse(&format!("#field-{field}")).unwrap();
            let input = html.select(&input).next().unwrap();
            assert_eq!(input.attr("aria-invalid").is_some(), fields.contains(&field), "{id}: {field}");
            assert_eq!(input.attr("value"), Some(if field == "id" { id } else { name }));
            let said = Selector::parse(&format!("#wrong-{field}")).unwrap();
            assert_eq!(html.select(&said).count(), usize::from(fields.contains(&field)));
        }
        if id != "own" {
            let refused = fields.contains(&"id") && !id.is_empty();
            assert!(!refused || app.program(&["institute", "add", id, "--name", "x"]).0 != 0, "the command too: {id}");
        }
    }
    for extra in [("settings", "x"), ("_id", "x"), ("rev", "1"), ("id", "twice")] {
        let form = [("id", "cust111"), ("name", "Clinic"), extra];
        assert_eq!(send(&browser, ALL, &form).await.status(), StatusCode::BAD_REQUEST, "{extra:?}");
    }
    let answer = send(&browser, "/admin/institutes/own", &[("rev", "1"), ("name", "")]).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(texts(&answer.text().await.unwrap(), "#wrong-name").len(), 1);
    assert_eq!(app.snapshot().await, before, "nothing was stored");
    app.end().await;
}

/// To everybody but the system's admins there is nothing here; these give a fresh code first.
#[tokio::test]
async fn only_system_admins_reach_the_institutes() {
    let (app, admin, browser) = ready().await;
    let forms: [(&str, &[(&str, &str)]); 2] = [
        (ALL, &[("id", "cust111"), ("name", "Clinic")]),
        ("/admin/institutes/own", &[("rev", "1"), ("name", "Another name")]),
    ];
    let unconfirmed = app.browser_of(&admin).await;
    let before = app.snapshot().await;
    for (path, form) in forms {
        for headers in [vec![], vec![(ORIGIN, "https://evil.example".to_owned())]] {
            assert_eq!(browser.post_from(path, form, &headers).await.status(), StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(browser.post(path, form).await.status(), StatusCode::FORBIDDEN, "{path}: without the token");
        let asked = send(&unconfirmed, path, form).await;
        assert_eq!(asked.status(), StatusCode::FORBIDDEN, "{path} without a fresh code");
        assert!(asked.text().await.unwrap().contains("/account/confirm?class=administration"), "{path}");
        assert_eq!(app.stranger().post(path, form).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in [ALL, "/admin/institutes/own"] {
        assert_eq!(texts(&unconfirmed.page(path).await, "main a[href^='/account/confirm']"), ["Give a code"]);
    }
    assert_eq!(app.snapshot().await, before);
    for role in ["own:admin", "own:clinician", "own:geneticist", "own:auditor", "system:auditor", ""] {
        let grants: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let other = app.confirmed_as(grants).await;
        let before = app.snapshot().await;
        for (path, form) in forms {
            assert_eq!(other.get(path).await.status(), StatusCode::NOT_FOUND, "{path} as `{role}`");
            assert_eq!(send(&other, path, form).await.status(), StatusCode::NOT_FOUND, "{path} as `{role}`");
        }
        assert_eq!(app.snapshot().await, before, "`{role}` changed nothing");
    }
    assert_eq!(browser.get("/own/settings").await.status(), StatusCode::NOT_FOUND, "settings stay the institute's");
    assert_eq!(browser.get("/admin/institutes/nowhere").await.status(), StatusCode::NOT_FOUND);
    let csrf = browser.csrf("/account").await;
    app.tamper("users", doc! { "_id": &admin.id }, doc! { "$set": { "system_roles": ["auditor"] } }).await;
    for (path, form) in forms {
        let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        assert_eq!(browser.post(path, &form).await.status(), StatusCode::NOT_FOUND, "{path}: the right was lost");
    }
    app.end().await;
}

/// Of several who add the same institute, one does; a stale name is shown beside the stored one; sent twice is once.
#[tokio::test]
async fn nobody_overwrites_another_admin_unseen() {
    let (app, _, browser) = ready().await;
    let csrf = browser.csrf("/account").await;
    let form = [("csrf", csrf.as_str()), ("id", "cust111"), ("name", "Clinic")];
    let answers = futures::future::join_all((0..4).map(|_| browser.post(ALL, &form))).await;
    let count = |status: StatusCode| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((count(StatusCode::SEE_OTHER), count(StatusCode::UNPROCESSABLE_ENTITY)), (1, 3));
    assert_eq!(history(&app, "cust111").await.len(), 1);
    let path = "/admin/institutes/cust111";
    for _ in 0..2 {
        let answer = send(&browser, path, &[("rev", "1"), ("name", "North")]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }
    let stale = send(&browser, path, &[("rev", "1"), ("name", "South")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let text = stale.text().await.unwrap();
    assert_eq!(texts(&text, "[role=alert] strong"), ["North"]);
    assert!(text.contains("name=\"rev\" value=\"2\"") && text.contains("value=\"South\""));
    assert_eq!(history(&app, "cust111").await.len(), 2);
    app.end().await;
}

/// Members and cases are counted, none of a case is shown, and the numbers cost the same for many as for few.
#[tokio::test]
async fn institutes_are_listed_with_numbers_and_nothing_of_a_case() {
    let (app, _, browser) = ready().await;
    app.given_case("own", "canary").await;
    browser.page(ALL).await;
    let (_, few) = app.commands_during(browser.page(ALL)).await;
    for number in 0..6 {
        app.institute(&format!("cust{number}")).await;
    }
    for grants in [&["own:clinician"][..], &["own:clinician", "own:admin", "cust1:admin"], &["cust1:auditor"]] {
        app.user(grants).await;
    }
    let closed = app.user(&["own:geneticist"]).await;
    app.disabled(&closed).await;
    let (page, many) = app.commands_during(browser.page(ALL)).await;
    assert_eq!(few.len(), many.len(), "{many:?}");
    let cells = texts(&page, "tbody tr:last-child td");
    assert_eq!(cells[..3], ["own", "2 clinician, 1 admin", "1"]);
    let of_cust1 = texts(&page, "tbody tr:nth-child(2) td");
    assert_eq!(of_cust1[..3], ["cust1", "1 admin, 1 auditor", "0"]);
    let one = browser.page("/admin/institutes/own").await;
    assert_eq!(texts(&one, "tbody td[data-label='Roles here']").len(), 3);
    assert!(one.contains(&format!("/admin/users/{}", closed.id)) && one.contains("disabled"));
    assert!(!one.contains("cust1:admin") && !one.contains("canary") && !page.contains("canary"));
    app.end().await;
}

#[tokio::test]
async fn a_command_adds_an_institute_by_the_same_way() {
    let app = TestApp::start().await;
    app.institute("own").await;
    assert!(!app.cli(&["institute", "add", "own"]).await, "it is there already");
    let events = history(&app, "own").await;
    assert_eq!((events.len(), events[0].kind), (1, EventKind::InstituteAdded));
    assert!(events[0].actor.user.is_none() && events[0].actor.name.contains("command line"));
    app.end().await;
}
