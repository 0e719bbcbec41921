//! The pages to look at. None of these changes anything.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::decision::{Decide, Draft, Rejected};
use super::frame::Place;
use super::history::Found;
use super::person::Person;
use super::trouble::Trouble;
use super::waiting::Waiting;
use super::{approval, history, path, waiting};
use crate::access::Refusal;
use crate::app::{App, AppState};
use crate::journal;
use crate::model::{Approval, Status, Verdict};
use crate::store::{Cursor, Search, StoreError};

/// How many approvals one page of the history holds.
const PAGE: usize = 50;

/// The most characters that are searched for.
const LONGEST_SEARCH: usize = 200;

/// What of the list is wanted.
#[derive(Debug, Default, Deserialize)]
pub struct Part {
    fragment: Option<String>,
}

/// Shows what waits and this person may see, or the list of it alone.
pub async fn list(
    State(app): State<AppState>,
    person: Person,
    part: Result<Query<Part>, QueryRejection>,
) -> Response {
    let now_ms = person.now_ms;
    let visible = |approval: &Approval| person.visitor.access.may_view(approval);
    let (pending, more) = match app.store.pending(visible, now_ms).await {
        Ok(pending) => pending,
        Err(error) => return broken(&person, error),
    };
    let seen: Vec<Waiting<'_>> =
        pending.iter().map(|approval| Waiting { approval, class: class(&app, approval) }).collect();
    if part.is_ok_and(|Query(part)| part.fragment.is_some()) {
        return waiting::list(&seen, more, now_ms).into_response();
    }
    let content = waiting::content(&seen, more, person.visitor.access.is_any(), now_ms);
    person.page("Waiting", Place::Waiting, &content).into_response()
}

/// Shows one approval in full.
pub async fn one(State(app): State<AppState>, person: Person, Path(id): Path<String>) -> Response {
    match find(&app, &person, &id).await {
        Ok(approval) => show(&app, &person, &approval, None),
        Err(response) => response,
    }
}

/// Leads from where a form was sent to the page that it is on.
pub async fn back(Path(id): Path<String>) -> Response {
    let page = if path::is_id(&id) { format!("/approvals/{id}") } else { path::HOME.to_owned() };
    Redirect::to(&page).into_response()
}

/// Makes the page of one approval, with what was wrong with its form.
pub fn show(app: &App, person: &Person, approval: &Approval, rejected: Option<Rejected<'_>>) -> Response {
    let allowed = |verdict| {
        let approver = &person.visitor.approver;
        person.visitor.access.may_decide(approver, approval, verdict, &app.settings)
    };
    let may_approve = allowed(Verdict::Approve);
    let own = match &may_approve {
        Err(Refusal::OwnCall(principal)) => Some(principal.as_str()),
        _ => None,
    };
    let decide = match (&may_approve, allowed(Verdict::Deny)) {
        (Ok(()) | Err(Refusal::OwnCall(_)), Ok(())) => {
            Decide::May(Draft { token: &person.token, own, rejected })
        }
        _ => Decide::MayNot,
    };
    let seen = approval::Seen { approval, class: class(app, approval), decide };
    let content = approval::content(&seen, person.now_ms);
    person.page(&approval.asked.tool, Place::Approval, &content).into_response()
}

/// Hands out the arguments as they were sent.
pub async fn arguments(State(app): State<AppState>, person: Person, Path(id): Path<String>) -> Response {
    let approval = match find(&app, &person, &id).await {
        Ok(approval) => approval,
        Err(response) => return response,
    };
    let disposition = format!("attachment; filename=\"arguments-{}.json\"", approval.id);
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, approval.asked.arguments).into_response()
}

/// What is looked for in the history.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    text: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    after: String,
}

/// Shows what was, and became of it.
pub async fn past(
    State(app): State<AppState>,
    person: Person,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let wanted = wanted.map(|Query(wanted)| wanted).unwrap_or_default();
    // A NUL is in no text of the database.
    let text: String = wanted.text.trim().chars().filter(|char| *char != '\0').take(LONGEST_SEARCH).collect();
    let status = Status::ALL.into_iter().find(|status| status.as_str() == wanted.status);
    let after = Cursor::from_text(&wanted.after).filter(|cursor| path::is_id(&cursor.id));
    let first = after.is_some().then(|| address(&text, status, None));
    let search = Search { text, status, after };
    let visible = |approval: &Approval| person.visitor.access.may_view(approval);
    let (approvals, next) = match app.store.history(&search, PAGE, visible, person.now_ms).await {
        Ok(found) => found,
        Err(error) => return broken(&person, error),
    };
    let older = next.map(|cursor| address(&search.text, status, Some(&cursor)));
    let found = Found {
        text: &search.text,
        status,
        approvals: &approvals,
        first: first.as_deref(),
        older: older.as_deref(),
    };
    person.page("History", Place::History, &history::content(&found, person.now_ms)).into_response()
}

/// Returns the approval `id`, if there is one that this person may see.
///
/// # Errors
/// The answer: whether there is one is not told to whoever may not see it.
pub async fn find(app: &Arc<App>, person: &Person, id: &str) -> Result<Approval, Response> {
    if !path::is_id(id) {
        return Err(person.trouble(&Trouble::Absent));
    }
    match app.store.get(id, person.now_ms).await {
        Ok(Some(approval)) if person.visitor.access.may_view(&approval) => Ok(approval),
        Ok(_) => Err(person.trouble(&Trouble::Absent)),
        Err(error) => Err(broken(person, error)),
    }
}

/// Logs a failure, and says no more of it than that there is one.
pub fn broken(person: &Person, error: StoreError) -> Response {
    journal::line(error);
    person.trouble(&Trouble::Broken)
}

fn class<'a>(app: &'a App, approval: &Approval) -> &'a str {
    app.settings.risk(&approval.asked.server, &approval.asked.tool)
}

fn address(text: &str, status: Option<Status>, after: Option<&Cursor>) -> String {
    let status = status.map_or("", Status::as_str);
    let after =
        after.map(|cursor| format!("&after={}", path::encode(&cursor.to_string()))).unwrap_or_default();
    format!("/history?text={}&status={status}{after}", path::encode(text))
}
