//! The cases page of an institute with fifty thousand cases.

use std::time::Duration;

use bson::doc;
use scraper::{Html, Selector};

use crate::support::TestApp;
use crate::{Line, step, timed, write_case};

const CASES: u32 = 50_000;

/// Any page of it, narrowed and sorted in the ways that people use.
pub async fn run(lines: &mut Vec<Line>) {
    step("planting 50 000 cases");
    let app = TestApp::start().await;
    app.institute("own").await;
    let path = write_case(&app, "first", 10);
    assert!(app.cli(&["load", "case", path.to_str().expect("a plain path")]).await);
    let case = app.documents("cases", doc! {}).await.remove(0);
    let at = case.get_datetime("updated_at").expect("a time").timestamp_millis();
    let mut planted = Vec::new();
    for number in 0..CASES {
        let name = format!("c{number:05}");
        let time = bson::DateTime::from_millis(at - i64::from(number) * 60_000);
        let status =
            ["active", "solved", "archived", "archived", "archived", "inactive", "archived"][number as usize % 7];
        let mut copy = case.clone();
        copy.extend(doc! {
            "_id": lodestone::ids::CaseId::random(), "name": &name, "family": &name, "search": [&name],
            "status": status, "updated_at": time, "created_at": time,
        });
        planted.push(copy);
        if planted.len() == 1_000 {
            app.insert_many("cases", &planted).await;
            planted.clear();
        }
    }
    let reader = app.signed_in(&["own:clinician"]).await;
    let page = reader.page("/own?sort=name&after=c25000~aaaaaaaaaaaaaaaaaaaaaaaaaa").await;
    let link = Selector::parse("nav a[rel=next]").expect("a selector");
    let deep = Html::parse_document(&page)
        .select(&link)
        .next()
        .and_then(|link| link.attr("href"))
        .expect("a next page")
        .to_owned();
    for (what, path) in [
        ("cases page, 50 000 cases", "/own"),
        ("the same, in the middle, by name", deep.as_str()),
        ("the same, of one status", "/own?status=active"),
        ("the same, of two statuses", "/own?status=active&status=inactive"),
        ("the same, one name sought", "/own?q=c31415"),
        ("the same, 100 names sought", "/own?q=c314"),
        ("the same, nobody works on", "/own?assignee=nobody"),
        ("start page, 50 000 cases", "/"),
    ] {
        let (p50, p95) = timed(&reader, path, 100).await;
        lines.push(Line {
            what,
            budget: "p95 <= 20 ms".into(),
            measured: format!("p50 {p50:.1?}, p95 {p95:.1?}"),
            kept: Some(p95 <= Duration::from_millis(20)),
        });
    }
    app.end().await;
}
