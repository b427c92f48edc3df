//! Decisions on variants through their pages: marks, reasons, ranks, undoing, and two people at once (H1, H2, H7).

use bson::doc;
use lodestone::decisions::Reason;
use lodestone::events::{Event, EventKind, History};
use lodestone::variants::VariantState;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::sharing::{ready, send, share, texts};
use crate::support::vcf::three_records;
use crate::support::{Browser, TestApp};

async fn variant(reader: &Browser) -> String {
    let list = reader.json("/api/v1/own/fam/variants").await;
    format!("/own/fam/variants/{}", list["variants"][0]["id"].as_str().unwrap())
}

pub async fn state(app: &TestApp) -> VariantState {
    let stored = app.documents("variant_states", doc! {}).await;
    bson::deserialize_from_document(stored[0].clone()).unwrap()
}

pub async fn decided(app: &TestApp) -> Vec<Event> {
    let documents = app.documents("events", doc! { "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| event.kind == EventKind::VariantDecided).collect()
}

async fn done(browser: &Browser, at: &str, action: &str, form: &[(&str, &str)]) {
    let answer = send(browser, &format!("{at}/{action}"), form).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{action} {form:?}: {}", answer.text().await.unwrap());
}

/// The hidden fields of the form that goes to an action, as the page has them.
fn hidden(page: &str, action: &str) -> Vec<(String, String)> {
    let html = Html::parse_document(page);
    let selector = Selector::parse(&format!("form[action$='{action}'] input[type=hidden]")).unwrap();
    let fields = html
        .select(&selector)
        .map(|field| (field.attr("name").unwrap().to_owned(), field.attr("value").unwrap().to_owned()));
    fields.filter(|(name, _)| name != "csrf").collect()
}

#[tokio::test]
async fn what_is_decided_is_shown_found_and_told() {
    let (app, _, ann) = ready().await;
    let at = variant(&ann).await;
    assert!(ann.page(&at).await.contains("Nothing is decided about this variant."));
    let back = send(&ann, &format!("{at}/pin?gene=POT1"), &[("on", "1")]).await;
    assert_eq!(
        back.headers()["location"],
        format!("{at}?gene=POT1#decisions").as_str(),
        "who decides stays in the list"
    );
    done(&ann, &at, "causative", &[("on", "1")]).await;
    done(&ann, &at, "rank", &[("rev", "2"), ("rank", "0")]).await;
    done(&ann, &at, "dismiss", &[("rev", "3"), ("reason", "29"), ("reason", "7")]).await;
    let stored = state(&app).await;
    assert_eq!((stored.pinned, stored.causative, stored.manual_rank, stored.rev), (true, true, Some(0), 4));
    assert_eq!(stored.dismissed, [7, 29].map(Reason::Known));
    let page = app.signed_in(&["own:geneticist"]).await.page(&at).await;
    let words = texts(&page, "[aria-labelledby=decisions] strong").concat();
    assert_eq!(
        words,
        "causative; pinned; dismissed: inheritance does not fit, technical artefact; manual rank O, other"
    );
    assert_eq!(texts(&page, "#manual-rank option[selected]"), ["O: other"], "0 is a rank");
    let list = ann.json("/api/v1/own/fam/variants?pinned=only&dismissed=show").await;
    assert_eq!(list["matched"], 1);
    let told = ann.page("/own/fam/timeline?kind=decisions").await;
    assert!(told.contains("O, other") && told.contains("technical artefact"), "{told}");
    done(&ann, &at, "rank", &[("rev", "4"), ("rank", "")]).await;
    done(&ann, &at, "dismiss", &[("rev", "5")]).await;
    done(&ann, &at, "causative", &[("on", "0")]).await;
    done(&ann, &at, "pin", &[("on", "0")]).await;
    assert!(!state(&app).await.keeps_variant());
    assert!(ann.page(&at).await.contains("Nothing is decided about this variant any more."));
    let events = decided(&app).await;
    assert_eq!(events.len(), 8);
    assert!(History::new(events).is_ok());
    app.end().await;
}

/// On the list the reader goes on where they were, and undoes from there.
#[tokio::test]
async fn the_list_pins_and_undoes_in_place() {
    let (app, _, ann) = ready().await;
    let at = variant(&ann).await;
    let id = at.rsplit('/').next().unwrap();
    let list = "/own/fam/variants?sort=position";
    let page = ann.page(list).await;
    assert_eq!(texts(&page, "button.pin").len(), texts(&page, "tbody tr").len(), "{page}");
    assert!(!page.contains("Your last decision"));
    let html = Html::parse_document(&page);
    let pin = Selector::parse(&format!("button.pin[formaction*='{id}']")).unwrap();
    let pin = html.select(&pin).next().unwrap().attr("formaction").unwrap().to_owned();
    let back = send(&ann, &pin, &[("from", "list"), ("on", "1")]).await;
    let location = back.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("{list}#v-{id}"));
    let page = ann.page(&location).await;
    let last = texts(&page, "form.decide").concat();
    assert!(last.contains("Your last decision:") && last.contains("pinned"), "{last}");
    assert!(!app.signed_in(&["own:geneticist"]).await.page(list).await.contains("Your last decision"));
    let undo = Html::parse_document(&page);
    let undo = undo.select(&Selector::parse("form.decide").unwrap()).next().unwrap().attr("action").unwrap().to_owned();
    let back = send(&ann, &undo, &[("from", "list"), ("rev", "1")]).await;
    assert_eq!(back.headers()["location"], location.as_str());
    assert!(!state(&app).await.pinned);
    app.wait(jiff::SignedDuration::from_mins(16));
    assert!(!ann.page(list).await.contains("Your last decision"), "what is long past is undone on the variant's page");
    app.end().await;
}

/// H7: what is sent twice changes once; a mark needs no revision and never meets a conflict.
#[tokio::test]
async fn h7_a_mark_sent_twice_is_set_once() {
    let (app, _, ann) = ready().await;
    let at = variant(&ann).await;
    for _ in 0..3 {
        done(&ann, &at, "pin", &[("on", "1")]).await;
    }
    assert_eq!(decided(&app).await.len(), 1);
    let ben = app.signed_in(&["own:geneticist"]).await;
    let [pin, causative] = ["pin", "causative"].map(|action| format!("{at}/{action}"));
    let (token_of_ann, token_of_ben) = (ann.csrf("/own/fam").await, ben.csrf("/own/fam").await);
    for round in 0..6 {
        let on = (round % 2).to_string();
        let ann_form = [("csrf", token_of_ann.as_str()), ("on", on.as_str())];
        let ben_form = [("csrf", token_of_ben.as_str()), ("on", on.as_str())];
        let (one, other) = tokio::join!(ann.post(&pin, &ann_form), ben.post(&causative, &ben_form));
        assert_eq!((one.status(), other.status()), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER), "round {round}");
    }
    let stored = state(&app).await;
    assert!(stored.pinned && stored.causative, "neither took the other's mark away: {stored:?}");
    assert!(History::new(decided(&app).await).is_ok());
    app.end().await;
}

