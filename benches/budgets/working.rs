//! A case that people talk and decide about.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Browser, TestApp};
use crate::{Line, quantile, step, timed};

/// Comments of the case.
const COMMENTS: usize = 200;
/// Variants that are pinned in it.
const PINNED: usize = 50;
/// A usual comment: some Markdown, some lines.
const TEXT: &str = "Seen by **two** callers, and the mother carries it too.\n\n- depth is fine\n- no other record in *POT1*\n\n\
    https://example.org/paper says more.";

/// Reading a case with many comments and decisions, and making one more of each.
pub async fn run(app: &TestApp, reader: &Browser, lines: &mut Vec<Line>) {
    step("a case with 200 comments and 50 pinned variants");
    let csrf = reader.csrf("/account").await;
    let list = reader.json(&format!("/api/v1/own/big/variants?per_page={PINNED}")).await;
    let variants: Vec<String> = list["variants"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| format!("/own/big/variants/{}", row["id"].as_str().expect("an id")))
        .collect();
    for variant in &variants {
        let pinned = reader.post(&format!("{variant}/pin"), &[("csrf", &csrf), ("rev", "0"), ("on", "1")]).await;
        assert_eq!(pinned.status(), 303);
    }
    for number in 0..COMMENTS {
        let body = json!({ "text": format!("{TEXT}\n\n{number}") });
        let said = reader.ask("POST", "/api/v1/own/big/comments", &body).await;
        assert!(said.status().is_success(), "{}", said.status());
    }
    let (p50, p95) = timed(reader, "/own/big", 100).await;
    lines.push(Line {
        what: "case page with 200 comments and 50 pinned variants",
        budget: "p95 <= 20 ms".into(),
        measured: format!("p50 {p50:.1?}, p95 {p95:.1?}"),
        kept: Some(p95 <= Duration::from_millis(20)),
    });
    let (_, commands) = app.commands_during(reader.page("/own/big")).await;
    lines.push(Line {
        what: "case page with 200 comments and 50 pinned variants",
        budget: "<= 8 database round trips".into(),
        measured: commands.len().to_string(),
        kept: Some(commands.len() <= 8),
    });
    let variant = &variants[0];
    let mut times = Vec::new();
    for number in 0..50_usize {
        let id = lodestone::ids::CommentId::random().to_string();
        let form = [("csrf", csrf.as_str()), ("id", &id), ("text", &format!("{TEXT} {number}"))];
        let began = Instant::now();
        let said = reader.post(&format!("{variant}/comments"), &form).await;
        assert_eq!(said.status(), 303);
        reader.page(variant).await;
        times.push(began.elapsed());
    }
    let p95 = quantile(&mut times, 0.95);
    lines.push(Line {
        what: "a comment on a variant: form, redirect, page",
        budget: "p95 <= 25 ms".into(),
        measured: format!("p50 {:.1?}, p95 {p95:.1?}", quantile(&mut times, 0.5)),
        kept: Some(p95 <= Duration::from_millis(25)),
    });
    let mut times = Vec::new();
    for number in 0..100_usize {
        let mark = if number % 2 == 0 { "1" } else { "0" };
        let began = Instant::now();
        let decided =
            reader.post(&format!("{variant}/causative"), &[("csrf", &csrf), ("rev", "0"), ("on", mark)]).await;
        assert_eq!(decided.status(), 303);
        reader.page(variant).await;
        times.push(began.elapsed());
    }
    let p95 = quantile(&mut times, 0.95);
    lines.push(Line {
        what: "a decision on a variant: form, redirect, page",
        budget: "p95 <= 25 ms".into(),
        measured: format!("p50 {:.1?}, p95 {p95:.1?}", quantile(&mut times, 0.5)),
        kept: Some(p95 <= Duration::from_millis(25)),
    });
}
