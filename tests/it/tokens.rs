//! API tokens: listed and ended by their owner and by the institute's admins; dead with the account and the membership.

use bson::doc;
use lodestone::auth::TokenScope;
use lodestone::users::User;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::support::{Browser, TestApp};

async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Response {
    let csrf = browser.csrf("/account").await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(path, &form).await
}

async fn token(app: &TestApp, user: &User, institute: &str, days: u16) -> String {
    let institute = institute.parse().unwrap();
    app.app.tokens.create(&user.id, &institute, TokenScope::Read, days, app.clock.now()).await.unwrap()
}

fn handles(page: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    let field = Selector::parse("input[name=token]").unwrap();
    html.select(&field).map(|field| field.attr("value").unwrap().to_owned()).collect()
}

async fn status(app: &TestApp, institute: &str, token: &str) -> StatusCode {
    app.stranger().with_token(&format!("/api/v1/{institute}/cases"), token).await.status()
}

#[tokio::test]
async fn ones_own_tokens_are_listed_and_ended() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:clinician"]).await;
    let other = app.user(&["own:clinician"]).await;
    let (first, second, foreign) = (
        token(&app, &user, "own", 30).await,
        token(&app, &user, "two", 90).await,
        token(&app, &other, "own", 30).await,
    );
    let browser = app.browser_of(&user).await;
    let page = browser.page("/account/tokens").await;
    let hashes = handles(&page);
    assert_eq!(hashes.len(), 2);
    assert!(page.contains("read cases") && !page.contains(&first) && !page.contains(&second));
    assert!(page.contains("2036-04-03 05:06 UTC"), "when it ends");
    let of_other = handles(&app.browser_of(&other).await.page("/account/tokens").await).remove(0);
    for absent in [of_other.as_str(), "nothing", ""] {
        let answer = send(&browser, "/account/tokens/revoke", &[("token", absent)]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "`{absent}`");
    }
    let own = app.documents("api_tokens", doc! {}).await;
    let of_own = own
        .iter()
        .find(|one| one.get_str("institute").unwrap() == "own" && one.get_str("user").unwrap() == user.id.as_str());
    let hash = of_own.unwrap().get_str("_id").unwrap().to_owned();
    assert!(hashes.contains(&hash));
    let extra = send(&browser, "/account/tokens/revoke", &[("token", &hash), ("user", other.id.as_str())]).await;
    assert_eq!(extra.status(), StatusCode::BAD_REQUEST, "I14");
    let bare = browser.post("/account/tokens/revoke", &[("token", &hash)]).await;
    assert_eq!(bare.status(), StatusCode::FORBIDDEN, "S6");
    assert_eq!(status(&app, "own", &first).await, StatusCode::OK);
    assert_eq!(send(&browser, "/account/tokens/revoke", &[("token", &hash)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(status(&app, "own", &first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&app, "two", &second).await, StatusCode::OK);
    assert_eq!(status(&app, "own", &foreign).await, StatusCode::OK);
    assert_eq!(app.stranger().with_token("/account/tokens", &second).await.status(), StatusCode::FORBIDDEN);
    app.end().await;
}

/// An institute's admin sees how many there are for this institute, and ends those.
#[tokio::test]
async fn an_institute_ends_the_tokens_that_reach_it() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:clinician"]).await;
    let (one, other, elsewhere) =
        (token(&app, &user, "own", 30).await, token(&app, &user, "own", 30).await, token(&app, &user, "two", 30).await);
    let admin = app.confirmed(&app.user(&["own:admin"]).await).await;
    let at = format!("/own/members/{}", user.id);
    assert!(admin.page(&at).await.contains("2 tokens of this person reach own"));
    assert_eq!(send(&admin, &format!("{at}/tokens/revoke"), &[]).await.status(), StatusCode::SEE_OTHER);
    for gone in [&one, &other] {
        assert_eq!(status(&app, "own", gone).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(status(&app, "two", &elsewhere).await, StatusCode::OK, "another institute's");
    assert!(admin.page(&at).await.contains("has no token for own"));
    app.end().await;
}

/// A token reads by a membership; without it there is nothing to read by, however the membership ended.
#[tokio::test]
async fn a_token_dies_with_the_membership() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:clinician"]).await;
    let (own, two) = (token(&app, &user, "own", 30).await, token(&app, &user, "two", 30).await);
    let admin = app.confirmed(&app.user(&["own:admin"]).await).await;
    let roles = format!("/own/members/{}/roles", user.id);
    let form = [("shown", "clinician"), ("role", "researcher")];
    assert_eq!(send(&admin, &roles, &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(status(&app, "own", &own).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&app, "two", &two).await, StatusCode::OK);
    assert_eq!(app.documents("api_tokens", doc! {}).await.len(), 1, "it is gone, not only refused");
    let form = [("shown", "researcher"), ("role", "clinician")];
    assert_eq!(send(&admin, &roles, &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(status(&app, "own", &own).await, StatusCode::UNAUTHORIZED, "and does not come back");
    app.tamper("users", doc! { "_id": &user.id }, doc! { "$set": { "memberships": [] } }).await;
    assert_eq!(status(&app, "two", &two).await, StatusCode::UNAUTHORIZED, "whoever ended the membership");
    app.end().await;
}
