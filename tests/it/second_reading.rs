//! The second reader: who confirms a cause, who does not, what a blinded one sees, and what the case becomes.

use bson::doc;
use lodestone::auth::StepUpClass;
use lodestone::cases::Status;
use lodestone::events::{Event, EventKind, History};
use lodestone::users::User;
use lodestone::variants::VariantState;
use reqwest::StatusCode;

use crate::sharing::{send, share, texts};
use crate::support::{Browser, TestApp};

/// An institute where another person confirms causes: Ann and Ben are geneticists, and Ben signs out.
struct Lab {
    app: TestApp,
    admin: Browser,
    ann: Browser,
    ben: Browser,
    ben_is: User,
    /// Paths of the first two variants of the case's list.
    variants: [String; 2],
}

impl Lab {
    async fn new(way: &str) -> Self {
        let app = TestApp::start().await;
        for institute in ["own", "partner"] {
            app.institute(institute).await;
        }
        assert!(app.cli(&["institute", "set", "own", "--second-reader", way, "--share-with", "partner"]).await);
        app.given_case("own", "fam").await;
        let ann = app.user(&["own:geneticist"]).await;
        let ann = app.opened(&ann, StepUpClass::BulkExport).await;
        let ben_is = app.user(&["own:geneticist"]).await;
        let ben = app.browser_of(&ben_is).await;
        let admin = app.confirmed_as(&["own:admin"]).await;
        let list = ann.json("/api/v1/own/fam/variants").await;
        let variants = [0, 1].map(|at| format!("/own/fam/variants/{}", list["variants"][at]["id"].as_str().unwrap()));
        let lab = Self { app, admin, ann, ben, ben_is, variants };
        assert_eq!(
            lab.right(&lab.ben_is, &[("on", "1"), ("held", ""), ("from", "2036-01-01")]).await,
            StatusCode::SEE_OTHER
        );
        lab
    }

    /// The admin gives or takes the right to sign out.
    async fn right(&self, user: &User, form: &[(&str, &str)]) -> StatusCode {
        let form: Vec<_> = form.iter().copied().chain([("category", "snv")]).collect();
        send(&self.admin, &format!("/own/members/{}/sign-out", user.id), &form).await.status()
    }

    async fn mark(&self, who: &Browser, variant: usize, on: &str) -> StatusCode {
        send(who, &format!("{}/causative", self.variants[variant]), &[("on", on)]).await.status()
    }

    async fn reading(&self, who: &Browser, form: &[(&str, &str)]) -> StatusCode {
        send(who, &format!("{}/second-reading", self.variants[0]), form).await.status()
    }

    async fn state(&self) -> VariantState {
        let id = self.variants[0].rsplit('/').next().unwrap();
        let stored = self.app.documents("variant_states", doc! {}).await;
        let stored = stored.into_iter().find(|state| state.get_str("_id").is_ok_and(|one| one == id));
        bson::deserialize_from_document(stored.unwrap()).unwrap()
    }

    async fn status(&self) -> Status {
        let case = self.app.documents("cases", doc! {}).await;
        Status::parse(case[0].get_str("status").unwrap()).unwrap()
    }

    async fn second(&self, who: &Browser) -> serde_json::Value {
        let variant = who.json(&format!("/api/v1{}", self.variants[0])).await;
        variant["state"]["second_reading"].clone()
    }
}

