//! Refusals in the form that MCP clients understand and models can act on.

use super::rounds::Rounds;
use crate::denial::{Code, Denial, Invalid};
use crate::json::ObjectWriter;

/// JSON-RPC error code of other denials by the policy, outside the ranges that JSON-RPC and MCP keep.
pub const DENIED: i32 = -31403;
/// JSON-RPC error code of a denial by a limit.
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

impl Refusal<'_> {
    /// Puts the refusal into the form that its request, its code and the policy call for.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let denial = self.denial;
        let (status, code) = self.status_and_code();
        let as_result = matches!(self.request, RequestKind::Tool(_))
            && self.form == Form::Result
            && is_policy(denial.code)
            && denial.code != Code::Hidden;
        let mut body = ObjectWriter::default();
        body.string("jsonrpc", "2.0");
        match (self.id, self.request) {
            (Some(id), _) => body.json("id", id),
            // JSON-RPC 2.0, section 5: null where the id cannot be told.
            (None, RequestKind::Other) => body.json("id", "null"),
            (None, _) => {}
        }
        if as_result {
            body.json("result", &self.result());
        } else {
            body.json("error", &self.error(code));
        }
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
        Reply { status, headers, body: body.finish() }
    }

    /// Returns a reply that asks the client's user to open a page, in place of the refusal.
    #[must_use]
    pub fn elicit(&self, elicitation: &Elicitation) -> Reply {
        let result = elicitation.rounds.result(&elicitation.url, &elicitation.message, &self.meta());
        let mut body = ObjectWriter::default();
        body.string("jsonrpc", "2.0");
        body.json("id", self.id.unwrap_or("null"));
        body.json("result", &result);
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-mcp-policy", self.denial.code.as_str().to_owned()),
        ];
        Reply { status: 200, headers, body: body.finish() }
    }

    /// Writes the result of a tool call. Clients of 2026-07-28 refuse a result without `resultType`; older ones ignore
    /// it.
    fn result(&self) -> String {
        let mut text = ObjectWriter::default();
        text.string("type", "text");
        text.string("text", &self.denial.reason);
        let mut result = ObjectWriter::default();
        result.string("resultType", "complete");
        result.json("isError", "true");
        result.json("content", &["[", &text.finish(), "]"].concat());
        result.json("_meta", &self.meta());
        result.finish()
    }

    /// Writes the JSON-RPC error. A hidden tool is answered as one that does not exist: nothing tells of a policy.
    fn error(&self, code: i32) -> String {
        let mut error = ObjectWriter::default();
        error.json("code", &code.to_string());
        error.string("message", &self.denial.reason);
        if self.denial.code != Code::Hidden {
            error.json("data", &self.decision());
        }
        error.finish()
    }

    fn meta(&self) -> String {
        let mut meta = ObjectWriter::default();
        meta.json("dev.mcp-policy/decision", &self.decision());
        meta.finish()
    }

    fn decision(&self) -> String {
        let mut decision = ObjectWriter::default();
        decision.string("id", self.decision_id);
        decision.string("code", self.denial.code.as_str());
        decision.string("rule", &self.denial.rule);
        decision.string("reason", &self.denial.reason);
        if let Some(seconds) = self.denial.retry_after_seconds {
            decision.number("retryAfterSeconds", seconds);
        }
        decision.string("policy", self.policy);
        decision.finish()
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
            code @ (Code::NotListed
            | Code::Denied
            | Code::Hidden
            | Code::ArgumentsInvalid
            | Code::ConditionFailed
            | Code::DefinitionChanged
            | Code::RateLimited
            | Code::ApprovalRequired
            | Code::ApprovalDenied
            | Code::ApprovalUnavailable
            | Code::LimiterUnavailable) => {
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
