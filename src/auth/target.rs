//! Where somebody goes after signing in: one of our own pages, whatever was asked for.

use axum::http::{HeaderMap, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::cookie;

/// Longest path that is remembered, in bytes.
const LONGEST: usize = 1_000;
/// First segments that are no place to come back to.
const NOT_BACK_TO: [&str; 4] = ["login", "logout", "auth", "api"];

/// A path of this server with its query, so written that no browser takes it for another server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Reads a path; `None` for whatever could lead elsewhere or is no page to come back to.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let plain = text.len() <= LONGEST
            && text.starts_with('/')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`' | b'#'));
        let path = text.split('?').next().unwrap_or_default();
        // Also with what browsers and proxies may decode on the way, twice over.
        let once = percent_decode_str(path).decode_utf8().ok()?;
        let twice = percent_decode_str(&once).decode_utf8().ok()?;
        let local = |path: &str| !path.contains("//") && !path.contains('\\') && !path.chars().any(char::is_control);
        let first = path[path.len().min(1)..].split('/').next().unwrap_or_default();
        (plain && local(path) && local(&once) && local(&twice) && !NOT_BACK_TO.contains(&first))
            .then(|| Self(text.to_owned()))
    }

    /// The path with its query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where to go after signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The person's start page.
    Start,
    /// The page that asked for a sign-in.
    Page(LocalPath),
}

impl Target {
    /// What this browser was on its way to.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        cookie::named(headers, cookie::TARGET)
            .and_then(|text| percent_decode_str(text).decode_utf8().ok())
            .and_then(|text| LocalPath::read(&text))
            .map_or(Self::Start, Self::Page)
    }

    /// The address on this server.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Start => "/",
            Self::Page(path) => path.as_str(),
        }
    }
}

/// The cookie that remembers where a browser was on its way to, for a page that a person opened.
#[must_use]
pub fn remember(uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    let by_person = headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let path = uri.path_and_query().filter(|_| by_person).and_then(|path| LocalPath::read(path.as_str()))?;
    (path.as_str() != "/").then(|| cookie::target(&path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A17
    #[test]
    fn a17_only_pages_of_this_server_are_targets() {
        for good in ["/", "/own", "/own/fam/variants?gene=POT1&region=7:1-9", "/own/Familj%20%C3%96", "/account"] {
            assert_eq!(LocalPath::read(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "//evil.example",
            "///evil.example",
            "https:evil",
            "https://evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%2f%2fevil.example",
            "/%2fevil.example",
            "%2f%2fevil",
            "/%5cevil.example",
            "/%255cevil.example",
            "/%252fevil",
            "/own\r\nset-cookie: a=b",
            "/own%0d%0aset-cookie:a=b",
            "/own\tx",
            "/own x",
            "/öwn",
            "javascript:alert(1)",
            "/login",
            "/logout",
            "/auth/demo?token=x",
            "/own#//evil",
            &format!("/{}", "a".repeat(LONGEST)),
        ] {
            assert_eq!(LocalPath::read(bad), None, "{bad}");
        }
    }

    proptest! {
        /// A17: whatever is accepted stays here, by the rules that browsers use.
        #[test]
        fn a17_an_accepted_path_resolves_to_this_server(text in "[/\\\\%25fFcC:a-z?#@. \\r\\n]{0,30}") {
            if let Some(path) = LocalPath::read(&text) {
                let base = reqwest::Url::parse("https://clinic.example/login").unwrap();
                let resolved = base.join(path.as_str()).unwrap();
                prop_assert_eq!(resolved.origin(), base.origin());
                prop_assert!(HeaderValue::try_from(path.as_str()).is_ok());
            }
        }
    }
}
