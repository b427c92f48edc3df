//! Who may use which route. The table is written by hand, apart from the route table it is held against.

use std::collections::BTreeMap;

use lodestone::auth::{StepUpClass, TokenScope};
use lodestone::web::Access;
use reqwest::StatusCode;
use reqwest::header::{HeaderName, ORIGIN};

use crate::support::{Browser, TestApp};

/// Every route, with the roles that it answers. `own` are members of the institute in the path.
///
/// `everybody`: also strangers. `signed in`: any user. `readers`: clinicians and geneticists of the institute. `admins`:
/// its admins. `case readers`: readers, and those of an institute that the case is shared with. `owners`: readers; whom the case
/// is shared with is told that it is not theirs. `geneticists`: of the institute; its clinicians are told. `commenters`: readers, and whom the case is shared with to be commented; the
/// others of these are told. `openers`: admins of any institute or
/// the system, and readers of any institute. `auditors`: of any institute or the system. `own auditors`: of the institute that the entry or flag concerns, or
/// the system. `half signed in`: whoever proved the first factor and not the second. `enrolling`: whoever sets up an authenticator
/// by an invitation. `system admins`: of the whole system. `confirmed`: any user, in the ten minutes after a fresh code; before
/// that they are asked for one.
pub const TABLE: &[(&str, &str, &str)] = &[
    ("GET", "/healthz", "everybody"),
    ("GET", "/readyz", "everybody"),
    ("GET", "/static/{*file}", "everybody"),
    ("GET", "/favicon.ico", "everybody"),
    ("GET", "/login", "everybody"),
    ("POST", "/login", "everybody"),
    ("GET", "/login/code", "half signed in"),
    ("POST", "/login/code", "half signed in"),
    ("POST", "/login/passkey", "half signed in"),
    ("GET", "/login/recovery", "half signed in"),
    ("POST", "/login/recovery", "half signed in"),
    ("GET", "/auth/invitation", "everybody"),
    ("GET", "/auth/callback", "everybody"),
    ("POST", "/login/with/{provider}", "everybody"),
    ("POST", "/auth/invitation", "everybody"),
    ("GET", "/auth/enrol", "enrolling"),
    ("POST", "/auth/enrol", "enrolling"),
    ("POST", "/auth/enrol/secret", "enrolling"),
    ("POST", "/logout", "signed in"),
    ("GET", "/account", "signed in"),
    ("POST", "/account/sessions/end", "signed in"),
    ("POST", "/account/sessions/end-others", "signed in"),
    ("POST", "/account/digest", "signed in"),
    ("GET", "/account/confirm", "signed in"),
    ("POST", "/account/confirm", "signed in"),
    ("POST", "/account/confirm/passkey", "signed in"),
    ("GET", "/account/passkeys", "confirmed"),
    ("POST", "/account/passkeys", "confirmed"),
    ("POST", "/account/passkeys/ask", "confirmed"),
    ("POST", "/account/passkeys/remove", "confirmed"),
    ("GET", "/account/passphrase", "confirmed"),
    ("POST", "/account/passphrase", "confirmed"),
    ("GET", "/account/recovery", "confirmed"),
    ("POST", "/account/recovery", "confirmed"),
    ("GET", "/account/totp", "confirmed"),
    ("POST", "/account/totp", "confirmed"),
    ("POST", "/account/totp/secret", "confirmed"),
    ("GET", "/account/kept", "signed in"),
    ("POST", "/account/kept/discard", "signed in"),
    ("GET", "/account/roles", "signed in"),
    ("POST", "/account/roles/enter", "signed in"),
    ("POST", "/account/roles/leave", "signed in"),
    ("GET", "/account/tokens", "signed in"),
    ("POST", "/account/tokens", "confirmed"),
    ("POST", "/account/tokens/revoke", "signed in"),
    ("GET", "/admin/users", "system admins"),
    ("POST", "/admin/users", "system admins"),
    ("GET", "/admin/users/{user}", "system admins"),
    ("POST", "/admin/users/{user}/roles", "system admins"),
    ("POST", "/admin/users/{user}/disable", "system admins"),
    ("POST", "/admin/users/{user}/enable", "system admins"),
    ("POST", "/admin/users/{user}/invite", "system admins"),
    ("POST", "/admin/users/{user}/reset", "system admins"),
    ("POST", "/admin/users/{user}/reset/confirm", "system admins"),
    ("GET", "/admin/institutes", "system admins"),
    ("POST", "/admin/institutes", "system admins"),
    ("GET", "/admin/institutes/{institute}", "system admins"),
    ("POST", "/admin/institutes/{institute}", "system admins"),
    ("GET", "/admin/providers", "system admins"),
    ("GET", "/admin/addresses", "system admins"),
    ("POST", "/admin/addresses", "system admins"),
    ("GET", "/{institute}/settings/addresses", "admins"),
    ("POST", "/{institute}/settings/addresses", "admins"),
    ("GET", "/{institute}/members", "admins"),
    ("POST", "/{institute}/members", "admins"),
    ("GET", "/{institute}/members/{user}", "admins"),
    ("POST", "/{institute}/members/{user}/roles", "admins"),
    ("POST", "/{institute}/members/{user}/invite", "admins"),
    ("POST", "/{institute}/members/{user}/reset", "admins"),
    ("POST", "/{institute}/members/{user}/sign-out", "admins"),
    ("POST", "/{institute}/members/{user}/tokens/revoke", "admins"),
    ("GET", "/auth/demo", "everybody"),
    ("POST", "/auth/demo", "everybody"),
    ("GET", "/", "signed in"),
    ("GET", "/audit/erasures", "auditors"),
    ("POST", "/audit/erasures", "auditors"),
    ("POST", "/audit/erasures/{erasure}/agree", "own auditors"),
    ("POST", "/audit/erasures/{erasure}/withdraw", "own auditors"),
    ("GET", "/audit/flags", "auditors"),
    ("GET", "/audit/flags/{flag}", "own auditors"),
    ("POST", "/audit/flags/{flag}/review", "own auditors"),
    ("GET", "/{institute}", "readers"),
    ("GET", "/{institute}/settings", "admins"),
    ("POST", "/{institute}/settings", "admins"),
    ("POST", "/{institute}/settings/restore", "admins"),
    ("GET", "/{institute}/cases/worklist", "readers"),
    ("GET", "/{institute}/{case}", "case readers"),
    ("GET", "/{institute}/{case}/variants", "case readers"),
    ("GET", "/{institute}/{case}/variants.csv", "case readers"),
    ("GET", "/{institute}/{case}/variants.tsv", "case readers"),
    ("GET", "/{institute}/{case}/variants.xlsx", "case readers"),
    ("GET", "/{institute}/{case}/variants/{id}", "case readers"),
    ("GET", "/{institute}/{case}/find", "case readers"),
    ("GET", "/{institute}/{case}/consent", "owners"),
    ("POST", "/{institute}/{case}/consent", "owners"),
    ("GET", "/{institute}/{case}/research", "owners"),
    ("POST", "/{institute}/{case}/research", "owners"),
    ("POST", "/{institute}/{case}/research/close", "owners"),
    ("GET", "/{institute}/{case}/restriction", "owners"),
    ("POST", "/{institute}/{case}/restriction", "owners"),
    ("POST", "/{institute}/{case}/restriction/lift", "owners"),
    ("GET", "/{institute}/{case}/sharing", "owners"),
    ("POST", "/{institute}/{case}/sharing", "owners"),
    ("POST", "/{institute}/{case}/sharing/end", "owners"),
    ("POST", "/{institute}/{case}/comments", "commenters"),
    ("POST", "/{institute}/{case}/variants/{id}/comments", "commenters"),
    ("GET", "/{institute}/{case}/timeline", "case readers"),
    ("POST", "/{institute}/{case}/read", "case readers"),
    ("POST", "/{institute}/{case}/status", "owners"),
    ("POST", "/{institute}/{case}/assignees", "owners"),
    ("POST", "/{institute}/{case}/tags", "owners"),
    ("POST", "/{institute}/{case}/cohorts", "owners"),
    ("POST", "/{institute}/{case}/groups", "owners"),
    ("POST", "/{institute}/{case}/synopsis", "owners"),
    ("GET", "/{institute}/{case}/changed", "case readers"),
    ("POST", "/{institute}/{case}/changed", "owners"),
    ("POST", "/{institute}/{case}/variants/dismiss", "owners"),
    ("POST", "/{institute}/{case}/variants/undo", "owners"),
    ("POST", "/{institute}/{case}/variants/{id}/pin", "owners"),
    ("GET", "/{institute}/cases/filters", "readers"),
    ("GET", "/{institute}/cases/filters/{filter}", "readers"),
    ("POST", "/{institute}/cases/filters/{filter}", "readers"),
    ("POST", "/{institute}/{case}/filters", "owners"),
    ("POST", "/{institute}/{case}/filters/used", "owners"),
    ("POST", "/{institute}/{case}/second-reading", "geneticists"),
    ("POST", "/{institute}/{case}/variants/{id}/causative", "geneticists"),
    ("POST", "/{institute}/{case}/variants/{id}/partial", "geneticists"),
    ("POST", "/{institute}/{case}/variants/{id}/mosaic", "owners"),
    ("POST", "/{institute}/{case}/variants/{id}/tiers", "owners"),
    ("POST", "/{institute}/{case}/variants/{id}/second-reading", "geneticists"),
    ("POST", "/api/v1/{institute}/{case}/variants/{id}/decisions", "owners"),
    ("POST", "/api/v1/{institute}/{case}/variants/{id}/geneticist-decisions", "geneticists"),
    ("GET", "/{institute}/{case}/variants/{id}/order", "owners"),
    ("POST", "/{institute}/{case}/variants/{id}/order", "geneticists"),
    ("GET", "/orders/{number}", "readers"),
    ("POST", "/{institute}/{case}/variants/{id}/validated", "geneticists"),
    ("POST", "/{institute}/{case}/variants/{id}/dismiss", "owners"),
    ("POST", "/{institute}/{case}/variants/{id}/rank", "owners"),
    ("POST", "/{institute}/{case}/variants/{id}/undo", "owners"),
    ("GET", "/{institute}/{case}/comments/{comment}", "case readers"),
    ("POST", "/{institute}/{case}/comments/{comment}/edit", "commenters"),
    ("POST", "/{institute}/{case}/comments/{comment}/retract", "commenters"),
    ("POST", "/{institute}/{case}/comments/{comment}/redact", "case readers"),
    ("GET", "/mentions", "signed in"),
    ("GET", "/audit/redactions", "auditors"),
    ("POST", "/audit/redactions/{comment}/agree", "own auditors"),
    ("POST", "/audit/redactions/{comment}/refuse", "own auditors"),
    ("GET", "/break-glass", "openers"),
    ("POST", "/break-glass", "openers"),
    ("POST", "/{institute}/{case}/break-glass/end", "openers"),
    ("GET", "/audit", "auditors"),
    ("GET", "/audit/export.csv", "auditors"),
    ("GET", "/audit/export.ndjson", "auditors"),
    ("GET", "/audit/entries/{entry}", "own auditors"),
    ("POST", "/audit/entries/{entry}/opening", "own auditors"),
    ("POST", "/audit/entries/{entry}/opening/agree", "own auditors"),
    ("POST", "/audit/views", "auditors"),
    ("POST", "/audit/views/{view}/delete", "auditors"),
    ("GET", "/audit/notice", "signed in"),
    ("GET", "/api/v1/openapi.json", "everybody"),
    ("GET", "/api/v1/institutes", "signed in"),
    ("GET", "/api/v1/{institute}/cases", "readers"),
    ("GET", "/api/v1/{institute}/{case}", "case readers"),
    ("GET", "/api/v1/{institute}/{case}/variants", "case readers"),
    ("GET", "/api/v1/{institute}/{case}/variants/{id}", "case readers"),
    ("GET", "/api/v1/{institute}/cases/filters", "readers"),
    ("PUT", "/api/v1/{institute}/cases/filters/{filter}", "readers"),
    ("POST", "/api/v1/{institute}/{case}/filters", "owners"),
    ("GET", "/api/v1/{institute}/{case}/timeline", "case readers"),
    ("GET", "/api/v1/{institute}/{case}/find", "case readers"),
    ("GET", "/api/v1/{institute}/{case}/comments", "case readers"),
    ("POST", "/api/v1/{institute}/{case}/comments", "commenters"),
    ("PUT", "/api/v1/{institute}/{case}/comments/{comment}", "commenters"),
    ("POST", "/api/v1/{institute}/{case}/comments/{comment}/retract", "commenters"),
    ("GET", "/api/v1/admin/users", "system admins"),
    ("POST", "/api/v1/admin/users", "system admins"),
    ("GET", "/api/v1/admin/users/{user}", "system admins"),
    ("POST", "/api/v1/admin/users/{user}/roles", "system admins"),
    ("POST", "/api/v1/admin/users/{user}/disable", "system admins"),
    ("POST", "/api/v1/admin/users/{user}/enable", "system admins"),
    ("POST", "/api/v1/admin/users/{user}/invite", "system admins"),
    ("GET", "/api/v1/admin/institutes", "system admins"),
    ("POST", "/api/v1/admin/institutes", "system admins"),
    ("PUT", "/api/v1/admin/institutes/{institute}", "system admins"),
    ("GET", "/api/v1/admin/providers", "system admins"),
    ("GET", "/api/v1/{institute}/members", "admins"),
    ("POST", "/api/v1/{institute}/members", "admins"),
    ("POST", "/api/v1/{institute}/members/{user}/roles", "admins"),
    ("POST", "/api/v1/{institute}/members/{user}/invite", "admins"),
    ("GET", "/api/v1/{institute}/settings", "admins"),
    ("PUT", "/api/v1/{institute}/settings", "admins"),
];

