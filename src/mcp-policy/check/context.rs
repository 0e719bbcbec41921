//! What every warning looks at: a policy with its text, and the server's tools.

use std::collections::HashMap;
use std::sync::Arc;

use mcp_policy_engine::document::{Faults, Part, Path, Source};
use mcp_policy_engine::json::{self, Value};
use mcp_policy_engine::policy::{Action, Clause, Holds, Mode, Pattern, Policy, Rule, Rules};

use super::tool_list::Tool;
use super::{
    amounts, arguments, conditions, document, grants, identity, layers, limits, methods, paths, patterns,
    regexes, schemas, spend, tools as named,
};
use crate::diagnostic::Kind;

/// What is likely a mistake.
#[derive(Debug)]
pub struct Warning {
    /// The id of its kind
    pub id: &'static str,
    /// The path of the part that it is about
    pub path: String,
    /// Whether it is about the key of that part
    pub of_key: bool,
    /// What is likely wrong
    pub message: String,
    /// What would be right
    pub help: Option<String>,
}

impl Warning {
    /// Makes a warning about a value.
    pub fn of(kind: &'static Kind, path: impl ToString, message: impl Into<String>) -> Self {
        Self { id: kind.id, path: path.to_string(), of_key: false, message: message.into(), help: None }
    }

    /// Makes a warning about a key.
    pub fn of_key(kind: &'static Kind, path: impl ToString, message: impl Into<String>) -> Self {
        Self { of_key: true, ..Self::of(kind, path, message) }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// What every warning looks at.
pub struct Context<'c> {
    /// The policy
    pub policy: &'c Policy,
    /// The rules of the document, then those of each grant
    pub layers: Vec<Layer<'c>>,
    /// The entries of all layers
    pub entries: Vec<Entry<'c>>,
    /// The server's tools, if they are known
    pub tools: Option<Vec<Tool<'c>>>,
    /// The time in nanoseconds since the Unix epoch
    pub now_ns: i128,
    parts: HashMap<String, Part<'c>>,
    /// The numbers of the entries that use a rule, by the rule's path
    users: HashMap<String, Vec<usize>>,
    /// The numbers of the tools on which an entry decides, by the entry's path
    decided: HashMap<String, Vec<usize>>,
}

/// The rules of the document, or those of a grant.
pub struct Layer<'c> {
    /// The rules
    pub rules: &'c Rules,
    /// The path of the document, or that of the grant
    pub path: Path,
}

/// The rules that decide on the targets of one pattern.
pub struct Entry<'c> {
    /// The number of its layer; 0 is the document
    pub layer: usize,
    /// Its section: `tools`, `resources`, `prompts`, or `all_tools`
    pub section: &'static str,
    /// Its pattern; `None` for `all_tools`
    pub pattern: Option<&'c Pattern>,
    /// Its path
    pub path: Path,
    /// Its rules
    pub rules: &'c [Arc<Rule>],
    /// Rules that apply to the same calls: `all_tools` of its layer and of the document
    pub beside: Vec<&'c Arc<Rule>>,
}

impl<'c> Entry<'c> {
    /// Iterates over all rules that apply to its targets.
    pub fn all(&self) -> impl Iterator<Item = &'c Arc<Rule>> {
        self.rules.iter().chain(self.beside.iter().copied())
    }

    /// Returns whether it denies every call.
    pub fn denies(&self) -> bool {
        self.all().any(|rule| denies(rule))
    }

    /// Returns whether it is an entry of tools, or `all_tools`.
    pub fn is_of_tools(&self) -> bool {
        matches!(self.section, "tools" | "all_tools")
    }
}

/// Returns whether a rule denies every call.
pub fn denies(rule: &Rule) -> bool {
    let always = |clause: &Clause| match clause {
        Clause::Group(group) => group.holds == Holds::All && group.clauses.is_empty(),
        Clause::Condition(_) => false,
    };
    let unconditional = rule.when.is_empty() && rule.mode == Mode::Enforce;
    unconditional && (rule.action == Action::Deny || rule.deny_if.iter().any(always))
}

