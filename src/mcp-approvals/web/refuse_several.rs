//! Handles the form that refuses several calls at once.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::context::PageContext;
use super::decide::reason;
use super::decision_forms::{Fault, Rejected};
use super::error_page::PageError;
use super::{pages, path};
use crate::app::AppState;
use crate::decision::{self, DecisionError, MAX_REASON};
use crate::model::Verdict;
use crate::store::{MAX_LISTED, Undecidable};

/// `POST /refuse`: refuses each selected call with one reason. Each refusal is a decision of its own, with
/// its own checks and its own event. A call that cannot be refused does not stop the others.
pub async fn refuse_several(
    State(app): State<AppState>,
    context: PageContext,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let Ok(Form(fields)) = form else { return context.error_page(&PageError::UnreadableForm) };
    let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value);
    if context.user.check(&app, &headers, field("token")).is_err() {
        return context.error_page(&PageError::ForgedForm);
    }
    let mut ids: Vec<&str> =
        fields.iter().filter(|(name, _)| name == "id").map(|(_, value)| value.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let most = usize::try_from(MAX_LISTED).unwrap_or_default();
    if ids.len() > most || ids.iter().any(|id| !path::is_id(id)) {
        return context.error_page(&PageError::UnreadableForm);
    }
    let (preset, words) = (field("preset"), field("reason"));
    let reason = reason(preset, words);
    let fault = match reason.len() {
        _ if ids.is_empty() => Some(Fault::NothingSelected),
        0 => Some(Fault::NoReason),
        1..=MAX_REASON => None,
        _ => Some(Fault::LongReason),
    };
    if let Some(fault) = fault {
        let rejected = Rejected { verdict: Verdict::Deny, preset, reason: words, fault };
        let page = pages::show_list(&app, &context, &ids, Some(rejected), None).await;
        return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
    }
    let (mut refused, mut late): (usize, usize) = (0, 0);
    for id in ids {
        let decided =
            decision::decide(&app, &context.user, id, Verdict::Deny, Some(&reason), context.now_ms).await;
        match decided {
            Ok(_) => refused = refused.saturating_add(1),
            Err(DecisionError::Undecidable(Undecidable::Failed(error))) => {
                return pages::internal_error(&context, error);
            }
            Err(_) => late = late.saturating_add(1),
        }
    }
    Redirect::to(&format!("/?refused={refused}&late={late}")).into_response()
}
