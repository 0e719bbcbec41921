//! Good documents: each yields the expected policy.

use std::fmt::Write as _;

use mcp_policy_engine::limit::Kind;
use mcp_policy_engine::mcp::answer::Form;
use mcp_policy_engine::policy::{
    Action, Adds, Approvals, Clause, Condition, Effect, Limit, Mode, Pattern, Policy, RequestHeaders, Rule,
    Scope,
};

use super::accepted;

#[test]
fn a_good_document_yields_the_expected_policy() {
    let mut wrong = String::new();
    for case in accepted() {
        let policy = match Policy::from_bytes(&case.bytes) {
            Ok(policy) => policy,
            Err(faults) => {
                writeln!(wrong, "\n{}: refused:\n{faults}", case.name).unwrap();
                continue;
            }
        };
        let (expected, found) = (case.texts("holds"), meaning(&policy));
        for line in expected.iter().filter(|line| !found.iter().any(|found| found == *line)) {
            writeln!(wrong, "\n{}:\n    - {line}\n    in {found:#?}", case.name).unwrap();
        }
        for (tool, rule) in
            case.entry.get("decides").and_then(|names| names.as_object()).into_iter().flatten()
        {
            let found = policy.rules.tools.get(tool).map(|rules| &*rules[0].path);
            if found != rule.as_str() {
                writeln!(wrong, "\n{}: {tool:?}\n    - {rule}\n    + {found:?}", case.name).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Describes a policy, with one line for each setting.
pub fn meaning(policy: &Policy) -> Vec<String> {
    let hide: Vec<String> = policy.rules.hide.iter().map(|(pattern, _)| pattern.to_string()).collect();
    let mut lines = vec![
        format!("server: {}", policy.server),
        format!("default: {}", if policy.rules.default.0 == Effect::Allow { "allow" } else { "deny" }),
        format!("mode: {}", mode(policy.mode)),
        format!("hide: {}", hide.join(" ")),
        format!(
            "denials: {}",
            match policy.denials {
                Form::Result => "result",
                Form::Error => "error",
                Form::Http => "http",
            }
        ),
        format!("exempt_paths: {}", policy.exempt_paths.join(" ")),
        format!("max_body_bytes: {}", policy.max_body_bytes),
        format!(
            "request_headers: {}",
            match policy.request_headers {
                RequestHeaders::Hold => "hold",
                RequestHeaders::Stream => "stream",
            }
        ),
        format!("counters.capacity: {}", policy.counter_capacity),
    ];
    if let Some(approvals) = &policy.approvals {
        let Approvals { cluster, authority, path, timeout_ms, wait_seconds, expires_seconds, ignored_meta } =
            approvals;
        let ignored = ignored_meta.iter().map(Pattern::as_str).collect::<Vec<_>>().join(" ");
        lines.push(format!(
            "approvals: {cluster} {authority} {path}, {timeout_ms} ms, waits {wait_seconds} s, stands {expires_seconds} s, ignores {ignored}"
        ));
    }
    lines.extend(policy.identity.iter().map(|source| {
        let header = source.header().map_or(String::new(), |header| format!(" {header}"));
        format!("source {}: {}{header}", source.name, source.kind.word())
    }));
    lines.push(format!("challenge: {}", policy.challenge));
    lines.extend(policy.grants.iter().map(|grant| format!("grants: {}", grant.name)));
    lines.extend(policy.origins.as_ref().map(|origins| format!("origins: {}", origins.len())));
    lines.push(format!("resources: {}", policy.rules.resources.section().iter().count()));
    policy.all_rules().for_each(|rule| rule_meaning(rule, &mut lines));
    lines
}

fn rule_meaning(rule: &Rule, lines: &mut Vec<String>) {
    // All fields are named, so that a new one does not compile before somebody has said what it means.
    let Rule {
        path,
        digest: _,
        action,
        reason,
        mode: of_rule,
        when,
        definition,
        arguments: _,
        require,
        deny_if,
        limits,
    } = rule;
    let action = match action {
        Action::Allow => "allow",
        Action::Deny => "deny",
        Action::RequireApproval => "require_approval",
    };
    let reason = reason.as_ref().map(|reason| format!(", because {reason:?}")).unwrap_or_default();
    lines.push(format!("{path}: {action}, {}{reason}", mode(*of_rule)));
    lines.extend(definition.map(|digest| format!("{path}.definition: {digest}")));
    let clauses = when.iter().chain(require).chain(deny_if);
    clauses.clone().for_each(|clause| group_meaning(clause, lines));
    for condition in clauses.flat_map(Clause::conditions) {
        let Condition { path, attribute, test, .. } = condition;
        let name = condition.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let reason =
            condition.reason.as_ref().map(|reason| format!(", because {reason:?}")).unwrap_or_default();
        lines.push(format!("{path}{name}: {attribute} {test:?}{reason}"));
    }
    limits.iter().for_each(|limit| lines.push(limit_meaning(limit)));
}

fn limit_meaning(limit: &Limit) -> String {
    // All fields are named, so that a new one does not compile before somebody has said what it means.
    let Limit { path, reason: _, counter, number: _, window, max, scope, by, amount, shared, shadow: _ } =
        limit;
    let kind = match window.kind() {
        Kind::Sliding => "sliding",
        Kind::Calendar => "calendar",
    };
    let scope = match scope {
        Scope::Grant => "grant",
        Scope::Principal => "principal",
        Scope::Session => "session",
        Scope::Global => "global",
    };
    let adds = match amount {
        Adds::Fixed(amount) => amount.to_string(),
        Adds::Arguments(paths) => paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
    };
    let by = by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    let shared = if *shared { ", shared" } else { "" };
    let seconds = window.seconds();
    format!("{path}: {counter}, {max} in {seconds} s, {kind}, {scope}{by}, each adds {adds}{shared}")
}

fn group_meaning(clause: &Clause, lines: &mut Vec<String>) {
    let Clause::Group(group) = clause else { return };
    let name = group.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
    let reason = group.reason.as_ref().map(|reason| format!(", because {reason:?}")).unwrap_or_default();
    lines.push(format!("{}{name}: {:?} of {}{reason}", group.path, group.holds, group.clauses.len()));
    group.clauses.iter().for_each(|clause| group_meaning(clause, lines));
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
    }
}