/// Each role with what it is in the institute of the path.
pub const ROLES: [(&str, &str); 18] = [
    ("own:clinician", "reader"),
    ("own:geneticist", "reader"),
    ("own:researcher", "nobody"),
    ("own:admin", "admin"),
    ("own:auditor", "nobody"),
    ("foreign:clinician", "nobody"),
    ("foreign:geneticist", "nobody"),
    ("foreign:admin", "nobody"),
    ("foreign:auditor", "nobody"),
    ("guest:clinician", "guest"),
    ("guest:geneticist", "guest"),
    ("guest:admin", "nobody"),
    ("guest:auditor", "nobody"),
    ("revoked:clinician", "nobody"),
    ("revoked:geneticist", "nobody"),
    ("system:admin", "nobody"),
    ("system:auditor", "nobody"),
    ("", "nobody"),
];

pub async fn variant_of(reader: &Browser) -> String {
    let list = reader.json("/api/v1/own/fam/variants").await;
    list["variants"][0]["id"].as_str().unwrap().to_owned()
}

/// An entry of institute `own`.
pub async fn entry_of_own(app: &TestApp) -> String {
    let entries = app.audit_entries().await;
    let of_own = |entry: &&bson::Document| {
        entry.get_str("kind").is_ok_and(|text| text == "outcome")
            && entry.get_str("institute").is_ok_and(|text| text == "own")
            && entry.contains_key("request")
    };
    entries.iter().find(of_own).unwrap().get_str("_id").unwrap().to_owned()
}

