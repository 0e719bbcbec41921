//! Notifies tasks of changes: at once of those made by this process, after about a second of those made by
//! other instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::app::AppState;
use crate::logging;
use crate::store::{Change, Store, StoreError};

/// How often the database is polled for changes by other instances.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How many changes are kept for a slow listener; one that falls further behind learns that it has missed
/// some.
const CAPACITY: usize = 256;

/// What a listener receives changes from.
pub type Changes = broadcast::Receiver<Arc<Change>>;

/// A broadcast of changes. Every listener receives every change, or learns that it has missed some.
pub struct Feed {
    sender: broadcast::Sender<Arc<Change>>,
    wake: Notify,
    seen: AtomicI64,
}

impl Feed {
    /// Creates a feed of the changes after event number `seen`.
    #[must_use]
    pub fn new(seen: i64) -> Self {
        Self { sender: broadcast::channel(CAPACITY).0, wake: Notify::new(), seen: AtomicI64::new(seen) }
    }

    /// Subscribes to all changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> Changes {
        self.sender.subscribe()
    }

    /// Has the database read at once, because this process has changed something.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Sends the new changes in the database to all listeners.
    async fn publish(&self, store: &Store) -> Result<(), StoreError> {
        let mut seen = self.seen.load(Ordering::Relaxed);
        let last = store.last_event().await?;
        while last > seen {
            let changes = store.changes(seen, 100).await?;
            if changes.is_empty() {
                // The events are missing, as after a partial restore.
                seen = last;
            }
            for (seq, change) in changes {
                seen = seq;
                // An error means that nobody is listening.
                let _ = self.sender.send(Arc::new(change));
            }
            self.seen.store(seen, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Runs the feed until the service stops.
pub async fn run(app: AppState) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = app.feed.wake.notified() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = app.stopped() => return,
        }
        match app.feed.publish(&app.store).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                logging::line(format_args!("cannot read changes: {error}"));
            }
            Err(_) => {}
        }
    }
}
