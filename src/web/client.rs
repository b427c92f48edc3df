//! Where a request comes from.
//!
//! The address is that of the socket's other end, unless that is one of `server.trusted_proxies`. Then `X-Forwarded-For` is
//! read from its right end, where the nearest proxy wrote: each trusted proxy names whom it took the request from, and
//! the first who is no trusted proxy is the client. What stands further left is the client's own claim and is not looked
//! at; `Forwarded`, `X-Real-IP` and the like are never.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Once;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::addresses::Network;
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::AppError;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The two ends that a request came from, both canonical: an IPv4-mapped IPv6 address is the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// The machine that asks, as far as trusted proxies say.
    pub client: IpAddr,
    /// The other end of the socket.
    pub peer: IpAddr,
}

/// A trusted proxy named something that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl ClientAddress {
    /// What the layer found. Without one, as for a request that came through no socket, it is nobody's address.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        extensions.get::<Self>().copied().unwrap_or(Self { client: nobody, peer: nobody })
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

/// Whose request it is, for a peer that says this in `X-Forwarded-For`.
pub fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Result<IpAddr, Unreadable> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>().into_iter().rev();
    let mut named = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(client) {
        let Some(element) = named.next() else { break };
        let text = std::str::from_utf8(element.trim_ascii()).map_err(|_| Unreadable)?;
        client = text.parse::<IpAddr>().map_err(|_| Unreadable)?.to_canonical();
    }
    Ok(client)
}

/// Puts the [`ClientAddress`] into the request's extensions.
pub(super) async fn find(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let trusted = &app.config.server.trusted_proxies;
    if let Some(peer) = peer {
        if trusted.is_empty() && request.headers().contains_key(FORWARDED_FOR) {
            warn_once();
        }
        let found = client_of(peer, request.headers(), trusted);
        request.extensions_mut().insert(ClientAddress { client: found.unwrap_or(peer), peer });
        if found.is_err() {
            request.extensions_mut().insert(Unreadable);
        }
    }
    next.run(request).await
}

/// Ends a request whose address a trusted proxy named in a way that cannot be read: it is nobody's to guess.
pub(super) async fn refuse_unreadable(request: Request, next: Next) -> Response {
    if request.extensions().get::<Unreadable>().is_none() {
        return next.run(request).await;
    }
    if let Some(trail) = request.extensions().get::<Trail>() {
        trail.note_reason("unreadable X-Forwarded-For");
    }
    AppError::BadRequest(
        "The proxy in front of this server names your address in a way that cannot be read (X-Forwarded-For). Tell whoever runs the server."
            .to_owned(),
    )
    .into_response()
}

fn warn_once() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "a request carries X-Forwarded-For and server.trusted_proxies is empty: if a proxy stands in front of this server, name it there, or everybody counts as one address"
        );
    });
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    fn client(peer: &str, lines: &[&str], trusted: &[&str]) -> Result<String, Unreadable> {
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_of(peer.parse().unwrap(), &headers(lines), &trusted).map(|address| address.to_string())
    }

    /// S11
    #[test]
    fn s11_a_header_counts_as_far_as_trusted_proxies_wrote_it() {
        let proxies = ["10.0.0.0/8", "2001:db8:5::/64"];
        for (peer, lines, found) in [
            ("192.0.2.1", &["203.0.113.9"] as &[&str], "192.0.2.1"),
            ("192.0.2.1", &["nonsense"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1,\t203.0.113.9 , 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.3", "10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["nonsense, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["2001:db8::9, 2001:db8:5::1"], "2001:db8::9"),
        ] {
            assert_eq!(client(peer, lines, &proxies).as_deref(), Ok(found), "{peer} {lines:?}");
        }
        for lines in [
            &["nonsense"] as &[&str],
            &[""],
            &["203.0.113.9,"],
            &["203.0.113.9:80"],
            &["[2001:db8::9]"],
            &["unknown, 10.0.0.2"],
        ] {
            assert_eq!(client("10.0.0.1", lines, &proxies), Err(Unreadable), "{lines:?}");
        }
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from(bits).into()),
            any::<u128>().prop_map(|bits| std::net::Ipv6Addr::from(bits).into()),
            any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from(bits).to_ipv6_mapped().into()),
        ]
    }

    proptest! {
        /// S11: whatever anybody else sends, the socket's other end is who asks.
        #[test]
        fn s11_nobody_but_a_trusted_proxy_is_believed(peer in address(), lines in prop::collection::vec("[ -~]{0,40}", 0..4)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            for trusted in [vec![], vec!["192.0.2.7".parse::<Network>().unwrap()]] {
                prop_assume!(peer.to_canonical() != "192.0.2.7".parse::<IpAddr>().unwrap());
                prop_assert_eq!(client_of(peer, &headers(&lines), &trusted), Ok(peer.to_canonical()));
            }
        }

        /// S11: whatever a client puts before what the proxy adds, spread over lines as it likes, the proxy's word counts.
        #[test]
        fn s11_the_last_proxys_word_counts(
            claims in prop::collection::vec("[ -~]{0,40}", 0..4), real in address(), hops in 0..3_usize, spaces in "[ \t]{0,3}",
        ) {
            prop_assume!(!matches!(real.to_canonical(), IpAddr::V4(four) if four.octets()[0] == 10));
            let trusted = ["10.0.0.0/8".parse::<Network>().unwrap()];
            let named = format!("{spaces}{real}{spaces}");
            let added = (0..hops).fold(named, |text, hop| format!("{text},{spaces}10.9.9.{hop}"));
            let peer = "10.0.0.1".parse().unwrap();
            let mut lines: Vec<&str> = claims.iter().map(String::as_str).collect();
            lines.push(&added);
            prop_assert_eq!(client_of(peer, &headers(&lines), &trusted), Ok(real.to_canonical()), "a line of its own");
            let joined = lines.join(",");
            prop_assert_eq!(client_of(peer, &headers(&[&joined]), &trusted), Ok(real.to_canonical()), "one line");
        }
    }
}
