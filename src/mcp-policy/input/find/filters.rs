//! The wasm filters of a configuration, and the policies that they are given.

mod compose;
mod configuration;

use std::rc::Rc;

use super::trail::Trail;
use super::{Findings, has_document_key, lost};
use crate::input::file::File;
use crate::input::node::{Node, Value};
use crate::input::places::Places;
use crate::input::scalar::Schema;
use crate::input::source::Source;
use crate::input::yaml::{self, Malformed, Yaml};
use crate::input::{Found, Problem, form};
pub(super) use compose::is_compose;
use configuration::Configuration;

/// What the names of this module, its file and its filters have in common.
const OWN_NAMES: [&str; 2] = ["mcp-policy", "mcp_policy"];
/// Keys that only a configuration of Envoy has at its top, or an update of one.
const ENVOY_KEYS: [&str; 13] = [
    "static_resources",
    "staticResources",
    "dynamic_resources",
    "dynamicResources",
    "admin",
    "filter_chains",
    "filterChains",
    "http_filters",
    "httpFilters",
    "typed_config",
    "typedConfig",
    "version_info",
    "@type",
];

/// Returns whether a document is an object of Kubernetes.
pub(super) fn is_kubernetes(document: &Yaml) -> bool {
    let yaml::Kind::Object(members) = &document.kind else { return false };
    let has = |key: &str| {
        members.iter().any(|(name, _)| matches!(&name.kind, yaml::Kind::Scalar { text, .. } if text == key))
    };
    has("apiVersion") && has("kind")
}

/// The wasm filters that were found.
pub(super) struct Filters<'f> {
    file: &'f Rc<File>,
    /// Whether files are read that the file names
    follows: bool,
    found: Vec<Found>,
    left_out: Vec<String>,
    /// Why files beside this one could not be read
    unread: Vec<String>,
}

/// A part of a document, the text that it stands in, and the way to it.
struct At<'n> {
    node: &'n Node,
    text: &'n Source,
    trail: Trail,
}

impl<'f> Filters<'f> {
    /// Begins with none; `follows` says whether to look also into files that the file names.
    pub(super) fn new(file: &'f Rc<File>, follows: bool) -> Self {
        Self { file, follows, found: Vec::new(), left_out: Vec::new(), unread: Vec::new() }
    }

    /// Collects the filters of a document, and says whether it is a configuration that could have some.
    pub(super) fn search(&mut self, root: &Node, text: &Source) -> bool {
        if is_compose(root) {
            self.compose(root, text);
            return true;
        }
        let before = self.count();
        self.walk(&At { node: root, text, trail: Trail::default() });
        let is_configuration = root.member("apiVersion").is_some() && root.member("kind").is_some();
        is_configuration || self.count() > before || ENVOY_KEYS.iter().any(|key| root.member(key).is_some())
    }

    /// Returns what was found.
    pub(super) fn finish(self) -> Findings {
        Findings { found: self.found, left_out: self.left_out, unread: self.unread }
    }

    fn count(&self) -> usize {
        self.found.len().saturating_add(self.left_out.len())
    }

    fn walk(&mut self, at: &At<'_>) {
        match &at.node.value {
            Value::List(elements) => {
                for (index, node) in elements.iter().enumerate() {
                    self.walk(&At { node, text: at.text, trail: at.trail.index(index) });
                }
            }
            Value::Object(members) => {
                let here = At { node: at.node, text: at.text, trail: at.trail.entering(at.node) };
                if self.envoy(&here) || self.kubernetes(&here) {
                    return;
                }
                self.unread.extend(elsewhere(at.node).map(|file| {
                    format!("the policy of {} is in the file `{file}`: name that file", here.trail.words())
                }));
                for (key, _, node) in members {
                    self.walk(&At { node, text: at.text, trail: here.trail.key(key) });
                }
            }
            _ => {}
        }
    }

    /// Takes a `PluginConfig` of Envoy.
    fn envoy(&mut self, at: &At<'_>) -> bool {
        let member = |snake: &str, camel: &str| at.node.member(snake).or_else(|| at.node.member(camel));
        let configuration = member("configuration", "configuration");
        let vm_config = member("vm_config", "vmConfig");
        let is_plugin = configuration.is_some_and(configuration::is_message)
            || vm_config.is_some_and(|vm| {
                ["runtime", "code", "vm_id", "vmId"].iter().any(|key| vm.member(key).is_some())
            });
        if !is_plugin {
            return false;
        }
        let name = member("name", "name").or_else(|| member("root_id", "rootId")).and_then(Node::text);
        let trail = at.trail.filter(name.filter(|name| !name.is_empty()));
        let held =
            configuration::of_envoy(configuration.unwrap_or(at.node), configuration.is_some(), at.text);
        let is_own = is_named_own(at.node) || trail.is_named_own();
        self.add(&trail, is_own, held);
        true
    }

