//! What one session, script or address may ask for, and how long a connection may dawdle.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::TestApp;

const FEW: &str = "[rates]\npages_per_minute = 5\nexports_per_minute = 1\nchanges_per_minute = 2";

/// O2, O7: whoever asks for too much waits, and nobody else does.
#[tokio::test]
async fn o2_o7_too_much_of_one_session_is_refused_and_of_no_other() {
    let app = TestApp::start_with(FEW).await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let eager = app.signed_in(&["own:clinician"]).await;
    for _ in 0..5 {
        assert_eq!(eager.get("/own").await.status(), StatusCode::OK);
    }
    let before = app.commands_during(eager.get("/own")).await;
    let (refused, commands) = before;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=13).contains(&wait), "{wait} s");
    assert!(refused.text().await.unwrap().contains("Wait "));
    assert!(
        commands.iter().all(|(name, _)| name == "aggregate"),
        "only who asks is looked up, for the page: {commands:?}"
    );
    assert_eq!(app.signed_in(&["own:clinician"]).await.get("/own").await.status(), StatusCode::OK, "somebody else");
    assert_eq!(eager.get("/own/fam/variants.csv").await.status(), StatusCode::OK, "another kind of work");
    assert_eq!(eager.get("/own/fam/variants.csv").await.status(), StatusCode::TOO_MANY_REQUESTS);
    let api = eager.get("/api/v1/own/cases").await;
    assert_eq!(api.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(api.headers()["content-type"], "application/problem+json");
    assert_eq!(eager.get("/healthz").await.status(), StatusCode::OK);
    app.wait(SignedDuration::from_secs(wait));
    let page = eager.page("/own").await;
    let csrf = crate::support::visitor::token_in(&page);
    for _ in 0..2 {
        eager.post("/own/settings", &[("csrf", &csrf)]).await;
    }
    assert_eq!(eager.post("/own/settings", &[("csrf", &csrf)]).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(eager.post("/logout", &[("csrf", &csrf)]).await.status(), StatusCode::SEE_OTHER, "the way out is open");
    let refused =
        app.audit_entries().await.iter().filter(|entry| format!("{entry:?}").contains("too many requests")).count();
    assert_eq!(refused, 4, "each refusal is in the trail, once");
    app.end().await;
}

/// O1: what is too much for the server is refused at once, as one entry; changes, the way out and health are not.
#[tokio::test]
async fn o1_too_many_reads_at_once_are_refused_and_changes_are_not() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let csrf = crate::support::visitor::token_in(&reader.page("/own").await);
    let read = || axum::extract::Request::builder().uri("/own").body(axum::body::Body::empty()).unwrap();
    let mut at_work = Vec::new();
    while let Ok(place) = app.app.door.admit(&read()) {
        at_work.push(place);
    }
    let before = app.audit_entries().await.len();
    let (refused, commands) = app.commands_during(reader.get("/own")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(refused.text().await.unwrap().contains("more to do than it can"));
    assert!(commands.is_empty(), "its entry is all that it costs: {commands:?}");
    assert_eq!(reader.get("/healthz").await.status(), StatusCode::OK);
    let entries = app.audit_entries().await;
    let refusal: Vec<_> =
        entries[before..].iter().filter(|entry| !entry.get_str("kind").is_ok_and(|kind| kind == "summary")).collect();
    assert_eq!(refusal.len(), 1, "{refusal:?}");
    let said = |field: &str| refusal[0].get_str(field).unwrap();
    assert_eq!((said("kind"), said("outcome"), said("reason")), ("outcome", "server_error", "busy"));
    let asked = format!("{:?}", refusal[0].get_document("payload").unwrap().get_array("subjects").unwrap());
    assert!(asked.contains("own"), "{asked}");
    for _ in 0..150 {
        assert_eq!(reader.get("/api/v1/institutes").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    let entries = app.audit_entries().await;
    let busy = entries.iter().filter(|entry| entry.get_str("reason").is_ok_and(|reason| reason == "busy")).count();
    let of_others = |entry: &&bson::Document| {
        let request = entry.get_document("request");
        request.is_ok_and(|request| request.get_str("route").is_ok_and(|route| route == "turned away while busy"))
    };
    let counted = entries.iter().find(of_others).map_or(0, |summary| summary.get_i64("rows").unwrap());
    assert_eq!((busy, counted), (100, 51), "in one second a hundred by themselves, the others by their number");
    assert_eq!(
        reader.post("/logout", &[("csrf", &csrf)]).await.status(),
        StatusCode::SEE_OTHER,
        "a change, and the way out"
    );
    drop(at_work);
    assert_eq!(app.signed_in(&["own:clinician"]).await.get("/own").await.status(), StatusCode::OK);
    app.end().await;
}

/// O3: a client that sends its headers byte by byte is cut off; others are answered meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn o3_a_client_that_never_finishes_its_headers_is_cut_off() {
    let app = TestApp::start_with("[server]\nheader_timeout_s = 1").await;
    let address = app.origin.strip_prefix("http://").unwrap().to_owned();
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET /login HTTP/1.1\r\nhost: here\r\nx-slow: ").await.unwrap();
        slow.push(stream);
    }
    assert_eq!(app.stranger().get("/login").await.status(), StatusCode::OK);
    for stream in &mut slow {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the server hangs up by itself");
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
    app.end().await;
}

/// O3: so is one that sends a form byte by byte.
#[tokio::test(flavor = "multi_thread")]
async fn o3_a_client_that_never_finishes_a_form_is_cut_off() {
    let app = TestApp::start_with("[server]\nbody_timeout_s = 1").await;
    let address = app.origin.strip_prefix("http://").unwrap();
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /login HTTP/1.1\r\nhost: here\r\norigin: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: 500\r\n\r\nemail=",
            app.origin
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(tokio::spawn(async move {
            let mut said = Vec::new();
            loop {
                tokio::select! {
                    read = stream.read_buf(&mut said) => match read {
                        Ok(0) | Err(_) => return String::from_utf8_lossy(&said).into_owned(),
                        Ok(_) => {}
                    },
                    () = tokio::time::sleep(Duration::from_millis(100)) => drop(stream.write_all(b"a").await),
                }
            }
        }));
    }
    assert_eq!(app.stranger().get("/login").await.status(), StatusCode::OK, "others are answered");
    for stream in slow {
        let said = tokio::time::timeout(Duration::from_secs(20), stream).await.expect("the server hangs up by itself");
        let said = said.unwrap();
        assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    }
    app.end().await;
}

/// O3: and one that asks for much and takes a byte now and then.
#[tokio::test(flavor = "multi_thread")]
async fn o3_a_client_that_does_not_take_its_answers_is_cut_off() {
    const FILES: usize = 3_000;
    let app = TestApp::start_with("[server]\nanswer_timeout_s = 1").await;
    // Large and cheap, so that what waits for the client is more than all buffers hold before it has taken 4 s of it.
    let asked = format!("GET {} HTTP/1.1\r\nhost: here\r\n\r\n", lodestone::web::asset("lodestone.css"));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(app.origin.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    tokio::spawn(async move {
        let _ = to.write_all(asked.repeat(FILES).as_bytes()).await; // they are not all read
        std::future::pending::<()>().await; // and the connection is not ended from here
    });
    let mut taken = Vec::new();
    for _ in 0..40 {
        taken.push(from.read_u8().await.unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(app.stranger().get("/login").await.status(), StatusCode::OK, "others are answered");
    let rest = tokio::time::timeout(Duration::from_secs(120), from.read_to_end(&mut taken)).await;
    assert!(rest.is_ok(), "the server hung up by itself");
    let files = String::from_utf8_lossy(&taken).matches("HTTP/1.1 200").count();
    assert!((1..FILES).contains(&files), "{files} of {FILES} files were written");
    app.end().await;
}

/// A client that is slow and takes enough gets all of it.
#[tokio::test(flavor = "multi_thread")]
async fn o3_a_client_that_takes_enough_gets_everything() {
    const PAGES: usize = 300;
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.origin.strip_prefix("http://").unwrap()).await.unwrap();
    let page = "GET /login HTTP/1.1\r\nhost: here\r\n";
    let all = format!("{page}\r\n").repeat(PAGES - 1) + page + "connection: close\r\n\r\n";
    stream.write_all(all.as_bytes()).await.unwrap();
    let (mut taken, mut part) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = stream.read(&mut part).await.unwrap();
        if read == 0 {
            break;
        }
        taken.extend_from_slice(&part[..read]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(String::from_utf8_lossy(&taken).matches("HTTP/1.1 200").count(), PAGES);
    app.end().await;
}
