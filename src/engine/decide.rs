//! Applies the rules of a policy to one call. Pure.
//!
//! Limits are not checked here, because only the store knows how much room they have. A [`Decision`] lists
//! what to charge, and [`crate::guard`] charges it.

pub mod condition;
mod digest;

use std::borrow::Cow;
use std::sync::Arc;

use condition::Attributes;
pub use digest::digest;

use crate::denial::{Code, Denial};
use crate::identity::{Caller, Principal};
use crate::limit::Amount;
use crate::mcp::list::ListKind;
use crate::mcp::message::{Call, Target};
use crate::mcp::uri;
use crate::policy::{Action, Adds, Effect, Limit, Mode, Policy, Rule, Rules};
use crate::work::{self, Work};

/// The longest name that a reason quotes, in characters.
const QUOTED: usize = 128;

/// The result of applying the rules to a call.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// Why the call is refused
    pub denial: Option<Denial>,
    /// Why a rule in shadow mode would refuse it
    pub would_deny: Option<Denial>,
    /// The first rule that requires approval. It is set even if the call is denied for another reason
    pub approval: Option<Arc<Rule>>,
    /// The rule that allows the call if nothing refuses it, as a path in the document
    pub rule: Option<Arc<str>>,
    /// What to charge before the call is forwarded: all or nothing
    pub charges: Vec<Due>,
    /// What to charge for rules in shadow mode. A limit without room does not refuse the call here
    pub shadow_charges: Vec<Due>,
}

/// What to charge to one limit.
#[derive(Debug, Clone)]
pub struct Due {
    /// The limit
    pub limit: Arc<Limit>,
    /// How much the call adds
    pub amount: Amount,
}

/// Decides on a request or notification. It must pass the document's rules and then the rules of its grant.
#[must_use]
pub fn decide(policy: &Policy, caller: &Caller, call: &Call<'_>) -> Decision {
    decide_within(policy, caller, call, &Work::new(work::ENFORCED), &Work::new(work::SHADOW))
}

/// Decides like [`decide`], and spends the budgets `work`, for rules that are enforced, and `shadow`, for rules in shadow
/// mode.
#[must_use]
pub fn decide_within(
    policy: &Policy,
    caller: &Caller,
    call: &Call<'_>,
    work: &Work,
    shadow: &Work,
) -> Decision {
    let mut decision = Decision::default();
    if let Target::Tool(name) = &call.target
        && let Some(path) = layers(policy, caller).find_map(|rules| rules.hidden(name))
    {
        let reason = format!("unknown tool: {}", quoted(name));
        decision.denial = Some(Denial::by(path.to_owned(), Code::Hidden, reason));
        return decision;
    }
    let principal = caller.principal.as_ref().map(Principal::name);
    let attributes = Attributes {
        arguments: call.arguments(),
        grant: caller.grant_name(policy),
        principal: principal.as_deref(),
        claims: caller.claims.as_deref(),
        work,
    };
    let budgets = Budgets { enforced: attributes, shadow: Attributes { work: shadow, ..attributes } };
    for rules in layers(policy, caller) {
        decision.apply_rules(rules, call, &budgets);
    }
    decision
}

/// All that conditions can refer to, with the budgets of work of rules that are enforced and of rules in shadow mode.
struct Budgets<'d> {
    enforced: Attributes<'d>,
    shadow: Attributes<'d>,
}

/// Returns the sets of rules that a caller must pass: the document's, then the grant's.
fn layers<'p>(policy: &'p Policy, caller: &Caller) -> impl Iterator<Item = &'p Rules> + use<'p> {
    std::iter::once(&policy.rules).chain(caller.grant(policy).map(|grant| &grant.rules))
}

