//! Any text as the answer of the approval service, behind a line with its HTTP status: a call passes only if the answer is
//! one unambiguous object that says `approved` and has an id.

use mcp_policy_engine::approval;
use mcp_policy_engine::guard::{Answer, Question, Verdict};
use serde_json::Value;

use crate::guarded::Guarded;
use crate::oracle::Tree;

/// The document: each call of the tool requires approval.
const DOCUMENT: &str =
    r#"{"version":"1","approvals":{"cluster":"approvals"},"tools":{"pay":{"action":"require_approval"}}}"#;

/// The call.
const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"usd":3},
    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
             "io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}}}"#;

/// Values for the mutation.
pub const FRAGMENTS: &[&str] = &[
    "\"approved\"",
    "\"denied\"",
    "\"pending\"",
    "\"status\"",
    "\"id\"",
    "\"url\"",
    "\"reason\"",
    "\"expires_at\"",
    "\"Status\"",
    "\"https://a.example/approvals/1\"",
    "\"javascript:alert(1)\"",
    "\"https://a@b.example/\"",
    "\"http://a.example\"",
    "\"a`b\"",
    "\"not\\ntoday\\u202e\"",
];

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (status, body) = (&bytes[..line], bytes.get(line + 1..).unwrap_or_default());
    let guarded = Guarded::new(DOCUMENT.as_bytes()).expect("the document is valid");
    let read = approval::read(status, body);
    let conclusion = guarded.judge(BODY.as_bytes(), |question| match question {
        Question::Approval(_) => Some(Answer::Approval(read.clone())),
        Question::Rates(_) => None,
    });
    match conclusion.expect("the path is not exempt").verdict {
        Verdict::Forward { would_deny, .. } => {
            assert_eq!(would_deny, None);
            assert!(allows(status, body), "the call passes");
        }
        Verdict::Deny { reply, .. } => {
            let reply: Value = serde_json::from_str(&reply.body).expect("a reply is JSON");
            let mut links = Vec::new();
            texts(&reply, &mut links);
            assert!(links.iter().all(|text| !text.contains("javascript:")), "{reply}");
        }
    }
}

/// Returns whether an answer allows the call.
fn allows(status: &[u8], body: &[u8]) -> bool {
    let Ok(Tree::Object(members)) = Tree::read(body) else { return false };
    let text = |key: &str| {
        let mut found = members.iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (Some(Tree::Text(text)), None) => Some(text.as_str()),
            _ => None,
        }
    };
    matches!(status, b"200" | b"201" | b"202")
        && body.len() <= approval::MOST_BYTES
        && text("status") == Some("approved")
        && text("id").is_some_and(|id| !id.is_empty())
}

fn texts<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => out.push(text),
        Value::Array(list) => list.iter().for_each(|value| texts(value, out)),
        Value::Object(map) => map.values().for_each(|value| texts(value, out)),
        _ => {}
    }
}
