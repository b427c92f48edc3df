//! What was done, in plain words.

use crate::audit::entry::Entry;
use crate::audit::formats;

/// Actions with the words auditors know them by, in the order of the form; a route without words shows its template.
pub(super) const ACTIONS: [(&str, &str); 49] = [
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
    ("GET /break-glass", "opened the page of emergency access"),
    ("POST /break-glass", "opened a case in an emergency"),
    ("POST /{institute}/{case}/break-glass/end", "ended emergency access"),
    ("GET /api/v1/institutes", "listed institutes (script)"),
    ("GET /api/v1/{institute}/cases", "listed cases (script)"),
    ("GET /api/v1/{institute}/{case}", "opened case (script)"),
    ("GET /api/v1/{institute}/{case}/variants", "listed variants (script)"),
    ("GET /api/v1/{institute}/{case}/variants/{id}", "opened variant (script)"),
    ("GET /api/v1/{institute}/{case}/find", "looked for a variant (script)"),
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