/// Describes what a call acts on, in words for the caller, such as "the tool `x`". It leaves out resource
/// URIs, which can contain secrets.
#[must_use]
pub fn describe_target(method: &str, target: &Target<'_>) -> String {
    match target {
        Target::Tool(name) => format!("the tool {}", quoted(name)),
        Target::Resources(_) => "this resource".to_owned(),
        Target::Prompt(name) => format!("the prompt {}", quoted(name)),
        Target::Session | Target::Unknown => format!("the method {}", quoted(method)),
    }
}

/// Returns whether a filtered list keeps the element of this name. An element that the caller can never use
/// is removed.
#[must_use]
pub fn shows(policy: &Policy, caller: &Caller, kind: ListKind, name: &str) -> bool {
    policy.mode == Mode::Shadow || layers(policy, caller).all(|rules| may_use(rules, kind, name))
}

fn may_use(rules: &Rules, kind: ListKind, name: &str) -> bool {
    let (entries, all) = match kind {
        ListKind::Tools if rules.hidden(name).is_some() => return false,
        ListKind::Tools => (&rules.tools, &*rules.all_tools),
        ListKind::Prompts => (&rules.prompts, [].as_slice()),
        ListKind::Resources => (&rules.resources, [].as_slice()),
        // A template stands for many URIs. It stays if any URI could be allowed.
        ListKind::ResourceTemplates => {
            return rules.default.0 == Effect::Allow || !rules.resources.is_empty();
        }
    };
    let own = entries.get(name);
    (own.is_some() || rules.default.0 == Effect::Allow) && !own.into_iter().flatten().chain(all).any(denies)
}

/// Returns whether a rule denies every call.
fn denies(rule: &Arc<Rule>) -> bool {
    rule.action == Action::Deny && rule.mode == Mode::Enforce
}

impl Decision {
    /// Applies one set of rules.
    fn apply_rules(&mut self, rules: &Rules, call: &Call<'_>, budgets: &Budgets<'_>) {
        match &call.target {
            Target::Tool(name) => {
                let own = rules.tools.get(name);
                self.default_unless(own.is_some(), rules, call);
                for rule in own.into_iter().flatten().chain(&rules.all_tools) {
                    self.apply(rule, call, budgets);
                }
            }
            Target::Prompt(name) => {
                let own = rules.prompts.get(name);
                self.default_unless(own.is_some(), rules, call);
                own.into_iter().flatten().for_each(|rule| self.apply(rule, call, budgets));
            }
            Target::Resources(uris) => {
                for uri in uris {
                    if !budgets.enforced.work.spend(rules.resources.work(uri.len())) {
                        let reason = "this resource takes more work to judge than one request may cause";
                        let rule = rules.default.1.to_string();
                        return self.refuse(
                            false,
                            Denial::by(rule, Code::ArgumentsInvalid, reason).because_of(work::CAUSE),
                        );
                    }
                    let own = rules.resources.get(uri);
                    self.default_unless(own.is_some(), rules, call);
                    // Servers may normalize a URI that is not plain, so a pattern is reliable only for plain URIs.
                    // An exact entry matches one URI byte for byte, whether it is plain or not.
                    if !rules.resources.is_empty() && !rules.resources.names(uri) && !uri::is_plain(uri) {
                        let rule =
                            own.and_then(|own| own.first()).map_or(&rules.default.1, |rule| &rule.path);
                        let reason = "the resource's URI must be plain: lower-case scheme and host, no \
                                      dot segments, spaces, backslashes, user information or needless encoding";
                        self.refuse(false, Denial::by(rule.to_string(), Code::Denied, reason));
                    }
                    own.into_iter().flatten().for_each(|rule| self.apply(rule, call, budgets));
                }
            }
            Target::Session | Target::Unknown => match rules.methods.get(call.method.as_str()) {
                Some((Effect::Allow, path)) => {
                    self.rule.get_or_insert_with(|| Arc::clone(path));
                }
                Some((Effect::Deny, path)) => {
                    let reason = format!("{} is denied by policy", describe_call(call));
                    self.refuse(false, Denial::by(path.to_string(), Code::Denied, reason));
                }
                None => self.default_unless(call.target == Target::Session, rules, call),
            },
        }
    }

