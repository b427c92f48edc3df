//! The work on a case: status, people, tags and synopsis, by two people at once, and what decisions make of the status.

use std::sync::Mutex;

use bson::doc;
use lodestone::cases::{Case, CaseWork, Status, Tag};
use lodestone::events::{Event, EventKind, History};
use lodestone::ids::CommentId;
use proptest::prelude::*;
use reqwest::StatusCode;

use crate::sharing::{ready, send, share, texts};
use crate::support::vcf::three_records;
use crate::support::{Browser, TestApp};

async fn case(app: &TestApp) -> Case {
    let stored = app.documents("cases", doc! {}).await;
    stored
        .into_iter()
        .map(|document| bson::deserialize_from_document::<Case>(document).unwrap())
        .find(|case| case.name.as_str() == "fam")
        .unwrap()
}

async fn history(app: &TestApp) -> Vec<Event> {
    let documents = app.documents("events", doc! { "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| event.subject.starts_with("case_work/")).collect()
}

async fn done(browser: &Browser, what: &str, form: &[(&str, &str)]) {
    let answer = send(browser, &format!("/own/fam/{what}"), form).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{what} {form:?}: {}", answer.text().await.unwrap());
}

#[tokio::test]
async fn what_is_set_of_a_case_is_shown_and_told() {
    let (app, _, ann) = ready().await;
    let ben = app.user(&["own:geneticist"]).await;
    let me = case(&app).await.assignees;
    assert!(me.is_empty(), "nobody is assigned to begin with");
    done(&ann, "assignees", &[("user", ben.id.as_str()), ("on", "1")]).await;
    done(&ann, "tags", &[("tag", "smn"), ("on", "1")]).await;
    done(&ann, "tags", &[("tag", "carrier"), ("on", "1")]).await;
    done(&ann, "status", &[("status", "prioritized"), ("rev", "3")]).await;
    done(&ann, "synopsis", &[("text", "Two **sibs**, one affected.\r\n\r\n<script>x</script>"), ("rev", "4")]).await;
    let now = case(&app).await;
    assert_eq!((now.status, now.tags.as_slice()), (Status::Prioritized, [Tag::Carrier, Tag::Smn].as_slice()));
    assert_eq!(now.assignees, std::slice::from_ref(&ben.id));
    let page = app.browser_of(&ben).await.page("/own/fam").await;
    assert_eq!(texts(&page, "#work option[selected]"), ["prioritized"]);
    assert_eq!(texts(&page, "#work .tag").len(), 3);
    assert_eq!(texts(&page, ".lead strong"), ["sibs"]);
    assert!(!page.contains("<script>x"), "what is typed is no script");
    let told = texts(&ann.page("/own/fam/timeline?kind=work").await, ".timeline > li");
    assert_eq!(told.len(), 5);
    assert!(told[1].contains("inactive") && told[1].contains("prioritized"), "before and after: {told:?}");
    assert!(told[4].contains(&ben.name), "people by name: {told:?}");
    done(&ann, "tags", &[("tag", "smn"), ("on", "0")]).await;
    done(&ann, "assignees", &[("user", ben.id.as_str()), ("on", "0")]).await;
    done(&ann, "synopsis", &[("text", " "), ("rev", "7")]).await;
    let now = case(&app).await;
    assert_eq!((now.tags, now.assignees, now.synopsis), (vec![Tag::Carrier], vec![], None));
    let tagged = ann.page("/own?tag=carrier&status=prioritized").await;
    assert_eq!(texts(&tagged, "tbody th"), ["fam"]);
    assert!(texts(&tagged, "tbody td").concat().contains("carrier"));
    assert_eq!(texts(&ann.page("/own?tag=carrier&tag=smn").await, "tbody th").len(), 0, "all of them");
    assert_eq!(ann.get("/own?tag=urgent").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let list = ann.page("/own?status=prioritized").await;
    assert!(list.contains("/own/fam\""), "the list of cases finds it: {list}");
    let events = history(&app).await;
    assert_eq!(events.len(), 8);
    let kinds = [EventKind::PeopleAssigned, EventKind::TagsSet, EventKind::TagsSet, EventKind::StatusSet];
    assert_eq!(events.iter().map(|event| event.kind).take(4).collect::<Vec<_>>(), kinds);
    assert!(History::new(events).is_ok(), "each begins where the one before ended");
    app.end().await;
}

/// H1, H7: people and tags never conflict; a value that was replaced meanwhile is shown; what is sent twice is done once.
#[tokio::test]
async fn two_people_at_one_case() {
    let (app, _, ann) = ready().await;
    let ben = app.user(&["own:geneticist"]).await;
    let bens = app.browser_of(&ben).await;
    for _ in 0..2 {
        done(&ann, "tags", &[("tag", "rna"), ("on", "1")]).await;
        done(&bens, "assignees", &[("user", ben.id.as_str()), ("on", "1")]).await;
    }
    assert_eq!(history(&app).await.len(), 2, "sent twice, done once");
    done(&ann, "status", &[("status", "active"), ("rev", "0")]).await;
    assert_eq!(case(&app).await.status, Status::Active, "tags and people set meanwhile are no other status");
    let stale = send(&bens, "/own/fam/status", &[("status", "archived"), ("rev", "0")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let page = stale.text().await.unwrap();
    assert_eq!(texts(&page, "main dd"), ["active", "archived"]);
    assert_eq!(texts(&page, "main button"), ["Store what I wanted"]);
    assert!(page.contains("name=\"rev\" value=\"3\""), "{page}");
    assert_eq!(case(&app).await.status, Status::Active);
    done(&bens, "status", &[("status", "archived"), ("rev", "3")]).await;
    done(&ann, "synopsis", &[("text", "Hers."), ("rev", "4")]).await;
    done(&ann, "status", &[("status", "archived"), ("rev", "0")]).await; // as it is already
    let stale = send(&bens, "/own/fam/synopsis", &[("text", "His."), ("rev", "4")]).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    assert_eq!(texts(&stale.text().await.unwrap(), "main dd"), ["Hers.", "His."]);
    for (what, form) in [
        ("status", vec![("status", "done"), ("rev", "0")]),
        ("tags", vec![("tag", "urgent"), ("on", "1")]),
        ("tags", vec![("tag", "rna"), ("on", "yes")]),
        ("assignees", vec![("user", "nobody"), ("on", "1")]),
        ("synopsis", vec![("text", "bell \u{7}"), ("rev", "5")]),
        ("synopsis", vec![("text", &"x".repeat(10_001)), ("rev", "5")]),
    ] {
        let before = app.snapshot().await;
        let wrong = send(&ann, &format!("/own/fam/{what}"), &form).await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY, "{what}");
        assert_eq!(app.snapshot().await, before);
    }
    let eve = app.user(&["foreign:clinician"]).await;
    let wrong = send(&ann, "/own/fam/assignees", &[("user", eve.id.as_str()), ("on", "1")]).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY, "she does not read the case");
    app.end().await;
}

/// Opening a page changes nothing; the first decision begins the case, a cause solves it, and none any more opens it again.
#[tokio::test]
async fn decisions_move_the_status() {
    let (app, _, ann) = ready().await;
    let list = ann.json("/api/v1/own/fam/variants").await;
    let [one, other] = [0, 1].map(|at| format!("variants/{}", list["variants"][at]["id"].as_str().unwrap()));
    ann.page(&format!("/own/fam/{one}")).await;
    assert_eq!(case(&app).await.status, Status::Inactive, "reading is no decision");
    done(&ann, &format!("{one}/pin"), &[("on", "1")]).await;
    assert_eq!(case(&app).await.status, Status::Active);
    done(&ann, &format!("{one}/causative"), &[("on", "1")]).await;
    done(&ann, &format!("{other}/causative"), &[("on", "1")]).await;
    assert_eq!(case(&app).await.status, Status::Solved);
    done(&ann, &format!("{one}/causative"), &[("on", "0")]).await;
    assert_eq!(case(&app).await.status, Status::Solved, "there is another one");
    done(&ann, &format!("{other}/undo"), &[("rev", "1")]).await;
    assert_eq!(case(&app).await.status, Status::Active, "undone, none is left");
    done(&ann, "status", &[("status", "archived"), ("rev", "3")]).await;
    done(&ann, &format!("{one}/pin"), &[("on", "0")]).await;
    assert_eq!(case(&app).await.status, Status::Archived, "people put it away");
    done(&ann, "status", &[("status", "active"), ("rev", "4")]).await;
    let now = case(&app).await;
    assert_eq!(now.assignees.len(), 1, "who takes it up again works on it");
    done(&ann, "assignees", &[("user", now.assignees[0].as_str()), ("on", "0"), ("rest", "1")]).await;
    assert_eq!(case(&app).await.status, Status::Inactive, "given back");
    assert!(History::new(history(&app).await).is_ok());
    app.end().await;
}

/// A case that is loaded again keeps what people wrote and set; its status is the loader's in the history.
#[tokio::test]
async fn a_reload_keeps_what_people_set() {
    let (app, _, ann) = ready().await;
    done(&ann, "tags", &[("tag", "upd"), ("on", "1")]).await;
    done(&ann, "synopsis", &[("text", "Written here."), ("rev", "1")]).await;
    done(&ann, "status", &[("status", "active"), ("rev", "2")]).await;
    let changed = app.write_trio("own", "fam", &three_records()[..2], "");
    assert!(app.cli(&["load", "case", changed.to_str().unwrap(), "--update"]).await);
    let now = case(&app).await;
    assert_eq!(now.status, Status::Inactive, "a reload is news");
    assert_eq!((now.synopsis.as_deref(), now.tags.as_slice()), (Some("Written here."), [Tag::Upd].as_slice()));
    let events = history(&app).await;
    assert_eq!((events.len(), now.work_rev), (4, 4));
    assert_eq!(events[3].actor.user, None, "a command did it");
    assert!(History::new(events).is_ok());
    app.end().await;
}

/// Until a person writes one, the synopsis is the load file's, told as such.
#[tokio::test]
async fn a_load_files_synopsis_counts_until_somebody_writes_one() {
    let (app, _, ann) = ready().await;
    for text in ["First.", "Second."] {
        let path = app.write_trio("own", "fam", &three_records()[..2], &format!("synopsis: {text}\n"));
        assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
        assert_eq!(case(&app).await.synopsis.as_deref(), Some(text));
    }
    let kinds: Vec<_> = history(&app).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::SynopsisWritten; 2], "the status stayed");
    done(&ann, "synopsis", &[("text", "Written here."), ("rev", "2")]).await;
    let path = app.write_trio("own", "fam", &three_records()[..1], "synopsis: Third.\n");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(case(&app).await.synopsis.as_deref(), Some("Written here."));
    app.end().await;
}

/// Guests see none of it, and change nothing.
#[tokio::test]
async fn guests_do_not_see_how_the_owner_works() {
    let (app, _, ann) = ready().await;
    done(&ann, "tags", &[("tag", "upd"), ("on", "1")]).await;
    share(&ann, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    let page = guest.page("/own/fam").await;
    assert_eq!(texts(&page, "#work").len(), 0);
    assert!(!page.contains("UPD"));
    let refused = send(&guest, "/own/fam/tags", &[("tag", "upd"), ("on", "0")]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(case(&app).await.tags, [Tag::Upd]);
    app.end().await;
}

#[derive(Debug, Clone)]
enum Step {
    Tag(usize, bool),
    Assign(bool),
    Status(usize),
    /// A cohort or a group of one's own.
    Label(&'static str, bool),
    /// A comment on the case, or on one's variant.
    Say(bool),
    /// Pinned or held causative, each person on a variant of their own.
    Decide(&'static str, bool),
}

fn step() -> impl Strategy<Value = (bool, Step)> {
    let step = prop_oneof![
        (0..4_usize, any::<bool>()).prop_map(|(tag, on)| Step::Tag(tag, on)),
        any::<bool>().prop_map(Step::Assign),
        (0..3_usize).prop_map(Step::Status),
        (prop_oneof![Just("cohorts"), Just("groups")], any::<bool>()).prop_map(|(what, on)| Step::Label(what, on)),
        any::<bool>().prop_map(Step::Say),
        (prop_oneof![Just("pin"), Just("causative")], any::<bool>()).prop_map(|(what, on)| Step::Decide(what, on)),
    ];
    (any::<bool>(), step)
}

/// H: whatever two people do in whatever order, also at once, no tag, person, label, decision or comment of either is lost, and the history
/// replayed is the present.
#[test]
fn interleavings_of_two_people_lose_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (app, ann, ben, people, variants) = runtime.block_on(async {
        let (app, _, _) = ready().await;
        let people = [app.user(&["own:geneticist"]).await, app.user(&["own:geneticist"]).await];
        let (ann, ben) = (app.browser_of(&people[0]).await, app.browser_of(&people[1]).await);
        let list = ann.json("/api/v1/own/fam/variants").await;
        let variants = [0, 1].map(|at| list["variants"][at]["id"].as_str().unwrap().to_owned());
        (app, ann, ben, people, variants)
    });
    let said = Mutex::new(Vec::<String>::new());
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec((step(), step()), 1..5))| {
        runtime.block_on(async {
            for ((_, first), (_, second)) in steps {
                let before = case(&app).await;
                let rev = before.work_rev.to_string();
                let act = async |browser: &Browser, me: usize, tags: usize, step: Step| match step {
                    // Each has tags of their own, so that it can be told whose was lost.
                    Step::Tag(tag, on) => {
                        let tag = Tag::ALL[tags + tag];
                        done(browser, "tags", &[("tag", tag.as_str()), ("on", if on { "1" } else { "0" })]).await;
                        assert_eq!(case(&app).await.tags.contains(&tag), on);
                    }
                    Step::Assign(on) => {
                        let user = &people[me].id;
                        done(browser, "assignees", &[("user", user.as_str()), ("on", if on { "1" } else { "0" })]).await;
                        assert_eq!(case(&app).await.assignees.contains(user), on);
                    }
                    Step::Label(what, on) => {
                        let name = format!("of {me}");
                        done(browser, what, &[("name", &name), ("on", if on { "1" } else { "0" })]).await;
                        let now = case(&app).await;
                        let labels = if what == "groups" { now.groups } else { now.cohorts };
                        assert_eq!(labels.contains(&name), on, "{what}");
                    }
                    Step::Say(of_variant) => {
                        let id = CommentId::random().to_string();
                        let at = if of_variant { format!("variants/{}/comments", variants[me]) } else { "comments".into() };
                        done(browser, &at, &[("id", &id), ("text", "Seen.")]).await;
                        said.lock().unwrap().push(id);
                    }
                    Step::Decide(what, on) => {
                        let id = &variants[me];
                        let form = [("on", if on { "1" } else { "0" })];
                        done(browser, &format!("variants/{id}/{what}"), &form).await;
                        let stored = app.documents("variant_states", doc! {}).await;
                        let stored = stored.iter().find(|state| state.get_str("_id").is_ok_and(|one| one == id));
                        let field = if what == "pin" { "pinned" } else { what };
                        assert_eq!(stored.is_some_and(|state| state.get_bool(field).unwrap()), on, "{what}");
                    }
                    Step::Status(status) => {
                        let form = [("status", Status::ALL[status].as_str()), ("rev", rev.as_str())];
                        let status = send(browser, "/own/fam/status", &form).await.status();
                        assert!([StatusCode::SEE_OTHER, StatusCode::CONFLICT].contains(&status), "{status}");
                    }
                };
                tokio::join!(act(&ann, 0, 0, first), act(&ben, 1, 4, second));
            }
            let comments = app.documents("comments", doc! {}).await;
            let stored: Vec<&str> = comments.iter().map(|comment| comment.get_str("_id").unwrap()).collect();
            let said = said.lock().unwrap().clone();
            assert!(said.iter().all(|id| stored.contains(&id.as_str())) && said.len() == stored.len(), "{said:?}");
            let (now, events) = (case(&app).await, history(&app).await);
            if let Some(last) = events.last() {
                let replayed: CaseWork = bson::deserialize_from_bson(last.after.clone()).unwrap();
                assert_eq!((replayed, last.rev), (CaseWork::of(&now), now.work_rev));
            }
            History::new(events).unwrap();
        });
    });
    runtime.block_on(app.end());
}

/// Cohorts and groups are named by people, found on the cases page and in the API, and kept by loads; a load file's cohorts
/// count until somebody sets one.
#[tokio::test]
async fn cohorts_and_groups_are_set_and_found() {
    let (app, _, ann) = ready().await;
    let told = |more: &str| app.write_trio("own", "fam", &three_records()[..2], more);
    for (more, cohorts) in
        [("cohorts: [b-study, a-study, b-study]\n", "a-study,b-study"), ("cohorts: [c-study]\n", "c-study")]
    {
        assert!(app.cli(&["load", "case", told(more).to_str().unwrap(), "--update"]).await);
        assert_eq!(case(&app).await.cohorts.join(","), cohorts);
    }
    for (what, name, on) in [
        ("cohorts", "Étude 1", "1"),
        ("cohorts", " Étude 1 ", "1"),
        ("cohorts", "c-study", "0"),
        ("cohorts", "never there", "0"),
        ("groups", "Family Berg", "1"),
        ("groups", "Twins", "1"),
        ("groups", "Twins", "0"),
    ] {
        done(&ann, what, &[("name", name), ("on", on)]).await;
    }
    for wrong in ["", "  ", "two\nlines", &"x".repeat(61), "E\u{301}tude", "hid\u{200b}den"] {
        for what in ["cohorts", "groups"] {
            let answer = send(&ann, &format!("/own/fam/{what}"), &[("name", wrong), ("on", "1")]).await;
            assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{what} {wrong:?}");
        }
    }
    assert!(app.cli(&["load", "case", told("cohorts: [d-study]\n").to_str().unwrap(), "--update"]).await);
    let now = case(&app).await;
    assert_eq!((now.cohorts, now.groups), (vec!["Étude 1".to_owned()], vec!["Family Berg".to_owned()]));
    let told = texts(&ann.page("/own/fam/timeline?kind=work").await, ".timeline > li");
    assert!(told[0].contains("Family Berg, Twins") && told[0].contains("groups"), "before and after: {told:?}");
    assert!(told.iter().any(|line| line.contains("cohorts changed")), "{told:?}");

    app.given_case("own", "other").await;
    for (query, names) in [
        ("cohort=%C3%89tude+1", vec!["fam"]),
        ("cohort=%C3%89tude+1&group=Family+Berg", vec!["fam"]),
        ("cohort=%C3%89tude+1&cohort=a-study", vec![]),
        ("group=Twins", vec![]),
        ("group=&cohort=", vec!["other", "fam"]),
    ] {
        let page = ann.page(&format!("/own?{query}")).await;
        assert_eq!(texts(&page, "tbody .row-link"), names, "{query}");
        let cases = ann.json(&format!("/api/v1/own/cases?{query}")).await;
        assert_eq!(cases["cases"].as_array().unwrap().len(), names.len(), "{query}");
    }
    assert_eq!(ann.get("/own?cohort=a%0Ab").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    app.end().await;
}

/// I11: a group is of one institute's cases that the reader reads; a case of another institute under the same name is not in
/// it, and neither guests nor emergencies see one.
#[tokio::test]
async fn i11_a_group_holds_no_foreign_case() {
    let (app, _, ann) = ready().await;
    app.given_case("own", "sib").await;
    app.given_case("own", "hidden").await;
    app.given_case("foreign", "stranger").await;
    let theirs = app.signed_in(&["foreign:clinician"]).await;
    for (browser, case) in [(&ann, "own/fam"), (&ann, "own/sib"), (&ann, "own/hidden"), (&theirs, "foreign/stranger")] {
        let form = [("name", "Berg"), ("on", "1")];
        assert_eq!(send(browser, &format!("/{case}/groups"), &form).await.status(), StatusCode::SEE_OTHER, "{case}");
    }
    let carl = app.user(&["own:clinician"]).await;
    let restrict = ["case", "restrict", "hidden", "--to", carl.email.as_str(), "--reason", "his own family"];
    assert!(app.cli(&restrict).await);
    assert_eq!(texts(&ann.page("/own/fam").await, "#work .group a"), ["sib"]);
    assert_eq!(texts(&app.browser_of(&carl).await.page("/own/fam").await, "#work .group a"), ["hidden", "sib"]);
    assert_eq!(texts(&theirs.page("/foreign/stranger").await, "#work .group a"), Vec::<String>::new());
    share(&ann, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    assert!(!guest.page("/own/fam").await.contains("Berg"));
    let admin = app.confirmed_as(&["own:admin"]).await;
    let asked = [("institute", "own"), ("case", "fam"), ("reason", "the child is in intensive care")];
    assert_eq!(send(&admin, "/break-glass", &asked).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(texts(&admin.page("/own/fam").await, "#work .group a"), Vec::<String>::new());
    app.end().await;
}
