//! Reads questions strictly: rejects a text that two parsers could read differently.

use std::fmt;

use mcp_policy_engine::approval::Bound;
use mcp_policy_engine::json::canonical::Canonical;
use mcp_policy_engine::json::{self, Value};

use crate::model::Question;

/// The longest string, in bytes. Only the arguments may be longer.
const LONGEST: usize = 64 * 1024;

/// The longest time for which a question is valid, in seconds: one year.
const LONGEST_EXPIRES: u32 = 365 * 24 * 60 * 60;

/// The longest time for which an answer is held, in seconds.
const LONGEST_WAIT: u32 = 300;

/// A request to the service: a question, and how long its answer may be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskRequest {
    /// The question
    pub question: Question,
    /// How long a pending answer is held, in seconds
    pub wait_seconds: u32,
}

/// What is wrong with a request, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

/// Reads a request. Ignores unknown members.
///
/// # Errors
/// [`Unreadable`], which names the member.
pub fn read(body: &[u8]) -> Result<AskRequest, Unreadable> {
    let document = json::read(body).map_err(|error| Unreadable(format!("not JSON: {error}")))?;
    if let Some(defect) = document.defect() {
        return Err(Unreadable(format!("ambiguous JSON: {defect}")));
    }
    let root = document.root();
    if !root.is_object() {
        return Err(Unreadable("must be a JSON object".to_owned()));
    }
    let arguments = root.get("arguments").filter(|value| value.is_object());
    let arguments = arguments.ok_or_else(|| invalid("arguments", "an object"))?;
    let params = root.get("params").filter(|value| value.is_object());
    let params = params.ok_or_else(|| invalid("params", "an object"))?;
    let mut question = Question {
        fingerprint: digits(root, "fingerprint", 64)?,
        server: text(root, "server")?,
        rules: digits(root, "rules", 64)?,
        policy: digits(root, "policy", 16)?,
        grant: text(root, "grant")?,
        principal: optional(root, "principal")?,
        source: optional(root, "source")?,
        tool: text(root, "tool")?,
        arguments: arguments.raw().to_owned(),
        params: params.raw().to_owned(),
        host: optional(root, "host")?,
        path: optional(root, "path")?,
        call: String::new(),
        rule: text(root, "rule")?,
        reason: optional(root, "reason")?,
        decision_id: text(root, "decision_id")?,
        request_id: optional(root, "request_id")?,
        expires_seconds: integer(root, "expires_seconds", 1, LONGEST_EXPIRES)?,
    };
    let wait_seconds = match root.get("wait_seconds") {
        Some(_) => integer(root, "wait_seconds", 0, LONGEST_WAIT)?,
        None => 0,
    };
    question.call = check_fingerprint(&question, arguments, params)?;
    Ok(AskRequest { question, wait_seconds })
}

/// Checks that the fingerprint belongs to the call that people will see. Returns the digest of the call
/// without the rules.
fn check_fingerprint(
    question: &Question,
    arguments: Value<'_>,
    params: Value<'_>,
) -> Result<String, Unreadable> {
    let (arguments, params) = (Canonical::of(arguments), Canonical::of(params));
    let exact = arguments.is_exact() && params.is_exact();
    let bound = Bound {
        server: &question.server,
        rules: &question.rules,
        grant: &question.grant,
        principal: question.principal.as_deref(),
        source: question.source.as_deref(),
        tool: &question.tool,
        arguments: &arguments.into_text(),
        params: &params.into_text(),
        host: question.host.as_deref(),
        path: question.path.as_deref(),
    };
    if exact && bound.fingerprint() == question.fingerprint {
        return Ok(bound.call());
    }
    let own = "the SHA-256 of this call's arguments, grant, host, params, path, principal, rules, server, source and \
               tool in RFC 8785 form";
    Err(invalid("fingerprint", own))
}

fn invalid(member: &str, expected: &str) -> Unreadable {
    Unreadable(format!("`{member}` must be {expected}"))
}

/// Reads a required string.
fn text(root: Value<'_>, member: &str) -> Result<String, Unreadable> {
    optional(root, member)?.ok_or_else(|| invalid(member, "a non-empty string"))
}

/// Reads an optional string. Absent, null and empty are the same.
fn optional(root: Value<'_>, member: &str) -> Result<Option<String>, Unreadable> {
    let Some(value) = root.get(member).filter(|value| value.raw() != "null") else { return Ok(None) };
    let text = value.string().ok_or_else(|| invalid(member, "a string"))?;
    if text.len() > LONGEST {
        return Err(invalid(member, "a string of 65536 bytes or fewer"));
    }
    // PostgreSQL cannot store this character.
    if text.contains('\0') {
        return Err(invalid(member, "a string without U+0000"));
    }
    Ok(Some(text.into_owned()).filter(|text| !text.is_empty()))
}

/// Reads a hash of lower-case hex digits.
fn digits(root: Value<'_>, member: &str, length: usize) -> Result<String, Unreadable> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let text = optional(root, member)?.filter(|text| text.len() == length && text.bytes().all(digit));
    text.ok_or_else(|| invalid(member, &format!("a string of {length} lower-case hex digits")))
}