/// H1: who replaces a value that somebody else changed is shown both, and decides.
#[tokio::test]
async fn h1_a_stale_value_is_shown_beside_the_present_one() {
    let (app, _, ann) = ready().await;
    let at = variant(&ann).await;
    let ben = app.signed_in(&["own:geneticist"]).await;
    let form = hidden(&ben.page(&at).await, "/rank");
    done(&ann, &at, "rank", &[("rev", "0"), ("rank", "4")]).await;
    let mut mine: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    mine.push(("rank", "9"));
    let stale = send(&ben, &format!("{at}/rank"), &mine).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let page = stale.text().await.unwrap();
    assert_eq!(
        texts(&page, "main dd"),
        ["manual rank LP, likely pathogenic", "manual rank VUS, uncertain significance"]
    );
    assert_eq!(state(&app).await.manual_rank, Some(4), "nothing is overwritten unseen");
    let again = hidden(&page, "/rank");
    let again: Vec<(&str, &str)> = again.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    done(&ben, &at, "rank", &again).await;
    assert_eq!(state(&app).await.manual_rank, Some(9));
    let same = send(&ann, &format!("{at}/rank"), &[("rev", "0"), ("rank", "9")]).await;
    assert_eq!(same.status(), StatusCode::SEE_OTHER, "wanting what is so already is no conflict");
    app.end().await;
}

