//! The cases of an institute: narrowed, sorted and paged, with each case once however they change meanwhile.

use std::collections::BTreeSet;

use bson::{Document, doc};
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::sharing::{ready, send, texts};
use crate::support::{Browser, TestApp};

/// Adds cases like `fam`, named by their number; the later ones were changed and loaded earlier, several at the same time.
pub async fn plant(app: &TestApp, count: u32) {
    let case = app.documents("cases", doc! {}).await.remove(0);
    let at = case.get_datetime("updated_at").unwrap().timestamp_millis();
    let planted = |number: u32| {
        let name = format!("c{number:05}");
        let time = bson::DateTime::from_millis(at - i64::from(number / 3) * 60_000);
        let mut copy = case.clone();
        copy.extend(doc! {
            "_id": lodestone::ids::CaseId::random(), "name": &name, "family": &name, "search": [&name],
            "status": if number.is_multiple_of(4) { "active" } else { "archived" }, "updated_at": time, "created_at": time,
        });
        copy
    };
    let all: Vec<Document> = (0..count).map(planted).collect();
    for part in all.chunks(1_000) {
        app.insert_many("cases", part).await;
    }
}

/// Where the next page is.
fn next(page: &str) -> Option<String> {
    let link = Selector::parse("nav[aria-label='Pages of cases'] a[rel=next]").unwrap();
    Html::parse_document(page).select(&link).next().map(|link| link.attr("href").unwrap().to_owned())
}

/// Names on all pages, from this one on.
async fn walked(reader: &Browser, first: &str) -> Vec<String> {
    let (mut names, mut at) = (Vec::new(), Some(first.to_owned()));
    while let Some(url) = at {
        let page = reader.page(&url).await;
        names.extend(texts(&page, "tbody th a"));
        at = next(&page);
    }
    names
}

#[tokio::test]
async fn every_case_is_on_one_page_in_the_order_asked_for() {
    let (app, _, ann) = ready().await;
    plant(&app, 130).await;
    let mut by_name: Vec<String> = (0..130).map(|number| format!("c{number:05}")).collect();
    by_name.push("fam".to_owned());
    for sort in ["changed", "loaded", "oldest", "sample", "status", "name"] {
        let names = walked(&ann, &format!("/own?sort={sort}")).await;
        assert_eq!(names.iter().collect::<BTreeSet<_>>(), by_name.iter().collect(), "{sort}");
        assert_eq!(names.len(), by_name.len(), "{sort}");
    }
    assert_eq!(walked(&ann, "/own?sort=name").await, by_name);
    let times = |names: &[String]| -> Vec<u32> {
        let planted = names.iter().filter_map(|name| name.strip_prefix('c'));
        planted.map(|number| number.parse::<u32>().unwrap() / 3).collect()
    };
    assert_eq!(
        walked(&ann, "/own?sort=sample").await,
        walked(&ann, "/own?sort=oldest").await,
        "none has a sample’s day"
    );
    let by_status = walked(&ann, "/own?sort=status").await;
    let is_active =
        |name: &String| name.strip_prefix('c').is_some_and(|number| number.parse::<u32>().unwrap().is_multiple_of(4));
    assert!(
        by_status[..33].iter().all(is_active) && by_status[33] == "fam",
        "active, inactive, archived: {by_status:?}"
    );
    let (newest, oldest) = (walked(&ann, "/own").await, walked(&ann, "/own?sort=oldest").await);
    assert!(times(&newest).is_sorted() && times(&oldest).is_sorted_by(|one, other| one >= other));
    assert_eq!(walked(&ann, "/own?status=active&sort=name").await.len(), 33);
    assert_eq!(walked(&ann, "/own?q=c0012").await.len(), 10);
    let page = ann.page("/own").await;
    assert_eq!(texts(&page, "table caption"), ["50 cases on this page, last changed first; more follow"]);
    let second = ann.page(&next(&page).unwrap()).await;
    assert!(second.contains("First page"), "{second}");
    app.end().await;
}

