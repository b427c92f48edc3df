//! The form of rules: a line per network, as `10.1.0.0/16 wards of house 3 until 2026-12-31`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Network;
use super::model::{AddressRules, AllowedNetwork, Limits, Subject};
use crate::error::FieldError;
use crate::events::Actor;

/// Most networks of a subject.
const NETWORKS: usize = 200;
/// Most characters of a reason, and of whom to call.
const LONGEST: usize = 200;
/// Stands before a last day.
const UNTIL: &str = "until";

/// What was submitted, as it was typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsForm {
    /// What it is about.
    pub subject: Subject,
    /// Revision that the form was made from.
    pub rev: i64,
    /// A network a line.
    pub networks: String,
    /// Whom to call.
    pub contact: String,
    /// What the preview showed, when it was looked at.
    pub seen: Option<String>,
}

/// A line, read.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    network: Network,
    reason: String,
    last_day: Option<Date>,
}

impl Line {
    fn read(text: &str) -> Result<Self, String> {
        let (network, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let network: Network = network.parse().map_err(|error: super::NetworkError| error.to_string())?;
        let mut words: Vec<&str> = rest.split_whitespace().collect();
        let mut last_day = None;
        if let [.., UNTIL, day] = words.as_slice() {
            let read = day.parse().ok().filter(|_| day.len() == "2026-12-31".len());
            last_day = Some(read.ok_or_else(|| format!("`{day}` is not a day; write it as 2026-12-31"))?);
            words.truncate(words.len() - 2);
        }
        let reason = words.join(" ");
        if reason.is_empty() || reason.chars().count() > LONGEST || reason.chars().any(char::is_control) {
            return Err(format!(
                "write after {network} what is there or why it is allowed, in 1 to {LONGEST} characters"
            ));
        }
        Ok(Self { network, reason, last_day })
    }

    fn is(&self, known: &AllowedNetwork) -> bool {
        (self.network, &self.reason, self.last_day) == (known.network, &known.reason, known.last_day)
    }
}

/// A network as its line in the form.
pub(super) fn written(allowed: &AllowedNetwork) -> String {
    let until = allowed.last_day.map(|day| format!(" {UNTIL} {day}")).unwrap_or_default();
    format!("{} {}{until}", allowed.network, allowed.reason)
}

impl LimitsForm {
    /// The form that shows what is stored.
    pub fn of(rules: &AddressRules) -> Self {
        Self {
            subject: rules.subject.clone(),
            rev: rules.rev,
            networks: rules.limits.networks.iter().map(written).collect::<Vec<_>>().join("\n"),
            contact: rules.limits.contact.clone(),
            seen: None,
        }
    }

    /// The limits, or what is wrong with each field. A line that is stored already keeps who answers for it; a new one is
    /// `owner`'s.
    pub fn parse(&self, stored: &Limits, owner: &Actor, now: Timestamp) -> Result<Limits, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut networks: Vec<AllowedNetwork> = Vec::new();
        let lines = self.networks.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        for (number, text) in lines.filter(|(_, line)| !line.is_empty()) {
            match read_line(text, &networks, stored, owner, now) {
                Ok(allowed) => networks.push(allowed),
                Err(message) => wrong.push(FieldError::new("networks", text, format!("Line {number}: {message}."))),
            }
        }
        if networks.len() > NETWORKS {
            wrong.push(FieldError::new("networks", "", format!("Write at most {NETWORKS} networks.")));
        }
        let contact = self.contact.trim();
        if contact.chars().count() > LONGEST || contact.chars().any(char::is_control) {
            wrong.push(FieldError::new("contact", contact, format!("Write at most {LONGEST} characters on one line.")));
        } else if contact.is_empty() && !networks.is_empty() {
            wrong.push(FieldError::new("contact", contact, "Say whom those outside may call, and how."));
        }
        if wrong.is_empty() { Ok(Limits { networks, contact: contact.to_owned() }) } else { Err(wrong) }
    }
}

