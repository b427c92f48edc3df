//! Members of an institute in the hands of its admins: this institute's roles, and nothing else of anybody.

use bson::doc;
use lodestone::users::User;
use reqwest::header::ORIGIN;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::support::{Browser, TestApp};

/// An institute's admin who gave a fresh code, and a member.
async fn ready() -> (TestApp, User, Browser, User) {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    let admin = app.user(&["own:admin"]).await;
    let browser = app.confirmed(&admin).await;
    let member = app.user(&["own:clinician"]).await;
    (app, admin, browser, member)
}

fn at(member: &User, action: &str) -> String {
    format!("/own/members/{}{action}", member.id)
}

async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Response {
    let csrf = browser.csrf("/account").await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(path, &form).await
}

async fn grants(app: &TestApp, member: &User) -> Vec<String> {
    app.app.users.by_id(&member.id).await.unwrap().unwrap().grants()
}

fn texts(page: &str, selector: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    html.select(&Selector::parse(selector).unwrap())
        .map(|element| element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Every form of the pages of members with content that fits.
fn forms(member: &User) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    vec![
        ("/own/members".into(), vec![("email", "new@lab.example"), ("name", "New"), ("role", "clinician")]),
        (at(member, "/roles"), vec![("shown", "clinician"), ("role", "geneticist")]),
        (at(member, "/invite"), vec![]),
        (at(member, "/reset"), vec![]),
        (at(member, "/tokens/revoke"), vec![]),
    ]
}

/// I1, I4: role by action. To everybody but the institute's own admins there is nothing here, and nothing happens.
#[tokio::test]
async fn only_the_institutes_own_admins_reach_its_members() {
    let (app, _, _, member) = ready().await;
    for role in [
        "own:clinician",
        "own:geneticist",
        "own:researcher",
        "own:auditor",
        "foreign:admin",
        "foreign:clinician",
        "system:admin",
        "system:auditor",
        "",
    ] {
        let roles: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let browser = app.confirmed(&app.user(roles).await).await;
        let before = app.snapshot().await;
        for path in ["/own/members", &at(&member, "")] {
            assert_eq!(browser.get(path).await.status(), StatusCode::NOT_FOUND, "{path} as `{role}`");
        }
        for (path, form) in forms(&member) {
            assert_eq!(send(&browser, &path, &form).await.status(), StatusCode::NOT_FOUND, "{path} as `{role}`");
        }
        assert_eq!(app.snapshot().await, before, "`{role}` changed nothing");
    }
    for (path, form) in forms(&member) {
        assert_eq!(app.stranger().post(&path, &form).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    app.end().await;
}

/// I3: somebody of another institute is as absent as nobody, for each action.
#[tokio::test]
async fn people_of_other_institutes_are_absent() {
    let (app, _, browser, _) = ready().await;
    let foreign = app.user(&["foreign:clinician"]).await;
    let mut nobody = foreign.clone();
    nobody.id = lodestone::ids::UserId::random();
    let before = app.snapshot().await;
    for somebody in [&foreign, &nobody] {
        assert_eq!(browser.get(&at(somebody, "")).await.status(), StatusCode::NOT_FOUND);
        for (path, form) in forms(somebody).into_iter().skip(1) {
            assert_eq!(send(&browser, &path, &form).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

/// S6, S7, S17, I14
#[tokio::test]
async fn each_form_is_taken_whole_and_from_our_own_pages() {
    let (app, admin, browser, member) = ready().await;
    let csrf = browser.csrf("/account").await;
    let unconfirmed = app.browser_of(&admin).await;
    let before = app.snapshot().await;
    for (path, form) in forms(&member) {
        let good: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        let wrong: Vec<_> = form.iter().copied().chain([("csrf", "x")]).collect();
        assert_eq!(browser.post(&path, &form).await.status(), StatusCode::FORBIDDEN, "{path}");
        assert_eq!(browser.post(&path, &wrong).await.status(), StatusCode::FORBIDDEN, "{path}");
        for headers in [vec![], vec![(ORIGIN, "https://evil.example".to_owned())]] {
            assert_eq!(browser.post_from(&path, &good, &headers).await.status(), StatusCode::FORBIDDEN, "{path}");
        }
        let asked = send(&unconfirmed, &path, &form).await;
        assert_eq!(asked.status(), StatusCode::FORBIDDEN, "{path} without a fresh code");
        assert!(asked.text().await.unwrap().contains("/account/confirm?class=administration"), "{path}");
        for extra in ["institute", "place", "memberships", "system_roles", "_id", "rev", "$set", "a.b", "disabled"] {
            let mut more = form.clone();
            more.push((extra, "system:admin"));
            assert_eq!(send(&browser, &path, &more).await.status(), StatusCode::BAD_REQUEST, "{path}: {extra}");
        }
    }
    for role in ["system:admin", "foreign:admin", "boss"] {
        let form = [("shown", "clinician"), ("role", role)];
        assert_eq!(send(&browser, &at(&member, "/roles"), &form).await.status(), StatusCode::BAD_REQUEST, "{role}");
        let form = [("email", "new@lab.example"), ("name", "New"), ("role", role)];
        let answer = send(&browser, "/own/members", &form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{role}");
        assert_eq!(texts(&answer.text().await.unwrap(), "#wrong-role").len(), 1);
    }
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

#[tokio::test]
async fn members_are_added_invited_and_let_go() {
    let (app, admin, browser, _) = ready().await;
    let form = [("email", "new@lab.example"), ("name", "Nora"), ("role", "clinician")];
    let added = send(&browser, "/own/members", &form).await;
    assert_eq!(added.status(), StatusCode::SEE_OTHER);
    let member = app.app.users.by_email(&"new@lab.example".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(added.headers()["location"], format!("{}?done=added", at(&member, "")));
    assert_eq!(grants(&app, &member).await, ["own:clinician"]);
    let again = send(&browser, "/own/members", &form).await;
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.text().await.unwrap().contains("is a member already"));

    let link = send(&browser, &at(&member, "/invite"), &[]).await;
    assert_eq!(link.status(), StatusCode::OK);
    let link = texts(&link.text().await.unwrap(), "main code").remove(0);
    assert!(app.stranger().page(link.strip_prefix(&app.origin).unwrap()).await.contains("Nora"));

    let their = app.browser_of(&member).await;
    let more = [("shown", "clinician"), ("role", "clinician"), ("role", "auditor")];
    assert_eq!(send(&browser, &at(&member, "/roles"), &more).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(grants(&app, &member).await, ["own:auditor", "own:clinician"]);
    assert_eq!(their.get("/own").await.status(), StatusCode::SEE_OTHER, "S5: signed out at once");
    let ended = send(&browser, &at(&member, "/roles"), &[("shown", "clinician"), ("shown", "auditor")]).await;
    assert_eq!(ended.headers()["location"], "/own/members?done=ended");
    assert_eq!(grants(&app, &member).await, Vec::<String>::new());
    assert_eq!(browser.get(&at(&member, "")).await.status(), StatusCode::NOT_FOUND, "no member, so absent");
    let events = app.documents("events", doc! { "rev": 1 }).await;
    let of_member: Vec<_> =
        events.iter().filter(|event| event.get_str("subject").unwrap() == format!("user/{}", member.id)).collect();
    assert_eq!(of_member.iter().map(|event| event.get_i64("rev").unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(of_member.iter().all(|event| event.get_str("institute").unwrap() == "own"));
    assert_eq!(of_member[2].get_document("actor").unwrap().get_str("user").unwrap(), admin.id.as_str());
    app.end().await;
}

/// An account of another institute joins by its address; nothing else of it is seen or touched, and no link to it is made.
#[tokio::test]
async fn an_account_of_another_institute_joins_without_being_told_of() {
    let (app, _, browser, _) = ready().await;
    let other = app.user(&["foreign:geneticist", "system:auditor"]).await;
    let form = [("email", other.email.as_str()), ("name", "Somebody Else"), ("role", "clinician")];
    let joined = send(&browser, "/own/members", &form).await;
    assert_eq!(joined.headers()["location"], format!("{}?done=joined", at(&other, "")));
    assert_eq!(grants(&app, &other).await, ["system:auditor", "foreign:geneticist", "own:clinician"]);
    for path in ["/own/members".to_owned(), at(&other, "?done=joined")] {
        let page = browser.page(&path).await;
        assert!(page.contains(other.email.as_str()));
        for canary in ["foreign", "geneticist</td>", "system:auditor", "Somebody Else"] {
            assert!(!page.contains(canary), "{path}: {canary}");
        }
    }
    let refused = send(&browser, &at(&other, "/invite"), &[]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("Only an administrator of the system can invite this person"));
    assert_eq!(app.documents("invitations", doc! {}).await.len(), 0);
    let change = [("shown", "clinician"), ("role", "admin")];
    assert_eq!(send(&browser, &at(&other, "/roles"), &change).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(grants(&app, &other).await, ["system:auditor", "foreign:geneticist", "own:admin"]);
    assert_eq!(send(&browser, &at(&other, "/roles"), &[("shown", "admin")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(grants(&app, &other).await, ["system:auditor", "foreign:geneticist"]);
    app.end().await;
}

/// Non-interference: what another institute and the system change of a member shows nowhere, and stands in nobody's way.
#[tokio::test]
async fn what_changes_elsewhere_is_not_seen_here() {
    let (app, _, browser, member) = ready().await;
    let pages = ["/own/members".to_owned(), at(&member, "")];
    let mut before = Vec::new();
    for path in &pages {
        before.push(crate::support::visitor::masked(browser.get(path).await).await);
    }
    let elsewhere =
        doc! { "$push": { "memberships": { "institute": "foreign", "role": "admin" } }, "$inc": { "rev": 1_i64 } };
    app.tamper("users", doc! { "_id": &member.id }, elsewhere).await;
    for (path, before) in pages.iter().zip(before) {
        assert_eq!(crate::support::visitor::masked(browser.get(path).await).await, before, "{path}");
    }
    let form = [("shown", "clinician"), ("role", "geneticist")];
    assert_eq!(send(&browser, &at(&member, "/roles"), &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(grants(&app, &member).await, ["foreign:admin", "own:geneticist"]);
    app.end().await;
}

#[tokio::test]
async fn nobody_overwrites_another_admin_unseen() {
    let (app, _, browser, member) = ready().await;
    let first = [("shown", "clinician"), ("role", "geneticist")];
    assert_eq!(send(&browser, &at(&member, "/roles"), &first).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&browser, &at(&member, "/roles"), &first).await.status(), StatusCode::SEE_OTHER, "twice is once");
    let stale = [("shown", "clinician"), ("role", "clinician"), ("role", "auditor")];
    let answer = send(&browser, &at(&member, "/roles"), &stale).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let text = answer.text().await.unwrap();
    assert_eq!(texts(&text, "[role=alert] dd"), ["geneticist", "clinician, auditor"]);
    let html = Html::parse_document(&text);
    let shown = Selector::parse("input[name=shown]").unwrap();
    assert_eq!(html.select(&shown).map(|field| field.attr("value").unwrap()).collect::<Vec<_>>(), ["geneticist"]);
    assert_eq!(grants(&app, &member).await, ["own:geneticist"]);
    app.end().await;
}

/// Nobody becomes more by their own hand, and an institute keeps an admin.
#[tokio::test]
async fn the_last_admin_stays() {
    let (app, admin, browser, _) = ready().await;
    for (form, why) in [
        (vec![("shown", "admin")], "cannot end your own administrator role"),
        (vec![("shown", "admin"), ("role", "admin"), ("role", "clinician")], "gives themselves a role"),
    ] {
        let answer = send(&browser, &at(&admin, "/roles"), &form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text().await.unwrap().contains(why), "{why}");
    }
    let own = [("email", admin.email.as_str()), ("name", "Ann"), ("role", "clinician")];
    assert_eq!(
        send(&browser, "/own/members", &own).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY,
        "by the other door"
    );
    assert_eq!(grants(&app, &admin).await, ["own:admin"]);
    for _ in 0..4 {
        let (one, two) = (app.user(&["own:admin"]).await, app.user(&["own:admin"]).await);
        let (first, second) = (app.confirmed(&one).await, app.confirmed(&two).await);
        let (one_csrf, two_csrf) = (first.csrf("/account").await, second.csrf("/account").await);
        let (of_two, of_one) = (at(&two, "/roles"), at(&one, "/roles"));
        let (form_one, form_two) =
            ([("csrf", one_csrf.as_str()), ("shown", "admin")], [("csrf", two_csrf.as_str()), ("shown", "admin")]);
        let (left, right) = tokio::join!(first.post(&of_two, &form_one), second.post(&of_one, &form_two));
        let done = [left.status(), right.status()].iter().filter(|status| **status == StatusCode::SEE_OTHER).count();
        assert_eq!(done, 1, "{} {}", left.status(), right.status());
        assert_eq!(grants(&app, &one).await.len() + grants(&app, &two).await.len(), 1);
    }
    app.end().await;
}

/// I17
#[tokio::test]
async fn a_right_lost_between_page_and_form_is_lost() {
    let (app, admin, browser, member) = ready().await;
    let csrf = browser.csrf(&at(&member, "")).await;
    let roles = doc! { "$set": { "memberships": [{ "institute": "own", "role": "clinician" }] } };
    app.tamper("users", doc! { "_id": &admin.id }, roles).await;
    let before = app.snapshot().await;
    for (path, form) in forms(&member) {
        let form: Vec<(&str, &str)> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        assert_eq!(browser.post(&path, &form).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

/// T16: an institute's admin asks, an admin of the system confirms.
#[tokio::test]
async fn a_members_reset_is_confirmed_by_the_system() {
    let (app, admin, browser, _) = ready().await;
    let account = app.account(&["own:clinician"]).await;
    let member = &account.user;
    assert_eq!(send(&browser, &at(member, "/reset"), &[]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        send(&browser, &at(&admin, "/reset"), &[]).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY,
        "one's own"
    );
    let present = app.app.sign_in.credentials.of(&member.id).await.unwrap().unwrap();
    assert!(present.totp.is_some() && present.reset.unwrap().by == admin.email.to_string());
    assert!(browser.page("/own/members").await.contains("reset asked for"));
    let system = app.confirmed(&app.user(&["system:admin"]).await).await;
    assert!(system.page("/admin/users").await.contains("reset asked for"));
    let done = send(&system, &format!("/admin/users/{}/reset/confirm", member.id), &[]).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert!(app.app.sign_in.credentials.of(&member.id).await.unwrap().unwrap().totp.is_none());
    let entries = app.audit_entries().await;
    let said = |what: &str| {
        entries.iter().any(|entry| entry.to_string().contains("totp_reset") && entry.to_string().contains(what))
    };
    assert!(said("asked") && said("confirmed"));
    app.end().await;
}

/// The number of members does not change the number of queries.
#[tokio::test]
async fn the_list_takes_a_constant_number_of_queries() {
    let (app, _, browser, _) = ready().await;
    browser.page("/own/members").await;
    let (_, few) = app.commands_during(browser.page("/own/members")).await;
    for _ in 0..20 {
        app.account(&["own:clinician"]).await;
    }
    let (_, many) = app.commands_during(browser.page("/own/members")).await;
    assert_eq!(few.len(), many.len(), "{many:?}");
    app.end().await;
}
