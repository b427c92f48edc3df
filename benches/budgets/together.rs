//! Five thousand variants dismissed as one, and how pages fare with as many decisions.

use std::time::{Duration, Instant};

use scraper::{Html, Selector};

use crate::support::{Browser, TestApp};
use crate::{Line, quantile, step, timed};

/// The first 5 000 of the list's 10 000, by place.
const FILTER: &str = "region=7:1000-35999";

/// Dismissing and undoing, then pages with all of it dismissed.
pub async fn run(app: &TestApp, reader: &Browser, lines: &mut Vec<Line>) {
    step("dismissing 5 000 variants");
    let csrf = reader.csrf("/account").await;
    let url = format!("/own/big/variants/dismiss?{FILTER}");
    let (mut agreed, mut undone) = (Vec::new(), Vec::new());
    for round in 0..4 {
        let form = [("csrf", csrf.as_str()), ("what", "filter"), ("reason", "29")];
        let asked = reader.post(&url, &form).await;
        assert_eq!(asked.status(), 200);
        let page = asked.text().await.expect("a page");
        let seen = hidden(&page, "seen");
        let began = Instant::now();
        let done = reader.post(&url, &[("csrf", &csrf), ("what", "filter"), ("reason", "29"), ("seen", &seen)]).await;
        assert_eq!(done.status(), 303);
        agreed.push(began.elapsed());
        if round == 3 {
            break;
        }
        let list = reader.page("/own/big/variants").await;
        let began = Instant::now();
        let form = [("csrf", csrf.as_str()), ("together", &hidden(&list, "together"))];
        let back = reader.post("/own/big/variants/undo", &form).await;
        assert_eq!(back.status(), 303);
        undone.push(began.elapsed());
    }
    let dismissed = reader.json("/api/v1/own/big/variants?dismissed=only&per_page=1").await["matched"].to_string();
    let slowest = quantile(&mut agreed, 1.0);
    lines.push(Line {
        what: "dismissing the variants of a filter: agreeing, to the redirect, slowest of 4",
        budget: "5 000 in <= 1 s".into(),
        measured: format!("{dismissed} in {slowest:.0?}"),
        kept: Some(slowest <= Duration::from_secs(1)),
    });
    lines.push(Line {
        what: "undoing that, slowest of 3",
        budget: String::new(),
        measured: format!("{:.0?}", quantile(&mut undone, 1.0)),
        kept: None,
    });
    for (what, path) in [
        ("list page, 5 000 of 10 000 dismissed", "/own/big/variants"),
        ("case page, 5 000 variants dismissed", "/own/big"),
        ("timeline, 5 000 variants dismissed", "/own/big/timeline"),
    ] {
        let (p50, p95) = timed(reader, path, 100).await;
        lines.push(Line {
            what,
            budget: "p95 <= 15 ms".into(),
            measured: format!("p50 {p50:.1?}, p95 {p95:.1?}"),
            kept: Some(p95 <= Duration::from_millis(15)),
        });
    }
    let (p50, p95) = timed(reader, "/", 100).await;
    let (_, commands) = app.commands_during(reader.page("/")).await;
    lines.push(Line {
        what: "start page, 1 000 cases",
        budget: "p95 <= 15 ms, <= 12 database round trips".into(),
        measured: format!("p50 {p50:.1?}, p95 {p95:.1?}, {} round trips", commands.len()),
        kept: Some(p95 <= Duration::from_millis(15) && commands.len() <= 12),
    });
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let field = Selector::parse(&format!("input[type=hidden][name={name}]")).expect("a selector");
    let html = Html::parse_document(page);
    let value = html.select(&field).next().and_then(|field| field.attr("value"));
    value.unwrap_or_else(|| panic!("no {name} in {page}")).to_owned()
}