/// What is said of a partial cause neither tells of a mark that is kept back nor is told by it: it stays as it was until the
/// cause is confirmed, and then it gives way.
#[tokio::test]
async fn a_partial_cause_tells_nothing_of_a_hidden_mark() {
    let lab = Lab::new("blinded").await;
    let kim = lab.app.signed_in(&["own:clinician"]).await;
    let partial = async |words: &str, rev: &str| {
        let form = [("rev", rev), ("words", words)];
        send(&lab.ben, &format!("{}/partial", lab.variants[0]), &form).await.status()
    };
    assert_eq!(partial("deafness", "0").await, StatusCode::SEE_OTHER);
    let mosaic = [("rev", "1"), ("mosaic", "1")];
    assert_eq!(send(&kim, &format!("{}/mosaic", lab.variants[0]), &mosaic).await.status(), StatusCode::SEE_OTHER);
    let told = async || {
        let mut told = Vec::new();
        for who in [&lab.ben, &kim] {
            let state = who.json(&format!("/api/v1{}", lab.variants[0])).await["state"].clone();
            told.push((state["partial"]["words"].clone(), state["mosaic"].clone(), state["causative"].clone()));
        }
        told
    };
    let before = told().await;
    assert_eq!(before[0], ("deafness".into(), serde_json::json!([1]), false.into()));
    lab.mark(&lab.ann, 0, "1").await;
    assert_eq!(told().await, before, "nothing changed for them");
    assert_eq!(partial("deafness and more", "2").await, StatusCode::SEE_OTHER, "neither refused nor stale");
    assert_eq!(told().await[0].0, "deafness and more");
    assert_eq!(lab.app.tamper("cases", doc! {}, doc! { "$set": { "track": "cancer" } }).await, 1);
    let tiers = [("rev", "2"), ("amp", "1A")];
    let tiered = send(&kim, &format!("{}/tiers", lab.variants[0]), &tiers).await.status();
    assert_eq!(tiered, StatusCode::SEE_OTHER, "nor is a tier");
    assert_eq!(lab.mark(&lab.ben, 0, "1").await, StatusCode::SEE_OTHER, "he comes to the same");
    let state = lab.state().await;
    assert!(state.is_cause() && state.partial.is_none(), "it explains all now");
    lab.app.end().await;
}

