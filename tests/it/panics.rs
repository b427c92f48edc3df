//! C11: a panic in a handler, in a template or in a blocking task costs one request an answer of 500, and no more.

use std::net::SocketAddr;

use anyhow::Context as _;
use askama::Template as _;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use lodestone::app::AppState;
use lodestone::auth::Principal;
use lodestone::error::AppResult;
use lodestone::web;
use reqwest::StatusCode;

use crate::support::{TestApp, last_entry};

#[derive(askama::Template)]
#[template(source = "<p>{{ self.value() }}</p>", ext = "html")]
struct Failing {
    values: Vec<u8>,
}

impl Failing {
    fn value(&self) -> u8 {
        self.values[7]
    }
}

async fn in_handler(_: Principal) -> AppResult<()> {
    panic!("the handler fails, patient Kid Surname");
}

async fn in_template(_: Principal) -> AppResult<Html<String>> {
    Ok(Html(Failing { values: Vec::new() }.render()?))
}

async fn in_blocking_task(_: Principal) -> AppResult<String> {
    let work: tokio::task::JoinHandle<String> = tokio::task::spawn_blocking(|| panic!("the reader fails"));
    Ok(work.await.context("reading a file")?)
}

/// The program's own layers around routes that panic; its address.
async fn serve(app: &TestApp) -> String {
    let router: Router<AppState> = Router::new()
        .route("/test/handler", get(in_handler))
        .route("/test/template", get(in_template))
        .route("/test/blocking", get(in_blocking_task))
        .merge(lodestone::app::routes().into_router());
    let stacked = web::stack(router, &app.app).into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, stacked).await.unwrap() });
    origin
}

/// C11
#[tokio::test]
async fn a_panic_ends_one_request_and_is_recorded() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.unwrap();
    let origin = serve(&app).await;
    let client = reqwest::Client::new();
    let ask = async |path: &str| {
        let request = client.get(format!("{origin}{path}")).header("cookie", format!("__Host-sid={session}"));
        request.send().await.expect("the connection is answered")
    };
    let free = app.app.door.free();
    for path in ["/test/handler", "/test/template", "/test/blocking"] {
        let (failed, served) = tokio::join!(ask(path), ask("/own/fam"));
        assert_eq!(served.status(), StatusCode::OK, "others are served meanwhile");
        assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let reference = failed.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert!(failed.headers().contains_key("content-security-policy"));
        let page = failed.text().await.unwrap();
        assert!(page.contains("Something went wrong") && page.contains(&reference), "{page}");
        assert!(!page.contains("Kid Surname") && !page.contains("panic"), "{page}");
        let entries = app.audit_entries().await;
        let outcome = last_entry(&entries, "outcome", path);
        assert_eq!(outcome.get_str("request_id").unwrap(), reference);
        assert_eq!(outcome.get_i32("status").unwrap(), 500);
        assert_eq!(outcome.get_str("outcome").unwrap(), "server_error");
        assert_eq!(outcome.get_document("agent").unwrap().get_str("name").unwrap(), "Ann Example");
        assert_eq!(last_entry(&entries, "intent", path).get_str("request_id").unwrap(), reference);
    }
    assert_eq!(ask("/own/fam/variants").await.status(), StatusCode::OK);
    assert_eq!(app.app.door.free(), free, "no place is lost");
    app.end().await;
}
