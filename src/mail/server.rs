use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde_with::DeserializeFromStr;

/// A server that takes mail: `smtp://HOST:PORT` or `smtps://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, DeserializeFromStr)]
pub struct MailServer {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: Security,
}

/// How a connection is kept from others. Nothing leaves the machine in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Not at all: the server is on this machine.
    Plain,
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// By TLS from the first byte.
    Tls,
}

/// The text is no mail server. It is not repeated, for somebody may have written a password into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the mail server as smtp://HOST:PORT (by STARTTLS; without TLS only on localhost) or smtps://HOST:PORT; user and \
     password have settings of their own"
)]
pub struct NoMailServer;

/// Ports of submission by STARTTLS and by TLS (RFC 6409, RFC 8314), and of a server on this machine.
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;
const LOCAL: u16 = 25;

impl FromStr for MailServer {
    type Err = NoMailServer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, place) = text.split_once("://").ok_or(NoMailServer)?;
        let (host, port) = split(place).ok_or(NoMailServer)?;
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
        let (security, default) = match scheme {
            "smtps" => (Security::Tls, SUBMISSIONS),
            "smtp" if is_local => (Security::Plain, LOCAL),
            "smtp" => (Security::StartTls, SUBMISSION),
            _ => return Err(NoMailServer),
        };
        let port = match port {
            None => default,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(|_| NoMailServer)?,
            Some(_) => return Err(NoMailServer),
        };
        if port == 0 {
            return Err(NoMailServer);
        }
        Ok(Self { host: host.to_owned(), port, security })
    }
}

/// Host and port of `host`, `host:port`, `[::1]` or `[::1]:port`.
fn split(place: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = place.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return if rest.is_empty() { Some((host, None)) } else { Some((host, Some(rest.strip_prefix(':')?))) };
    }
    let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
    let is_name = host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    (is_name && !host.is_empty() && !host.starts_with(['.', '-'])).then_some((host, port))
}

impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == Security::Tls { "smtps" } else { "smtp" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_machine_in_plain_text() {
        for (text, host, port, security) in [
            ("smtp://localhost:2525", "localhost", 2525, Security::Plain),
            ("smtp://127.0.0.1", "127.0.0.1", 25, Security::Plain),
            ("smtp://[::1]:25", "::1", 25, Security::Plain),
            ("smtp://mail.clinic.example", "mail.clinic.example", 587, Security::StartTls),
            ("smtp://10.0.0.2:25", "10.0.0.2", 25, Security::StartTls),
            ("smtp://127.0.0.2:25", "127.0.0.2", 25, Security::StartTls), // a tunnel's end may be here
            ("smtp://localhost.evil.example:25", "localhost.evil.example", 25, Security::StartTls),
            ("smtps://mail.clinic.example", "mail.clinic.example", 465, Security::Tls),
            ("smtps://localhost:465", "localhost", 465, Security::Tls),
        ] {
            assert_eq!(text.parse(), Ok(MailServer { host: host.into(), port, security }), "{text}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused_without_repeating_it() {
        for text in [
            "",
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://:25",
            "smtp://mail.example:",
            "smtp://mail.example:0",
            "smtp://mail.example:99999",
            "smtp://mail.example:+25",
            "smtp://mail.example/",
            "smtp://mail.example?tls=none",
            "smtp://[::1",
            "smtp://[::1]25",
            "smtp://Mail Example",
            "smtp://ann:geheim@mail.example",
            "smtp://a\r\nb",
        ] {
            let error = text.parse::<MailServer>().unwrap_err().to_string();
            assert!(!error.contains("geheim"), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_server_that_is_written_the_same_or_none(text in "(smtps?://)?[a-z0-9.:@\\[\\]/-]{0,24}") {
            if let Ok(server) = text.parse::<MailServer>() {
                proptest::prop_assert_eq!(server.to_string().parse(), Ok(server));
            }
        }
    }
}