impl<'c> Context<'c> {
    fn new(policy: &'c Policy, root: Part<'c>, tools: Option<Vec<Tool<'c>>>, now_ns: i128) -> Self {
        let mut parts = HashMap::new();
        collect(&root, &mut parts);
        let mut layers = vec![Layer { rules: &policy.rules, path: Path::default() }];
        let list = Path::default().key("grants");
        for (index, grant) in policy.grants.iter().enumerate() {
            layers.push(Layer { rules: &grant.rules, path: list.index(index) });
        }
        let each = layers.iter().enumerate();
        let entries: Vec<Entry<'c>> =
            each.flat_map(|(number, layer)| entries(policy, number, layer)).collect();
        let mut users: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, entry) in entries.iter().enumerate() {
            for rule in entry.rules {
                users.entry(rule.path.to_string()).or_default().push(number);
            }
        }
        let decided = decided(&layers, tools.as_deref().unwrap_or_default());
        Self { policy, layers, entries, tools, now_ns, parts, users, decided }
    }

    /// Returns the part of the document at a path.
    pub fn part(&self, path: &str) -> Option<&Part<'c>> {
        self.parts.get(path)
    }

    /// Returns the value at a path of the document.
    pub fn value(&self, path: &str) -> Option<Value<'c>> {
        self.part(path).map(|part| part.value)
    }

    /// Iterates over every rule of the document once, named rules among them.
    pub fn rules(&self) -> impl Iterator<Item = &'c Arc<Rule>> {
        let mut seen = std::collections::HashSet::new();
        let all =
            self.policy.named_rules.iter().chain(self.entries.iter().flat_map(|entry| entry.rules.iter()));
        all.filter(move |rule| seen.insert(rule.path.to_string()))
    }

    /// Iterates over the entries that use a rule.
    pub fn users(&self, rule: &Rule) -> impl Iterator<Item = &Entry<'c>> {
        let numbers = self.users.get(&*rule.path).into_iter().flatten();
        numbers.filter_map(|number| self.entries.get(*number))
    }

    /// Iterates over the tools on which an entry decides. None if the tools are not known.
    pub fn tools_of(&self, entry: &Entry<'c>) -> impl Iterator<Item = &Tool<'c>> {
        let all = self.tools.iter().flatten().filter(|_| entry.section == "all_tools");
        let numbers = self.decided.get(&entry.path.to_string()).into_iter().flatten();
        let tools = self.tools.as_deref().unwrap_or_default();
        all.chain(numbers.filter_map(|number| tools.get(*number)))
    }
}

/// Returns the numbers of the tools on which each entry decides, by the entry's path.
fn decided(layers: &[Layer<'_>], tools: &[Tool<'_>]) -> HashMap<String, Vec<usize>> {
    let mut decided: HashMap<String, Vec<usize>> = HashMap::new();
    for layer in layers.iter().filter(|layer| !layer.rules.tools.is_empty()) {
        let section = layer.path.key("tools");
        for (number, tool) in tools.iter().enumerate() {
            if let Some((pattern, _)) = layer.rules.tools.pair(&tool.name) {
                decided.entry(section.key(pattern.as_str()).to_string()).or_default().push(number);
            }
        }
    }
    decided
}

fn entries<'c>(policy: &'c Policy, number: usize, layer: &Layer<'c>) -> Vec<Entry<'c>> {
    let (rules, path) = (layer.rules, &layer.path);
    let of_all: Vec<&Arc<Rule>> =
        if number == 0 { Vec::new() } else { policy.rules.all_tools.iter().collect() };
    let mut entries = Vec::new();
    for (section, found) in
        [("tools", &rules.tools), ("resources", rules.resources.section()), ("prompts", &rules.prompts)]
    {
        for (pattern, own) in found.entries() {
            let beside = match section {
                "tools" => rules.all_tools.iter().chain(of_all.iter().copied()).collect(),
                _ => Vec::new(),
            };
            let path = path.key(section).key(pattern.as_str());
            entries.push(Entry { layer: number, section, pattern: Some(pattern), path, rules: own, beside });
        }
    }
    if !rules.all_tools.is_empty() {
        let (path, section) = (path.key("all_tools"), "all_tools");
        entries.push(Entry {
            layer: number,
            section,
            pattern: None,
            path,
            rules: &rules.all_tools,
            beside: of_all,
        });
    }
    entries
}

fn collect<'c>(part: &Part<'c>, parts: &mut HashMap<String, Part<'c>>) {
    parts.insert(part.path.to_string(), part.clone());
    for part in part.elements().chain(part.members().map(|(_, part)| part)) {
        collect(&part, parts);
    }
}

/// Returns the warnings about a policy that was read from these bytes.
pub fn warnings(bytes: &[u8], policy: &Policy, tools: Option<&[Tool<'_>]>, now_ns: i128) -> Vec<Warning> {
    let mut warnings = Vec::new();
    // The policy was read from the same bytes, so this finds no fault.
    let Some(source) = Source::new(bytes, &mut Faults::default()) else { return warnings };
    let Ok(text) = json::read(&source.text) else { return warnings };
    let tools = tools.map(<[Tool<'_>]>::to_vec);
    let context = Context::new(policy, Part::root(text.root(), source.notation), tools, now_ns);
    for look in LOOKS {
        look(&context, &mut warnings);
    }
    warnings
}

const LOOKS: [fn(&Context<'_>, &mut Vec<Warning>); 15] = [
    document::look,
    methods::look,
    identity::look,
    conditions::look,
    grants::look,
    layers::look,
    patterns::look,
    named::look,
    limits::look,
    amounts::look,
    schemas::look,
    regexes::look,
    paths::look,
    arguments::look,
    spend::look,
];
