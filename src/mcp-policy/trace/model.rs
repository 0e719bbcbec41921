//! The steps of a verdict, as they are shown.

use std::borrow::Cow;

use mcp_policy_engine::mcp::message::{Body, Message, Target as ActsOn};
use serde::Serialize;

/// How a message is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// The method; `None` for a response that the client posts
    pub method: Option<String>,
    /// What the message acts on: the tool, the prompt or the URIs
    pub targets: Vec<String>,
    /// The section of the policy that decides
    pub section: &'static str,
    /// The id, as JSON text; `None` for a notification
    pub id: Option<String>,
    /// The arguments, as JSON text
    pub arguments: Option<String>,
}

impl Read {
    /// Reads a message.
    pub fn of(message: &Message<'_>) -> Self {
        let id = message.id.map(str::to_owned);
        let Body::Call(call) = &message.body else {
            return Self { method: None, targets: Vec::new(), section: "none", id, arguments: None };
        };
        let (targets, section) = match &call.target {
            ActsOn::Tool(name) => (vec![name.to_string()], "tools"),
            ActsOn::Prompt(name) => (vec![name.to_string()], "prompts"),
            ActsOn::Resources(uris) => (uris.iter().map(ToString::to_string).collect(), "resources"),
            ActsOn::Session | ActsOn::Unknown => (Vec::new(), "methods"),
        };
        let arguments = call.arguments().map(|arguments| arguments.raw().to_owned());
        Self { method: Some(call.method.as_str().to_owned()), targets, section, id, arguments }
    }
}

/// How a caller is identified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caller {
    /// The principal
    pub principal: Option<String>,
    /// The name of the source that names it
    pub source: Option<String>,
    /// The sources in their order
    pub sources: Vec<Source>,
    /// The name of the grant
    pub grant: Option<String>,
    /// The grants in their order
    pub grants: Vec<Grant>,
}

/// What a source of identity says of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its name
    pub name: String,
    /// Its kind, such as `jwt`
    pub kind: &'static str,
    /// Whether it names the caller
    pub names: bool,
    /// The name, or why there is none
    pub why: String,
}

/// Whether a grant applies to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Its name
    pub name: String,
    /// Its path in the policy
    pub path: String,
    /// Whether it is the caller's
    pub applies: bool,
    /// Whether one of its descriptions fits the caller; `None` if none was tried
    pub fits: Option<bool>,
    /// Why, or why not: a reason for each description
    pub why: Vec<String>,
}

/// One set of rules that a request must pass: the document's, or those of the caller's grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The name of the grant; `None` for the document
    pub grant: Option<String>,
    /// What it says of each thing that the request acts on
    pub subjects: Vec<Subject>,
}

/// What a set of rules says of one thing that a request acts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// The tool, the prompt, the URI or the method
    pub name: String,
    /// The path of the pattern that hides it
    pub hidden_by: Option<String>,
    /// The entry that decides
    pub entry: Option<Entry>,
    /// Other entries that match, and why they do not decide
    pub others: Vec<Other>,
    /// What decides without an entry, as its path and `allow` or `deny`
    pub default: Option<(String, &'static str)>,
    /// Why no pattern decides on the URI, as a sentence
    pub obstacle: Option<Cow<'static, str>>,
    /// The rules in their order
    pub rules: Vec<Rule>,
}

/// An entry of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its path in the policy
    pub path: String,
    /// Its pattern
    pub pattern: String,
    /// For an entry of `methods`: `allow` or `deny`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<&'static str>,
}

/// An entry that matches and does not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Its path in the policy
    pub path: String,
    /// Why it does not decide
    pub why: String,
}

/// How a rule judges a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its path in the policy
    pub path: String,
    /// The entry that it belongs to, if it is another than the deciding one
    pub of: Option<&'static str>,
    /// Whether it has no effect
    pub shadow: bool,
    /// Whether it applies; `None` if its `when` cannot be judged, which refuses the call
    pub applies: Option<bool>,
    /// `allow`, `deny` or `require_approval`
    pub action: &'static str,
    /// What it checks, in order
    pub checks: Vec<Check>,
}

/// What a rule checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `when`, `definition`, `arguments`, `require`, `deny_if` or `limits`; for a part of a group `all` or `any`
    pub kind: &'static str,
    /// Its path in the policy
    pub path: String,
    /// The result
    pub outcome: Outcome,
    /// Whether it refuses the call
    pub refuses: bool,
    /// What is checked, in the policy's words
    pub text: String,
    /// What was found, or what is wrong
    pub found: Option<String>,
    /// The clauses of a group
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Check>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds, fits or has room
    Holds,
    /// It does not
    Fails,
    /// It cannot be judged
    Indeterminate,
    /// It was not looked at: something else refused the call before
    Unjudged,
}

impl From<Option<bool>> for Outcome {
    fn from(holds: Option<bool>) -> Self {
        match holds {
            Some(true) => Self::Holds,
            Some(false) => Self::Fails,
            None => Self::Indeterminate,
        }
    }
}
