//! One call against one policy. Pure: what the verdict depends on is in the arguments.
//!
//! Limits are not judged here, since their room is known only at the moment of charging: a decision
//! names what is to be charged, and [`crate::guard`] charges it.

use std::borrow::Cow;

use crate::denial::{Code, Denial};
use crate::limit::Amount;
use crate::mcp::list::ListKind;
use crate::mcp::message::{Call, Target};
use crate::policy::{Action, Adds, Effect, Limit, Mode, Policy, Rule};

/// How much of a name a reason quotes, in characters.
const QUOTED: usize = 128;

/// What the rules say of a call.
#[derive(Debug, Clone, Default)]
pub struct Decision<'p> {
    /// Why it is refused, if it is
    pub denial: Option<Denial>,
    /// Why it would be refused, by a rule in shadow mode
    pub would_deny: Option<Denial>,
    /// What is charged, all or nothing, before it goes on
    pub charges: Vec<Due<'p>>,
    /// What is charged for rules in shadow mode, where there is room
    pub shadow_charges: Vec<Due<'p>>,
}

/// What one limit is charged for a call.
#[derive(Debug, Clone)]
pub struct Due<'p> {
    /// The limit
    pub limit: &'p Limit,
    /// What the call adds
    pub amount: Amount,
    /// The rule's reason
    pub reason: Option<&'p str>,
}

/// Decides on a request or notification.
#[must_use]
pub fn decide<'p>(policy: &'p Policy, call: &Call<'_>) -> Decision<'p> {
    match &call.target {
        Target::Tool(name) => decide_tool(policy, name, call),
        Target::Resources(uris) if uris.is_empty() => Decision::default(),
        Target::Session => Decision::default(),
        Target::Resources(_) | Target::Prompt(_) | Target::Unknown => by_default(policy, call),
    }
}

/// Names what a call acts on, for the caller. A URI may hold a secret, so it is not told.
#[must_use]
pub fn subject(call: &Call<'_>) -> String {
    match &call.target {
        Target::Tool(name) => format!("the tool {}", quoted(name)),
        Target::Resources(_) => "this resource".to_owned(),
        Target::Prompt(name) => format!("the prompt {}", quoted(name)),
        Target::Session | Target::Unknown => format!("the method {}", quoted(&call.method)),
    }
}

/// Tells whether a list shows the element of this name: not what the caller can never use.
#[must_use]
pub fn shows(policy: &Policy, kind: ListKind, name: &str) -> bool {
    if policy.mode == Mode::Shadow {
        return true;
    }
    if kind != ListKind::Tools {
        return policy.default == Effect::Allow;
    }
    let own = policy.tools.get(name);
    policy.hidden(name).is_none()
        && (own.is_some() || policy.default == Effect::Allow)
        && !own.into_iter().chain(&policy.all_tools).any(denies)
}

fn denies(rule: &Rule) -> bool {
    rule.action == Action::Deny && rule.mode == Mode::Enforce
}

fn decide_tool<'p>(policy: &'p Policy, name: &str, call: &Call<'_>) -> Decision<'p> {
    let mut decision = Decision::default();
    if let Some(path) = policy.hidden(name) {
        decision.denial =
            Some(Denial::by(path.to_owned(), Code::Hidden, format!("unknown tool: {}", quoted(name))));
        return decision;
    }
    let own = policy.tools.get(name);
    if own.is_none() && policy.default == Effect::Deny {
        return by_default(policy, call);
    }
    for rule in own.into_iter().chain(&policy.all_tools) {
        decision.apply(rule, call);
    }
    decision
}

/// Decides on what no entry names.
fn by_default<'p>(policy: &Policy, call: &Call<'_>) -> Decision<'p> {
    let denial = (policy.default == Effect::Deny).then(|| {
        let reason =
            format!("{} is not allowed here: the policy of this server does not list it", subject(call));
        Denial::by("default", Code::NotListed, reason)
    });
    Decision { denial, ..Decision::default() }
}

impl<'p> Decision<'p> {
    /// Adds what one rule says.
    fn apply(&mut self, rule: &'p Rule, call: &Call<'_>) {
        let shadow = rule.mode == Mode::Shadow;
        let because = rule.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        match rule.action {
            Action::Allow => {}
            Action::Deny => {
                let reason = format!("{} is denied by policy{because}", subject(call));
                self.refuse(shadow, Denial::by(rule.path.clone(), Code::Denied, reason));
            }
            Action::RequireApproval => {
                let reason = format!("{} needs the approval of a person{because}", subject(call));
                self.refuse(shadow, Denial::by(rule.path.clone(), Code::ApprovalRequired, reason));
            }
        }
        for limit in &rule.limits {
            let reason = rule.reason.as_deref();
            match amount(limit, call) {
                Ok(amount) if shadow => self.shadow_charges.push(Due { limit, amount, reason }),
                Ok(amount) => self.charges.push(Due { limit, amount, reason }),
                Err(denial) => self.refuse(shadow, denial),
            }
        }
    }

    /// Keeps the first denial; one that a person could lift gives way to one that nobody can.
    fn refuse(&mut self, shadow: bool, denial: Denial) {
        let place = if shadow { &mut self.would_deny } else { &mut self.denial };
        match place {
            Some(first) if first.code != Code::ApprovalRequired || denial.code == Code::ApprovalRequired => {}
            _ => *place = Some(denial),
        }
    }
}

/// Reads how much a call adds to a limit's tally.
fn amount(limit: &Limit, call: &Call<'_>) -> Result<Amount, Denial> {
    let path = match &limit.amount {
        Adds::Fixed(amount) => return Ok(*amount),
        Adds::Argument(path) => path,
    };
    let number = call.arguments().and_then(|arguments| path.find(arguments)).and_then(|value| value.number());
    number.and_then(|text| Amount::from_decimal(text).ok()).ok_or_else(|| {
        let reason = format!(
            "the limit `{}` counts `{path}`, which must be a number, not negative, with up to 6 decimals",
            limit.counter
        );
        Denial::by(limit.path.clone(), Code::ArgumentsInvalid, reason)
    })
}

/// Quotes a name that a caller sent, shortened.
fn quoted(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(QUOTED).and_then(|(at, _)| name.get(..at)) {
        Some(short) => format!("`{short}…`").into(),
        None => format!("`{name}`").into(),
    }
}
