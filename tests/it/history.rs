//! Decisions and their history: one transaction, compare-and-set, nobody overwrites unseen.

use lodestone::events::Event;

use crate::support::TestApp;

#[tokio::test]
async fn loading_is_part_of_the_history() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let events: Vec<Event> = app
        .documents("events", bson::doc! { "rev": 1 })
        .await
        .into_iter()
        .map(|document| bson::deserialize_from_document(document).unwrap())
        .collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].rev, 1);
    assert_eq!(events[0].before, bson::Bson::Null);
    assert!(events[0].actor.name.contains("command line"));
    app.end().await;
}
