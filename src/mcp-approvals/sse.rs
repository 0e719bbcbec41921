//! `GET /events`: tells a page that something changed which its reader may see.

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

/// How long a stream lasts. The page comes back, and shows anew who it is for.
const LASTS: Duration = Duration::from_secs(600);

/// How often a comment shows that the stream is alive.
const ALIVE: Duration = Duration::from_secs(20);

/// Streams `changed`, once for each change, as server-sent events.
pub async fn events(State(app): State<AppState>, MaybeUser(user): MaybeUser) -> Response {
    let Some(user) = user else {
        return error(StatusCode::UNAUTHORIZED, "needs somebody who is signed in");
    };
    let changes = app.feed.listen();
    let until = Instant::now().checked_add(LASTS).unwrap_or_else(Instant::now);
    let changes = stream::unfold(changes, move |mut changes| {
        let (app, user) = (AppState::clone(&app), user.clone());
        async move {
            let told = next(&app, &user, &mut changes, until).await;
            told.then(|| (Ok::<_, Infallible>(Event::default().event("changed").data("approvals")), changes))
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

/// Waits for a change that the user may see; `false` where the stream is over.
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