/// Reads an integer.
fn integer(root: Value<'_>, member: &str, least: u32, most: u32) -> Result<u32, Unreadable> {
    let number = root.get(member).and_then(Value::number).and_then(|number| number.parse().ok());
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| invalid(member, &format!("an integer from {least} to {most}")))
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(what) = self;
        out.write_str(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> serde_json::Value {
        let rules = "0123456789abcdef".repeat(4);
        let bound = Bound {
            server: "crm",
            rules: &rules,
            grant: "ci",
            principal: Some("alice"),
            source: None,
            tool: "delete_user",
            arguments: r#"{"id":7}"#,
            params: r#"{"force":true}"#,
            host: Some("mcp.example"),
            path: Some("/mcp?team=a"),
        };
        serde_json::json!({
            "fingerprint": bound.fingerprint(), "server": "crm", "rules": rules, "policy": "0123456789abcdef",
            "grant": "ci", "principal": "alice", "source": null, "tool": "delete_user",
            "arguments": { "id": 7 }, "params": { "force": true }, "host": "mcp.example", "path": "/mcp?team=a",
            "rule": "tools.delete_user", "reason": "it deletes", "decision_id": "d1", "request_id": "r1",
            "expires_seconds": 900, "wait_seconds": 5,
        })
    }

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let mut value = example();
        value["theirs"] = serde_json::json!([1]);
        let question = read(value.to_string().as_bytes()).unwrap();
        assert_eq!(question.wait_seconds, 5);
        assert_eq!(question.question.arguments, r#"{"id":7}"#);
        assert_eq!(question.question.params, r#"{"force":true}"#);
        assert_ne!(question.question.call, question.question.fingerprint);
        assert_eq!(question.question.principal.as_deref(), Some("alice"));
        for absent in ["reason", "request_id", "wait_seconds"] {
            value.as_object_mut().unwrap().remove(absent);
        }
        let question = read(value.to_string().as_bytes()).unwrap();
        assert_eq!((question.wait_seconds, question.question.reason), (0, None));
    }

    #[test]
    fn an_invalid_member_is_named_with_a_correction() {
        for (member, value, expected) in [
            (
                "fingerprint",
                serde_json::json!("AB".repeat(32)),
                "`fingerprint` must be a string of 64 lower-case hex digits",
            ),
            (
                "fingerprint",
                serde_json::json!(null),
                "`fingerprint` must be a string of 64 lower-case hex digits",
            ),
            ("server", serde_json::json!(""), "`server` must be a non-empty string"),
            ("server", serde_json::json!(7), "`server` must be a string"),
            ("tool", serde_json::json!("a\0b"), "`tool` must be a string without U+0000"),
            (
                "grant",
                serde_json::json!("x".repeat(65537)),
                "`grant` must be a string of 65536 bytes or fewer",
            ),
            ("principal", serde_json::json!(["alice"]), "`principal` must be a string"),
            ("arguments", serde_json::json!("{}"), "`arguments` must be an object"),
            ("params", serde_json::json!(null), "`params` must be an object"),
            ("path", serde_json::json!(7), "`path` must be a string"),
            ("rules", serde_json::json!("ab"), "`rules` must be a string of 64 lower-case hex digits"),
            ("policy", serde_json::json!("short"), "`policy` must be a string of 16 lower-case hex digits"),
            (
                "expires_seconds",
                serde_json::json!(0),
                "`expires_seconds` must be an integer from 1 to 31536000",
            ),
            (
                "expires_seconds",
                serde_json::json!("900"),
                "`expires_seconds` must be an integer from 1 to 31536000",
            ),
            ("wait_seconds", serde_json::json!(301), "`wait_seconds` must be an integer from 0 to 300"),
            ("wait_seconds", serde_json::json!(1.5), "`wait_seconds` must be an integer from 0 to 300"),
        ] {
            let mut question = example();
            question[member] = value;
            assert_eq!(read(question.to_string().as_bytes()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_fingerprint_must_belong_to_the_call() {
        for (member, value) in [
            ("server", serde_json::json!("hr")),
            ("rules", serde_json::json!("0123456789abcdee".repeat(4))),
            ("source", serde_json::json!("corp")),
            ("params", serde_json::json!({})),
            ("params", serde_json::json!({ "force": false })),
            ("host", serde_json::json!("prod.example")),
            ("host", serde_json::json!(null)),
            ("path", serde_json::json!("/mcp?team=b")),
            ("grant", serde_json::json!("cj")),
            ("principal", serde_json::json!("bob")),
            ("principal", serde_json::json!(null)),
            ("tool", serde_json::json!("read_user")),
            ("arguments", serde_json::json!({ "id": 8 })),
        ] {
            let mut question = example();
            question[member] = value;
            let message = read(question.to_string().as_bytes()).unwrap_err().to_string();
            assert!(
                message.starts_with("`fingerprint` must be the SHA-256 of this call's"),
                "{member}: {message}"
            );
        }
        let mut informed = example();
        informed["policy"] = serde_json::json!("0123456789abcdee");
        assert!(read(informed.to_string().as_bytes()).is_ok(), "the policy is for information");
        let spelled = example().to_string().replace(r#"{"id":7}"#, "{ \"\\u0069d\": 7.0 }");
        assert!(read(spelled.as_bytes()).is_ok(), "another spelling is the same call");
    }

    #[test]
    fn an_ambiguous_text_is_rejected() {
        let twice = example().to_string().replacen('{', r#"{"tool":"harmless","#, 1);
        let deep = example().to_string().replace(r#""id":7"#, r#""id":7,"id":8"#);
        for body in [twice, deep, "[]".to_owned(), "{".to_owned(), String::new()] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
