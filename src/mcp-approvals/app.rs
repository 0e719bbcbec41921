//! The state that all request handlers share.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Settings;
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::password::Passwords;
use crate::store::{Store, StoreError};
use crate::throttle::Throttle;

/// The state as axum's routes hold it.
pub type AppState = Arc<App>;

/// The state that all request handlers share.
pub struct App {
    /// The configuration
    pub settings: Settings,
    /// The URL at which people reach the service, without a trailing slash
    pub url: String,
    /// The database
    pub store: Store,
    /// Notifications of changes
    pub feed: Feed,
    /// Metrics
    pub metrics: Metrics,
    /// Limits failed attempts to sign in
    pub throttle: Throttle,
    /// Hashes passwords
    pub passwords: Passwords,
    /// A secret that all instances on one database share; it signs CSRF tokens
    pub secret: String,
    /// Becomes `true` when the service stops; waiting requests are then answered at once
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// Creates the state. `url` is the URL at which people reach the service.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn new(
        settings: Settings,
        url: String,
        store: Store,
        stopping: watch::Receiver<bool>,
    ) -> Result<AppState, StoreError> {
        let secret = store.secret().await?;
        let feed = Feed::new(store.last_event().await?);
        let (metrics, throttle, passwords) = (Metrics::new(), Throttle::default(), Passwords::new());
        let app = Self { settings, url, store, feed, metrics, throttle, passwords, secret, stopping };
        Ok(Arc::new(app))
    }

    /// Returns the URL of an approval's page.
    #[must_use]
    pub fn page(&self, approval: &str) -> String {
        format!("{}/approvals/{approval}", self.url)
    }

    /// Returns whether people reach the service over https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// Returns the origin of the service's pages (`scheme://host:port`, lower case), as browsers send it.
    #[must_use]
    pub fn origin(&self) -> String {
        let mut parts = self.url.splitn(4, '/');
        let (scheme, host) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        format!("{scheme}//{host}").to_lowercase()
    }

    /// Completes when the service stops.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // An error means that the sender is gone, which also means that the service stops.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}
