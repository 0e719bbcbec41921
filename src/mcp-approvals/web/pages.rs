//! Handlers of the pages that only read.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::context::PageContext;
use super::decision_forms::{Decide, Draft, Rejected};
use super::error_page::PageError;
use super::history::HistoryView;
use super::layout::Section;
use super::pending::{Done, PendingCall, PendingView};
use super::{approval, earlier, history, path, pending};
use crate::access::AccessDenied;
use crate::app::{App, AppState};
use crate::logging;
use crate::model::{Approval, Question, Status, Verdict};
use crate::store::{Cursor, Search, StoreError};

/// The number of approvals on one page of the history.
const PAGE: usize = 50;

/// The longest search text, in characters.
const MAX_SEARCH: usize = 200;

/// The query of the list of waiting calls.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    fragment: Option<String>,
    refused: Option<usize>,
    late: Option<usize>,
}

/// `GET /`: the waiting calls that the viewer may see. With `fragment`, only the list without the page
/// around it.
pub async fn list(
    State(app): State<AppState>,
    context: PageContext,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let done = query.refused.map(|refused| Done { refused, late: query.late.unwrap_or_default() });
    if query.fragment.is_none() {
        return show_list(&app, &context, &[], None, done).await;
    }
    match waiting(&app, &context).await {
        Ok((pending, more)) => {
            pending::list(&calls(&app, &context, &pending, &[]), more, context.now_ms).into_response()
        }
        Err(error) => internal_error(&context, error),
    }
}

/// Returns the page of the waiting calls. `rejected` is the input of a form that is shown again with the
/// calls that were `selected`; `done` is what the form did.
pub async fn show_list(
    app: &App,
    context: &PageContext,
    selected: &[&str],
    rejected: Option<Rejected<'_>>,
    done: Option<Done>,
) -> Response {
    let (pending, more) = match waiting(app, context).await {
        Ok(found) => found,
        Err(error) => return internal_error(context, error),
    };
    let view = PendingView {
        waiting: &calls(app, context, &pending, selected),
        more,
        role: context.user.access.is_any(),
        decides: context.user.access.decides(),
        token: &context.token,
        refusals: &app.settings.refusals(),
        rejected,
        done,
    };
    context.page("Waiting", Section::Waiting, &pending::content(&view, context.now_ms)).into_response()
}

/// Returns the waiting calls that the viewer may see, and whether there are more.
async fn waiting(app: &App, context: &PageContext) -> Result<(Vec<Approval>, bool), StoreError> {
    app.store.pending(|approval| context.user.access.may_view(approval), context.now_ms).await
}

/// Returns the entries of the list.
fn calls<'a>(
    app: &'a App,
    context: &PageContext,
    pending: &'a [Approval],
    selected: &[&str],
) -> Vec<PendingCall<'a>> {
    let user = &context.user;
    let entry = |approval: &'a Approval| PendingCall {
        approval,
        class: class(app, approval),
        may_refuse: user.access.may_decide(&user.approver, approval, Verdict::Deny, &app.settings).is_ok(),
        selected: selected.contains(&approval.id.as_str()),
    };
    pending.iter().map(entry).collect()
}

/// `GET /approvals/{id}`: one approval.
pub async fn approval(State(app): State<AppState>, context: PageContext, Path(id): Path<String>) -> Response {
    match find(&app, &context, &id).await {
        Ok(approval) => show(&app, &context, &approval, None).await,
        Err(response) => response,
    }
}

/// `GET` on the address of a form: redirects to the page of its approval.
pub async fn back_to_approval(Path(id): Path<String>) -> Response {
    let page = if path::is_id(&id) { format!("/approvals/{id}") } else { path::HOME.to_owned() };
    Redirect::to(&page).into_response()
}

/// `GET` on the address of the form that refuses several calls: redirects to the list.
pub async fn back_to_list() -> Redirect {
    Redirect::to(path::HOME)
}

