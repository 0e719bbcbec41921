//! `GET /events`: a stream of server-sent events that tells a page when an approval changed that its viewer
//! may see.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::api::error;
use crate::app::{App, AppState};
use crate::feed::Changes;
use crate::user::{MaybeUser, User};

/// How long a stream lasts. The page then reconnects and is authenticated again.
const DURATION: Duration = Duration::from_secs(600);

/// How often a comment is sent to keep the stream alive.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Sends one event `changed` for each change.
pub async fn events(State(app): State<AppState>, MaybeUser(user): MaybeUser) -> Response {
    let Some(user) = user else {
        return error(StatusCode::UNAUTHORIZED, "needs a signed-in user");
    };
    let changes = app.feed.subscribe();
    let until = Instant::now().checked_add(DURATION).unwrap_or_else(Instant::now);
    let changes = stream::unfold(changes, move |mut changes| {
        let (app, user) = (AppState::clone(&app), user.clone());
        async move {
            let changed = next(&app, &user, &mut changes, until).await;
            changed
                .then(|| (Ok::<_, Infallible>(Event::default().event("changed").data("approvals")), changes))
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// Waits for a change that the user may see. Returns `false` when the stream ends.
async fn next(app: &App, user: &User, changes: &mut Changes, until: Instant) -> bool {
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = sleep_until(until) => return false,
            () = app.stopped() => return false,
        };
        match change {
            Ok(change) if change.approval.is_empty() => {}
            Ok(change) if !user.access.sees(&change.server, &change.tool) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}
