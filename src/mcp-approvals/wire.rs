//! Approvals and events as JSON.

use mcp_policy_engine::json;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::app::App;
use crate::clock::rfc3339;
use crate::model::{self, Decision};
use crate::store::Event;

/// An approval in the API.
#[derive(Debug, Serialize)]
pub struct ApprovalJson<'a> {
    id: &'a str,
    status: &'static str,
    url: String,
    risk: &'a str,
    fingerprint: &'a str,
    server: &'a str,
    rules: &'a str,
    policy: &'a str,
    grant: &'a str,
    principal: Option<&'a str>,
    source: Option<&'a str>,
    tool: &'a str,
    /// Null in lists if they are longer than 16 KiB
    arguments: Option<Box<RawValue>>,
    /// Null in lists if they are longer than 16 KiB
    params: Option<Box<RawValue>>,
    host: Option<&'a str>,
    path: Option<&'a str>,
    rule: &'a str,
    reason: Option<&'a str>,
    decision_id: &'a str,
    request_id: Option<&'a str>,
    times: i64,
    created_at: String,
    expires_at: String,
    decision: Option<DecisionJson<'a>>,
    consumed_at: Option<String>,
    superseded_by: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct DecisionJson<'a> {
    verdict: &'static str,
    by: &'a str,
    reason: Option<&'a str>,
    at: String,
}

/// An event in the export.
#[derive(Debug, Serialize)]
struct EventJson<'a> {
    seq: i64,
    at: String,
    event: &'a str,
    who: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CallJson<'a> {
    server: &'a str,
    tool: &'a str,
    grant: &'a str,
    principal: Option<&'a str>,
    source: Option<&'a str>,
    host: Option<&'a str>,
    path: Option<&'a str>,
    rules: &'a str,
    policy: &'a str,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Box<RawValue>>,
}

impl<'a> ApprovalJson<'a> {
    /// Returns the JSON form of an approval.
    #[must_use]
    pub fn of(app: &'a App, approval: &'a model::Approval) -> Self {
        let question = &approval.question;
        Self {
            id: &approval.id,
            status: approval.status.as_str(),
            url: app.page(&approval.id),
            risk: app.settings.risk(&question.server, &question.tool),
            fingerprint: &question.fingerprint,
            server: &question.server,
            rules: &question.rules,
            policy: &question.policy,
            grant: &question.grant,
            principal: question.principal.as_deref(),
            source: question.source.as_deref(),
            tool: &question.tool,
            arguments: raw(&question.arguments),
            params: raw(&question.params),
            host: question.host.as_deref(),
            path: question.path.as_deref(),
            rule: &question.rule,
            reason: question.reason.as_deref(),
            decision_id: &question.decision_id,
            request_id: question.request_id.as_deref(),
            times: approval.times,
            created_at: rfc3339(approval.created_ms),
            expires_at: rfc3339(approval.expires_ms),
            decision: approval.decision.as_ref().map(DecisionJson::of),
            consumed_at: approval.consumed_ms.map(rfc3339),
            superseded_by: approval.superseded_by.as_deref(),
        }
    }
}

impl<'a> DecisionJson<'a> {
    fn of(decided: &'a Decision) -> Self {
        let verdict = decided.verdict.participle();
        Self { verdict, by: &decided.by, reason: decided.reason.as_deref(), at: rfc3339(decided.at_ms) }
    }
}

/// Writes an event as one line of JSON.
#[must_use]
pub fn event(event: &Event) -> String {
    let line = EventJson {
        seq: event.seq,
        at: rfc3339(event.at_ms),
        event: &event.what,
        who: &event.who,
        reason: event.reason.as_deref(),
        approval: event.approval.as_deref(),
        fingerprint: event.fingerprint.as_deref(),
        decision_id: event.decision_id.as_deref(),
        request_id: event.request_id.as_deref(),
        call: event.call.as_ref().map(|call| CallJson {
            server: &call.server,
            tool: &call.tool,
            grant: &call.grant,
            principal: call.principal.as_deref(),
            source: call.source.as_deref(),
            host: call.host.as_deref(),
            path: call.path.as_deref(),
            rules: &call.rules,
            policy: &call.policy,
            rule: &call.rule,
            arguments: call.arguments.as_deref().and_then(raw),
            params: call.params.as_deref().and_then(raw),
        }),
    };
    escaped(serde_json::to_string(&line).unwrap_or_default())
}

/// Writes a JSON text on one line, with unseen characters escaped. A text that is not JSON is returned
/// unchanged.
#[must_use]
pub fn escaped(text: String) -> String {
    let Ok(document) = json::read(text.as_bytes()) else { return text };
    let mut out = String::with_capacity(text.len());
    json::compact(&mut out, document.root());
    out
}

/// Returns arguments as JSON on one line, with unseen characters escaped and numbers as they were sent;
/// `None` if the text is not JSON.
fn raw(arguments: &str) -> Option<Box<RawValue>> {
    let document = json::read(arguments.as_bytes()).ok()?;
    let mut text = String::with_capacity(arguments.len());
    json::compact(&mut text, document.root());
    RawValue::from_string(text).ok()
}
