//! Administration by the API: the same rules as on the pages, for people in a browser only.

use bson::doc;
use lodestone::auth::TokenScope;
use lodestone::users::User;
use reqwest::header::{CONTENT_TYPE, HeaderName, ORIGIN};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Browser, CSRF, TestApp};

const USERS: &str = "/api/v1/admin/users";
const INSTITUTES: &str = "/api/v1/admin/institutes";

/// Admins of the system and of institute `own` who gave a fresh code, and a member of `own`.
struct Ready {
    app: TestApp,
    admin: User,
    system: Browser,
    own: Browser,
    member: User,
}

async fn ready() -> Ready {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    let admin = app.user(&["system:admin"]).await;
    let system = app.confirmed(&admin).await;
    let own = app.confirmed_as(&["own:admin"]).await;
    let member = app.user(&["own:clinician"]).await;
    Ready { app, admin, system, own, member }
}

fn at(person: &User, action: &str) -> String {
    format!("{USERS}/{}{action}", person.id)
}

async fn body(answer: Response, status: StatusCode) -> Value {
    let path = answer.url().path().to_owned();
    assert_eq!(answer.status(), status, "{path}: {}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// A refusal, which is a problem with its status (RFC 9457).
async fn problem(answer: Response, status: StatusCode) -> Value {
    let path = answer.url().path().to_owned();
    assert_eq!(answer.status(), status, "{path}");
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json", "{path}");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status.as_u16(), "{path}");
    problem
}

/// Every address that changes something, with content that fits; whether it takes a fresh code.
fn changes(member: &User) -> Vec<(&'static str, String, Value, bool)> {
    let person = json!({ "email": "new@lab.example", "name": "New", "roles": ["own:clinician"] });
    let settings = json!({
        "rev": 1, "name": "Our clinic", "frequency_cutoff": 0.02, "links": [], "share_with": [],
        "cutoffs": {
            "frequency": [0.01], "local_obs": [1.0], "cadd": [10.0], "revel": [0.5], "spliceai": [0.5], "rank_score": [5.0],
        },
    });
    let here = |action: &str| format!("/api/v1/own/members/{}{action}", member.id);
    vec![
        ("POST", USERS.to_owned(), person, true),
        ("POST", at(member, "/roles"), json!({ "rev": 1, "add": ["own:geneticist"] }), true),
        ("POST", at(member, "/disable"), json!({ "rev": 1 }), true),
        ("POST", at(member, "/enable"), json!({ "rev": 1 }), true),
        ("POST", at(member, "/invite"), json!({}), true),
        ("POST", INSTITUTES.to_owned(), json!({ "id": "cust111", "name": "Clinic" }), true),
        ("PUT", format!("{INSTITUTES}/own"), json!({ "rev": 1, "name": "North" }), true),
        (
            "POST",
            "/api/v1/own/members".to_owned(),
            json!({ "email": "m@lab.example", "name": "M", "role": "clinician" }),
            true,
        ),
        ("POST", here("/roles"), json!({ "shown": ["clinician"], "roles": ["admin"] }), true),
        ("POST", here("/invite"), json!({}), true),
        ("PUT", "/api/v1/own/settings".to_owned(), settings, false),
    ]
}

fn reads(member: &User) -> Vec<String> {
    let fixed = [USERS, INSTITUTES, "/api/v1/admin/providers", "/api/v1/own/members", "/api/v1/own/settings"];
    fixed.iter().map(ToString::to_string).chain([at(member, "")]).collect()
}

/// The list above is whole.
#[test]
fn every_address_of_administration_is_tried() {
    let member = "a".repeat(26);
    let user = User {
        id: member.parse().unwrap(),
        email: "ann@lab.example".parse().unwrap(),
        name: "Ann".into(),
        memberships: vec![],
        system_roles: vec![],
        disabled: false,
        created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        rev: 1,
    };
    let mut tried: Vec<(String, String)> =
        changes(&user).into_iter().map(|(method, path, ..)| (method.to_owned(), path)).collect();
    tried.extend(reads(&user).into_iter().map(|path| ("GET".to_owned(), path)));
    tried.sort();
    let administers =
        |path: &str| path.starts_with("/api/v1/admin/") || path.contains("/members") || path.ends_with("/settings");
    let routes = lodestone::app::routes();
    let mut routed: Vec<(String, String)> = routes
        .table()
        .iter()
        .filter(|route| route.path.starts_with("/api/") && administers(route.path))
        .map(|route| (route.method.to_string(), route.path.replace("{institute}", "own").replace("{user}", &member)))
        .collect();
    routed.sort();
    assert_eq!(tried, routed);
}

/// A token never administers, whoever made it, and learns nothing of what there is.
#[tokio::test]
async fn a_token_is_refused_everywhere() {
    let Ready { app, member, .. } = ready().await;
    let all = app.user(&["own:clinician", "own:admin", "system:admin"]).await;
    app.confirmed(&all).await;
    let own = "own".parse().unwrap();
    let script = app.stranger();
    for scope in [TokenScope::Read, TokenScope::Load] {
        let token = app.app.tokens.create(&all.id, &own, scope, 30, app.clock.now()).await.unwrap();
        assert_eq!(script.with_token("/api/v1/own/cases", &token).await.status(), StatusCode::OK, "it reads cases");
        let before = app.snapshot().await;
        for (method, path, ..) in changes(&member) {
            problem(script.json_with_token(method, &path, &token).await, StatusCode::FORBIDDEN).await;
        }
        let elsewhere = ["/api/v1/foreign/members", "/api/v1/nowhere/members", "/api/v1/nowhere/settings"];
        for path in reads(&member).into_iter().chain(elsewhere.map(str::to_owned)) {
            let refused = problem(script.with_token(&path, &token).await, StatusCode::FORBIDDEN).await;
            assert!(refused["detail"].as_str().unwrap().contains("An API token never administers"), "{path}");
        }
        assert_eq!(app.snapshot().await, before);
    }
    app.end().await;
}

/// S6, S7, S17: a change needs the session's own token in its header, our origin, JSON of its own fields, and a fresh code.
#[tokio::test]
async fn each_change_is_taken_whole_and_from_our_own_pages() {
    let Ready { app, admin, system, own, member } = ready().await;
    let before = app.snapshot().await;
    for (method, path, content, takes_code) in changes(&member) {
        let browser = if path.starts_with("/api/v1/own") { &own } else { &system };
        let csrf = browser.csrf("/account").await;
        let foreign = app.browser_of(&admin).await.csrf("/account").await;
        let ours = (ORIGIN, app.origin.clone());
        let token = (CSRF, csrf.clone());
        let site = (HeaderName::from_static("sec-fetch-site"), "cross-site".to_owned());
        for headers in [
            vec![ours.clone()],
            vec![ours.clone(), (CSRF, String::new())],
            vec![ours.clone(), (CSRF, "x".to_owned())],
            vec![ours.clone(), (CSRF, foreign)],
            vec![token.clone()],
            vec![token.clone(), (ORIGIN, "https://evil.example".to_owned())],
            vec![token.clone(), ours.clone(), site],
        ] {
            let answer = browser.send_json(method, &path, &content, &headers).await;
            let refused = problem(answer, StatusCode::FORBIDDEN).await;
            assert_eq!(refused["confirm"], Value::Null, "{method} {path}: {headers:?}");
        }
        let form = [ours.clone(), token, (CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned())];
        problem(browser.send_json(method, &path, &content, &form).await, StatusCode::BAD_REQUEST).await;
        for extra in ["_id", "memberships", "system_roles", "created_at", "$set", "by"] {
            let mut more = content.clone();
            more[extra] = json!("system:admin");
            problem(browser.ask(method, &path, &more).await, StatusCode::BAD_REQUEST).await;
        }
        problem(browser.ask(method, &path, &json!("x")).await, StatusCode::BAD_REQUEST).await;
        let stranger = app.stranger().send_json(method, &path, &content, &[ours]).await;
        problem(stranger, StatusCode::UNAUTHORIZED).await;
        if takes_code {
            let role = if path.starts_with("/api/v1/own") { "own:admin" } else { "system:admin" };
            let unconfirmed = app.signed_in(&[role]).await;
            let asked = problem(unconfirmed.ask(method, &path, &content).await, StatusCode::FORBIDDEN).await;
            assert_eq!(asked["confirm"], "/account/confirm?class=administration", "{method} {path}");
            assert!(asked["detail"].as_str().unwrap().contains("a fresh code"), "{asked}");
        }
    }
    let untouched = |all: Vec<(String, Vec<bson::Document>)>| {
        all.into_iter().filter(|(name, _)| name != "users").collect::<Vec<_>>()
    };
    assert_eq!(untouched(app.snapshot().await), untouched(before));
    assert_eq!(app.app.users.by_id(&member.id).await.unwrap().unwrap().rev, 1);
    app.end().await;
}

/// To whoever does not administer what the address names, there is nothing.
#[tokio::test]
async fn others_find_nothing() {
    let Ready { app, member, .. } = ready().await;
    for role in ["own:clinician", "own:auditor", "foreign:admin", "system:auditor", "own:admin", "system:admin", ""] {
        let grants: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let browser = app.confirmed_as(grants).await;
        let before = app.snapshot().await;
        let open = |path: &str| match role {
            "own:admin" => path.starts_with("/api/v1/own"),
            "system:admin" => path.starts_with("/api/v1/admin"),
            _ => false,
        };
        for path in reads(&member) {
            let expected = if open(&path) { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(browser.get(&path).await.status(), expected, "{path} as `{role}`");
        }
        for (method, path, content, _) in changes(&member) {
            if !open(&path) {
                problem(browser.ask(method, &path, &content).await, StatusCode::NOT_FOUND).await;
            }
        }
        assert_eq!(app.snapshot().await, before, "`{role}`");
    }
    app.end().await;
}

/// From somebody new to somebody disabled, with the history that pages make.
#[tokio::test]
async fn a_person_is_added_invited_changed_and_disabled() {
    let Ready { app, system, .. } = ready().await;
    let wanted = json!({ "email": " New@Lab.Example", "name": "Nora", "roles": ["own:clinician", "system:auditor"] });
    let added = body(system.ask("POST", USERS, &wanted).await, StatusCode::CREATED).await;
    assert_eq!(added["email"], "new@lab.example");
    assert_eq!(added["roles"], json!(["system:auditor", "own:clinician"]));
    assert_eq!((&added["rev"], &added["disabled"]), (&json!(1), &json!(false)));
    let one = format!("{USERS}/{}", added["id"].as_str().unwrap());
    assert_eq!(system.json(&one).await, added);
    let listed = system.json(USERS).await;
    assert!(listed["users"].as_array().unwrap().contains(&added), "the list says the same");
    assert!(!listed.to_string().contains("hash") && !listed.to_string().contains("argon2"), "nothing secret");

    let made = body(system.ask("POST", &format!("{one}/invite"), &json!({})).await, StatusCode::OK).await;
    let link = made["link"].as_str().unwrap().strip_prefix(&app.origin).unwrap().to_owned();
    assert!(app.stranger().page(&link).await.contains("new@lab.example"));

    let change = json!({ "rev": 1, "add": ["own:geneticist"], "remove": ["system:auditor"] });
    let changed = body(system.ask("POST", &format!("{one}/roles"), &change).await, StatusCode::OK).await;
    assert_eq!((&changed["roles"], &changed["rev"]), (&json!(["own:clinician", "own:geneticist"]), &json!(2)));
    assert_eq!(app.stranger().get(&link).await.status(), StatusCode::NOT_FOUND, "open invitations ended");
    let again = body(system.ask("POST", &format!("{one}/roles"), &change).await, StatusCode::OK).await;
    assert_eq!(again, changed, "sent twice, changed once");
    for (action, disabled, rev) in [("disable", true, 2), ("enable", false, 3)] {
        let path = format!("{one}/{action}");
        let now = body(system.ask("POST", &path, &json!({ "rev": rev })).await, StatusCode::OK).await;
        assert_eq!((&now["disabled"], &now["rev"]), (&json!(disabled), &json!(rev + 1)));
        if disabled {
            let refused = system.ask("POST", &format!("{one}/invite"), &json!({})).await;
            let refused = problem(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
            assert!(refused["errors"][0]["message"].as_str().unwrap().contains("Enable it first"));
        }
    }
    let subject = format!("user/{}", added["id"].as_str().unwrap());
    let events = app.documents("events", doc! { "rev": 1 }).await;
    let of_person: Vec<_> = events.iter().filter(|event| event.get_str("subject").unwrap() == subject).collect();
    assert_eq!(of_person.iter().map(|event| event.get_i64("rev").unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let entries = app.audit_entries().await;
    let trail = entries.iter().map(ToString::to_string).collect::<String>();
    assert!(trail.contains("own:geneticist") && !trail.contains(link.split('=').nth(1).unwrap()));
    app.end().await;
}

/// What cannot be is named by field; what somebody else changed first is a conflict with the present revision; the rules for
/// one's own account hold.
#[tokio::test]
async fn what_cannot_be_done_to_people_is_named() {
    let Ready { app, admin, system, member, .. } = ready().await;
    let fields = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    let before = app.snapshot().await;
    for (content, wrong) in [
        (json!({ "email": member.email, "name": "N", "roles": ["own:admin"] }), vec!["email"]),
        (json!({ "email": "x", "name": " ", "roles": [] }), vec!["email", "name", "roles"]),
        (
            json!({ "email": "b@lab.example", "name": "N", "roles": ["own:admin", "far:admin", "boss"] }),
            vec!["roles[1]", "roles[2]"],
        ),
    ] {
        let refused = problem(system.ask("POST", USERS, &content).await, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(fields(&refused), wrong, "{content}");
    }
    for (action, content, field, why) in [
        ("/disable", json!({ "rev": 1 }), "disabled", "cannot disable your own account"),
        ("/roles", json!({ "rev": 1, "add": ["own:admin"] }), "roles", "gives themselves a role"),
        ("/roles", json!({ "rev": 1, "remove": ["system:admin"] }), "roles", "cannot end your own administrator role"),
    ] {
        let answer = system.ask("POST", &at(&admin, action), &content).await;
        let refused = problem(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(fields(&refused), [field]);
        assert!(refused.to_string().contains(why), "{refused}");
    }
    assert_eq!(app.snapshot().await, before);
    assert_eq!(system.get(&format!("{USERS}/{}", "a".repeat(26))).await.status(), StatusCode::NOT_FOUND);

    let change = json!({ "rev": 1, "add": ["own:admin"] });
    body(system.ask("POST", &at(&member, "/roles"), &change).await, StatusCode::OK).await;
    for (action, stale) in
        [("/roles", json!({ "rev": 1, "add": ["foreign:admin"] })), ("/disable", json!({ "rev": 1 }))]
    {
        let conflict = problem(system.ask("POST", &at(&member, action), &stale).await, StatusCode::CONFLICT).await;
        assert_eq!(conflict["rev"], 2, "{action}");
    }
    let csrf = system.csrf("/account").await;
    let headers = [(ORIGIN, app.origin.clone()), (CSRF, csrf)];
    let roles = at(&member, "/roles");
    let answers = futures::future::join_all(["clinician", "researcher", "auditor"].map(|role| {
        let content = json!({ "rev": 2, "add": [format!("foreign:{role}")] });
        let (system, roles, headers) = (&system, &roles, &headers);
        async move { system.send_json("POST", roles, &content, headers).await.status() }
    }))
    .await;
    let count = |status: StatusCode| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::CONFLICT)), (1, 2), "{answers:?}");
    app.end().await;
}

#[tokio::test]
async fn institutes_are_listed_added_and_renamed() {
    let Ready { app, system, .. } = ready().await;
    app.given_case("own", "canary").await;
    let listed = system.json(INSTITUTES).await;
    let own = listed["institutes"].as_array().unwrap().iter().find(|one| one["id"] == "own").unwrap().clone();
    assert_eq!((&own["members"], &own["cases"]), (&json!({ "admin": 1, "clinician": 1 }), &json!(1)));
    assert!(!listed.to_string().contains("canary") && own.get("settings").is_none());
    let wanted = json!({ "id": "cust111", "name": "Clinic" });
    let added = body(system.ask("POST", INSTITUTES, &wanted).await, StatusCode::CREATED).await;
    assert_eq!((&added["id"], &added["rev"]), (&json!("cust111"), &json!(1)));
    for (id, name, field) in [("cust111", "Again", "id"), ("audit", "Reserved", "id"), ("cust222", " ", "name")] {
        let answer = system.ask("POST", INSTITUTES, &json!({ "id": id, "name": name })).await;
        let refused = problem(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["errors"][0]["field"], field, "{id}");
    }
    let path = format!("{INSTITUTES}/cust111");
    for _ in 0..2 {
        let renamed = system.ask("PUT", &path, &json!({ "rev": 1, "name": "North" })).await;
        let renamed = body(renamed, StatusCode::OK).await;
        assert_eq!((&renamed["name"], &renamed["rev"]), (&json!("North"), &json!(2)));
    }
    let stale = system.ask("PUT", &path, &json!({ "rev": 1, "name": "South" })).await;
    assert_eq!(problem(stale, StatusCode::CONFLICT).await["rev"], 2);
    let absent = system.ask("PUT", &format!("{INSTITUTES}/nowhere"), &json!({ "rev": 1, "name": "South" })).await;
    problem(absent, StatusCode::NOT_FOUND).await;
    app.end().await;
}

/// An institute's admins see and change what concerns their institute; of somebody's life elsewhere no word is said.
#[tokio::test]
async fn members_are_those_of_one_institute() {
    let Ready { app, own, member, .. } = ready().await;
    let both = app.user(&["own:geneticist", "foreign:admin", "system:auditor"]).await;
    let foreign = app.user(&["foreign:clinician"]).await;
    let listed = own.json("/api/v1/own/members").await;
    let of = |listed: &Value, user: &User| {
        let members = listed["members"].as_array().unwrap().clone();
        members.into_iter().find(|one| one["id"] == user.id.as_str())
    };
    let shown = of(&listed, &both).unwrap();
    assert_eq!((&shown["roles"], &shown["tokens"]), (&json!(["geneticist"]), &json!(0)));
    assert!(of(&listed, &foreign).is_none());
    for word in ["foreign", "system", "\"rev\"", foreign.email.as_str()] {
        assert!(!listed.to_string().contains(word), "{word}");
    }
    let add = |email: &str| json!({ "email": email, "name": "Nora", "role": "clinician" });
    let path = "/api/v1/own/members";
    let joined = body(own.ask("POST", path, &add(foreign.email.as_str())).await, StatusCode::CREATED).await;
    assert_eq!((&joined["name"], &joined["roles"]), (&json!("Ann Example"), &json!(["clinician"])));
    assert!(!joined.to_string().contains("foreign"));
    let new = body(own.ask("POST", path, &add("new@lab.example")).await, StatusCode::CREATED).await;
    assert_eq!(new["name"], "Nora");
    for (content, field) in [
        (add("new@lab.example"), "email"),
        (json!({ "email": "x@lab.example", "name": "X", "role": "system:admin" }), "role"),
    ] {
        let refused = problem(own.ask("POST", path, &content).await, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["errors"][0]["field"], field);
    }

    let here = |user: &User, action: &str| format!("{path}/{}{action}", user.id);
    let change = json!({ "shown": ["clinician"], "roles": ["clinician", "auditor"] });
    let changed = body(own.ask("POST", &here(&member, "/roles"), &change).await, StatusCode::OK).await;
    assert_eq!(changed["roles"], json!(["auditor", "clinician"]));
    let stale = json!({ "shown": ["clinician"], "roles": [] });
    let conflict = problem(own.ask("POST", &here(&member, "/roles"), &stale).await, StatusCode::CONFLICT).await;
    assert!(conflict.get("rev").is_none(), "a revision would tell of changes elsewhere");
    for role in ["system:admin", "foreign:admin", "boss"] {
        let content = json!({ "shown": ["auditor", "clinician"], "roles": [role] });
        let refused = own.ask("POST", &here(&member, "/roles"), &content).await;
        let refused = problem(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["errors"][0]["field"], "roles[0]");
    }
    let made = body(own.ask("POST", &here(&member, "/invite"), &json!({})).await, StatusCode::OK).await;
    assert!(made["link"].as_str().unwrap().starts_with(&app.origin));
    let refused = own.ask("POST", &here(&both, "/invite"), &json!({})).await;
    let refused = problem(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert!(refused.to_string().contains("not of this institute alone"));
    let mut nobody = member.clone();
    nobody.id = lodestone::ids::UserId::random();
    problem(own.ask("POST", &here(&nobody, "/invite"), &json!({})).await, StatusCode::NOT_FOUND).await;
    let grants = app.app.users.by_id(&both.id).await.unwrap().unwrap().grants();
    assert_eq!(grants.len(), 3, "all roles elsewhere stay");
    app.end().await;
}

#[tokio::test]
async fn settings_are_read_changed_and_sent_back() {
    let Ready { app, own, .. } = ready().await;
    let path = "/api/v1/own/settings";
    let read = own.json(path).await;
    assert_eq!((&read["rev"], &read["name"], &read["frequency_cutoff"]), (&json!(1), &json!("own"), &json!(0.01)));
    let same = body(own.ask("PUT", path, &read).await, StatusCode::OK).await;
    assert_eq!(same, read, "sent back as it was, nothing is changed");
    let mut wanted = read.clone();
    wanted["frequency_cutoff"] = json!(0.035);
    wanted["cutoffs"]["cadd"] = json!([17.5, 12]);
    wanted["links"] = json!(["ucsc"]);
    wanted["share_with"] = json!(["foreign"]);
    let saved = body(own.ask("PUT", path, &wanted).await, StatusCode::OK).await;
    assert_eq!((&saved["rev"], &saved["cutoffs"]["cadd"]), (&json!(2), &json!([12.0, 17.5])));
    assert_eq!(own.json(path).await, saved);
    let page = own.page("/own/settings").await;
    assert!(page.contains("Frequency of the clinical filter: 0.01 → 0.035"), "the page shows it in the history");

    let stale = problem(own.ask("PUT", path, &read).await, StatusCode::CONFLICT).await;
    assert_eq!(stale["rev"], 2);
    let change = |field: &str, value: Value| {
        let mut content = saved.clone();
        match field.split_once('.') {
            Some((outer, inner)) => content[outer][inner] = value,
            None => content[field] = value,
        }
        content
    };
    for (field, value, named) in [
        ("frequency_cutoff", json!(1.5), "frequency_cutoff"),
        ("name", json!(" "), "name"),
        ("cutoffs.cadd", json!([]), "cutoffs.cadd"),
        ("cutoffs.revel", json!([2]), "cutoffs.revel"),
        ("links", json!(["elsewhere"]), "links[0]"),
        ("share_with", json!(["nowhere"]), "share_with"),
        ("share_with", json!(["own"]), "share_with"),
        ("share_with", json!(["a b"]), "share_with[0]"),
    ] {
        let answer = own.ask("PUT", path, &change(field, value)).await;
        let refused = problem(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["errors"][0]["field"], named, "{refused}");
    }
    for (field, value) in [
        ("frequency_cutoff", json!("0.01")),
        ("cutoffs.gnomad", json!([1])),
        ("rev", json!("2")),
        ("links", json!(null)),
    ] {
        problem(own.ask("PUT", path, &change(field, value)).await, StatusCode::BAD_REQUEST).await;
    }
    assert_eq!(own.json(path).await, saved);
    app.end().await;
}
