//! What a message acts on, by its method.

use std::borrow::Cow;

use super::{not_a_request, refuse_variants, unusable_params};
use crate::denial::Denial;
use crate::json::Value;
use crate::mcp::keys;
use crate::mcp::list::ListKind;

/// What a request or notification acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'d> {
    /// `tools/call`: the tool's name
    Tool(Cow<'d, str>),
    /// The resources' URIs; `subscriptions/listen` may name several or none
    Resources(Vec<Cow<'d, str>>),
    /// The prompt's name
    Prompt(Cow<'d, str>),
    /// One of the methods that keep a session going, which act on nothing
    Session,
    /// A method that this filter does not know
    Unknown,
}

impl Target<'_> {
    /// Detaches the target from the text that it was read from.
    #[must_use]
    pub fn into_owned(self) -> Target<'static> {
        match self {
            Self::Tool(name) => Target::Tool(name.into_owned().into()),
            Self::Prompt(name) => Target::Prompt(name.into_owned().into()),
            Self::Resources(uris) => {
                Target::Resources(uris.into_iter().map(|uri| uri.into_owned().into()).collect())
            }
            Self::Session => Target::Session,
            Self::Unknown => Target::Unknown,
        }
    }
}

/// Methods whose params name what they act on, and the sections of a policy that decide on it.
pub const GOVERNED: [(&str, &str); 9] = [
    ("tools/call", "tools"),
    ("resources/read", "resources"),
    ("resources/subscribe", "resources"),
    ("resources/unsubscribe", "resources"),
    ("resources/directory/read", "resources"),
    ("skills/get", "resources"),
    ("subscriptions/listen", "resources"),
    ("prompts/get", "prompts"),
    ("completion/complete", "prompts` or `resources"),
];

/// Reads the target of `method` from its params.
pub(super) fn read<'d>(method: &str, params: Option<Value<'d>>) -> Result<Target<'d>, Denial> {
    let target = match method {
        "tools/call" => {
            let params = required(params)?;
            refuse_variants(params, &["name", "arguments", "requestState", "inputResponses"])?;
            arguments(params)?;
            Target::Tool(string(params, "name", "params.name")?)
        }
        "resources/read"
        | "resources/subscribe"
        | "resources/unsubscribe"
        | "resources/directory/read"
        | "skills/get" => {
            let params = required(params)?;
            refuse_variants(params, &["uri", "requestState", "inputResponses"])?;
            Target::Resources(vec![string(params, "uri", "params.uri")?])
        }
        "subscriptions/listen" => Target::Resources(subscriptions(params)?),
        "prompts/get" => {
            let params = required(params)?;
            refuse_variants(params, &["name", "arguments", "requestState", "inputResponses"])?;
            arguments(params)?;
            Target::Prompt(string(params, "name", "params.name")?)
        }
        "completion/complete" => reference(required(params)?)?,
        "initialize" | "server/discover" | "ping" | "logging/setLevel" => Target::Session,
        other if other.ends_with("/list") => {
            refuse_spelling(other, ListKind::ALL.map(ListKind::method))?;
            Target::Session
        }
        other if other.starts_with("tasks/") || other.starts_with("notifications/") => Target::Session,
        other => {
            refuse_spelling(other, GOVERNED.map(|(method, _)| method))?;
            Target::Unknown
        }
    };
    if let Some(params) = params {
        refuse_variants(params, &["_meta"])?;
        if params.get("_meta").is_some_and(|meta| !meta.is_object()) {
            return Err(unusable_params("`params._meta` must be an object"));
        }
    }
    Ok(target)
}

/// Refuses a method that is another spelling of one that the filter acts on.
fn refuse_spelling<const N: usize>(method: &str, acted_on: [&str; N]) -> Result<(), Denial> {
    let bare = method.trim();
    let variant = |of: &&str| keys::is_variant(bare, of) || (bare == *of && method != *of);
    // What a NUL cuts may stand in the middle: `tools\0/list`.
    let joined = method.replace('\0', "");
    match acted_on.iter().find(|of| variant(of) || (joined == **of && method != **of)) {
        Some(of) => Err(not_a_request(format!("`method` is another spelling of `{of}`"))),
        None => Ok(()),
    }
}

fn required(params: Option<Value<'_>>) -> Result<Value<'_>, Denial> {
    params.ok_or_else(|| unusable_params("`params` is missing"))
}

fn string<'d>(object: Value<'d>, key: &str, path: &str) -> Result<Cow<'d, str>, Denial> {
    let value = object.get(key).and_then(Value::string);
    value.ok_or_else(|| unusable_params(format!("`{path}` must be a string")))
}

/// Refuses arguments, where they are there, that are no object.
fn arguments(params: Value<'_>) -> Result<(), Denial> {
    match params.get("arguments") {
        Some(arguments) if !arguments.is_object() => {
            Err(unusable_params("`params.arguments` must be an object"))
        }
        _ => Ok(()),
    }
}

/// Reads which resources a subscription names (2026-07-28, basic/patterns/subscriptions).
fn subscriptions<'d>(params: Option<Value<'d>>) -> Result<Vec<Cow<'d, str>>, Denial> {
    let Some(params) = params else { return Ok(Vec::new()) };
    refuse_variants(params, &["notifications"])?;
    let Some(notifications) = params.get("notifications") else { return Ok(Vec::new()) };
    if !notifications.is_object() {
        return Err(unusable_params("`params.notifications` must be an object"));
    }
    refuse_variants(notifications, &["resourceSubscriptions"])?;
    let Some(uris) = notifications.get("resourceSubscriptions") else { return Ok(Vec::new()) };
    if !uris.is_array() {
        return Err(unusable_params("`params.notifications.resourceSubscriptions` must be a list"));
    }
    let read = uris.elements().map(Value::string).collect::<Option<Vec<_>>>();
    read.ok_or_else(|| unusable_params("`params.notifications.resourceSubscriptions` must hold strings"))
}

/// Reads what a completion refers to: `ref/prompt` by name or `ref/resource` by URI.
fn reference(params: Value<'_>) -> Result<Target<'_>, Denial> {
    refuse_variants(params, &["ref"])?;
    let Some(reference) = params.get("ref").filter(|reference| reference.is_object()) else {
        return Err(unusable_params("`params.ref` must be an object"));
    };
    refuse_variants(reference, &["type", "name", "uri"])?;
    match string(reference, "type", "params.ref.type")?.as_ref() {
        "ref/prompt" => Ok(Target::Prompt(string(reference, "name", "params.ref.name")?)),
        "ref/resource" => Ok(Target::Resources(vec![string(reference, "uri", "params.ref.uri")?])),
        _ => Err(unusable_params("`params.ref.type` must be `ref/prompt` or `ref/resource`")),
    }
}