fn read_line(
    text: &str,
    before: &[AllowedNetwork],
    stored: &Limits,
    owner: &Actor,
    now: Timestamp,
) -> Result<AllowedNetwork, String> {
    let line = Line::read(text)?;
    if before.iter().any(|other| other.network == line.network) {
        return Err(format!("{} is there twice", line.network));
    }
    if let Some(known) = stored.networks.iter().find(|known| line.is(known)) {
        return Ok(known.clone());
    }
    if line.last_day.is_some_and(|day| day < now.to_zoned(TimeZone::UTC).date()) {
        return Err("its last day is over already".to_owned());
    }
    let Line { network, reason, last_day } = line;
    Ok(AllowedNetwork { network, reason, last_day, owner: owner.clone(), added_at: now })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::model::tests::{at, limits};
    use super::*;

    const NOW: &str = "2026-03-04T05:06:07Z";

    fn form(networks: &str, contact: &str) -> LimitsForm {
        LimitsForm {
            subject: "own".parse().unwrap(),
            rev: 0,
            networks: networks.into(),
            contact: contact.into(),
            seen: None,
        }
    }

    fn bea() -> Actor {
        Actor { user: None, name: "Bea".into() }
    }

    fn parse(networks: &str, stored: &Limits) -> Result<Limits, Vec<String>> {
        let read = form(networks, "4711").parse(stored, &bea(), at(NOW));
        read.map_err(|wrong| wrong.into_iter().map(|one| one.message).collect())
    }

    #[test]
    fn lines_name_network_reason_and_last_day() {
        let text = "10.1.0.0/16 wards of  house 3 until 2026-12-31\r\n\r\n 2001:db8::/32 laboratory\n192.0.2.7 until further notice";
        let read = parse(text, &Limits::default()).unwrap();
        let lines: Vec<String> = read.networks.iter().map(written).collect();
        assert_eq!(
            lines,
            [
                "10.1.0.0/16 wards of house 3 until 2026-12-31",
                "2001:db8::/32 laboratory",
                "192.0.2.7 until further notice"
            ]
        );
        assert_eq!(read.networks[0].owner, bea());
        assert_eq!(parse(" \n", &Limits::default()).unwrap().networks, []);
    }

    #[test]
    fn each_wrong_line_is_named() {
        for (text, message) in [
            ("10.1.0.0/16 a\n10.2.3.4/16 b", "Line 2: `10.2.3.4/16` is not a network: the range is 10.2.0.0/16."),
            ("10.1.0.0/16", "Line 1: write after 10.1.0.0/16 what is there"),
            ("10.1.0.0/16 until 2026-12-31", "Line 1: write after 10.1.0.0/16 what is there"),
            ("10.1.0.0/16 a until 2026-02-30", "Line 1: `2026-02-30` is not a day"),
            ("10.1.0.0/16 a until 31.12.2026", "Line 1: `31.12.2026` is not a day"),
            ("10.1.0.0/16 a until 2026-03-03", "Line 1: its last day is over already."),
            ("10.1.0.0/16 a\n::ffff:10.1.0.0/112 b", "Line 2: 10.1.0.0/16 is there twice."),
        ] {
            let wrong = parse(text, &Limits::default()).unwrap_err();
            assert!(wrong.len() == 1 && wrong[0].starts_with(message), "{text}: {wrong:?}");
        }
        let nobody = form("10.1.0.0/16 a", " ").parse(&Limits::default(), &bea(), at(NOW)).unwrap_err();
        assert_eq!(nobody[0].field, "contact");
        assert!(
            form("", "").parse(&Limits::default(), &bea(), at(NOW)).is_ok(),
            "open from everywhere, nobody to call"
        );
    }

    #[test]
    fn who_answers_for_a_line_stays_until_the_line_changes() {
        let stored = limits(&["10.1.0.0/16 2026-03-03", "10.2.0.0/16"]);
        let kept = parse("10.2.0.0/16 ward\n10.1.0.0/16 ward until 2026-03-03", &stored).unwrap();
        assert_eq!(kept.networks.iter().map(|one| one.owner.name.as_str()).collect::<Vec<_>>(), ["Ann", "Ann"]);
        let changed = parse("10.2.0.0/16 another ward", &stored).unwrap();
        assert_eq!(changed.networks[0].owner.name, "Bea");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(networks in "\\PC{0,200}", contact in "\\PC{0,20}") {
            let _ = form(&networks, &contact).parse(&Limits::default(), &bea(), at(NOW));
        }

        /// What the form shows of what is stored reads back as the same.
        #[test]
        fn what_is_shown_reads_back(
            lines in prop::collection::btree_map(any::<u32>(), ("[a-z0-9.,:-]{1,9}( [a-z]{1,9}){0,3}", prop::option::of(0..5_000_i64)), 0..9),
        ) {
            let first: Date = "2026-03-04".parse().unwrap();
            let networks = lines.into_iter().map(|(bits, (reason, days))| AllowedNetwork {
                network: std::net::Ipv4Addr::from(bits).to_string().parse().unwrap(),
                reason,
                last_day: days.map(|days| first + jiff::SignedDuration::from_hours(24 * days)),
                owner: bea(),
                added_at: at(NOW),
            });
            let limits = Limits { networks: networks.collect(), contact: "4711".into() };
            let rules = AddressRules { limits: limits.clone(), rev: 1, ..AddressRules::none_of("own".parse().unwrap()) };
            let shown = LimitsForm::of(&rules);
            prop_assert_eq!(shown.parse(&limits, &bea(), at(NOW)).unwrap(), limits.clone());
            prop_assert_eq!(shown.parse(&Limits::default(), &bea(), at(NOW)).unwrap(), limits);
        }
    }
}
