//! The JSON API under `/v1`, for the shell and for other programs.

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use crate::access::AccessDenied;
use crate::app::AppState;
use crate::clock::{from_rfc3339, now_ms};
use crate::decision::{self, DecisionError};
use crate::model::{Approval, Status, Verdict};
use crate::store::{Cursor, Search, Store, StoreError, Undecidable};
use crate::user::MaybeUser;
use crate::{logging, wire};

/// The number of approvals on one page of the list.
const PAGE: usize = 50;

/// The number of events that are read from the database at a time.
const EVENTS: i64 = 50;

/// The query of `GET /v1/approvals`.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    status: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

/// The query of `GET /v1/events`.
#[derive(Debug, Default, Deserialize)]
pub struct EventsQuery {
    #[serde(default)]
    after: i64,
    #[serde(default)]
    since: String,
}

/// `GET /v1/approvals`: the approvals this person may see, newest first. A list of only the pending ones
/// comes oldest first and on one page, if it has no more than 200 entries.
pub async fn list(
    State(app): State<AppState>,
    MaybeUser(user): MaybeUser,
    Query(query): Query<ListQuery>,
) -> Response {
    let Some(user) = user else { return unauthenticated() };
    let status = Status::from_text(&query.status);
    if status.is_none() && !query.status.is_empty() {
        let what = "`status` must be `pending`, `approved`, `denied`, `consumed`, `expired` or `superseded`";
        return error(StatusCode::BAD_REQUEST, what);
    }
    let after = Cursor::from_text(&query.after);
    if after.is_none() && !query.after.is_empty() {
        return error(StatusCode::BAD_REQUEST, "`after` must be the `next` of the previous page");
    }
    let (now, whole) = (now_ms(), query.q.is_empty() && after.is_none());
    let visible = |approval: &Approval| user.access.may_view(approval);
    let found = match whole && status == Some(Status::Pending) {
        true => app.store.pending(visible, now).await.map(|(list, more)| Some(list).filter(|_| !more)),
        false => Ok(None),
    };
    let found = match found {
        Ok(Some(list)) => Ok((list, None)),
        // Too many for one page: return them page by page.
        Ok(None) => {
            let search = Search { text: query.q, status, after };
            app.store.history(&search, PAGE, visible, now).await
        }
        Err(why) => Err(why),
    };
    match found {
        Ok((list, next)) => {
            let approvals: Vec<_> = list.iter().map(|one| wire::ApprovalJson::of(&app, one)).collect();
            let next = next.map(|next| next.to_string());
            json_answer(StatusCode::OK, json!({ "approvals": approvals, "next": next }).to_string())
        }
        Err(why) => failed(&why),
    }
}

/// `GET /v1/approvals/{id}`: one approval with its complete arguments.
pub async fn show(
    State(app): State<AppState>,
    MaybeUser(user): MaybeUser,
    Path(id): Path<String>,
) -> Response {
    let Some(user) = user else { return unauthenticated() };
    match find(&app.store, &id).await {
        Ok(approval) if user.access.may_view(&approval) => approval_answer(&app, &approval),
        Ok(_) => error(StatusCode::NOT_FOUND, "there is no such approval"),
        Err(response) => response,
    }
}

/// `POST /v1/approvals/{id}/approve`
pub async fn approve(
    state: State<AppState>,
    user: MaybeUser,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    decide(state, user, id, &headers, &body, Verdict::Approve).await
}

/// `POST /v1/approvals/{id}/deny`
pub async fn deny(
    state: State<AppState>,
    user: MaybeUser,
    id: Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    decide(state, user, id, &headers, &body, Verdict::Deny).await
}

