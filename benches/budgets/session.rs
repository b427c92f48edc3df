//! What it takes to know who asks and what they may: session, person, memberships and address rules.

use std::time::{Duration, Instant};

use axum::extract::FromRequestParts as _;
use axum::http::Request;
use axum::http::header::COOKIE;
use lodestone::addresses::{AddressRules, AllowedNetwork, Limits};
use lodestone::auth::Principal;
use lodestone::events::Actor;
use lodestone::web::ClientAddress;
use mongodb::event::command::CommandEvent;

use crate::support::TestApp;
use crate::{Line, quantile, step};

/// Times that somebody is looked up.
const ROUNDS: usize = 2_000;
/// Looks somebody up as each request does: a usual person, and one with many roles and many rules about them.
pub async fn check(lines: &mut Vec<Line>) {
    step("session and policy");
    let app = TestApp::start().await;
    look_up(&app, &["own0"], "who asks and what they may: 2 roles, 4 sets of address rules", lines).await;
    let many = ["own0", "own1", "own2", "own3", "own4", "own5", "own6", "own7"];
    look_up(&app, &many, "the same: 16 roles, 25 sets of rules of 4 networks", lines).await;
    on_a_page(&app, lines).await;
    app.end().await;
}

/// Looks up a clinician and admin of these institutes; everything about them is limited to networks.
async fn look_up(app: &TestApp, institutes: &[&str], what: &'static str, lines: &mut Vec<Line>) {
    app.remove("address_rules", bson::doc! {}).await;
    let (mut grants, mut limited) = (Vec::new(), vec!["system".to_owned()]);
    for institute in institutes {
        if app.app.institutes.find(&institute.parse().expect("an id")).await.expect("it answers").is_none() {
            app.institute(institute).await;
        }
        grants.extend([format!("{institute}:clinician"), format!("{institute}:admin")]);
        limited.extend([(*institute).to_owned(), format!("{institute}:clinician"), format!("{institute}:admin")]);
    }
    for subject in &limited {
        let network = AllowedNetwork {
            network: "127.0.0.0/8".parse().expect("a network"),
            reason: "ward".into(),
            last_day: None,
            owner: Actor { user: None, name: "Ann".into() },
            added_at: app.clock.now(),
        };
        let limits = Limits { networks: vec![network; 4], contact: "the help desk".into() };
        let rules = AddressRules { limits, rev: 1, ..AddressRules::none_of(subject.parse().expect("a subject")) };
        app.insert("address_rules", &bson::serialize_to_document(&rules).expect("rules can be stored")).await;
    }
    let user = app.user(&grants.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.expect("a session starts");
    app.enter_roles(&session, &user).await;
    let cookie = format!("__Host-sid={session}");
    let here = "127.0.0.1".parse().expect("an address");
    let mut totals = Vec::with_capacity(ROUNDS);
    let ((), wire) = app
        .wire_during(async {
            for _ in 0..ROUNDS {
                let request = Request::get("/").header(COOKIE, &cookie).body(()).expect("a request");
                let (mut parts, ()) = request.into_parts();
                parts.extensions.insert(ClientAddress { client: here, peer: here });
                let began = Instant::now();
                let found = Principal::from_request_parts(&mut parts, &app.app).await;
                totals.push(began.elapsed());
                assert_eq!(found.expect("somebody is signed in").roles().len(), grants.len());
            }
        })
        .await;
    let lookups = wire.iter().filter_map(|event| match event {
        CommandEvent::Succeeded(done) if done.command_name == "aggregate" => Some(done.duration),
        _ => None,
    });
    let mut database: Vec<Duration> = lookups.collect();
    assert_eq!(database.len(), ROUNDS, "one round trip each");
    let mut ours: Vec<Duration> = totals.iter().zip(&database).map(|(all, some)| all.saturating_sub(*some)).collect();
    let p95 = quantile(&mut totals, 0.95);
    let usual = institutes.len() == 1;
    lines.push(Line {
        what,
        budget: if usual { "p95 <= 1 ms" } else { "" }.into(),
        measured: format!(
            "p95 {p95:.2?}: in the program {:.2?}, in the database {:.2?}; p50 {:.2?}",
            quantile(&mut ours, 0.95),
            quantile(&mut database, 0.95),
            quantile(&mut totals, 0.5),
        ),
        kept: usual.then_some(p95 <= Duration::from_millis(1)),
    });
}

/// A page that is served to anybody, with a usual session and without, in turns.
async fn on_a_page(app: &TestApp, lines: &mut Vec<Line>) {
    app.remove("address_rules", bson::doc! {}).await;
    let user = app.user(&["own0:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.expect("a session starts");
    let client = reqwest::Client::new();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (cookie, times) in [(format!("__Host-sid={session}"), &mut with), (String::new(), &mut without)] {
            let began = Instant::now();
            let page = client.get(format!("{}/login", app.origin)).header("cookie", &cookie).send().await;
            page.expect("it answers").bytes().await.expect("it answers to its end");
            if round >= 20 {
                times.push(began.elapsed());
            }
        }
    }
    let (p95, p95_without) = (quantile(&mut with, 0.95), quantile(&mut without, 0.95));
    lines.push(Line {
        what: "the same on a page, one role, through loopback",
        budget: "p95 + 1 ms".into(),
        measured: format!(
            "p95 {p95:.2?} against {p95_without:.2?} without a session, p50 {:.2?} against {:.2?}",
            quantile(&mut with, 0.5),
            quantile(&mut without, 0.5),
        ),
        kept: Some(p95.saturating_sub(p95_without) <= Duration::from_millis(1)),
    });
}
