//! Research lists: read by the machine, and no part of a case until somebody opens them with a reason and everybody's
//! consent; then as any other list, until they are closed or consent is withdrawn.

use std::path::PathBuf;

use bson::doc;
use lodestone::events::{Event, EventKind};
use reqwest::StatusCode;
use serde_json::Value;

use crate::isolation::everything;
use crate::sharing::{end_share, send, share, texts};
use crate::support::vcf::{csq, record, trio_text};
use crate::support::{Browser, TestApp};

const AT: &str = "/own/fam/research";
const CLOSE: &str = "/own/fam/research/close";
const WHY: &str = "a study of unsolved cases";
const LIST: &str = "/own/fam/variants?list=research";
const API: &str = "/api/v1/own/fam/variants?list=research";

/// In no clinical list.
const PLACE: u32 = 50_123_456;

fn of_study(rank: i32) -> String {
    let annotated = csq("A", "stop_gained").replace("POT1", "CANARY1");
    let genotypes = ["0/1:7,8:15:99", "0/1:7,8:15:99", "0/0:15,0:15:99"];
    let info = format!("{annotated};RankScore=F1:{rank};CLNSIG=5;CLNVID=77;CLNREVSTAT=reviewed_by_expert_panel");
    record("9", PLACE, ("C", "A"), &info, genotypes)
}

/// A load configuration that names a research list too.
fn write(app: &TestApp, records: &[String]) -> PathBuf {
    let vcf = app.folder().join("study.vcf");
    std::fs::write(&vcf, trio_text(records).replace("F1:", "fam:")).unwrap();
    let more = format!("vcf_snv_research: {}\n", vcf.display());
    app.write_trio("own", "fam", &crate::support::vcf::three_records(), &more)
}

async fn load(app: &TestApp, more: &[&str]) -> i32 {
    let path = write(app, &[of_study(12)]);
    let arguments = [&["load", "research", path.to_str().unwrap()], more].concat();
    app.exit_code(&arguments).await
}

/// `fam`, whose research list is loaded and closed.
async fn ready() -> (TestApp, Browser) {
    let app = TestApp::start().await;
    for institute in ["own", "partner"] {
        app.institute(institute).await;
    }
    assert!(app.cli(&["institute", "set", "own", "--share-with", "partner"]).await);
    app.given_case("own", "fam").await;
    assert_eq!(load(&app, &[]).await, 0);
    let user = app.user(&["own:geneticist"]).await;
    let browser = app.opened(&user, lodestone::auth::StepUpClass::BulkExport).await;
    (app, browser)
}

/// What somebody of `fam` says about research.
async fn say(browser: &Browser, individual: &str, rev: &str, answer: &str) {
    let form = [("individual", individual), ("rev", rev), ("research", answer), ("research_on", "2035-12-24")];
    assert_eq!(send(browser, "/own/fam/consent", &form).await.status(), StatusCode::SEE_OTHER);
}

async fn done(browser: &Browser, path: &str, form: &[(&str, &str)]) {
    assert_eq!(send(browser, path, form).await.status(), StatusCode::SEE_OTHER, "{path} {form:?}");
}

async fn all_consent(browser: &Browser) {
    for individual in ["kid", "mum", "dad"] {
        say(browser, individual, "0", "yes").await;
    }
}

async fn open(browser: &Browser, rev: &str) {
    assert_eq!(send(browser, AT, &[("reason", WHY), ("rev", rev)]).await.status(), StatusCode::SEE_OTHER);
}

async fn variant(browser: &Browser) -> String {
    browser.json(API).await["variants"][0]["id"].as_str().unwrap().to_owned()
}

/// Variants of research lists.
async fn stored(app: &TestApp) -> usize {
    let variants = app.documents("variants", doc! {}).await;
    variants.iter().filter(|one| one.get_str("list").is_ok_and(|list| list == "research")).count()
}

