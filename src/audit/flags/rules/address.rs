//! A new address, then an export within ten minutes.
//!
//! Staff walk between wards, so an address counts as new only when its network is new to the person and not one that
//! several colleagues use.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::{Fact, Finding, Rule, day};

const WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// A network that so many people use belongs to the house.
const COLLEAGUES: usize = 3;
/// Networks remembered per person and in all.
const OWN: usize = 50;
const ALL: usize = 2_000;

/// A person's networks.
#[serde_as]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    networks: Vec<String>,
    fresh: Option<Fresh>,
}

#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Fresh {
    network: String,
    entry: String,
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    at: Timestamp,
}

/// Who uses a network, up to the number that makes it the house's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Networks(Vec<(String, Vec<String>)>);

impl Networks {
    fn note(&mut self, network: &str, who: &str) -> bool {
        let at = self.0.iter().position(|(known, _)| known == network);
        let mut entry = at.map_or_else(|| (network.to_owned(), Vec::new()), |at| self.0.remove(at));
        let ours = entry.1.len() >= COLLEAGUES;
        if !ours && !entry.1.iter().any(|known| known == who) {
            entry.1.push(who.to_owned());
        }
        self.0.push(entry);
        if self.0.len() > ALL {
            self.0.remove(0);
        }
        ours
    }
}

/// The first 24 bits of an IPv4 address, the first 64 of an IPv6 address.
fn network(address: &str) -> Option<String> {
    Some(match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    })
}

impl Known {
    pub(super) fn take(&mut self, fact: &Fact, networks: &mut Networks) -> Option<Finding> {
        let network = fact.address.as_deref().and_then(network).filter(|_| fact.success && fact.user.is_some())?;
        let ours = networks.note(&network, &fact.who);
        if let Some(at) = self.networks.iter().position(|known| *known == network) {
            let known = self.networks.remove(at);
            self.networks.push(known);
        } else {
            let first = self.networks.is_empty();
            self.networks.push(network.clone());
            if self.networks.len() > OWN {
                self.networks.remove(0);
            }
            if !first && !ours {
                self.fresh = Some(Fresh { network: network.clone(), entry: fact.entry.clone(), at: fact.at });
            }
        }
        let fresh = self
            .fresh
            .as_ref()
            .filter(|fresh| fact.exported && fresh.network == network && fact.at.duration_since(fresh.at) <= WITHIN)?;
        let minutes = fact.at.duration_since(fresh.at).as_mins();
        let reason = format!(
            "{} exported {} records {minutes} min after the first use of {} (limit {} min). Of the network {network} this person had never been seen in {} others, and fewer than {COLLEAGUES} colleagues use it.",
            fact.name,
            fact.rows,
            fact.address.as_deref().unwrap_or("an address"),
            WITHIN.as_mins(),
            self.networks.len().saturating_sub(1),
        );
        let finding = Finding::about(fact, Rule::NewAddress, &format!("{network}/{}", day(fact.at)), reason);
        Some(Finding { entries: vec![fresh.entry.clone(), fact.entry.clone()], ..finding })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::super::{Memory, Settings};
    use super::*;

    fn from(minute: i64, address: &str, exported: bool) -> Fact {
        Fact { address: Some(address.into()), exported, ..fact(minute, "GET /{institute}") }
    }

    fn taken(facts: &[Fact]) -> usize {
        let mut memory = Memory::default();
        facts.iter().map(|fact| memory.take(fact, Settings::default()).len()).sum()
    }

    #[test]
    fn an_export_soon_after_a_new_address_is_flagged() {
        let known = from(0, "10.1.1.7", false);
        assert_eq!(taken(&[known.clone(), from(100, "203.0.113.9", false), from(109, "203.0.113.9", true)]), 1);
        assert_eq!(
            taken(&[known.clone(), from(100, "203.0.113.9", false), from(111, "203.0.113.9", true)]),
            0,
            "later"
        );
        assert_eq!(taken(&[known.clone(), from(100, "10.1.1.99", true)]), 0, "the same network");
        assert_eq!(taken(&[from(0, "203.0.113.9", true)]), 0, "a first address is compared with nothing");
        assert_eq!(taken(&[known, from(100, "::ffff:203.0.113.9", true)]), 1, "a mapped address");
    }

    #[test]
    fn a_network_of_the_house_is_not_new() {
        let mut facts: Vec<Fact> =
            (0..3).map(|n| Fact { who: format!("colleague {n}"), ..from(n, "10.9.9.9", false) }).collect();
        facts.push(from(5, "10.1.1.7", false));
        facts.push(from(100, "10.9.9.10", true));
        assert_eq!(taken(&facts), 0);
    }
}
