//! What an update makes of decisions: all of them stay, and those about variants that are other ones now are told.

use std::collections::BTreeSet;

use bson::doc;
use lodestone::events::{Event, EventKind};
use reqwest::StatusCode;

use crate::sharing::{ready, send, texts};
use crate::support::vcf::{csq, record, trio_text};
use crate::support::{Browser, TestApp};

const LIST: &str = "/own/fam2/variants";
const CHANGED: &str = "/own/fam2/changed";
const CALLS: [&str; 3] = ["0/1:9,9:18:99", "0/0:18,0:18:99", "1/1:0,9:9:99"];

/// One record: its place, what ClinVar says, its rank score, the calls.
fn line(position: u32, clinvar: &str, score: i32, calls: [&str; 3]) -> String {
    let info = format!("{};RankScore=F1:{score}{clinvar}", csq("A", "missense_variant"));
    record("7", position, ("C", "A"), &info, calls)
}

fn six() -> Vec<String> {
    (1..7).map(|at| line(at * 100, "", 20 - i32::try_from(at).unwrap(), CALLS)).collect()
}

async fn loaded(app: &TestApp, records: &[String], more: &[&str]) -> bool {
    let path = app.write_trio("own", "fam2", records, "");
    let mut arguments = vec!["load", "case", path.to_str().unwrap()];
    arguments.extend(more);
    app.cli(&arguments).await
}

async fn dismiss_all(ann: &Browser) {
    let at = format!("{LIST}/dismiss");
    let page = send(ann, &at, &[("what", "filter"), ("reason", "29")]).await.text().await.unwrap();
    let seen = page.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let agreed = [("what", "filter"), ("reason", "29"), ("seen", seen.as_str())];
    assert_eq!(send(ann, &at, &agreed).await.status(), StatusCode::SEE_OTHER);
}

