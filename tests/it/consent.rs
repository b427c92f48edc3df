//! Consent: what lies outside it is not there on any page, what somebody allows for themselves is, and a "no" has effect at
//! once.

use std::collections::BTreeSet;

use bson::doc;
use reqwest::StatusCode;
use serde_json::Value;

use crate::sharing::{send, share, shares, terms, texts};
use crate::support::vcf::record;
use crate::support::{Browser, TestApp};

/// VEP's entry for one transcript of a gene.
fn entry(consequence: &str, gene: &str, number: u32, exon: &str) -> String {
    format!(
        "A|{consequence}|{gene}|ENSG|Transcript|ENST{number}|protein_coding|{exon}||ENST{number}.1:c.{number}G>A||1|HGNC:{number}|YES"
    )
}

fn of_brca2(consequence: &str) -> String {
    entry(consequence, "BRCA2", 1101, "11/27")
}

fn of_pot1(consequence: &str) -> String {
    entry(consequence, "POT1", 17284, "5/19")
}

const KID: &str = "0/1:20,20:40:99";
const NONE: &str = "0/0:30,0:30:99";

/// Of the kid and the mother, in BRCA2.
fn maternal() -> String {
    let info = format!(
        "CSQ={};RankScore=F1:12;GeneticModels=F1:AR_comp;Compounds=F1:7_5000_G_A>20;CLNSIG=5;CLNVID=9325;CLNREVSTAT=reviewed_by_expert_panel",
        of_brca2("frameshift_variant")
    );
    record("1", 1_000, ("G", "A"), &info, [NONE, KID, KID])
}

/// Of the kid alone, in BRCA2.
fn new() -> String {
    let info = format!("CSQ={};RankScore=F1:11;GeneticModels=F1:AD_dn", of_brca2("missense_variant"));
    record("1", 2_000, ("G", "A"), &info, [NONE, KID, NONE])
}

/// What there is besides. The partners named are in BRCA2; the second one's harm is to POT1, beside BRCA2.
fn others(closed: bool) -> Vec<String> {
    let partner = if closed { ";Compounds=F1:1_2000_G_A>19" } else { "" };
    let beside = if closed { format!(",{}", of_brca2("upstream_gene_variant")) } else { String::new() };
    let info = |csq: String, rank: i32, more: &str| format!("CSQ={csq};RankScore=F1:{rank};GeneticModels=F1:AD{more}");
    vec![
        record("1", 9_000, ("G", "A"), "RankScore=F1:1", ["./.:.:.:.", KID, NONE]),
        record("7", 5_000, ("G", "A"), &info(of_pot1("missense_variant"), 9, partner), [KID, KID, NONE]),
        record("7", 6_000, ("G", "A"), &info(of_pot1("missense_variant") + &beside, 8, ""), [NONE, KID, KID]),
    ]
}

/// A reference with a list of secondary findings, BRCA2 on it.
async fn reference(app: &TestApp, list: &str) {
    let folder = app.folder().join("reference");
    std::fs::create_dir_all(&folder).unwrap();
    let genes = "hgnc_id\tsymbol\tname\tlocus_type\tstatus\tprev_symbol\n\
        HGNC:17284\tPOT1\tx\tgene with protein product\tApproved\t\n\
        HGNC:1101\tBRCA2\tx\tgene with protein product\tApproved\tFANCD1\n";
    std::fs::write(folder.join("hgnc.txt"), genes).unwrap();
    std::fs::write(folder.join("secondary.tsv"), format!("hgnc_id\tsecondary_findings\n{list}")).unwrap();
    assert!(app.cli(&["load", "reference", folder.to_str().unwrap()]).await);
}

const BRCA2: &str = "HGNC:1101\tACMG SF v3.2\n";

/// `fam` has variants in BRCA2; `bare` is the same without them.
async fn ready() -> (TestApp, Browser) {
    let app = TestApp::start().await;
    for institute in ["own", "partner"] {
        app.institute(institute).await;
    }
    assert!(app.cli(&["institute", "set", "own", "--share-with", "partner"]).await);
    reference(&app, BRCA2).await;
    let mut records = vec![maternal(), new()];
    records.extend(others(true));
    app.given_records("own", "fam", &records).await;
    app.given_records("own", "bare", &others(false)).await;
    let user = app.user(&["own:geneticist"]).await;
    let browser = app.opened(&user, lodestone::auth::StepUpClass::BulkExport).await;
    (app, browser)
}

