//! The limits of a rule, and the counters that they name.

mod model;
mod shared;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys;
use super::words::{KINDS, SCOPES};
use super::{Mode, ValuePath};
use crate::document::{Faults, Fields, InRule, Part, Path};
use crate::limit::{Amount, Kind, Window};
use crate::schema::Schema;
pub use model::{Adds, Limit, Scope};
use shared::{Fineness, Maximum};
use value::{amount, by, positive, window};

/// How every counter was defined first, and where.
#[derive(Default)]
pub struct Counters {
    known: BTreeMap<String, Known>,
    count: usize,
    /// Whether the document says where shared limits are counted
    has_service: bool,
    /// The maximums of shared limits
    maximums: Vec<Maximum>,
}

/// What all limits of a counter agree on.
#[derive(Clone, PartialEq, Eq)]
struct Definition {
    window: Window,
    scope: Scope,
    by: Option<ValuePath>,
    shared: bool,
}

/// A counter that is known.
struct Known {
    definition: Definition,
    /// Where the counter was defined first
    path: Path,
    /// Its number, for rules that have effect and for those in shadow mode
    numbers: [Option<usize>; 2],
    /// How finely it is counted if it is shared
    fineness: Option<Fineness>,
}

impl Counters {
    /// Returns how many counters there are. One that rules in both modes name is two: they count apart.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of the counter of this name, and notes a fault where it was defined in another way.
    fn define(
        &mut self,
        counter: &str,
        definition: &Definition,
        mode: Mode,
        part: &Part<'_>,
        faults: &mut Faults,
    ) -> usize {
        let Self { known, count, .. } = self;
        let known = known.entry(counter.to_owned()).or_insert_with(|| Known {
            definition: definition.clone(),
            path: part.path.clone(),
            numbers: [None; 2],
            fineness: None,
        });
        let Definition { window, scope, by, shared } = &known.definition;
        let differs = [
            ("window", window.seconds() != definition.window.seconds()),
            ("scope", *scope != definition.scope),
            ("type", window.kind() != definition.window.kind()),
            ("by", *by != definition.by),
            ("value of `shared`", *shared != definition.shared),
        ];
        for (on, _) in differs.iter().filter(|(_, differs)| *differs) {
            let first = known.path.clone();
            faults.add(part, InRule::Disagrees { counter: counter.to_owned(), on, first });
        }
        let [effective, without_effect] = &mut known.numbers;
        let number = match mode {
            Mode::Enforce => effective,
            Mode::Shadow => without_effect,
        };
        *number.get_or_insert_with(|| {
            let next = *count;
            *count = count.saturating_add(1);
            next
        })
    }
}

/// What the limits of one rule have in common.
#[derive(Clone, Copy)]
pub(super) struct Of<'r> {
    /// The name of the rule's entry
    pub name: &'r str,
    /// What the caller of a refused call is told
    pub reason: Option<&'r str>,
    /// Whether the rule has effect
    pub mode: Mode,
    /// What the arguments of its calls must be
    pub arguments: Option<&'r Schema>,
}

impl Of<'_> {
    /// Makes the rule's limit that stands at `part`, of the counter with this name and number.
    fn limit(
        self,
        part: &Part<'_>,
        (counter, number): (String, usize),
        definition: Definition,
        max: Amount,
        amount: Adds,
    ) -> Limit {
        let Definition { window, scope, by, shared } = definition;
        Limit {
            path: part.path.to_string().into(),
            reason: self.reason.map(str::to_owned),
            counter,
            number,
            window,
            max,
            scope,
            by,
            amount,
            shared,
            shadow: self.mode == Mode::Shadow,
        }
    }
}

/// Reads the limits of a rule: its `limits` and its `rate_limit`.
pub(super) fn limits(
    fields: &mut Fields<'_, keys::Rule>,
    rule: Of<'_>,
    counters: &mut Counters,
    faults: &mut Faults,
) -> Vec<Arc<Limit>> {
    let mut read: Vec<Arc<Limit>> = Vec::new();
    for part in fields.list(keys::Rule::Limits, faults) {
        if let Some(limit) = limit(&part, rule, counters, faults) {
            refuse_other_amount(&read, &limit, &part, faults);
            read.push(Arc::new(limit));
        }
    }
    if let Some(part) = fields.take(keys::Rule::RateLimit)
        && let Some(limit) = rate_limit(&part, rule, counters, faults)
    {
        refuse_other_amount(&read, &limit, &part, faults);
        read.push(Arc::new(limit));
    }
    read
}