/// A mark alone solves nothing; another person's word does. Nobody confirms themselves, nor without the right.
#[tokio::test]
async fn a_cause_is_confirmed_by_another_person_who_may_sign_out() {
    let lab = Lab::new("open").await;
    let kim = lab.app.signed_in(&["own:clinician"]).await;
    let eve = lab.app.signed_in(&["own:geneticist"]).await;
    assert_eq!(lab.mark(&kim, 0, "1").await, StatusCode::FORBIDDEN, "clinicians mark no cause");
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::CONFLICT, "there is nothing to confirm");
    assert_eq!(lab.mark(&lab.ann, 0, "1").await, StatusCode::SEE_OTHER);
    assert_eq!((lab.status().await, lab.second(&kim).await), (Status::Active, "waiting".into()));
    let page = kim.page("/own/fam").await;
    assert!(
        texts(&page, "[aria-labelledby=reading-head] li").concat().contains("causative (not confirmed yet)"),
        "{page}"
    );
    assert!(kim.page("/own/fam/variants").await.contains("causative, unconfirmed"));

    // States cannot be skipped.
    let skipped = send(&lab.ann, "/own/fam/status", &[("status", "solved"), ("rev", "1")]).await;
    assert_eq!(skipped.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(skipped.text().await.unwrap().contains("confirmed by a second reader"));
    for who in [&lab.ann, &kim, &eve] {
        assert_eq!(lab.reading(who, &[("agrees", "1")]).await, StatusCode::FORBIDDEN);
    }
    assert!(lab.ann.page(&lab.variants[0]).await.contains("Nobody confirms a mark of their own"));
    assert!(!eve.page(&lab.variants[0]).await.contains("/second-reading"), "she has no right to sign out");
    assert_eq!(lab.mark(&eve, 0, "1").await, StatusCode::SEE_OTHER, "it is marked already");
    assert_eq!(lab.status().await, Status::Active);

    let work = lab.ben.page("/").await;
    assert!(texts(&work, "caption").concat().contains("Waiting for a second reader"), "{work}");
    for who in [&lab.ann, &kim, &eve] {
        assert!(!who.page("/").await.contains("Waiting for a second reader"), "it is for who can do it");
    }
    assert!(lab.ben.page(&lab.variants[0]).await.contains("name=\"agrees\" value=\"1\""));
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::SEE_OTHER, "sent twice");
    let state = lab.state().await;
    assert_eq!((lab.status().await, state.rev), (Status::Solved, 2), "what is sent twice changes once");
    assert_eq!(lab.second(&kim).await, "agreed");
    assert!(!kim.page("/own/fam").await.contains("is not confirmed"));
    assert!(!lab.ben.page("/").await.contains("Waiting for a second reader"));
    let told = kim.page("/own/fam/timeline?kind=decisions").await;
    assert!(told.contains("confirms it"), "{told}");

    // What he said is his to take back, and the mark anybody's who may mark.
    let undo = format!("{}/undo", lab.variants[0]);
    assert_eq!(send(&lab.ann, &undo, &[("rev", "2")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&kim, &undo, &[("rev", "2")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&lab.ben, &undo, &[("rev", "2")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!((lab.status().await, lab.second(&kim).await), (Status::Active, "waiting".into()));
    assert_eq!(lab.mark(&lab.ann, 0, "0").await, StatusCode::SEE_OTHER);
    let state = lab.state().await;
    assert_eq!((state.mark, state.awaits, state.causative), (None, None, false));
    lab.app.end().await;
}

/// Disagreement has a reason, stands until whoever said it changes their mind, and keeps the case open.
#[tokio::test]
async fn disagreement_is_seen_and_keeps_the_case_open() {
    let lab = Lab::new("open").await;
    lab.mark(&lab.ann, 0, "1").await;
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "0")]).await, StatusCode::UNPROCESSABLE_ENTITY, "say why");
    let against = [("agrees", "0"), ("why", "seen in <b>healthy</b> brothers")];
    assert_eq!(lab.reading(&lab.ben, &against).await, StatusCode::SEE_OTHER);
    assert_eq!((lab.status().await, lab.second(&lab.ann).await), (Status::Active, "disputed".into()));
    let page = lab.ann.page("/own/fam").await;
    assert!(
        page.contains("disagrees: seen in &#60;b&#62;healthy") || page.contains("seen in &lt;b&gt;healthy"),
        "{page}"
    );
    assert!(!lab.ben.page("/").await.contains("Waiting for a second reader"), "he has read");
    let carl_is = lab.app.user(&["own:geneticist"]).await;
    lab.right(&carl_is, &[("on", "1"), ("held", ""), ("from", "2036-01-01"), ("until", "2036-12-31")]).await;
    let carl = lab.app.browser_of(&carl_is).await;
    assert_eq!(lab.reading(&carl, &[("agrees", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(
        (lab.status().await, lab.second(&lab.ann).await),
        (Status::Active, "disputed".into()),
        "two against one"
    );
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!((lab.status().await, lab.second(&lab.ann).await), (Status::Solved, "agreed".into()));
    let events = lab.app.documents("events", doc! { "rev": 1 }).await;
    let events = events.into_iter().map(|event| bson::deserialize_from_document::<Event>(event).unwrap());
    let decided: Vec<Event> = events.filter(|event| event.kind == EventKind::VariantDecided).collect();
    assert_eq!(decided.len(), 4);
    let present = bson::serialize_to_bson(&lab.state().await).unwrap();
    assert_eq!(History::new(decided).unwrap().present(), &present, "the history replayed is the present");
    lab.app.end().await;
}

/// A mark or a word that was taken back comes back by nobody's undoing; a disagreement outlives the mark it was about.
#[tokio::test]
async fn nothing_is_confirmed_by_undoing() {
    let lab = Lab::new("open").await;
    let undo = async |who: &Browser, rev: &str| {
        send(who, &format!("{}/undo", lab.variants[0]), &[("rev", rev)]).await.status()
    };
    lab.mark(&lab.ann, 0, "1").await;
    lab.mark(&lab.ann, 0, "0").await;
    assert_eq!(undo(&lab.ben, "2").await, StatusCode::FORBIDDEN, "a mark in her name, which he could confirm");
    assert_eq!(undo(&lab.ann, "2").await, StatusCode::FORBIDDEN);
    lab.mark(&lab.ann, 0, "1").await;
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(undo(&lab.ben, "4").await, StatusCode::SEE_OTHER, "he takes his word back");
    for who in [&lab.ann, &lab.ben] {
        assert_eq!(undo(who, "5").await, StatusCode::FORBIDDEN, "and nobody puts it back by undoing");
    }
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.mark(&lab.ben, 0, "0").await, StatusCode::FORBIDDEN, "it is her mark");
    lab.mark(&lab.ann, 0, "0").await;
    assert_eq!((lab.status().await, undo(&lab.ben, "7").await), (Status::Active, StatusCode::FORBIDDEN));
    // Before the institute asked for it, one person's mark was enough; undoing does not bring such a one back.
    assert!(lab.app.cli(&["institute", "set", "own", "--second-reader", "none"]).await);
    lab.mark(&lab.ann, 1, "1").await;
    lab.mark(&lab.ann, 1, "0").await;
    assert!(lab.app.cli(&["institute", "set", "own", "--second-reader", "open"]).await);
    let undone = send(&lab.ann, &format!("{}/undo", lab.variants[1]), &[("rev", "2")]).await;
    assert_eq!((undone.status(), lab.status().await), (StatusCode::FORBIDDEN, Status::Active));

    lab.mark(&lab.ann, 0, "1").await;
    lab.reading(&lab.ben, &[("agrees", "0"), ("why", "too frequent")]).await;
    lab.mark(&lab.ann, 0, "0").await;
    assert!(!lab.ann.page("/own/fam").await.contains("is not confirmed"));
    lab.mark(&lab.ann, 0, "1").await;
    assert_eq!(lab.second(&lab.ann).await, "disputed", "he did not change his mind");
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.status().await, Status::Solved);
    lab.app.end().await;
}

/// What the owner's people say of each other's readings stays with the owner.
#[tokio::test]
async fn guests_read_no_names_and_no_reasons() {
    let lab = Lab::new("open").await;
    share(&lab.ann, &[]).await;
    lab.mark(&lab.ann, 0, "1").await;
    lab.reading(&lab.ben, &[("agrees", "0"), ("why", "CANARY of the family")]).await;
    let guest = lab.app.signed_in(&["partner:clinician"]).await;
    for path in ["/own/fam", &lab.variants[0], "/own/fam/variants"] {
        let page = guest.page(path).await;
        assert!(!page.contains("CANARY") && !page.contains("disagrees"), "{path}");
    }
    assert!(guest.page(&lab.variants[0]).await.contains("causative (disputed)"));
    lab.app.end().await;
}

/// Until a blinded reader has read, nobody but who made a mark meets it anywhere.
#[tokio::test]
async fn a_blinded_reader_comes_to_it_by_themselves() {
    let lab = Lab::new("blinded").await;
    share(&lab.ann, &[]).await;
    let kim = lab.app.signed_in(&["own:clinician"]).await;
    let guest = lab.app.signed_in(&["partner:clinician"]).await;
    let id = lab.variants[0].rsplit('/').next().unwrap();
    lab.mark(&lab.ann, 0, "1").await;
    assert_eq!(lab.second(&lab.ann).await, "waiting", "who made it sees it");
    for (name, who) in [("ben", &lab.ben), ("kim", &kim), ("guest", &guest)] {
        let one = who.json(&format!("/api/v1{}", lab.variants[0])).await;
        assert_eq!(one["state"]["causative"], false, "{name}");
        assert_eq!(lab.second(who).await, serde_json::Value::Null, "{name}");
        for path in ["/own/fam", "/own/fam/variants", &lab.variants[0], "/own/fam/timeline", "/own/fam/variants.csv"] {
            let page = who.page(path).await;
            for told in ["badge causative", "is <strong>causative", "holds this variant", "/undo\""] {
                assert!(!page.contains(told), "{name} reads `{told}` in {path}");
            }
        }
        let told = who.json("/api/v1/own/fam/timeline").await.to_string();
        assert!(!told.contains(id) && !told.contains("causative"), "{name}: {told}");
        let timeline = who.page(&format!("/own/fam/timeline?variant={id}")).await;
        assert!(!timeline.contains("decided about a variant") && !timeline.contains("kept back"), "{name}: {timeline}");
    }
    assert!(kim.page("/own/fam").await.contains("before another person has read the case by themselves"));
    assert!(kim.page("/own/fam/timeline").await.contains("kept back until a second reading"));
    assert!(!kim.page("/own/fam").await.contains("/own/fam/second-reading"));
    assert!(lab.ben.page("/").await.contains("Waiting for a second reader"));
    let state = kim.json(&format!("/api/v1{}", lab.variants[0])).await["state"].clone();
    assert_eq!(
        (state["rev"].as_i64(), state["pinned"].as_bool()),
        (Some(0), Some(false)),
        "as if nothing ever was: {state}"
    );
    let ranked = [("rev", "0"), ("rank", "9")];
    assert_eq!(send(&kim, &format!("{}/rank", lab.variants[0]), &ranked).await.status(), StatusCode::SEE_OTHER);
    let unranked = [("rev", "0"), ("rank", "8")];
    let stale = send(&kim, &format!("{}/rank", lab.variants[0]), &unranked).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT, "her own rank, which she did not see");
    assert!(!stale.text().await.unwrap().contains("causative"), "the mark is not told in this way either");
    assert_eq!(
        send(&kim, &format!("{}/rank", lab.variants[0]), &[("rev", "2"), ("rank", "")]).await.status(),
        StatusCode::SEE_OTHER
    );
    // Dismissing together leaves it alone all the same; what one decides of it besides takes nothing away.
    let dismissed = [("what", "ticked"), ("variant", id), ("reason", "29")];
    let asked = send(&lab.ben, "/own/fam/variants/dismiss", &dismissed).await.text().await.unwrap();
    assert!(asked.contains("kept until a second reading is done"), "{asked}");
    assert_eq!(
        send(&lab.ben, &format!("{}/pin", lab.variants[0]), &[("on", "1")]).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(lab.mark(&kim, 0, "0").await, StatusCode::FORBIDDEN);
    // Who marks without the right learns nothing.
    let eve = lab.app.signed_in(&["own:geneticist"]).await;
    for variant in [0, 1] {
        assert_eq!(lab.mark(&eve, variant, "1").await, StatusCode::FORBIDDEN, "{variant}");
        let read = send(&eve, &format!("{}/second-reading", lab.variants[variant]), &[("agrees", "1")]).await;
        assert_eq!(read.status(), StatusCode::FORBIDDEN, "{variant}");
    }
    assert_eq!(lab.mark(&lab.ben, 0, "0").await, StatusCode::SEE_OTHER);
    let state = lab.state().await;
    assert!(state.pinned && state.causative, "{state:?}");
    assert_eq!(
        send(&lab.ben, &format!("{}/undo", lab.variants[0]), &[("rev", "4")]).await.status(),
        StatusCode::SEE_OTHER
    );
    assert!(lab.state().await.causative, "his own pin is undone, not her mark");
    assert_eq!(lab.status().await, Status::Active);

    // He comes to the same.
    assert_eq!(lab.mark(&lab.ben, 0, "1").await, StatusCode::SEE_OTHER);
    assert_eq!((lab.status().await, lab.second(&kim).await), (Status::Solved, "agreed".into()));
    assert!(kim.page("/own/fam/timeline").await.contains("confirms it"));
    assert!(guest.page(&lab.variants[0]).await.contains("causative"), "and others see it");
    lab.app.end().await;
}

/// A blinded reader who comes to something else says so at the end; both marks are seen then.
#[tokio::test]
async fn a_blinded_reader_ends_with_another_answer() {
    let lab = Lab::new("blinded").await;
    lab.mark(&lab.ann, 0, "1").await;
    lab.mark(&lab.ben, 1, "1").await;
    let end = "/own/fam/second-reading";
    assert!(lab.ben.page("/own/fam").await.contains(end));
    assert!(!lab.ann.page("/own/fam").await.contains(end), "she has no right to sign out");
    assert_eq!(send(&lab.ann, end, &[("why", "none")]).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&lab.ben, end, &[("why", " ")]).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&lab.ben, end, &[("why", "the second one fits better")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!((lab.status().await, lab.second(&lab.ben).await), (Status::Active, "disputed".into()));
    let page = lab.ben.page("/own/fam").await;
    assert!(page.contains("disagrees: the second one fits better"), "{page}");
    assert_eq!(texts(&page, "[aria-labelledby=reading-head] li").len(), 2, "his own waits");
    let kept = lab.ann.page("/own/fam").await;
    assert_eq!(texts(&kept, "[aria-labelledby=reading-head] li").len(), 1, "his is kept from her: {kept}");
    lab.app.end().await;
}

/// The right has days, is given by an admin to others only, and counts for geneticists only.
#[tokio::test]
async fn the_right_to_sign_out_has_its_days() {
    let lab = Lab::new("open").await;
    lab.mark(&lab.ann, 0, "1").await;
    let held = "snv from 2036-01-01";
    assert!(lab.admin.page(&format!("/own/members/{}", lab.ben_is.id)).await.contains(held));
    for wrong in [
        [("on", "1"), ("held", held), ("from", "soon"), ("until", "")],
        [("on", "1"), ("held", held), ("from", "2036-02-01"), ("until", "2036-01-01")],
        [("on", "1"), ("held", "nothing"), ("from", "2036-02-01"), ("until", "")],
    ] {
        assert_eq!(lab.right(&lab.ben_is, &wrong).await, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    let over = [("on", "1"), ("held", held), ("from", "2035-01-01"), ("until", "2035-12-31")];
    assert_eq!(lab.right(&lab.ben_is, &over).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.reading(&lab.ben, &[("agrees", "1")]).await, StatusCode::FORBIDDEN, "its last day is over");
    let kim_is = lab.app.user(&["own:clinician"]).await;
    assert_eq!(lab.right(&kim_is, &[("on", "1"), ("held", ""), ("from", "2035-01-01")]).await, StatusCode::SEE_OTHER);
    let kim = lab.app.browser_of(&kim_is).await;
    assert_eq!(lab.reading(&kim, &[("agrees", "1")]).await, StatusCode::FORBIDDEN, "a clinician confirms no cause");
    assert!(!kim.page("/").await.contains("Waiting for a second reader"));

    let alex_is = lab.app.user(&["own:admin", "own:geneticist"]).await;
    let alex = lab.app.confirmed(&alex_is).await;
    let own = [("category", "snv"), ("on", "1"), ("held", ""), ("from", "2035-01-01")];
    let refused = send(&alex, &format!("/own/members/{}/sign-out", alex_is.id), &own).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("Nobody gives themselves"));
    let settings = lab.admin.page("/own/settings").await;
    assert!(settings.contains("2035-12-31"), "the institute's history has it: {settings}");

    // What an institute asks for counts for the marks that are made from then on.
    assert!(lab.app.cli(&["institute", "set", "own", "--second-reader", "none"]).await);
    assert_eq!((lab.status().await, lab.second(&lab.ann).await), (Status::Active, "waiting".into()));
    lab.mark(&lab.ann, 1, "1").await;
    assert_eq!(lab.status().await, Status::Solved, "one person's mark is enough now");
    lab.app.end().await;
}
