//! How a rule judges a call.

use std::sync::Arc;

use mcp_policy_engine::audit::CounterUsage;
use mcp_policy_engine::decide::condition::{Applies, Attributes, Place, applies};
use mcp_policy_engine::decide::{Decision, Due};
use mcp_policy_engine::guard::Conclusion;
use mcp_policy_engine::limit::Kind;
use mcp_policy_engine::mcp::definition::DefinitionDigest;
use mcp_policy_engine::mcp::message::Call;
use mcp_policy_engine::policy::{Action, Adds, Limit, Mode, Policy, Rule as Policed};
use mcp_policy_engine::schema::Schema;

use super::{Check, Outcome, Rule, Texts, clauses};

/// What it takes to judge a call by rules.
pub(super) struct Judging<'j> {
    pub policy: &'j Policy,
    pub texts: &'j Texts,
    pub attributes: Attributes<'j>,
    pub call: &'j Call<'j>,
    pub decision: &'j Decision,
    pub conclusion: Option<&'j Conclusion>,
}

impl Judging<'_> {
    /// Judges the call by each of these rules; `of` names the entry that they belong to, if it is not the deciding one.
    pub fn rules(&self, rules: &[Arc<Policed>], of: Option<&'static str>) -> Vec<Rule> {
        rules.iter().map(|rule| self.rule(rule, of)).collect()
    }

    fn rule(&self, rule: &Policed, of: Option<&'static str>) -> Rule {
        // All fields are named, so that a new one does not compile before somebody has said how it is shown.
        let Policed {
            path,
            digest: _,
            action,
            reason: _,
            mode,
            when,
            definition,
            arguments,
            require,
            deny_if,
            limits,
        } = rule;
        let mut checks = Vec::new();
        self.clauses(when, Place::When, &mut checks);
        let applies = match applies(rule, &self.attributes, String::new) {
            Applies::Yes => Some(true),
            Applies::No => Some(false),
            Applies::Unknown(_) => None,
        };
        if applies.is_some() {
            // A clause that fails keeps the rule from applying, whatever the others are.
            checks.iter_mut().for_each(|check| check.refuses = false);
        }
        if applies == Some(true) {
            checks.extend(definition.map(|digest| self.definition(rule, digest)));
            checks.extend(arguments.as_ref().and_then(|schema| self.schema(schema, path)));
            self.clauses(require, Place::Require, &mut checks);
            self.clauses(deny_if, Place::DenyIf, &mut checks);
            checks.extend(limits.iter().map(|limit| self.limit(limit)));
        }
        Rule {
            path: path.to_string(),
            of,
            shadow: *mode == Mode::Shadow,
            applies,
            action: match action {
                Action::Allow => "allow",
                Action::Deny => "deny",
                Action::RequireApproval => "require_approval",
            },
            checks,
        }
    }

    fn clauses(&self, list: &[mcp_policy_engine::policy::Clause], place: Place, checks: &mut Vec<Check>) {
        checks.extend(list.iter().map(|clause| clauses::check(clause, place, &self.attributes, self.texts)));
    }

    fn schema(&self, schema: &Schema, rule: &str) -> Option<Check> {
        if !self.call.method.takes_arguments() {
            return None;
        }
        let violation = schema.validate(self.call.arguments(), self.attributes.work).err();
        Some(Check {
            kind: "arguments",
            path: format!("{rule}.arguments"),
            outcome: Outcome::from(Some(violation.is_none())),
            refuses: violation.is_some(),
            text: "the schema of the arguments".to_owned(),
            found: violation.map(|violation| violation.to_string()),
            parts: Vec::new(),
        })
    }

    /// Says what lists have shown of a pinned tool. It is looked at only if nothing else refuses the call.
    fn definition(&self, rule: &Policed, digest: DefinitionDigest) -> Check {
        let path = format!("{}.definition", rule.path);
        let denial = self.conclusion.and_then(|conclusion| conclusion.verdict.denial());
        let refuses = denial.is_some_and(|denial| denial.rule == path);
        let earlier = self.decision.denial.is_some()
            || (rule.mode == Mode::Shadow && self.decision.would_deny.is_some());
        let (outcome, found) = match (refuses, earlier) {
            (true, _) => (Outcome::Fails, "the last list has shown another one"),
            (false, true) => (Outcome::Unjudged, ""),
            (false, false) => (Outcome::Holds, "no list has shown another one"),
        };
        Check {
            kind: "definition",
            path,
            outcome,
            refuses,
            text: format!("the tool's definition: {digest}"),
            found: Some(found.to_owned()).filter(|found| !found.is_empty()),
            parts: Vec::new(),
        }
    }

    fn limit(&self, limit: &Arc<Limit>) -> Check {
        let charges = self.decision.charges.iter().chain(&self.decision.shadow_charges);
        let due = charges.into_iter().find(|due| due.limit.path == limit.path);
        let counters = self.conclusion.map_or(&[][..], |conclusion| &conclusion.counters);
        let usage = counters.iter().find(|counter| counter.limit.path == limit.path);
        let denial = self.conclusion.and_then(|conclusion| conclusion.verdict.denial());
        let refuses = denial.is_some_and(|denial| denial.rule == *limit.path);
        let (outcome, found) = match (due, usage) {
            (Some(due), Some(usage)) => {
                (Outcome::from(Some(!refuses)), room(due, usage, refuses) + &self.asked(due))
            }
            (Some(due), None) => {
                (Outcome::Unjudged, format!("would add {}{}, and is not charged", due.amount, of(due)))
            }
            (None, _) => (Outcome::Indeterminate, "what the call adds cannot be told".to_owned()),
        };
        Check {
            kind: "limits",
            path: limit.path.to_string(),
            outcome,
            refuses: refuses || due.is_none(),
            text: said(limit),
            found: Some(found),
            parts: Vec::new(),
        }
    }

    /// Says what the rate limit service is asked about a shared limit.
    fn asked(&self, due: &Due) -> String {
        let scale = self.policy.scale(&due.limit);
        match (scale.hits(due.amount), scale.hits(due.limit.max)) {
            (Some(adds), Some(most)) if due.limit.shared => {
                format!("; the rate limit service is asked for {adds} of {most} hits")
            }
            _ => String::new(),
        }
    }
}

