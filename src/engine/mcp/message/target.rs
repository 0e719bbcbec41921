//! What a message acts on, by its method.

use std::borrow::Cow;

use super::{Params, is_object_or_absent, not_a_request, not_an_object, refuse_respelled, unusable_params};
use crate::denial::Denial;
use crate::json::Value;
use crate::mcp::keys::{self, Member};
use crate::mcp::method::{ActsOn, Method};
use crate::mcp::name::unusable;

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

/// Reads the target of `method` from the members of its params. `present` tells whether there are params.
pub(super) fn read<'d>(
    method: &Method<'_>,
    present: bool,
    params: &Params<'d>,
) -> Result<Target<'d>, Denial> {
    if let Some(why) = method.ambiguous() {
        return Err(not_a_request(format!("`method` {why}")));
    }
    let required = || if present { Ok(()) } else { Err(unusable_params("`params` is missing")) };
    let Params { name, uri, arguments, request_state, input_responses, meta, .. } = *params;
    let target = match method.acts_on() {
        acts_on @ (ActsOn::Tool | ActsOn::Prompt) => {
            required()?;
            refuse_respelled(&[name, arguments, request_state, input_responses])?;
            if !is_object_or_absent(arguments.value) {
                return Err(not_an_object("params.arguments", arguments.value));
            }
            let name = self::name(name, "params.name")?;
            if acts_on == ActsOn::Tool { Target::Tool(name) } else { Target::Prompt(name) }
        }
        ActsOn::Resource => {
            required()?;
            refuse_respelled(&[uri, request_state, input_responses])?;
            Target::Resources(vec![string(uri, "params.uri")?])
        }
        ActsOn::Resources => Target::Resources(subscriptions(params.notifications)?),
        ActsOn::Reference => {
            required()?;
            reference(params.reference)?
        }
        ActsOn::Session => Target::Session,
        ActsOn::Unknown => Target::Unknown,
    };
    refuse_respelled(&[meta])?;
    if !is_object_or_absent(meta.value) {
        return Err(not_an_object("params._meta", meta.value));
    }
    Ok(target)
}

fn string<'d>(member: Member<'d>, path: &str) -> Result<Cow<'d, str>, Denial> {
    let value = member.value.and_then(Value::string);
    value.ok_or_else(|| unusable_params(format!("`{path}` must be a string")))
}

/// Reads the name of a tool or a prompt.
fn name<'d>(member: Member<'d>, path: &str) -> Result<Cow<'d, str>, Denial> {
    let name = string(member, path)?;
    match unusable(&name) {
        Some(why) => Err(unusable_params(format!("`{path}` {why}"))),
        None => Ok(name),
    }
}

/// How many resources one subscription can name. Each is decided and charged by itself.
const MOST_SUBSCRIPTIONS: usize = 1_000;

/// Reads which resources a subscription names (2026-07-28, basic/patterns/subscriptions).
fn subscriptions(notifications: Member<'_>) -> Result<Vec<Cow<'_, str>>, Denial> {
    refuse_respelled(&[notifications])?;
    if !is_object_or_absent(notifications.value) {
        return Err(not_an_object("params.notifications", notifications.value));
    }
    let [subscriptions] = keys::pick(notifications.value, ["resourceSubscriptions"]);
    refuse_respelled(&[subscriptions])?;
    let Some(uris) = subscriptions.value else { return Ok(Vec::new()) };
    if !uris.is_array() {
        return Err(unusable_params("`params.notifications.resourceSubscriptions` must be a list"));
    }
    if uris.elements().take(MOST_SUBSCRIPTIONS.saturating_add(1)).count() > MOST_SUBSCRIPTIONS {
        let reason = format!(
            "`params.notifications.resourceSubscriptions` must hold at most {MOST_SUBSCRIPTIONS} URIs"
        );
        return Err(unusable_params(reason));
    }
    let read = uris.elements().map(Value::string).collect::<Option<Vec<_>>>();
    read.ok_or_else(|| unusable_params("`params.notifications.resourceSubscriptions` must hold strings"))
}

/// Reads what a completion refers to: `ref/prompt` by name or `ref/resource` by URI.
fn reference(reference: Member<'_>) -> Result<Target<'_>, Denial> {
    refuse_respelled(&[reference])?;
    let Some(reference) = reference.value.filter(|reference| reference.is_object()) else {
        return Err(unusable_params("`params.ref` must be an object"));
    };
    let [kind, name, uri] = keys::pick(reference, ["type", "name", "uri"]);
    refuse_respelled(&[kind, name, uri])?;
    match string(kind, "params.ref.type")?.as_ref() {
        "ref/prompt" => Ok(Target::Prompt(self::name(name, "params.ref.name")?)),
        "ref/resource" => Ok(Target::Resources(vec![string(uri, "params.ref.uri")?])),
        _ => Err(unusable_params("`params.ref.type` must be `ref/prompt` or `ref/resource`")),
    }
}
