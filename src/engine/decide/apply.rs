//! Applies each rule of an entry, and the default where no entry matches.

use std::sync::Arc;

use super::condition::{self, Applies, Attributes};
use super::{Decision, because, describe_call, limits, needs_approval, quoted, resources};
use crate::denial::{Code, Denial};
use crate::mcp::message::{Call, Target};
use crate::policy::{Action, Effect, Mode, Rule, Rules};
use crate::work;

/// All that conditions can refer to, with the budgets of work of rules that are enforced and of rules in shadow mode.
pub(super) struct Budgets<'d> {
    pub(super) enforced: Attributes<'d>,
    pub(super) shadow: Attributes<'d>,
}

impl Decision {
    /// Applies the rules of the document, or those of the grant with this name.
    pub(super) fn apply_rules(
        &mut self,
        rules: &Rules,
        grant: Option<&str>,
        call: &Call<'_>,
        budgets: &Budgets<'_>,
    ) {
        match &call.target {
            Target::Tool(name) => {
                let own = rules.tools.get(name);
                self.default_unless(own.is_some(), rules, grant, call);
                self.apply_all(own.map_or(&[], |own| &**own), call, budgets);
                self.apply_all(&rules.all_tools, call, budgets);
            }
            Target::Prompt(name) => {
                let own = rules.prompts.get(name);
                self.default_unless(own.is_some(), rules, grant, call);
                self.apply_all(own.map_or(&[], |own| &**own), call, budgets);
            }
            Target::Resources(uris) => {
                for (target, uri) in uris.iter().enumerate() {
                    let charged = (self.charges.len(), self.shadow_charges.len());
                    let own = rules.resources.section().get(uri);
                    self.default_unless(own.is_some(), rules, grant, call);
                    if let Some(reason) = resources::obstacle(rules, uri) {
                        let rule =
                            own.and_then(|own| own.first()).map_or(&rules.default.1, |rule| &rule.path);
                        self.refuse(false, Denial::by(rule.to_string(), Code::Denied, reason));
                    }
                    self.apply_all(own.map_or(&[], |own| &**own), call, budgets);
                    self.apply_all(&resources::rules_behind(rules, uri), call, budgets);
                    for due in self.charges.iter_mut().skip(charged.0) {
                        due.target = target;
                    }
                    for due in self.shadow_charges.iter_mut().skip(charged.1) {
                        due.target = target;
                    }
                }
            }
            Target::Session | Target::Unknown => match rules.methods.get(&call.method) {
                Some((Effect::Allow, path)) => {
                    self.rule.get_or_insert_with(|| Arc::clone(path));
                }
                Some((Effect::Deny, path)) => {
                    let reason = format!("{} is denied by policy", describe_call(call));
                    self.refuse(false, Denial::by(path.to_string(), Code::Denied, reason));
                }
                None => self.default_unless(call.target == Target::Session, rules, grant, call),
            },
        }
    }

    /// Applies the default effect if no entry matched.
    fn default_unless(&mut self, named: bool, rules: &Rules, grant: Option<&str>, call: &Call<'_>) {
        let (default, path) = &rules.default;
        if !named {
            self.rule.get_or_insert_with(|| Arc::clone(path));
        }
        if !named && *default == Effect::Deny {
            let why = match grant {
                None => "no rule of the policy names it".to_owned(),
                Some(grant) => format!("the grant {} does not name it", quoted(grant)),
            };
            let reason = format!("{} is not allowed here: {why}", describe_call(call));
            self.refuse(false, Denial::by(path.to_string(), Code::NotListed, reason));
        }
    }

    /// Applies the rules of an entry. If none of them applies to this call, the first one stands for the entry.
    fn apply_all(&mut self, rules: &[Arc<Rule>], call: &Call<'_>, budgets: &Budgets<'_>) {
        for rule in rules {
            self.apply(rule, call, budgets);
        }
        if let (None, Some(first)) = (&self.rule, rules.first()) {
            self.rule = Some(Arc::clone(&first.path));
        }
    }

    /// Applies one rule.
    fn apply(&mut self, rule: &Arc<Rule>, call: &Call<'_>, budgets: &Budgets<'_>) {
        let shadow = rule.mode == Mode::Shadow;
        let attributes = if shadow { &budgets.shadow } else { &budgets.enforced };
        if !rule.when.is_empty() {
            match condition::applies(rule, attributes, || describe_call(call)) {
                Applies::Yes => {}
                Applies::No => return,
                Applies::Unknown(denial) => return self.refuse(shadow, denial),
            }
        }
        self.rule.get_or_insert_with(|| Arc::clone(&rule.path));
        match rule.action {
            Action::Allow => {}
            Action::Deny => {
                let because = because(rule);
                let reason = format!("{} is denied by policy{because}", describe_call(call));
                self.refuse(shadow, Denial::by(rule.path.to_string(), Code::Denied, reason));
            }
            Action::RequireApproval if shadow => {
                self.refuse(shadow, needs_approval(rule, &describe_call(call)))
            }
            Action::RequireApproval => {
                self.approval.get_or_insert_with(|| Arc::clone(rule));
            }
        }
        // A completion request names a prompt but has no arguments to validate.
        if let Some(schema) = rule.arguments.as_ref().filter(|_| call.method.takes_arguments())
            && let Err(violation) = schema.validate(call.arguments(), attributes.work)
        {
            let because = rule.reason.as_deref().map_or(String::new(), |reason| format!(" ({reason})"));
            let reason = format!("{} is denied: {violation}{because}", describe_call(call));
            let path = format!("{}.arguments", rule.path);
            let mut denial = Denial::by(path, Code::ArgumentsInvalid, reason);
            denial.cause = violation.exhausted.then_some(work::CAUSE);
            self.refuse(shadow, denial);
        }
        // Most rules have no conditions. The description is built only if there are some.
        let conditional = !rule.require.is_empty() || !rule.deny_if.is_empty();
        if conditional && let Some(denial) = condition::refusal(rule, attributes, &describe_call(call)) {
            self.refuse(shadow, denial);
        }
        for limit in &rule.limits {
            // A call with many resources applies a rule to each of them, with one value.
            let charged = if shadow { &self.shadow_charges } else { &self.charges };
            let known = limit
                .by
                .as_ref()
                .and_then(|_| charged.iter().rev().find(|due| Arc::ptr_eq(&due.limit, limit)));
            let due = known.map_or_else(|| limits::due(limit, call, attributes), |due| Ok(due.clone()));
            match due {
                Ok(due) if shadow => self.shadow_charges.push(due),
                Ok(due) => self.charges.push(due),
                Err(denial) => self.refuse(shadow, denial),
            }
        }
    }
}