/// Returns the page of one approval. `rejected` is the input of a form that is shown again.
pub async fn show(
    app: &App,
    context: &PageContext,
    approval: &Approval,
    rejected: Option<Rejected<'_>>,
) -> Response {
    let visible = |other: &Approval| context.user.access.may_view(other);
    let earlier = app.store.last_decisions(approval, earlier::MOST, visible, context.now_ms).await;
    let earlier = match earlier {
        Ok(earlier) => earlier,
        Err(error) => return internal_error(context, error),
    };
    let refusals = app.settings.refusals();
    let allowed = |verdict| {
        let approver = &context.user.approver;
        context.user.access.may_decide(approver, approval, verdict, &app.settings)
    };
    let may_approve = allowed(Verdict::Approve);
    let own = match &may_approve {
        Err(AccessDenied::OwnCall(principal)) => Some(principal.as_str()),
        _ => None,
    };
    let decide = match (&may_approve, allowed(Verdict::Deny)) {
        (Ok(()) | Err(AccessDenied::OwnCall(_)), Ok(())) => {
            Decide::May(Draft { token: &context.token, own, refusals: &refusals, rejected })
        }
        _ => Decide::MayNot,
    };
    let description = app.settings.description(&approval.question.server, &approval.question.tool);
    let class = class(app, approval);
    let seen = approval::ApprovalView { approval, class, description, earlier: &earlier, decide };
    let content = approval::content(&seen, context.now_ms);
    context.page(&approval.question.tool, Section::Approval, &content).into_response()
}

/// `GET /approvals/{id}/arguments`: the arguments as they were sent, as a download.
pub async fn arguments(state: State<AppState>, context: PageContext, id: Path<String>) -> Response {
    download(state, context, id, "arguments", |question| question.arguments).await
}

/// `GET /approvals/{id}/params`: the other params as they were sent, as a download.
pub async fn params(state: State<AppState>, context: PageContext, id: Path<String>) -> Response {
    download(state, context, id, "params", |question| question.params).await
}

async fn download(
    State(app): State<AppState>,
    context: PageContext,
    Path(id): Path<String>,
    name: &str,
    part: impl FnOnce(Question) -> String,
) -> Response {
    let approval = match find(&app, &context, &id).await {
        Ok(approval) => approval,
        Err(response) => return response,
    };
    let disposition = format!("attachment; filename=\"{name}-{}.json\"", approval.id);
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, part(approval.question)).into_response()
}

/// The query of the history.
#[derive(Debug, Default, Deserialize)]
pub struct HistoryQuery {
    #[serde(default)]
    text: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    after: String,
}

/// `GET /history`: a page of all approvals.
pub async fn history(
    State(app): State<AppState>,
    context: PageContext,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    // No text in the database contains U+0000.
    let text: String = query.text.trim().chars().filter(|char| *char != '\0').take(MAX_SEARCH).collect();
    let status = Status::from_text(&query.status);
    let after = Cursor::from_text(&query.after).filter(|cursor| path::is_id(&cursor.id));
    let first = after.is_some().then(|| address(&text, status, None));
    let search = Search { text, status, after };
    let visible = |approval: &Approval| context.user.access.may_view(approval);
    let (approvals, next) = match app.store.history(&search, PAGE, visible, context.now_ms).await {
        Ok(found) => found,
        Err(error) => return internal_error(&context, error),
    };
    let older = next.map(|cursor| address(&search.text, status, Some(&cursor)));
    let found = HistoryView {
        text: &search.text,
        status,
        approvals: &approvals,
        first: first.as_deref(),
        older: older.as_deref(),
    };
    context.page("History", Section::History, &history::content(&found, context.now_ms)).into_response()
}

/// Returns the approval `id` if the viewer may see it.
///
/// # Errors
/// The response. It does not reveal whether an invisible approval exists.
pub async fn find(app: &Arc<App>, context: &PageContext, id: &str) -> Result<Approval, Response> {
    if !path::is_id(id) {
        return Err(context.error_page(&PageError::NotFound));
    }
    match app.store.get(id, context.now_ms).await {
        Ok(Some(approval)) if context.user.access.may_view(&approval) => Ok(approval),
        Ok(_) => Err(context.error_page(&PageError::NotFound)),
        Err(error) => Err(internal_error(context, error)),
    }
}

/// Logs a database error, and returns an error page without details.
pub fn internal_error(context: &PageContext, error: StoreError) -> Response {
    logging::line(error);
    context.error_page(&PageError::Internal)
}

fn class<'a>(app: &'a App, approval: &Approval) -> Option<&'a str> {
    app.settings.class(&approval.question.server, &approval.question.tool)
}

fn address(text: &str, status: Option<Status>, after: Option<&Cursor>) -> String {
    let status = status.map_or("", Status::as_str);
    let after =
        after.map(|cursor| format!("&after={}", path::encode(&cursor.to_string()))).unwrap_or_default();
    format!("/history?text={}&status={status}{after}", path::encode(text))
}
