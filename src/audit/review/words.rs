//! What was done, in plain words.

use crate::audit::entry::Entry;
use crate::audit::formats;

/// Actions with the words auditors know them by, in the order of the form; a route without words shows its template.
pub(super) const ACTIONS: [(&str, &str); 161] = [
    ("GET /{institute}", "listed cases"),
    ("GET /{institute}/cases/worklist", "printed a worklist"),
    ("GET /{institute}/{case}", "opened case"),
    ("GET /{institute}/{case}/variants", "listed variants"),
    ("GET /{institute}/{case}/variants/{id}", "opened variant"),
    ("GET /{institute}/{case}/find", "looked for a variant"),
    ("GET /{institute}/{case}/variants.csv", "exported variants as CSV"),
    ("GET /{institute}/{case}/variants.tsv", "exported variants as TSV"),
    ("GET /{institute}/{case}/variants.xlsx", "exported variants as XLSX"),
    ("GET /{institute}/{case}/sharing", "looked with whom a case is shared"),
    ("POST /{institute}/{case}/sharing", "shared a case"),
    ("POST /{institute}/{case}/sharing/end", "ended sharing a case"),
    ("POST /{institute}/{case}/comments", "commented on a case"),
    ("POST /{institute}/{case}/variants/{id}/comments", "commented on a variant"),
    ("POST /{institute}/{case}/status", "set a case's status"),
    ("POST /{institute}/{case}/assignees", "changed who works on a case"),
    ("POST /{institute}/{case}/tags", "changed a case's tags"),
    ("POST /{institute}/{case}/synopsis", "changed a case's synopsis"),
    ("POST /{institute}/{case}/variants/{id}/pin", "pinned a variant, or not"),
    ("POST /{institute}/{case}/variants/{id}/causative", "marked a variant causative, or not"),
    ("POST /{institute}/{case}/variants/{id}/dismiss", "dismissed a variant, or not"),
    ("POST /{institute}/{case}/variants/{id}/rank", "ranked a variant by hand"),
    ("POST /{institute}/{case}/variants/{id}/undo", "undid a decision about a variant"),
    ("GET /{institute}/{case}/timeline", "read the timeline of a case"),
    ("POST /{institute}/{case}/read", "marked a case’s comments as read"),
    ("GET /{institute}/{case}/comments/{comment}", "read all texts of a comment"),
    ("POST /{institute}/{case}/comments/{comment}/edit", "changed a comment"),
    ("POST /{institute}/{case}/comments/{comment}/retract", "took a comment back"),
    ("POST /{institute}/{case}/comments/{comment}/redact", "asked for a comment to be erased"),
    ("GET /break-glass", "opened the page of emergency access"),
    ("POST /break-glass", "opened a case in an emergency"),
    ("POST /{institute}/{case}/break-glass/end", "ended emergency access"),
    ("GET /api/v1/institutes", "listed institutes (script)"),
    ("GET /api/v1/{institute}/cases", "listed cases (script)"),
    ("GET /api/v1/{institute}/{case}", "opened case (script)"),
    ("GET /api/v1/{institute}/{case}/variants", "listed variants (script)"),
    ("GET /api/v1/{institute}/{case}/variants/{id}", "opened variant (script)"),
    ("GET /api/v1/{institute}/{case}/find", "looked for a variant (script)"),
    ("GET /api/v1/openapi.json", "read the description of the API (script)"),
    ("GET /api/v1/{institute}/{case}/comments", "read comments (script)"),
    ("POST /api/v1/{institute}/{case}/comments", "commented (script)"),
    ("PUT /api/v1/{institute}/{case}/comments/{comment}", "changed a comment (script)"),
    ("POST /api/v1/{institute}/{case}/comments/{comment}/retract", "took a comment back (script)"),
    ("GET /api/v1/admin/users", "listed people (script)"),
    ("POST /api/v1/admin/users", "added a person (script)"),
    ("GET /api/v1/admin/users/{user}", "opened a person (script)"),
    ("POST /api/v1/admin/users/{user}/roles", "changed a person's roles (script)"),
    ("POST /api/v1/admin/users/{user}/disable", "disabled a person (script)"),
    ("POST /api/v1/admin/users/{user}/enable", "enabled a person (script)"),
    ("POST /api/v1/admin/users/{user}/invite", "invited a person (script)"),
    ("GET /api/v1/admin/institutes", "listed all institutes (script)"),
    ("POST /api/v1/admin/institutes", "added an institute (script)"),
    ("PUT /api/v1/admin/institutes/{institute}", "renamed an institute (script)"),
    ("GET /api/v1/admin/providers", "looked at the identity providers (script)"),
    ("GET /api/v1/{institute}/members", "listed members (script)"),
    ("POST /api/v1/{institute}/members", "added a member (script)"),
    ("POST /api/v1/{institute}/members/{user}/roles", "changed a member's roles (script)"),
    ("POST /api/v1/{institute}/members/{user}/invite", "invited a member (script)"),
    ("GET /api/v1/{institute}/settings", "read an institute's settings (script)"),
    ("PUT /api/v1/{institute}/settings", "changed an institute's settings (script)"),
    ("GET /", "opened the start page"),
    ("GET /login", "opened sign-in"),
    ("POST /logout", "signed out"),
    ("GET /auth/demo", "opened a demo link"),
    ("POST /auth/demo", "signed in by a demo link"),
    ("GET /audit", "reviewed the trail"),
    ("GET /audit/entries/{entry}", "reviewed an entry"),
    ("GET /audit/export.csv", "exported the trail as CSV"),
    ("GET /audit/export.ndjson", "exported the trail as NDJSON"),
    ("POST /audit/entries/{entry}/opening", "asked to open sealed text"),
    ("POST /audit/entries/{entry}/opening/agree", "agreed to open sealed text"),
    ("POST /audit/views", "saved a view of the trail"),
    ("POST /audit/views/{view}/delete", "deleted a view of the trail"),
    ("GET /audit/notice", "read what is recorded"),
    ("GET /audit/erasures", "read erasures"),
    ("POST /audit/erasures", "asked for an erasure"),
    ("POST /audit/erasures/{erasure}/agree", "agreed to an erasure"),
    ("POST /audit/erasures/{erasure}/withdraw", "withdrew an erasure"),
    ("POST /login", "gave a passphrase"),
    ("GET /login/code", "opened the page for a code"),
    ("POST /login/code", "gave a code at sign-in"),
    ("POST /login/passkey", "gave a passkey at sign-in"),
    ("GET /login/recovery", "opened the page for a recovery code"),
    ("POST /login/recovery", "gave a recovery code"),
    ("GET /auth/invitation", "opened an invitation"),
    ("GET /auth/callback", "came back from an identity provider"),
    ("POST /login/with/{provider}", "began sign-in with an identity provider"),
    ("POST /auth/invitation", "took an invitation"),
    ("GET /auth/enrol", "opened the set-up of an authenticator"),
    ("POST /auth/enrol", "set up an authenticator"),
    ("POST /auth/enrol/secret", "began the set-up of an authenticator anew"),
    ("GET /account", "opened the own account"),
    ("POST /account/sessions/end", "ended an own session"),
    ("POST /account/sessions/end-others", "ended all other own sessions"),
    ("GET /account/confirm", "opened the page for a fresh code"),
    ("POST /account/confirm", "gave a fresh code"),
    ("POST /account/confirm/passkey", "gave a fresh passkey"),
    ("GET /account/passkeys", "opened the own passkeys"),
    ("POST /account/passkeys", "added a passkey"),
    ("POST /account/passkeys/ask", "began to add a passkey"),
    ("POST /account/passkeys/remove", "removed a passkey"),
    ("GET /account/passphrase", "opened the page for another passphrase"),
    ("POST /account/passphrase", "changed the own passphrase"),
    ("GET /account/recovery", "opened the page for other recovery codes"),
    ("POST /account/recovery", "made other recovery codes"),
    ("GET /account/totp", "opened the page for another authenticator"),
    ("POST /account/totp", "changed the own authenticator"),
    ("POST /account/totp/secret", "began the change of the own authenticator anew"),
    ("GET /account/kept", "opened a form that was kept"),
    ("POST /account/kept/discard", "threw a kept form away"),
    ("GET /account/roles", "opened the own elevated roles"),
    ("POST /account/roles/enter", "entered an elevated role"),
    ("POST /account/roles/leave", "left an elevated role"),
    ("GET /account/tokens", "opened the own API tokens"),
    ("POST /account/tokens", "made an API token on the page"),
    ("POST /account/tokens/revoke", "ended an API token"),
    ("GET /admin/users", "listed people"),
    ("POST /admin/users", "added a person"),
    ("GET /admin/users/{user}", "opened a person"),
    ("POST /admin/users/{user}/roles", "changed a person's roles"),
    ("POST /admin/users/{user}/disable", "disabled a person"),
    ("POST /admin/users/{user}/enable", "enabled a person"),
    ("POST /admin/users/{user}/invite", "invited a person"),
    ("POST /admin/users/{user}/reset", "asked to reset a person's authenticator"),
    ("POST /admin/users/{user}/reset/confirm", "reset a person's authenticator"),
    ("GET /admin/institutes", "listed institutes"),
    ("POST /admin/institutes", "added an institute on the page"),
    ("GET /admin/institutes/{institute}", "opened an institute"),
    ("POST /admin/institutes/{institute}", "renamed an institute"),
    ("GET /admin/providers", "looked at the identity providers"),
    ("GET /admin/addresses", "opened the address rules of the system"),
    ("POST /admin/addresses", "changed the address rules of the system"),
    ("GET /{institute}/settings/addresses", "opened an institute's address rules"),
    ("POST /{institute}/settings/addresses", "changed an institute's address rules"),
    ("GET /{institute}/members", "listed members"),
    ("POST /{institute}/members", "added a member"),
    ("GET /{institute}/members/{user}", "opened a member"),
    ("POST /{institute}/members/{user}/roles", "changed a member's roles"),
    ("POST /{institute}/members/{user}/invite", "invited a member"),
    ("POST /{institute}/members/{user}/reset", "asked to reset a member's authenticator"),
    ("POST /{institute}/members/{user}/tokens/revoke", "ended a member's API tokens"),
    ("GET /audit/flags", "listed flags"),
    ("GET /audit/flags/{flag}", "opened a flag"),
    ("POST /audit/flags/{flag}/review", "reviewed a flag"),
    ("GET /{institute}/settings", "opened an institute's settings"),
    ("POST /{institute}/settings", "changed an institute's settings"),
    ("POST /{institute}/settings/restore", "put earlier settings back"),
    ("GET /mentions", "read comments that mention them"),
    ("GET /audit/redactions", "listed comments to be erased"),
    ("POST /audit/redactions/{comment}/agree", "erased a comment"),
    ("POST /audit/redactions/{comment}/refuse", "let a comment stand"),
    ("load case", "loaded a case"),
    ("case delete", "deleted a case"),
    ("user add", "added a user"),
    ("user disable", "disabled a user"),
    ("token create", "made an API token"),
    ("audit export", "exported the trail by command"),
    ("audit verify", "verified the trail"),
    ("audit erase", "erased what two auditors decided"),
    ("audit prune", "removed old months of the trail"),
    ("institute add", "added an institute"),
];

/// What an entry's request or command did.
pub(super) fn of(entry: &Entry) -> String {
    let action = formats::action(entry);
    match ACTIONS.iter().find(|(known, _)| *known == action) {
        Some((_, words)) => (*words).to_owned(),
        None if entry.request.as_ref().is_some_and(|request| request.route == "(no route)") => {
            "asked for a page that does not exist".to_owned()
        }
        None => action,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_that_leaves_entries_has_words_of_its_own() {
        let routes: BTreeSet<String> = crate::app::routes()
            .table()
            .iter()
            .filter(|route| !matches!(route.path, "/healthz" | "/readyz" | "/favicon.ico" | "/static/{*file}"))
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        let named: BTreeSet<String> =
            ACTIONS.iter().map(|(action, _)| (*action).to_owned()).filter(|action| action.contains(" /")).collect();
        assert_eq!(routes, named);
        let words: BTreeSet<&str> = ACTIONS.iter().map(|(_, words)| *words).collect();
        assert_eq!(words.len(), ACTIONS.len());
    }
}
