//! `lodestone case restrict` and `lodestone case open`: the way out when nobody who was named reads the case any more.

use std::collections::BTreeSet;

use anyhow::bail;

use super::{SystemScope, open};
use crate::app::AppState;
use crate::cases::Case;
use crate::restriction::{Became, By, Wanted, restrict};
use crate::users::Email;

/// Who is to read a case, from addresses and a reason.
pub(super) async fn wanted(app: &AppState, people: &[Email], reason: &str) -> anyhow::Result<Wanted> {
    let mut named = BTreeSet::new();
    for email in people {
        match app.users.by_email(email).await? {
            Some(user) => named.insert(user.id),
            None => bail!("there is no user {email}"),
        };
    }
    Ok(Wanted::Named { people: named, reason: reason.to_owned() })
}

/// Names who reads the case, or lets everybody of its institute.
pub(super) async fn set(app: &AppState, scope: &SystemScope, case: &Case, wanted: &Wanted) -> anyhow::Result<()> {
    scope.note("case", case.name.as_str(), Some(&case.institute));
    scope.note("case_id", case.id.as_str(), Some(&case.institute));
    match restrict(app, By::Machine(scope, &open::actor()), case, wanted, None).await? {
        Became::Done => {}
        Became::Refused(why) => bail!("case {} of {}: {why}", case.name, case.institute),
        Became::Stale(..) => bail!("case {} was changed by somebody else in the meantime; run it again", case.name),
    }
    match wanted {
        Wanted::Named { people, .. } => {
            println!("case {} of {} is restricted to {} people", case.name, case.institute, people.len());
        }
        Wanted::Everybody => {
            println!("case {0} of {1} is open to all who read cases of {1}", case.name, case.institute);
        }
    }
    Ok(())
}