/// H2: undoing is another change; an old page undoes nothing that somebody decided since.
#[tokio::test]
async fn h2_the_last_decision_is_undone_as_a_change_of_its_own() {
    let (app, _, ann) = ready().await;
    let at = variant(&ann).await;
    done(&ann, &at, "dismiss", &[("rev", "0"), ("reason", "5")]).await;
    done(&ann, &at, "pin", &[("on", "1")]).await;
    assert!(ann.page(&at).await.contains("data-key=\"undo\""));
    let colleague = app.signed_in(&["own:clinician"]).await;
    assert!(!colleague.page(&at).await.contains("data-key=\"undo\""), "one key undoes what is one's own");
    done(&ann, &at, "undo", &[("rev", "2")]).await;
    let stored = state(&app).await;
    assert_eq!((stored.pinned, stored.dismissed.as_slice(), stored.rev), (false, &[Reason::Known(5)][..], 3));
    let stale = send(&ann, &format!("{at}/undo"), &[("rev", "2")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT, "an undo sent twice does not undo the undoing");
    assert!(stale.text().await.unwrap().contains("phenotype does not fit"));
    done(&ann, &at, "undo", &[("rev", "3")]).await;
    assert!(state(&app).await.pinned, "undoing is undone like any other change");
    let never = send(&ann, &format!("{at}/undo"), &[("rev", "0")]).await;
    assert_eq!(never.status(), StatusCode::CONFLICT);
    assert!(History::new(decided(&app).await).is_ok());
    app.end().await;
}

#[tokio::test]
async fn decisions_are_for_the_owner_and_from_closed_lists() {
    let (app, _, ann) = ready().await;
    share(&ann, &[]).await;
    let at = variant(&ann).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    let page = guest.page(&at).await;
    assert!(page.contains("Nothing is decided") && !page.contains("/pin\""), "a guest reads and decides nothing");
    assert!(!guest.page("/own/fam/variants").await.contains("class=\"pin"));
    for (action, form) in [
        ("pin", vec![("on", "1")]),
        ("causative", vec![("on", "1")]),
        ("dismiss", vec![("rev", "0"), ("reason", "2")]),
        ("rank", vec![("rev", "0"), ("rank", "1")]),
        ("undo", vec![("rev", "1")]),
    ] {
        let refused = send(&guest, &format!("{at}/{action}"), &form).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{action}");
    }
    for (action, form) in [
        ("pin", vec![]),
        ("pin", vec![("on", "2")]),
        ("dismiss", vec![("rev", "0"), ("reason", "4")]),
        ("rank", vec![("rev", "0"), ("rank", "15")]),
        ("rank", vec![("rank", "1"), ("pinned", "1")]),
    ] {
        let wrong = send(&ann, &format!("{at}/{action}"), &form).await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY, "{action} {form:?}");
    }
    let other = format!("/own/fam/variants/{}/pin", "a".repeat(26));
    assert_eq!(send(&ann, &other, &[("on", "1")]).await.status(), StatusCode::NOT_FOUND, "of this case only");
    assert!(decided(&app).await.is_empty());
    app.end().await;
}

