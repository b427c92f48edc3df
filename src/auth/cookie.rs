use axum::http::{HeaderMap, HeaderValue, header};

/// `__Host-` binds the cookie to this host, to `/` and to a secure origin.
const NAME: &str = "__Host-sid";

/// The session id a request carries.
pub(crate) fn read(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == NAME && is_token(value)).then_some(value))
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
        let value = start(&crate::clock::random_token());
        let text = value.to_str().unwrap();
        for flag in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(text.contains(flag), "{flag}");
        }
        assert!(!text.contains("Domain"));
    }
}