/// Whether a role is answered by a route of this policy.
pub fn answers(who: &str, role: &str, is: &str) -> bool {
    match who {
        // `fam` is shared to be read only.
        "readers" | "owners" | "commenters" => is == "reader",
        "case readers" => matches!(is, "reader" | "guest"),
        "geneticists" => role == "own:geneticist",
        "admins" => is == "admin",
        "system admins" => role == "system:admin",
        "openers" => role.ends_with(":admin") || role.ends_with(":clinician") || role.ends_with(":geneticist"),
        "auditors" => role.ends_with(":auditor"),
        "own auditors" => matches!(role, "own:auditor" | "system:auditor"),
        _ => true,
    }
}

pub fn filled(path: &str, variant: &str, entry: &str, member: &str) -> String {
    path.replace("{entry}", entry)
        .replace("{user}", member)
        .replace("{view}", "none")
        .replace("{institute}", "own")
        .replace("{case}", "fam")
        .replace("{id}", variant)
        .replace("{flag}", crate::audit_flags::PLANTED)
        .replace("{erasure}", crate::audit_removal::PLANTED)
        .replace("{comment}", crate::comments::PLANTED)
        .replace("{filter}", crate::saved_filters::PLANTED)
        .replace("{number}", crate::mail::PLANTED)
        .replace("/find", "/find?q=7:124491972")
        .replace("/account/confirm", "/account/confirm?class=administration")
}

