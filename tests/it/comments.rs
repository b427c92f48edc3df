//! Comments: who writes and reads them, what becomes of their texts (H4, H7, I3, I10).

use bson::doc;
use jiff::SignedDuration;
use lodestone::auth::{StepUpClass, TokenScope};
use lodestone::comments::Comment;
use lodestone::events::{Event, EventKind};
use lodestone::users::User;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::sharing::{end_share, ready, send, share, texts};
use crate::support::{Browser, TestApp};

/// A comment of case `fam` of `own` that is to be erased.
pub const PLANTED: &str = "eeeeeeeeeeeeeeeeeeeeeeeeee";

/// Writes it, by a clinician of `own` who is of nobody else's tests.
pub async fn planted(app: &TestApp) {
    let author = app.signed_in(&["own:clinician"]).await;
    say(&author, "/own/fam/comments", PLANTED, "Of another patient.").await;
    let asked = send(&author, &format!("/own/fam/comments/{PLANTED}/redact"), &[("reason", "the wrong patient")]).await;
    assert_eq!(asked.status(), StatusCode::SEE_OTHER);
}

fn id(letter: char) -> String {
    letter.to_string().repeat(26)
}

pub async fn say(browser: &Browser, path: &str, id: &str, text: &str) {
    let said = send(browser, path, &[("id", id), ("text", text)]).await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER, "{}", said.text().await.unwrap());
}

async fn comments(app: &TestApp) -> Vec<Comment> {
    let documents = app.documents("comments", doc! { "created_at": 1, "_id": 1 }).await;
    documents.into_iter().map(|document| bson::deserialize_from_document(document).unwrap()).collect()
}