async fn decide(
    State(app): State<AppState>,
    MaybeUser(user): MaybeUser,
    Path(id): Path<String>,
    headers: &HeaderMap,
    body: &[u8],
    verdict: Verdict,
) -> Response {
    let Some(user) = user else { return unauthenticated() };
    let csrf = headers.get("x-csrf-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if user.check(&app, headers, csrf).is_err() {
        return error(StatusCode::FORBIDDEN, "needs a shell token or the page's CSRF token");
    }
    let body = if body.is_empty() { b"{}" } else { body };
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else {
        return error(
            StatusCode::BAD_REQUEST,
            "the body must be a JSON object, such as `{\"reason\": \"…\"}`",
        );
    };
    let reason = match (json.is_object(), json.get("reason")) {
        (true, None | Some(serde_json::Value::Null)) => None,
        (true, Some(serde_json::Value::String(reason))) => Some(reason.as_str()),
        _ => return error(StatusCode::BAD_REQUEST, "`reason` must be a string, in a JSON object"),
    };
    let id = match find(&app.store, &id).await {
        Ok(approval) => approval.id,
        Err(response) => return response,
    };
    match decision::decide(&app, &user, &id, verdict, reason, now_ms()).await {
        Ok(approval) => approval_answer(&app, &approval),
        Err(DecisionError::Undecidable(Undecidable::Failed(why))) => failed(&why),
        Err(why) => {
            let status = match &why {
                DecisionError::Forbidden(AccessDenied::NotVisible)
                | DecisionError::Undecidable(Undecidable::Unknown) => StatusCode::NOT_FOUND,
                DecisionError::Forbidden(_) => StatusCode::FORBIDDEN,
                DecisionError::Undecidable(_) => StatusCode::CONFLICT,
                DecisionError::InvalidReason => StatusCode::BAD_REQUEST,
            };
            error(status, &why.to_string())
        }
    }
}

/// `GET /v1/events`: all events as JSON lines. Needs a role that may approve everything.
pub async fn events(
    State(app): State<AppState>,
    MaybeUser(user): MaybeUser,
    Query(query): Query<EventsQuery>,
) -> Response {
    let Some(user) = user else { return unauthenticated() };
    if !user.access.is_everything() {
        return error(StatusCode::FORBIDDEN, "needs a role that can approve everything");
    }
    let since_ms = if query.since.is_empty() { Some(0) } else { from_rfc3339(&query.since) };
    let Some(since_ms) = since_ms else {
        return error(StatusCode::BAD_REQUEST, "`since` must be a time such as `2027-01-01T00:00:00Z`");
    };
    let lines = stream::try_unfold(query.after, move |after| {
        let app = AppState::clone(&app);
        async move {
            let next = lines(&app.store, after, since_ms).await;
            next.inspect_err(|why| logging::line(why))
        }
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// Returns the events after number `after` as JSON lines, and the number of the last one; `None` if there
/// are no more.
///
/// # Errors
/// [`StoreError`]
pub async fn lines(store: &Store, after: i64, since_ms: i64) -> Result<Option<(String, i64)>, StoreError> {
    let events = store.events(after, since_ms, EVENTS).await?;
    let Some(last) = events.last().map(|event| event.seq) else { return Ok(None) };
    let mut text = String::new();
    for event in &events {
        text.push_str(&wire::event(event));
        text.push('\n');
    }
    Ok(Some((text, last)))
}

/// Finds an approval by its id, or by its first six or more digits if they are unambiguous.
async fn find(store: &Store, id: &str) -> Result<Approval, Response> {
    let digits = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !digits || !(6..=32).contains(&id.len()) {
        return Err(error(StatusCode::NOT_FOUND, "an id must be 32 hex digits, or at least the first 6"));
    }
    let ids = store.ids(id).await.map_err(|why| failed(&why))?;
    let id = match ids.as_slice() {
        [id] => id,
        [] => return Err(error(StatusCode::NOT_FOUND, "there is no such approval")),
        _ => {
            return Err(error(
                StatusCode::CONFLICT,
                "several ids start with these digits, give more of them",
            ));
        }
    };
    let approval = store.get(id, now_ms()).await.map_err(|why| failed(&why))?;
    approval.ok_or_else(|| error(StatusCode::NOT_FOUND, "there is no such approval"))
}

fn approval_answer(app: &AppState, approval: &Approval) -> Response {
    let text = serde_json::to_string(&wire::ApprovalJson::of(app, approval)).unwrap_or_default();
    json_answer(StatusCode::OK, text)
}

fn unauthenticated() -> Response {
    let mut response =
        error(StatusCode::UNAUTHORIZED, "needs a valid shell token: `mcp-approvals token NAME` creates one");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Returns an error response with the body `{"error": "…"}`.
#[must_use]
pub fn error(status: StatusCode, what: &str) -> Response {
    json_answer(status, json!({ "error": what }).to_string())
}

/// Logs a database error and returns a response that reveals no details.
#[must_use]
pub fn failed(why: &StoreError) -> Response {
    logging::line(why);
    error(StatusCode::SERVICE_UNAVAILABLE, "internal error, nothing was changed")
}

/// Returns a JSON response that must not be cached.
#[must_use]
pub fn json_answer(status: StatusCode, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}