#[tokio::test]
async fn the_hand_written_table_names_every_route_and_its_policy() {
    let declared: BTreeMap<(String, String), Access> = lodestone::app::routes()
        .table()
        .iter()
        .map(|route| ((route.method.to_string(), route.path.to_owned()), route.access))
        .collect();
    let by_hand: BTreeMap<(String, String), &str> =
        TABLE.iter().map(|(method, path, who)| ((method.to_string(), path.to_string()), *who)).collect();
    assert_eq!(declared.keys().collect::<Vec<_>>(), by_hand.keys().collect::<Vec<_>>());
    for (route, access) in declared {
        let words = match access {
            Access::Public => "everybody",
            Access::SecondFactor => "half signed in",
            Access::Enrolling => "enrolling",
            Access::SignedIn => "signed in",
            Access::SteppedUp => "confirmed",
            Access::Institute => "readers",
            Access::Case => "case readers",
            Access::CaseCommenter => "commenters",
            Access::CaseEditor => "owners",
            Access::CaseGeneticist => "geneticists",
            Access::InstituteAdmin => "admins",
            Access::SystemAdmin => "system admins",
            Access::EmergencyUser => "openers",
            Access::Auditor => "auditors",
        };
        assert_eq!(words, by_hand[&route].trim_start_matches("own "), "{route:?}");
    }
}

