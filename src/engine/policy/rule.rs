//! Rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::conditions;
use super::keys;
use super::limit::{self, Counters};
use super::words::{ACTIONS, MODES};
use super::{Action, Mode, Rule};
use crate::document::{Fault, Faults, Fields, InRule, Keys, Part, Wrong};
use crate::schema::Schema;

/// What is known across the rules of one document while they are read.
#[derive(Default)]
pub(super) struct Reading {
    pub counters: Counters,
    /// The named rules. `None` stands for one that has a fault.
    pub named: BTreeMap<String, Option<Arc<Rule>>>,
    /// A fault for each rule that needs an approval. They count only if the document has no `approvals`.
    pub unasked: Vec<Fault>,
}

/// Reads the mode of a document or of a rule.
pub(super) fn mode<K: Keys>(fields: &mut Fields<'_, K>, key: K, faults: &mut Faults) -> Mode {
    fields.word(key, &MODES, Mode::default(), faults).unwrap_or_default()
}

/// Reads a rule. `name` is that of its entry, or its own.
pub(super) fn rule(part: &Part<'_>, name: &str, reading: &mut Reading, faults: &mut Faults) -> Option<Rule> {
    let path = &part.path;
    let mut fields = Fields::<keys::Rule>::open(part, faults)?;
    let action = fields.word(keys::Rule::Action, &ACTIONS, Action::default(), faults).unwrap_or_default();
    if let (Action::RequireApproval, Some(part)) = (action, fields.take(keys::Rule::Action)) {
        let wrong = Wrong::Rule(InRule::NobodyToAsk);
        reading.unasked.push(Fault { place: part.place(), path: part.path, wrong });
    }
    let reason = fields.text(keys::Rule::Reason, faults);
    let mode = mode(&mut fields, keys::Rule::Mode, faults);
    let arguments = fields.take(keys::Rule::Arguments).and_then(|part| Schema::load(&part, faults));
    let require = conditions(fields.list(keys::Rule::Require, faults), faults);
    let deny_if = conditions(fields.list(keys::Rule::DenyIf, faults), faults);
    let limits = limit::limits(&mut fields, name, reason.as_deref(), &mut reading.counters, faults);
    fields.close(faults);
    Some(Rule { path: path.to_string().into(), action, reason, mode, arguments, require, deny_if, limits })
}
