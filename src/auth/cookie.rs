use axum::http::{HeaderMap, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::target::LocalPath;

/// `__Host-` binds the cookie to this host, to `/` and to a secure origin.
const NAME: &str = "__Host-sid";
/// Carries a half session: the first factor was proved, the second was not. A name of its own, so that it never passes
/// for a session.
const HALF: &str = "__Host-half";
/// The handle of a browser that is with an identity provider.
const FLOW: &str = "__Host-oidc";
/// The handle of a form that is kept for its author, and its key.
const KEPT: &str = "__Host-kept";
/// Remembers the page that somebody was on the way to.
pub(super) const TARGET: &str = "__Host-to";
/// Characters that a cookie's value may hold (RFC 6265 section 4.1.1) and that need no escape.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The `Cookie` value of a session, as its browser sends it.
pub(crate) fn header(session: &str) -> String {
    format!("{NAME}={session}")
}

/// The session id a request carries.
pub(crate) fn read(headers: &HeaderMap) -> Option<&str> {
    named(headers, NAME).filter(|value| is_token(value))
}

/// The half session's id a request carries.
pub(super) fn half(headers: &HeaderMap) -> Option<&str> {
    named(headers, HALF).filter(|value| is_token(value))
}

/// The handle with which this browser left for an identity provider.
pub(super) fn flow(headers: &HeaderMap) -> Option<&str> {
    named(headers, FLOW).filter(|value| is_token(value))
}

/// The handle of the form that this browser sent in vain.
pub(super) fn kept(headers: &HeaderMap) -> Option<&str> {
    named(headers, KEPT).filter(|value| is_token(value))
}

/// The first cookie of a name.
pub(super) fn named<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// Only texts that this program could have made are looked up.
fn is_token(value: &str) -> bool {
    value.len() == 52 && value.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte))
}

/// The `Set-Cookie` value that starts a session. It ends with the browser; the database says when it ends sooner.
pub(super) fn start(id: &str) -> HeaderValue {
    HeaderValue::try_from(format!("{NAME}={id}; Path=/; Secure; HttpOnly; SameSite=Lax"))
        .expect("a session id is base32, which a header may hold")
}

/// The `Set-Cookie` value that starts a half session.
pub(super) fn start_half(id: &str) -> HeaderValue {
    HeaderValue::try_from(format!("{HALF}={id}; Path=/; Secure; HttpOnly; SameSite=Lax"))
        .expect("a half session's id is base32, which a header may hold")
}

/// The `Set-Cookie` value that a browser leaves for an identity provider with, for ten minutes.
pub(super) fn start_flow(handle: &str) -> HeaderValue {
    HeaderValue::try_from(format!("{FLOW}={handle}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"))
        .expect("a handle is base32, which a header may hold")
}

/// The `Set-Cookie` value of a form that is kept, for a quarter of an hour.
pub(super) fn start_kept(handle: &str) -> HeaderValue {
    HeaderValue::try_from(format!("{KEPT}={handle}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900"))
        .expect("a handle is base32, which a header may hold")
}

/// The `Set-Cookie` value that forgets a form.
pub(super) fn clear_kept() -> HeaderValue {
    HeaderValue::from_static("__Host-kept=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The `Set-Cookie` value that forgets the way to an identity provider.
pub(super) fn clear_flow() -> HeaderValue {
    HeaderValue::from_static("__Host-oidc=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The `Set-Cookie` value that ends a half session in the browser.
pub(super) fn clear_half() -> HeaderValue {
    HeaderValue::from_static("__Host-half=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The `Set-Cookie` value that remembers a page for ten minutes.
pub(super) fn target(path: &LocalPath) -> HeaderValue {
    let value = utf8_percent_encode(path.as_str(), VALUE);
    HeaderValue::try_from(format!("{TARGET}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"))
        .expect("a percent-encoded path is ASCII, which a header may hold")
}

/// The `Set-Cookie` value that forgets the page.
pub(super) fn clear_target() -> HeaderValue {
    HeaderValue::from_static("__Host-to=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The `Set-Cookie` value that ends a session in the browser.
#[must_use]
pub fn clear() -> HeaderValue {
    HeaderValue::from_static("__Host-sid=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_ids_are_taken() {
        let id = crate::clock::random_token();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("a=b; __Host-sid={id}; c=d").parse().unwrap());
        assert_eq!(read(&headers), Some(id.as_str()));
        for bad in ["__Host-sid=", "__Host-sid=ABC", "sid=x", "__Host-sid", ";;;=;"] {
            headers.insert(header::COOKIE, bad.parse().unwrap());
            assert_eq!(read(&headers), None, "{bad}");
        }
    }

    #[test]
    fn the_cookie_has_every_flag() {
        let id = crate::clock::random_token();
        let path = LocalPath::read("/own/fam?a=b&c=;d").unwrap();
        let ended = [clear(), clear_half(), clear_target(), clear_flow(), clear_kept()];
        for value in
            [start(&id), start_half(&id), start_flow(&id), start_kept(&id), target(&path)].into_iter().chain(ended)
        {
            let text = value.to_str().unwrap();
            for flag in ["__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(text.contains(flag), "{flag}");
            }
            assert!(!text.contains("Domain"));
            assert!(text.matches(';').count() <= 5, "a path cannot add attributes: {text}");
        }
    }
}
