//! Tiers of variants of tumours: in cases of the track cancer only; shown, told, kept and taken away.

use bson::doc;
use lodestone::events::History;
use lodestone::variants::{EscatTier, Tiers};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::decisions::{decided, state};
use crate::sharing::{ready, send, texts};
use crate::support::vcf::three_records;
use crate::support::{Browser, TestApp};

const LIST: &str = "/own/tumour/variants";

/// Loads the case on this track, with variants above this rank score.
async fn load(app: &TestApp, track: &str, threshold: &str, more: &[&str]) {
    let path = app.write_trio("own", "tumour", &three_records(), &format!("track: {track}\n"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("rank_score_threshold: -100", &format!("rank_score_threshold: {threshold}")))
        .unwrap();
    let mut arguments = vec!["load", "case", path.to_str().unwrap()];
    arguments.extend(more);
    assert!(app.cli(&arguments).await, "the case loads");
}

/// A case of the track cancer, and the path of its first variant.
async fn tumour() -> (TestApp, Browser, String) {
    let (app, _, ann) = ready().await;
    load(&app, "cancer", "-100", &[]).await;
    let at = first(&ann, LIST).await;
    (app, ann, at)
}

async fn first(reader: &Browser, list: &str) -> String {
    let found = reader.json(&format!("/api/v1{list}")).await;
    format!("{list}/{}", found["variants"][0]["id"].as_str().unwrap())
}

async fn set(who: &Browser, at: &str, rev: &str, amp: &str, escat: &str) -> (StatusCode, String) {
    let answer = send(who, &format!("{at}/tiers"), &[("rev", rev), ("amp", amp), ("escat", escat)]).await;
    (answer.status(), answer.text().await.unwrap())
}

async fn done(who: &Browser, at: &str, rev: &str, amp: &str, escat: &str) {
    let (status, told) = set(who, at, rev, amp, escat).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{amp:?} {escat:?}: {told}");
}

async fn told(who: &Browser, at: &str) -> (Value, Value) {
    let state = who.json(&format!("/api/v1{at}")).await["state"].clone();
    (state["amp"].clone(), state["escat"].clone())
}

/// At most one of each scale, from closed lists; shown on row, page and timeline, undone and taken away.
#[tokio::test]
async fn tiers_are_set_shown_and_taken_away() {
    let (app, ann, at) = tumour().await;
    let kim = app.signed_in(&["own:clinician"]).await;
    let page = kim.page(&at).await;
    assert_eq!(texts(&page, "#tier-amp option").len(), 7, "{page}");
    assert_eq!(texts(&page, "#tier-escat option").len(), 12);
    for (amp, escat) in [("1C", ""), ("I-A", ""), ("", "2C"), ("", "x"), ("1A", "6")] {
        assert_eq!(set(&kim, &at, "0", amp, escat).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{amp:?} {escat:?}");
    }
    done(&kim, &at, "0", "1A", "2B").await;
    let page = kim.page(&at).await;
    assert_eq!(texts(&page, "[aria-labelledby=decisions] strong"), ["AMP 1A, ESCAT 2B"]);
    let chosen = texts(&page, "[id^=tier-] option[selected]");
    assert!(chosen.len() == 2 && chosen[0].starts_with("1A: strong") && chosen[1].starts_with("2B: "), "{chosen:?}");
    for page in [page, kim.page(LIST).await] {
        assert_eq!(texts(&page, ".badge.classified"), ["AMP 1A", "ESCAT 2B"]);
    }
    let timeline = kim.page("/own/tumour/timeline?kind=decisions").await;
    assert!(timeline.contains("AMP tier") && timeline.contains("1A, strong significance"), "{timeline}");
    assert_eq!(told(&ann, &at).await, (json!("1A"), json!("2B")));
    // Another one takes the place of the first; who saw the first only is shown both.
    done(&ann, &at, "1", "2C", "").await;
    let (status, stale) = set(&kim, &at, "1", "1A", "2A").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(texts(&stale, "main dd"), ["AMP 2C", "AMP 1A, ESCAT 2A"]);
    assert_eq!(told(&ann, &at).await, (json!("2C"), Value::Null));
    let undone = send(&ann, &format!("{at}/undo"), &[("rev", "2")]).await;
    assert_eq!(undone.status(), StatusCode::SEE_OTHER);
    assert_eq!(told(&ann, &at).await, (json!("1A"), json!("2B")));
    done(&kim, &at, "3", "", "").await;
    assert!(!state(&app).await.keeps_variant());
    assert!(kim.page(&at).await.contains("Nothing is decided about this variant any more."));
    let stored = app.documents("variant_states", doc! {}).await;
    assert!(!stored[0].contains_key("tiers"), "none is stored as earlier versions did: {}", stored[0]);
    let events = decided(&app).await;
    assert_eq!(events.len(), 4);
    assert!(History::new(events).is_ok());
    let entries = app.audit_entries().await;
    crate::support::last_entry(&entries, "outcome", "/{institute}/{case}/variants/{id}/tiers");
    app.end().await;
}

/// By the API they are what they are by the page.
#[tokio::test]
async fn tiers_are_set_by_the_api() {
    let (app, ann, at) = tumour().await;
    let ask = async |body: Value| {
        let answer = ann.ask("POST", &format!("/api/v1{at}/decisions"), &body).await;
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    for (field, body) in [
        ("amp", json!({ "decide": "tiers", "amp": "II-C", "escat": null, "rev": 0 })),
        ("escat", json!({ "decide": "tiers", "amp": "4", "escat": "", "rev": 0 })),
    ] {
        let (status, answer) = ask(body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.to_string().contains(&format!("\"{field}\"")), "{answer}");
    }
    let body = json!({ "decide": "tiers", "amp": "3", "escat": "X", "rev": 0 });
    let (status, state) = ask(body.clone()).await;
    assert_eq!((status, &state["amp"], &state["escat"]), (StatusCode::OK, &json!("3"), &json!("X")));
    let (status, again) = ask(body).await;
    assert_eq!((status, again), (StatusCode::OK, state), "sent twice, decided once");
    let (status, _) = ask(json!({ "decide": "tiers", "amp": null, "escat": null, "rev": 0 })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (_, state) = ask(json!({ "decide": "tiers", "amp": null, "escat": "X", "rev": 1 })).await;
    assert_eq!((&state["amp"], &state["escat"]), (&Value::Null, &json!("X")));
    app.end().await;
}

/// In a case that is not of a tumour they are not offered, and refused in words by page and API.
#[tokio::test]
async fn tiers_are_of_tumours_only() {
    let (app, _, ann) = ready().await;
    let at = first(&ann, "/own/fam/variants").await;
    assert!(!ann.page(&at).await.contains("/tiers"));
    for (amp, escat) in [("1A", ""), ("", "2B")] {
        let (status, page) = set(&ann, &at, "0", amp, escat).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("this case is not of the track cancer"), "{page}");
    }
    let body = json!({ "decide": "tiers", "amp": null, "escat": "1C", "rev": 0 });
    let answer = ann.ask("POST", &format!("/api/v1{at}/decisions"), &body).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text().await.unwrap().contains("this case is not of the track cancer"));
    assert!(app.documents("variant_states", doc! {}).await.is_empty());
    app.end().await;
}

/// A variant with a tier is kept by an update whatever its rank; where the case is not of a tumour any more, its tier is
/// shown and can be taken away, and nothing else of that.
#[tokio::test]
async fn a_tier_outlives_the_track_of_its_case() {
    let (app, ann, at) = tumour().await;
    done(&ann, &at, "0", "2D", "3A").await;
    load(&app, "cancer", "50", &["--update"]).await;
    let list = ann.json(&format!("/api/v1{LIST}")).await;
    assert_eq!((&list["total"], &list["variants"][0]["state"]["amp"]), (&json!(1), &json!("2D")), "kept, and it alone");
    load(&app, "rare", "-100", &["--update"]).await;
    let page = ann.page(&at).await;
    assert_eq!(texts(&page, "[aria-labelledby=decisions] strong"), ["AMP 2D, ESCAT 3A"]);
    assert_eq!(texts(&page, "[id^=tier-] option").len(), 4, "none, and what stands: {page}");
    assert!(page.contains("can only be taken away"));
    for (amp, escat) in [("2C", "3A"), ("2D", "1A"), ("", "X")] {
        assert_eq!(set(&ann, &at, "1", amp, escat).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{amp} {escat}");
    }
    done(&ann, &at, "1", "", "3A").await;
    assert_eq!(state(&app).await.tiers, Tiers { amp: None, escat: Some(EscatTier::ThreeA) });
    done(&ann, &at, "2", "", "").await;
    assert!(!ann.page(&at).await.contains("/tiers"));
    app.end().await;
}

/// Dismissing a whole list leaves a variant with a tier alone, and says so.
#[tokio::test]
async fn a_variant_with_a_tier_is_not_dismissed_with_others() {
    let (app, ann, at) = tumour().await;
    done(&ann, &at, "0", "", "5").await;
    let asked = send(&ann, &format!("{LIST}/dismiss"), &[("what", "filter"), ("reason", "29")]).await;
    let asked = asked.text().await.unwrap();
    assert_eq!(texts(&asked, "h1"), ["Dismiss 2 variants?"]);
    assert!(texts(&asked, "[aria-labelledby=left] li").concat().contains("given a tier"), "{asked}");
    app.end().await;
}
