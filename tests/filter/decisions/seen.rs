//! The outcome of a request, compared with the table.

use mcp_policy_engine::mcp::answer::Reply;
use serde_json::Value;

use super::table::{Expect, Step};

/// The outcome of a request.
#[derive(Debug)]
pub struct Seen {
    /// The audit record
    pub record: Option<Value>,
    /// The filter's own answer
    pub reply: Option<Reply>,
    /// The body that has reached the upstream, if all of it has
    pub arrived: Option<String>,
    /// The body that was sent
    pub sent: String,
}

impl Seen {
    /// Compares the outcome with what a step expects.
    ///
    /// # Errors The first difference.
    pub fn check(&self, step: &Step) -> Result<(), String> {
        let recorded = self.recorded();
        if recorded != step.expect {
            return Err(format!("{recorded:?}, expected {:?}: {:?}", step.expect, self.reply));
        }
        let denied = recorded.decision == "deny";
        match (&self.reply, &self.arrived) {
            (Some(reply), None) if denied => self.check_reply(reply, step)?,
            (None, Some(arrived)) if !denied && *arrived == self.sent => {}
            (reply, arrived) => return Err(format!("arrived: {arrived:?}, answered: {reply:?}")),
        }
        for (key, expected) in &step.record {
            let found = self.record.as_ref().and_then(|record| record.get(key)).unwrap_or(&Value::Null);
            if !holds(found, expected) {
                return Err(format!("the record's `{key}` is {found}, expected {expected}"));
            }
        }
        Ok(())
    }

    /// Reads the record's decision.
    fn recorded(&self) -> Expect {
        let Some(record) = &self.record else {
            return Expect { decision: "pass".to_owned(), code: None, rule: None };
        };
        let text = |key: &str| record[key].as_str().map(str::to_owned);
        Expect { decision: text("decision").unwrap_or_default(), code: text("code"), rule: text("rule") }
    }

    fn check_reply(&self, reply: &Reply, step: &Step) -> Result<(), String> {
        let header = |name: &str| {
            reply.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
        };
        let code = step.expect.code.as_deref();
        if header("x-mcp-policy") != code || header("content-type") != Some("application/json") {
            return Err(format!("headers: {:?}", reply.headers));
        }
        let body: Value = serde_json::from_str(&reply.body).map_err(|error| error.to_string())?;
        let (text, decision) = match body.get("error") {
            Some(error) => (&error["message"], &error["data"]),
            None => {
                let result = &body["result"];
                if result["isError"] != true || result["resultType"] != "complete" {
                    return Err(format!("a result that clients take for a success: {body}"));
                }
                (&result["content"][0]["text"], &result["_meta"]["dev.mcp-policy/decision"])
            }
        };
        let told = text.as_str().unwrap_or_default();
        // A hidden tool gets the answer for one that does not exist.
        if code == Some("hidden") {
            if !decision.is_null() || !told.starts_with("unknown tool: ") {
                return Err(format!("tells more of a hidden tool than of none: {body}"));
            }
        } else {
            let record = self.record.as_ref().unwrap_or(&Value::Null);
            for key in ["id", "code", "rule", "policy"] {
                if decision[key].is_null() || decision[key] != record[key] {
                    return Err(format!(
                        "the answer's `{key}` is {}, the record's {}",
                        decision[key], record[key]
                    ));
                }
            }
            if decision["reason"] != *text || told.is_empty() {
                return Err(format!("two reasons, or none: {body}"));
            }
        }
        let retry = header("retry-after");
        if decision["retryAfterSeconds"].as_u64().map(|seconds| seconds.to_string()).as_deref() != retry {
            return Err(format!("two times to retry: {retry:?}, {body}"));
        }
        let answer = &step.answer;
        let rpc = body.get("error").map(|error| error["code"].as_i64().unwrap_or_default());
        if answer.status.is_some_and(|status| status != reply.status) {
            return Err(format!("HTTP {}, not {:?}", reply.status, answer.status));
        }
        if answer.rpc.is_some_and(|expected| expected != rpc) {
            return Err(format!("error {rpc:?}, not {:?}", answer.rpc));
        }
        if answer.retry.is_some_and(|expected| expected != retry.is_some()) {
            return Err(format!("to be retried: {retry:?}"));
        }
        if answer.challenge.is_some() && header("www-authenticate") != answer.challenge.as_deref() {
            return Err(format!("headers: {:?}", reply.headers));
        }
        match step.says.iter().find(|part| !told.contains(part.as_str())) {
            Some(part) => Err(format!("does not say {part:?}, but {told:?}")),
            None => Ok(()),
        }
    }
}

/// Tells whether a value is as expected. An object may have more members, a list must have as many elements,
/// and numbers are compared by value.
fn holds(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(key, expected)| holds(found.get(key).unwrap_or(&Value::Null), expected))
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| holds(found, expected))
        }
        (Value::Number(found), Value::Number(expected)) => found.as_f64() == expected.as_f64(),
        _ => found == expected,
    }
}
