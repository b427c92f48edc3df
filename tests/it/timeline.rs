//! The timeline: all that happened in a case, with before and after, narrowed by kind, person and variant.

use bson::doc;
use jiff::SignedDuration;
use lodestone::decisions::terms;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::comments::say;
use crate::history::{curated, decide};
use crate::sharing::{ready, send, share, texts};

const AT: &str = "/own/F1/timeline";

fn href(page: &str, selector: &str) -> String {
    let html = Html::parse_document(page);
    let found = html.select(&Selector::parse(selector).unwrap()).next().expect("there is such a link");
    found.attr("href").unwrap().to_owned()
}

#[tokio::test]
async fn what_happened_is_told_with_before_and_after() {
    let (app, session, reader) = curated().await;
    let list = reader.json("/api/v1/own/F1/variants").await;
    let [one, other] = [0, 1].map(|at| list["variants"][at]["id"].as_str().unwrap().to_owned());
    for (rev, rank) in [(0, 3), (1, 7)] {
        app.wait(SignedDuration::from_mins(1));
        assert_eq!(decide(&app, &session, &format!("id={one}&rev={rev}&rank={rank}")).await, StatusCode::OK);
    }
    assert_eq!(decide(&app, &session, &format!("id={other}&rev=0&rank=")).await, StatusCode::OK);
    app.wait(SignedDuration::from_hours(24));
    let reader = app.signed_in(&["own:clinician"]).await;
    let ben = app.user(&["own:geneticist"]).await;
    let colleague = app.browser_of(&ben).await;
    say(&colleague, &format!("/own/F1/variants/{one}/comments"), &"a".repeat(26), "Look at the mother.").await;

    let page = reader.page(AT).await;
    assert_eq!(texts(&page, ".timeline > li").len(), 5, "{page}");
    assert_eq!(texts(&page, "main h2")[..2], ["2036-03-05", "2036-03-04"], "newest day first");
    let told = texts(&page, ".timeline > li");
    assert!(told[0].contains("comment written") && told[1].contains("decision about a variant"), "{told:?}");
    assert!(!page.contains("Look at the mother"), "texts stand with the comment, where they can be erased");
    let changed = |page: &str| (texts(page, "dt"), texts(page, "dd del"), texts(page, "dd ins"));
    let of_one = reader.page(&format!("{AT}?variant={one}&kind=decisions")).await;
    let (_, was, is) = changed(&of_one);
    let words = terms::rank;
    assert_eq!((was, is), (vec![words(3)], vec![words(7), "yes".to_owned(), words(3)]));
    assert!(!of_one.contains("comment written"));
    assert!(texts(&of_one, ".timeline > li")[1].contains("pinned yes"), "the first decision is told as a whole");

    let about = reader.page(&href(&page, ".timeline > li:first-child a.more")).await;
    assert_eq!(texts(&about, ".timeline > li").len(), 3, "two decisions and a comment on this variant");
    let by_ben = reader.page(&format!("{AT}?person={}", ben.id)).await;
    assert_eq!(texts(&by_ben, ".timeline > li").len(), 1);
    let loaded = reader.page(&format!("{AT}?kind=lists")).await;
    assert!(texts(&loaded, ".timeline > li").concat().contains("clinical snv"), "{loaded}");
    assert!(reader.page(&format!("{AT}?kind=emergencies")).await.contains("Nothing like that"));
    assert!(reader.page("/own/F1").await.contains(AT), "the case leads to it");
    assert_eq!(reader.get(&format!("{AT}?kind=all")).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    app.end().await;
}

/// Pages follow one another without a gap or a repetition, also where many changes bear one time.
#[tokio::test]
async fn pages_of_the_timeline_hold_each_change_once() {
    let (app, session, reader) = curated().await;
    let list = reader.json("/api/v1/own/F1/variants").await;
    let id = list["variants"][0]["id"].as_str().unwrap().to_owned();
    for rev in 0..230 {
        if rev == 40 {
            app.wait(SignedDuration::from_mins(1));
        }
        assert_eq!(decide(&app, &session, &format!("id={id}&rev={rev}&rank={}", rev % 200)).await, StatusCode::OK);
    }
    let mut ranks = Vec::new();
    let mut at = format!("{AT}?kind=decisions");
    let commands = loop {
        let (page, commands) = app.commands_during(reader.page(&at)).await;
        ranks.extend(texts(&page, ".timeline > li > dl > div:last-child ins"));
        if !page.contains("rel=\"next\"") {
            break commands;
        }
        at = href(&page, "a[rel=next]");
    };
    let mut all: Vec<String> = (0..230_u8).map(|rev| terms::rank(rev % 200)).collect();
    all.sort();
    ranks.sort();
    assert_eq!(ranks, all);
    assert!(commands.len() <= 9, "{commands:?}");
    app.end().await;
}

/// The history of a case stays with its owner.
#[tokio::test]
async fn guests_and_others_see_no_timeline() {
    let (app, _, ann) = ready().await;
    share(&ann, &[]).await;
    say(&ann, "/own/fam/comments", &"a".repeat(26), "Ours.").await;
    assert_eq!(texts(&ann.page("/own/fam/timeline").await, ".timeline > li").len(), 3);
    let guest = app.signed_in(&["partner:clinician"]).await;
    let page = guest.page("/own/fam/timeline").await;
    assert!(texts(&page, ".timeline > li").is_empty() && page.contains("stays with the institute"), "{page}");
    assert!(!guest.page("/own/fam").await.contains("/timeline"));
    let foreign = app.signed_in(&["foreign:clinician"]).await;
    assert_eq!(foreign.get("/own/fam/timeline").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(send(&foreign, "/own/fam/read", &[("until", "")]).await.status(), StatusCode::NOT_FOUND);
    app.end().await;
}

/// H5: what somebody did stays under the name they had, and under their identity, whatever becomes of them.
#[tokio::test]
async fn h5_the_history_keeps_the_name_of_its_time() {
    let (app, _, reader) = ready().await;
    let ben = app.user(&["own:geneticist"]).await;
    let bens = app.browser_of(&ben).await;
    let tag = |tag: &'static str| [("tag", tag), ("on", "1")];
    let at = "/own/fam/timeline?kind=work";
    assert_eq!(send(&bens, "/own/fam/tags", &tag("upd")).await.status(), StatusCode::SEE_OTHER);
    app.tamper("users", doc! { "_id": &ben.id }, doc! { "$set": { "name": "Ben Married" } }).await;
    app.wait(SignedDuration::from_mins(1));
    assert_eq!(send(&bens, "/own/fam/tags", &tag("smn")).await.status(), StatusCode::SEE_OTHER);
    let told = texts(&reader.page(at).await, ".timeline > li");
    assert!(told[0].contains("Ben Married") && told[1].contains(&ben.name), "{told:?}");
    assert!(!told[1].contains("Ben Married"), "{told:?}");
    assert_eq!(app.remove("users", doc! { "_id": &ben.id }).await, 1);
    let page = reader.page(at).await;
    assert_eq!(texts(&page, ".timeline > li"), told, "deleted, it is told as before");
    let by = reader.page(&format!("{at}&person={}", ben.id)).await;
    assert_eq!(texts(&by, ".timeline > li").len(), 2, "both names are one person's");
    app.end().await;
}
