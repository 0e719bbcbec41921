//! The table is complete: every key of a policy, every code and operator, and both verdicts.

use std::collections::{BTreeMap, BTreeSet};

use mcp_policy_engine::denial::Code;
use mcp_policy_engine::document::Object;
use mcp_policy_engine::policy::keys;
use serde_json::Value;

use super::table::{Case, topics};

/// The objects whose keys the table has to use, by the names that are used here.
static OBJECTS: [(&str, &Object); 17] = [
    ("document", &keys::DOCUMENT),
    ("rule", &keys::RULE),
    ("condition", &keys::CONDITION),
    ("group", &keys::GROUP),
    ("operand", &keys::OPERAND),
    ("limit", &keys::LIMIT),
    ("rate_limit", &keys::RATE_LIMIT),
    ("grant", &keys::GRANT),
    ("audit", &keys::AUDIT),
    ("counters", &keys::COUNTERS),
    ("approvals", &keys::APPROVALS),
    ("source", &keys::SOURCE),
    ("jwt", &keys::JWT),
    ("api_key", &keys::API_KEY),
    ("header", &keys::HEADER),
    ("match", &keys::MATCH),
    ("unauthenticated", &keys::UNAUTHENTICATED),
];

/// The keys that the table cannot use: it has no client certificates, its tokens come from one filter, and it has no
/// rate limit service. Other tests use them.
const ELSEWHERE: [(&str, &str); 5] = [
    ("source", "mtls"),
    ("match", "mtls"),
    ("jwt", "metadata"),
    ("document", "shared_limits"),
    ("limit", "shared"),
];

/// The codes that no case can have: they need a person's answer, or a list that was answered before. Other tests have them.
const OTHER_CODES: &str = "approval_denied definition_changed";
/// The code that no case in shadow mode can have: no one is asked there, so no approval is missing.
const NOT_IN_SHADOW: &str = "approval_unavailable";

const OPS: &str =
    "eq neq in not_in lt lte gt gte contains not_contains starts_with ends_with glob regex exists";

/// The contents of the documents: the keys of each kind of object, and the words under some keys.
#[derive(Default)]
struct Written {
    keys: BTreeMap<&'static str, BTreeSet<String>>,
    words: BTreeSet<String>,
}

impl Written {
    /// Notes the rules of an entry: one, or a list.
    fn entry(&mut self, entry: &Value) {
        match entry {
            Value::Array(rules) => rules.iter().for_each(|rule| self.object("rule", rule)),
            rule => self.object("rule", rule),
        }
    }

    fn object(&mut self, kind: &'static str, object: &Value) {
        let Value::Object(members) = object else { return };
        for (key, value) in members {
            self.keys.entry(kind).or_default().insert(key.clone());
            if let Value::String(word) = value {
                self.words.insert(format!("{kind}.{key}={word}"));
            }
            match key.as_str() {
                "all_tools" => self.entry(value),
                "rules" | "tools" | "resources" | "prompts" => {
                    each(value).for_each(|entry| self.entry(entry))
                }
                "grants" => each(value).for_each(|grant| self.object("grant", grant)),
                "limits" => each(value).for_each(|limit| self.object("limit", limit)),
                "when" | "require" | "deny_if" => each(value).for_each(|clause| self.clause(key, clause)),
                "rate_limit" => self.object("rate_limit", value),
                "audit" => self.object("audit", value),
                "counters" => self.object("counters", value),
                "approvals" => self.object("approvals", value),
                "identity" => each(value).for_each(|source| self.object("source", source)),
                "jwt" => self.object("jwt", value),
                "api_key" => self.object("api_key", value),
                "header" => self.object("header", value),
                "match" => each(value).for_each(|described| self.object("match", described)),
                "unauthenticated" => self.object("unauthenticated", value),
                _ => {}
            }
        }
    }
}

impl Written {
    /// Notes a condition, or a group and its conditions.
    fn clause(&mut self, place: &str, clause: &Value) {
        for key in ["conditions", "any"] {
            each(&clause[key]).for_each(|clause| self.clause(place, clause));
        }
        let is_group = clause.get("conditions").or(clause.get("any")).is_some();
        self.object(if is_group { "group" } else { "condition" }, clause);
        self.object("operand", &clause["value"]);
        self.words.extend(clause["op"].as_str().map(|op| format!("{place}.{op}")));
    }
}

fn each(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(elements) => Box::new(elements.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_key_appears_in_some_document() {
    let mut written = Written::default();
    for topic in topics() {
        topic.groups.iter().for_each(|group| written.object("document", &group.document));
    }
    for (kind, object) in &OBJECTS {
        let here = |name: &&str| !ELSEWHERE.contains(&(kind, name));
        let names = object.keys.iter().map(|key| key.name).filter(here);
        let known: BTreeSet<String> = names.map(str::to_owned).collect();
        assert_eq!(written.keys[kind], known, "{kind}");
    }
    for (key, values) in [
        ("document.default", "allow deny"),
        ("document.mode", "enforce shadow"),
        ("document.denials", "result error http"),
        ("document.request_headers", "hold stream"),
        ("audit.arguments", "hash full none"),
        ("audit.digest", "sha256 blake3"),
        ("rule.action", "allow deny require_approval"),
        ("rule.mode", "enforce shadow"),
        ("limit.scope", "grant principal session global"),
        ("limit.type", "sliding calendar"),
    ] {
        let prefix = format!("{key}=");
        let found = written.words.iter().filter_map(|word| word.strip_prefix(&prefix));
        assert_eq!(found.map(str::to_owned).collect::<BTreeSet<_>>(), words(values), "{key}");
    }
    for op in words(OPS) {
        for place in ["require", "deny_if", "when"] {
            assert!(written.words.contains(&format!("{place}.{op}")), "{place} {op}");
        }
    }
}

#[test]
fn every_code_occurs_and_every_topic_has_both_verdicts() {
    let mut codes = BTreeSet::new();
    let mut advised = BTreeSet::new();
    let mut cases = 0_usize;
    for topic in topics() {
        let steps = || topic.groups.iter().flat_map(|group| &group.cases).flat_map(|case| &case.steps);
        for step in steps() {
            let into = if step.expect.decision == "deny" { &mut codes } else { &mut advised };
            into.extend(step.expect.code.clone());
        }
        cases += topic.groups.iter().map(|group| group.cases.len()).sum::<usize>();
        for decision in ["allow", "deny"] {
            let some = steps().any(|step| step.expect.decision == decision);
            assert!(some || topic.about.starts_with("Calls that a person"), "{}: {decision}", topic.about);
        }
    }
    let known = BTreeSet::from(Code::ALL.map(|code| code.as_str().to_owned()));
    assert_eq!(codes, &known - &words(OTHER_CODES));
    assert_eq!(advised, &codes - &words(NOT_IN_SHADOW));
    assert!(cases >= 300, "{cases}");
}

#[test]
fn every_case_has_its_own_name_in_its_group() {
    for topic in topics() {
        let mut abouts = BTreeSet::new();
        for group in &topic.groups {
            assert!(abouts.insert(&group.about), "{}: {} appears twice", topic.about, group.about);
            let mut names = BTreeSet::new();
            for Case { name, steps } in &group.cases {
                assert!(names.insert(name), "{}: {name} appears twice", group.about);
                assert!(!steps.is_empty(), "{}: {name} does nothing", group.about);
            }
        }
    }
}
