//! What changes beside the rules for targets: settings of the document.

use std::collections::BTreeSet;

use mcp_policy_engine::policy::{Mode, OnFailure, Pattern, RequestHeaders, SharedLimits};

use super::change::{Change, Effect};
use super::side::Side;
use crate::input::{Node, Value};

/// The keys whose meaning is compared with the targets, or that have none.
const ELSEWHERE: [&str; 12] = [
    "version",
    "description",
    "default",
    "hide",
    "all_tools",
    "rules",
    "tools",
    "resources",
    "prompts",
    "methods",
    "time_zone",
    "grants",
];

/// Returns what changes.
pub fn changes(old: &Side, new: &Side) -> Vec<Change> {
    let mut found = Vec::new();
    let keys: BTreeSet<&str> = keys(old).chain(keys(new)).filter(|key| !ELSEWHERE.contains(key)).collect();
    for key in keys {
        let (was, becomes) = (old.member(key), new.member(key));
        if was == becomes {
            continue;
        }
        let told = |value: Option<String>| value.unwrap_or_else(|| "absent".to_owned());
        let change = |effect| Change::of_all(key, told(was.clone()), told(becomes.clone()), effect);
        match key {
            "mode" => found.extend(mode(old, new)),
            "origins" => found.extend(origins(old, new).map(change)),
            "exempt_paths" => found.extend(exempt_paths(old, new)),
            "max_body_bytes" => {
                found.extend(number(
                    key,
                    old.policy.max_body_bytes,
                    new.policy.max_body_bytes,
                    Effect::Widens,
                ));
            }
            "counters" => {
                let capacity =
                    |side: &Side| usize::try_from(side.policy.counter_capacity).unwrap_or(usize::MAX);
                found.extend(number("counters.capacity", capacity(old), capacity(new), Effect::MayWiden));
            }
            "request_headers" => found.extend(request_headers(old, new)),
            "denials" | "audit" | "unauthenticated" => found.push(change(Effect::Otherwise)),
            "shared_limits" => found.extend(shared_limits(old, new)),
            "approvals" if was.is_none() || becomes.is_none() => found.push(change(Effect::Otherwise)),
            // Another service may approve, another identity may match, a counter starts from zero; a key that is not known
            // here may mean anything.
            _ => found.push(change(Effect::MayWiden)),
        }
    }
    found
}

fn keys(side: &Side) -> impl Iterator<Item = &str> {
    let members = match &side.root.value {
        Value::Object(members) => members.as_slice(),
        _ => &[],
    };
    members.iter().map(|(key, ..)| key.as_str())
}

/// Returns what changes about the rate limit service. What a limit loses or gains by being shared is told of the limit.
fn shared_limits(old: &Side, new: &Side) -> Vec<Change> {
    let (was, becomes) = match (&old.policy.shared_limits, &new.policy.shared_limits) {
        (Some(was), Some(becomes)) => (was, becomes),
        (None, None) => return Vec::new(),
        (was, becomes) => {
            let told = |to: &Option<SharedLimits>| {
                to.as_ref().map_or("absent".to_owned(), |to| format!("cluster `{}`", to.cluster))
            };
            return vec![Change::of_all("shared_limits", told(was), told(becomes), Effect::Otherwise)];
        }
    };
    let mut found = Vec::new();
    let mut compare = |key: &str, was: String, becomes: String, effect| {
        if was != becomes {
            found.push(Change::of_all(&format!("shared_limits.{key}"), was, becomes, effect));
        }
    };
    // Another service, or another domain, counts from zero.
    compare("cluster", was.cluster.clone(), becomes.cluster.clone(), Effect::MayWiden);
    compare("authority", was.authority.clone(), becomes.authority.clone(), Effect::MayWiden);
    compare("domain", was.domain.clone(), becomes.domain.clone(), Effect::MayWiden);
    compare("timeout_ms", was.timeout_ms.to_string(), becomes.timeout_ms.to_string(), Effect::Otherwise);
    let told = |on_failure| match on_failure {
        OnFailure::Deny => "deny: no call passes uncounted".to_owned(),
        OnFailure::Local => "local: each proxy counts alone".to_owned(),
    };
    let effect = match becomes.on_failure {
        OnFailure::Deny => Effect::Narrows,
        OnFailure::Local => Effect::Widens,
    };
    compare("on_failure", told(was.on_failure), told(becomes.on_failure), effect);
    found
}

fn mode(old: &Side, new: &Side) -> Option<Change> {
    match (old.policy.mode, new.policy.mode) {
        (Mode::Enforce, Mode::Shadow) => {
            let becomes = "shadow: no call is refused";
            Some(Change::of_all("mode", "enforce", becomes, Effect::Widens))
        }
        (Mode::Shadow, Mode::Enforce) => {
            Some(Change::of_all("mode", "shadow: no call is refused", "enforce", Effect::Narrows))
        }
        (Mode::Enforce, Mode::Enforce) | (Mode::Shadow, Mode::Shadow) => None,
    }
}

fn request_headers(old: &Side, new: &Side) -> Option<Change> {
    let becomes = "the headers of a refused request reach the server";
    match (old.policy.request_headers, new.policy.request_headers) {
        (RequestHeaders::Hold, RequestHeaders::Stream) => {
            Some(Change::of_all("request_headers", "hold", format!("stream: {becomes}"), Effect::MayWiden))
        }
        (RequestHeaders::Stream, RequestHeaders::Hold) => {
            Some(Change::of_all("request_headers", "stream", "hold", Effect::Narrows))
        }
        _ => None,
    }
}

fn number(what: &str, was: usize, becomes: usize, more: Effect) -> Option<Change> {
    let effect = if becomes > was { more } else { Effect::Narrows };
    (was != becomes).then(|| Change::of_all(what, was.to_string(), becomes.to_string(), effect))
}

/// Returns what a change of the origins does; `None` if it does nothing.
fn origins(old: &Side, new: &Side) -> Option<Effect> {
    let list = |side: &Side| side.root.member("origins").map(texts);
    match (list(old), list(new)) {
        (None, None) => None,
        (None, Some(_)) => Some(Effect::Narrows),
        (Some(_), None) => Some(Effect::Widens),
        (Some(was), Some(becomes)) => {
            let within = |list: &[String], by: &[String]| {
                list.iter().all(|text| by.iter().any(|other| text == other || covers(other, text)))
            };
            match (within(&becomes, &was), within(&was, &becomes)) {
                (true, true) => None,
                (true, false) => Some(Effect::Narrows),
                (false, _) => Some(Effect::Widens),
            }
        }
    }
}

/// Returns whether every origin that fits the one pattern fits the other too. The origin `null` fits no pattern but itself.
fn covers(other: &str, text: &str) -> bool {
    text != "null" && Pattern::new(other).matches(&text.replace('*', "\u{10fffe}"))
}

fn exempt_paths(old: &Side, new: &Side) -> Vec<Change> {
    let missing = |from: &Side, of: &Side| -> Vec<String> {
        of.policy
            .exempt_paths
            .iter()
            .filter(|path| !from.policy.exempt_paths.contains(path))
            .cloned()
            .collect()
    };
    let added = missing(old, new).into_iter().map(|path| {
        Change::of_all(&format!("path `{path}`"), "judged", "exempt: every request passes", Effect::Widens)
    });
    let removed = missing(new, old)
        .into_iter()
        .map(|path| Change::of_all(&format!("path `{path}`"), "exempt", "judged", Effect::Narrows));
    added.chain(removed).collect()
}

fn texts(node: &Node) -> Vec<String> {
    match &node.value {
        Value::List(list) => list.iter().filter_map(Node::text).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