async fn ids(ann: &Browser) -> Vec<String> {
    let list = ann.json("/api/v1/own/fam2/variants").await;
    list["variants"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Names of the variants on the page, with what changed.
async fn told(ann: &Browser) -> Vec<(String, String)> {
    let page = ann.page(CHANGED).await;
    let names = texts(&page, "tbody th");
    names.into_iter().zip(texts(&page, "tbody td[data-label='Changed since']")).collect()
}

#[tokio::test]
async fn decisions_about_variants_that_changed_are_listed_until_somebody_looked() {
    let (app, _, ann) = ready().await;
    assert!(loaded(&app, &six(), &[]).await);
    let before = ids(&ann).await;
    let pin = format!("{LIST}/{}/pin", before[5]);
    assert_eq!(send(&ann, &pin, &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);
    dismiss_all(&ann).await;
    assert!(told(&ann).await.is_empty());
    assert!(!ann.page("/own/fam2").await.contains("other one"));
    // The first is as it was, written with phase; then another genotype, another record in ClinVar, another rank score;
    // the fifth is not there any more; of the pinned one the mother's genotype is another.
    let records = [
        line(100, "", 19, ["1|0:9,9:18:99", CALLS[1], CALLS[2]]),
        line(200, "", 18, ["1/1:9,9:18:99", CALLS[1], CALLS[2]]),
        line(300, ";CLNSIG=Pathogenic;CLNACC=12", 17, CALLS),
        line(400, "", 7, CALLS),
        line(600, "", 14, [CALLS[0], "0/1:9,9:18:99", CALLS[2]]),
    ];
    assert!(loaded(&app, &records, &["--update"]).await);
    let told_now = told(&ann).await;
    let names: Vec<&str> = told_now.iter().map(|(name, _)| name.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(names, ["7:600", "7:200", "7:300", "7:400", "7:500"], "first the one that is pinned: {told_now:?}");
    assert!(told_now[1].1.contains("genotype of") && told_now[1].1.contains("0/1 1/1"), "{told_now:?}");
    assert!(told_now[2].1.contains("ClinVar") && told_now[2].1.contains("pathogenic 12"), "{told_now:?}");
    assert!(told_now[3].1.contains("rank score"), "{told_now:?}");
    assert!(told_now[4].0.contains("not in the list any more"), "{told_now:?}");
    assert!(ann.page("/own/fam2").await.contains("other ones"));
    // What was dismissed for something that is not so any more is shown again.
    let shown = ann.json("/api/v1/own/fam2/variants?dismissed=hide").await;
    let shown: Vec<i64> =
        shown["variants"].as_array().unwrap().iter().map(|row| row["position"].as_i64().unwrap()).collect();
    assert_eq!(shown, [200, 300, 600]);
    let page = ann.page(&format!("{LIST}?dismissed=hide")).await;
    assert_eq!(page.matches("dismissed, but changed since").count(), 2, "{page}");
    let changed = ann.page(&format!("{LIST}/{}", before[1])).await;
    assert!(
        changed.contains("Changed since it was decided") && changed.contains("what is decided stands"),
        "{changed}"
    );
    // All of them were kept, and a dismissal of the whole filter leaves those that changed alone.
    let states = app.documents("variant_states", doc! {}).await;
    assert_eq!(states.len(), 6);
    let asked =
        send(&ann, &format!("{LIST}/dismiss"), &[("what", "filter"), ("reason", "5")]).await.text().await.unwrap();
    assert_eq!(texts(&asked, "h1"), ["Nothing to dismiss"]);
    assert!(asked.contains("another one than when it was dismissed"), "{asked}");
    // Somebody looks at two of them, and at the one that is gone; the decisions stand.
    let look = |revision: &'static str, ids: Vec<String>| {
        let ann = &ann;
        async move {
            let mut form = vec![("revision", revision)];
            form.extend(ids.iter().map(|id| ("variant", id.as_str())));
            send(ann, CHANGED, &form).await.status()
        }
    };
    let looked = vec![before[1].clone(), before[4].clone(), before[5].clone()];
    assert_eq!(look("1", looked.clone()).await, StatusCode::CONFLICT, "another list than was seen");
    assert_eq!(told(&ann).await.len(), 5);
    for _ in 0..2 {
        assert_eq!(look("2", looked.clone()).await, StatusCode::SEE_OTHER);
    }
    let left: BTreeSet<String> = told(&ann).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let shown = ann.json("/api/v1/own/fam2/variants?dismissed=hide").await;
    assert_eq!(shown["matched"], 2, "the record in ClinVar, which nobody looked at, and the pinned one");
    let events = app.documents("events", doc! { "_id": 1 }).await;
    let events = events.into_iter().map(|event| bson::deserialize_from_document::<Event>(event).unwrap());
    assert_eq!(events.filter(|event| event.kind == EventKind::VariantsLookedAt).count(), 1);
    assert!(ann.page("/own/fam2/timeline").await.contains("looked again at variants"));
    let last = texts(&ann.page(LIST).await, "form.decide").concat();
    assert!(last.contains("3 variants, dismissed: technical artefact"), "looking is nothing to undo: {last}");
    assert_eq!(look("2", vec!["a".repeat(26)]).await, StatusCode::NOT_FOUND);
    assert_eq!(look("2", Vec::new()).await, StatusCode::UNPROCESSABLE_ENTITY);
    // The one that was gone comes back with the next list.
    assert!(loaded(&app, &six(), &["--update"]).await);
    let told_now = told(&ann).await;
    assert!(told_now.iter().any(|(name, _)| name.contains("7:500")), "{told_now:?}");
    app.end().await;
}

/// Samples whose genotypes are mostly other ones stop the load before anything is changed.
#[tokio::test]
async fn swapped_samples_stop_an_update() {
    let (app, _, ann) = ready().await;
    // Forty variants: the child has each parent's half, as children do.
    let calls = |at: u32| match at % 4 {
        0 => ["0/1:9,9:18:99", "0/1:9,9:18:99", "0/0:18,0:18:99"],
        1 => ["0/1:9,9:18:99", "0/0:18,0:18:99", "0/1:9,9:18:99"],
        2 => ["0/0:18,0:18:99", "0/1:9,9:18:99", "0/0:18,0:18:99"],
        _ => ["0/0:18,0:18:99", "0/0:18,0:18:99", "0/1:9,9:18:99"],
    };
    let records = |order: [usize; 3]| -> Vec<String> {
        (1..60_u32)
            .map(|at| {
                let of = calls(at);
                line(at * 100, "", 5, order.map(|sample| of[sample]))
            })
            .collect()
    };
    assert!(loaded(&app, &records([0, 1, 2]), &[]).await);
    let stored = app.documents("cases", doc! {}).await;
    assert!(!loaded(&app, &records([1, 0, 2]), &["--update"]).await, "two samples in each other's place");
    assert_eq!(app.documents("cases", doc! {}).await, stored, "nothing was changed");
    assert_eq!(ids(&ann).await.len(), 50);
    // The first research list is held to the clinical one.
    let vcf = app.folder().join("study.vcf");
    let config = app.write_trio("own", "fam2", &records([0, 1, 2]), &format!("vcf_snv_research: {}\n", vcf.display()));
    for (order, code) in [([1, 0, 2], 1), ([0, 1, 2], 0)] {
        std::fs::write(&vcf, trio_text(&records(order)).replace("F1:", "fam2:")).unwrap();
        assert_eq!(app.exit_code(&["load", "research", config.to_str().unwrap()]).await, code, "{order:?}");
    }
    // A few other calls are what every new version of a pipeline brings.
    let mut some = records([0, 1, 2]);
    some[3] = line(400, "", 5, CALLS);
    assert!(loaded(&app, &some, &["--update"]).await);
    assert!(loaded(&app, &records([2, 1, 0]), &["--update", "--accept-genotypes"]).await);
    app.end().await;
}
