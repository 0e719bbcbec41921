//! What lists show of pinned tools.

use std::sync::Arc;

use super::{Definition, Listed, Lists, work_of_element};
use crate::decide::{definitions, layers};
use crate::json::{self, Value, decimal};
use crate::limit::{Store, Unavailable};
use crate::mcp::definition::DefinitionDigest;
use crate::mcp::list::ListKind;
use crate::policy::{Mode, Rule};

/// The units of work of one pin: reading and writing what is known of it.
const PIN: usize = 80;

/// The most units that one digest may take. That suffices for a definition of some 500 kB; a larger one counts as changed.
const DEFINITION: usize = 1_000_000;

/// The units of work of comparing ids that are written differently.
const ID: usize = 60;

/// The longest id that is compared, in bytes. A list with a longer one opens no tool.
pub(super) const LONGEST_ID: usize = 256;

/// What was seen of a pin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    definition: Definition,
    /// It stands in the answer to a request for the tools
    answers: bool,
}

impl<'e> Lists<'e> {
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
    pub(super) fn miss(&self, name: Option<&str>) {
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
    pub(super) fn compare(&self, tool: &str, definition: Value<'_>, id: Option<Value<'_>>) -> bool {
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
}

#[cfg(test)]
mod tests;
