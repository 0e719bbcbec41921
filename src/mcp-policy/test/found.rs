//! What a request of a test meets.

use mcp_policy_engine::guard::{Conclusion, Verdict};
use serde::Serialize;
use serde_json::Value;

/// What a request meets.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Found {
    /// `allow`, `deny`, `would_deny`, or `exempt` for a request that no policy decides on
    pub decision: &'static str,
    /// The code of the denial
    pub code: Option<&'static str>,
    /// The deciding rule, as a path in the policy
    pub rule: Option<String>,
    /// The text of the denial, as the model sees it
    pub text: Option<String>,
    /// When to try again
    pub retry_after_seconds: Option<u64>,
    /// The HTTP status of the filter's reply
    pub status: Option<u16>,
    /// The code of the JSON-RPC error in the filter's reply
    pub rpc_code: Option<i64>,
    /// The header `WWW-Authenticate` of the filter's reply
    #[serde(skip)]
    pub challenge: Option<String>,
    /// The audit record
    #[serde(skip)]
    pub record: Value,
    /// The names that a list shows
    #[serde(skip)]
    pub shown: Vec<String>,
}

impl Found {
    /// Reads a conclusion. `None` is that of an exempt path.
    pub fn of(conclusion: Option<&Conclusion>) -> Self {
        let Some(conclusion) = conclusion else { return Self { decision: "exempt", ..Self::default() } };
        let record: Value = serde_json::from_str(&conclusion.record).unwrap_or_default();
        let denial = conclusion.verdict.denial();
        let mut found = Self {
            decision: conclusion.verdict.as_str(),
            code: denial.map(|denial| denial.code.as_str()),
            rule: record.get("rule").and_then(Value::as_str).map(str::to_owned),
            text: denial.map(|denial| denial.reason.clone()),
            retry_after_seconds: denial.and_then(|denial| denial.retry_after_seconds),
            record,
            ..Self::default()
        };
        if let Verdict::Deny { reply, .. } = &conclusion.verdict {
            let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
            let header = |name: &str| reply.headers.iter().find(|(known, _)| *known == name);
            let text = body.pointer("/error/message").or_else(|| body.pointer("/result/content/0/text"));
            found.status = Some(reply.status);
            found.rpc_code = body.pointer("/error/code").and_then(Value::as_i64);
            found.text = text.and_then(Value::as_str).map(str::to_owned).or(found.text);
            found.challenge = header("www-authenticate").map(|(_, value)| value.clone());
        }
        found
    }

    /// Returns the verdict in the words of a test file.
    pub fn verdict(&self) -> String {
        match (self.decision, self.code) {
            ("deny", Some(code)) => code.to_owned(),
            ("would_deny", Some(code)) => format!("would_deny {code}"),
            (decision, _) => decision.to_owned(),
        }
    }
}
