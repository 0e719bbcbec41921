//! The format of the table.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

/// One file: cases on one subject.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    pub about: String,
    pub groups: Vec<Group>,
}

/// Cases under one document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub about: String,
    pub document: Value,
    pub cases: Vec<Case>,
}

/// One request, or several in sequence. Before the first, nothing has been counted.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Case {
    pub name: String,
    pub steps: Vec<Step>,
}

/// A request and its expected outcome.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Calls this tool
    call: Option<String>,
    /// … with these arguments; a string is their JSON text, as it is sent
    with: Option<Value>,
    /// Sends a request with this method
    method: Option<String>,
    /// … or a notification with it
    notify: Option<String>,
    /// … and these params
    params: Option<Value>,
    /// The request's id, 1 by default; null makes it a notification
    #[serde(default = "one")]
    id: Value,
    /// Sends this body; without any of these there is no body
    send: Option<String>,
    #[serde(default = "post")]
    http_method: String,
    #[serde(default = "mcp")]
    path: String,
    /// Headers beside `content-type`
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// `x-agent-id`
    r#as: Option<String>,
    /// `mcp-session-id`
    session: Option<String>,
    /// The claims of verified tokens, each by the `payload` under which `jwt_authn` stores it
    #[serde(default)]
    pub tokens: serde_json::Map<String, Value>,
    /// Strings in the filter state, by their keys
    #[serde(default)]
    pub state: std::collections::BTreeMap<String, String>,
    /// How often it is sent, each time with the same outcome
    #[serde(default = "once")]
    pub times: u32,
    /// How many seconds after the previous step it is sent
    #[serde(default)]
    pub wait: f64,
    pub expect: Expect,
    #[serde(default)]
    pub answer: Answer,
    /// Members that the answer has, among others
    #[serde(default)]
    pub says: Vec<String>,
    /// Members that the record has, among others; null for those that it does not have
    #[serde(default)]
    pub record: serde_json::Map<String, Value>,
}

/// `allow`, with or without a rule; `deny` or `would_deny` with a code and a rule; or `pass`, which leaves no
/// record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Expect {
    /// `pass` if there is no record
    pub decision: String,
    pub code: Option<String>,
    pub rule: Option<String>,
}

/// The expected answer to a denial, as far as the case gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub status: Option<u16>,
    /// The code of the JSON-RPC error; null for a result
    #[serde(default, deserialize_with = "present")]
    pub rpc: Option<Option<i64>>,
    /// Whether it says when to try again
    pub retry: Option<bool>,
    /// `WWW-Authenticate`
    pub challenge: Option<String>,
}

/// Distinguishes null from a missing member.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(from).map(Some)
}

fn one() -> Value {
    json!(1)
}

fn once() -> u32 {
    1
}

fn post() -> String {
    "POST".to_owned()
}

fn mcp() -> String {
    "/mcp".to_owned()
}

impl TryFrom<Value> for Case {
    type Error = String;

    /// A case with one step is written as that step, with a name.
    fn try_from(mut case: Value) -> Result<Self, String> {
        let members = case.as_object_mut().ok_or("a case is an object")?;
        let name = members.remove("name").and_then(|name| name.as_str().map(str::to_owned));
        let name = name.ok_or("a case has a name")?;
        let steps = match members.remove("steps") {
            Some(steps) if members.is_empty() => steps,
            Some(_) => return Err(format!("{name}: what is a step's stands beside the steps")),
            None => json!([case]),
        };
        let steps = serde_json::from_value(steps).map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { name, steps })
    }
}

impl TryFrom<String> for Expect {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (decision, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let own = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (code, rule) = match decision {
            "allow" | "pass" => (None, own(rest)),
            "deny" | "would_deny" => {
                let (code, rule) = rest.split_once(' ').ok_or(format!("{text}: no code and rule"))?;
                (own(code), own(rule))
            }
            _ => return Err(format!("{text}: no such decision")),
        };
        Ok(Self { decision: decision.to_owned(), code, rule })
    }
}

impl Step {
    /// Returns the headers as Envoy passes them on.
    pub fn headers(&self) -> Vec<(String, String)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![own(":method", &self.http_method), own(":path", &self.path)];
        headers.push(own("content-type", "application/json"));
        headers.extend(self.r#as.iter().map(|agent| own("x-agent-id", agent)));
        headers.extend(self.session.iter().map(|session| own("mcp-session-id", session)));
        headers.extend(self.headers.iter().cloned());
        headers
    }

    /// Returns the body; `None` if there is none.
    pub fn body(&self) -> Option<String> {
        if self.send.is_some() {
            return self.send.clone();
        }
        let (method, params) = match (&self.call, &self.method, &self.notify) {
            (Some(tool), None, None) => {
                let arguments = match &self.with {
                    Some(Value::String(text)) => text.clone(),
                    Some(arguments) => arguments.to_string(),
                    None => "{}".to_owned(),
                };
                let tool = Value::from(tool.as_str());
                ("tools/call", Some(format!(r#"{{"name":{tool},"arguments":{arguments}}}"#)))
            }
            (None, Some(method), None) | (None, None, Some(method)) => {
                (method.as_str(), self.params.as_ref().map(Value::to_string))
            }
            (None, None, None) => return None,
            _ => panic!("{self:?} has two requests"),
        };
        let id = if self.notify.is_some() { &Value::Null } else { &self.id };
        let id = if id.is_null() { String::new() } else { format!(r#""id":{id},"#) };
        let params = params.map_or(String::new(), |params| format!(r#","params":{params}"#));
        let method = Value::from(method);
        Some(format!(r#"{{"jsonrpc":"2.0",{id}"method":{method}{params}}}"#))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/decisions")
}

/// Reads all files.
pub fn topics() -> Vec<Topic> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder()).expect("the table").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("text");
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}