async fn history(app: &TestApp) -> Vec<(EventKind, i64)> {
    let documents = app.documents("events", doc! { "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    let of_research = |event: &Event| matches!(event.kind, EventKind::ResearchOpened | EventKind::ResearchClosed);
    events.filter(of_research).map(|event| (event.kind, event.rev)).collect()
}

/// No page, count, export or search tells anything of a closed list, and no address opens a variant of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_list_is_not_there() {
    let (app, browser) = ready().await;
    let clinical = browser.json("/api/v1/own/fam/variants").await;
    let known = clinical["variants"][0]["id"].as_str().unwrap().to_owned();
    let mut pages = everything(&browser, &known).await;
    assert!(pages.len() >= 40, "{} pages", pages.len());
    pages.insert(AT.to_owned(), browser.page(AT).await);
    for (path, text) in &pages {
        assert!(!text.contains("CANARY") && !text.contains("50123456") && !text.contains("50\u{202f}123"), "{path}");
    }
    for path in [LIST, API, "/own/fam/variants.csv?list=research", "/own/fam/find?q=CANARY1&list=research"] {
        assert_eq!(browser.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for question in ["CANARY1", "9:50123456", "9:50,000,000-51,000,000", "9_50123456_C_A"] {
        let found = browser.page(&format!("/own/fam/find?q={question}")).await;
        let said = texts(&found, "main section").join(" ");
        assert!(!said.contains("stop_gained") && !said.contains("study.vcf"), "{question}: {said}");
    }
    assert_eq!(browser.json("/api/v1/own/fam").await["lists"].as_array().unwrap().len(), 1);
    assert_eq!(stored(&app).await, 1, "it is stored, for when it is opened");
    let counted = app.documents("observations", doc! {}).await;
    assert_eq!(counted.len(), 3, "the clinical variants; it counts in no local frequency");
    app.end().await;
}

/// It takes everybody's consent on record and a reason; then the list is as any other.
#[tokio::test]
async fn a_reason_and_everybodys_consent_open_it() {
    let (app, browser) = ready().await;
    say(&browser, "kid", "0", "yes").await;
    say(&browser, "mum", "0", "yes").await;
    say(&browser, "dad", "0", "no").await;
    let before = app.snapshot().await;
    let refused = send(&browser, AT, &[("reason", WHY), ("rev", "0")]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("Dad must consent to research first, on record"));
    assert_eq!(app.snapshot().await, before, "nothing was written");
    say(&browser, "dad", "1", "yes").await;
    for (reason, rev) in [("short", "0"), (WHY, "first")] {
        let refused = send(&browser, AT, &[("reason", reason), ("rev", rev)]).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{reason} {rev}");
        assert!(refused.text().await.unwrap().contains(reason), "what was typed stays");
    }
    let page = browser.page("/own/fam").await;
    assert!(!page.contains("Research SNVs"), "{page}");

    open(&browser, "0").await;
    open(&browser, "0").await; // sent twice
    assert_eq!(history(&app).await, [(EventKind::ResearchOpened, 1)]);
    let list = browser.json(API).await;
    assert_eq!((&list["total"], &list["variants"][0]["simple_id"]), (&1.into(), &"9_50123456_C_A".into()));
    assert_eq!(browser.json("/api/v1/own/fam/variants").await["total"], 3, "the clinical list is as before");
    let lists = browser.json("/api/v1/own/fam").await["lists"].clone();
    assert_eq!((&lists[0]["list"], &lists[1]["list"]), (&"clinical".into(), &"research".into()));
    assert!(browser.page("/own/fam").await.contains("Research SNVs"));
    let page = browser.page(LIST).await;
    assert!(page.contains("CANARY1"));
    let hrefs = page.split("href=\"").skip(1).filter(|rest| rest.starts_with("/own/fam/variants"));
    let stays = hrefs.filter(|rest| rest.split('"').next().unwrap().contains("list=research")).count();
    assert!(stays >= 5, "filters, exports and variants stay in the list: {stays}");
    let found = browser.page("/own/fam/find?q=CANARY1&list=research").await;
    assert!(texts(&found, "main section").join(" ").contains("CANARY1"));
    assert!(browser.page("/own/fam/variants.csv?list=research").await.contains("50123456"));
    let timeline = browser.page("/own/fam/timeline?kind=consent").await;
    assert!(timeline.contains("research lists opened") && timeline.contains(WHY));
    assert!(browser.page(AT).await.contains(WHY));
    app.end().await;
}

/// Pages that tell of a case's work, with how often each names the variant of the study.
async fn told(browser: &Browser, id: &str) -> Vec<usize> {
    let mut told = Vec::new();
    for path in ["/own/fam", "/own/fam/timeline", "/", "/mentions", "/own/fam/changed", "/own/fam/variants"] {
        let page = browser.page(path).await.to_lowercase();
        let told_of = |what: &str| page.matches(what).count();
        told.push(told_of("canary") + told_of("50123456") + told_of("50\u{202f}123") + told_of(id));
    }
    told
}

/// What people decide and say there goes out of sight with the list, and comes back with it; a withdrawn consent closes it.
#[tokio::test]
async fn closing_takes_along_what_was_said() {
    let (app, browser) = ready().await;
    let ben = app.user(&["own:clinician"]).await;
    let bens = app.browser_of(&ben).await;
    bens.page("/own/fam").await;
    send(&bens, "/own/fam/read", &[]).await;
    all_consent(&browser).await;
    open(&browser, "0").await;
    let id = variant(&browser).await;
    let at = format!("/own/fam/variants/{id}");
    for path in [at.clone(), format!("/api/v1{at}")] {
        assert_eq!(browser.get(&path).await.status(), StatusCode::OK, "{path}");
    }
    done(&browser, &format!("{at}/pin"), &[("on", "1")]).await;
    let number = "a".repeat(26);
    let handle = ben.email.as_str().split('@').next().unwrap();
    let text = format!("A canary of the study, @{handle}.");
    let everywhere = [("id", number.as_str()), ("text", text.as_str()), ("reach", "institute")];
    let refused = send(&browser, &format!("{at}/comments"), &everywhere).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "it stays in its case");
    done(&browser, &format!("{at}/comments"), &everywhere[..2]).await;
    done(&browser, &format!("{at}/order"), &[("on", "1"), ("rev", "1")]).await;
    let (open_says, open_told) = (told(&browser, &id).await, told(&bens, &id).await);
    assert!(open_says[0] > 0 && open_says[1] > 0 && open_told[3] > 0, "{open_says:?} {open_told:?}");
    assert!(browser.page(AT).await.contains("waits for a result"));
    let links = texts(&browser.page("/own/fam/timeline").await, "a[href*='/variants/']");
    assert!(!links.is_empty(), "each variant is told with its address");
    let order = app.documents("variant_states", doc! {}).await.remove(0);
    let order = order.get_document("validation").unwrap().get_str("number").unwrap().to_owned();
    let of_case = format!("{at}/order");
    assert_eq!(browser.get(&of_case).await.status(), StatusCode::OK);

    done(&browser, CLOSE, &[("rev", "1")]).await;
    done(&browser, CLOSE, &[("rev", "1")]).await; // sent twice
    for browser in [&browser, &bens] {
        assert_eq!(told(browser, &id).await, [0; 6]);
        let orders = format!("/orders/{order}");
        let timeline = "/api/v1/own/fam/timeline";
        for path in [at.as_str(), &format!("/api/v1{at}"), LIST, &of_case, &orders] {
            assert_eq!(browser.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert!(!browser.json(timeline).await.to_string().contains(&id));
        assert!(!browser.page("/").await.contains("Waiting for a validation"));
    }
    for (action, form) in
        [("pin", vec![("on", "0")]), ("undo", vec![("rev", "2")]), ("comments", everywhere[..2].to_vec())]
    {
        assert_eq!(send(&browser, &format!("{at}/{action}"), &form).await.status(), StatusCode::NOT_FOUND, "{action}");
    }
    // A load while it is closed brings nothing of it out.
    let path = write(&app, &[of_study(12)]);
    let other = app.folder().join("own-fam.vcf");
    std::fs::write(&other, trio_text(&crate::support::vcf::three_records()[..2]).replace("F1:", "fam:")).unwrap();
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(told(&browser, &id).await, [0; 6]);
    let timeline = browser.page("/own/fam/timeline?kind=lists").await;
    assert!(timeline.contains("clinical snv") && !timeline.contains("research snv"), "nor does its loading");

    open(&browser, "2").await;
    assert_eq!(told(&browser, &id).await, open_says);
    assert_eq!(browser.json(API).await["variants"][0]["state"]["pinned"], true);
    say(&browser, "mum", "1", "no").await;
    assert_eq!(told(&browser, &id).await, [0; 6]);
    let (opened, closed) = (EventKind::ResearchOpened, EventKind::ResearchClosed);
    assert_eq!(history(&app).await, [(opened, 1), (closed, 2), (opened, 3), (closed, 4)]);
    let refused = send(&browser, AT, &[("reason", WHY), ("rev", "4")]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains(WHY), "what was typed stays");
    app.end().await;
}

/// What was undone, and decided about many at once, is of the list too.
#[tokio::test]
async fn what_was_undone_goes_out_of_sight_as_well() {
    let (app, browser) = ready().await;
    all_consent(&browser).await;
    open(&browser, "0").await;
    let id = variant(&browser).await;
    let at = format!("/own/fam/variants/{id}");
    done(&browser, &format!("{at}/pin"), &[("on", "1")]).await;
    done(&browser, &format!("{at}/undo"), &[("rev", "1")]).await;
    let dismiss = "/own/fam/variants/dismiss?list=research";
    let many = [("what", "filter"), ("reason", "31")];
    let asked = send(&browser, dismiss, &many).await.text().await.unwrap();
    let seen = asked.split("name=\"seen\" value=\"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    // It is (likely) pathogenic in ClinVar, so nothing is dismissed with others; ticked alone it is.
    assert!(asked.contains("(likely) pathogenic in ClinVar"), "{seen:?}");
    done(&browser, &format!("{at}/dismiss"), &[("reason", "31"), ("rev", "2")]).await;
    let back = [("what", "ticked_back"), ("variant", id.as_str())];
    done(&browser, dismiss, &back).await;
    let before = app.documents("variant_states", doc! {}).await;
    let together = before[0].get_str("together").unwrap().to_owned();
    let timeline = browser.page("/own/fam/timeline").await;
    assert!(timeline.contains("decision about several variants") && told(&browser, &id).await[1] > 0);
    done(&browser, CLOSE, &[("rev", "1")]).await;
    let timeline = browser.page("/own/fam/timeline").await;
    assert!(!timeline.contains("decision about"), "{timeline}");
    assert_eq!(told(&browser, &id).await, [0; 6]);
    let undo = send(&browser, "/own/fam/variants/undo", &[("together", together.as_str())]).await;
    assert_eq!(undo.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.documents("variant_states", doc! {}).await, before);
    app.end().await;
}

/// Whose sample comes into the lists is asked too: a person who becomes sequenced closes them.
#[tokio::test]
async fn somebody_who_becomes_sequenced_closes_it() {
    let (app, browser) = ready().await;
    let path = write(&app, &[of_study(12)]);
    let whole = std::fs::read_to_string(&path).unwrap();
    let rna = whole.replace("sample_id: dad,", "sample_id: dad, analysis_type: wts,");
    std::fs::write(&path, rna).unwrap();
    let load = ["load", "case", path.to_str().unwrap(), "--update", "--accept-genotypes"];
    assert!(app.cli(&load).await);
    say(&browser, "kid", "0", "yes").await;
    say(&browser, "mum", "0", "yes").await;
    open(&browser, "0").await;
    assert_eq!(browser.get(API).await.status(), StatusCode::OK);
    std::fs::write(&path, whole).unwrap();
    assert!(app.cli(&load).await);
    assert_eq!(browser.get(API).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(history(&app).await, [(EventKind::ResearchOpened, 1), (EventKind::ResearchClosed, 2)]);
    app.end().await;
}

/// Whoever comments or decides while somebody closes the list is told of it, or what they did goes out of sight with it.
#[tokio::test(flavor = "multi_thread")]
async fn closing_and_commenting_at_once_leaves_nothing_in_sight() {
    let (app, browser) = ready().await;
    let ben = app.signed_in(&["own:geneticist"]).await;
    all_consent(&browser).await;
    for round in 0..6 {
        open(&browser, &(2 * round).to_string()).await;
        let id = variant(&browser).await;
        let at = format!("/own/fam/variants/{id}");
        let number = lodestone::ids::CommentId::random().to_string();
        let comment = [("id", number.as_str()), ("text", "A canary of the study.")];
        let (say, pin) = (format!("{at}/comments"), format!("{at}/pin"));
        let rev = (2 * round + 1).to_string();
        let (at_rev, marked) = ([("rev", rev.as_str())], [("on", if round % 2 == 0 { "1" } else { "0" })]);
        let (closed, said, pinned) =
            tokio::join!(send(&browser, CLOSE, &at_rev), send(&ben, &say, &comment), send(&ben, &pin, &marked),);
        assert_eq!(closed.status(), StatusCode::SEE_OTHER);
        for answer in [said.status(), pinned.status()] {
            let known = [StatusCode::SEE_OTHER, StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::FORBIDDEN];
            assert!(known.contains(&answer), "{answer}");
        }
        assert_eq!(told(&browser, &id).await, [0; 6], "round {round}");
    }
    app.end().await;
}

/// A newer list keeps what was decided and tells what changed; one of other samples, people or content is refused.
#[tokio::test]
async fn a_research_list_is_loaded_as_a_whole_or_not_at_all() {
    let (app, browser) = ready().await;
    assert_eq!(load(&app, &[]).await, 0, "loaded already");
    assert_eq!(stored(&app).await, 1);
    all_consent(&browser).await;
    open(&browser, "0").await;
    let id = variant(&browser).await;
    let pin = format!("/own/fam/variants/{id}/pin");
    assert_eq!(send(&browser, &pin, &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);
    let before = app.snapshot().await;
    let changed = write(&app, &[of_study(9)]);
    let research = ["load", "research", changed.to_str().unwrap()];
    assert_eq!(app.exit_code(&research).await, 1, "other content without --update");
    let unread = app.folder().join("study.vcf");
    std::fs::write(&unread, "no VCF").unwrap();
    assert_eq!(app.exit_code(&[&research[..], &["--update"]].concat()).await, 1);
    let kept = |all: &[(String, Vec<bson::Document>)]| -> Vec<(String, Vec<bson::Document>)> {
        let counts = ["audit", "load_reservations"];
        all.iter().filter(|(name, _)| !counts.iter().any(|count| name.starts_with(count))).cloned().collect()
    };
    assert!(kept(&app.snapshot().await) == kept(&before), "nothing was half-written");
    write(&app, &[of_study(9)]);
    assert_eq!(app.exit_code(&[&research[..], &["--update"]].concat()).await, 0);
    let list = browser.json(API).await;
    assert_eq!(
        (&list["variants"][0]["rank_score"], &list["variants"][0]["state"]["pinned"]),
        (&9.0.into(), &true.into())
    );
    let look = browser.page("/own/fam/changed").await;
    assert!(look.contains("CANARY1") && look.contains("rank score"), "{look}");
    assert_eq!(stored(&app).await, 1, "the former revision is gone");
    assert_eq!(browser.json("/api/v1/own/fam/variants").await["total"], 3, "the clinical list is as before");

    let revision = texts(&look, "main").join(" ");
    assert!(revision.contains("decided variant is another one"), "{revision}");
    let number = look.split("name=\"revision\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = [("revision", number.as_str()), ("variant", id.as_str())];
    assert_eq!(send(&browser, "/own/fam/changed", &form).await.status(), StatusCode::SEE_OTHER);
    assert!(browser.page("/own/fam/changed").await.contains("is as it was then"), "it was looked at");

    let more = format!("vcf_snv_research: {}\n", unread.display());
    let other = app.write_trio("own", "other", &crate::support::vcf::three_records(), &more);
    std::fs::write(&unread, trio_text(&[of_study(9)]).replace("F1:", "other:")).unwrap();
    let not_assessed = async || browser.json("/api/v1/own/other").await["not_assessed"].clone();
    for (what, code) in [("research", 1), ("case", 0), ("research", 0)] {
        let loaded = app.exit_code(&["load", what, other.to_str().unwrap()]).await;
        assert_eq!(loaded, code, "{what}: there is no such case at first");
    }
    assert_eq!(not_assessed().await, serde_json::json!(["research SNVs and indels"]), "nobody reads it yet");
    for individual in ["kid", "mum", "dad"] {
        let form = [("individual", individual), ("rev", "0"), ("research", "yes"), ("research_on", "2035-12-24")];
        done(&browser, "/own/other/consent", &form).await;
    }
    done(&browser, "/own/other/research", &[("reason", WHY), ("rev", "0")]).await;
    assert_eq!(not_assessed().await, serde_json::json!([]));
    let without = app.write_trio("own", "fam", &crate::support::vcf::three_records(), "");
    assert_eq!(app.exit_code(&["load", "research", without.to_str().unwrap()]).await, 1, "no research list is named");
    app.end().await;
}

/// A stale form is shown beside what stands; guests see an open research list if the share says so, and what was decided in it.
#[tokio::test]
async fn guests_see_what_their_share_holds() {
    let (app, browser) = ready().await;
    all_consent(&browser).await;
    open(&browser, "0").await;
    let stale = send(&browser, AT, &[("reason", "another reason for it"), ("rev", "0")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let stale = stale.text().await.unwrap();
    assert!(stale.contains(WHY) && stale.contains("another reason for it"));

    let id = variant(&browser).await;
    let pin = format!("/own/fam/variants/{id}/pin");
    assert_eq!(send(&browser, &pin, &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);
    let guest = app.signed_in(&["partner:clinician"]).await;
    share(&browser, &[]).await;
    assert_eq!(guest.get(API).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(guest.get(&format!("/own/fam/variants/{id}")).await.status(), StatusCode::NOT_FOUND);
    let page = guest.page("/own/fam").await;
    assert!(!page.contains("CANARY") && !page.contains(WHY), "{page}");
    end_share(&app, &browser, "fam").await;
    share(&browser, &[("lists", "clinical_and_research")]).await;
    assert_eq!(guest.json(API).await["variants"][0]["state"]["pinned"], Value::Bool(true));
    assert_eq!(guest.get(AT).await.status(), StatusCode::FORBIDDEN, "guests open nothing");
    assert_eq!(send(&browser, CLOSE, &[("rev", "1")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(guest.get(API).await.status(), StatusCode::NOT_FOUND);
    app.end().await;
}
