//! `POST /v1/approvals`: an Envoy asks about a call. The answer can be held until a person decides.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

use crate::api::{error, failed, json_answer};
use crate::app::{App, AppState};
use crate::caller::AuthenticatedCaller;
use crate::clock::{now_ms, rfc3339};
use crate::feed::Changes;
use crate::logging;
use crate::model::{Approval, Status};
use crate::question::{self, AskRequest};
use crate::store::StoreError;
use crate::user::Peer;

/// The largest body, in bytes. A call's arguments can have up to 16 MiB.
const MAX_BODY: usize = 20 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers one question. Counts refused questions, and logs at most one of them per second.
pub async fn ask(State(app): State<AppState>, request: Request<Body>) -> Response {
    static LOGGED_MS: AtomicI64 = AtomicI64::new(0);
    let from = request.extensions().get::<Peer>().map(|peer| peer.address.ip().to_string());
    let response = handle(&app, request).await;
    if response.status().is_client_error() {
        app.metrics.refused();
        let now_ms = now_ms();
        if now_ms.saturating_sub(LOGGED_MS.swap(now_ms, Ordering::Relaxed)) > 1000 {
            let (status, from) = (response.status().as_u16(), from.unwrap_or_default());
            logging::line(format_args!("refused a question from {from} with status {status}"));
        }
    }
    response
}

async fn handle(app: &App, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let caller = match AuthenticatedCaller::of(app, &parts.headers, parts.extensions.get::<Peer>()).await {
        Ok(Some(caller)) => caller,
        Ok(None) => return unauthenticated(),
        Err(why) => return failed(&why),
    };
    if !is_json(&parts.headers) {
        let what = "the content type must be `application/json`, in UTF-8";
        return error(StatusCode::UNSUPPORTED_MEDIA_TYPE, what);
    }
    let body = match timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(why)) => {
            let what = "the body must arrive whole and have 20971520 bytes or fewer";
            // axum has no public type for this error, so compare its text.
            let too_large =
                std::error::Error::source(&why).is_some_and(|why| why.to_string().contains("limit"));
            let status = if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            return error(status, what);
        }
        Err(_) => return error(StatusCode::REQUEST_TIMEOUT, "the body must arrive within 30 seconds"),
    };
    let asked = match question::read(&body) {
        Ok(question) => question,
        Err(what) => return error(StatusCode::BAD_REQUEST, &what.to_string()),
    };
    drop(body);
    if !caller.may_ask(&asked.question.server) {
        let what = format!("`server`: the caller `{}` may not ask about this server", caller.name);
        return error(StatusCode::FORBIDDEN, &what);
    }
    match ask_and_wait(app, &asked, &caller).await {
        Ok(approval) => {
            app.metrics.asked(approval.status);
            answer_to(app, &approval)
        }
        Err(why @ (StoreError::TooManyPending(_) | StoreError::OverQuota(_))) => {
            error(StatusCode::TOO_MANY_REQUESTS, &why.to_string())
        }
        Err(why) => failed(&why),
    }
}

/// Records the question, and holds the answer while the approval is pending. If the caller disconnects,
/// hyper drops this future, so nothing is consumed for a caller that is gone.
async fn ask_and_wait(
    app: &App,
    asked: &AskRequest,
    caller: &AuthenticatedCaller,
) -> Result<Approval, StoreError> {
    let wait = Duration::from_secs(u64::from(asked.wait_seconds));
    let until = Instant::now().checked_add(wait).unwrap_or_else(Instant::now);
    // Subscribe before asking, so that a decision made in between is not missed.
    let mut changes = app.feed.subscribe();
    loop {
        let approval = app.store.ask(&asked.question, &caller.name, now_ms).await?;
        app.feed.wake();
        // Ask again to get the result: another call may have consumed the approval meanwhile.
        if approval.status != Status::Pending
            || !wait_for_decision(app, &approval, &mut changes, until).await?
        {
            return Ok(approval);
        }
    }
}

/// Waits for a decision on a pending approval. Returns `false` if `until` has come, the approval has
/// expired or the service stops.
async fn wait_for_decision(
    app: &App,
    approval: &Approval,
    changes: &mut Changes,
    until: Instant,
) -> Result<bool, StoreError> {
    let left_ms = u64::try_from(approval.expires_ms.saturating_sub(now_ms())).unwrap_or_default();
    let ends = Instant::now().checked_add(Duration::from_millis(left_ms)).unwrap_or(until);
    let until = until.min(ends);
    while Instant::now() < until {
        tokio::select! {
            () = wait_for_change(changes, &approval.id) => {}
            () = sleep_until(until) => return Ok(false),
            () = app.stopped() => return Ok(false),
        }
        match app.store.status(&approval.id, now_ms()).await? {
            Some(Status::Pending) => {}
            // Asking again would supersede the newer question.
            Some(Status::Expired | Status::Superseded) | None => return Ok(false),
            Some(_) => return Ok(true),
        }
    }
    Ok(false)
}

/// Waits until the approval changes, or until this receiver has missed changes.
async fn wait_for_change(changes: &mut Changes, approval: &str) {
    loop {
        match changes.recv().await {
            Ok(change) if change.approval != approval => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Returns the answer to a question.
fn answer_to(app: &App, approval: &Approval) -> Response {
    let mut answer = json!({
        "status": if approval.status == Status::Consumed { "approved" } else { approval.status.as_str() },
        "id": approval.id,
        "url": app.page(&approval.id),
        "expires_at": rfc3339(approval.expires_ms),
    });
    let reason = approval.decision.as_ref().and_then(|decided| decided.reason.as_ref());
    if let (Some(reason), Some(answer)) = (reason, answer.as_object_mut()) {
        answer.insert("reason".to_owned(), reason.as_str().into());
    }
    json_answer(StatusCode::OK, answer.to_string())
}

fn unauthenticated() -> Response {
    let what = "a caller must send its token as `Authorization: Bearer`, or present a configured certificate";
    let mut response = error(StatusCode::UNAUTHORIZED, what);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    response
}

/// Returns whether the request has exactly one content type, and that is JSON in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(|part| part.trim().to_lowercase());
    let plain = |part: String| matches!(part.as_str(), "charset=utf-8" | "charset=\"utf-8\"");
    parts.next().as_deref() == Some("application/json") && parts.all(plain)
}
