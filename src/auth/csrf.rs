use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Proves that a form was written by this server for this session.
///
/// It is an HMAC of the session id, so nothing has to be stored, and knowing it does not give the session.
#[derive(Clone)]
pub struct CsrfToken(String);

impl CsrfToken {
    pub(super) fn of_session(id: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(id.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(b"lodestone csrf v1");
        Self(crate::ids::base32(&mac.finalize().into_bytes()))
    }

    /// The text that goes into a form or the header `X-CSRF-Token`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares without telling by time how much is right.
    #[must_use]
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl std::fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CsrfToken(…)")
    }
}

/// Whether a browser says that an unsafe request comes from our own pages.
///
/// `Sec-Fetch-Site` must be `same-origin` when present, `Origin` must be ours when present, and one of them must be.
#[must_use]
pub fn same_origin(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("(unreadable)"));
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let from = text(header::ORIGIN);
    let site_ok = site.is_none_or(|site| site == "same-origin");
    let from_ok = from.is_none_or(|from| from == origin);
    site_ok && from_ok && (site.is_some() || from.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_belongs_to_one_session() {
        let token = CsrfToken::of_session("one");
        assert!(token.matches(CsrfToken::of_session("one").as_str()));
        assert!(!token.matches(CsrfToken::of_session("two").as_str()));
        assert!(!token.matches(""));
    }

    #[test]
    fn only_our_own_pages_may_post() {
        let ours = "https://clinic.example";
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.insert(*name, value.parse().unwrap());
            }
            map
        };
        assert!(same_origin(&headers(&[("origin", ours)]), ours));
        assert!(same_origin(&headers(&[("sec-fetch-site", "same-origin"), ("origin", ours)]), ours));
        assert!(!same_origin(&headers(&[]), ours));
        assert!(!same_origin(&headers(&[("origin", "null")]), ours));
        assert!(!same_origin(&headers(&[("origin", "https://evil.example")]), ours));
        assert!(!same_origin(&headers(&[("sec-fetch-site", "cross-site")]), ours));
        assert!(!same_origin(&headers(&[("sec-fetch-site", "same-site"), ("origin", ours)]), ours));
    }
}
