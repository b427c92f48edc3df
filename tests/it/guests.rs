//! What guests see of a case that is shared with their institute, and what they never see (I10, I4, I5, I12).

use std::collections::BTreeSet;

use bson::doc;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use lodestone::auth::{StepUpClass, TokenScope};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::sharing::{end_share, ready, send, share, terms, texts};
use crate::support::Browser;
use crate::support::visitor::masked;

/// Every route of a case that reads, `ID` for a variant.
const PATHS: [&str; 12] = [
    "/own/fam",
    "/own/fam/variants",
    "/own/fam/variants.csv",
    "/own/fam/variants.tsv",
    "/own/fam/variants.xlsx",
    "/own/fam/variants/ID",
    "/own/fam/find?q=7:124491972",
    "/own/fam/find?q=11:1",
    "/api/v1/own/fam",
    "/api/v1/own/fam/variants",
    "/api/v1/own/fam/variants/ID",
    "/api/v1/own/fam/find?q=POT1",
];

async fn variant(owner: &Browser) -> String {
    let list = owner.json("/api/v1/own/fam/variants").await;
    list["variants"][0]["id"].as_str().unwrap().to_owned()
}

/// I10: a guest reads what is shared, sees whose it is and until when, and changes nothing.
#[tokio::test]
async fn a_guest_reads_and_changes_nothing() {
    let (app, _, owner) = ready().await;
    let id = variant(&owner).await;
    let guest_user = app.user(&["partner:geneticist"]).await;
    let guest = app.opened(&guest_user, StepUpClass::BulkExport).await;
    assert!(!guest.page("/partner").await.contains("shared by other institutes"));
    share(&owner, &[]).await;
    for path in PATHS {
        let path = path.replace("ID", &id);
        assert_eq!(guest.get(&path).await.status(), StatusCode::OK, "{path}");
    }
    for path in ["/own/fam", "/own/fam/variants", &format!("/own/fam/variants/{id}"), "/own/fam/find?q=POT1"] {
        let page = guest.page(path).await;
        assert_eq!(texts(&page, ".case-bar .shared-note"), ["Shared by own , to be read until 2036-06-01"], "{path}");
        assert_eq!(texts(&page, ".crumbs a"), ["partner", "Case fam"], "I12: as whose reader");
        assert_eq!(texts(&owner.page(path).await, ".shared-note").len(), 0, "{path}");
    }
    let cases = guest.page("/partner").await;
    assert_eq!(texts(&cases, "#shared tbody th"), ["fam"]);
    assert_eq!(
        texts(&cases, "#shared [data-label='Shared by'], #shared [data-label=Until], #shared [data-label=For]"),
        ["own", "2036-06-01", "a second opinion clinical lists only"]
    );
    let listed = guest.json("/api/v1/partner/cases").await;
    assert_eq!(listed["cases"][0]["institute"], "own", "the address that opens it");
    assert_eq!(listed["cases"][0]["shared"]["until"], "2036-06-02T00:00:00Z");
    let case = guest.json("/api/v1/own/fam").await;
    assert_eq!((&case["shared"]["with"], &case["shared"]["comments"]), (&"partner".into(), &false.into()));
    assert!(owner.json("/api/v1/own/fam").await["shared"].is_null());
    let same = |json: serde_json::Value| json["variants"].clone();
    assert_eq!(
        same(guest.json("/api/v1/own/fam/variants").await),
        same(owner.json("/api/v1/own/fam/variants").await),
        "a list without counts of an archive is the same list"
    );
    let told = guest.page("/own/fam/find?q=11:1").await;
    assert!(told.contains("its files stay with their owner") && !told.contains("own-fam.vcf"));
    assert!(owner.page("/own/fam/find?q=11:1").await.contains("own-fam.vcf"));

    let before = app.snapshot().await;
    assert_eq!(guest.get("/own/fam/sharing").await.status(), StatusCode::FORBIDDEN);
    let on = send(&guest, "/own/fam/sharing", &terms(&[("with", "foreign")])).await;
    assert_eq!(on.status(), StatusCode::FORBIDDEN, "no share of a share");
    assert!(on.text().await.unwrap().contains("Only the institute that owns it changes or shares it"));
    let share = crate::sharing::shares(&app).await[0].id.to_string();
    let ended = send(&guest, "/own/fam/sharing/end", &[("share", &share), ("reason", "")]).await;
    assert_eq!(ended.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&guest, "/partner/fam/sharing", &terms(&[])).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.snapshot().await, before);
    for absent in ["/own", "/own/settings", "/own/cases/worklist", "/api/v1/own/cases", "/partner/fam"] {
        assert_eq!(guest.get(absent).await.status(), StatusCode::NOT_FOUND, "{absent}");
    }
    assert!(!guest.page("/partner/cases/worklist").await.contains("fam"), "on paper stand own cases only");
    for role in ["partner:researcher", "partner:admin", "partner:auditor", "foreign:clinician"] {
        let browser = app.signed_in(&[role]).await;
        for path in PATHS {
            let path = path.replace("ID", &id);
            assert_eq!(browser.get(&path).await.status(), StatusCode::NOT_FOUND, "{path} as {role}");
        }
    }
    app.end().await;
}

