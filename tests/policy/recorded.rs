//! Makes records as the filter makes them, for the tests of what reads them.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use mcp_policy_engine::approval::{self, Status};
use mcp_policy_engine::guard::{self, Answer, FixedEnvironment, Question, Whole};
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::{Certificate, Policy};
use mcp_policy_engine::rate_limit::{Failure, MemoryService};
use serde_json::{Value, json};

/// 2027-01-15T08:00:00Z, in milliseconds.
pub const START_MS: u64 = 1_800_000_000_000;

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// When it arrives, in milliseconds after [`START_MS`]
    pub at_ms: u64,
    /// The claims of the caller's token
    pub token: Option<Value>,
    /// More headers
    pub headers: Vec<(&'static str, String)>,
    /// The method of HTTP
    pub http: &'static str,
    /// The body
    pub body: String,
    /// What the approval service answers
    pub approval: Option<Status>,
    /// Whether its charges are given back
    pub given_back: bool,
    /// Whether the rate limit service gives no answer
    pub uncounted: bool,
}

/// Makes a call of a tool.
pub fn call(at_ms: u64, tool: &str, arguments: &Value) -> Request {
    let params = json!({ "name": tool, "arguments": arguments });
    message(at_ms, "tools/call", &params)
}

/// Makes a request.
pub fn message(at_ms: u64, method: &str, params: &Value) -> Request {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string();
    let headers = Vec::new();
    Request {
        at_ms,
        token: None,
        headers,
        http: "POST",
        body,
        approval: None,
        given_back: false,
        uncounted: false,
    }
}

struct Token(Option<String>);

impl Credentials for Token {
    fn verified_token(&self, _metadata: &str, _payload: &str) -> Option<String> {
        self.0.clone()
    }

    fn certificate(&self, _name: Certificate) -> Option<String> {
        None
    }
}

/// Judges requests with a policy as one proxy does. Returns their records.
pub fn records(policy: &Value, requests: &[Request]) -> Vec<String> {
    let policy = Arc::new(Policy::from_bytes(policy.to_string().as_bytes()).expect("a valid policy"));
    let layout = Layout::new([7; 16], NonZeroU32::new(policy.counter_capacity).expect("some"));
    let places = Places::new(layout, policy.counters, policy.grants.iter().count());
    let (store, service) = (MemoryStore::new(), MemoryService::new());
    let mut records = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        let now_ns = (START_MS + request.at_ms) * 1_000_000;
        let environment = FixedEnvironment { store: &store, places: &places, now_ns };
        let mut headers: Vec<(String, String)> =
            [(":method", request.http), (":path", "/mcp"), ("content-type", "application/json")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec();
        headers.extend(request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let body = (request.http == "POST").then_some(request.body.as_bytes());
        let whole = Whole { headers: &headers, body };
        let token = Token(request.token.as_ref().map(Value::to_string));
        let answer = |question: &Question| match question {
            Question::Rates(_) if request.uncounted => Answer::Rates(Err(Failure::Unanswered)),
            Question::Rates(asked) => Answer::Rates(Ok(service.answer(asked, now_ns))),
            Question::Approval(_) => Answer::Approval(match request.approval {
                Some(status) => Ok(approval::Answer {
                    status,
                    id: "apr_1".to_owned(),
                    url: Some("https://approvals.example/1".to_owned()),
                    reason: None,
                }),
                None => Err("status 503".into()),
            }),
        };
        let id = format!("{number:032x}");
        let conclusion = guard::judge(&policy, whole, &token, id, &environment, answer).expect("not exempt");
        let mut record = conclusion.record;
        if request.given_back {
            conclusion.charged.give_back(&environment);
            mcp_policy_engine::audit::add_given_back(&mut record);
        }
        records.push(record);
    }
    records
}

/// Returns the verdict of a record in one word.
pub fn verdict(record: &Value) -> String {
    let code = record["code"].as_str().unwrap_or_default();
    match record["decision"].as_str().expect("a decision") {
        "deny" => code.to_owned(),
        "would_deny" => format!("would_deny: {code}"),
        decision => decision.to_owned(),
    }
}

/// A file of this test process that is removed at the end.
pub struct Temporary(pub PathBuf);

impl Temporary {
    /// Writes a file.
    pub fn file(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("mcp-policy-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a file");
        Self(path)
    }

    /// Returns its path.
    pub fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