async fn say(browser: &Browser, individual: &str, rev: &str, answers: &[(&str, &str)]) -> StatusCode {
    let days: Vec<(String, &str)> = answers.iter().map(|(what, _)| (format!("{what}_on"), "2035-12-24")).collect();
    let mut form = vec![("individual", individual), ("rev", rev)];
    form.extend(answers);
    form.extend(days.iter().map(|(field, day)| (field.as_str(), *day)));
    send(browser, "/own/fam/consent", &form).await.status()
}

async fn list(browser: &Browser, case: &str) -> Value {
    browser.json(&format!("/api/v1/own/{case}/variants")).await
}

fn names(list: &Value) -> Vec<String> {
    let variants = list["variants"].as_array().unwrap();
    variants.iter().map(|one| one["simple_id"].as_str().unwrap().to_owned()).collect()
}

/// A list without what differs between two cases anyway.
fn told(mut list: Value) -> Value {
    list.as_object_mut().unwrap().remove("closed");
    for variant in list["variants"].as_array_mut().unwrap() {
        variant.as_object_mut().unwrap().remove("id");
    }
    list
}

/// A page's text without what differs between two cases anyway.
fn words(page: &str) -> String {
    let text = texts(page, "main").join(" ");
    let outside = "Outside consent, so not in this list:";
    let text = match text.find(outside) {
        Some(at) => format!("{}{}", &text[..at], text[at..].split_once(" Consent").map_or("", |(_, rest)| rest)),
        None => text,
    };
    text.replace("fam", "bare").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Nothing tells a case with variants outside consent from one without them: list, counts, ranks, exports, searches.
#[tokio::test]
async fn what_lies_outside_consent_is_not_there() {
    let (app, browser) = ready().await;
    let fam = list(&browser, "fam").await;
    assert_eq!(fam["closed"], "genes of ACMG SF v3.2 that were not ordered, in Kid, Mum, Dad");
    assert_eq!(names(&fam), ["7_5000_G_A", "7_6000_G_A", "1_9000_G_A"]);
    assert_eq!(told(fam), told(list(&browser, "bare").await));
    for filter in
        ["gene=BRCA2", "gene=FANCD1", "notable=hidden&gnomad_af_max=0", "clinvar=5", "region=1:1-3000", "sort=gene"]
    {
        let [fam, bare] = ["fam", "bare"].map(|case| format!("/own/{case}/variants?{filter}"));
        assert_eq!(words(&browser.page(&fam).await), words(&browser.page(&bare).await), "{filter}");
        let api = |path: &str| format!("/api/v1{path}");
        assert_eq!(told(browser.json(&api(&fam)).await), told(browser.json(&api(&bare)).await), "{filter}");
    }
    for format in ["csv", "tsv"] {
        let [fam, bare] = ["fam", "bare"].map(|case| format!("/own/{case}/variants.{format}"));
        assert_eq!(browser.page(&fam).await.replace("fam", "bare"), browser.page(&bare).await, "{format}");
    }
    let [sums, same] = ["fam", "bare"].map(|case| format!("/own/{case}"));
    let sums = texts(&browser.page(&sums).await, ".sums td, main strong.num");
    assert_eq!(sums, texts(&browser.page(&same).await, ".sums td, main strong.num"));
    assert!(sums.len() >= 5 && sums.contains(&"3".to_owned()), "{sums:?}");
    let cases = browser.json("/api/v1/own/fam").await;
    assert_eq!(cases["lists"][0]["total"], 3);
    assert_eq!(
        texts(&browser.page("/own").await, "tbody [data-label=Variants]"),
        ["Variants of bare: 3", "Variants of fam: 3"]
    );
    for question in ["BRCA2", "FANCD1", "1:1000", "1:2000", "1_2000_G_A", "ENST1101:c.1101G>A", "c.1101G>A", "7:6000"] {
        let [fam, bare] = ["fam", "bare"].map(|case| format!("/own/{case}/find?q={}", question.replace('>', "%3E")));
        let (fam, bare) = (browser.page(&fam).await, browser.page(&bare).await);
        let said = |page: &str| texts(page, "main section").join(" ").replace("fam", "bare");
        assert_eq!(said(&fam), said(&bare), "{question}");
        assert_eq!(said(&fam).contains("POT1"), question == "7:6000", "{question}: {}", said(&fam));
        assert!(!said(&fam).contains("BRCA2") && !said(&fam).contains("2000_G_A"), "{question}");
    }
    let stored = app.documents("variants", doc! {}).await;
    assert_eq!(stored.len(), 8, "they are stored, for when somebody allows it");
}

/// Nobody writes about what is outside consent, and no address opens it.
#[tokio::test]
async fn a_variant_outside_consent_has_no_address() {
    let (app, browser) = ready().await;
    assert_eq!(say(&browser, "mum", "0", &[("secondary_findings", "yes")]).await, StatusCode::SEE_OTHER);
    let id = list(&browser, "fam").await["variants"][0]["id"].as_str().unwrap().to_owned();
    let at = format!("/own/fam/variants/{id}");
    assert_eq!(send(&browser, &format!("{at}/pin"), &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(say(&browser, "mum", "1", &[("secondary_findings", "no")]).await, StatusCode::SEE_OTHER);
    let before = app.documents("variant_states", doc! {}).await;
    for path in [at.clone(), format!("/api/v1{at}")] {
        assert_eq!(browser.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for (action, form) in [
        ("pin", vec![("on", "0")]),
        ("causative", vec![("on", "1")]),
        ("dismiss", vec![("rev", "1"), ("reason", "31")]),
        ("rank", vec![("rev", "1"), ("rank", "1")]),
        ("tiers", vec![("rev", "1"), ("amp", "1A")]),
        ("undo", vec![("rev", "1")]),
        ("comments", vec![("id", "5b2c7f04-6f0f-4a0c-9a53-02a4e2ba3d11"), ("text", "Hello.")]),
    ] {
        let answer = send(&browser, &format!("{at}/{action}"), &form).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{action}");
    }
    assert_eq!(app.documents("variant_states", doc! {}).await, before);
    // A later load neither calls it gone nor names it.
    let mut records = vec![maternal(), new()];
    records.extend(others(true).into_iter().skip(1));
    let path = app.write_trio("own", "fam", &records, "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert!(!browser.page("/own/fam/changed").await.contains("BRCA2"));
    assert!(!browser.page("/own/fam").await.contains("since the case was loaded again"));
    assert_eq!(list(&browser, "fam").await["total"], 2, "consent outlives an update");
}

/// What somebody carries is told to whom it concerns: with their consent, and without the calls of the others.
#[tokio::test]
async fn each_speaks_for_themselves() {
    let (app, browser) = ready().await;
    assert_eq!(say(&browser, "mum", "0", &[("secondary_findings", "yes")]).await, StatusCode::SEE_OTHER);
    let fam = list(&browser, "fam").await;
    assert_eq!(names(&fam), ["1_1000_G_A", "7_5000_G_A", "7_6000_G_A", "1_9000_G_A"]);
    let calls = |variant: &Value| -> Vec<Value> {
        variant["samples"].as_array().unwrap().iter().map(|sample| sample["genotype"].clone()).collect()
    };
    let maternal = &fam["variants"][0];
    assert_eq!(calls(maternal), [Value::Null, "0/1".into(), Value::Null], "kid, mum, dad");
    assert_eq!((&maternal["models"], &maternal["compounds"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let page = browser.page(&format!("/own/fam/variants/{}", maternal["id"].as_str().unwrap())).await;
    let table = texts(&page, "[data-label=Genotype]");
    assert_eq!(table, ["– outside consent", "0/1 heterozygous", "– outside consent"], "the kid's call is not told");
    assert_eq!(maternal["samples"][0]["withheld"], true);
    assert_eq!(texts(&browser.page("/own/fam/variants").await, "tbody tr:first-child .mark").len(), 2);
    let of_affected = browser.json("/api/v1/own/fam/variants?affected_only=1").await;
    assert!(!names(&of_affected).contains(&"1_1000_G_A".to_owned()), "a call that is not told is not the kid's");

    assert_eq!(say(&browser, "kid", "0", &[("secondary_findings", "yes_of_minor")]).await, StatusCode::SEE_OTHER);
    assert_eq!(names(&list(&browser, "fam").await).len(), 4, "a minor is not reported by default");
    assert_eq!(say(&browser, "kid", "1", &[("secondary_findings", "yes_despite_minor")]).await, StatusCode::SEE_OTHER);
    let fam = list(&browser, "fam").await;
    assert_eq!(names(&fam), ["1_1000_G_A", "1_2000_G_A", "7_5000_G_A", "7_6000_G_A", "1_9000_G_A"]);
    let father = [Value::from("0/1"), "0/1".into(), Value::Null];
    assert_eq!(calls(&fam["variants"][0]), father, "that he has nothing is as little told as that he had something");
    assert_eq!(say(&browser, "dad", "0", &[("secondary_findings", "yes")]).await, StatusCode::SEE_OTHER);
    let fam = list(&browser, "fam").await;
    assert_eq!(calls(&fam["variants"][0]), ["0/1", "0/1", "0/0"]);
    assert_eq!((&fam["variants"][0]["models"], &fam["closed"]), (&serde_json::json!(["AR_comp"]), &Value::Null));
    assert_eq!(browser.json("/api/v1/own/fam").await["lists"][0]["total"], 5);
    let events = app.documents("events", doc! { "at": 1 }).await;
    let recorded: Vec<_> =
        events.iter().filter(|event| event.get_str("kind").is_ok_and(|kind| kind == "consent_recorded")).collect();
    assert_eq!(recorded.len(), 4, "each with its history");
    let timeline = browser.page("/own/fam/timeline?kind=consent").await;
    assert!(timeline.contains("kid: secondary findings") && timeline.contains("reported although a minor, 2035-12-24"));
}

/// Guests see what the owner's people see, and nothing of who said what.
#[tokio::test]
async fn guests_stay_within_consent() {
    let (app, browser) = ready().await;
    assert_eq!(say(&browser, "mum", "0", &[("secondary_findings", "yes")]).await, StatusCode::SEE_OTHER);
    share(&browser, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    let of = |list: Value| list["variants"].clone();
    assert_eq!(of(list(&guest, "fam").await), of(list(&browser, "fam").await));
    assert_eq!(guest.json("/api/v1/own/fam").await["lists"][0]["total"], 4);
    assert_eq!(guest.get("/own/fam/consent").await.status(), StatusCode::FORBIDDEN);
    assert!(!guest.page("/own/fam").await.contains("2035-12-24"));
}

/// A "no" to sharing ends what runs and lets nothing new begin; a "yes" brings nothing back.
#[tokio::test]
async fn no_to_sharing_ends_shares() {
    let (app, browser) = ready().await;
    share(&browser, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::OK);
    assert_eq!(say(&browser, "dad", "0", &[("sharing", "no")]).await, StatusCode::SEE_OTHER);
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    let ended = shares(&app).await.remove(0).ended.unwrap();
    assert_eq!(ended.reason.as_deref(), Some("somebody in the case does not consent to sharing"));
    let refused = send(&browser, "/own/fam/sharing", &terms(&[])).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("somebody in the case does not consent to sharing"));
    assert_eq!(say(&browser, "dad", "1", &[("sharing", "yes")]).await, StatusCode::SEE_OTHER);
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    share(&browser, &[]).await;
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::OK);
}

/// A "no" to being counted takes the case out of the local frequencies, through updates, until it is taken back.
#[tokio::test]
async fn no_to_being_counted_takes_the_case_out() {
    let (app, browser) = ready().await;
    let id = list(&browser, "bare").await["variants"][0]["id"].as_str().unwrap().to_owned();
    let at = format!("/own/bare/variants/{id}");
    let seen = async || {
        let rows = texts(&browser.page(&at).await, "tr");
        let row = rows.into_iter().find(|row| row.starts_with("cases of your institute")).unwrap();
        row.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(seen().await, "2");
    assert_eq!(say(&browser, "dad", "0", &[("local_counts", "no")]).await, StatusCode::SEE_OTHER);
    assert_eq!(seen().await, "1");
    assert_eq!(say(&browser, "dad", "1", &[("local_counts", "no")]).await, StatusCode::SEE_OTHER, "said twice");
    assert_eq!(seen().await, "1");
    let mut records = others(true);
    records.push(new());
    let path = app.write_trio("own", "fam", &records, "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(seen().await, "1", "an update does not count it either");
    assert_eq!(say(&browser, "dad", "1", &[("local_counts", "yes")]).await, StatusCode::SEE_OTHER);
    assert_eq!(seen().await, "2");
    assert_eq!(say(&browser, "dad", "2", &[("local_counts", "no")]).await, StatusCode::SEE_OTHER);
    assert!(app.cli(&["case", "delete", "fam"]).await);
    assert_eq!(seen().await, "1", "what was not counted is not taken back twice");
    let counts = app.documents("observations", doc! {}).await;
    assert!(counts.iter().all(|one| (0..=1).contains(&one.get_i64("cases").unwrap())));
}

/// A form that cannot be meant changes nothing; one that is stale is shown beside what stands.
#[tokio::test]
async fn consent_is_never_overwritten_unseen() {
    let (app, browser) = ready().await;
    assert_eq!(say(&browser, "mum", "0", &[("research", "yes")]).await, StatusCode::SEE_OTHER);
    let before = app.snapshot().await;
    for (individual, answers, status) in [
        ("aunt", vec![("research", "yes")], StatusCode::NOT_FOUND),
        ("mum", vec![("research", "perhaps")], StatusCode::UNPROCESSABLE_ENTITY),
        ("mum", vec![("research", "yes_of_minor")], StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(say(&browser, individual, "1", &answers).await, status, "{individual} {answers:?}");
    }
    let form = [("individual", "mum"), ("rev", "1"), ("sharing", "yes"), ("sharing_on", "2036-13-01")];
    let refused = send(&browser, "/own/fam/consent", &form).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text().await.unwrap();
    assert!(page.contains("say on which day this was answered") && page.contains("2036-13-01"), "what was typed stays");
    let stale = send(
        &browser,
        "/own/fam/consent",
        &[("individual", "mum"), ("rev", "0"), ("research", "no"), ("research_on", "2035-12-25")],
    )
    .await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let page = stale.text().await.unwrap();
    assert!(page.contains("mum: research: yes, 2035-12-24") && page.contains("research: no, 2035-12-25"), "{page}");
    assert_eq!(app.snapshot().await, before);
    assert_eq!(say(&browser, "mum", "0", &[("research", "yes")]).await, StatusCode::SEE_OTHER, "as it stands already");
    assert_eq!(app.snapshot().await, before, "sent twice, stored once");
}

/// The list of secondary findings is reference data: another version counts at once in all cases, ordered genes stay open.
#[tokio::test]
async fn the_list_is_reference_data_and_orders_open_its_genes() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let mut records = vec![maternal(), new()];
    records.extend(others(true));
    app.given_records("own", "fam", &records).await;
    let fam = list(&browser, "fam").await;
    assert_eq!((names(&fam).len(), &fam["closed"]), (5, &Value::Null), "without a list nothing is closed");
    assert!(browser.page("/own/fam/consent").await.contains("No list of genes for secondary findings is loaded"));
    reference(&app, BRCA2).await;
    assert_eq!(names(&list(&browser, "fam").await).len(), 3);
    assert_eq!(browser.json("/api/v1/own/fam").await["lists"][0]["total"], 3);
    reference(&app, "HGNC:17284\tACMG SF v3.3\n").await;
    let fam = list(&browser, "fam").await;
    assert_eq!(names(&fam), ["1_1000_G_A", "1_2000_G_A", "1_9000_G_A"], "another list, other genes");
    assert_eq!(fam["closed"], "genes of ACMG SF v3.3 that were not ordered, in Kid, Mum, Dad");

    let panel = app.folder().join("panel.txt");
    let text = "##panel_id=p1\n##version=1.0\n##institute=own\n#hgnc_id\tsymbol\n17284\tPOT1\n";
    std::fs::write(&panel, text).unwrap();
    assert!(app.cli(&["load", "panel", panel.to_str().unwrap()]).await);
    let more = "gene_panels: [p1]\ndefault_gene_panels: [p1]\n";
    let path = app.write_trio("own", "ordered", &records, more);
    assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    assert_eq!(names(&list(&browser, "ordered").await).len(), 5, "what was ordered is no secondary finding");
    let without: BTreeSet<String> = names(&list(&browser, "fam").await).into_iter().collect();
    assert!(!without.contains("7_5000_G_A"));
}

/// What was written while somebody allowed it is told no more once they do not, on no page and to nobody; and is again when
/// they allow it again.
#[tokio::test]
async fn what_was_written_before_follows_consent() {
    let (app, browser) = ready().await;
    share(&browser, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    assert_eq!(say(&browser, "mum", "0", &[("secondary_findings", "yes")]).await, StatusCode::SEE_OTHER);
    assert_eq!(say(&browser, "kid", "0", &[("secondary_findings", "yes_despite_minor")]).await, StatusCode::SEE_OTHER);
    let fam = list(&browser, "fam").await;
    let id = fam["variants"][0]["id"].as_str().unwrap().to_owned();
    let at = format!("/own/fam/variants/{id}");
    for (path, form) in [
        ("comments", vec![("id", "aaaaaaaaaaaaaaaaaaaaaaaaaa"), ("text", "BRCA2, a cause of concern")]),
        ("pin", vec![("on", "1")]),
        ("order", vec![("on", "1"), ("rev", "1")]),
        ("causative", vec![("on", "1")]),
    ] {
        let sent = send(&browser, &format!("{at}/{path}"), &form).await;
        assert_eq!(sent.status(), StatusCode::SEE_OTHER, "{path}");
    }
    let everywhere = async |who: &Browser| {
        let mut all = String::new();
        for path in [
            "/",
            "/mentions",
            "/own/fam",
            "/own/fam/variants",
            "/own/fam/changed",
            "/own/fam/timeline",
            "/api/v1/own/fam/timeline",
            "/api/v1/own/fam/comments",
            "/api/v1/own/fam/variants",
            "/api/v1/own/fam",
            "/own/fam/find?q=1:1000",
        ] {
            all += &who.get(path).await.text().await.unwrap();
        }
        all += &who.get(&format!("/own/fam/timeline?variant={id}")).await.text().await.unwrap().replace(&id, "ASKED");
        all
    };
    let tells = |text: &str| {
        ["1_1000_G_A", "a cause of concern", id.as_str(), "Waiting for a validation", "causative (", "1:1\u{202f}000"]
            .into_iter()
            .filter(|word| text.contains(word))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = everywhere(&browser).await;
    assert!(tells(&before).len() >= 4, "it is told while they allow it: {:?}", tells(&before));
    assert!(!tells(&everywhere(&guest).await).is_empty());

    // The kid's call alone is taken out: what was decided does not give it away.
    assert_eq!(say(&browser, "kid", "1", &[("secondary_findings", "yes_of_minor")]).await, StatusCode::SEE_OTHER);
    let page = browser.page(&at).await;
    assert!(!page.contains("genotype of kid") && !page.contains("Changed since it was decided"), "{page}");
    assert!(!browser.page(&at).await.contains("AR comp"));

    assert_eq!(say(&browser, "mum", "1", &[("secondary_findings", "no")]).await, StatusCode::SEE_OTHER);
    for who in [&browser, &guest] {
        assert_eq!(tells(&everywhere(who).await), Vec::<String>::new());
    }
    // A later file without it makes no difference.
    let mut records = vec![new()];
    records.extend(others(true));
    let path = app.write_trio("own", "fam", &records, "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(tells(&everywhere(&browser).await), Vec::<String>::new());
    let path = app.write_trio("own", "fam", &[vec![maternal()], records].concat(), "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(say(&browser, "mum", "2", &[("secondary_findings", "yes")]).await, StatusCode::SEE_OTHER);
    assert!(
        tells(&everywhere(&browser).await).len() >= 4,
        "nothing was lost: {:?}",
        tells(&everywhere(&browser).await)
    );
}
