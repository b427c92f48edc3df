//! Validation in the laboratory: ordering it, the printed order, its result, and who waits for it.

use bson::doc;
use reqwest::StatusCode;
use serde_json::Value;

use crate::sharing::{send, share, texts};
use crate::support::{Browser, TestApp};

struct Lab {
    app: TestApp,
    ann: Browser,
    /// Path of the first variant of the list.
    variant: String,
}

impl Lab {
    async fn new() -> Self {
        let app = TestApp::start().await;
        for institute in ["own", "partner"] {
            app.institute(institute).await;
        }
        assert!(app.cli(&["institute", "set", "own", "--share-with", "partner"]).await);
        app.given_case("own", "fam").await;
        let ann = app.user(&["own:geneticist"]).await;
        let ann = app.opened(&ann, lodestone::auth::StepUpClass::BulkExport).await;
        let list = ann.json("/api/v1/own/fam/variants").await;
        let variant = format!("/own/fam/variants/{}", list["variants"][0]["id"].as_str().unwrap());
        Self { app, ann, variant }
    }

    async fn order(&self, who: &Browser, form: &[(&str, &str)]) -> StatusCode {
        send(who, &format!("{}/order", self.variant), form).await.status()
    }

    async fn result(&self, who: &Browser, outcome: &str) -> StatusCode {
        let rev = self.state(who).await["rev"].to_string();
        let form = [("outcome", outcome), ("rev", rev.as_str())];
        send(who, &format!("{}/validated", self.variant), &form).await.status()
    }

    async fn state(&self, who: &Browser) -> Value {
        who.json(&format!("/api/v1{}", self.variant)).await["state"].clone()
    }

    /// The order's number, as it is printed.
    async fn number(&self) -> String {
        texts(&self.ann.page(&format!("{}/order", self.variant)).await, "dd.num").remove(0)
    }

    /// Captions of the lists of the start page.
    async fn lists(&self, who: &Browser) -> Vec<String> {
        texts(&who.page("/").await, "table caption")
    }
}

/// An order on a variant of `own`'s case `fam`, for tests of who may open it.
pub async fn planted(app: &TestApp, variant: &str) {
    let geneticist = app.signed_in(&["own:geneticist"]).await;
    let ordered = send(&geneticist, &format!("/own/fam/variants/{variant}/order"), &[("on", "1")]).await;
    assert_eq!(ordered.status(), StatusCode::SEE_OTHER);
}

/// An order pins the variant, has a number that tells nothing, stands on the start page until it is answered, and is one
/// order however often it is sent.
#[tokio::test]
async fn an_order_waits_until_it_is_answered() {
    let lab = Lab::new().await;
    let kim = lab.app.signed_in(&["own:clinician"]).await;
    assert_eq!(lab.result(&lab.ann, "true_positive").await, StatusCode::FORBIDDEN, "nothing was ordered");
    assert_eq!(lab.order(&kim, &[("on", "1")]).await, StatusCode::FORBIDDEN, "geneticists order");
    let page = lab.ann.get(&format!("{}/order", lab.variant)).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND, "there is none to print");
    for _ in 0..2 {
        assert_eq!(lab.order(&lab.ann, &[("on", "1")]).await, StatusCode::SEE_OTHER);
    }
    let state = lab.state(&kim).await;
    assert_eq!((&state["rev"], &state["pinned"]), (&1.into(), &true.into()), "sent twice, ordered once");
    let number = lab.number().await;
    assert!(state["validation"]["outcome"].is_null() && number.starts_with("V-"), "{number}");
    for who in [&kim, &lab.ann] {
        assert!(
            lab.lists(who).await.contains(&"Waiting for a validation".to_owned()),
            "a to-do of all who read the case"
        );
    }
    let order = kim.page(&format!("{}/order", lab.variant)).await;
    for told in [
        number.as_str(),
        "chromosome 7, position 124\u{202f}491\u{202f}972 on GRCh37",
        "7_124491972_C_A",
        "c.903G&#62;T",
        "24 / 15",
    ] {
        assert!(order.contains(told), "{told}: {order}");
    }
    assert_eq!(texts(&order, "tbody th"), ["Kid kid", "Mum mum", "Dad dad"]);
    assert!(texts(&kim.page("/own/fam/variants").await, ".badge").contains(&"to be validated".to_owned()));

    assert_eq!(lab.result(&lab.ann, "perhaps").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(lab.result(&kim, "true_positive").await, StatusCode::FORBIDDEN);
    assert_eq!(lab.result(&lab.ann, "true_positive").await, StatusCode::SEE_OTHER);
    assert_eq!(lab.state(&kim).await["validation"]["outcome"], "true_positive");
    assert!(!lab.lists(&kim).await.contains(&"Waiting for a validation".to_owned()));
    let timeline = kim.page("/own/fam/timeline?kind=decisions").await;
    assert!(timeline.contains(&number) && timeline.contains("validated as true positive"), "the history has both");
}