/// A guest's pages stay within the budgets of round trips.
#[tokio::test]
async fn a_guests_pages_ask_the_database_as_little_as_an_owners() {
    let (app, _, owner) = ready().await;
    let id = variant(&owner).await;
    share(&owner, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    for (path, budget) in [("/own/fam/variants", 6), (&format!("/own/fam/variants/{id}"), 8), ("/own/fam", 8)] {
        guest.page(path).await;
        let (_, commands) = app.commands_during(guest.page(path)).await;
        assert!(commands.len() <= budget, "{path}: {commands:?}");
    }
    guest.page("/partner").await; // what is counted once stays counted for a while
    let (_, few) = app.commands_during(guest.page("/partner")).await;
    for case in ["two", "three"] {
        app.given_case("own", case).await;
        let at = format!("/own/{case}/sharing");
        assert_eq!(send(&owner, &at, &terms(&[])).await.status(), StatusCode::SEE_OTHER);
    }
    let (page, many) = app.commands_during(guest.page("/partner")).await;
    assert_eq!(texts(&page, "#shared tbody th").len(), 3);
    assert_eq!(many.len(), few.len(), "{many:?}");
    app.end().await;
}

/// I10, I4: an ended share, one that ran out, one that never was and a case that is not there look the same, at once.
#[tokio::test]
async fn what_is_no_longer_shared_looks_as_if_it_never_was() {
    let (app, _, owner) = ready().await;
    for case in ["was", "late", "never"] {
        app.given_case("own", case).await;
    }
    let id = variant(&owner).await;
    for (case, until) in [("was", "2036-06-01"), ("late", "2036-03-04")] {
        let at = format!("/own/{case}/sharing");
        assert_eq!(send(&owner, &at, &terms(&[("until", until)])).await.status(), StatusCode::SEE_OTHER);
    }
    let guest_user = app.user(&["partner:clinician"]).await;
    let guest = app.opened(&guest_user, StepUpClass::BulkExport).await;
    for case in ["was", "late"] {
        assert_eq!(guest.get(&format!("/own/{case}/variants?page=1")).await.status(), StatusCode::OK, "{case}");
    }
    let page = guest.page("/partner").await;
    assert_eq!(texts(&page, "#shared tbody th"), ["late", "was"], "first those that end first");
    end_share(&app, &owner, "was").await;
    assert_eq!(guest.get("/own/was/variants?page=2").await.status(), StatusCode::NOT_FOUND, "the next page already");
    assert_eq!(guest.get("/own/late").await.status(), StatusCode::OK, "the last day is not over");
    let over: Timestamp = "2036-03-05T00:00:00Z".parse().unwrap();
    app.wait(over.duration_since(app.clock.now()) - SignedDuration::from_nanos(1_000_000));
    let guest = app.browser_of(&guest_user).await;
    assert_eq!(guest.get("/own/late").await.status(), StatusCode::OK, "its last moment");
    app.wait(SignedDuration::from_nanos(1_000_000));
    for path in PATHS {
        let path = path.replace("ID", &id);
        let absent = guest.get(&path.replace("fam", "absent")).await;
        assert_eq!(absent.status(), StatusCode::NOT_FOUND, "{path}");
        let headers: Vec<String> = absent.headers().keys().map(ToString::to_string).collect();
        let absent = masked(absent).await;
        for case in ["was", "late", "never"] {
            let gone = guest.get(&path.replace("fam", case)).await;
            assert_eq!(gone.status(), StatusCode::NOT_FOUND, "{path} of {case}");
            assert_eq!(gone.headers().keys().map(ToString::to_string).collect::<Vec<_>>(), headers);
            assert_eq!(masked(gone).await, absent, "{path} of {case}");
        }
    }
    let opened = app.opened(&guest_user, StepUpClass::BulkExport).await;
    for (path, form) in [("sharing", terms(&[])), ("sharing/end", vec![("share", id.as_str()), ("reason", "")])] {
        let absent = masked(send(&opened, &format!("/own/absent/{path}"), &form).await).await;
        for case in ["was", "late", "never"] {
            let gone = send(&opened, &format!("/own/{case}/{path}"), &form).await;
            assert_eq!(gone.status(), StatusCode::NOT_FOUND);
            assert_eq!(masked(gone).await, absent, "{path} of {case}");
        }
    }
    assert_eq!(texts(&guest.page("/partner").await, "#shared").len(), 0);
    assert_eq!(guest.json("/api/v1/partner/cases").await["cases"].as_array().unwrap().len(), 0);
    app.end().await;
}

/// What must not travel, by the field of the stored case it is planted in.
fn canaries() -> Vec<(&'static str, bson::Bson)> {
    let one = |text: &str| bson::bson!([text]);
    vec![
        ("family", "CANARY-family".into()),
        ("individuals.0.subject_id", "CANARY-subject-0".into()),
        ("individuals.1.subject_id", "CANARY-subject-1".into()),
        ("individuals.0.settings", bson::bson!({ "confirmed_sex": "CANARY-setting" })),
        ("synopsis", "CANARY-synopsis".into()),
        ("lims_id", "CANARY-lims".into()),
        ("cohorts", one("CANARY-cohort")),
        ("search", one("canary-search")),
        ("files.paths.delivery_report", "/CANARY-folder/CANARY-report.html".into()),
        ("files.settings.assignee", "CANARY-assignee".into()),
        ("lists.0.content", "CANARY-content".into()),
        ("lists.0.report.files", one("CANARY-file.vcf")),
        ("lists.0.report.annotations", one("CANARY-annotation")),
        ("lists.0.report.sample_columns", one("CANARY-column")),
        ("lists.0.report.ignored_columns", one("CANARY-ignored")),
        ("lists.0.report.first_faults", one("CANARY-fault")),
        ("lists.0.report.unknown_terms", bson::bson!({ "CANARY-term": 1_i64 })),
        ("rank_model", bson::bson!({ "file": "CANARY-model.ini", "ranges": [], "notes": ["CANARY-note"] })),
        ("share_proposals", one("canary-proposed")),
    ]
}

/// Pages that a reader reaches from these, by links within the case and the own institute.
async fn crawl(browser: &Browser, from: &[String]) -> Vec<(String, String)> {
    let mut waiting: Vec<String> = from.to_vec();
    let mut seen: BTreeSet<String> = from.iter().cloned().collect();
    let mut pages = Vec::new();
    while let Some(path) = waiting.pop() {
        let answer = browser.get(&path).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let headers = format!("{:?}", answer.headers());
        let bytes = answer.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if seen.len() < 150 && !path.starts_with("/api/") && text.contains("<html") {
            let links: Vec<String> = {
                let html = Html::parse_document(&text);
                let links = Selector::parse("a[href^='/own/fam'], a[href^='/partner']").unwrap();
                html.select(&links)
                    .map(|link| link.attr("href").unwrap().split('#').next().unwrap().to_owned())
                    .collect()
            };
            waiting.extend(links.into_iter().filter(|link| seen.insert(link.clone())));
        }
        pages.push((path, format!("{headers}{text}")));
    }
    pages
}

/// I10, I5: what tells who the patient is stays with the owner, wherever it is planted and wherever a guest looks.
#[tokio::test]
async fn identity_never_travels() {
    let (app, user, owner) = ready().await;
    let id = variant(&owner).await;
    share(&owner, &[("lists", "clinical_and_research")]).await;
    app.tamper("users", doc! { "_id": &user.id }, doc! { "$set": { "name": "CANARY Assignee" } }).await;
    let mut planted = bson::Document::new();
    for (field, value) in canaries() {
        planted.insert(field, value);
    }
    planted.insert("assignees", vec![bson::Bson::from(&user.id)]);
    let case = doc! { "name": "fam" };
    assert_eq!(app.tamper("cases", case.clone(), doc! { "$set": planted }).await, 1);
    let other = doc! {
        "id": "a".repeat(26), "with": "canary-third", "purpose": "CANARY-purpose", "lists": "clinical", "comments": false,
        "by": { "user": null, "name": "CANARY-sharer" }, "at": bson::DateTime::from_millis(0),
        "until": bson::DateTime::from_millis(4_000_000_000_000),
    };
    assert_eq!(app.tamper("cases", case, doc! { "$push": { "shares": other } }).await, 1);
    let guest = app.signed_in(&["partner:clinician"]).await;
    let from: Vec<String> = PATHS
        .iter()
        .map(|path| path.replace("ID", &id))
        .chain(["/partner".into(), "/api/v1/partner/cases".into(), "/partner/cases/worklist".into()])
        .collect();
    let pages = crawl(&guest, &from).await;
    assert!(pages.len() > 60, "{} pages were looked at", pages.len());
    for (path, text) in &pages {
        let found = text.to_lowercase();
        for canary in ["canary", user.id.as_str(), user.email.as_str(), "own-fam.vcf"] {
            assert!(!found.contains(canary), "{path} tells {canary}: {text}");
        }
    }
    let own = ["/own/fam", "/own/fam/sharing", "/own", "/own/cases/worklist"];
    let mut shown = String::new();
    for path in own {
        shown += &owner.page(path).await;
    }
    for word in [
        "synopsis",
        "lims",
        "family",
        "report.html",
        "file.vcf",
        "annotation",
        "ignored",
        "fault",
        "term",
        "purpose",
        "sharer",
        "third",
        "proposed",
    ] {
        assert!(
            shown.to_lowercase().contains(&format!("canary-{word}")),
            "the owner sees {word}, so the test can fail"
        );
    }
    let case = guest.json("/api/v1/own/fam").await;
    assert_eq!(case["family"], "fam", "the name stands for the pipeline's name");
    let names: Vec<&str> =
        case["individuals"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Kid", "Mum", "Dad"], "the names that genotypes stand under");
    app.end().await;
}

/// How often the owner's archive or other cases have a variant is told by no page, filter or count.
#[tokio::test]
async fn counts_of_the_owners_other_cases_stay_there() {
    use crate::support::vcf::{csq, record};
    let (app, _, owner) = ready().await;
    let info = format!("{};RankScore=F1:9;Obs=31", csq("A", "missense_variant"));
    let rare = format!("{};RankScore=F1:8;Obs=2", csq("A", "missense_variant"));
    let calls = ["0/1:1,1:2:9", "0/1:1,1:2:9", "0/0:2,0:2:9"];
    let records = [record("7", 700, ("C", "A"), &info, calls), record("7", 900, ("G", "A"), &rare, calls)];
    for (institute, name) in [("own", "one"), ("own", "two"), ("partner", "theirs")] {
        app.given_records(institute, name, &records).await;
    }
    assert_eq!(send(&owner, "/own/one/sharing", &terms(&[])).await.status(), StatusCode::SEE_OTHER);
    let guest = app.signed_in(&["partner:clinician"]).await;
    let matched = async |browser: &Browser, most: &str| {
        let list = browser.json(&format!("/api/v1/own/one/variants?local_obs_max={most}")).await;
        list["matched"].as_u64().unwrap()
    };
    assert_eq!((matched(&owner, "5").await, matched(&owner, "31").await), (1, 2));
    assert_eq!((matched(&guest, "5").await, matched(&guest, "0").await), (2, 2), "a filter tells nothing");
    let list = guest.json("/api/v1/own/one/variants").await;
    for choice in list["facets"]["local_obs_max"].as_array().unwrap() {
        assert_eq!(choice["count"], 2, "{choice}");
    }
    assert!(list["variants"].as_array().unwrap().iter().all(|one| one["local_archive"]["observations"].is_null()));
    let id = list["variants"][0]["id"].as_str().unwrap();
    let seen = async |browser: &Browser| {
        let page = browser.page(&format!("/own/one/variants/{id}")).await;
        texts(&page, "[aria-labelledby=frequencies] tr")
            .into_iter()
            .filter(|row| row.contains("cases"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        seen(&owner).await,
        ["cases in the archive when annotated 31", "cases of your institute, with this one 2"]
    );
    assert_eq!(
        seen(&guest).await,
        ["cases in the archive when annotated –", "cases of your institute, besides this shared one 1"]
    );
    app.end().await;
}

/// I10: research lists are shared when they were chosen, and else not there.
#[tokio::test]
async fn only_the_chosen_lists_are_there() {
    let (app, _, owner) = ready().await;
    let case = app.documents("cases", doc! {}).await.remove(0);
    let mut research = case.get_array("lists").unwrap()[0].as_document().unwrap().clone();
    research.insert("list", "research");
    research.insert("total", 77_777);
    let more = doc! {
        "$push": { "lists": research },
        "$set": { "not_assessed": ["structural variants", "research structural variants"] },
    };
    assert_eq!(app.tamper("cases", doc! {}, more).await, 1);
    let guest = app.signed_in(&["partner:clinician"]).await;
    for (lists, count, words) in [
        ("clinical", 1, vec!["structural variants"]),
        ("clinical_and_research", 2, vec!["structural variants", "research structural variants"]),
    ] {
        share(&owner, &[("lists", lists)]).await;
        let shown = guest.json("/api/v1/own/fam").await;
        assert_eq!(shown["lists"].as_array().unwrap().len(), count, "{lists}");
        assert_eq!(shown["not_assessed"], serde_json::json!(words));
        let page = guest.page("/own/fam").await;
        assert_eq!(page.contains("77\u{202f}777"), count == 2, "{lists}");
        assert!(!guest.page("/partner").await.contains("77\u{202f}7"), "the list of cases counts clinical variants");
        end_share(&app, &owner, "fam").await;
    }
    app.end().await;
}

/// A script of the guest reads what its person reads there, by the institute it was made for; it shares nothing.
#[tokio::test]
async fn tokens_read_shared_cases_and_share_none() {
    let (app, _, owner) = ready().await;
    share(&owner, &[]).await;
    let user = app.user(&["partner:clinician", "foreign:clinician"]).await;
    let token = async |institute: &str| {
        let institute = institute.parse().unwrap();
        app.app.tokens.create(&user.id, &institute, TokenScope::Read, 30, app.clock.now()).await.unwrap()
    };
    let (partner, foreign) = (token("partner").await, token("foreign").await);
    let script = app.stranger();
    assert_eq!(script.with_token("/api/v1/own/fam/variants", &partner).await.status(), StatusCode::OK);
    assert_eq!(script.with_token("/api/v1/own/fam", &foreign).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(script.with_token("/own/fam/sharing", &partner).await.status(), StatusCode::FORBIDDEN);
    end_share(&app, &owner, "fam").await;
    assert_eq!(script.with_token("/api/v1/own/fam", &partner).await.status(), StatusCode::NOT_FOUND);
    app.end().await;
}

/// I12, I17, I18: whoever reads the owner's cases is no guest; a membership that reads no cases, or is gone, opens none.
#[tokio::test]
async fn a_share_reaches_those_who_read_the_guests_cases_and_no_longer() {
    let (app, _, owner) = ready().await;
    share(&owner, &[]).await;
    let both = app.signed_in(&["own:clinician", "partner:clinician"]).await;
    let page = both.page("/own/fam").await;
    assert!(texts(&page, ".shared-note").is_empty() && page.contains("own-fam.vcf"));
    assert_eq!(texts(&both.page("/partner").await, "#shared tbody th"), ["fam"], "and there it stands all the same");
    for memberships in [
        bson::bson!([]),
        bson::bson!([{ "institute": "partner", "role": "researcher" }]),
        bson::bson!([{ "institute": "partner", "role": "admin" }, { "institute": "foreign", "role": "clinician" }]),
    ] {
        let user = app.user(&["partner:clinician"]).await;
        let guest = app.browser_of(&user).await;
        assert_eq!(guest.get("/own/fam").await.status(), StatusCode::OK);
        app.tamper("users", doc! { "_id": &user.id }, doc! { "$set": { "memberships": &memberships } }).await;
        assert_eq!(guest.get("/own/fam").await.status(), StatusCode::NOT_FOUND, "{memberships}");
    }
    let user = app.user(&["partner:clinician"]).await;
    let guest = app.browser_of(&user).await;
    app.disabled(&user).await;
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::SEE_OTHER);
    app.end().await;
}

/// What a guest opens is recorded as granted in the owner's case; the auditors of both institutes see it, others do not.
#[tokio::test]
async fn auditors_of_both_institutes_see_what_a_guest_opened() {
    let (app, _, owner) = ready().await;
    share(&owner, &[]).await;
    let user = app.user(&["partner:clinician"]).await;
    let guest = app.browser_of(&user).await;
    guest.page("/partner").await;
    guest.page("/own/fam").await;
    let entries = app.audit_entries().await;
    let entry = crate::support::last_entry(&entries, "outcome", "/{institute}/{case}");
    assert_eq!((entry.get_str("institute").unwrap(), entry.get_str("guest").unwrap()), ("own", "partner"));
    assert_eq!(entry.get_document("agent").unwrap().get_str("role").unwrap(), "clinician", "the one that opened it");
    let subjects = entry.get_document("payload").unwrap().get_array("subjects").unwrap();
    for subject in subjects.iter().filter_map(bson::Bson::as_document) {
        assert!(subject.get_bool("granted").unwrap(), "{subject}");
    }
    let id = entry.get_str("_id").unwrap();
    for (auditor, sees) in
        [("own:auditor", true), ("partner:auditor", true), ("system:auditor", true), ("foreign:auditor", false)]
    {
        let browser = app.signed_in(&[auditor]).await;
        for query in ["/audit", "/audit?case=fam", &format!("/audit?person={}", user.id)] {
            let page = browser.page(query).await;
            let found = page.contains(&format!("/audit/entries/{id}"));
            assert_eq!(found, sees, "{query} as {auditor}");
        }
        let status = browser.get(&format!("/audit/entries/{id}")).await.status();
        assert_eq!(status, if sees { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{auditor}");
    }
    let both = app.signed_in(&["own:auditor", "partner:auditor"]).await;
    let export = {
        let user = app.user(&["own:auditor", "partner:auditor"]).await;
        let exporter = app.confirmed(&user).await;
        exporter.page("/audit/export.ndjson").await
    };
    let exported = export.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let request = entry.get_str("request_id").unwrap();
    let is = |line: &serde_json::Value| line["public"]["request_id"] == request && line["public"]["kind"] == "outcome";
    assert_eq!(exported.filter(is).count(), 1, "once, also for who audits both");
    assert!(both.page("/audit?case=fam").await.contains(id));
    assert!(app.cli(&["audit", "flags", "--json"]).await);
    let flags = app.documents("audit_flags", doc! {}).await;
    assert!(flags.is_empty(), "a case on the guests' own list has a relation to them: {flags:?}");
    app.end().await;
}

/// What happens to shares of one case in the walk below.
#[derive(Debug, Clone)]
enum Step {
    Grant { to: usize, days: i64 },
    End { to: usize },
    Wait { hours: i64 },
}

/// I10: after any sequence of grants, ends and time, exactly those read who read by a naive model.
#[tokio::test]
async fn who_reads_agrees_with_a_naive_model() {
    const GUESTS: [&str; 2] = ["partner", "second"];
    let (app, user, _) = ready().await;
    app.institute("second").await;
    assert!(app.cli(&["institute", "set", "own", "--share-with", "partner,second"]).await);
    let people = [
        (app.user(&["own:clinician"]).await, None),
        (app.user(&["partner:clinician"]).await, Some(0)),
        (app.user(&["second:geneticist"]).await, Some(1)),
    ];
    let nobodies = [app.user(&["foreign:clinician"]).await, app.user(&["partner:admin"]).await];
    let steps = proptest::prop_oneof![
        (0..2_usize, 0..4_i64).prop_map(|(to, days)| Step::Grant { to, days }),
        (0..2_usize).prop_map(|to| Step::End { to }),
        (1..40_i64).prop_map(|hours| Step::Wait { hours }),
    ];
    let walks = proptest::collection::vec(steps, 10..14);
    let mut runner = TestRunner::deterministic();
    for round in 0..5 {
        let name = format!("walk{round}");
        app.given_case("own", &name).await;
        let (at, path) = (format!("/own/{name}/sharing"), format!("/own/{name}"));
        let walk = walks.new_tree(&mut runner).unwrap().current();
        let mut model: [Option<Timestamp>; 2] = [None, None];
        for (number, step) in walk.iter().enumerate() {
            let owner = app.opened(&user, StepUpClass::BulkExport).await;
            let now = app.clock.now();
            let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
            match step {
                Step::Grant { to, days } => {
                    let last = today.saturating_add(days.days());
                    let answer =
                        send(&owner, &at, &terms(&[("with", GUESTS[*to]), ("until", &last.to_string())])).await;
                    let runs = model[*to].is_some_and(|until| now < until);
                    if !runs {
                        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{walk:?} at {number}");
                        let end = last.tomorrow().unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap();
                        model[*to] = Some(end.timestamp());
                    }
                }
                Step::End { to } => {
                    let cases = app.documents("cases", doc! {}).await;
                    let case =
                        cases.into_iter().find(|case| case.get_str("name").is_ok_and(|known| known == name)).unwrap();
                    let mut shares = case.get_array("shares").unwrap().iter().filter_map(bson::Bson::as_document);
                    let last = shares.rfind(|share| share.get_str("with").unwrap() == GUESTS[*to]).cloned();
                    if let Some(share) = last {
                        let form = [("share", share.get_str("id").unwrap()), ("reason", "")];
                        assert_eq!(send(&owner, &format!("{at}/end"), &form).await.status(), StatusCode::SEE_OTHER);
                        model[*to] = None;
                    }
                }
                Step::Wait { hours } => app.wait(SignedDuration::from_hours(*hours)),
            }
            let now = app.clock.now();
            for (person, guest) in &people {
                let reads = guest.is_none_or(|guest| model[guest].is_some_and(|until| now < until));
                let browser = app.browser_of(person).await;
                let status = browser.get(&path).await.status();
                let expected = if reads { StatusCode::OK } else { StatusCode::NOT_FOUND };
                assert_eq!(status, expected, "{:?} in {walk:?} after {number} at {now}", person.grants());
                if let Some(guest) = guest {
                    let listed = browser.json(&format!("/api/v1/{}/cases", GUESTS[*guest])).await;
                    let stands = listed["cases"].as_array().unwrap().iter().any(|case| case["name"] == name.as_str());
                    assert_eq!(stands, reads, "{walk:?} after {number}");
                }
            }
            for person in &nobodies {
                assert_eq!(app.browser_of(person).await.get(&path).await.status(), StatusCode::NOT_FOUND);
            }
        }
    }
    app.end().await;
}
