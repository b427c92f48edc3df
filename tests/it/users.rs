//! People of the system: who may change whom, that nobody's change is lost, and what a change ends.

use bson::doc;
use lodestone::audit::flags::runner;
use lodestone::users::User;
use reqwest::header::{HeaderName, ORIGIN};
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::support::{Browser, TestApp};

/// A person of institute `own`, and an admin of the system who gave a fresh code.
async fn ready() -> (TestApp, User, Browser, User) {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let admin = app.user(&["system:admin"]).await;
    let browser = app.confirmed(&admin).await;
    let person = app.user(&["own:clinician"]).await;
    (app, admin, browser, person)
}

fn at(person: &User, action: &str) -> String {
    format!("/admin/users/{}{action}", person.id)
}

/// Sends a form with the page's token.
async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Response {
    let csrf = browser.csrf("/account").await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(path, &form).await
}

async fn stored(app: &TestApp, person: &User) -> User {
    app.app.users.by_id(&person.id).await.unwrap().unwrap()
}

/// Revisions and kinds of a person's history.
async fn history(app: &TestApp, person: &User) -> Vec<bson::Document> {
    let all = app.documents("events", doc! { "rev": 1 }).await;
    let subject = format!("user/{}", person.id);
    all.into_iter().filter(|event| event.get_str("subject").unwrap() == subject).collect()
}