/// Shares `fam` of `own` with the institutes `guest` and `revoked`, and ends the latter.
pub async fn shared_with_guest_and_no_longer_with_revoked(app: &TestApp) {
    for institute in ["guest", "revoked"] {
        app.institute(institute).await;
    }
    assert!(app.cli(&["institute", "set", "own", "--share-with", "guest,revoked"]).await);
    let owner = app.opened(&app.user(&["own:clinician"]).await, StepUpClass::BulkExport).await;
    for with in ["guest", "revoked"] {
        let form = crate::sharing::terms(&[("with", with)]);
        let answer = crate::sharing::send(&owner, "/own/fam/sharing", &form).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }
    crate::sharing::end_share(app, &owner, "fam").await;
}

#[tokio::test]
async fn every_route_answers_its_roles_and_nobody_else() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    app.given_case("own", "fam").await;
    app.given_case("foreign", "secret").await;
    let variant = variant_of(&app.signed_in(&["own:clinician"]).await).await;
    let entry = entry_of_own(&app).await;
    let member = app.user(&["own:clinician"]).await.id.to_string();
    crate::audit_flags::planted(&app, "own", None).await;
    crate::audit_removal::planted(&app, "own").await;
    crate::comments::planted(&app).await;
    crate::saved_filters::planted(&app).await;
    crate::validation::planted(&app, &variant).await;
    crate::mail::planted(&app, &variant).await;
    shared_with_guest_and_no_longer_with_revoked(&app).await;
    for (role, is) in ROLES {
        let grants: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let browser = app.signed_in(grants).await;
        for (method, path, who) in TABLE.iter().filter(|(method, ..)| *method == "GET") {
            if matches!(*path, "/static/{*file}" | "/auth/demo" | "/auth/invitation" | "/auth/callback") {
                continue; // shown elsewhere: a file by its hashed name, doors that need a link by tests of their own
            }
            let status = browser.get(&filled(path, &variant, &entry, &member)).await.status();
            let answered = status.is_success() || status == StatusCode::SEE_OTHER;
            let expected = answers(who, role, is);
            assert_eq!(answered, expected, "{method} {path} as `{role}`: {status}");
            if !expected {
                let told = *who == "owners" && is == "guest";
                let refused = if told { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
                assert_eq!(status, refused, "{path} as `{role}` looks absent");
            }
        }
    }
    for (role, is) in ROLES {
        let grants: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let browser = app.confirmed_as(grants).await;
        let csrf = browser.csrf("/audit/notice").await;
        for (_, path, who) in TABLE.iter().filter(|(method, path, _)| *method == "POST" && path.starts_with("/audit")) {
            // Forms that are well-formed, so that only the role decides; there is no such question or view.
            let place = ["foreign", "guest"].into_iter().find(|place| role.starts_with(place)).unwrap_or("own");
            let form: &[(&str, &str)] = match path.rsplit('/').next() {
                Some("opening") => &[("reason", "a patient complained in writing")],
                Some("agree") if path.contains("erasures") => &[("rev", "1")],
                Some("agree" | "refuse") if path.contains("redactions") => &[("rev", "2")],
                Some("withdraw") => &[("rev", "1")],
                Some("agree") => &[("opening", "none"), ("rev", "1")],
                Some("erasures") => &[("institute", place), ("case", "fam"), ("legal_basis", "a law and a decision")],
                Some("review") => &[("decision", "fine"), ("note", "they were asked to look"), ("rev", "1")],
                Some("views") => &[("name", role), ("query", "case=fam")],
                _ => &[],
            };
            let form: Vec<(&str, &str)> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
            let status = browser.post(&filled(path, &variant, &entry, &member), &form).await.status();
            let decided_once = ["{flag}", "{erasure}", "{comment}"].iter().any(|decided| path.contains(decided));
            if decided_once && status == StatusCode::CONFLICT {
                assert!(answers(who, role, is), "{path} as `{role}`: the second of two reviewers is told of the first");
                continue;
            }
            let there = decided_once || !path.ends_with("/agree") && !path.ends_with("/delete");
            let expected = if there && answers(who, role, is) { StatusCode::SEE_OTHER } else { StatusCode::NOT_FOUND };
            assert_eq!(status, expected, "{path} as `{role}`");
        }
    }
    let stranger = app.stranger();
    for (_, path, who) in TABLE.iter().filter(|(method, path, _)| {
        *method == "GET"
            && !path.contains('*')
            && !path.starts_with("/auth/demo")
            && !matches!(*path, "/auth/invitation" | "/auth/callback")
    }) {
        let response = stranger.get(&filled(path, &variant, &entry, &member)).await;
        match (*who, path.starts_with("/api/")) {
            ("everybody", _) => assert!(!response.status().is_client_error(), "{path}"),
            (_, true) => assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}"),
            (_, false) => {
                assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
                assert_eq!(response.headers()["location"], "/login", "{path}");
            }
        }
    }
    app.end().await;
}

