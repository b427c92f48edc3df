//! The start page: one's cases and how long they wait, mentions, what is new and what is active, of one's institutes only.

use bson::doc;
use jiff::SignedDuration;
use lodestone::cases::Status;
use reqwest::StatusCode;

use crate::comments::say;
use crate::sharing::{ready, send, share, texts};
use crate::support::TestApp;

/// Loads are dated by the machine's clock, not the test's: this case came so many days before the test's now.
pub async fn came(app: &TestApp, name: &str, days: i64) {
    let at = app.clock.now() - SignedDuration::from_hours(24 * days);
    let at = bson::DateTime::from_millis(at.as_millisecond());
    let dates = doc! { "$set": { "created_at": at, "updated_at": at, "analysis_date": at } };
    assert_eq!(app.tamper("cases", doc! { "name": name }, dates).await, 1);
}

#[tokio::test]
async fn ones_work_is_found_where_one_comes_in() {
    let (app, _, ann) = ready().await;
    app.given_case("own", "other").await;
    app.given_case("foreign", "secret").await;
    for name in ["fam", "other", "secret"] {
        came(&app, name, 0).await;
    }
    let ben = app.user(&["own:geneticist"]).await;
    let bens = app.browser_of(&ben).await;
    let page = bens.page("/").await;
    assert_eq!(texts(&page, "h1"), ["My work"]);
    assert!(page.contains("No open case is assigned to you"), "{page}");
    assert_eq!(texts(&page, "caption"), ["New, and nobody took them yet"]);
    let mut new = texts(&page, "tbody th");
    new.sort();
    assert_eq!(new, ["fam", "other"], "of one's own institute");

    let fam = async |what: &str, form: &[(&str, &str)]| {
        let answer = send(&ann, &format!("/own/fam/{what}"), form).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{what}");
    };
    fam("assignees", &[("user", ben.id.as_str()), ("on", "1")]).await;
    fam("status", &[("status", Status::Active.as_str()), ("rev", "1")]).await;
    let handle = ben.email.to_string();
    let handle = handle.split_once('@').unwrap().0;
    say(&ann, "/own/fam/comments", &"a".repeat(26), &format!("@{handle}, look.")).await;
    let page = bens.page("/").await;
    assert_eq!(
        texts(&page, "caption"),
        ["Assigned to me", "New, and nobody took them yet", "Active in the last 14 days"]
    );
    assert_eq!(texts(&page, "tbody th"), ["fam", "other", "fam"]);
    assert_eq!(texts(&page, "[aria-labelledby=mentions-head] li a"), ["own fam"]);
    assert!(!ann.page("/").await.contains("Assigned to me"), "each sees their own");
    let (_, commands) = app.commands_during(bens.page("/")).await;
    assert!(commands.len() <= 12, "{commands:?}");

    for number in 0..15 {
        let name = format!("more{number}");
        app.given_case("own", &name).await;
        came(&app, &name, 0).await;
    }
    let full = bens.page("/").await;
    let cut = "New, and nobody took them yet: the 15 changed last; the lists of cases have all";
    assert_eq!(texts(&full, "caption")[1], cut, "nothing is left out in silence");
    for number in 0..15 {
        assert!(app.cli(&["case", "delete", &format!("more{number}")]).await);
    }

    fam("status", &[("status", Status::Archived.as_str()), ("rev", "2")]).await;
    let page = bens.page("/").await;
    assert_eq!(texts(&page, "tbody th"), ["other"], "there is nothing to do in it");
    let foreign = app.signed_in(&["foreign:clinician"]).await.page("/").await;
    assert_eq!(texts(&foreign, "tbody th"), ["secret"]);
    let admin = app.signed_in(&["own:admin"]).await.page("/").await;
    assert_eq!(texts(&admin, "tbody th").len(), 0, "who reads no cases sees none");
    app.end().await;
}

