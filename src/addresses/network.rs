use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// A range of IPv4 or IPv6 addresses, as `10.1.0.0/16`; a single address is a range of one.
///
/// It is canonical: no bits beyond the prefix, and an IPv4-mapped IPv6 range (`::ffff:10.1.0.0/112`) is the IPv4 range, as
/// the addresses it is compared with are. An IPv6 range never covers IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a network: {advice}")]
pub struct NetworkError {
    text: String,
    advice: String,
}

/// Bits of an IPv6 address before the IPv4 address that is mapped into it.
const MAPPED: u8 = 96;

impl Network {
    /// Whether an address is in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = |advice: String| NetworkError { text: text.chars().take(80).collect(), advice };
        let written = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
            wrong("write an address such as 192.0.2.7, or a range such as 10.1.0.0/16 or 2001:db8:5::/64".to_owned())
        })?;
        let mapped = match written {
            IpNet::V6(range) if range.prefix_len() >= MAPPED => range.addr().to_ipv4_mapped().map(|address| {
                Ipv4Net::new(address, range.prefix_len() - MAPPED).expect("at most 128 - 96 = 32 bits are left")
            }),
            _ => None,
        };
        let range = mapped.map_or(written, IpNet::V4);
        // A slip of the pen must not open a wider range than was meant.
        if range.trunc() == range { Ok(Self(range)) } else { Err(wrong(format!("the range is {}", range.trunc()))) }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_cover_what_they_say_in_every_spelling() {
        for (range, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8:5::/64", "2001:db8:5::ffff", "2001:db8:5:1::"),
            ("::ffff:10.1.0.0/112", "10.1.2.3", "10.2.0.0"),
            ("10.1.0.0/16", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
        ] {
            assert!(network(range).contains(address(inside)), "{inside} is in {range}");
            assert!(!network(range).contains(address(outside)), "{outside} is not in {range}");
        }
        assert_eq!(network("::ffff:10.1.0.0/112").to_string(), "10.1.0.0/16");
        assert_eq!(network("192.0.2.7/32").to_string(), "192.0.2.7");
    }

    #[test]
    fn what_is_no_range_is_refused_with_advice() {
        for bad in
            ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "fe80::1%eth0", "010.0.0.1", "clinic.example", " 10.0.0.1"]
        {
            assert!(bad.parse::<Network>().unwrap_err().to_string().contains("is not a network"), "{bad}");
        }
        let slip = "10.1.2.3/8".parse::<Network>().unwrap_err().to_string();
        assert_eq!(slip, "`10.1.2.3/8` is not a network: the range is 10.0.0.0/8");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}") {
            let _ = text.parse::<Network>();
        }

        #[test]
        fn what_is_written_reads_back(bits in any::<u128>(), four in any::<bool>(), length in 0..=128_u8) {
            let address: IpAddr = if four {
                std::net::Ipv4Addr::from(u32::try_from(bits >> 96).unwrap()).into()
            } else {
                std::net::Ipv6Addr::from(bits).into()
            };
            let length = length % if four { 33 } else { 129 };
            let range = IpNet::new(address, length).unwrap().trunc();
            let read = network(&range.to_string());
            prop_assert_eq!(network(&read.to_string()), read);
            prop_assert!(read.contains(range.network()) && read.contains(range.broadcast()));
        }
    }
}
