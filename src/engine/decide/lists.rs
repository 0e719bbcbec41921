//! What lists show: every element that the caller may be able to use.

mod asked;
mod listed;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::circumstances::Circumstances;
use super::condition::{self, Attributes};
use super::{Clock, definitions, layers, resources};
use crate::identity::Caller;
use crate::json::{self, Value, decimal};
use crate::limit::{Store, Unavailable};
use crate::mcp::definition::DefinitionDigest;
use crate::mcp::list::{Element, ListKind};
use crate::mcp::name;
use crate::policy::{Action, Effect, Mode, Policy, Rule, Rules};
use crate::work::{self, Work};
pub use asked::Asked;
pub use listed::{Definition, Listed};

/// The units of work of one element, whatever its name is.
const ELEMENT: usize = 4;

/// The units of work of one pin: reading and writing what is known of it.
const PIN: usize = 40;

/// The most units that one digest may take. That suffices for a definition of some 500 kB; a larger one counts as changed.
const DEFINITION: usize = 1_000_000;

/// The units of work of comparing ids that are written differently.
const ID: usize = 60;

/// The longest id that is compared, in bytes. A list with a longer one opens no tool.
const LONGEST_ID: usize = 256;

/// What was seen of a pin.
#[derive(Debug, Clone, Copy)]
struct Seen {
    definition: Definition,
    /// It stands in the answer to a request for the tools
    answers: bool,
}

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

    /// Notes that a list of tools, or something in it, cannot be read. It may be any tool, so it counts for each pinned one
    /// that is not shown as it is pinned.
    pub fn lose(&self) {
        self.lost.set(true);
    }

    /// Stores what the lists have shown of pinned tools, and passes it on.
    ///
    /// # Errors
    /// [`Unavailable`] if something of it cannot be stored. Then the lists must not be shown.
    pub fn settle<S: Store + ?Sized>(
        &self,
        store: &S,
        report: &mut dyn FnMut(&Listed<'e>),
    ) -> Result<(), Unavailable> {
        let mut seen = std::mem::take(&mut *self.seen.borrow_mut());
        self.missed.borrow_mut().clear();
        if self.lost.take() {
            for (number, _) in self.policy.pins.iter().enumerate() {
                seen.entry(number).or_insert(Seen { definition: Definition::Unread, answers: false });
            }
        }
        let pins = &self.policy.pins;
        let is_changed = |seen: &Seen| seen.definition != Definition::Pinned;
        // Everything that these lists show counts as one change.
        let change = seen.values().any(is_changed).then(|| definitions::count_change(store, pins)).flatten();
        let mut stored = Ok(());
        for (number, seen) in seen {
            let Some(pin) = pins.get(number) else { continue };
            let noted = match self.asked {
                _ if is_changed(&seen) => definitions::close(store, pin, change),
                Some(asked) if seen.answers => definitions::open(store, pins, pin, asked.changes),
                _ => continue,
            };
            // A failure must not keep other tools open.
            match noted {
                Ok(is_news) => report(&Listed { number, pin, definition: seen.definition, is_news }),
                Err(Unavailable) => stored = Err(Unavailable),
            }
        }
        stored
    }

    /// Notes that an element that is no more than a name, if that, cannot be read.
    fn miss(&self, name: Option<&str>) {
        let Some(tool) = name else { return self.lose() };
        let mut pins = self.policy.pins.of_tool(tool).peekable();
        // Once is enough, however often a list has the tool.
        if !pins.peek().is_some_and(|(first, _)| self.missed.borrow_mut().insert(*first)) {
            return;
        }
        for (number, _) in pins {
            // What the budget does not suffice for is noted all the same.
            let _ = self.work.spend(PIN);
            self.see(number, Seen { definition: Definition::Unread, answers: false });
        }
    }

    fn see(&self, number: usize, new: Seen) {
        let mut all = self.seen.borrow_mut();
        let seen = all.entry(number).or_insert(new);
        seen.definition = seen.definition.max(new.definition);
        seen.answers |= new.answers;
    }

    /// Notes whether a tool is listed as it is pinned. Returns whether it is, as far as rules for the caller say.
    fn compare(&self, tool: &str, definition: Value<'_>, id: Option<Value<'_>>) -> bool {
        if self.policy.pins.of_tool(tool).next().is_none() {
            return true;
        }
        // What the budget does not suffice for counts as changed, or calls of the tool would stay possible.
        if self.work.is_exhausted() {
            self.miss(Some(tool));
            return false;
        }
        let digest = match DefinitionDigest::work(definition).filter(|work| *work <= DEFINITION) {
            Some(work) if !self.work.spend(work) => None,
            Some(_) => DefinitionDigest::of(definition).ok(),
            None => None,
        };
        let answers = self.is_answer(id);
        let mut suffices = !self.work.is_exhausted();
        for (number, pin) in self.policy.pins.of_tool(tool) {
            suffices &= self.work.spend(PIN);
            let definition = match digest {
                _ if !suffices => Definition::Unread,
                Some(digest) if digest == pin.digest => Definition::Pinned,
                _ => Definition::Other,
            };
            self.see(number, Seen { definition, answers });
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

    /// Returns whether a message with this id answers the request for the tools.
    fn is_answer(&self, id: Option<Value<'_>>) -> bool {
        let Some((asked, id)) = self.asked.zip(id) else { return false };
        if id.raw() == asked.id {
            return true;
        }
        // A server can write it in another way.
        let is_short = id.raw().len() <= LONGEST_ID && self.work.spend(ID);
        let Ok(asked) = json::read(asked.id.as_bytes()) else { return false };
        let asked = asked.root();
        let numbers = || asked.number().zip(id.number());
        is_short
            && match asked.string().zip(id.string()) {
                Some((asked, id)) => asked == id,
                None => numbers().is_some_and(|(asked, id)| decimal::compare(asked, id).is_eq()),
            }
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

#[cfg(test)]
mod tests;