/// I4: a foreign case and one that does not exist differ in nothing but the request's own id and nonce.
#[tokio::test]
async fn a_case_of_another_institute_looks_absent() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    app.given_case("foreign", "secret").await;
    let foreign_variant = {
        let reader = app.signed_in(&["foreign:clinician"]).await;
        let list = reader.json("/api/v1/foreign/secret/variants").await;
        list["variants"][0]["id"].as_str().unwrap().to_owned()
    };
    app.given_case("own", "fam").await;
    let member = app.user(&["foreign:clinician"]).await.id;
    let clinician = app.signed_in(&["own:clinician"]).await;
    for (there, absent) in [
        ("/foreign/secret", "/foreign/nothing"),
        ("/foreign/secret/variants", "/foreign/nothing/variants"),
        ("/foreign/secret/find?q=7:124491972", "/foreign/nothing/find?q=7:124491972"),
        ("/api/v1/foreign/secret/find?q=POT1", "/api/v1/foreign/nothing/find?q=POT1"),
        ("/foreign", "/nowhere"),
        ("/foreign/settings", "/nowhere/settings"),
        ("/foreign/settings/addresses", "/nowhere/settings/addresses"),
        ("/foreign/members", "/nowhere/members"),
        (&format!("/foreign/members/{member}"), &format!("/foreign/members/{}", "a".repeat(26))),
        ("/api/v1/foreign/secret", "/api/v1/foreign/nothing"),
        ("/api/v1/foreign/cases", "/api/v1/nowhere/cases"),
        ("/api/v1/foreign/members", "/api/v1/nowhere/members"),
        ("/api/v1/foreign/settings", "/api/v1/nowhere/settings"),
        ("/admin/institutes/foreign", "/admin/institutes/nowhere"),
        (&format!("/own/fam/variants/{foreign_variant}"), &format!("/own/fam/variants/{}", "a".repeat(26))),
        (
            &format!("/api/v1/own/fam/variants/{foreign_variant}"),
            &format!("/api/v1/own/fam/variants/{}", "a".repeat(26)),
        ),
    ] {
        let (one, other) = (clinician.get(there).await, clinician.get(absent).await);
        assert_eq!(one.status(), StatusCode::NOT_FOUND, "{there}");
        assert_eq!(other.status(), StatusCode::NOT_FOUND, "{absent}");
        assert_eq!(names_of(&one), names_of(&other));
        let (one, other) = (masked(one).await, masked(other).await);
        assert_eq!(one, other, "{there}");
        assert_eq!(one.contains("Ann Example"), !there.starts_with("/api/"), "{there}: the page knows who asks");
    }
    app.end().await;
}