    /// Applies the default effect if no entry matched.
    fn default_unless(&mut self, named: bool, rules: &Rules, call: &Call<'_>) {
        let (default, path) = &rules.default;
        if !named {
            self.rule.get_or_insert_with(|| Arc::clone(path));
        }
        if !named && *default == Effect::Deny {
            let reason =
                format!("{} is not allowed here: no rule of the policy names it", describe_call(call));
            self.refuse(false, Denial::by(path.to_string(), Code::NotListed, reason));
        }
    }

    /// Applies one rule.
    fn apply(&mut self, rule: &Arc<Rule>, call: &Call<'_>, budgets: &Budgets<'_>) {
        self.rule.get_or_insert_with(|| Arc::clone(&rule.path));
        let shadow = rule.mode == Mode::Shadow;
        let attributes = if shadow { &budgets.shadow } else { &budgets.enforced };
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
            let due = |amount| Due { limit: Arc::clone(limit), amount };
            match amount(limit, call, attributes.work) {
                Ok(amount) if shadow => self.shadow_charges.push(due(amount)),
                Ok(amount) => self.charges.push(due(amount)),
                Err(denial) => self.refuse(shadow, denial),
            }
        }
    }

    /// Turns the whole decision into what shadow mode reports: nothing refuses the call, and nobody is asked.
    pub fn shadow(&mut self, method: &str, target: &Target<'_>) {
        if let Some(rule) = self.approval.take() {
            self.denial.get_or_insert_with(|| needs_approval(&rule, &describe_target(method, target)));
        }
        self.shadow_denial();
        self.shadow_charges.append(&mut self.charges);
    }

    /// Moves the denial to `would_deny`, where it takes precedence over what is there.
    pub fn shadow_denial(&mut self) {
        self.would_deny = self.denial.take().or(self.would_deny.take());
    }

    /// Keeps the first denial. A denial with `ApprovalRequired`, which a rule makes here only in shadow mode, is
    /// replaced by any other denial, because the call would then be refused even with an approval.
    fn refuse(&mut self, shadow: bool, denial: Denial) {
        let place = if shadow { &mut self.would_deny } else { &mut self.denial };
        match place {
            Some(first) if first.code != Code::ApprovalRequired || denial.code == Code::ApprovalRequired => {}
            _ => *place = Some(denial),
        }
    }
}

/// Makes the denial of a call that still needs approval; `called` is its description by [`describe_target`].
#[must_use]
pub fn needs_approval(rule: &Rule, called: &str) -> Denial {
    let reason = format!("{called} needs the approval of a person{}", because(rule));
    Denial::by(rule.path.to_string(), Code::ApprovalRequired, reason)
}

fn describe_call(call: &Call<'_>) -> String {
    describe_target(call.method.as_str(), &call.target)
}

/// Returns the rule's reason as the end of a sentence, or nothing.
fn because(rule: &Rule) -> String {
    rule.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"))
}

/// Returns how much a call adds to a limit's tally.
fn amount(limit: &Limit, call: &Call<'_>, work: &Work) -> Result<Amount, Denial> {
    let path = match &limit.amount {
        Adds::Fixed(amount) => return Ok(*amount),
        Adds::Argument(path) => path,
    };
    let number = path.find_one(call.arguments(), work).and_then(|value| value.number());
    number.and_then(|text| Amount::from_decimal(text).ok()).ok_or_else(|| {
        let reason = format!(
            "the limit `{}` counts `{path}`, which must be a number, not negative, with up to 6 decimals",
            limit.counter
        );
        Denial::by(limit.path.to_string(), Code::ArgumentsInvalid, reason)
    })
}

/// Quotes a name from the caller, shortened.
fn quoted(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(QUOTED).and_then(|(at, _)| name.get(..at)) {
        Some(short) => format!("`{short}…`").into(),
        None => format!("`{name}`").into(),
    }
}
