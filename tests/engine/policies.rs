//! The policies in `policies/`: they load, and treat every tool as its class requires.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_policy_engine::json;
use mcp_policy_engine::limit::{Amount, Kind};
use mcp_policy_engine::policy::{Action, Adds, Effect, Limit, Mode, Policy, Rule, Scope};
use mcp_policy_engine::schema::Schema;
use mcp_policy_engine::work::Work;

fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(below)
}

fn text(below: &str) -> String {
    std::fs::read_to_string(path(below)).expect(below)
}

#[track_caller]
fn policy(name: &str) -> Policy {
    let document = text(&format!("policies/{name}"));
    Policy::from_bytes(document.as_bytes()).map_err(|faults| format!("{name}:\n{faults}")).unwrap()
}

/// Returns AiPayGen's tools by class.
fn classes() -> BTreeMap<String, BTreeSet<String>> {
    serde_json::from_str(&text("tests/cases/aipaygen_classes.json")).unwrap()
}

/// Returns the names of the tools that AiPayGen's server publishes.
fn published() -> BTreeSet<String> {
    let data: serde_json::Value =
        serde_json::from_str(&text("tests/data/aipaygen-1.6.0-tools.json")).unwrap();
    let tools = data.get("tools").and_then(serde_json::Value::as_array).unwrap();
    tools.iter().map(|tool| tool.get("name").and_then(|name| name.as_str()).unwrap().to_owned()).collect()
}

/// Returns how many calls a minute a limit allows, each with the largest amount.
fn a_minute(limit: &Limit) -> u64 {
    assert_eq!(limit.amount, Adds::Fixed(Amount::ONE), "{}", limit.path);
    assert_ne!(limit.scope, Scope::Session, "{}: a session costs nothing to open", limit.path);
    let calls = limit.max.micros().div_euclid(Amount::ONE.micros());
    calls.saturating_mul(60).div_ceil(limit.window.seconds())
}

/// What all rules of an entry amount to.
struct Entry<'p> {
    /// The strictest action
    action: Action,
    /// The reason of the rule with that action
    reason: Option<&'p str>,
    limits: Vec<&'p Limit>,
    schemas: Vec<&'p Schema>,
}

impl<'p> Entry<'p> {
    fn of(policy: &'p Policy, tool: &str) -> Option<Self> {
        let rules = policy.rules.tools.get(tool)?;
        assert!(rules.iter().all(|rule| rule.mode == Mode::Enforce), "{tool} is not enforced");
        let strictness = |rule: &&Arc<Rule>| match rule.action {
            Action::Allow => 0,
            Action::RequireApproval => 1,
            Action::Deny => 2,
        };
        let strictest = rules.iter().max_by_key(strictness)?;
        Some(Self {
            action: strictest.action,
            reason: strictest.reason.as_deref(),
            limits: rules.iter().flat_map(|rule| &rule.limits).map(|limit| &**limit).collect(),
            schemas: rules.iter().filter_map(|rule| rule.arguments.as_ref()).collect(),
        })
    }

    /// Returns the tightest of the limits, in calls a minute.
    fn tightest(&self) -> Option<u64> {
        self.limits.iter().map(|limit| a_minute(limit)).min()
    }

    /// Describes the entry in one line.
    fn verdict(&self) -> String {
        let action = match self.action {
            Action::Allow => "allow",
            Action::Deny => "deny",
            Action::RequireApproval => "require_approval",
        };
        let mut parts = vec![action.to_owned()];
        for Limit { counter, max, window, scope, .. } in &self.limits {
            let window = match window.seconds() {
                60 => "minute",
                3600 => "hour",
                other => panic!("{other} s"),
            };
            assert_eq!(*scope, Scope::Grant, "{counter}");
            parts.push(format!("{counter}: {max} a {window} for each grant"));
        }
        if !self.schemas.is_empty() {
            parts.push("plain agent_id".to_owned());
        }
        parts.join("; ")
    }
}

/// Returns what is wrong with the rule of a tool of this class, if anything.
fn misfit(policy: &Policy, class: &str, tool: &str) -> Option<String> {
    let Some(entry) = Entry::of(policy, tool) else { return Some("has no rule".to_owned()) };
    let kept = policy.rules.hidden(tool).is_some() || entry.action != Action::Allow;
    let calls = entry.tightest();
    let fits = match class {
        "read" => !kept && calls.is_some_and(|calls| (60..=600).contains(&calls)),
        "write" => calls.is_some_and(|calls| calls <= 30),
        "execute" => calls.is_some_and(|calls| calls <= 20),
        "destructive" | "financial" | "credential" => kept,
        _ => return Some(format!("no such class as {class}")),
    };
    // If a caller is always refused or needs an approval, the rule must give a reason.
    if entry.action != Action::Allow && entry.reason.is_none_or(|reason| reason.len() < 40) {
        return Some("gives no reason".to_owned());
    }
    (!fits).then(|| format!("{:?}, {calls:?} calls a minute, kept from callers: {kept}", entry.action))
}

/// Returns the names of what is in a folder, those of folders with a `/` at their end.
fn listed(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(path(folder)).expect(folder);
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() { name + "/" } else { name }
    };
    entries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_policy_loads() {
    let mut loaded = 0_u32;
    // Folders have tests of their own.
    for name in listed("policies").iter().filter(|name| !name.ends_with('/')) {
        assert!(name.ends_with(".json"), "{name}");
        let loads = policy(name);
        assert_eq!((loads.rules.default.0, loads.mode), (Effect::Deny, Mode::Enforce), "{name}");
        loaded = loaded.saturating_add(1);
    }
    assert!(loaded >= 2, "{loaded}");
}

