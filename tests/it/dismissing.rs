//! One decision about several variants of a list: what it leaves alone, what it asks, and that it is whole, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use bson::doc;
use lodestone::decisions::Reason;
use lodestone::decisions::terms::DISMISSALS;
use lodestone::events::{Event, EventKind, History};
use lodestone::variants::VariantState;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::sharing::{ready, send, texts};
use crate::support::vcf::{csq, record};
use crate::support::{Browser, TestApp};

const LIST: &str = "/own/many/variants";
const DISMISS: &str = "/own/many/variants/dismiss";

/// A case of twelve variants, the fourth of them pathogenic in ClinVar; their ids in the order of the list.
async fn many() -> (TestApp, Browser, Vec<String>) {
    let (app, _, ann) = ready().await;
    let records: Vec<String> = (0..12_u32)
        .map(|at| {
            let clinvar = if at == 3 { ";CLNSIG=Pathogenic;CLNACC=12" } else { "" };
            let info = format!("{};RankScore=F1:{}{clinvar}", csq("A", "missense_variant"), 20 - at);
            record("7", 124_000_000 + at, ("C", "A"), &info, ["0/1:9,9:18:99", "0/1:9,9:18:99", "0/0:9,0:9:99"])
        })
        .collect();
    app.given_records("own", "many", &records).await;
    let list = ann.json("/api/v1/own/many/variants").await;
    let rows = list["variants"].as_array().unwrap();
    assert!(rows[3]["clinvar"][0]["code"] == 5, "{}", rows[3]["clinvar"]);
    let ids = rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    (app, ann, ids)
}

async fn states(app: &TestApp) -> BTreeMap<String, VariantState> {
    let stored = app.documents("variant_states", doc! {}).await;
    let states = stored.into_iter().map(|one| bson::deserialize_from_document::<VariantState>(one).unwrap());
    states.map(|state| (state.id.to_string(), state)).collect()
}

async fn dismissed(app: &TestApp) -> BTreeSet<String> {
    let states = states(app).await;
    states.into_iter().filter(|(_, state)| !state.dismissed.is_empty()).map(|(id, _)| id).collect()
}

async fn events(app: &TestApp) -> Vec<Event> {
    let documents = app.documents("events", doc! { "_id": 1 }).await;
    documents.into_iter().map(|document| bson::deserialize_from_document(document).unwrap()).collect()
}

/// The history of every variant, replayed, is what is stored.
async fn history_is_whole(app: &TestApp) {
    let mut of_variants: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in events(app).await {
        if let Some(id) = event.subject.strip_prefix("variant/") {
            of_variants.entry(id.to_owned()).or_default().push(event);
        }
    }
    let states = states(app).await;
    assert_eq!(of_variants.keys().collect::<Vec<_>>(), states.keys().collect::<Vec<_>>());
    for (id, events) in of_variants {
        let present = bson::serialize_to_bson(&states[&id]).unwrap();
        assert_eq!(History::new(events).unwrap().present(), &present, "{id}");
    }
}

/// The hidden fields of the question, without the session's token.
fn asked(page: &str) -> Vec<(String, String)> {
    let html = Html::parse_document(page);
    let fields = Selector::parse("form[action*='/variants/dismiss'] input[type=hidden]").unwrap();
    let pairs = html
        .select(&fields)
        .map(|field| (field.attr("name").unwrap().to_owned(), field.attr("value").unwrap().to_owned()));
    pairs.filter(|(name, _)| name != "csrf").collect()
}

