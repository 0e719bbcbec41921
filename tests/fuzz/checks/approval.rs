//! Any text as the answer of the approval service, behind a line with its HTTP status: a call passes only if the answer is
//! one unambiguous object that says `approved` and has an id, and a caller is only sent to the address of a page.

use mcp_policy_engine::approval;
use mcp_policy_engine::guard::{Answer, Question, Verdict};
use serde_json::Value;

use crate::guarded::Guarded;
use crate::oracle::Tree;

/// The document: each call of the tool requires approval.
const DOCUMENT: &str =
    r#"{"version":"1","approvals":{"cluster":"approvals"},"tools":{"pay":{"action":"require_approval"}}}"#;

/// The call, of a client that opens pages and of one that shows what the denial says.
const BODIES: [&str; 2] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"usd":3},
        "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
                 "io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"usd":3}}}"#,
];

/// What stands in front of the address in a denial.
const IN_FRONT: &str = "Once it is approved at ";

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
    for call in BODIES {
        let conclusion = guarded.judge(call.as_bytes(), |question| match question {
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
                let is_pending = text(body, "status").as_deref() == Some("pending");
                let mut links = Vec::new();
                collect(&reply, is_pending, &mut links);
                assert!(links.iter().all(|link| is_page(link)), "{links:?} in {reply}");
            }
        }
    }
}

/// Returns whether an answer allows the call.
fn allows(status: &[u8], body: &[u8]) -> bool {
    matches!(status, b"200" | b"201" | b"202")
        && body.len() <= approval::MOST_BYTES
        && text(body, "status").as_deref() == Some("approved")
        && text(body, "id").is_some_and(|id| !id.is_empty())
}

/// Returns the string of a key that an object has once.
fn text(body: &[u8], key: &str) -> Option<String> {
    let Ok(Tree::Object(members)) = Tree::read(body) else { return None };
    let mut found = members.into_iter().filter(|(name, _)| name == key).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(Tree::Text(text)), None) => Some(text),
        _ => None,
    }
}

/// Collects the addresses that a reply sends its caller to: each `url`, and, if the call waits, the address in the words of
/// the denial. Other texts are not links. The id and the reason are free text, and no client opens them.
fn collect(value: &Value, is_pending: bool, links: &mut Vec<String>) {
    match value {
        Value::String(text) if is_pending => {
            let behind = text.split_once(IN_FRONT).and_then(|(_, behind)| behind.split(' ').next());
            links.extend(behind.map(str::to_owned));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, is_pending, links)),
        Value::Object(map) => {
            links.extend(map.get("url").map(|url| url.as_str().unwrap_or_default().to_owned()));
            map.values().for_each(|value| collect(value, is_pending, links));
        }
        _ => {}
    }
}

/// Returns whether a text is the address of a page, and shows which server has it.
fn is_page(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    matches!(scheme, "http" | "https")
        && !authority.is_empty()
        && !authority.contains('@')
        && rest.chars().all(|char| char.is_ascii_graphic() && !matches!(char, '"' | '<' | '>' | '\\' | '`'))
}
