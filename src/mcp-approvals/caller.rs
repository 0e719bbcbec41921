//! Who asks: an Envoy, by its token or its certificate.

use axum::http::HeaderMap;
use mcp_policy_engine::policy::Pattern;

use crate::app::App;
use crate::config::{self, Caller, CallerCredential};
use crate::secret;
use crate::store::StoreError;
use crate::user::{Peer, bearer};

/// A caller that showed who it is.
#[derive(Debug, Clone)]
pub struct AuthenticatedCaller {
    /// What it is called in events
    pub name: String,
    /// About which servers it may ask
    servers: Vec<Pattern>,
}

impl AuthenticatedCaller {
    /// Finds out which caller a request is from; `None` where it is none.
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

    /// Tells whether it may ask about calls of this server.
    #[must_use]
    pub fn may_ask(&self, server: &str) -> bool {
        config::matches_any(&self.servers, server)
    }
}