/// Notes a fault if another limit of the rule adds another amount to the same counter. A call charges a
/// counter once, so one of the two amounts would not be counted.
fn refuse_other_amount(earlier: &[Arc<Limit>], limit: &Limit, part: &Part<'_>, faults: &mut Faults) {
    let same = |other: &&Arc<Limit>| other.counter == limit.counter && other.amount != limit.amount;
    if let Some(other) = earlier.iter().find(same) {
        let (counter, first) = (limit.counter.clone(), other.path.to_string());
        faults.add(part, InRule::OtherAmount { counter, first });
    }
}

fn limit(part: &Part<'_>, rule: Of<'_>, counters: &mut Counters, faults: &mut Faults) -> Option<Limit> {
    let mut fields = Fields::<keys::Limit>::open(part, faults)?;
    let counter = fields.name(keys::Limit::Counter, faults);
    let seconds = fields.need(keys::Limit::Window, faults).and_then(|part| window(&part, faults));
    let most = fields.need(keys::Limit::Max, faults);
    let max = most.as_ref().and_then(|part| positive(part, faults));
    let scope = fields.word(keys::Limit::Scope, &SCOPES, Scope::default(), faults);
    let by = match fields.take(keys::Limit::By) {
        None => Some(None),
        Some(part) => by(&part, faults).map(Some),
    };
    let amount = match fields.take(keys::Limit::Amount) {
        None => Some(Adds::Fixed(Amount::ONE)),
        Some(part) => amount(&part, faults),
    };
    let kind = fields.word(keys::Limit::Type, &KINDS, Kind::Sliding, faults);
    let shared = shared::shared(&mut fields, counters.has_service, faults);
    fields.close(faults);
    if let (Some(part), Some(max), Some(Adds::Fixed(adds))) = (&most, max, &amount) {
        refuse_too_small(part, max, *adds, faults);
    }
    let window = Window::new(seconds?, kind?)?;
    let definition = Definition { window, scope: scope?, by: by?, shared: shared? };
    let counter = counter?;
    let number = counters.define(&counter, &definition, rule.mode, part, faults);
    let (max, amount) = (max?, amount?);
    if let Some(most) = most.filter(|_| definition.shared) {
        counters.share(&counter, (max, &most), &amount, rule, &part.path);
    }
    Some(rule.limit(part, (counter, number), definition, max, amount))
}

/// Reads `{"max", "window"}`: a limit of each session, whose counter has the entry's name.
fn rate_limit(part: &Part<'_>, rule: Of<'_>, counters: &mut Counters, faults: &mut Faults) -> Option<Limit> {
    let mut fields = Fields::<keys::RateLimit>::open(part, faults)?;
    let most = fields.need(keys::RateLimit::Max, faults);
    let max = most.as_ref().and_then(|part| positive(part, faults));
    let seconds = fields.need(keys::RateLimit::Window, faults).and_then(|part| window(&part, faults));
    fields.close(faults);
    if let (Some(part), Some(max)) = (most, max) {
        refuse_too_small(&part, max, Amount::ONE, faults);
    }
    let window = Window::new(seconds?, Kind::Sliding)?;
    let definition = Definition { window, scope: Scope::Session, by: None, shared: false };
    let number = counters.define(rule.name, &definition, rule.mode, part, faults);
    Some(rule.limit(part, (rule.name.to_owned(), number), definition, max?, Adds::Fixed(Amount::ONE)))
}

/// Notes a fault if `max` has no room for what each call adds.
fn refuse_too_small(part: &Part<'_>, max: Amount, adds: Amount, faults: &mut Faults) {
    if max < adds {
        faults.add(part, InRule::NoRoom { adds, max });
    }
}
