//! Handles the forms that approve and refuse a call.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::arguments::Arguments;
use super::context::PageContext;
use super::decision_forms::{Fault, Rejected};
use super::error_page::PageError;
use super::pages;
use crate::access::AccessDenied;
use crate::app::{App, AppState};
use crate::decision::{self, DecisionError};
use crate::model::{Approval, Status, Verdict};
use crate::store::Undecidable;

/// The fields of both forms.
#[derive(Debug, Deserialize)]
pub struct DecisionForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    reason: String,
    /// `read` if the approver confirms having read arguments that were not shown completely
    #[serde(default)]
    whole: String,
}

/// Approves a call.
pub async fn approve(
    State(app): State<AppState>,
    context: PageContext,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    decide(&app, &context, &id, Verdict::Approve, &headers, form).await
}

/// Refuses a call.
pub async fn refuse(
    State(app): State<AppState>,
    context: PageContext,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    decide(&app, &context, &id, Verdict::Deny, &headers, form).await
}

async fn decide(
    app: &AppState,
    context: &PageContext,
    id: &str,
    verdict: Verdict,
    headers: &HeaderMap,
    form: Result<Form<DecisionForm>, FormRejection>,
) -> Response {
    let Ok(Form(decision)) = form else { return context.error_page(&PageError::UnreadableForm) };
    if context.user.check(app, headers, &decision.token).is_err() {
        return context.error_page(&PageError::ForgedForm);
    }
    let approval = match pages::find(app, context, id).await {
        Ok(approval) => approval,
        Err(response) => return response,
    };
    // Forms send a line break as CR LF.
    let reason = decision.reason.replace("\r\n", "\n");
    let reject = |fault| rejected(app, context, &approval, Rejected { verdict, reason: &reason, fault });
    if approval.status == Status::Pending {
        if verdict == Verdict::Deny && reason.trim().is_empty() {
            return reject(Fault::NoReason);
        }
        let unread = decision.whole != "read" && Arguments::of(&approval.question.arguments).shortened;
        if verdict == Verdict::Approve && unread {
            return reject(Fault::Unread);
        }
    }
    match decision::decide(app, &context.user, id, verdict, Some(&reason), context.now_ms).await {
        Ok(_) => Redirect::to(&format!("/approvals/{id}#outcome")).into_response(),
        Err(DecisionError::InvalidReason) => reject(Fault::LongReason),
        Err(DecisionError::Forbidden(refusal)) => context.error_page(&match refusal {
            AccessDenied::NotVisible => PageError::NotFound,
            AccessDenied::ViewOnly => PageError::ViewOnly,
            AccessDenied::OwnCall(_) => PageError::OwnCall,
        }),
        Err(DecisionError::Undecidable(why)) => match why {
            Undecidable::Unknown => context.error_page(&PageError::NotFound),
            Undecidable::Expired => context.error_page(&PageError::Expired { id: id.to_owned() }),
            Undecidable::Superseded(by) => context.error_page(&PageError::Superseded { id: by }),
            Undecidable::AlreadyDecided(decided) => context.error_page(&PageError::AlreadyDecided {
                by: decided.by,
                verdict: decided.verdict,
                id: id.to_owned(),
            }),
            Undecidable::Failed(error) => pages::internal_error(context, error),
        },
    }
}

/// Shows the form again, with its input and what is wrong with it.
fn rejected(app: &App, context: &PageContext, approval: &Approval, rejected: Rejected<'_>) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, pages::show(app, context, approval, Some(rejected))).into_response()
}
