//! Applies the rules of a policy to one call. Pure.
//!
//! Limits are not checked here, because only the store knows how much room they have. A [`Decision`] lists
//! what to charge, and [`crate::guard`] charges it.

mod apply;
mod circumstances;
pub mod condition;
pub mod definitions;
mod digest;
mod limits;
mod lists;
mod mirrored;
pub mod resources;

use std::borrow::Cow;
use std::sync::Arc;

use apply::Budgets;
use circumstances::Circumstances;
use condition::Attributes;
pub use digest::digest;
pub use limits::Due;
pub use lists::{Asked, Definition, Listed, Lists};

use crate::denial::{Code, Denial};
use crate::identity::Caller;
use crate::mcp::message::{Call, Target};
use crate::policy::{Policy, Rule, Rules};
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
    /// What to charge for rules in shadow mode, if nothing refuses the call or would refuse it. A limit without
    /// room does not refuse the call here
    pub shadow_charges: Vec<Due>,
    /// The rules that pin the tool's definition
    pub(crate) pinned: Vec<definitions::Pinned>,
}

/// Gives the time in nanoseconds since the Unix epoch, or `None` if the host has no clock. It is asked only if a rule needs
/// the time.
pub type Clock<'e> = &'e dyn Fn() -> Option<u64>;

/// Decides on a request or notification. It must pass the document's rules and then the rules of its grant.
#[must_use]
pub fn decide(policy: &Policy, caller: &Caller, call: &Call<'_>, clock: Clock<'_>) -> Decision {
    decide_within(policy, caller, call, clock, &Work::new(work::ENFORCED), &Work::new(work::SHADOW))
}

/// Decides like [`decide`], and spends the budgets `work`, for rules that are enforced, and `shadow`, for rules in shadow
/// mode.
#[must_use]
pub fn decide_within(
    policy: &Policy,
    caller: &Caller,
    call: &Call<'_>,
    clock: Clock<'_>,
    work: &Work,
    shadow: &Work,
) -> Decision {
    let mut decision = Decision::default();
    if !layers(policy, caller).all(|rules| work.spend(work_of_entries(rules, call))) {
        let reason = "this name or URI takes more work to judge than one request may cause";
        let rule = policy.rules.default.1.to_string();
        decision.denial = Some(Denial::by(rule, Code::ArgumentsInvalid, reason).because_of(work::CAUSE));
        return decision;
    }
    if let Target::Tool(name) = &call.target
        && let Some(path) = layers(policy, caller).find_map(|rules| rules.hidden(name))
    {
        let reason = format!("unknown tool: {}", quoted(name));
        decision.denial = Some(Denial::by(path.to_owned(), Code::Hidden, reason));
        return decision;
    }
    let tool = match &call.target {
        Target::Tool(name) => Some(&**name),
        _ => None,
    };
    let circumstances = Circumstances::new(policy, caller, clock);
    let (arguments, any_arguments) = (call.arguments(), false);
    let attributes = Attributes { arguments, any_arguments, tool, ..circumstances.attributes(work) };
    let budgets = Budgets { enforced: attributes, shadow: Attributes { work: shadow, ..attributes } };
    decision.apply_rules(&policy.rules, None, call, &budgets);
    if let Some(grant) = caller.grant(policy) {
        decision.apply_rules(&grant.rules, Some(&grant.name), call, &budgets);
    }
    if let Target::Resources(uris) = &call.target
        && uris.len() > 1
    {
        limits::combine(&mut decision.charges);
        limits::combine(&mut decision.shadow_charges);
    }
    if policy.shared_limits.is_some() {
        decision.refuse_uncountable(policy);
    }
    decision
}

/// Returns the sets of rules that a caller must pass: the document's, then the grant's.
pub fn layers<'p>(policy: &'p Policy, caller: &Caller) -> impl Iterator<Item = &'p Rules> + use<'p> {
    std::iter::once(&policy.rules).chain(caller.grant(policy).map(|grant| &grant.rules))
}

/// Returns the rules that apply to a call of this caller, those of the document first. A rule with `when` is among
/// them whether its conditions hold or not.
#[must_use]
pub fn rules_of(policy: &Policy, caller: &Caller, target: &Target<'_>) -> Vec<Arc<Rule>> {
    let mut found: Vec<Arc<Rule>> = Vec::new();
    for rules in layers(policy, caller) {
        match target {
            Target::Tool(name) => {
                found.extend(rules.tools.get(name).into_iter().flatten().chain(&rules.all_tools).cloned());
            }
            Target::Prompt(name) => found.extend(rules.prompts.get(name).into_iter().flatten().cloned()),
            Target::Resources(uris) => {
                for uri in uris {
                    found.extend(rules.resources.section().get(uri).into_iter().flatten().cloned());
                    found.extend(resources::rules_behind(rules, uri));
                }
            }
            Target::Session | Target::Unknown => {}
        }
    }
    found
}

/// Returns how many units of work it takes at most to find the entries that decide on a call.
fn work_of_entries(rules: &Rules, call: &Call<'_>) -> usize {
    match &call.target {
        Target::Tool(name) => rules.tools.work(name.len()).saturating_add(rules.hide.work(name.len())),
        Target::Prompt(name) => rules.prompts.work(name.len()),
        Target::Resources(uris) => {
            uris.iter().map(|uri| resources::work(rules, uri)).fold(0, usize::saturating_add)
        }
        Target::Session | Target::Unknown => rules.methods.work(&call.method),
    }
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

impl Decision {
    /// Refuses a call that adds to a shared limit what the rate limit service cannot count.
    fn refuse_uncountable(&mut self, policy: &Policy) {
        for shadow in [false, true] {
            let charges = if shadow { &self.shadow_charges } else { &self.charges };
            if let Some(denial) = limits::uncountable(policy, charges) {
                self.refuse(shadow, denial);
            }
        }
    }

    /// Turns the whole decision into what shadow mode reports: nothing refuses the call, and nobody is asked. A
    /// call that would be refused charges nothing.
    pub fn shadow(&mut self, method: &str, target: &Target<'_>) {
        if let Some(rule) = self.approval.take() {
            self.denial.get_or_insert_with(|| needs_approval(&rule, &describe_target(method, target)));
        }
        if self.denial.is_some() {
            self.charges.clear();
        }
        self.shadow_denial();
    }

    /// Returns roughly how many bytes of memory the charges and the pins take.
    #[must_use]
    pub fn size(&self) -> usize {
        let charges = self.charges.iter().chain(&self.shadow_charges).map(Due::size);
        charges.chain(self.pinned.iter().map(definitions::Pinned::size)).fold(0, usize::saturating_add)
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

/// Quotes a name from the caller, shortened.
fn quoted(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(QUOTED).and_then(|(at, _)| name.get(..at)) {
        Some(short) => format!("`{short}…`").into(),
        None => format!("`{name}`").into(),
    }
}
