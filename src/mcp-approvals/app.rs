//! What every request needs, made once.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Settings;
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::password::Passwords;
use crate::store::{Store, StoreError};
use crate::throttle::Throttle;

/// The state of all routes.
pub type AppState = Arc<App>;

/// What every request needs.
pub struct App {
    /// The configuration
    pub settings: Settings,
    /// Under which URL people reach the service, without a slash at the end
    pub url: String,
    /// The record
    pub store: Store,
    /// Changes of what changes
    pub feed: Feed,
    /// What is counted
    pub metrics: Metrics,
    /// Failures to sign in
    pub throttle: Throttle,
    /// Hashing of passwords
    pub passwords: Passwords,
    /// What all instances on one database share, and nobody else knows
    pub secret: String,
    /// Becomes `true` when the service is to stop: what waits answers at once
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// Joins the parts.
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

    /// Returns the page of an approval.
    #[must_use]
    pub fn page(&self, approval: &str) -> String {
        format!("{}/approvals/{approval}", self.url)
    }

    /// Tells whether people reach the service by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// Returns the origin of the service's pages, as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        let mut parts = self.url.splitn(4, '/');
        let (scheme, host) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        format!("{scheme}//{host}").to_lowercase()
    }

    /// Completes once the service is to stop.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // Whoever could say so is gone: that is a stop, too.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}