fn texts(page: &str, selector: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    html.select(&Selector::parse(selector).unwrap())
        .map(|element| element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Every form of the system's pages with content that fits.
fn forms(person: &User) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    vec![
        (
            "/admin/users".into(),
            vec![("email", "new@lab.example"), ("name", "New"), ("place", "own"), ("role", "clinician")],
        ),
        (at(person, "/roles"), vec![("rev", "1"), ("place", "own"), ("role", "geneticist")]),
        (at(person, "/disable"), vec![("rev", "1")]),
        (at(person, "/enable"), vec![("rev", "1")]),
        (at(person, "/invite"), vec![]),
        (at(person, "/reset"), vec![]),
        (at(person, "/reset/confirm"), vec![]),
    ]
}

/// I1: role by action. To everybody but the system's admins there is nothing here, and nothing happens.
#[tokio::test]
async fn only_system_admins_reach_people() {
    let (app, _, _, person) = ready().await;
    for role in [
        "own:clinician",
        "own:geneticist",
        "own:researcher",
        "own:admin",
        "own:auditor",
        "two:admin",
        "two:clinician",
        "system:auditor",
        "",
    ] {
        let grants: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let user = app.user(grants).await;
        let browser = app.confirmed(&user).await;
        let before = app.snapshot().await;
        for path in ["/admin/users", &at(&person, "")] {
            assert_eq!(browser.get(path).await.status(), StatusCode::NOT_FOUND, "{path} as `{role}`");
        }
        for (path, form) in forms(&person) {
            assert_eq!(send(&browser, &path, &form).await.status(), StatusCode::NOT_FOUND, "{path} as `{role}`");
        }
        assert_eq!(app.snapshot().await, before, "`{role}` changed nothing");
        assert!(!browser.page("/account").await.contains("href=\"/admin/users\""));
    }
    for (path, form) in forms(&person) {
        assert_eq!(app.stranger().post(&path, &form).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let both = app.user(&["own:clinician", "system:admin"]).await;
    let own = "own".parse().unwrap();
    let scope = lodestone::auth::TokenScope::Read;
    let token = app.app.tokens.create(&both.id, &own, scope, 1, app.clock.now()).await.unwrap();
    assert_eq!(app.stranger().with_token("/admin/users", &token).await.status(), StatusCode::NOT_FOUND, "a script");
    app.end().await;
}

/// S6, S7, S17, I14: each form needs its token, our origin, a fresh code and its own fields only; else nothing happens.
#[tokio::test]
async fn each_form_is_taken_whole_and_from_our_own_pages() {
    let (app, admin, browser, person) = ready().await;
    let csrf = browser.csrf("/account").await;
    let foreign = app.signed_in(&["system:admin"]).await.csrf("/account").await;
    let site = HeaderName::from_static("sec-fetch-site");
    let ours = (ORIGIN, app.origin.clone());
    let unconfirmed = app.browser_of(&admin).await;
    let before = app.snapshot().await;
    for (path, form) in forms(&person) {
        let with = |token: &'static str| form.iter().copied().chain([("csrf", token)]).collect::<Vec<_>>();
        let good: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        let other: Vec<_> = form.iter().copied().chain([("csrf", foreign.as_str())]).collect();
        for bad in [form.clone(), with(""), with("x")] {
            assert_eq!(browser.post(&path, &bad).await.status(), StatusCode::FORBIDDEN, "{path}: {bad:?}");
        }
        assert_eq!(browser.post(&path, &other).await.status(), StatusCode::FORBIDDEN, "{path}: another session's");
        for headers in [
            vec![],
            vec![(ORIGIN, "null".to_owned())],
            vec![(ORIGIN, "https://evil.example".to_owned())],
            vec![ours.clone(), (site.clone(), "cross-site".to_owned())],
        ] {
            let answer = browser.post_from(&path, &good, &headers).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}: {headers:?}");
        }
        let asked = send(&unconfirmed, &path, &form).await;
        assert_eq!(asked.status(), StatusCode::FORBIDDEN, "{path} without a fresh code");
        assert!(asked.text().await.unwrap().contains("/account/confirm?class=administration"), "{path}");
        for extra in ["institute", "memberships", "system_roles", "_id", "owner", "$set", "a.b", "disabled", "by"] {
            let mut more = form.clone();
            more.push((extra, "system:admin"));
            assert_eq!(send(&browser, &path, &more).await.status(), StatusCode::BAD_REQUEST, "{path}: {extra}");
        }
        if form.contains(&("rev", "1")) {
            let twice: Vec<_> = form.iter().copied().chain([("rev", "1")]).collect();
            assert_eq!(send(&browser, &path, &twice).await.status(), StatusCode::BAD_REQUEST, "{path}: twice");
        }
    }
    assert_eq!(app.snapshot().await, before);
    for path in ["/admin/users", &at(&person, "")] {
        assert_eq!(texts(&unconfirmed.page(path).await, "main a[href^='/account/confirm']"), ["Give a code"]);
        assert_eq!(texts(&browser.page(path).await, "main a[href^='/account/confirm']").len(), 0);
    }
    app.end().await;
}

#[tokio::test]
async fn a_person_is_added_invited_and_shown() {
    let (app, admin, browser, _) = ready().await;
    let form = [
        ("email", " New@Lab.Example"),
        ("name", "<b>Nora</b>"),
        ("place", "own"),
        ("role", "clinician"),
        ("place", "system"),
        ("role", "auditor"),
        ("place", ""),
        ("role", ""),
    ];
    let added = send(&browser, "/admin/users", &form).await;
    assert_eq!(added.status(), StatusCode::SEE_OTHER);
    let to = added.headers()["location"].to_str().unwrap().to_owned();
    let person = app.app.users.by_email(&"new@lab.example".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(to, format!("/admin/users/{}?done=added", person.id));
    assert_eq!(person.grants(), ["system:auditor", "own:clinician"]);
    let events = history(&app, &person).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].get_document("actor").unwrap().get_str("user").unwrap(), admin.id.as_str());
    assert!(browser.page(&to).await.contains("added, given system:auditor, given own:clinician"));
    let list = browser.page("/admin/users").await;
    assert!(list.contains("new@lab.example") && list.contains("nothing set up") && !list.contains("<b>Nora"));

    for (wrong, field) in [
        (vec![("email", "new@lab.example"), ("name", "N"), ("place", "own"), ("role", "admin")], "email"),
        (vec![("email", "x"), ("name", "N"), ("place", "own"), ("role", "admin")], "email"),
        (vec![("email", "b@lab.example"), ("name", " "), ("place", "own"), ("role", "admin")], "name"),
        (vec![("email", "b@lab.example"), ("name", "N"), ("place", ""), ("role", "")], "role-0"),
        (vec![("email", "b@lab.example"), ("name", "N"), ("place", "nowhere"), ("role", "admin")], "role-0"),
        (vec![("email", "b@lab.example"), ("name", "N"), ("place", "system"), ("role", "clinician")], "role-0"),
    ] {
        let answer = send(&browser, "/admin/users", &wrong).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
        let text = answer.text().await.unwrap();
        let html = Html::parse_document(&text);
        let marked = Selector::parse(&format!("#field-{field}[aria-invalid=true]")).unwrap();
        assert_eq!(html.select(&marked).count(), 1, "{wrong:?}");
        let named = Selector::parse(&format!("#wrong-{field}")).unwrap();
        assert_eq!(html.select(&named).count(), 1, "{wrong:?}");
        let typed = Selector::parse("input[name=name]").unwrap();
        assert_eq!(html.select(&typed).next().unwrap().attr("value"), Some(wrong[1].1));
    }

    let answer = send(&browser, &at(&person, "/invite"), &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["clear-site-data"], "\"cache\"");
    let text = answer.text().await.unwrap();
    let link = texts(&text, "main code").remove(0);
    assert!(text.contains("for 72 hours"));
    let path = link.strip_prefix(&app.origin).unwrap().to_owned();
    assert!(app.stranger().page(&path).await.contains("new@lab.example"));
    let token = path.split('=').nth(1).unwrap();
    assert!(!browser.page(&at(&person, "")).await.contains(token), "shown once");
    for entry in app.audit_entries().await {
        assert!(!entry.to_string().contains(token));
    }
    app.end().await;
}

/// S5, A19: roles that change end what was open by those of before, at once and with their history.
#[tokio::test]
async fn a_change_of_roles_ends_what_was_open() {
    let (app, _, browser, person) = ready().await;
    app.given_case("own", "fam").await;
    let own = "own".parse().unwrap();
    let their = app.browser_of(&person).await;
    assert_eq!(their.get("/own").await.status(), StatusCode::OK);
    let scope = lodestone::auth::TokenScope::Read;
    let token = app.app.tokens.create(&person.id, &own, scope, 30, app.clock.now()).await.unwrap();
    let link = app.app.sign_in.invitations.create(&person.id, "test", app.clock.now()).await.unwrap();

    let more = [("rev", "1"), ("place", "own"), ("role", "clinician"), ("place", "own"), ("role", "admin")];
    assert_eq!(send(&browser, &at(&person, "/roles"), &more).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(their.get("/own").await.status(), StatusCode::SEE_OTHER, "also for more rights: they sign in anew");
    assert_eq!(app.stranger().get(&format!("/auth/invitation?token={link}")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.stranger().with_token("/api/v1/own/fam", &token).await.status(), StatusCode::OK, "still a reader");

    let their = app.browser_of(&person).await;
    let other = [("rev", "2"), ("place", "two"), ("role", "clinician")];
    assert_eq!(send(&browser, &at(&person, "/roles"), &other).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(their.get("/own").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(app.stranger().with_token("/api/v1/own/fam", &token).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(app.documents("api_tokens", doc! {}).await.len(), 0);

    let their = app.browser_of(&person).await;
    assert_eq!(send(&browser, &at(&person, "/disable"), &[("rev", "3")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(their.get("/two").await.status(), StatusCode::SEE_OTHER, "disabled");
    assert_eq!(send(&browser, &at(&person, "/invite"), &[]).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&browser, &at(&person, "/enable"), &[("rev", "4")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(their.get("/two").await.status(), StatusCode::SEE_OTHER, "the session stays ended");
    assert_eq!(app.browser_of(&person).await.get("/two").await.status(), StatusCode::OK);

    let events = history(&app, &person).await;
    assert_eq!(events.iter().map(|event| event.get_i64("rev").unwrap()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    for pair in events.windows(2) {
        assert_eq!(pair[0].get("after"), pair[1].get("before"));
    }
    let shown = browser.page(&at(&person, "")).await;
    for line in
        ["given own:admin", "given two:clinician, ended own:admin, ended own:clinician", ": disabled", ": enabled"]
    {
        assert!(shown.contains(line), "{line}");
    }
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    runner::run(&app.app).await.unwrap();
    let flags = app.documents("audit_flags", doc! { "_id": 1 }).await;
    let of = |rule: &str| -> Vec<String> {
        let found = flags.iter().filter(|flag| flag.get_str("rule").is_ok_and(|name| name == rule));
        found.map(|flag| flag.get_str("reason").unwrap().to_owned()).collect()
    };
    let rights = of("rights_changed");
    assert_eq!(rights.len(), 2, "{flags:?}");
    for words in ["gave the role own:admin.", "gave the role two:clinician, took the role own:admin"] {
        assert!(rights.iter().any(|reason| reason.contains(words)), "{words}: {rights:?}");
    }
    assert_eq!(of("enabled_again").len(), 1);

    let entries = app.audit_entries().await;
    let noted = entries.iter().filter(|entry| entry.to_string().contains("two:clinician")).count();
    assert!(noted > 0, "the trail says which roles were given");
    app.end().await;
}

/// A stale change is shown beside what is stored; of many at once, one wins; sent twice is once.
#[tokio::test]
async fn nobody_overwrites_another_admin_unseen() {
    let (app, _, browser, person) = ready().await;
    let roles = at(&person, "/roles");
    let first = [("rev", "1"), ("place", "own"), ("role", "geneticist")];
    assert_eq!(send(&browser, &roles, &first).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&browser, &roles, &first).await.status(), StatusCode::SEE_OTHER, "twice is once");
    let stale = send(&browser, &roles, &[("rev", "1"), ("place", "two"), ("role", "clinician")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let text = stale.text().await.unwrap();
    assert_eq!(texts(&text, "[role=alert] dd"), ["own:geneticist", "two:clinician"]);
    assert_eq!(texts(&text, "main form[action$='/roles'] button"), ["Save mine all the same"]);
    assert!(text.contains("name=\"rev\" value=\"2\""));
    let stale = send(&browser, &at(&person, "/disable"), &[("rev", "1")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    assert!(!stored(&app, &person).await.disabled);

    let csrf = browser.csrf("/account").await;
    let places = ["clinician", "researcher", "admin", "auditor"];
    let answers = futures::future::join_all(places.iter().map(|role| {
        let form = [("csrf", csrf.as_str()), ("rev", "2"), ("place", "two"), ("role", *role)];
        let (browser, roles) = (&browser, &roles);
        async move { browser.post(roles, &form).await.status() }
    }))
    .await;
    let count = |status: StatusCode| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(StatusCode::SEE_OTHER), count(StatusCode::CONFLICT)), (1, 3), "{answers:?}");
    assert_eq!(history(&app, &person).await.len(), 2);
    app.end().await;
}

/// Nobody becomes more by their own hand, and the system is never left without an admin.
#[tokio::test]
async fn the_last_admin_stays() {
    let (app, admin, browser, _) = ready().await;
    for (action, form, why) in [
        ("/roles", vec![("rev", "1")], "cannot end your own administrator role"),
        ("/roles", vec![("rev", "1"), ("place", "own"), ("role", "admin")], "gives themselves a role"),
        (
            "/roles",
            vec![("rev", "1"), ("place", "system"), ("role", "admin"), ("place", "own"), ("role", "clinician")],
            "gives themselves a role",
        ),
        ("/disable", vec![("rev", "1")], "cannot disable your own account"),
    ] {
        let answer = send(&browser, &at(&admin, action), &form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{form:?}");
        assert!(answer.text().await.unwrap().contains(why), "{why}");
    }
    assert_eq!(history(&app, &admin).await.len(), 0);
    for _ in 0..4 {
        let one = app.user(&["system:admin"]).await;
        let two = app.user(&["system:admin"]).await;
        let (first, second) = (app.confirmed(&one).await, app.confirmed(&two).await);
        let (one_csrf, two_csrf) = (first.csrf("/account").await, second.csrf("/account").await);
        let (of_two, of_one) = (at(&two, "/disable"), at(&one, "/roles"));
        let disable = [("csrf", one_csrf.as_str()), ("rev", "1")];
        let demote = [("csrf", two_csrf.as_str()), ("rev", "1")];
        let (left, right) = tokio::join!(first.post(&of_two, &disable), second.post(&of_one, &demote));
        let done = [left.status(), right.status()].iter().filter(|status| **status == StatusCode::SEE_OTHER).count();
        assert_eq!(done, 1, "{} {}", left.status(), right.status());
        let left = [stored(&app, &one).await, stored(&app, &two).await];
        assert_eq!(left.iter().filter(|user| user.is_admin() && !user.disabled).count(), 1);
    }
    app.end().await;
}

/// I17: the right is looked at when the form comes, not when it was fetched.
#[tokio::test]
async fn a_right_lost_between_page_and_form_is_lost() {
    let (app, admin, browser, person) = ready().await;
    let csrf = browser.csrf(&at(&person, "")).await;
    let grants = doc! { "$set": { "system_roles": ["auditor"] } };
    app.tamper("users", doc! { "_id": &admin.id }, grants).await;
    let before = app.snapshot().await;
    for (path, form) in forms(&person) {
        let form: Vec<_> = form.into_iter().chain([("csrf", csrf.as_str())]).map(|(a, b)| (a, b.to_owned())).collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post(&path, &form).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

/// T16: a new authenticator takes two people, neither of whom is the one it is for; auditors are told.
#[tokio::test]
async fn a_reset_takes_two_people() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let person = &account.user;
    let their = app.browser_of(person).await;
    let (one, two) = (app.user(&["system:admin"]).await, app.user(&["system:admin"]).await);
    let (first, second) = (app.confirmed(&one).await, app.confirmed(&two).await);
    let confirm = at(person, "/reset/confirm");
    let early = send(&second, &confirm, &[]).await;
    assert_eq!(early.status(), StatusCode::UNPROCESSABLE_ENTITY, "nobody asked");
    assert_eq!(send(&first, &at(person, "/reset"), &[]).await.status(), StatusCode::SEE_OTHER);
    assert!(texts(&first.page(&at(person, "")).await, "main button").iter().all(|text| text != "Confirm the reset"));
    assert!(texts(&second.page(&at(person, "")).await, "main button").contains(&"Confirm the reset".to_owned()));
    let alone = send(&first, &confirm, &[]).await;
    assert_eq!(alone.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(alone.text().await.unwrap().contains("You asked for this reset"));
    let present = app.app.sign_in.credentials.of(&person.id).await.unwrap().unwrap();
    assert!(present.totp.is_some() && present.recovery.len() == 10, "nothing has changed yet");
    assert_eq!(their.get("/own").await.status(), StatusCode::OK);

    let done = send(&second, &confirm, &[]).await;
    assert_eq!(done.status(), StatusCode::OK);
    let text = done.text().await.unwrap();
    let link = texts(&text, "main code").remove(0);
    assert!(app.stranger().page(link.strip_prefix(&app.origin).unwrap()).await.contains(person.email.as_str()));
    let present = app.app.sign_in.credentials.of(&person.id).await.unwrap().unwrap();
    assert!(present.totp.is_none() && present.recovery.is_empty() && present.reset.is_none());
    let told = present.changes.last().unwrap();
    assert_eq!(told.by.as_deref(), Some(format!("{} and {}", one.email, two.email).as_str()), "the person is told");
    assert_eq!(their.get("/own").await.status(), StatusCode::SEE_OTHER, "signed out");
    assert_eq!(send(&second, &confirm, &[]).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "once");

    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    runner::run(&app.app).await.unwrap();
    let flags = app.documents("audit_flags", doc! { "_id": 1 }).await;
    assert!(flags.iter().all(|flag| flag.get_str("rule").is_ok_and(|rule| rule != "rights_changed")), "{flags:?}");
    let resets: Vec<_> =
        flags.iter().filter(|flag| flag.get_str("rule").is_ok_and(|rule| rule == "factor_reset")).collect();
    assert_eq!(resets.len(), 1, "of all that was tried, one did something: {flags:?}");
    assert_eq!(resets[0].get_str("person").unwrap(), person.id.as_str(), "not reviewed by the one it is about");

    assert_eq!(send(&first, &at(&two, "/reset"), &[]).await.status(), StatusCode::SEE_OTHER);
    for action in ["/reset", "/reset/confirm"] {
        let own = send(&second, &at(&two, action), &[]).await;
        assert_eq!(own.status(), StatusCode::UNPROCESSABLE_ENTITY, "one's own: {action}");
    }
    app.wait(jiff::SignedDuration::from_hours(72));
    let three = app.confirmed(&app.user(&["system:admin"]).await).await;
    let late = send(&three, &at(&two, "/reset/confirm"), &[]).await;
    assert_eq!(late.status(), StatusCode::UNPROCESSABLE_ENTITY, "three days later");
    app.end().await;
}

/// The number of people does not change the number of queries.
#[tokio::test]
async fn the_list_takes_a_constant_number_of_queries() {
    let (app, _, browser, _) = ready().await;
    browser.page("/admin/users").await;
    let (_, few) = app.commands_during(browser.page("/admin/users")).await;
    for _ in 0..20 {
        app.browser_of(&app.account(&["own:clinician"]).await.user).await;
    }
    let (page, many) = app.commands_during(browser.page("/admin/users")).await;
    assert_eq!(few.len(), many.len(), "{many:?}");
    assert_eq!(page.matches("10 recovery codes left").count(), 20);
    app.end().await;
}

/// The command line keeps the same history, and ends the same things.
#[tokio::test]
async fn commands_change_people_by_the_same_way() {
    let app = TestApp::start().await;
    app.institute("own").await;
    assert!(app.cli(&["user", "add", "ann@lab.example", "--name", "Ann", "--role", "own:clinician"]).await);
    assert!(app.cli(&["user", "disable", "ann@lab.example"]).await);
    assert!(app.cli(&["user", "disable", "ann@lab.example"]).await, "so already");
    let person = app.app.users.by_email(&"ann@lab.example".parse().unwrap()).await.unwrap().unwrap();
    let events = history(&app, &person).await;
    assert_eq!(events.iter().map(|event| event.get_i64("rev").unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert!(events.iter().all(|event| event.get_document("actor").unwrap().get_str("user").is_err()));
    app.end().await;
}