async fn history(app: &TestApp, id: &str) -> Vec<Event> {
    let documents = app.documents("events", doc! { "at": 1, "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| event.subject == format!("comment/{id}")).collect()
}

async fn first_variant(reader: &Browser, case: &str) -> String {
    let list = reader.json(&format!("/api/v1/{case}/variants")).await;
    list["variants"][0]["id"].as_str().unwrap().to_owned()
}

fn handle(user: &User) -> String {
    user.email.as_str().split('@').next().unwrap().to_owned()
}

/// A comment on the case and one on a variant stand on their pages, in the history, and as a count in the list.
#[tokio::test]
async fn what_is_said_is_seen_by_colleagues() {
    let (app, _, ann) = ready().await;
    let variant = first_variant(&ann, "own/fam").await;
    let at = format!("/own/fam/variants/{variant}");
    say(&ann, "/own/fam/comments", &id('a'), "**Ask** the parents: <5 %\nbefore Friday.").await;
    say(&ann, &format!("{at}/comments"), &id('e'), "Seen by *two* callers.").await;
    say(&ann, &format!("{at}/comments"), &id('i'), "And in the mother.").await;
    let colleague = app.signed_in(&["own:geneticist"]).await;
    let case = colleague.page("/own/fam").await;
    assert_eq!(
        texts(&case, ".comment .prose"),
        ["Ask the parents: <5 % before Friday.", "Seen by two callers.", "And in the mother."]
    );
    assert!(case.contains("<strong>Ask</strong>"));
    assert_eq!(texts(&colleague.page(&at).await, ".comment .prose").len(), 2, "of this variant only");
    let under_filter = format!("{at}?gene=POT1");
    let page = colleague.page(&under_filter).await;
    assert_eq!(texts(&page, ".comment .prose").len(), 2);
    assert!(page.contains(&format!("action=\"{at}/comments?gene=POT1\"")), "who comments stays in the list: {page}");
    let form = [("id", id('q')), ("text", "Third.".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let said = send(&colleague, &format!("{at}/comments?gene=POT1"), &form).await;
    assert_eq!(said.headers()["location"], format!("{under_filter}#comment-{}", id('q')).as_str());
    let list = colleague.page("/own/fam/variants?commented=only").await;
    assert_eq!(texts(&list, ".badge.commented"), ["3 comments"]);
    let json = colleague.json("/api/v1/own/fam/variants?commented=only").await;
    assert_eq!((&json["matched"], &json["variants"][0]["state"]["comments"]), (&1.into(), &3.into()));
    assert!(texts(&case, "[aria-labelledby=history] li").concat().contains("comment written, Ann Example"));
    let (one, other) = (comments(&app).await, history(&app, &id('e')).await);
    assert_eq!(one.len(), 4);
    assert_eq!(other.iter().map(|event| (event.rev, event.kind)).collect::<Vec<_>>(), [(1, EventKind::CommentWritten)]);
    assert!(!format!("{other:?}").contains("callers"), "texts stand with the comment, where they can be erased");
    app.end().await;
}

/// What others wrote since somebody last said that they read it is new to them, and to nobody else.
#[tokio::test]
async fn what_is_not_read_yet_is_marked_for_each_reader() {
    let (app, _, ann) = ready().await;
    let ben = app.user(&["own:geneticist"]).await;
    let reader = app.browser_of(&ben).await;
    let new = |page: &str| (texts(page, ".comment .badge.new").len(), texts(page, ".unread p").concat());
    assert_eq!(new(&reader.page("/own/fam").await), (0, String::new()));
    say(&ann, "/own/fam/comments", &id('a'), &format!("@{} look at this", handle(&ben))).await;
    app.wait(SignedDuration::from_secs(1));
    say(&ann, "/own/fam/comments", &id('e'), "And this.").await;
    let page = reader.page("/own/fam").await;
    assert_eq!(new(&page), (2, "2 new comments by others".to_owned()));
    assert_eq!(new(&reader.page("/own/fam").await).0, 2, "looking changes nothing");
    assert_eq!(new(&reader.page("/mentions").await).0, 1);
    assert_eq!(new(&ann.page("/own/fam").await).0, 0, "what one wrote oneself is not new");
    let until = Html::parse_document(&page);
    let until = until.select(&Selector::parse("[name=until]").unwrap()).next().unwrap().attr("value").unwrap();
    app.wait(SignedDuration::from_secs(1));
    say(&ann, "/own/fam/comments", &id('i'), "While you were reading.").await;
    for _ in 0..2 {
        let read = send(&reader, "/own/fam/read", &[("until", until)]).await;
        assert_eq!(read.headers()["location"], "/own/fam#comments");
    }
    let left = reader.page("/own/fam").await;
    assert_eq!(new(&left), (1, "1 new comment by others".to_owned()), "what was not on the page is still new");
    assert_eq!(new(&reader.page("/mentions").await).0, 0);
    assert_eq!(
        new(&app.signed_in(&["own:geneticist"]).await.page("/own/fam").await).0,
        3,
        "a colleague read nothing yet"
    );
    let all = app.clock.now() + SignedDuration::from_hours(24);
    assert_eq!(send(&reader, "/own/fam/read", &[("until", &all.to_string())]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&reader, "/own/fam/read", &[("until", until)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(new(&reader.page("/own/fam").await).0, 0, "an earlier page takes nothing back");
    app.wait(SignedDuration::from_secs(1));
    send(&ann, &format!("/own/fam/comments/{}/edit", id('e')), &[("text", "Not this."), ("rev", "1")]).await;
    assert_eq!(new(&reader.page("/own/fam").await).0, 1, "another text is new; a time to come was not believed");
    let wrong = send(&reader, "/own/fam/read", &[("until", "now")]).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let foreign = app.signed_in(&["foreign:clinician"]).await;
    assert_eq!(send(&foreign, "/own/fam/read", &[("until", until)]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.documents("case_visits", doc! {}).await.len(), 1);
    assert!(app.cli(&["case", "delete", "fam"]).await);
    assert_eq!(app.documents("case_visits", doc! {}).await.len(), 0);
    app.end().await;
}

/// H4: each text is kept, only the author changes or takes back, and who was faster in another window is told.
#[tokio::test]
async fn h4_all_texts_are_kept_and_only_the_author_changes_them() {
    let (app, _, ann) = ready().await;
    say(&ann, "/own/fam/comments", &id('a'), "First.").await;
    let at = format!("/own/fam/comments/{}", id('a'));
    let ben = app.signed_in(&["own:geneticist"]).await;
    for (what, form) in [("edit", vec![("text", "Mine."), ("rev", "1")]), ("retract", vec![])] {
        assert_eq!(send(&ben, &format!("{at}/{what}"), &form).await.status(), StatusCode::FORBIDDEN, "{what}");
    }
    assert!(!ben.page(&at).await.contains("Change it"));
    let edited = send(&ann, &format!("{at}/edit"), &[("text", "Second."), ("rev", "1")]).await;
    assert_eq!(edited.status(), StatusCode::SEE_OTHER);
    let again = send(&ann, &format!("{at}/edit"), &[("text", "Second."), ("rev", "1")]).await;
    assert_eq!(again.status(), StatusCode::SEE_OTHER, "H7: sent twice, changed once");
    let stale = send(&ann, &format!("{at}/edit"), &[("text", "Third."), ("rev", "1")]).await;
    assert_eq!(stale.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = stale.text().await.unwrap();
    assert!(page.contains("another window meanwhile") && page.contains("Third.</textarea>"), "{page}");
    assert_eq!(texts(&ben.page(&at).await, ".prose"), ["Second.", "First."]);
    assert!(texts(&ben.page("/own/fam").await, ".comment header").concat().contains("changed"));

    let taken = send(&ann, &format!("{at}/retract"), &[]).await;
    assert_eq!(taken.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&ann, &format!("{at}/retract"), &[]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        send(&ann, &format!("{at}/edit"), &[("text", "Back."), ("rev", "3")]).await.status(),
        StatusCode::FORBIDDEN
    );
    let case = ben.page("/own/fam").await;
    assert_eq!(texts(&case, ".comment .prose").len(), 0);
    assert!(texts(&case, ".comment .empty")[0].starts_with("taken back by Ann Example"), "{case}");
    assert_eq!(texts(&ben.page(&at).await, ".texts .prose"), ["Second.", "First."], "what it said can still be read");
    let kinds: Vec<_> = history(&app, &id('a')).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::CommentWritten, EventKind::CommentEdited, EventKind::CommentRetracted]);
    let events = history(&app, &id('a')).await;
    assert!(events.windows(2).all(|pair| pair[0].after == pair[1].before), "each begins where the one before ended");
    app.end().await;
}

/// H7: a form that is sent twice is one comment; a wrong one comes back as it was typed, and nothing is kept.
#[tokio::test]
async fn h7_a_form_sent_twice_is_one_comment_and_a_wrong_one_none() {
    let (app, _, ann) = ready().await;
    let variant = first_variant(&ann, "own/fam").await;
    say(&ann, "/own/fam/comments", &id('a'), "Once.").await;
    say(&ann, "/own/fam/comments", &id('a'), "Once.").await;
    assert_eq!(comments(&app).await.len(), 1);
    let back = send(&ann, "/own/fam/comments", &[("id", &id('a')), ("text", "Something else.")]).await;
    assert_eq!(back.status(), StatusCode::UNPROCESSABLE_ENTITY, "the old form with another text is not taken for done");
    let page = back.text().await.unwrap();
    assert!(page.contains("Something else.</textarea>") && page.contains("send it once more"), "{page}");
    let ben = app.signed_in(&["own:geneticist"]).await;
    let before = app.snapshot().await;
    let taken = send(&ben, "/own/fam/comments", &[("id", &id('a')), ("text", "Mine.")]).await;
    assert_eq!(taken.status(), StatusCode::UNPROCESSABLE_ENTITY, "another's identity");
    let page = taken.text().await.unwrap();
    assert!(page.contains("Mine.</textarea>") && !page.contains(&format!("value=\"{}\"", id('a'))), "{page}");
    let long = "x".repeat(10_001);
    for (path, field, form) in [
        ("/own/fam/comments".to_owned(), "text", vec![("id", "e"), ("text", " ")]),
        ("/own/fam/comments".to_owned(), "text", vec![("id", "e"), ("text", &long)]),
        ("/own/fam/comments".to_owned(), "reach", vec![("id", "e"), ("text", "x"), ("reach", "institute")]),
        (format!("/own/fam/variants/{variant}/comments"), "reach", vec![("id", "e"), ("text", "x"), ("reach", "all")]),
    ] {
        let e = id('e');
        let form: Vec<_> =
            form.into_iter().map(|(name, value)| (name, if name == "id" { e.as_str() } else { value })).collect();
        let refused = send(&ann, &path, &form).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        let page = refused.text().await.unwrap();
        assert!(texts(&page, ".wrong").concat().contains(field), "{field}: {page}");
    }
    let filtered = format!("/own/fam/variants/{variant}/comments?page=2&hgnc=1");
    let refused = send(&ann, &filtered, &[("id", &id('e')), ("text", " ")]).await.text().await.unwrap();
    let filtered = filtered.replace('&', "&#38;");
    assert!(refused.contains(&format!("action=\"{filtered}\"")), "the list's filter stays: {refused}");
    assert!(refused.contains(&format!("href=\"{}\"", filtered.replace("/comments", ""))), "and leads back: {refused}");
    let elsewhere = format!("/own/fam/variants/{}/comments", "a".repeat(26));
    let nowhere = send(&ann, &elsewhere, &[("id", &id('e')), ("text", "x")]).await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND, "I2: the variant is one of the case");
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

/// Colleagues are mentioned by the beginning of their address, and find it on a list; nobody of another institute does.
#[tokio::test]
async fn who_is_mentioned_finds_it() {
    let (app, _, ann) = ready().await;
    let (ben, eve) = (app.user(&["own:geneticist"]).await, app.user(&["foreign:clinician"]).await);
    let text = format!("@{} and @{}, look.", handle(&ben), handle(&eve));
    say(&ann, "/own/fam/comments", &id('a'), &text).await;
    let bens = app.browser_of(&ben).await;
    let list = bens.page("/mentions").await;
    assert_eq!(texts(&list, ".comment a"), ["own fam"]);
    assert!(list.contains(&format!("<strong>@{}</strong>", handle(&ben))), "{list}");
    assert!(!list.contains(&format!("<strong>@{}</strong>", handle(&eve))), "she does not read the case");
    assert!(texts(&bens.page("/own/fam").await, ".comment .badge").contains(&"mentions you".to_owned()));
    assert_eq!(texts(&app.browser_of(&eve).await.page("/mentions").await, ".comment").len(), 0);
    assert!(texts(&ann.page("/own/fam").await, ".colleagues li").iter().all(|line| !line.contains(&handle(&eve))));
    app.end().await;
}

/// A comment on a variant for all cases of the institute: in these, and in no other institute's.
#[tokio::test]
async fn what_is_said_for_all_cases_stays_in_the_institute() {
    let (app, _, ann) = ready().await;
    app.given_case("own", "other").await;
    app.given_case("foreign", "theirs").await;
    let variant = first_variant(&ann, "own/fam").await;
    let at = format!("/own/fam/variants/{variant}");
    let page = ann.page(&at).await;
    assert!(texts(&page, ".write legend")[0].contains("Where it is shown"));
    assert!(page.contains("now <span class=\"num\">2</span>"), "in how many cases it appears: {page}");
    let form = [("id", id('a')), ("text", "A known polymorphism.".to_owned()), ("reach", "institute".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(send(&ann, &format!("{at}/comments"), &form).await.status(), StatusCode::SEE_OTHER);
    say(&ann, &format!("{at}/comments"), &id('e'), "Only here.").await;
    let other = first_variant(&ann, "own/other").await;
    let page = ann.page(&format!("/own/other/variants/{other}")).await;
    assert_eq!(texts(&page, ".comment .prose"), ["A known polymorphism."]);
    assert_eq!(texts(&page, ".comment .more").len(), 0, "it is changed where it was written");
    assert_eq!(texts(&ann.page("/own/other").await, ".comment .prose").len(), 0);
    let foreign = app.signed_in(&["foreign:clinician"]).await;
    let theirs = first_variant(&foreign, "foreign/theirs").await;
    assert_eq!(texts(&foreign.page(&format!("/foreign/theirs/variants/{theirs}")).await, ".comment").len(), 0);
    let elsewhere = format!("/own/other/comments/{}", id('a'));
    assert_eq!(ann.get(&elsewhere).await.status(), StatusCode::NOT_FOUND, "I3: not by another case's address");
    app.end().await;
}

/// I10: guests read what was written in the case, write where the share lets them, and what they wrote stays when it ends.
#[tokio::test]
async fn i10_guests_comment_where_the_share_lets_them() {
    let (app, owner, ann) = ready().await;
    app.given_case("own", "other").await;
    let variant = first_variant(&ann, "own/fam").await;
    let other = first_variant(&ann, "own/other").await;
    let for_all = [("id", id('a')), ("text", "Ours alone.".to_owned()), ("reach", "institute".to_owned())];
    let for_all: Vec<(&str, &str)> = for_all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send(&ann, &format!("/own/other/variants/{other}/comments"), &for_all).await;
    say(&ann, "/own/fam/comments", &id('e'), "In the case.").await;
    share(&ann, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    let page = guest.page("/own/fam").await;
    assert_eq!(texts(&page, ".comment .prose"), ["In the case."]);
    assert_eq!(texts(&page, "form.write").len(), 0, "this share is to be read");
    let refused = send(&guest, "/own/fam/comments", &[("id", &id('i')), ("text", "x")]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(refused.text().await.unwrap().contains("to be read, not to be commented"));
    end_share(&app, &ann, "fam").await;
    share(&ann, &[("comments", "1")]).await;
    assert_eq!(
        texts(&guest.page(&format!("/own/fam/variants/{variant}")).await, ".comment .prose").len(),
        0,
        "what the owner says for all its cases is not the guest's"
    );
    say(&guest, "/own/fam/comments", &id('i'), "From the guest.").await;
    let colleague = app.user(&["partner:geneticist"]).await;
    let to_her = format!("@{} and @{}, what do you think?", handle(&colleague), handle(&owner));
    say(&guest, "/own/fam/comments", &id('q'), &to_her).await;
    let colleagues = app.browser_of(&colleague).await;
    assert_eq!(texts(&colleagues.page("/mentions").await, ".comment a"), ["own fam"]);
    assert_eq!(texts(&ann.page("/mentions").await, ".comment").len(), 0, "of the guest's institute only");
    let institute = send(
        &guest,
        &format!("/own/fam/variants/{variant}/comments"),
        &[("id", &id('m')), ("text", "x"), ("reach", "institute")],
    )
    .await;
    assert_eq!(institute.status(), StatusCode::UNPROCESSABLE_ENTITY, "a guest speaks in this case only");
    let own = format!("/own/fam/comments/{}", id('i'));
    assert_eq!(
        send(&guest, &format!("{own}/edit"), &[("text", "Changed."), ("rev", "1")]).await.status(),
        StatusCode::SEE_OTHER
    );
    let others = format!("/own/fam/comments/{}/edit", id('e'));
    assert_eq!(send(&guest, &others, &[("text", "x"), ("rev", "1")]).await.status(), StatusCode::FORBIDDEN);
    end_share(&app, &ann, "fam").await;
    assert_eq!(guest.get(&own).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(texts(&colleagues.page("/mentions").await, ".comment").len(), 0, "she does not read the case any more");
    let page = ann.page("/own/fam").await;
    assert_eq!(texts(&page, ".comment .prose")[..2], ["In the case.", "Changed."], "it stays, with its author");
    assert_eq!(texts(&page, ".comment header .badge.other"), ["partner", "partner"]);
    app.end().await;
}

/// A text is erased when its author or an administrator asks and an auditor, who is somebody else and does not read it, agrees.
#[tokio::test]
async fn a_text_is_erased_by_two_people() {
    let (app, _, ann) = ready().await;
    let at = format!("/own/fam/comments/{}", id('a'));
    say(&ann, "/own/fam/comments", &id('a'), "Anna Svensson, born 1980.").await;
    send(&ann, &format!("{at}/edit"), &[("text", "Anna S."), ("rev", "1")]).await;
    let ben = app.signed_in(&["own:geneticist"]).await;
    assert_eq!(
        send(&ben, &format!("{at}/redact"), &[("reason", "samples mixed up")]).await.status(),
        StatusCode::FORBIDDEN
    );
    let short = send(&ann, &format!("{at}/redact"), &[("reason", "no")]).await;
    assert_eq!(short.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let both = app.user(&["own:clinician", "own:admin", "own:auditor"]).await;
    let both = app.opened(&both, StepUpClass::Administration).await;
    assert_eq!(
        send(&both, &format!("{at}/redact"), &[("reason", "samples mixed up")]).await.status(),
        StatusCode::SEE_OTHER
    );
    assert!(texts(&ann.page("/own/fam").await, ".comment .badge").contains(&"to be erased".to_owned()));
    let path = format!("/audit/redactions/{}", id('a'));
    let alone = send(&both, &format!("{path}/agree"), &[("rev", "3")]).await;
    assert_eq!(alone.status(), StatusCode::FORBIDDEN, "who asked does not agree");

    let auditor = app.user(&["own:auditor"]).await;
    let plain = app.browser_of(&auditor).await;
    let list = plain.page("/audit/redactions").await;
    assert!(list.contains("samples mixed up") && !list.contains("Anna"), "{list}");
    assert_eq!(
        send(&plain, &format!("{path}/agree"), &[("rev", "3")]).await.status(),
        StatusCode::FORBIDDEN,
        "S17: a fresh code"
    );
    let foreign = app.signed_in(&["foreign:auditor"]).await;
    assert!(!foreign.page("/audit/redactions").await.contains("samples mixed up"));
    assert_eq!(send(&foreign, &format!("{path}/refuse"), &[("rev", "3")]).await.status(), StatusCode::NOT_FOUND);
    let auditor = app.opened(&auditor, StepUpClass::Administration).await;
    assert_eq!(send(&auditor, &format!("{path}/agree"), &[("rev", "2")]).await.status(), StatusCode::CONFLICT);
    assert_eq!(send(&auditor, &format!("{path}/agree"), &[("rev", "3")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&auditor, &format!("{path}/agree"), &[("rev", "3")]).await.status(), StatusCode::SEE_OTHER, "H7");
    for collection in ["comments", "events"] {
        let stored = format!("{:?}", app.documents(collection, doc! {}).await);
        assert!(!stored.contains("Anna S") && stored.contains("samples mixed up"), "{collection}: {stored}");
    }
    let page = ben.page("/own/fam").await;
    assert!(texts(&page, ".comment .empty")[0].contains("erased"), "{page}");
    assert!(texts(&page, ".comment .empty")[0].contains("samples mixed up"));
    let events = history(&app, &id('a')).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::CommentWritten, EventKind::CommentEdited, EventKind::RedactionAsked, EventKind::CommentRedacted]
    );
    assert!(events.windows(2).all(|pair| pair[0].after == pair[1].before));

    say(&ann, "/own/fam/comments", &id('e'), "Keep this.").await;
    let second = format!("/own/fam/comments/{}/redact", id('e'));
    assert_eq!(send(&ann, &second, &[("reason", "a mistake of mine")]).await.status(), StatusCode::SEE_OTHER);
    let refused = format!("/audit/redactions/{}/refuse", id('e'));
    assert_eq!(send(&auditor, &refused, &[("rev", "2")]).await.status(), StatusCode::SEE_OTHER);
    assert!(texts(&ann.page("/own/fam").await, ".comment .prose").contains(&"Keep this.".to_owned()));
    app.end().await;
}

/// Nobody who reads by a token or in an emergency says anything.
#[tokio::test]
async fn scripts_and_emergencies_say_nothing() {
    let (app, user, owner) = ready().await;
    let own = "own".parse().unwrap();
    let token = app.app.tokens.create(&user.id, &own, TokenScope::Read, 1, app.clock.now()).await.unwrap();
    let page = app.stranger().with_token("/own/fam", &token).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(texts(&page.text().await.unwrap(), "form.write").len(), 0);

    say(&owner, "/own/fam/comments", &id('e'), "For whoever reads it.").await;
    let admin = app.confirmed(&app.user(&["own:admin"]).await).await;
    let opening = [("institute", "own"), ("case", "fam"), ("reason", "the child is in intensive care")];
    assert_eq!(send(&admin, "/break-glass", &opening).await.status(), StatusCode::SEE_OTHER);
    let page = admin.page("/own/fam").await;
    assert_eq!((texts(&page, ".comment .prose").len(), texts(&page, "form.write").len()), (1, 0));
    let refused = send(&admin, "/own/fam/comments", &[("id", &id('a')), ("text", "x")]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    app.end().await;
}

/// What was said in a case is gone with it.
#[tokio::test]
async fn comments_go_with_their_case() {
    let (app, _, ann) = ready().await;
    say(&ann, "/own/fam/comments", &id('a'), "Once.").await;
    assert!(app.cli(&["case", "delete", "fam", "--institute", "own"]).await);
    assert!(comments(&app).await.is_empty());
    app.end().await;
}

/// The API says and reads the same, by the same rules; a token reads.
#[tokio::test]
async fn the_api_reads_and_writes_comments() {
    let (app, user, ann) = ready().await;
    let variant = first_variant(&ann, "own/fam").await;
    let at = "/api/v1/own/fam/comments";
    let body = serde_json::json!({ "id": id('a'), "variant": variant, "text": "By **script**.", "reach": "institute" });
    let said = ann.ask("POST", at, &body).await;
    assert_eq!(said.status(), StatusCode::CREATED);
    assert_eq!(ann.ask("POST", at, &body).await.status(), StatusCode::CREATED, "H7");
    let one = format!("{at}/{}", id('a'));
    let changed = ann.ask("PUT", &one, &serde_json::json!({ "text": "Again.", "rev": 1 })).await;
    assert_eq!(changed.status(), StatusCode::OK);
    let stale = ann.ask("PUT", &one, &serde_json::json!({ "text": "Third.", "rev": 1 })).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    assert_eq!(stale.json::<serde_json::Value>().await.unwrap()["rev"], 2);
    for (wrong, status) in [
        (serde_json::json!({ "text": " " }), StatusCode::UNPROCESSABLE_ENTITY),
        (serde_json::json!({ "text": "x", "reach": "institute" }), StatusCode::UNPROCESSABLE_ENTITY),
        (serde_json::json!({ "text": "x", "variant": "a".repeat(26) }), StatusCode::NOT_FOUND),
        (serde_json::json!({ "text": "x", "author": "Ben" }), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(ann.ask("POST", at, &wrong).await.status(), status, "{wrong}");
    }
    let own = "own".parse().unwrap();
    let token = app.app.tokens.create(&user.id, &own, TokenScope::Read, 1, app.clock.now()).await.unwrap();
    let script = app.stranger();
    let read = script.with_token(at, &token).await.json::<serde_json::Value>().await.unwrap();
    let read = &read["comments"][0];
    assert_eq!((&read["text"], &read["reach"], &read["rev"]), (&"Again.".into(), &"institute".into(), &2.into()));
    assert_eq!(read["texts"].as_array().unwrap().len(), 2);
    assert_eq!(read["variant"]["id"], variant.as_str());
    let retracted = ann.ask("POST", &format!("{one}/retract"), &serde_json::json!({})).await;
    assert!(retracted.json::<serde_json::Value>().await.unwrap()["text"].is_null());
    app.end().await;
}