    /// Takes a `WasmPlugin`, an `EnvoyExtensionPolicy`, or a ConfigMap with the configuration of an Envoy.
    fn kubernetes(&mut self, at: &At<'_>) -> bool {
        let kind = at.node.member("kind").and_then(Node::text);
        let spec = at.node.member("spec");
        match (at.node.member("apiVersion").and(kind), spec) {
            (Some("WasmPlugin"), Some(spec)) => {
                self.plain(&at.trail, spec.member("pluginConfig"), spec, at.text);
                true
            }
            (Some("EnvoyExtensionPolicy"), Some(spec)) => {
                let wasm = spec.member("wasm").map(|wasm| &wasm.value);
                let Some(Value::List(filters)) = wasm else { return false };
                for filter in filters {
                    let trail = at.trail.filter(filter.member("name").and_then(Node::text));
                    self.plain(&trail, filter.member("config"), filter, at.text);
                }
                true
            }
            (Some("ConfigMap"), _) => {
                if let Some(Value::Object(entries)) = at.node.member("data").map(|data| &data.value) {
                    for (name, _, entry) in entries {
                        self.entry(&at.trail.inside(name), name, entry, at.text);
                    }
                }
                true
            }
            _ => false,
        }
    }

    /// Takes a configuration that a control plane passes on as JSON text.
    fn plain(&mut self, trail: &Trail, config: Option<&Node>, filter: &Node, text: &Source) {
        let held = match config {
            Some(config) => Configuration {
                bytes: form::json(config).into_bytes(),
                places: Places::of_node(config, text),
                problem: None,
                is_document: has_document_key(config),
            },
            None => Configuration::empty(text.in_file(&filter.span)),
        };
        self.add(trail, is_named_own(filter) || trail.is_named_own(), held);
    }

    /// Takes an entry of a ConfigMap, if it is a configuration of Envoy.
    fn entry(&mut self, trail: &Trail, name: &str, entry: &Node, text: &Source) {
        let is_file = [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
        let Some(held) = entry.text().filter(|_| is_file) else { return };
        let inner = Source::of_string(text, &entry.span, held.to_owned());
        self.file_within(trail, name.ends_with(".json"), &inner);
    }

    /// Takes a file of Envoy that another file holds as a string.
    fn file_within(&mut self, trail: &Trail, is_json: bool, inner: &Source) {
        let held = inner.text.as_str();
        let root = if is_json {
            Node::of_json(held).ok_or_else(|| Malformed::new(0..held.len(), "must be JSON"))
        } else {
            envoy_yaml(held)
        };
        let mut root = match root {
            Ok(root) => root,
            Err(wrong) => return self.unreadable(trail, inner, wrong),
        };
        let repeated = root.drop_repeated_keys();
        let before = self.found.len();
        self.walk(&At { node: &root, text: inner, trail: trail.clone() });
        if let Some(first) = self.found.get_mut(before) {
            first.problems.extend(repeated.iter().map(|(key, place)| lost(key, place, inner)));
        }
    }

    /// Takes a file of Envoy that cannot be read, if it names this module.
    fn unreadable(&mut self, trail: &Trail, text: &Source, wrong: Malformed) {
        if !OWN_NAMES.iter().any(|name| text.text.contains(name)) {
            return;
        }
        let place = text.in_file(&wrong.at);
        let problem = Malformed::new(place.clone(), wrong.message);
        let places = Places::of_whole(place);
        let held = Configuration { bytes: Vec::new(), places, problem: Some(problem), is_document: true };
        self.add(trail, true, held);
    }

    fn add(&mut self, trail: &Trail, is_own: bool, held: Configuration) {
        if !is_own && !held.is_document {
            self.left_out.push(trail.words());
            return;
        }
        let Configuration { bytes, places, problem, .. } = held;
        let is_readable = problem.is_none();
        let problem =
            problem.map(|wrong| Problem { place: wrong.at, id: "configuration", message: wrong.message });
        self.found.push(Found {
            file: Rc::clone(self.file),
            within: Some(trail.words()),
            bytes,
            problems: problem.into_iter().collect(),
            is_readable,
            places,
        });
    }
}

/// Returns the file from which Envoy gets the configuration of a filter of this module.
fn elsewhere(filter: &Node) -> Option<&str> {
    let discovery = filter.member("config_discovery").or_else(|| filter.member("configDiscovery"))?;
    let source = discovery.member("config_source").or_else(|| discovery.member("configSource"))?;
    let source = source.member("path_config_source").or_else(|| source.member("pathConfigSource"))?;
    let file = source.member("path")?.text()?;
    let name = filter.member("name").and_then(Node::text).unwrap_or_default();
    OWN_NAMES.iter().any(|own| name.contains(own) || file.contains(own)).then_some(file)
}

/// Reads a file of Envoy in YAML.
fn envoy_yaml(text: &str) -> Result<Node, Malformed> {
    let documents = yaml::read(text)?;
    let root = documents.first().ok_or_else(|| Malformed::new(0..0, "must be YAML, but there is nothing"))?;
    yaml::check_for_envoy(root, text)?;
    Node::of_yaml(root, Schema::Envoy)
}

/// Returns whether some string of a filter's configuration, beside the policy, names this module.
fn is_named_own(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => OWN_NAMES.iter().any(|name| text.contains(name)),
        Value::List(elements) => elements.iter().any(is_named_own),
        Value::Object(members) => members
            .iter()
            .filter(|(key, ..)| !matches!(key.as_str(), "configuration" | "pluginConfig" | "config"))
            .any(|(.., value)| is_named_own(value)),
        _ => false,
    }
}

impl Trail {
    fn is_named_own(&self) -> bool {
        let words = self.words();
        OWN_NAMES.iter().any(|name| words.contains(name))
    }
}