#[test]
fn every_attack_has_a_policy_that_loads_and_a_line_in_the_index() {
    let index = text("policies/attacks/README.md");
    let mut names = listed("policies/attacks");
    names.retain(|name| name != "README.md");
    assert!(names.len() >= 20, "{names:?}");
    for folder in names {
        let mut files = listed(&format!("policies/attacks/{folder}"));
        files.sort();
        // What a server lists, for the tests.
        files.retain(|file| !file.ends_with(".tools.json"));
        assert_eq!(files, ["README.md", "policy.json", "policy.test.yaml"], "{folder}");
        let loads = policy(&format!("attacks/{folder}policy.json"));
        assert_eq!((loads.rules.default.0, loads.mode), (Effect::Deny, Mode::Enforce), "{folder}");
        assert!(loads.unused_rules().next().is_none(), "{folder}");
        let name = folder.trim_end_matches('/');
        // Two policies that count under one name would share their counters.
        assert_eq!(loads.server, name);
        assert!(index.contains(&format!("| [{name}]({name}/README.md) |")), "{name} is not in the index");
    }
}

#[test]
fn aipaygen_names_exactly_the_106_tools() {
    let policy = policy("aipaygen.json");
    let document: serde_json::Value = serde_json::from_str(&text("policies/aipaygen.json")).unwrap();
    // Each has its own entry, so that no pattern decides on a tool of a later version.
    let entries = document.get("tools").and_then(serde_json::Value::as_object).unwrap();
    let named: BTreeSet<String> = entries.keys().cloned().collect();
    let published = published();
    assert_eq!(published.len(), 106);
    let (missing, unknown): (Vec<_>, Vec<_>) =
        (published.difference(&named).collect(), named.difference(&published).collect());
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
    assert!(policy.rules.tools.get("a_tool_of_the_next_version").is_none());
}

#[test]
fn every_tool_has_the_verdict_of_the_table() {
    let policy = policy("aipaygen.json");
    let verdicts: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_str(&text("tests/cases/aipaygen_verdicts.json")).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tool in published() {
        found.entry(Entry::of(&policy, &tool).unwrap().verdict()).or_default().insert(tool);
    }
    assert_eq!(found, verdicts);
    assert!(policy.unused_rules().next().is_none());
}

#[test]
fn every_published_tool_has_one_class() {
    let classes = classes();
    let all: Vec<&String> = classes.values().flatten().collect();
    let once: BTreeSet<String> = all.iter().map(|name| (*name).clone()).collect();
    assert_eq!((all.len(), once), (106, published()));
}

#[test]
fn every_tool_has_a_rule_that_fits_its_class() {
    let policy = policy("aipaygen.json");
    let misfits: Vec<String> = classes()
        .iter()
        .flat_map(|(class, tools)| tools.iter().map(move |tool| (class, tool)))
        .filter_map(|(class, tool)| Some(format!("{class} {tool}: {}", misfit(&policy, class, tool)?)))
        .collect();
    assert!(misfits.is_empty(), "{misfits:#?}");
}

#[test]
fn tools_that_run_many_operations_in_one_call_require_approval() {
    let policy = policy("aipaygen.json");
    for tool in ["batch", "chain_operations", "pipeline", "schedule_agent"] {
        assert_eq!(Entry::of(&policy, tool).unwrap().action, Action::RequireApproval, "{tool}");
    }
}

#[test]
fn the_tool_that_issues_keys_is_hidden() {
    let policy = policy("aipaygen.json");
    let hidden: Vec<String> =
        published().into_iter().filter(|tool| policy.rules.hidden(tool).is_some()).collect();
    assert_eq!(hidden, ["generate_api_key"]);
}

#[test]
fn run_agent_is_limited_to_ten_a_minute_for_each_grant() {
    for name in ["run_agent.json", "aipaygen.json"] {
        let policy = policy(name);
        let entry = Entry::of(&policy, "run_agent").unwrap();
        assert_eq!(entry.action, Action::Allow, "{name}");
        let [limit] = entry.limits.as_slice() else { panic!("{name}: {:?}", entry.limits) };
        assert_eq!(limit.counter, "run_agent_rate", "{name}");
        assert_eq!((limit.window.seconds(), limit.window.kind()), (60, Kind::Sliding), "{name}");
        assert_eq!((limit.max.to_string().as_str(), limit.scope), ("10", Scope::Grant), "{name}");
        assert_eq!(limit.amount, Adds::Fixed(Amount::ONE), "{name}");
    }
}

#[test]
fn ids_that_become_part_of_a_path_cannot_change_the_path() {
    let policy = policy("aipaygen.json");
    for tool in ["run_agent", "get_agent_runs", "read_agent_inbox", "schedule_agent"] {
        let entry = Entry::of(&policy, tool).unwrap();
        let [schema] = entry.schemas.as_slice() else { panic!("{tool}") };
        for (arguments, fits) in [
            (r#"{"agent_id":"agent-1","task":"x"}"#, true),
            (r#"{"agent_id":"../admin"}"#, false),
            (r#"{"agent_id":"a?x=1"}"#, false),
            (r#"{"agent_id":"a%2fb"}"#, false),
            (r#"{"agent_id":"a\n"}"#, false),
            (r#"{"agent_id":""}"#, false),
            (r#"{"agent_id":["../admin"]}"#, false),
            (r#"{"agent_id":"a","AGENT_ID":"../admin"}"#, false),
            ("{}", false),
        ] {
            let document = json::read(arguments.as_bytes()).unwrap();
            assert_eq!(
                schema.validate(Some(document.root()), &Work::default()).is_ok(),
                fits,
                "{tool} {arguments}"
            );
        }
    }
}
