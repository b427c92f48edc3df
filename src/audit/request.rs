//! What is kept of a request: enough to review it, no secret, free text sealed.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Uri, header};

use super::entry::{Payload, Subject};
use super::keys::Sealer;
use crate::variants::columns::PARAMETERS;

/// What stands in place of a secret.
const PRESENT: &str = "present";
/// Longest header value or address that is kept; the rest is cut off.
const LONGEST: usize = 4_000;
/// Headers whose value says nothing about a patient and is no secret.
const CLEAR_HEADERS: [HeaderName; 24] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::DNT,
    header::EXPECT,
    header::FORWARDED,
    header::HOST,
    header::IF_MODIFIED_SINCE,
    header::ORIGIN,
    header::PRAGMA,
    header::RANGE,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::UPGRADE_INSECURE_REQUESTS,
    header::USER_AGENT,
    header::VIA,
    HeaderName::from_static("priority"),
];
/// Beginnings of further such headers.
const CLEAR_PREFIXES: [&str; 3] = ["sec-fetch-", "sec-ch-", "x-forwarded-"];
/// Headers and parameters with one of these in their name hold secrets: not even sealed is their value kept.
const SECRETS: [&str; 11] =
    ["auth", "cookie", "csrf", "token", "secret", "password", "passwd", "key", "code", "state", "session"];
/// Parameters of pages other than the variant list whose values are words of our own.
const VIEW: [&str; 9] = ["category", "list", "sort", "order", "page", "per_page", "status", "role", "window"];

/// The erasable part of a request's intent.
pub(super) fn payload(request: &Request, subjects: Vec<Subject>, sealer: &Sealer, request_id: &str) -> Payload {
    Payload {
        subjects,
        url: Some(sealer.seal(&without_secrets(request.uri()), request_id)),
        view: Some(view(request.uri())).filter(|view| !view.is_empty()),
        headers: Some(headers(request.headers(), sealer, request_id)),
    }
}

/// Most genes and regions of one request that become subjects; all of them are in the view.
const SOUGHT: usize = 20;

/// Genes and regions of the query string as subjects, in the one spelling they are reviewed by.
pub(super) fn sought(uri: &Uri) -> Vec<Subject> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    pairs
        .into_iter()
        .filter(|(name, value)| matches!(name.as_str(), "gene" | "region") && is_word(value) && !value.is_empty())
        .take(SOUGHT)
        .map(|(kind, value)| Subject { id: spelt(&kind, &value), kind, granted: false })
        .collect()
}

/// The one spelling of a gene (`POT1`) or region (`7:1-9`).
pub(super) fn spelt(kind: &str, text: &str) -> String {
    let text = text.trim().to_ascii_uppercase();
    if kind == "gene" {
        return text;
    }
    text.strip_prefix("CHR").unwrap_or(&text).replace(',', "")
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

fn headers(headers: &HeaderMap, sealer: &Sealer, request_id: &str) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for name in headers.keys() {
        let text = || {
            let values: Vec<_> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            cut(&values.join(", "))
        };
        let value = if is_secret(name.as_str()) {
            PRESENT.to_owned()
        } else if CLEAR_HEADERS.contains(name) || CLEAR_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
        {
            text()
        } else {
            let text = text();
            let text =
                text.parse::<Uri>().ok().filter(|_| *name == header::REFERER).map_or(text, |uri| without_secrets(&uri));
            sealer.seal(&text, request_id)
        };
        kept.insert(name.as_str().to_owned(), value);
    }
    kept
}

/// The address with the values of secret parameters taken out.
fn without_secrets(uri: &Uri) -> String {
    let Some(query) = uri.query() else { return cut(&uri.to_string()) };
    let parts: Vec<String> = query
        .split('&')
        .map(|part| match part.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={PRESENT}"),
            _ => part.to_owned(),
        })
        .collect();
    cut(&format!("{}?{}", uri.path(), parts.join("&")))
}

/// Parameters that a page knows, with values that are single words: genes, regions, limits, pages; never free text.
fn view(uri: &Uri) -> BTreeMap<String, Vec<String>> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    let mut view: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs.into_iter().take(200) {
        if VIEW.contains(&name.as_str()) || PARAMETERS.iter().any(|(known, _)| *known == name) {
            let values = view.entry(name).or_default();
            if !value.is_empty() {
                values.push(if is_word(&value) { value } else { "(sealed)".to_owned() });
            }
        }
    }
    view
}

fn is_word(value: &str) -> bool {
    value.len() <= 60 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.,:@+-".contains(&byte))
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;
    use crate::audit::keys::AuditKeys;

    fn sealer() -> Sealer {
        AuditKeys::open(tempfile::tempdir().unwrap().path()).unwrap().sealer
    }

    #[test]
    fn secrets_are_present_free_text_is_sealed_the_rest_is_clear() {
        let request = Request::builder()
            .uri("/own/fam/variants?gene=POT1&region=7:1-9&q=Anna+Svensson&code=geheim&cadd_min=a+b")
            .header("cookie", "__Host-sid=geheim")
            .header("authorization", "Bearer geheim")
            .header("x-csrf-token", "geheim")
            .header("x-api-key", "geheim")
            .header("user-agent", "Browser 1")
            .header("referer", "http://h/own/fam?token=geheim&q=Anna")
            .header("x-note", "Anna")
            .body(Body::empty())
            .unwrap();
        let sealer = sealer();
        let kept = payload(&request, Vec::new(), &sealer, "r1");
        let text = serde_json::to_string(&kept).unwrap();
        assert!(!text.contains("geheim") && !text.contains("Anna"), "{text}");
        let headers = kept.headers.unwrap();
        for secret in ["cookie", "authorization", "x-csrf-token", "x-api-key"] {
            assert_eq!(headers[secret], PRESENT);
        }
        assert_eq!(headers["user-agent"], "Browser 1");
        assert_eq!(sealer.open(&headers["x-note"], "r1").unwrap(), "Anna");
        assert_eq!(sealer.open(&headers["referer"], "r1").unwrap(), "/own/fam?token=present&q=Anna");
        let view = kept.view.unwrap();
        assert_eq!(view["gene"], ["POT1"]);
        assert_eq!(view["region"], ["7:1-9"]);
        assert_eq!(view["cadd_min"], ["(sealed)"]);
        assert!(!view.contains_key("q"));
        let url = sealer.open(&kept.url.unwrap(), "r1").unwrap();
        assert!(url.contains("q=Anna+Svensson") && url.contains("code=present") && !url.contains("geheim"), "{url}");
    }

    #[test]
    fn genes_and_regions_are_subjects_in_one_spelling() {
        let uri = "/own/fam/variants?gene=pot1&region=chr7:1,000-2,000&gene=a+b&q=Anna".parse().unwrap();
        let found: Vec<_> = sought(&uri).into_iter().map(|subject| (subject.kind, subject.id)).collect();
        assert_eq!(found, [("gene".into(), "POT1".into()), ("region".to_owned(), "7:1000-2000".to_owned())]);
    }

    proptest! {
        #[test]
        fn any_query_is_described(query in "[ -~]{0,200}") {
            let Ok(uri) = format!("/x?{}", query.replace(['#', ' ', '"', '<', '>', '`', '{', '}', '|', '\\', '^'], "")).parse::<Uri>() else { return Ok(()) };
            for values in view(&uri).values() {
                prop_assert!(values.iter().all(|value| value == "(sealed)" || is_word(value)));
            }
            without_secrets(&uri);
        }
    }
}
