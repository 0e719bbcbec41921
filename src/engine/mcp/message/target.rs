//! What a message acts on, by its method.

use std::borrow::Cow;

use super::{not_a_request, refuse_variants, unusable_params};
use crate::denial::Denial;
use crate::json::Value;
use crate::mcp::method::{ActsOn, Method};

/// What a request or notification acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'d> {
    /// The tool's name
    Tool(Cow<'d, str>),
    /// The resources' URIs; `subscriptions/listen` may name several or none
    Resources(Vec<Cow<'d, str>>),
    /// The prompt's name
    Prompt(Cow<'d, str>),
    /// Nothing: the method keeps a session going
    Session,
    /// Something that the filter does not know, as it does not know the method
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

/// Reads the target of `method` from its params.
pub(super) fn read<'d>(method: &Method<'_>, params: Option<Value<'d>>) -> Result<Target<'d>, Denial> {
    if let Some(of) = method.respells() {
        return Err(not_a_request(format!("`method` is another spelling of `{of}`")));
    }
    let target = match method.acts_on() {
        ActsOn::Tool => Target::Tool(called(required(params)?)?),
        ActsOn::Prompt => Target::Prompt(called(required(params)?)?),
        ActsOn::Resource => {
            let params = required(params)?;
            refuse_variants(params, &["uri", "requestState", "inputResponses"])?;
            Target::Resources(vec![string(params, "uri", "params.uri")?])
        }
        ActsOn::Resources => Target::Resources(subscriptions(params)?),
        ActsOn::Reference => reference(required(params)?)?,
        ActsOn::Session => Target::Session,
        ActsOn::Unknown => Target::Unknown,
    };
    if let Some(params) = params {
        refuse_variants(params, &["_meta"])?;
        if params.get("_meta").is_some_and(|meta| !meta.is_object()) {
            return Err(unusable_params("`params._meta` must be an object"));
        }
    }
    Ok(target)
}

/// Reads the name of a tool or prompt that is called with arguments.
fn called(params: Value<'_>) -> Result<Cow<'_, str>, Denial> {
    refuse_variants(params, &["name", "arguments", "requestState", "inputResponses"])?;
    if params.get("arguments").is_some_and(|arguments| !arguments.is_object()) {
        return Err(unusable_params("`params.arguments` must be an object"));
    }
    string(params, "name", "params.name")
}

fn required(params: Option<Value<'_>>) -> Result<Value<'_>, Denial> {
    params.ok_or_else(|| unusable_params("`params` is missing"))
}

fn string<'d>(object: Value<'d>, key: &str, path: &str) -> Result<Cow<'d, str>, Denial> {
    let value = object.get(key).and_then(Value::string);
    value.ok_or_else(|| unusable_params(format!("`{path}` must be a string")))
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
