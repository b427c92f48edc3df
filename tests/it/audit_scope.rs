//! What is an auditor's to see, entry by entry and choice by choice.

use reqwest::StatusCode;

use crate::sharing::texts;
use crate::support::TestApp;

/// A stranger's look at an institute is refused, and concerns it not: although what was asked for names the institute, its
/// auditors open neither entry of the request.
#[tokio::test]
async fn what_was_asked_for_in_vain_concerns_nobody() {
    let app = TestApp::start().await;
    for institute in ["own", "foreign"] {
        app.institute(institute).await;
    }
    app.given_case("own", "fam").await;
    let stranger = app.signed_in(&["foreign:clinician"]).await;
    assert_eq!(stranger.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    let entries = app.audit_entries().await;
    let of_it = |kind: &str| {
        let found = entries.iter().rfind(|entry| {
            entry.get_str("kind").is_ok_and(|one| one == kind) && entry.to_string().contains("/{institute}/{case}\"")
        });
        found.unwrap_or_else(|| panic!("no {kind}")).clone()
    };
    let (intent, outcome) = (of_it("intent"), of_it("outcome"));
    assert_eq!(intent.get_str("request_id").ok(), outcome.get_str("request_id").ok());
    let named = intent.get_str("institute").ok().map(str::to_owned);
    let auditor = app.confirmed_as(&["own:auditor"]).await;
    for entry in [&intent, &outcome] {
        let id = entry.get_str("_id").unwrap();
        assert_eq!(auditor.get(&format!("/audit/entries/{id}")).await.status(), StatusCode::NOT_FOUND, "{named:?}");
    }
    assert_eq!(named.as_deref(), Some("own"), "the intent alone would be theirs");
}

/// The choice of institutes is that of one's own scope: others' names are nobody's business.
#[tokio::test]
async fn auditors_choose_among_their_institutes() {
    let app = TestApp::start().await;
    for institute in ["own", "other", "foreign"] {
        app.institute(institute).await;
    }
    for (grants, expected) in [
        (["own:auditor", "other:auditor"].as_slice(), vec!["other", "own"]),
        (&["system:auditor"], vec!["foreign", "other", "own"]),
    ] {
        let auditor = app.confirmed_as(grants).await;
        for path in ["/audit", "/audit/flags", "/audit/erasures"] {
            let page = auditor.page(path).await;
            let mut offered = texts(&page, "select[name=institute] option");
            offered.retain(|name| ["own", "other", "foreign"].contains(&name.as_str()));
            offered.sort();
            assert_eq!(offered, expected, "{path} as {grants:?}");
        }
    }
}
