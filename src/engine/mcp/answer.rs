//! Refusals in the form that MCP clients understand and models can act on.

use serde::Serialize;

use super::rounds::Rounds;
use crate::denial::{Code, Denial, Invalid};

/// JSON-RPC error code of a denial, outside the ranges that JSON-RPC and MCP keep.
pub const DENIED: i32 = -31403;
/// JSON-RPC error code of a denial that time undoes.
pub const RATE_LIMITED: i32 = -31429;
/// JSON-RPC error code of a caller without an identity.
pub const UNAUTHENTICATED: i32 = -31401;
/// JSON-RPC error code of headers that disagree with the body (MCP 2026-07-28, `HeaderMismatch`).
pub const HEADERS_DISAGREE: i32 = -32020;
/// JSON-RPC error codes (JSON-RPC 2.0, section 5.1).
pub const PARSE_ERROR: i32 = -32700;
/// See [`PARSE_ERROR`].
pub const INVALID_REQUEST: i32 = -32600;
/// See [`PARSE_ERROR`].
pub const INVALID_PARAMS: i32 = -32602;

/// How a policy wants denied tool calls answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As a result with `isError`, which the model reads
    #[default]
    Result,
    /// As a JSON-RPC error
    Error,
    /// As HTTP 403 or 429 with that error
    Http,
}

/// The kind of the refused message, which determines the form of the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind<'a> {
    /// A call of the tool of this name
    Tool(&'a str),
    /// Another request
    Other,
    /// A notification, or a response that the client posts. Neither gets a JSON-RPC response
    Notification,
}

/// One refusal, ready to be put into bytes.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Why
    pub denial: &'a Denial,
    /// The kind of the message
    pub request: RequestKind<'a>,
    /// The request's id, byte for byte
    pub id: Option<&'a str>,
    /// How the policy wants it
    pub form: Form,
    /// The decision's own id, which the record has too
    pub decision_id: &'a str,
    /// The policy's digest
    pub policy: &'a str,
    /// The challenge for a caller without an identity
    pub challenge: &'a str,
}

/// A request to the client to have its user open a page (MCP, "URL mode elicitation").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elicitation {
    /// What the call says of rounds
    pub rounds: Rounds,
    /// The page
    pub url: String,
    /// The text for the user
    pub message: String,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status
    pub status: u16,
    /// Header names in lower case, and their values
    pub headers: Vec<(&'static str, String)>,
    /// JSON
    pub body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionObject<'a> {
    id: &'a str,
    code: &'static str,
    rule: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    policy: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
pub(super) struct Meta<'a> {
    #[serde(rename = "dev.mcp-policy/decision")]
    pub(super) decision: &'a DecisionObject<'a>,
}

// Clients of 2026-07-28 refuse a result without `resultType`; older ones ignore it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolResult<'a> {
    result_type: &'static str,
    is_error: bool,
    content: [Text<'a>; 1],
    #[serde(rename = "_meta")]
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct RpcError<'a> {
    code: i32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a DecisionObject<'a>>,
}

impl Refusal<'_> {
    /// Puts the refusal into the form that its request, its code and the policy call for.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let denial = self.denial;
        let decision = self.decision();
        let (status, code) = self.status_and_code();
        let as_result = matches!(self.request, RequestKind::Tool(_))
            && self.form == Form::Result
            && is_policy(denial.code)
            && denial.code != Code::Hidden;
        let member = if as_result {
            let result = ToolResult {
                result_type: "complete",
                is_error: true,
                content: [Text { r#type: "text", text: &denial.reason }],
                meta: Meta { decision: &decision },
            };
            format!("\"result\":{}", json(&result))
        } else {
            // A hidden tool is answered as one that does not exist: nothing tells of a policy.
            let data = (denial.code != Code::Hidden).then_some(&decision);
            format!("\"error\":{}", json(&RpcError { code, message: &denial.reason, data }))
        };
        let id = match (self.id, self.request) {
            (Some(id), _) => format!("\"id\":{id},"),
            // JSON-RPC 2.0, section 5: null where the id cannot be told.
            (None, RequestKind::Other) => "\"id\":null,".to_owned(),
            (None, _) => String::new(),
        };
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-mcp-policy", denial.code.as_str().to_owned()),
        ];
        if let Some(seconds) = denial.retry_after_seconds {
            headers.push(("retry-after", seconds.to_string()));
        }
        match denial.code {
            Code::MethodNotAllowed => headers.push(("allow", "GET, POST, DELETE, OPTIONS".to_owned())),
            Code::Unauthenticated => headers.push(("www-authenticate", self.challenge.to_owned())),
            _ => {}
        }
        Reply { status, headers, body: format!("{{\"jsonrpc\":\"2.0\",{id}{member}}}") }
    }

    /// Returns a reply that asks the client's user to open a page, in place of the refusal.
    #[must_use]
    pub fn elicit(&self, elicitation: &Elicitation) -> Reply {
        let result = elicitation.rounds.result(&elicitation.url, &elicitation.message, &self.decision());
        let id = self.id.unwrap_or("null");
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-mcp-policy", self.denial.code.as_str().to_owned()),
        ];
        Reply { status: 200, headers, body: format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#) }
    }

    fn decision(&self) -> DecisionObject<'_> {
        DecisionObject {
            id: self.decision_id,
            code: self.denial.code.as_str(),
            rule: &self.denial.rule,
            reason: &self.denial.reason,
            retry_after_seconds: self.denial.retry_after_seconds,
            policy: self.policy,
        }
    }

    /// Returns the HTTP status and the code of the JSON-RPC error.
    fn status_and_code(&self) -> (u16, i32) {
        match self.denial.code {
            Code::InvalidRequest(Invalid::Unparsable) => (400, PARSE_ERROR),
            Code::InvalidRequest(Invalid::Request) => (400, INVALID_REQUEST),
            Code::InvalidRequest(Invalid::Params) => (400, INVALID_PARAMS),
            Code::HeadersDisagree => (400, HEADERS_DISAGREE),
            Code::UnsupportedMediaType => (415, INVALID_REQUEST),
            Code::TooLarge => (413, INVALID_REQUEST),
            Code::MethodNotAllowed => (405, INVALID_REQUEST),
            Code::Unauthenticated => (401, UNAUTHENTICATED),
            Code::NoGrant | Code::GrantExpired | Code::OriginDenied => (403, DENIED),
            code => {
                let refused = self.form == Form::Http || self.request == RequestKind::Notification;
                match (code, refused) {
                    (Code::Hidden, false) => (200, INVALID_PARAMS),
                    (Code::Hidden, true) => (403, INVALID_PARAMS),
                    (Code::RateLimited, false) => (200, RATE_LIMITED),
                    // Nobody retries a notification: it gets the status of any other denial.
                    (Code::RateLimited, true) if self.request != RequestKind::Notification => {
                        (429, RATE_LIMITED)
                    }
                    (_, true) => (403, DENIED),
                    (_, false) => (200, DENIED),
                }
            }
        }
    }
}

/// Tells whether the policy made the denial, not the protocol.
fn is_policy(code: Code) -> bool {
    !matches!(
        code,
        Code::InvalidRequest(_)
            | Code::HeadersDisagree
            | Code::UnsupportedMediaType
            | Code::TooLarge
            | Code::MethodNotAllowed
    )
}

pub(super) fn json(value: &impl Serialize) -> String {
    // These types hold strings and numbers alone, whose writing cannot fail.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
