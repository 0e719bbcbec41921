//! The two forms' targets: a person's decision, checked and made.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::arguments::Arguments;
use super::decision::{Fault, Rejected};
use super::look;
use super::person::Person;
use super::trouble::Trouble;
use crate::access::Refusal;
use crate::app::{App, AppState};
use crate::desk::{self, NotDecided};
use crate::model::{Approval, Status, Verdict};
use crate::store::Undecidable;

/// What the forms hold.
#[derive(Debug, Deserialize)]
pub struct Decision {
    #[serde(default)]
    token: String,
    #[serde(default)]
    reason: String,
    /// `read` where the arguments were not shown whole
    #[serde(default)]
    whole: String,
}

/// Lets a call go on, once.
pub async fn approve(
    State(app): State<AppState>,
    person: Person,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    decide(&app, &person, &id, Verdict::Approve, &headers, form).await
}

/// Refuses a call.
pub async fn refuse(
    State(app): State<AppState>,
    person: Person,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    decide(&app, &person, &id, Verdict::Deny, &headers, form).await
}

async fn decide(
    app: &AppState,
    person: &Person,
    id: &str,
    verdict: Verdict,
    headers: &HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    let Ok(Form(decision)) = form else { return person.trouble(&Trouble::UnreadableForm) };
    if person.visitor.check(app, headers, &decision.token).is_err() {
        return person.trouble(&Trouble::ForeignForm);
    }
    let approval = match look::find(app, person, id).await {
        Ok(approval) => approval,
        Err(response) => return response,
    };
    // Forms send a line's end as two characters.
    let reason = decision.reason.replace("\r\n", "\n");
    let again = |fault| rejected(app, person, &approval, Rejected { verdict, reason: &reason, fault });
    if approval.status == Status::Pending {
        if verdict == Verdict::Deny && reason.trim().is_empty() {
            return again(Fault::NoReason);
        }
        let unread = decision.whole != "read" && Arguments::of(&approval.asked.arguments).shortened;
        if verdict == Verdict::Approve && unread {
            return again(Fault::Unread);
        }
    }
    match desk::decide(app, &person.visitor, id, verdict, Some(&reason), person.now_ms).await {
        Ok(_) => Redirect::to(&format!("/approvals/{id}#outcome")).into_response(),
        Err(NotDecided::Reason) => again(Fault::LongReason),
        Err(NotDecided::Refused(refusal)) => person.trouble(&match refusal {
            Refusal::Unseen => Trouble::Absent,
            Refusal::NotYourRole => Trouble::NotYourRole,
            Refusal::OwnCall(_) => Trouble::YourOwn,
        }),
        Err(NotDecided::Undecidable(why)) => match why {
            Undecidable::Unknown => person.trouble(&Trouble::Absent),
            Undecidable::Expired => person.trouble(&Trouble::Expired { id: id.to_owned() }),
            Undecidable::Decided(decided) => person.trouble(&Trouble::Decided {
                by: decided.by,
                verdict: decided.verdict,
                id: id.to_owned(),
            }),
            Undecidable::Failed(error) => look::broken(person, error),
        },
    }
}

/// Shows the form again, with what was typed and what is wrong with it.
fn rejected(app: &App, person: &Person, approval: &Approval, rejected: Rejected<'_>) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, look::show(app, person, approval, Some(rejected))).into_response()
}