/// Says what a call adds to a tally, and what is used then.
fn room(due: &Due, usage: &CounterUsage, refuses: bool) -> String {
    let CounterUsage { usage, scope, .. } = usage;
    let scope = if *scope == due.limit.scope { String::new() } else { format!(", by {}", scope.as_str()) };
    let used = usage.used;
    match refuses {
        true => format!("adds {}{}, and {used} of {} are used{scope}", due.amount, of(due), usage.max),
        false => format!("adds {}{}: {used} of {} used{scope}", due.amount, of(due), usage.max),
    }
}

fn of(due: &Due) -> String {
    due.of.as_ref().map_or(String::new(), |value| format!(" for `{value}`"))
}

/// Describes a limit, such as `run_agent_rate: 10 per minute, grant`.
fn said(limit: &Limit) -> String {
    // All fields are named, so that a new one does not compile before somebody has said how it is shown.
    let Limit { path: _, reason: _, counter, number: _, window, max, scope, by, amount, shared, shadow: _ } =
        limit;
    let by = by.as_ref().map_or(String::new(), |path| format!(" and {path}"));
    let what = match amount {
        Adds::Fixed(_) => String::new(),
        Adds::Arguments(paths) => {
            let paths: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
            format!(" of {}", paths.join(" + "))
        }
    };
    let length = match window.seconds() {
        1 => "second".to_owned(),
        60 => "minute".to_owned(),
        3_600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        seconds => format!("{seconds} seconds"),
    };
    let kind = if window.kind() == Kind::Calendar { "calendar " } else { "" };
    let shared = if *shared { ", shared by all proxies" } else { "" };
    format!("{counter}: {max}{what} per {kind}{length}, {}{by}{shared}", scope.as_str())
}