/// A case that moves while somebody pages takes no other one along.
#[tokio::test]
async fn who_pages_misses_no_case_that_stayed() {
    let (app, _, ann) = ready().await;
    plant(&app, 120).await;
    let page = ann.page("/own").await;
    let first = texts(&page, "tbody th a");
    let now = bson::DateTime::from_millis(app.clock.now().as_millisecond());
    for name in ["c00100", "c00002"] {
        assert_eq!(app.tamper("cases", doc! { "name": name }, doc! { "$set": { "updated_at": now } }).await, 1);
    }
    let rest = walked(&ann, &next(&page).unwrap()).await;
    let seen: BTreeSet<String> = first.into_iter().chain(rest.clone()).collect();
    let missing: Vec<String> =
        (0..120).map(|number| format!("c{number:05}")).filter(|name| !seen.contains(name)).collect();
    assert_eq!(missing, ["c00100"], "it went to the first page");
    assert_eq!(rest.iter().collect::<BTreeSet<_>>().len(), rest.len());
    app.end().await;
}

#[tokio::test]
async fn the_api_narrows_and_pages_alike() {
    let (app, _, ann) = ready().await;
    plant(&app, 1_003).await;
    let first = ann.json("/api/v1/own/cases?sort=name").await;
    assert_eq!(first["cases"].as_array().unwrap().len(), 1_000);
    let after = first["next"].as_str().unwrap();
    let second = ann.json(&format!("/api/v1/own/cases?sort=name&after={after}")).await;
    let names: Vec<&str> =
        second["cases"].as_array().unwrap().iter().map(|case| case["name"].as_str().unwrap()).collect();
    assert_eq!((names, second["next"].is_null()), (vec!["c01000", "c01001", "c01002", "fam"], true));
    let active = ann.json("/api/v1/own/cases?status=active&q=c0000").await;
    assert_eq!(active["cases"].as_array().unwrap().len(), 3);
    for wrong in ["sort=best", "after=x", "status=asleep", "assignee=kim", "nonsense=1"] {
        for at in ["/own", "/api/v1/own/cases"] {
            let status = ann.get(&format!("{at}?{wrong}")).await.status();
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{at}?{wrong}");
        }
    }
    app.end().await;
}

/// What a list shows follows every change at once, also one that a command made, which is another process.
#[tokio::test]
async fn lists_follow_changes_of_other_processes() {
    let (app, _, ann) = ready().await;
    let names = async |path: &str| {
        let mut names = texts(&ann.page(path).await, "tbody th a");
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names("/own").await, ["fam"]);
    for name in ["two", "three"] {
        app.given_case("own", name).await;
        assert!(names("/own").await.contains(&name.to_owned()), "{name}");
    }
    let (_, commands) = app.commands_during(ann.page("/own")).await;
    let reads = commands.iter().filter(|(name, of)| name == "find" && of == "cases").count();
    assert_eq!(reads, 1, "what others share, as nothing changed: {commands:?}");
    let ben = app.signed_in(&["own:geneticist"]).await;
    let tagged = send(&ben, "/own/two/tags", &[("tag", "carrier"), ("on", "1")]).await;
    assert_eq!(tagged.status(), StatusCode::SEE_OTHER);
    assert_eq!(names("/own?tag=carrier").await, ["two"]);
    assert!(ann.page("/own").await.contains("3 in all"));
    assert!(app.cli(&["case", "delete", "three", "--institute", "own"]).await);
    assert_eq!(names("/own").await, ["fam", "two"]);
    assert!(ann.page("/own").await.contains("2 in all"));
    let path = app.write_trio("own", "two", &crate::support::vcf::three_records()[..1], "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert!(ann.page("/own?q=two").await.contains("</span>1</a>"), "one variant is left");
    let rev = app.documents("cases", doc! {}).await.into_iter().find(|case| case.get_str("name").unwrap() == "two");
    let rev = rev.unwrap().get_i64("work_rev").unwrap().to_string();
    let saved = send(&ann, "/own/two/status", &[("status", "archived"), ("rev", &rev)]).await;
    assert_eq!(saved.status(), StatusCode::SEE_OTHER);
    assert_eq!(names("/own?status=archived").await, ["two"]);
    // An admin's change of the settings, sent from what was read before, keeps the count.
    assert!(app.cli(&["institute", "set", "own", "--name", "Ours"]).await);
    app.given_case("own", "four").await;
    assert_eq!(names("/own").await, ["fam", "four", "two"]);
    app.end().await;
}