/// Days are counted from the sample; what is due first comes first, and the institute says what it aims at.
#[tokio::test]
async fn what_waits_longest_against_its_target_comes_first() {
    let (app, _, ann) = ready().await;
    app.given_case("own", "later").await;
    came(&app, "fam", 9).await;
    came(&app, "later", 0).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    assert_eq!(texts(&reader.page("/").await, "tbody td:nth-child(3)"), ["day 9", "day 0"]);
    let admin = app.signed_in(&["own:admin"]).await;
    let wrong = crate::settings::save(&admin, &[("target_days", "two weeks")]).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(crate::settings::save(&admin, &[("target_days", "8")]).await.status(), StatusCode::SEE_OTHER);
    let page = reader.page("/").await;
    assert_eq!(texts(&page, "tbody td:nth-child(3)"), ["day 9 of 8: 1 day late", "day 0 of 8"]);
    assert_eq!(texts(&page, "tbody th"), ["fam", "later"]);
    let urgent = send(&reader, "/own/later/status", &[("status", "prioritized"), ("rev", "0")]).await;
    assert_eq!(urgent.status(), StatusCode::SEE_OTHER);
    assert_eq!(texts(&reader.page("/").await, "tbody th"), ["later", "fam"], "what is prioritized is read first");
    share(&ann, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await.page("/").await;
    assert_eq!(texts(&guest, "tbody th").len(), 0, "others' work is not one's own");
    app.end().await;
}

/// What others did since one marked a case as read is counted on the lists of cases and marked in the case and its list; what
/// one did oneself is not, and a case that one never marked has nothing new.
#[tokio::test]
async fn what_others_did_since_is_marked_as_new() {
    let (app, _, ann) = ready().await;
    came(&app, "fam", 0).await;
    let ben = app.user(&["own:geneticist"]).await;
    let bens = app.browser_of(&ben).await;
    let news = async || {
        let [start, cases, case] = [bens.page("/").await, bens.page("/own").await, bens.page("/own/fam").await];
        let badges = [texts(&start, "tbody th .badge.new"), texts(&cases, "tbody th .badge.new")];
        assert_eq!(badges[0], badges[1]);
        let list = bens.page("/own/fam/variants").await;
        let rows = texts(&list, "tbody th .badge.new").len();
        (badges[0].concat(), texts(&case, "ol.history .badge.new").len(), rows, texts(&case, "form.unread p").concat())
    };
    let variant = ann.json("/api/v1/own/fam/variants").await["variants"][0]["id"].as_str().unwrap().to_owned();
    let pin = format!("/own/fam/variants/{variant}/pin");
    assert_eq!(send(&ann, &pin, &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(news().await, (String::new(), 0, 0, String::new()), "never marked");
    app.wait(SignedDuration::from_secs(1));
    let until = app.clock.now().to_string();
    assert_eq!(send(&bens, "/own/fam/read", &[("until", &until)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(news().await, (String::new(), 0, 0, String::new()));
    app.wait(SignedDuration::from_secs(1));
    let tag = |tag: &'static str| [("tag", tag), ("on", "1")];
    assert_eq!(send(&bens, "/own/fam/tags", &tag("carrier")).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(news().await, (String::new(), 0, 0, String::new()), "one's own");
    assert_eq!(send(&ann, "/own/fam/tags", &tag("medical")).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&ann, &pin, &[("on", "0")]).await.status(), StatusCode::SEE_OTHER);
    say(&ann, "/own/fam/comments", &"a".repeat(26), "Look.").await;
    let sentence = "1 new comment and 2 other changes by others".to_owned();
    assert_eq!(news().await, ("3 new".to_owned(), 3, 1, sentence));
    let page = bens.page("/own/fam").await;
    let until = page.split("name=\"until\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    app.wait(SignedDuration::from_secs(1));
    assert_eq!(send(&ann, "/own/fam/tags", &tag("rna")).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&bens, "/own/fam/read", &[("until", &until)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(news().await.0, "1 new", "what came after the page was shown stays new");
    // To a guest the owner's work stays unknown.
    share(&ann, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    let later = (app.clock.now() - SignedDuration::from_hours(1)).to_string();
    assert_eq!(send(&guest, "/own/fam/read", &[("until", &later)]).await.status(), StatusCode::SEE_OTHER);
    for page in ["/", "/partner", "/own/fam"] {
        assert!(texts(&guest.page(page).await, "tbody th .badge.new, ol.history .badge.new").is_empty(), "{page}");
    }
    app.end().await;
}
