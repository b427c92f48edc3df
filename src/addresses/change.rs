//! Changing from where something is open: compare-and-set, with a row in the history, and never so that whoever does it
//! locks out themselves.

use std::net::IpAddr;

use bson::Bson;
use jiff::Timestamp;
use mongodb::ClientSession;

use super::model::{AddressRules, Limits, Subject};
use crate::app::AppState;
use crate::db::StoreError;
use crate::events::{Actor, Change, EventKind, addresses_subject, fact};
use crate::users::{Authority, Membership, Role, RoleGrant, SystemRole};

/// Who changes rules, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    /// By which right.
    pub authority: Authority<'a>,
    /// The address of the request; none for a command on the machine, which rules do not concern.
    pub from: Option<IpAddr>,
}

/// What became of a change.
#[derive(Debug, Clone)]
pub enum Changed {
    /// It is stored.
    Stored(AddressRules),
    /// Everything was so already; nothing was written.
    AsBefore,
    /// Somebody else changed it since revision `known`; this is what is stored now.
    Conflict(AddressRules),
    /// Whoever asked lost the right to it in the meantime.
    NotAllowed,
    /// It would lock out whoever asks, and with them perhaps the last administrator: why.
    LocksOut(&'static str),
}

const OUTSIDE: &str = "Your own address is in none of these networks: you would lock yourself out, and could not undo it. Add the network that you are in.";
const RUNS_OUT: &str = "Every one of these networks has a last day: after it nobody could administer, and nobody could undo it. Leave the last day out of at least one.";
/// Says in a [`StoreError::Conflict`] that the right to a change is gone.
const RIGHT: &str = "your own role";

/// Whether rules leave whoever makes them their administration: `None` when they do, else why not.
#[must_use]
pub fn locks_out(rules: &[AddressRules], subject: &Subject, maker: &Maker<'_>, now: Timestamp) -> Option<&'static str> {
    let (from, role) = (maker.from?, maker.authority.role()?);
    if !subject.concerns(&role) {
        return None;
    }
    if rules.iter().any(|rules| rules.subject.concerns(&role) && !rules.limits.admit(from, now)) {
        return Some(OUTSIDE);
    }
    rules.iter().any(|rules| rules.subject == *subject && rules.limits.will_run_out()).then_some(RUNS_OUT)
}

/// Stores `wanted` in place of revision `known` of a subject's limits, with its event, in one transaction.
///
/// Changes of rules take place one after another, and each looks at all rules about its maker as they then are: of two
/// administrators who at the same moment each leave the other outside, one is refused.
pub async fn change(
    app: &AppState,
    subject: &Subject,
    known: i64,
    wanted: &Limits,
    maker: Maker<'_>,
    actor: &Actor,
) -> Result<Changed, StoreError> {
    let before = app.addresses.of(subject).await?;
    if before.limits == *wanted {
        return Ok(Changed::AsBefore);
    }
    if before.rev != known {
        return Ok(Changed::Conflict(before));
    }
    let after = AddressRules { limits: wanted.clone(), rev: known + 1, ..before.clone() };
    let event = Change {
        subject: addresses_subject(subject),
        rev: after.rev,
        kind: EventKind::AddressesChanged,
        institute: subject.institute().cloned(),
        case_id: None,
        before: if known == 0 { Bson::Null } else { fact(&before.limits)? },
        after: fact(wanted)?,
    };
    app.events.prepare().await?;
    app.addresses.prepare().await?;
    let mut transaction = app.db.begin().await?;
    let written = loop {
        let work = write(app, &mut transaction.session, &after, &event, maker, actor).await;
        // What locks out is written nowhere: the transaction ends without it.
        let work = work.and_then(|locks_out| locks_out.map_or(Ok(()), |why| Err(StoreError::Conflict(why))));
        if let Some(written) = transaction.end(work).await {
            break written;
        }
    };
    match written {
        Ok(()) => Ok(Changed::Stored(after)),
        Err(StoreError::Conflict(RIGHT)) => Ok(Changed::NotAllowed),
        Err(StoreError::Conflict(why @ (OUTSIDE | RUNS_OUT))) => Ok(Changed::LocksOut(why)),
        Err(StoreError::Conflict(_) | StoreError::Exists(_)) => {
            let now = app.addresses.of(subject).await?;
            Ok(if now.limits == *wanted { Changed::AsBefore } else { Changed::Conflict(now) })
        }
        Err(error) => Err(error),
    }
}

async fn write(
    app: &AppState,
    session: &mut ClientSession,
    after: &AddressRules,
    event: &Change,
    maker: Maker<'_>,
    actor: &Actor,
) -> Result<Option<&'static str>, StoreError> {
    let now = app.clock.now();
    if !app.users.still_may(session, maker.authority).await? {
        return Err(StoreError::Conflict(RIGHT));
    }
    app.addresses.hold(session).await?;
    app.addresses.put(session, after, after.rev - 1).await?;
    let rules = app.addresses.of_places_in(session, &[Subject::System.place(), after.subject.place()]).await?;
    if let Some(why) = locks_out(&rules, &after.subject, &maker, now) {
        return Ok(Some(why));
    }
    app.events.append(session, event, actor, now).await?;
    Ok(None)
}

impl Authority<'_> {
    /// The role that somebody administers by; none for a command on the machine.
    fn role(&self) -> Option<RoleGrant> {
        match self {
            Self::Machine => None,
            Self::System(_) => Some(RoleGrant::System(SystemRole::Admin)),
            Self::Institute(_, institute) => {
                Some(RoleGrant::Member(Membership { institute: (*institute).clone(), role: Role::Admin }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::{at, limits};
    use super::*;
    use crate::ids::UserId;

    fn rules(subject: &str, networks: &[&str]) -> AddressRules {
        AddressRules { limits: limits(networks), rev: 1, ..AddressRules::none_of(subject.parse().unwrap()) }
    }

    /// S13
    #[test]
    fn s13_nobody_shuts_the_door_on_themselves() {
        let (user, own, now) = (UserId::random(), "own".parse().unwrap(), at("2026-03-04T05:06:07Z"));
        let from = |address: &str| Maker {
            authority: Authority::Institute(&user, &own),
            from: Some(address.parse().unwrap()),
        };
        let told = |rules: &[AddressRules], subject: &str, maker: &Maker<'_>| {
            locks_out(rules, &subject.parse().unwrap(), maker, now)
        };
        let house = [rules("own", &["10.0.0.0/8"]), rules("own:admin", &["10.1.0.0/16"])];
        assert_eq!(told(&house, "own", &from("10.1.0.1")), None);
        assert_eq!(told(&house, "own:admin", &from("10.2.0.1")), Some(OUTSIDE), "all rules about the role count");
        assert_eq!(told(&house, "own:clinician", &from("10.2.0.1")), None, "no administration is lost by that");
        assert_eq!(told(&house, "own", &Maker { authority: Authority::Machine, from: None }), None);
        let over = [rules("own", &["10.0.0.0/8 2026-03-03", "203.0.113.9"])];
        assert_eq!(told(&over, "own", &from("10.1.0.1")), Some(OUTSIDE), "a network that does not count any more");
        let ending = [rules("own", &["10.0.0.0/8 2026-03-04", "203.0.113.9 2027-01-01"])];
        assert_eq!(told(&ending, "own", &from("10.1.0.1")), Some(RUNS_OUT));
        assert_eq!(told(&[rules("own", &[])], "own", &from("10.1.0.1")), None, "open from everywhere");
        let system = Maker { authority: Authority::System(&user), from: Some("203.0.113.9".parse().unwrap()) };
        assert_eq!(told(&[rules("system", &["10.0.0.0/8"])], "system", &system), Some(OUTSIDE));
        assert_eq!(told(&[rules("system:auditor", &["10.0.0.0/8"])], "system:auditor", &system), None);
    }
}
