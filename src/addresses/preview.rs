//! Whom a change would lock out, as far as it is known where people are.

use std::net::IpAddr;

use jiff::Timestamp;

use super::access::AddressAdmin;
use super::forms::written;
use super::model::{Limits, Subject};
use crate::app::AppState;
use crate::db::StoreError;
use crate::ids::UserId;
use crate::users::User;

/// Somebody who would be outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outsider {
    pub name: String,
    pub email: String,
    /// Where they were last.
    pub address: IpAddr,
    /// When.
    pub at: Timestamp,
    user: UserId,
}

/// What a change would do to the people it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Preview {
    /// How many it concerns.
    pub concerned: usize,
    /// Those who would be outside, by name.
    pub outside: Vec<Outsider>,
    /// How many were not seen since they were added, or since addresses are noted.
    pub unknown: usize,
}

impl Preview {
    /// Holds limits against where the people they concern were last: in a session that is still stored, else when they
    /// signed in.
    pub async fn of(
        app: &AppState,
        admin: &AddressAdmin,
        subject: &Subject,
        wanted: &Limits,
    ) -> Result<Self, StoreError> {
        let mut people = match admin.institute() {
            Some(institute) => app.users.members(institute).await?,
            None => app.users.all().await?,
        };
        people.retain(|user| !user.disabled && user.standing().grants().iter().any(|role| subject.concerns(role)));
        people.sort_by(|one, other| (&one.name, &one.email).cmp(&(&other.name, &other.email)));
        let ids: Vec<UserId> = people.iter().map(|user| user.id.clone()).collect();
        let mut seen = app.users.last_sign_ins(&ids).await?;
        for (user, address, at) in app.sessions.last_addresses(&ids).await? {
            let known = seen.entry(user).or_insert((address, at));
            if known.1 <= at {
                *known = (address, at);
            }
        }
        let now = app.clock.now();
        let outsider = |user: &User| {
            let (address, at) = seen.get(&user.id).copied().filter(|(address, _)| !wanted.admit(*address, now))?;
            Some(Outsider {
                name: user.name.clone(),
                email: user.email.to_string(),
                address,
                at,
                user: user.id.clone(),
            })
        };
        Ok(Self {
            concerned: people.len(),
            outside: people.iter().filter_map(outsider).collect(),
            unknown: people.iter().filter(|user| !seen.contains_key(&user.id)).count(),
        })
    }

    /// Stands for what is shown: whoever saves with it saw who is outside of just these limits.
    pub fn mark(&self, subject: &Subject, rev: i64, wanted: &Limits) -> String {
        let mut hash = blake3::Hasher::new();
        let mut add = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        for text in [&subject.to_string(), &rev.to_string(), &wanted.contact] {
            add(text);
        }
        for allowed in &wanted.networks {
            add(&written(allowed));
        }
        for one in &self.outside {
            add(one.user.as_str());
        }
        crate::ids::base32(&hash.finalize().as_bytes()[..16])
    }
}
