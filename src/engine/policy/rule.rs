//! Rules.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::clause::{Clause, clauses};
use super::condition::{Condition, reason};
use super::keys;
use super::limit::{self, Counters};
use super::words::{ACTIONS, MODES};
use super::{Action, Mode, Rule};
use crate::document::{Fault, Faults, Fields, InRule, Keys, Part, Wrong};
use crate::json::Value;
use crate::json::canonical::Canonical;
use crate::mcp::definition::DefinitionDigest;
use crate::schema::Schema;

/// The SHA-256 of what a document says about a rule. It is opaque: rules that mean the same can differ in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RuleDigest([u8; 32]);

impl RuleDigest {
    /// Returns its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RuleDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("RuleDigest")
    }
}

/// What is known across the rules of one document while they are read.
#[derive(Default)]
pub(super) struct Reading {
    pub counters: Counters,
    /// The named rules. `None` stands for one that has a fault.
    pub named: BTreeMap<String, Option<Arc<Rule>>>,
    /// A fault for each rule that needs an approval. They count only if the document has no `approvals`.
    pub unasked: Vec<Fault>,
    /// The names of the sources of identity; `None` if they have faults of their own
    pub sources: Option<Vec<String>>,
    /// The document's time zone, as it is written
    pub zone: String,
    /// Whether rules need digests: only what asks for approvals needs them
    pub digests: bool,
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
        reading.unasked.push(Fault { place: part.place(), path: part.path, of_key: false, wrong });
    }
    let reason = reason(&mut fields, keys::Rule::Reason, keys::Rule::OnDeny, faults);
    let mode = mode(&mut fields, keys::Rule::Mode, faults);
    let sources = reading.sources.as_deref();
    let when = clauses(fields.list(keys::Rule::When, faults), sources, faults);
    let definition = fields.take(keys::Rule::Definition);
    if let Some(part) = definition.as_ref().filter(|_| !when.is_empty()) {
        faults.add_key(part, InRule::DefinitionOfSome);
    }
    let definition = definition.and_then(|part| definition_digest(&part, faults));
    let arguments = fields.take(keys::Rule::Arguments).and_then(|part| Schema::load(&part, faults));
    let require = clauses(fields.list(keys::Rule::Require, faults), sources, faults);
    let deny_if = clauses(fields.list(keys::Rule::DenyIf, faults), sources, faults);
    let of = limit::Of { name, reason: reason.as_deref(), mode, arguments: arguments.as_ref() };
    let limits = limit::limits(&mut fields, of, &mut reading.counters, faults);
    fields.close(faults);
    if !when.is_empty() && !restricts(part) {
        faults.add(part, InRule::RestrictsNothing);
    }
    let clauses = [&when, &require, &deny_if].into_iter().flatten();
    let reads_time = clauses.flat_map(Clause::conditions).any(Condition::reads_time);
    let zone = if reads_time { reading.zone.as_str() } else { "" };
    let digest = reading.digests.then(|| digest(part, [name, zone]));
    let path = path.to_string().into();
    Some(Rule { path, digest, action, reason, mode, when, definition, arguments, require, deny_if, limits })
}

fn definition_digest(part: &Part<'_>, faults: &mut Faults) -> Option<DefinitionDigest> {
    let read = part.value.string().and_then(|text| DefinitionDigest::parse(&text));
    faults.fit(part, read, &keys::DEFINITION)
}

/// The keys of a rule that never restrict. All other keys can, so a new key needs no entry here to count.
const NEVER_RESTRICT: [&str; 4] = ["reason", "on_deny", "mode", "when"];

/// Returns whether a rule has a key that restricts, valid or not.
fn restricts(part: &Part<'_>) -> bool {
    let nothing = |value: Value<'_>| {
        value.string().as_deref() == Some("allow") || value.is_array() && value.elements().next().is_none()
    };
    let mut others = part.members().filter(|(key, _)| !NEVER_RESTRICT.contains(&&**key));
    others.any(|(_, part)| !nothing(part.value))
}

/// Returns the SHA-256 of a rule as the document has it, and of what its meaning depends on: the name by
/// which it was read, and the time zone if it asks for the time. The notation of the document does not
/// matter.
fn digest(part: &Part<'_>, [name, zone]: [&str; 2]) -> RuleDigest {
    let form = Canonical::of(part.value);
    // Of the texts that have one form only an exact one is the form itself.
    let text = if form.is_exact() { form.into_text() } else { part.value.raw().to_owned() };
    let mut hash = Sha256::new();
    for text in [name, zone, &text] {
        hash.update(text.len().to_string());
        hash.update(":");
        hash.update(text);
    }
    RuleDigest(hash.finalize().into())
}