/// What was ordered and answered is taken back with the revision that was shown, by those who order.
#[tokio::test]
async fn orders_and_results_are_taken_back_in_the_open() {
    let lab = Lab::new().await;
    assert_eq!(lab.order(&lab.ann, &[("on", "1")]).await, StatusCode::SEE_OTHER);
    let kim = lab.app.signed_in(&["own:clinician"]).await;
    let undo = send(&kim, &format!("{}/undo", lab.variant), &[("rev", "1")]).await;
    assert_eq!(undo.status(), StatusCode::FORBIDDEN, "whoever does not order does not undo orders");
    let stale = send(&lab.ann, &format!("{}/order", lab.variant), &[("on", "0"), ("rev", "0")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    assert_eq!(lab.order(&lab.ann, &[("on", "0"), ("rev", "1")]).await, StatusCode::SEE_OTHER);
    assert!(lab.state(&lab.ann).await["validation"].is_null());
    assert_eq!(lab.order(&lab.ann, &[("on", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.result(&lab.ann, "false_positive").await, StatusCode::SEE_OTHER);
    let number = lab.number().await;
    let rev = lab.state(&lab.ann).await["rev"].to_string();
    assert_eq!(lab.order(&lab.ann, &[("on", "0"), ("rev", &rev)]).await, StatusCode::FORBIDDEN, "it was answered");
    let stale = [("outcome", "true_positive"), ("rev", "1")];
    let stale = send(&lab.ann, &format!("{}/validated", lab.variant), &stale).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let said = stale.text().await.unwrap();
    assert!(
        said.contains("validated as false positive") && said.contains("validated as true positive"),
        "both are shown"
    );
    assert_eq!(lab.result(&lab.ann, "").await, StatusCode::SEE_OTHER, "put down by mistake");
    assert!(lab.state(&lab.ann).await["validation"]["outcome"].is_null());
    assert_eq!(lab.result(&lab.ann, "not_validated").await, StatusCode::SEE_OTHER);
    assert_eq!(lab.order(&lab.ann, &[("on", "1")]).await, StatusCode::CONFLICT, "a result is not replaced unseen");
    let rev = lab.state(&lab.ann).await["rev"].to_string();
    assert_eq!(lab.order(&lab.ann, &[("on", "1"), ("rev", &rev)]).await, StatusCode::SEE_OTHER, "another try");
    let second = lab.state(&lab.ann).await;
    assert_ne!(lab.number().await, number);
    let events = lab.app.documents("events", doc! {}).await;
    let decided = events.iter().filter(|event| event.get_str("kind").is_ok_and(|kind| kind == "variant_decided"));
    assert_eq!(decided.count(), 7, "each with its history");
    let rev = second["rev"].to_string();
    let undo = send(&lab.ann, &format!("{}/undo", lab.variant), &[("rev", &rev)]).await;
    assert_eq!(undo.status(), StatusCode::SEE_OTHER);
    assert_eq!(lab.state(&lab.ann).await["validation"]["outcome"], "not_validated", "as it was before the other order");
}

/// A variant that the laboratory was asked about stays through updates, and is not put aside with others.
#[tokio::test]
async fn what_was_ordered_is_not_lost() {
    let lab = Lab::new().await;
    assert_eq!(lab.order(&lab.ann, &[("on", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(send(&lab.ann, &format!("{}/pin", lab.variant), &[("on", "0")]).await.status(), StatusCode::SEE_OTHER);
    let asked = [("what", "filter"), ("reason", "31")];
    let asked = send(&lab.ann, "/own/fam/variants/dismiss", &asked).await.text().await.unwrap();
    assert!(asked.contains("to be validated, or was"), "{asked}");
    let path = lab.app.folder().join("own-fam.yaml");
    let text =
        std::fs::read_to_string(&path).unwrap().replace("rank_score_threshold: -100", "rank_score_threshold: 50");
    std::fs::write(&path, text).unwrap();
    assert!(lab.app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    let list = lab.ann.json("/api/v1/own/fam/variants").await;
    assert_eq!((&list["total"], &list["variants"][0]["simple_id"]), (&1.into(), &"7_124491972_C_A".into()));
    // Guests learn that it is to be validated; not under which order, nor from whom.
    share(&lab.ann, &[]).await;
    let guest = lab.app.signed_in(&["partner:clinician"]).await;
    let page = guest.page(&lab.variant).await;
    assert!(page.contains("to be validated") && !page.contains("The order, to be printed"));
    assert_eq!(guest.get(&format!("{}/order", lab.variant)).await.status(), StatusCode::FORBIDDEN);
}

/// In the list geneticists order by a key, whose button is there for the rows that nothing is ordered of; they go on where they
/// were, and undo it there.
#[tokio::test]
async fn the_list_orders_in_place() {
    let lab = Lab::new().await;
    share(&lab.ann, &[]).await;
    let list = "/own/fam/variants?sort=position";
    let kim = lab.app.signed_in(&["own:clinician"]).await;
    let guest = lab.app.signed_in(&["partner:geneticist"]).await;
    for other in [&kim, &guest] {
        assert!(texts(&other.page(list).await, "button.order").is_empty(), "geneticists of the owner order");
    }
    let page = lab.ann.page(list).await;
    let row = format!("button.order[hidden][formaction^='{}/order']", lab.variant);
    assert_eq!(texts(&page, &row), ["Order a validation of C>A at 7:124 491 972"]);
    assert_eq!(texts(&page, "button.order").len(), 3);
    let form = [("from", "list"), ("on", "1")];
    let back = send(&lab.ann, &format!("{}/order?sort=position", lab.variant), &form).await;
    let id = lab.variant.rsplit('/').next().unwrap();
    assert_eq!(back.headers()["location"], format!("{list}#v-{id}").as_str());
    let page = lab.ann.page(list).await;
    assert!(texts(&page, &row).is_empty(), "it is ordered");
    assert!(texts(&page, "form.decide").concat().contains("to be validated, order V-"), "{page}");
    let form = [("from", "list"), ("rev", "1")];
    let undone = send(&lab.ann, &format!("{}/undo?sort=position", lab.variant), &form).await;
    assert_eq!(undone.status(), StatusCode::SEE_OTHER);
    assert_eq!(texts(&lab.ann.page(list).await, &row).len(), 1);
    lab.app.end().await;
}
