//! Decisions and their history: one transaction, compare-and-set, nobody overwrites unseen.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, post};
use lodestone::app::AppState;
use lodestone::cases::CaseEditor;
use lodestone::db::StoreError;
use lodestone::events::{Event, EventKind, History};
use lodestone::variants::{Decision, VariantState};
use lodestone::web::Params;
use tower::ServiceExt as _;

use crate::support::{Browser, TestApp};

async fn events(app: &TestApp) -> Vec<Event> {
    let documents = app.documents("events", bson::doc! { "rev": 1, "at": 1 }).await;
    documents.into_iter().map(|document| bson::deserialize_from_document(document).unwrap()).collect()
}

/// A server with case `F1` of `own`, the session of a clinician who decides there, and a browser of theirs.
pub async fn curated() -> (TestApp, String, Browser) {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.unwrap();
    let reader = app.browser_of(&user).await;
    (app, session, reader)
}

#[tokio::test]
async fn loading_is_part_of_the_history() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let mut events = events(&app).await;
    events.retain(|event| event.case_id.is_some());
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, EventKind::CaseLoaded);
    assert_eq!(events[0].before, bson::Bson::Null);
    assert!(events[0].actor.name.contains("command line"));
    app.end().await;
}

/// Decides on a variant as a page would: through the extractor, on the revision that was shown.
async fn pin(editor: CaseEditor, State(app): State<AppState>, params: Params) -> Result<String, StatusCode> {
    let given = |name: &str| params.pairs().iter().find(|(known, _)| known == name).unwrap().1.clone();
    let (id, rev): (lodestone::ids::VariantId, i64) = (given("id").parse().unwrap(), given("rev").parse().unwrap());
    let before = app.states.find(editor.access(), &id).await.unwrap();
    let after = VariantState {
        pinned: true,
        manual_rank: given("rank").parse().ok(),
        ..VariantState::undecided(editor.access(), id, app.clock.now())
    };
    store(&app, &editor, before, after, rev).await
}

/// Stores a decision on the revision that was shown.
async fn store(
    app: &AppState,
    editor: &CaseEditor,
    before: Option<VariantState>,
    after: VariantState,
    rev: i64,
) -> Result<String, StatusCode> {
    if before.as_ref().map_or(0, |before| before.rev) != rev {
        return Err(StatusCode::CONFLICT);
    }
    let decision = Decision { read: editor.access().case(), before: before.as_ref(), after, moves: None, mails: &[] };
    match app.states.decide(editor, &app.cases, &app.events, &app.outbox, decision, app.clock.now()).await {
        Ok(state) => Ok(state.rev.to_string()),
        Err(StoreError::Conflict(_)) => Err(StatusCode::CONFLICT),
        Err(error) => panic!("{error}"),
    }
}

/// Sends a change of case `F1` straight to its handler.
async fn change(app: &TestApp, session: &str, query: &str, handler: MethodRouter<AppState>) -> StatusCode {
    let router = Router::new().route("/{institute}/{case}/change", handler).with_state(app.app.clone());
    let request = axum::http::Request::post(format!("/own/F1/change?{query}"))
        .header("cookie", format!("__Host-sid={session}"))
        .body(axum::body::Body::empty())
        .unwrap();
    router.oneshot(request).await.unwrap().status()
}

pub async fn decide(app: &TestApp, session: &str, query: &str) -> StatusCode {
    change(app, session, query, post(pin)).await
}

#[tokio::test]
async fn of_many_who_decide_at_once_one_wins_and_the_history_is_whole() {
    let (app, session, reader) = curated().await;
    let list = reader.json("/api/v1/own/F1/variants").await;
    let id = list["variants"][0]["id"].as_str().unwrap().to_owned();
    for rev in 0..3 {
        let queries: Vec<String> = (0..8).map(|rank| format!("id={id}&rev={rev}&rank={rank}")).collect();
        let tries = queries.iter().map(|query| decide(&app, &session, query));
        let answers = futures::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|status| status.is_success()).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| status.is_success() || *status == StatusCode::CONFLICT), "{answers:?}");
    }
    let decided: Vec<Event> =
        events(&app).await.into_iter().filter(|event| event.kind == EventKind::VariantDecided).collect();
    assert_eq!(decided.iter().map(|event| event.rev).collect::<Vec<_>>(), [1, 2, 3]);
    for pair in decided.windows(2) {
        assert_eq!(pair[0].after, pair[1].before, "each change begins where the last one ended");
    }
    let stored = app.documents("variant_states", bson::doc! {}).await;
    assert_eq!(decided[2].after, bson::Bson::Document(stored[0].clone()), "replaying the history gives the present");
    let shown = reader.json(&format!("/api/v1/own/F1/variants/{id}")).await;
    assert_eq!((&shown["state"]["pinned"], &shown["state"]["rev"]), (&true.into(), &3.into()));
    let pinned = reader.json("/api/v1/own/F1/variants?pinned=only").await;
    assert_eq!(pinned["matched"], 1);
    app.end().await;
}

