//! Changes of what changes: in this process at once, from other instances about a second later.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::app::AppState;
use crate::logging;
use crate::store::{Change, Store, StoreError};

/// How often the record is looked at for what other instances wrote.
const LOOK: Duration = Duration::from_secs(1);

/// How much changes a slow listener may miss out on before it is told that it did.
const KEPT: usize = 256;

/// What a listener receives.
pub type Changes = broadcast::Receiver<Arc<Change>>;

/// Changes of what changes. Every listener hears of every change, or that it has missed some.
pub struct Feed {
    changes: broadcast::Sender<Arc<Change>>,
    wake: Notify,
    seen: AtomicI64,
}

impl Feed {
    /// Makes a feed of what comes behind the event `seen`.
    #[must_use]
    pub fn new(seen: i64) -> Self {
        Self { changes: broadcast::channel(KEPT).0, wake: Notify::new(), seen: AtomicI64::new(seen) }
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> Changes {
        self.changes.subscribe()
    }

    /// Says that this process has changed something, so that the record is looked at right away.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Tells all listeners what is new in the record.
    async fn tell(&self, store: &Store) -> Result<(), StoreError> {
        let mut seen = self.seen.load(Ordering::Relaxed);
        let last = store.last_event().await?;
        while last > seen {
            let changes = store.changes(seen, 100).await?;
            if changes.is_empty() {
                // A record that was put back in part.
                seen = last;
            }
            for (seq, change) in changes {
                seen = seq;
                // Nobody may be listening.
                let _ = self.changes.send(Arc::new(change));
            }
            self.seen.store(seen, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Keeps the feed going until the service stops.
pub async fn run(app: AppState) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = app.feed.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = app.stopped() => return,
        }
        match app.feed.tell(&app.store).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                logging::line(format_args!("no changes of changes: {error}"));
            }
            Err(_) => {}
        }
    }
}