/// A partial cause names what it explains: terms of the case, or others in words. It solves no case, gives way to a causative
/// mark, and guests do not read the words.
#[tokio::test]
async fn a_partial_cause_names_what_it_explains() {
    let (app, _, ann) = ready().await;
    let terms = app.write_trio("own", "fam", &three_records(), "phenotype_terms: ['HP:0000365', 'HP:0001250']\n");
    assert!(app.cli(&["load", "case", terms.to_str().unwrap(), "--update"]).await);
    let at = variant(&ann).await;
    let kim = app.signed_in(&["own:clinician"]).await;
    let sent = [("rev", "0"), ("phenotype", "HP:0000365")];
    assert_eq!(send(&kim, &format!("{at}/partial"), &sent).await.status(), StatusCode::FORBIDDEN, "for geneticists");
    for wrong in [("phenotype", "HP:0000001"), ("words", "on two\nlines"), ("words", &"x".repeat(201))] {
        let answer = send(&ann, &format!("{at}/partial"), &[("rev", "0"), wrong]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    assert!(decided(&app).await.is_empty());
    done(&ann, &at, "partial", &[("rev", "0"), ("phenotype", "HP:0000365"), ("words", " the deafness ")]).await;
    let undone = send(&kim, &format!("{at}/undo"), &[("rev", "1")]).await;
    assert_eq!(undone.status(), StatusCode::FORBIDDEN, "nor undone by who could not say it");
    let stale = send(&ann, &format!("{at}/partial"), &[("rev", "0")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT, "nothing is overwritten unseen");
    let page = kim.page(&at).await;
    let words = texts(&page, "[aria-labelledby=decisions] strong").concat();
    assert_eq!(words, "a partial cause, of HP:0000365, the deafness");
    assert!(kim.page("/own/fam/variants").await.contains("partial cause"));
    assert_eq!(kim.json("/api/v1/own/fam").await["status"], "active", "it is being read, not solved");
    let told = kim.page("/own/fam/timeline?kind=decisions").await;
    assert!(told.contains("HP:0000365, the deafness"), "{told}");
    share(&ann, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    let state = guest.json(&format!("/api/v1{at}")).await["state"].clone();
    assert_eq!(state["partial"], serde_json::json!({ "phenotypes": ["HP:0000365"], "words": null }));
    for path in [at.as_str(), "/own/fam/variants", "/own/fam"] {
        assert!(!guest.page(path).await.contains("the deafness"), "{path}");
    }
    done(&ann, &at, "causative", &[("on", "1")]).await;
    assert_eq!(state_of(&app).await, (true, None));
    let refused = send(&ann, &format!("{at}/partial"), &[("rev", "2"), ("words", "x")]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN, "it explains all");
    done(&ann, &at, "undo", &[("rev", "2")]).await;
    assert!(state_of(&app).await.1.is_some(), "what the mark took the place of is back");
    // A load may take a term away; what was said of it stays, and can be said again.
    app.tamper(
        "cases",
        doc! { "institute": "own", "name": "fam" },
        doc! { "$set": { "phenotype_terms": ["HP:0001250"] } },
    )
    .await;
    let form = texts(&ann.page(&at).await, "form[action$='/partial'] label.check");
    assert_eq!(form, ["HP:0001250", "HP:0000365"]);
    done(&ann, &at, "partial", &[("rev", "3"), ("phenotype", "HP:0000365"), ("words", "anew")]).await;
    done(&ann, &at, "partial", &[("rev", "4"), ("words", " ")]).await;
    assert_eq!(state_of(&app).await, (false, None));
    app.end().await;
}

async fn state_of(app: &TestApp) -> (bool, Option<lodestone::variants::PartialCause>) {
    let state = state(app).await;
    (state.causative, state.partial)
}

/// What is held of mosaicism is of a closed list, shown on row and page, and keeps a variant from bulk dismissal.
#[tokio::test]
async fn mosaicism_is_tagged() {
    let (app, _, ann) = ready().await;
    let at = variant(&ann).await;
    for wrong in ["0", "6", "parent", ""] {
        let answer = send(&ann, &format!("{at}/mosaic"), &[("rev", "0"), ("mosaic", wrong)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    done(&ann, &at, "mosaic", &[("rev", "0"), ("mosaic", "5"), ("mosaic", "2")]).await;
    let page = ann.page(&at).await;
    let words = texts(&page, "[aria-labelledby=decisions] strong").concat();
    assert_eq!(words, "mosaicism suspected in an affected, not evident in a parent’s reads");
    assert!(texts(&ann.page("/own/fam/variants").await, "tbody .badge.other").contains(&"mosaic".to_owned()));
    done(&ann, &at, "mosaic", &[("rev", "1")]).await;
    assert!(state(&app).await.mosaic.is_empty());
    app.end().await;
}