fn form(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The question that a form is answered with; nothing is stored before it is agreed to.
async fn question(app: &TestApp, ann: &Browser, at: &str, form: &[(&str, &str)]) -> String {
    let before = dismissed(app).await;
    let answer = send(ann, at, form).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let page = answer.text().await.unwrap();
    assert_eq!(dismissed(app).await, before);
    page
}

#[tokio::test]
async fn what_somebody_took_up_is_left_alone_and_listed() {
    let (app, ann, ids) = many().await;
    let at = |row: usize| format!("{LIST}/{}", ids[row]);
    for (row, action, sent) in [
        (0, "pin", &[("on", "1")][..]),
        (1, "causative", &[("on", "1")]),
        (2, "rank", &[("rev", "0"), ("rank", "0")]),
        (4, "comments", &[("id", &"a".repeat(26)), ("text", "Look again.")]),
        (5, "dismiss", &[("rev", "0"), ("reason", "5")]),
    ] {
        assert_eq!(
            send(&ann, &format!("{}/{action}", at(row)), sent).await.status(),
            StatusCode::SEE_OTHER,
            "{action}"
        );
    }
    let page = question(&app, &ann, DISMISS, &[("what", "filter"), ("reason", "29"), ("reason", "7")]).await;
    assert_eq!(texts(&page, "h1"), ["Dismiss 6 variants?"]);
    assert!(page.contains("inheritance does not fit, technical artefact"), "{page}");
    let left = texts(&page, "[aria-labelledby=left] li");
    let why: Vec<&str> = left.iter().map(|line| line.split("C>A ").last().unwrap()).collect();
    assert_eq!(
        why,
        ["pinned", "held to be causative", "ranked by hand", "(likely) pathogenic in ClinVar", "commented"],
        "{left:?}"
    );
    let fields = asked(&page);
    assert_eq!(send(&ann, DISMISS, &form(&fields)).await.status(), StatusCode::SEE_OTHER);
    let expected: BTreeSet<String> = ids[5..].iter().cloned().collect();
    assert_eq!(dismissed(&app).await, expected);
    let stored = states(&app).await;
    assert_eq!(stored[&ids[5]].dismissed, [Reason::Known(5)], "who dismissed it before had another reason");
    assert_eq!((stored[&ids[6]].dismissed.as_slice(), stored[&ids[6]].rev), (&[7, 29].map(Reason::Known)[..], 1));
    let shown = ann.json("/api/v1/own/many/variants?dismissed=hide").await;
    assert_eq!(shown["matched"], 5, "filters know it at once");
    history_is_whole(&app).await;
    // Once more, as a browser may send it: nothing changes.
    let before = app.documents("events", doc! { "_id": 1 }).await.len();
    assert_eq!(send(&ann, DISMISS, &form(&fields)).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(app.documents("events", doc! { "_id": 1 }).await.len(), before);
    app.end().await;
}

#[tokio::test]
async fn it_is_undone_as_one_and_told_as_one() {
    let (app, ann, ids) = many().await;
    let page = question(&app, &ann, &format!("{DISMISS}?sort=position"), &[("what", "filter"), ("reason", "29")]).await;
    let back = send(&ann, &format!("{DISMISS}?sort=position"), &form(&asked(&page))).await;
    assert_eq!(back.headers()["location"], format!("{LIST}?sort=position").as_str());
    let told = ann.page("/own/many/timeline?kind=decisions").await;
    let lines = texts(&told, "ol.timeline > li > p");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("decision about several variants"), "{lines:?}");
    assert!(told.contains("technical artefact") && told.contains("11"), "{told}");
    let of_one = ann.page(&format!("/own/many/timeline?variant={}", ids[0])).await;
    assert!(texts(&of_one, "ol.timeline > li > p")[0].contains("decision about a variant"));
    // Somebody decides about one of them since; that stays.
    let rank = [("rev", "1"), ("rank", "4")];
    assert_eq!(send(&ann, &format!("{LIST}/{}/rank", ids[7]), &rank).await.status(), StatusCode::SEE_OTHER);
    app.wait(jiff::SignedDuration::from_secs(1));
    let ben = app.signed_in(&["own:geneticist"]).await;
    assert!(!ben.page(LIST).await.contains("Your last decision"));
    let id = states(&app).await[&ids[0]].together.clone().unwrap().to_string();
    let undo = "/own/many/variants/undo";
    let back = send(&ann, &format!("{undo}?sort=position"), &[("together", &id)]).await;
    assert_eq!(back.headers()["location"], format!("{LIST}?sort=position").as_str());
    assert_eq!(dismissed(&app).await, BTreeSet::from([ids[7].clone()]));
    let list = ann.page(LIST).await;
    let last = texts(&list, "form.decide").concat();
    assert!(last.contains("10 variants, not dismissed"), "{last}");
    // Undoing it was a decision too.
    let again = states(&app).await[&ids[0]].together.clone().unwrap().to_string();
    assert_eq!(send(&ann, undo, &[("together", &again)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(dismissed(&app).await.len(), 11);
    assert_eq!(send(&ann, undo, &[("together", &id)]).await.status(), StatusCode::NOT_FOUND, "it stands no more");
    assert_eq!(send(&ann, undo, &[("together", "x")]).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    history_is_whole(&app).await;
    app.end().await;
}

#[tokio::test]
async fn one_that_is_ticked_is_dismissed_at_once_and_the_next_is_at_hand() {
    let (app, ann, ids) = many().await;
    let page = ann.page(LIST).await;
    assert_eq!(texts(&page, "button.pin[form=decide]").len(), 12);
    let html = Html::parse_document(&page);
    let boxes = Selector::parse("input.pick[form=several][name=variant]").unwrap();
    let boxes: Vec<&str> = html.select(&boxes).map(|one| one.attr("value").unwrap()).collect();
    assert_eq!(boxes, ids);
    let back = send(&ann, DISMISS, &[("what", "ticked"), ("reason", "29"), ("variant", &ids[1])]).await;
    assert_eq!(back.headers()["location"], format!("{LIST}#v-{}", ids[2]).as_str());
    assert_eq!(dismissed(&app).await, BTreeSet::from([ids[1].clone()]));
    let last = texts(&ann.page(LIST).await, "form.decide").concat();
    assert!(last.contains("7_124000001_C_A, dismissed: technical artefact"), "{last}");
    // A case that nobody had begun is being read now.
    let case = app
        .documents("cases", doc! {})
        .await
        .into_iter()
        .find(|case| case.get_str("name").is_ok_and(|name| name == "many"))
        .unwrap();
    assert_eq!((case.get_str("status").unwrap(), case.get_i64("decisions_rev").unwrap()), ("active", 1));
    // Two are asked about, one that is protected too.
    let two = [("what", "ticked"), ("reason", "29"), ("variant", ids[4].as_str()), ("variant", &ids[5])];
    assert_eq!(texts(&question(&app, &ann, DISMISS, &two).await, "h1"), ["Dismiss 2 variants?"]);
    let protected = [("what", "ticked"), ("reason", "29"), ("variant", ids[3].as_str())];
    let page = question(&app, &ann, DISMISS, &protected).await;
    assert_eq!(texts(&page, "h1"), ["Nothing to dismiss"]);
    assert!(page.contains("pathogenic in ClinVar"), "{page}");
    // Taking back asks nothing, of what is ticked.
    let both = [("what", "ticked_back"), ("variant", ids[1].as_str()), ("variant", &ids[3])];
    assert_eq!(send(&ann, DISMISS, &both).await.status(), StatusCode::SEE_OTHER);
    assert!(dismissed(&app).await.is_empty());
    history_is_whole(&app).await;
    app.end().await;
}

#[tokio::test]
async fn agreement_counts_for_what_was_shown_only() {
    let (app, ann, ids) = many().await;
    let of_filter = [("what", "filter"), ("reason", "29")];
    let fields = asked(&question(&app, &ann, DISMISS, &of_filter).await);
    let pin = format!("{LIST}/{}/pin", ids[0]);
    assert_eq!(send(&ann, &pin, &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);
    let refused = send(&ann, DISMISS, &form(&fields)).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let page = refused.text().await.unwrap();
    assert!(page.contains("changed after you were asked"), "{page}");
    assert_eq!(texts(&page, "h1"), ["Dismiss 10 variants?"]);
    assert!(dismissed(&app).await.is_empty());
    // Another list takes its place, under the same question.
    let fields = asked(&page);
    let path = app.write_trio("own", "many", &[], "");
    let vcf = app.folder().join("own-many.vcf");
    let more = record("8", 9, ("C", "A"), "RankScore=many:3", ["0/1:9,9:18:99", "0/1:9,9:18:99", "0/0:9,0:9:99"]);
    std::fs::write(&vcf, format!("{}{more}\n", std::fs::read_to_string(&vcf).unwrap())).unwrap();
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(send(&ann, DISMISS, &form(&fields)).await.status(), StatusCode::CONFLICT);
    assert!(dismissed(&app).await.is_empty());
    app.end().await;
}

/// I2: a variant of another case is not found, and nothing is written, whatever stands beside it.
#[tokio::test]
async fn a_foreign_variant_is_not_found_and_wrong_forms_are_told() {
    let (app, ann, ids) = many().await;
    let other = ann.json("/api/v1/own/fam/variants").await["variants"][0]["id"].as_str().unwrap().to_owned();
    let both = [("what", "ticked"), ("reason", "29"), ("variant", ids[0].as_str()), ("variant", &other)];
    assert_eq!(send(&ann, DISMISS, &both).await.status(), StatusCode::NOT_FOUND);
    for wrong in [
        &[][..],
        &[("what", "filter")],
        &[("what", "filter"), ("reason", "4")],
        &[("what", "ticked"), ("reason", "29")],
    ] {
        let answer = send(&ann, DISMISS, wrong).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    assert!(states(&app).await.is_empty());
    app.end().await;
}

/// Two people at once: each variant has one decision after the other, and a half of one is never seen.
#[tokio::test]
async fn many_who_decide_at_once_lose_nothing() {
    let (app, ann, ids) = many().await;
    let ben = app.signed_in(&["own:geneticist"]).await;
    let fields = asked(&question(&app, &ann, DISMISS, &[("what", "filter"), ("reason", "29")]).await);
    let pins: Vec<String> = ids.iter().map(|id| format!("{LIST}/{id}/pin")).collect();
    let agreed = form(&fields);
    let pinned = futures::future::join_all(pins.iter().map(|pin| send(&ben, pin, &[("on", "1")])));
    let (one, other, pinned) = tokio::join!(send(&ann, DISMISS, &agreed), send(&ann, DISMISS, &agreed), pinned);
    for answer in [&one, &other] {
        assert!(matches!(answer.status(), StatusCode::SEE_OTHER | StatusCode::CONFLICT), "{}", answer.status());
    }
    assert!(pinned.iter().all(|answer| answer.status() == StatusCode::SEE_OTHER), "a mark never meets a conflict");
    let states = states(&app).await;
    assert!(states.values().all(|state| state.pinned));
    let count = dismissed(&app).await.len();
    assert!(count == 0 || count == 11, "{count} are dismissed");
    assert_eq!(events(&app).await.iter().filter(|event| event.kind == EventKind::VariantsDecided).count(), count / 11);
    history_is_whole(&app).await;
    app.end().await;
}

/// An institute leaves reasons out and adds its own, in page, bulk and API alike; what stands for a reason that was taken off
/// stays, in its words.
#[tokio::test]
async fn an_institute_has_reasons_of_its_own() {
    let (app, ann, ids) = many().await;
    let admin = app.confirmed_as(&["own:admin"]).await;
    let settings = async |left_out: u16, own: &[&str]| {
        let mut body = admin.json("/api/v1/own/settings").await;
        let offered = body["reasons"].as_array_mut().unwrap();
        *offered = DISMISSALS.iter().map(|(code, _)| (*code).into()).collect();
        offered.retain(|code| *code != left_out);
        body["own_reasons"] = own.into();
        admin.ask("PUT", "/api/v1/own/settings", &body).await.status()
    };
    assert_eq!(settings(29, &["seen in the control", "our pipeline"]).await, StatusCode::OK);
    for wrong in [&["12"][..], &["technical artefact"], &["a\nb"]] {
        assert_eq!(settings(29, wrong).await, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    let at = format!("/own/many/variants/{}", ids[1]);
    let offered = texts(&ann.page(&at).await, "#dismissal label");
    assert!(offered.contains(&"our pipeline".to_owned()) && !offered.contains(&"technical artefact".to_owned()));
    for reason in ["29", "not theirs", "4"] {
        let one = send(&ann, &format!("{at}/dismiss"), &[("rev", "0"), ("reason", reason)]).await;
        assert_eq!(one.status(), StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
        let form = [("what", "filter"), ("reason", reason)];
        let all = send(&ann, "/own/many/variants/dismiss", &form).await;
        assert_eq!(all.status(), StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
    }
    assert!(dismissed(&app).await.is_empty());
    let form = [("rev", "0"), ("reason", "our pipeline"), ("reason", "7")];
    assert_eq!(send(&ann, &format!("{at}/dismiss"), &form).await.status(), StatusCode::SEE_OTHER);
    let state = ann.json(&format!("/api/v1{at}")).await["state"].clone();
    assert_eq!(state["dismissed"], serde_json::json!([7, "our pipeline"]));
    let told = ann.page("/own/many/timeline?kind=decisions").await;
    assert!(told.contains("inheritance does not fit, our pipeline"), "{told}");

    assert_eq!(settings(7, &[]).await, StatusCode::OK, "both are taken off");
    let page = ann.page(&at).await;
    let standing = texts(&page, "#dismissal label");
    assert!(standing.contains(&"our pipeline (not offered any more)".to_owned()), "{standing:?}");
    let form = [("rev", "1"), ("reason", "our pipeline"), ("reason", "29")];
    assert_eq!(send(&ann, &format!("{at}/dismiss"), &form).await.status(), StatusCode::SEE_OTHER, "it may stay");
    let body = serde_json::json!({ "decide": "dismiss", "reasons": ["our pipeline"], "rev": 0 });
    let other = format!("/api/v1/own/many/variants/{}/decisions", ids[2]);
    assert_eq!(ann.ask("POST", &other, &body).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "and not begin");
    let body = serde_json::json!({ "decide": "dismiss", "reasons": [29], "rev": 0 });
    assert_eq!(ann.ask("POST", &other, &body).await.status(), StatusCode::OK);
    app.end().await;
}

/// What somebody holds to be a part of the cause, or tagged as mosaic, is left alone and listed.
#[tokio::test]
async fn partial_causes_and_mosaics_are_left_alone() {
    let (app, ann, ids) = many().await;
    for (id, what, form) in [
        (&ids[0], "partial", [("rev", "0"), ("words", "deafness")]),
        (&ids[1], "mosaic", [("rev", "0"), ("mosaic", "2")]),
    ] {
        let answer = send(&ann, &format!("{LIST}/{id}/{what}"), &form).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{what}");
    }
    let form = [("what", "filter"), ("reason", "29")];
    let asked = send(&ann, DISMISS, &form).await.text().await.unwrap();
    assert!(asked.contains("held to be a partial cause") && asked.contains("tagged as mosaic"), "{asked}");
    let seen = Html::parse_document(&asked);
    let seen =
        seen.select(&Selector::parse("input[name=seen]").unwrap()).next().unwrap().attr("value").unwrap().to_owned();
    let form = [("what", "filter"), ("reason", "29"), ("seen", seen.as_str())];
    assert_eq!(send(&ann, DISMISS, &form).await.status(), StatusCode::SEE_OTHER);
    let dismissed = dismissed(&app).await;
    assert!(dismissed.len() == 9 && !dismissed.contains(&ids[0]) && !dismissed.contains(&ids[1]), "{dismissed:?}");
    app.end().await;
}
