//! Signing in with an institute's own identity provider: `OpenID` Connect, code flow with PKCE.
//!
//! A provider vouches for the first factor only; the second is ours. What it says is read once: tokens are dropped after
//! the identity is known. People are linked by issuer and subject through an invitation, never by an e-mail address.

mod client;
mod flow;
mod http;
mod identity;

use std::sync::Arc;

use jiff::Timestamp;

pub use client::{Health, Provider, ProviderError};
pub(super) use flow::{Flow, FlowStore};
pub(super) use identity::Link;
pub use identity::{Identity, IdentityStore};

use crate::config::SignInConfig;

/// The configured providers.
#[derive(Clone, Default)]
pub struct Providers(Arc<Vec<Provider>>);

impl Providers {
    /// Reads secrets and makes a client for each provider; nothing is asked of them yet. One that cannot be used stands in
    /// nobody else's way: it says so when it is tried, and `lodestone check` does.
    #[must_use]
    pub fn open(config: &SignInConfig) -> Self {
        Self(Arc::new(config.providers.iter().map(Provider::open).collect()))
    }

    /// In the order of the configuration.
    pub fn all(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// How each is found now: all are asked at once, and none may take longer than three seconds.
    pub async fn look(&self, now: Timestamp) -> Vec<Health> {
        futures::future::join_all(self.all().map(|provider| provider.look(now))).await
    }

    /// The provider with this short name.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.id() == id)
    }
}
