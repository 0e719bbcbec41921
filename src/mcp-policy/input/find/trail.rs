//! Where in a configuration a filter stands, in words.

use mcp_policy_engine::document::Path;

use crate::input::node::Node;

/// The way from the root of a document to a part of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    /// The object of Kubernetes, such as `WasmPlugin mcp/policy`
    object: Option<String>,
    listener: Option<String>,
    filter: Option<String>,
    path: Path,
}

impl Trail {
    /// Returns the trail to a part of the file that has this name, in words.
    pub(super) fn named(words: String) -> Self {
        Self { object: Some(words), ..Self::default() }
    }

    /// Returns the trail to a member of an object.
    pub(super) fn key(&self, key: &str) -> Self {
        Self { path: self.path.key(key), ..self.clone() }
    }

    /// Returns the trail to an element of a list.
    pub(super) fn index(&self, index: usize) -> Self {
        Self { path: self.path.index(index), ..self.clone() }
    }

    /// Returns the trail with the names that an object on it has.
    pub(super) fn entering(&self, node: &Node) -> Self {
        let mut trail = self.clone();
        let has = |key: &str| node.member(key).is_some();
        if let (Some(kind), true) = (node.member("kind").and_then(Node::text), has("apiVersion")) {
            trail.object = Some(object(kind, node));
        }
        let Some(name) = node.member("name").and_then(Node::text) else { return trail };
        if has("typed_config") || has("typedConfig") || has("config_discovery") || has("configDiscovery") {
            trail.filter = Some(name.to_owned());
        } else if has("filter_chains") || has("filterChains") {
            trail.listener = Some(name.to_owned());
        }
        trail
    }

    /// Returns the trail to a filter with this name, unless the trail knows its name.
    pub(super) fn filter(&self, name: Option<&str>) -> Self {
        let filter = self.filter.clone().or_else(|| name.map(str::to_owned));
        Self { filter, ..self.clone() }
    }

    /// Returns the trail to something else of the file, such as an entry of a ConfigMap.
    pub(super) fn inside(&self, entry: &str) -> Self {
        let object = self.object.as_deref().unwrap_or_default();
        Self { object: Some(format!("{object}, `{entry}`")), ..Self::default() }
    }

    /// Returns where the trail leads: the names on it, or else its path.
    pub(super) fn words(&self) -> String {
        let named = |what: &str, name: &Option<String>| name.as_ref().map(|name| format!("{what} `{name}`"));
        let names = [self.object.clone(), named("listener", &self.listener), named("filter", &self.filter)];
        let names: Vec<String> = names.into_iter().flatten().collect();
        if names.is_empty() { self.path.to_string() } else { names.join(", ") }
    }
}

fn object(kind: &str, node: &Node) -> String {
    let metadata =
        |key: &str| node.member("metadata").and_then(|metadata| metadata.member(key)).and_then(Node::text);
    match (metadata("namespace"), metadata("name")) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (None, Some(name)) => format!("{kind} {name}"),
        _ => kind.to_owned(),
    }
}
