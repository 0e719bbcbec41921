//! Handles the forms that approve and refuse a call.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::approval::Shown;
use super::context::PageContext;
use super::decision_forms::{Fault, OWN_WORDS, Rejected};
use super::error_page::PageError;
use super::pages;
use crate::access::AccessDenied;
use crate::app::AppState;
use crate::decision::{self, DecisionError};
use crate::model::{Status, Verdict};
use crate::store::Undecidable;

/// The fields of both forms.
#[derive(Debug, Deserialize)]
pub struct DecisionForm {
    #[serde(default)]
    token: String,
    /// One of the offered reasons, or empty
    #[serde(default)]
    preset: String,
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
    let (preset, words) = (decision.preset.as_str(), decision.reason.as_str());
    let reason = reason(preset, words);
    let reject = async |fault| {
        let rejected = Rejected { verdict, preset, reason: words, fault };
        let page = pages::show(app, context, &approval, Some(rejected)).await;
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
    };
    if approval.status == Status::Pending {
        if verdict == Verdict::Deny && reason.trim().is_empty() {
            return reject(Fault::NoReason).await;
        }
        let unread = decision.whole != "read" && Shown::of(&approval.question).is_shortened();
        if verdict == Verdict::Approve && unread {
            return reject(Fault::Unread).await;
        }
    }
    match decision::decide(app, &context.user, id, verdict, Some(&reason), context.now_ms).await {
        Ok(_) => Redirect::to(&format!("/approvals/{id}#outcome")).into_response(),
        Err(DecisionError::InvalidReason) => reject(Fault::LongReason).await,
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

/// Joins an offered reason and own words.
pub fn reason(preset: &str, words: &str) -> String {
    // Forms send a line break as CR LF.
    let words = words.replace("\r\n", "\n");
    let parts = [preset, words.trim()];
    let parts = parts.into_iter().filter(|part| !part.is_empty() && *part != OWN_WORDS);
    parts.collect::<Vec<_>>().join(" ")
}
