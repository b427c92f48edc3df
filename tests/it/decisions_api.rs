//! Deciding by the API: the same rules, revisions and history as the pages.

use bson::doc;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Browser, TestApp};

struct Desk {
    app: TestApp,
    ann: Browser,
    kim: Browser,
    /// Address of the first variant of the list.
    at: String,
}

impl Desk {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.institute("own").await;
        app.given_case("own", "fam").await;
        let ann = app.signed_in(&["own:geneticist"]).await;
        let kim = app.signed_in(&["own:clinician"]).await;
        let list = ann.json("/api/v1/own/fam/variants").await;
        let at = format!("/api/v1/own/fam/variants/{}", list["variants"][0]["id"].as_str().unwrap());
        Self { app, ann, kim, at }
    }

    async fn ask(&self, who: &Browser, path: &str, body: Value) -> (StatusCode, Value) {
        let answer = who.ask("POST", &format!("{}/{path}", self.at), &body).await;
        (answer.status(), answer.json().await.unwrap())
    }

    async fn by_reader(&self, who: &Browser, body: Value) -> (StatusCode, Value) {
        self.ask(who, "decisions", body).await
    }

    async fn by_geneticist(&self, who: &Browser, body: Value) -> (StatusCode, Value) {
        self.ask(who, "geneticist-decisions", body).await
    }
}

/// Each decision answers how the variant stands, as its own address does, with one row in the history.
#[tokio::test]
async fn each_decision_answers_how_the_variant_stands() {
    let desk = Desk::new().await;
    let mut rev = 0;
    for (body, field, value) in [
        (json!({ "decide": "pin", "on": true }), "pinned", json!(true)),
        (json!({ "decide": "dismiss", "reasons": [29, 7, 29], "rev": 1 }), "dismissed", json!([7, 29])),
        (json!({ "decide": "rank", "rank": 0, "rev": 2 }), "manual_rank", json!(0)),
        (json!({ "decide": "rank", "rank": null, "rev": 3 }), "manual_rank", Value::Null),
        (json!({ "decide": "undo", "rev": 4 }), "manual_rank", json!(0)),
        (json!({ "decide": "mosaic", "mosaic": [4, 1, 4], "rev": 5 }), "mosaic", json!([1, 4])),
    ] {
        rev += 1;
        let (status, state) = desk.by_reader(&desk.kim, body.clone()).await;
        assert_eq!((status, &state["rev"], &state[field]), (StatusCode::OK, &json!(rev), &value), "{body}");
    }
    for (body, field, value) in [
        (
            json!({ "decide": "partial", "phenotypes": [], "words": "deafness", "rev": 6 }),
            "partial",
            json!({ "phenotypes": [], "words": "deafness" }),
        ),
        (json!({ "decide": "causative", "on": true }), "partial", Value::Null),
        (json!({ "decide": "order", "on": true, "rev": 0 }), "pinned", json!(true)),
        (json!({ "decide": "validated", "outcome": "true_positive", "rev": 9 }), "causative", json!(true)),
    ] {
        rev += 1;
        let (status, state) = desk.by_geneticist(&desk.ann, body.clone()).await;
        assert_eq!((status, &state["rev"], &state[field]), (StatusCode::OK, &json!(rev), &value), "{body}");
    }
    let shown = desk.ann.json(&desk.at).await["state"].clone();
    assert_eq!(shown["validation"]["outcome"], "true_positive");
    let (_, again) = desk.by_reader(&desk.kim, json!({ "decide": "pin", "on": true })).await;
    assert_eq!(again, shown, "sent twice, decided once, and told as the variant's own address does");
    let events = desk.app.documents("events", doc! {}).await;
    let decided = events.iter().filter(|event| event.get_str("kind").is_ok_and(|kind| kind == "variant_decided"));
    assert_eq!(decided.count(), 10);
    assert_eq!(desk.ann.json("/api/v1/own/fam").await["status"], "solved", "the case follows");
}

/// What is stale, on no list, not theirs or not there changes nothing, and the answer says why.
#[tokio::test]
async fn what_cannot_be_decided_changes_nothing() {
    let desk = Desk::new().await;
    assert_eq!(desk.by_reader(&desk.kim, json!({ "decide": "rank", "rank": 5, "rev": 0 })).await.0, StatusCode::OK);
    let before = desk.app.documents("variant_states", doc! {}).await;
    for (body, status, told) in [
        (json!({ "decide": "rank", "rank": 7, "rev": 0 }), StatusCode::CONFLICT, "\"rev\":1"),
        (json!({ "decide": "undo", "rev": 0 }), StatusCode::CONFLICT, "\"rev\":1"),
        (json!({ "decide": "rank", "rank": 99, "rev": 1 }), StatusCode::UNPROCESSABLE_ENTITY, "is not a rank"),
        (json!({ "decide": "dismiss", "reasons": [4], "rev": 1 }), StatusCode::UNPROCESSABLE_ENTITY, "is not a reason"),
        (json!({ "decide": "causative", "on": true }), StatusCode::BAD_REQUEST, "does not fit"),
        (json!({ "decide": "pin", "on": true, "why": "x" }), StatusCode::BAD_REQUEST, "does not fit"),
        (json!({ "decide": "pin" }), StatusCode::BAD_REQUEST, "does not fit"),
    ] {
        let (found, answer) = desk.by_reader(&desk.kim, body.clone()).await;
        assert_eq!(found, status, "{body}: {answer}");
        assert!(answer.to_string().contains(told), "{body}: {answer}");
    }
    let causative = json!({ "decide": "causative", "on": true });
    assert_eq!(desk.by_geneticist(&desk.kim, causative.clone()).await.0, StatusCode::FORBIDDEN);
    for (body, status) in [
        (json!({ "decide": "second_reading", "agrees": true, "why": null }), StatusCode::FORBIDDEN),
        (json!({ "decide": "second_reading", "agrees": false, "why": " " }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "decide": "validated", "outcome": "perhaps", "rev": 1 }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "decide": "validated", "outcome": null, "rev": 1 }), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(desk.by_geneticist(&desk.ann, body.clone()).await.0, status, "{body}");
    }
    let absent = format!("/api/v1/own/fam/variants/{}/decisions", "a".repeat(26));
    let answer = desk.ann.ask("POST", &absent, &json!({ "decide": "pin", "on": true })).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let stranger = desk.app.signed_in(&[]).await;
    let pin = json!({ "decide": "pin", "on": true });
    assert_eq!(desk.by_reader(&stranger, pin).await.0, StatusCode::NOT_FOUND);
    assert_eq!(desk.app.documents("variant_states", doc! {}).await, before);
}
