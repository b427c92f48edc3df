//! How the identity providers are found: asked now, in bounded time, told in the words of `lodestone check`.

use bson::doc;
use jiff::SignedDuration;
use lodestone::auth::Identity;
use lodestone::clock::Clock;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::support::TestApp;
use crate::support::provider::FakeProvider;

const PAGE: &str = "/admin/providers";

fn configured(providers: &[(&str, &str)]) -> String {
    let tables = providers.iter().map(|(id, issuer)| {
        format!("[[sign_in.providers]]\nid = '{id}'\nname = 'Account of {id}'\nissuer = '{issuer}'\nclient_id = 'lodestone'\n")
    });
    tables.collect()
}

async fn provider() -> FakeProvider {
    FakeProvider::start(&Clock::manual("2036-03-04T05:06:07Z".parse().unwrap())).await
}

async fn link(app: &TestApp, issuer: &str, subject: &str, user: &lodestone::users::User) {
    let identity = Identity { issuer: issuer.to_owned(), subject: subject.to_owned() };
    assert!(app.app.sign_in.identities.link(&identity, &user.id, app.clock.now()).await.unwrap());
}

/// The cells of a provider's row.
fn row(page: &str, number: usize) -> Vec<String> {
    let html = Html::parse_document(page);
    assert_eq!(html.errors, Vec::<String>::new());
    html.select(&Selector::parse(&format!("tbody tr:nth-child({number}) > *")).unwrap())
        .map(|element| element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test]
async fn a_provider_that_answers_is_shown_with_the_people_it_vouches_for() {
    let provider = provider().await;
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("clinic.secret");
    std::fs::write(&secret, "never-to-be-shown").unwrap();
    let lines =
        configured(&[("clinic", provider.issuer())]) + &format!("client_secret_file = '{}'\n", secret.display());
    let app = TestApp::start_with(&lines).await;
    let admin = app.signed_in(&["system:admin"]).await;
    let (one, two) = (app.user(&[]).await, app.user(&[]).await);
    link(&app, provider.issuer(), "ann", &one).await;
    link(&app, provider.issuer(), "ann-before", &one).await;
    link(&app, provider.issuer(), "bob", &two).await;
    link(&app, "https://former.example", "ann", &one).await;
    let page = admin.page(PAGE).await;
    let cells = row(&page, 1);
    assert_eq!(cells[0], "Account of clinic clinic");
    assert_eq!((cells[1].as_str(), cells[2].as_str(), cells[4].as_str()), (provider.issuer(), "answers", "2"));
    assert!(page.contains("1 person is linked to <code>https://former.example</code>"));
    let json = admin.json("/api/v1/admin/providers").await;
    assert_eq!(json["providers"][0]["answers"], true);
    assert_eq!(json["providers"][0]["linked"], 2);
    assert_eq!(json["providers"][0]["wrong"], serde_json::Value::Null);
    assert_eq!(json["providers"][0]["last_answered"], app.clock.now().to_string());
    assert_eq!(json["unknown"][0]["issuer"], "https://former.example");
    assert!(!page.contains("never-to-be-shown") && !json.to_string().contains("never-to-be-shown"));
    assert_eq!(provider.key_requests(), 2, "each look asks anew, for metadata and keys");
    let entries = app.audit_entries().await;
    assert!(entries.iter().all(|entry| !entry.to_string().contains("never-to-be-shown")));
    app.end().await;
}

#[tokio::test]
async fn a_provider_that_lies_about_its_name_is_told_in_the_words_of_the_check() {
    let provider = provider().await;
    let app = TestApp::start_with(&configured(&[("clinic", provider.issuer())])).await;
    let admin = app.signed_in(&["system:admin"]).await;
    admin.page(PAGE).await;
    let answered = app.clock.now();
    app.wait(SignedDuration::from_mins(3));
    provider.calls_itself("https://evil.example/<b>name</b>");
    let page = admin.page(PAGE).await;
    assert!(!page.contains("<b>name"));
    let json = admin.json("/api/v1/admin/providers").await;
    let wrong = json["providers"][0]["wrong"].as_str().unwrap().to_owned();
    assert!(wrong.contains("unexpected issuer"), "{wrong}");
    assert!(row(&page, 1)[2].ends_with(&wrong), "{:?}", row(&page, 1));
    assert_eq!(json["providers"][0]["answers"], false);
    assert_eq!(json["providers"][0]["last_answered"], answered.to_string(), "it did once");
    let (code, said) = app.said_with_keys_of(&app, &["check"]).await;
    assert_eq!(code, 1);
    assert!(said.contains(&format!("wrong  identity provider clinic: {wrong}")), "{said}");
    app.end().await;
}

/// The page waits for none longer than three seconds, and for all at once: one that takes the connection and is silent,
/// another such, one where nobody listens, one that fails. Who signs in meanwhile does not wait for the look.
#[tokio::test]
async fn providers_that_do_not_answer_hold_up_nothing() {
    let fine = provider().await;
    let failing = provider().await;
    failing.goes_down(true);
    let silent = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let address = |listener: &std::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let absent = address(&std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let (one, two) = (address(&silent[0]), address(&silent[1]));
    let all = [
        ("silent", one.as_str()),
        ("quiet", &two),
        ("absent", &absent),
        ("failing", failing.issuer()),
        ("fine", fine.issuer()),
    ];
    let app = TestApp::start_with(&configured(&all)).await;
    let admin = app.signed_in(&["system:admin"]).await;
    let visitor = app.visitor();
    let begin = async {
        let mut visitor = visitor;
        visitor.post_bare("/login/with/fine", &[]).await.status()
    };
    let (page, began) = tokio::join!(admin.page(PAGE), begin);
    assert_eq!(began, StatusCode::OK);
    for number in [1, 2] {
        let told = &row(&page, number)[2];
        assert!(told.contains("the identity provider cannot be used now: it did not answer within 3 s"), "{told}");
        assert_eq!(row(&page, number)[3], "not since this server began");
    }
    for number in [3, 4] {
        assert!(row(&page, number)[2].contains("the identity provider cannot be used now"), "{:?}", row(&page, number));
    }
    assert_eq!(row(&page, 5)[2], "answers");
    app.end().await;
}

#[tokio::test]
async fn without_a_provider_the_page_says_what_to_do() {
    let app = TestApp::start().await;
    let admin = app.signed_in(&["system:admin"]).await;
    let page = admin.page(PAGE).await;
    assert!(page.contains("No identity provider is configured."));
    assert!(page.contains("[[sign_in.providers]]") && page.contains(&format!("{}/auth/callback", app.origin)));
    assert_eq!(admin.json("/api/v1/admin/providers").await["providers"], serde_json::json!([]));
    for role in ["own:admin", "own:clinician", "system:auditor"] {
        let other = app.signed_in(&[role]).await;
        for path in [PAGE, "/api/v1/admin/providers"] {
            assert_eq!(other.get(path).await.status(), StatusCode::NOT_FOUND, "{path} as {role}");
        }
    }
    assert_eq!(app.documents("identities", doc! {}).await.len(), 0);
    app.end().await;
}