/// A decision keeps its variant through a reload that would leave it out.
#[tokio::test]
async fn decisions_survive_an_update() {
    use crate::support::vcf::{record, three_records};
    let (app, session, reader) = curated().await;
    let list = reader.json("/api/v1/own/F1/variants").await;
    let id = list["variants"][2]["id"].as_str().unwrap().to_owned();
    assert_eq!(list["variants"][2]["rank_score"], -5.0);
    assert_eq!(decide(&app, &session, &format!("id={id}&rev=0&rank=0")).await, StatusCode::OK);
    let mut records = three_records();
    records.push(record("X", 5, ("C", "A"), "RankScore=F1:-7", ["0/0:9,0:9:9", "0/1:5,5:10:99", "0/0:9,0:9:9"]));
    let path = app.write_trio("own", "F1", &records, "");
    let text = std::fs::read_to_string(&path).unwrap().replace("threshold: -100", "threshold: 8");
    std::fs::write(&path, text).unwrap();
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    let list = reader.json("/api/v1/own/F1/variants").await;
    let kept: Vec<f64> =
        list["variants"].as_array().unwrap().iter().map(|one| one["rank_score"].as_f64().unwrap()).collect();
    assert_eq!(kept, [11.0, -5.0], "above the threshold, or decided");
    assert_eq!(list["variants"][1]["state"]["manual_rank"], 0, "zero is a value");
    app.end().await;
}

/// Puts an earlier decision back, as a page would.
async fn put_back(editor: CaseEditor, State(app): State<AppState>, params: Params) -> Result<String, StatusCode> {
    let given = |name: &str| params.pairs().iter().find(|(known, _)| known == name).unwrap().1.clone();
    let id: lodestone::ids::VariantId = given("id").parse().unwrap();
    let (earlier, rev): (i64, i64) = (given("earlier").parse().unwrap(), given("rev").parse().unwrap());
    let before = app.states.find(editor.access(), &id).await.unwrap();
    let after = app.states.at_revision(&editor, &app.events, &id, earlier, app.clock.now()).await.unwrap();
    store(&app, &editor, before, after.ok_or(StatusCode::NOT_FOUND)?, rev).await
}

/// H2: whatever is decided and put back in whatever order, replaying the history gives the present.
#[tokio::test]
async fn an_earlier_decision_comes_back_as_a_new_change() {
    let (app, session, reader) = curated().await;
    let list = reader.json("/api/v1/own/F1/variants").await;
    let id = list["variants"][0]["id"].as_str().unwrap().to_owned();
    let restore = async |rev: i64, earlier: i64| {
        change(&app, &session, &format!("id={id}&rev={rev}&earlier={earlier}"), post(put_back)).await
    };
    assert_eq!(restore(0, 3).await, StatusCode::NOT_FOUND, "nothing is on record");
    let mut ranks: Vec<Option<i64>> = vec![None];
    // decide 1, decide 2, back to 1, back to nothing, decide 3, back to 2, …
    let steps =
        [(true, 1), (true, 2), (false, 1), (false, 0), (true, 3), (false, 2), (false, 5), (true, 4), (false, 4)];
    for (rev, (decides, value)) in (0_i64..).zip(steps) {
        let status = if decides {
            ranks.push(Some(value));
            decide(&app, &session, &format!("id={id}&rev={rev}&rank={value}")).await
        } else {
            ranks.push(ranks[usize::try_from(value).unwrap()]);
            restore(rev, value).await
        };
        assert_eq!(status, StatusCode::OK, "step {rev}");
        assert_eq!(restore(rev, 0).await, StatusCode::CONFLICT, "a revision that is not the present");
        app.clock.advance(jiff::SignedDuration::from_mins(1));
    }
    let decided = events(&app).await.into_iter().filter(|event| event.kind == EventKind::VariantDecided).collect();
    let history = History::new(decided).unwrap();
    for (rev, rank) in (0_i64..).zip(&ranks) {
        let state = history.at_revision(rev).unwrap();
        let found = state.as_document().and_then(|state| state.get("manual_rank").cloned());
        assert_eq!(found.and_then(|rank| rank.as_i64().or(rank.as_i32().map(i64::from))), *rank, "revision {rev}");
    }
    let stored = app.documents("variant_states", bson::doc! {}).await;
    assert_eq!(*history.present(), bson::Bson::Document(stored[0].clone()));
    app.end().await;
}