fn names_of(response: &reqwest::Response) -> Vec<String> {
    response.headers().keys().map(ToString::to_string).collect()
}

/// The body without what is made anew for each request.
async fn masked(response: reqwest::Response) -> String {
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    response.text().await.unwrap().replace(&id, "ID").replace(&nonce, "NONCE")
}

#[tokio::test]
async fn a_token_reads_one_institute_and_dies_with_its_user() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("other").await;
    app.given_case("own", "fam").await;
    app.given_case("other", "fam").await;
    let user = app.user(&["own:clinician", "other:clinician"]).await;
    let own = "own".parse().unwrap();
    let token = app.app.tokens.create(&user.id, &own, TokenScope::Read, 30, app.clock.now()).await.unwrap();
    let script = app.stranger();
    assert_eq!(script.with_token("/api/v1/own/fam", &token).await.status(), StatusCode::OK);
    assert_eq!(script.with_token("/api/v1/other/fam", &token).await.status(), StatusCode::NOT_FOUND);
    for wrong in ["", "lode_", "nonsense", &token[..token.len() - 1]] {
        assert_eq!(script.with_token("/api/v1/own/fam", wrong).await.status(), StatusCode::UNAUTHORIZED, "`{wrong}`");
    }
    app.wait(jiff::SignedDuration::from_hours(24 * 30));
    assert_eq!(script.with_token("/api/v1/own/fam", &token).await.status(), StatusCode::UNAUTHORIZED, "expired");
    let token = app.app.tokens.create(&user.id, &own, TokenScope::Read, 30, app.clock.now()).await.unwrap();
    assert!(app.cli(&["user", "disable", user.email.as_str()]).await);
    assert_eq!(script.with_token("/api/v1/own/fam", &token).await.status(), StatusCode::UNAUTHORIZED, "disabled");
    app.end().await;
}

/// Waits until a session's last use is noted, which happens beside the answer.
async fn until_noted(app: &TestApp) {
    let now = bson::DateTime::from_millis(app.clock.now().as_millisecond());
    for _ in 0..400 {
        let sessions = app.documents("sessions", bson::doc! {}).await;
        if sessions.iter().any(|session| session.get_datetime("last_seen_at").is_ok_and(|at| *at == now)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the session's last use was not noted");
}

/// S4: idle time slides, the absolute limit does not. S5 and A19: a disabled user is out at once.
#[tokio::test]
async fn a_session_ends_when_it_should() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let minutes = jiff::SignedDuration::from_mins;
    let idle = app.signed_in(&["own:clinician"]).await;
    for _ in 0..2 {
        app.wait(minutes(29));
        assert_eq!(idle.get("/own").await.status(), StatusCode::OK, "used within half an hour");
        until_noted(&app).await;
    }
    app.wait(minutes(31));
    assert_eq!(idle.get("/own").await.status(), StatusCode::SEE_OTHER, "idle for longer");

    let user = app.user(&["own:clinician"]).await;
    let browser = app.browser_of(&user).await;
    for _ in 0..25 {
        app.wait(minutes(28));
        assert_eq!(browser.get("/own").await.status(), StatusCode::OK, "within twelve hours");
        until_noted(&app).await;
    }
    app.wait(minutes(28));
    assert_eq!(browser.get("/own").await.status(), StatusCode::SEE_OTHER, "after twelve hours");

    let browser = app.browser_of(&user).await;
    assert_eq!(browser.get("/own").await.status(), StatusCode::OK);
    assert!(app.cli(&["user", "disable", user.email.as_str()]).await);
    assert_eq!(browser.get("/own").await.status(), StatusCode::SEE_OTHER);
    app.end().await;
}

/// A form's fields and the headers it comes with.
type Submitted<'a> = (&'a [(&'a str, &'a str)], Vec<(HeaderName, String)>);

