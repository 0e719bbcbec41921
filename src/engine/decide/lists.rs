//! What lists show: every element that the caller may be able to use.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::circumstances::Circumstances;
use super::condition::{self, Attributes};
use super::{Clock, definitions, layers, resources};
use crate::identity::Caller;
use crate::json::Value;
use crate::limit::{Store, Unavailable};
use crate::mcp::definition::DefinitionDigest;
use crate::mcp::list::ListKind;
use crate::policy::{Action, Effect, Mode, Pin, Policy, Rule, Rules};
use crate::work::{self, Work};

/// The units of work of one element, whatever its name is.
const ELEMENT: usize = 4;

/// The units of work of one pin: reading and writing what is known of it.
const PIN: usize = 40;

/// The most units that one digest may take. That suffices for a definition of some 500 kB; a larger one counts as changed.
const DEFINITION: usize = 1_000_000;

/// What a list has shown of a pinned tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'p> {
    /// The number of the pin
    pub number: usize,
    /// The pin
    pub pin: &'p Pin,
    /// The tool has another definition, or one without a digest
    pub changed: bool,
    /// The last list with the tool has shown something else
    pub is_news: bool,
}

/// Decides which elements of a list a caller sees. All elements share one budget of work.
#[derive(Debug)]
pub struct Lists<'e> {
    policy: &'e Policy,
    caller: &'e Caller,
    circumstances: Circumstances<'e>,
    work: Work,
    /// By the number of each pin whose tool was listed, whether it has another definition at least once
    listed: RefCell<BTreeMap<usize, bool>>,
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
        Self { policy, caller, circumstances, work, listed: RefCell::default() }
    }

    /// Returns whether a list keeps an element, whose key no other key repeats. It is removed if the list does not
    /// [show](Self::shows) its name, or if it is a tool with another definition than a rule for the caller has.
    #[must_use]
    pub fn keeps(&self, kind: ListKind, name: &str, element: Value<'_>) -> bool {
        let is_as_pinned = kind != ListKind::Tools || self.compare(name, element);
        self.shows(kind, name) && (is_as_pinned || self.policy.mode == Mode::Shadow)
    }

    /// Stores what the lists have shown of pinned tools, and returns it.
    ///
    /// # Errors
    /// [`Unavailable`] if it cannot be stored. Then the lists must not be shown.
    pub fn settle<S: Store + ?Sized>(&self, store: &S) -> Result<Vec<Listed<'e>>, Unavailable> {
        let listed = std::mem::take(&mut *self.listed.borrow_mut());
        let mut all = Vec::new();
        for (number, changed) in listed {
            let Some(pin) = self.policy.pins.get(number) else { continue };
            let is_news = definitions::note(store, pin, changed)?;
            all.push(Listed { number, pin, changed, is_news });
        }
        Ok(all)
    }

    /// Notes whether a tool is listed as it is pinned. Returns whether it is, as far as rules for the caller say.
    fn compare(&self, tool: &str, definition: Value<'_>) -> bool {
        if self.policy.pins.of_tool(tool).next().is_none() {
            return true;
        }
        // What the budget does not suffice for counts as changed, or calls of the tool would stay possible.
        let digest = match DefinitionDigest::work(definition).filter(|work| *work <= DEFINITION) {
            _ if self.work.is_exhausted() => None,
            Some(work) if !self.work.spend(work) => None,
            Some(_) => DefinitionDigest::of(definition),
            None => None,
        };
        let mut suffices = !self.work.is_exhausted();
        for (number, pin) in self.policy.pins.of_tool(tool) {
            suffices &= self.work.spend(PIN);
            *self.listed.borrow_mut().entry(number).or_default() |= !suffices || Some(pin.digest) != digest;
        }
        if !suffices {
            return false;
        }
        let fits = |rule: &Arc<Rule>| {
            rule.mode == Mode::Shadow || rule.definition.is_none() || rule.definition == digest
        };
        layers(self.policy, self.caller).all(|rules| {
            self.work.spend(work_of_element(rules, ListKind::Tools, tool))
                && rules.tools.get(tool).into_iter().flatten().all(fits)
        })
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
        let mut layers = layers(self.policy, self.caller);
        layers.all(|rules| self.may_use(rules, kind, name, &hides)) && !self.work.is_exhausted()
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
            Mode::Enforce if rule.has_conditions() => condition::hides(rule, attributes),
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
                (&rules.resources, behind.as_slice())
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
        ListKind::ResourceTemplates => rules.resources.work_of_all(name.len()),
    };
    found.saturating_add(ELEMENT)
}
