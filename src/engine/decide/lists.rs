//! What lists show: every element that the caller may be able to use.

mod asked;
mod listed;
mod pinned;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::circumstances::Circumstances;
use super::condition::{self, Attributes};
use super::{Clock, layers, resources};
use crate::identity::Caller;
use crate::mcp::list::{Element, ListKind};
use crate::mcp::name;
use crate::policy::{Action, Effect, Mode, Policy, Rule, Rules};
use crate::work::{self, Work};

pub use asked::Asked;
pub use listed::{Definition, Listed};
use pinned::{LONGEST_ID, Seen};

/// The units of work of one element, whatever its name is.
const ELEMENT: usize = 4;

/// Decides which elements of a list a caller sees. All elements share one budget of work.
#[derive(Debug)]
pub struct Lists<'e> {
    policy: &'e Policy,
    caller: &'e Caller,
    circumstances: Circumstances<'e>,
    work: Work,
    /// The request for tools that the lists answer
    asked: Option<&'e Asked>,
    /// What was seen of pins, by their numbers
    seen: RefCell<BTreeMap<usize, Seen>>,
    /// The tools of which an element cannot be read, by the numbers of their first pins
    missed: RefCell<BTreeSet<usize>>,
    /// Something cannot be read that may be any tool
    lost: Cell<bool>,
}

impl<'e> Lists<'e> {
    /// Prepares for the lists of one answer.
    #[must_use]
    pub fn new(policy: &'e Policy, caller: &'e Caller, clock: Clock<'e>) -> Self {
        Self::within(policy, caller, clock, Work::new(work::LISTED))
    }

    /// Prepares like [`Lists::new`], with the budget `work`.
    #[must_use]
    pub fn within(policy: &'e Policy, caller: &'e Caller, clock: Clock<'e>, work: Work) -> Self {
        let circumstances = Circumstances::new(policy, caller, clock);
        let (seen, missed, lost) = (RefCell::default(), RefCell::default(), Cell::default());
        Self { policy, caller, circumstances, work, asked: None, seen, missed, lost }
    }

    /// Lets the lists in messages with the id of this request open tools again. Other lists may be from earlier. They only
    /// show what has changed.
    #[must_use]
    pub fn answering(self, asked: Option<&'e Asked>) -> Self {
        Self { asked: asked.filter(|asked| asked.id.len() <= LONGEST_ID), ..self }
    }

    /// Returns whether a list keeps an element. It is removed if it cannot be read, if the list does not
    /// [show](Self::shows) its name, or if it is a tool with another definition than a rule for the caller has.
    #[must_use]
    pub fn keeps(&self, element: Element<'_>) -> bool {
        let Element { kind, name, value, .. } = element;
        let Some((name, value)) = name.zip(value) else {
            if kind == ListKind::Tools {
                self.miss(name);
            }
            return false;
        };
        let is_as_pinned = kind != ListKind::Tools || self.compare(name, value, element.id);
        self.shows(kind, name) && (is_as_pinned || self.policy.mode == Mode::Shadow)
    }

    /// Returns whether a list keeps the element of this name, whatever its definition is. An element that the caller can
    /// never use is removed, and so is one that the budget does not suffice for.
    #[must_use]
    pub fn shows(&self, kind: ListKind, name: &str) -> bool {
        if self.policy.mode == Mode::Shadow {
            return true;
        }
        let tool = Some(name).filter(|_| kind == ListKind::Tools);
        let attributes = Attributes { tool, ..self.circumstances.attributes(&self.work) };
        let hides = |rule: &Arc<Rule>| self.hides(rule, &attributes);
        if matches!(kind, ListKind::Tools | ListKind::Prompts) && !self.is_callable(name) {
            return false;
        }
        let mut layers = layers(self.policy, self.caller);
        layers.all(|rules| self.may_use(rules, kind, name, &hides)) && !self.work.is_exhausted()
    }

    /// Returns whether calls may have the name of a tool or a prompt.
    fn is_callable(&self, name: &str) -> bool {
        self.work.spend(name::work(name.len())) && name::unusable(name).is_none()
    }

    /// Returns whether elements were removed because the budget of work does not suffice for them.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.work.is_exhausted()
    }

    /// Returns whether a rule denies every call of the caller to an element.
    fn hides(&self, rule: &Rule, attributes: &Attributes<'_>) -> bool {
        match rule.mode {
            _ if !self.work.spend(1) => true,
            Mode::Shadow => false,
            Mode::Enforce if rule.may_hide() => condition::hides(rule, attributes),
            Mode::Enforce => rule.action == Action::Deny,
        }
    }

    /// Returns whether one set of rules lets the caller use an element.
    fn may_use(
        &self,
        rules: &Rules,
        kind: ListKind,
        name: &str,
        hides: &impl Fn(&Arc<Rule>) -> bool,
    ) -> bool {
        if !self.work.spend(work_of_element(rules, kind, name)) {
            return false;
        }
        let behind;
        let (entries, all) = match kind {
            ListKind::Tools if rules.hidden(name).is_some() => return false,
            ListKind::Tools => (&rules.tools, &*rules.all_tools),
            ListKind::Prompts => (&rules.prompts, [].as_slice()),
            ListKind::Resources if resources::obstacle(rules, name).is_some() => return false,
            ListKind::Resources => {
                behind = resources::rules_behind(rules, name);
                (rules.resources.section(), behind.as_slice())
            }
            ListKind::ResourceTemplates => return resources::may_use_template(rules, name, hides),
        };
        let own = entries.get(name);
        (own.is_some() || rules.default.0 == Effect::Allow)
            && !own.into_iter().flatten().chain(all).any(hides)
    }
}

/// Returns how many units of work it takes at most to find the entries that decide on an element.
fn work_of_element(rules: &Rules, kind: ListKind, name: &str) -> usize {
    let found = match kind {
        ListKind::Tools => {
            rules.tools.work_of_one(name.len()).saturating_add(rules.hide.work_of_one(name.len()))
        }
        ListKind::Prompts => rules.prompts.work_of_one(name.len()),
        ListKind::Resources => resources::work_of_one(rules, name),
        ListKind::ResourceTemplates => resources::work_of_template(rules, name),
    };
    found.saturating_add(ELEMENT)
}