/// S6, S7, S3: forms need their token and our origin; a copied cookie is dead after sign-out.
#[tokio::test]
async fn forms_are_taken_from_our_own_pages_only() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let other = app.signed_in(&["own:clinician"]).await;
    let (csrf, foreign_csrf) = (browser.csrf("/own").await, other.csrf("/own").await);
    let site = HeaderName::from_static("sec-fetch-site");
    let ours = (ORIGIN, app.origin.clone());
    let refused: [Submitted; 8] = [
        (&[], vec![ours.clone()]),
        (&[("csrf", "")], vec![ours.clone()]),
        (&[("csrf", &foreign_csrf)], vec![ours.clone()]),
        (&[("csrf", &csrf), ("csrf", &csrf)], vec![ours.clone()]),
        (&[("csrf", &csrf)], vec![]),
        (&[("csrf", &csrf)], vec![(ORIGIN, "null".into())]),
        (&[("csrf", &csrf)], vec![(ORIGIN, "https://evil.example".into())]),
        (&[("csrf", &csrf)], vec![ours.clone(), (site, "cross-site".into())]),
    ];
    for (form, headers) in refused {
        let response = browser.post_from("/logout", form, &headers).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{form:?} {headers:?}");
        assert_eq!(browser.get("/own").await.status(), StatusCode::OK, "still signed in");
    }
    let extra = browser.post("/logout", &[("csrf", &csrf), ("role", "admin")]).await;
    assert_eq!(extra.status(), StatusCode::BAD_REQUEST, "fields we do not know are refused");
    assert_eq!(browser.get("/logout").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/own").await.status(), StatusCode::SEE_OTHER, "the copied cookie is dead");
    app.end().await;
}

/// The demo's door: once, ten minutes, demo databases only.
#[tokio::test]
async fn a_demo_link_works_once_and_only_in_a_demo() {
    let demo = TestApp::start_demo().await;
    demo.institute("own").await;
    let user = demo.user(&["own:clinician"]).await;
    let stranger = demo.stranger();
    let token = demo.app.demo_links.create(&user.id, demo.clock.now()).await.unwrap();
    let path = format!("/auth/demo?token={token}");
    assert!(stranger.page(&path).await.contains("Ann Example"));
    assert!(stranger.page(&path).await.contains("Ann Example"), "looking does not use it up");
    let entered = stranger.post("/auth/demo", &[("token", &token)]).await;
    assert_eq!(entered.status(), StatusCode::SEE_OTHER);
    assert!(entered.headers()["set-cookie"].to_str().unwrap().starts_with("__Host-sid="));
    assert_eq!(stranger.post("/auth/demo", &[("token", &token)]).await.status(), StatusCode::NOT_FOUND, "used");
    let late = demo.app.demo_links.create(&user.id, demo.clock.now()).await.unwrap();
    demo.wait(jiff::SignedDuration::from_mins(10));
    assert_eq!(stranger.post("/auth/demo", &[("token", &late)]).await.status(), StatusCode::NOT_FOUND, "late");
    demo.end().await;

    let real = TestApp::start().await;
    let user = real.user(&[]).await;
    let token = real.app.demo_links.create(&user.id, real.clock.now()).await.unwrap();
    let stranger = real.stranger();
    assert_eq!(stranger.get(&format!("/auth/demo?token={token}")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stranger.post("/auth/demo", &[("token", &token)]).await.status(), StatusCode::NOT_FOUND);
    real.end().await;
}
