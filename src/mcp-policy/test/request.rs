//! The request that a step sends.

use mcp_policy_engine::json;
use mcp_policy_engine::mcp::list::ListKind;

use super::fields::{Faults, Members, Part, unknown};
use crate::input::Value;
use crate::judge::Sent;

/// The keys that say what is sent, of which a step has one.
const ACTIONS: [&str; 7] = ["call", "read", "prompt", "method", "notify", "request", "list"];

/// The lists of MCP: the word of a test file, the method and the kind.
const LISTS: [(&str, &str, ListKind); 4] = [
    ("tools", "tools/list", ListKind::Tools),
    ("resources", "resources/list", ListKind::Resources),
    ("resource_templates", "resources/templates/list", ListKind::ResourceTemplates),
    ("prompts", "prompts/list", ListKind::Prompts),
];

/// What a step sends.
#[derive(Debug, Clone)]
pub struct Request {
    /// The request, without what its circumstances add
    pub sent: Sent,
    /// What it is, in a few words
    pub about: String,
    /// The kind of the list that is asked for
    pub list: Option<ListKind>,
}

impl Request {
    /// Reads what a step sends. `None`, with a fault, if that cannot be told.
    pub fn read(members: &mut Members<'_>, faults: &mut Faults) -> Option<Self> {
        let given: Vec<&str> = ACTIONS.into_iter().filter(|key| members.has(key)).collect();
        let parts = ACTIONS.map(|key| members.take(key));
        let arguments = members.take("arguments");
        let params = members.take("params");
        let id = members.take("id");
        let http_method = members.text("http_method", faults);
        let path = members.text("path", faults);
        if let [_, second, ..] = given.as_slice() {
            let part = parts.iter().flatten().nth(1)?;
            part.fault(
                format!("`{second}` is not allowed beside `{}`: a step sends one thing", given.first()?),
                faults,
            );
            return None;
        }
        if given.is_empty() && http_method.is_none() {
            let message = "must have `call`, `read`, `prompt`, `method`, `notify`, `request` or `list`, \
                           or `http_method` for a request without a body";
            members.part.fault(message, faults);
            return None;
        }
        let of = |key: &str| given.contains(&key);
        let only = |part: &Option<Part<'_>>, key: &str, beside: &[&str], faults: &mut Faults| {
            if let Some(part) = part.as_ref().filter(|_| !beside.iter().any(|key| of(key))) {
                part.fault(format!("`{key}` needs {}", alternatives(beside)), faults);
            }
        };
        only(&arguments, "arguments", &["call", "prompt"], faults);
        only(&params, "params", &["method", "notify"], faults);
        only(&id, "id", &["call", "read", "prompt", "method", "list"], faults);
        let part = parts.into_iter().flatten().next();
        let (body, about, list) = match (&part, given.first()) {
            (Some(part), Some(action)) => {
                let written =
                    Written { action, part, arguments: arguments.as_ref(), params: params.as_ref(), id };
                let (body, about, list) = written.body(faults)?;
                (Some(body.into_bytes()), about, list)
            }
            _ => (None, String::new(), None),
        };
        let method = http_method.unwrap_or_else(|| "POST".to_owned());
        let path = path.unwrap_or_else(|| "/mcp".to_owned());
        let about = if about.is_empty() { format!("{method} {path}") } else { about };
        let headers = [(":method", method), (":path", path), ("content-type", "application/json".to_owned())];
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        Some(Self { sent: Sent { headers: headers.into(), body }, about, list })
    }
}

/// A message as a step writes it.
struct Written<'n, 'p> {
    action: &'p str,
    part: &'p Part<'n>,
    arguments: Option<&'p Part<'n>>,
    params: Option<&'p Part<'n>>,
    id: Option<Part<'n>>,
}

impl Written<'_, '_> {
    /// Returns the message, what it is in a few words, and the kind of the list that it asks for.
    fn body(&self, faults: &mut Faults) -> Option<(String, String, Option<ListKind>)> {
        let Self { action, part, .. } = self;
        if *action == "request" {
            return match &part.node.value {
                Value::Text(text) => Some((text.clone(), "a request".to_owned(), None)),
                Value::Object(_) => Some((part.json(), "a request".to_owned(), None)),
                _ => {
                    part.unfit("a JSON-RPC message, or a string of raw text", faults);
                    None
                }
            };
        }
        let name = part.text(faults)?;
        let quoted = quoted(name);
        let arguments = match *action {
            "call" | "prompt" => self.arguments_text(faults),
            _ => String::new(),
        };
        let (method, params, list) = match *action {
            "call" => ("tools/call", Some(format!(r#"{{"name":{quoted},"arguments":{arguments}}}"#)), None),
            "prompt" => {
                ("prompts/get", Some(format!(r#"{{"name":{quoted},"arguments":{arguments}}}"#)), None)
            }
            "read" => ("resources/read", Some(format!(r#"{{"uri":{quoted}}}"#)), None),
            "list" => match LISTS.iter().find(|(word, _, _)| *word == name) {
                Some((_, method, kind)) => (*method, None, Some(*kind)),
                None => {
                    let known = LISTS.map(|(word, _, _)| word);
                    part.fault(unknown(&format!("list `{name}`"), name, &known), faults);
                    return None;
                }
            },
            _ => (name, self.params.map(Part::json), None),
        };
        let id = match (*action, &self.id) {
            ("notify", _) => String::new(),
            (_, None) => r#""id":1,"#.to_owned(),
            (_, Some(id)) if id.node.value == Value::Null => String::new(),
            (_, Some(id)) => format!(r#""id":{},"#, id.json()),
        };
        let params = params.map_or(String::new(), |params| format!(r#","params":{params}"#));
        let about = match *action {
            "method" | "notify" => name.to_owned(),
            action => format!("{action} {name}"),
        };
        Some((format!(r#"{{"jsonrpc":"2.0",{id}"method":{}{params}}}"#, self::quoted(method)), about, list))
    }

    /// Returns the arguments as JSON text. A string is sent as it is, so that a test can send what is not JSON.
    fn arguments_text(&self, faults: &mut Faults) -> String {
        match self.arguments {
            None => "{}".to_owned(),
            Some(part) => match &part.node.value {
                Value::Text(text) => text.clone(),
                Value::Object(_) => part.json(),
                _ => {
                    part.unfit("an object, or a string of raw text", faults);
                    String::new()
                }
            },
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    json::quote(&mut out, text);
    out
}

fn alternatives(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    keys.join(" or ")
}
