//! `lodestone address …`: from where what is open, also for somebody who locked themselves out.

use anyhow::bail;
use jiff::Timestamp;

use super::{SystemScope, open};
use crate::addresses::{AddressRules, Changed, Limits, Maker, Subject, change};
use crate::app::AppState;
use crate::users::Authority;

pub(super) async fn list(app: &AppState, scope: &SystemScope, json: bool) -> anyhow::Result<()> {
    let now = app.clock.now();
    let mut rules = app.addresses.all().await?;
    rules.retain(|rules| !rules.limits.networks.is_empty());
    scope.note_rows(rules.len());
    if json {
        let list: Vec<_> = rules.iter().map(|rules| as_json(rules, now)).collect();
        println!("{}", serde_json::json!({ "addresses": list }));
        return Ok(());
    }
    for rules in rules {
        for allowed in &rules.limits.networks {
            let last_day = allowed.last_day.map_or_else(|| "-".to_owned(), |day| day.to_string());
            let over = if allowed.is_current(now) { "" } else { "\tover" };
            println!(
                "{}\t{}\t{last_day}\t{}\t{}{over}",
                rules.subject, allowed.network, allowed.owner.name, allowed.reason
            );
        }
    }
    Ok(())
}

fn as_json(rules: &AddressRules, now: Timestamp) -> serde_json::Value {
    let networks = rules.limits.networks.iter().map(|allowed| {
        serde_json::json!({
            "network": allowed.network, "reason": allowed.reason, "last_day": allowed.last_day,
            "owner": allowed.owner.name, "added_at": allowed.added_at, "counts": allowed.is_current(now),
        })
    });
    serde_json::json!({
        "subject": rules.subject, "contact": rules.limits.contact, "networks": networks.collect::<Vec<_>>(),
    })
}

/// `lodestone address clear`: open from everywhere again.
pub(super) async fn clear(app: &AppState, scope: &SystemScope, subject: &Subject) -> anyhow::Result<()> {
    scope.note("addresses", &subject.to_string(), subject.institute());
    let stored = app.addresses.of(subject).await?;
    let wanted = Limits { networks: Vec::new(), ..stored.limits };
    let maker = Maker { authority: Authority::Machine, from: None };
    match change(app, subject, stored.rev, &wanted, maker, &open::actor()).await? {
        Changed::Stored(_) => println!("{subject} is open from everywhere"),
        Changed::AsBefore => println!("{subject} is open from everywhere already"),
        Changed::Conflict(_) | Changed::NotAllowed | Changed::LocksOut(_) => {
            bail!("somebody else changed the addresses of {subject} at the same moment; run the command again")
        }
    }
    Ok(())
}
