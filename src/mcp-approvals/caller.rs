//! Authenticates callers: Envoys, by token or by certificate.

use axum::http::HeaderMap;
use mcp_policy_engine::policy::Pattern;

use crate::app::App;
use crate::config::{self, Caller, CallerCredential};
use crate::secret;
use crate::store::StoreError;
use crate::user::{Peer, bearer};

/// A caller that has proved its identity.
#[derive(Debug, Clone)]
pub struct AuthenticatedCaller {
    /// Its name in events
    pub name: String,
    /// The servers it may ask about
    servers: Vec<Pattern>,
}

impl AuthenticatedCaller {
    /// Authenticates a request by its bearer token or, without one, by the peer's certificate. Returns
    /// `None` if neither belongs to a caller.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of(app: &App, headers: &HeaderMap, peer: Option<&Peer>) -> Result<Option<Self>, StoreError> {
        let Some(token) = bearer(headers) else {
            let names = peer.map(|peer| peer.names.as_ref()).unwrap_or_default();
            let shown = |caller: &&Caller| match &caller.credential {
                CallerCredential::Certificate(name) => names.contains(name),
                CallerCredential::Token(_) => false,
            };
            return Ok(app.settings.callers.iter().find(shown).map(Self::configured));
        };
        let hash = secret::hash(token);
        let shown = |caller: &&Caller| match &caller.credential {
            CallerCredential::Token(own) => secret::same(own, &hash),
            CallerCredential::Certificate(_) => false,
        };
        if let Some(caller) = app.settings.callers.iter().find(shown) {
            return Ok(Some(Self::configured(caller)));
        }
        let stored = app.store.caller(&hash).await?.filter(|caller| secret::same(&caller.hash, &hash));
        Ok(stored.map(|caller| Self { name: caller.name, servers: vec![Pattern::new("*")] }))
    }

    fn configured(caller: &Caller) -> Self {
        Self { name: caller.name.clone(), servers: caller.servers.clone() }
    }

    /// Returns whether this caller may ask about calls on `server`.
    #[must_use]
    pub fn may_ask(&self, server: &str) -> bool {
        config::matches_any(&self.servers, server)
    }
}
