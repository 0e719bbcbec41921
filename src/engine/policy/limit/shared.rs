//! Limits that the rate limit service counts for all proxies.
//!
//! The service counts whole hits of 32 bits, in fixed windows. So the limits of one counter agree on one scale,
//! the finest that any of them can need, and a limit that does not fit is a fault.

use std::ops::Range;

use super::{Counters, Of};
use crate::document::{Fault, Faults, Fields, InRule, Part, Path, Wrong, meaning};
use crate::limit::{Amount, Kind, Scale};
use crate::policy::words::{KINDS, SCOPES, WINDOWS};
use crate::policy::{Adds, Scope, Step, ValuePath, keys};

/// How finely a counter is counted, and why.
#[derive(Clone)]
pub(super) struct Fineness {
    scale: Scale,
    /// The path of the limit that needs it
    at: Path,
    /// The argument whose decimals nothing bounds, if that is why
    unbounded: Option<String>,
}

/// The maximum of a shared limit, to be compared with the scale of its counter.
pub(super) struct Maximum {
    counter: String,
    max: Amount,
    path: Path,
    place: Option<Range<usize>>,
}

/// Reads whether a limit is shared, and notes faults where it cannot be.
pub(super) fn shared(
    fields: &mut Fields<'_, keys::Limit>,
    has_service: bool,
    faults: &mut Faults,
) -> Option<bool> {
    let Some(part) = fields.take(keys::Limit::Shared) else { return Some(false) };
    let flag = match part.value.raw() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let shared = faults.fit(&part, flag, &keys::SHARED)?;
    if shared {
        if !has_service {
            faults.add(&part, InRule::NoService);
        }
        refuse_unshareable(fields.part(), &part, faults);
    }
    Some(shared)
}

const NOT_CALENDAR: &str =
    "needs `\"type\": \"calendar\"` beside it, because the rate limit service has no sliding windows";
const SLIDING: &str =
    "must be `calendar` for a shared limit, because the rate limit service has no sliding windows";
const WINDOW: &str = "must be `second`, `minute`, `hour` or `day` for a shared limit, the rate limit service has no other windows";
const SESSION: &str = "must be `grant`, `principal` or `global` for a shared limit";

/// Notes what the service cannot count: sliding windows, windows of other lengths, and sessions.
fn refuse_unshareable(limit: &Part<'_>, flag: &Part<'_>, faults: &mut Faults) {
    let mut refuse = |part: &Part<'_>, told| faults.add(part, InRule::Unshareable { told });
    // What is no valid value is another fault.
    let kind = limit.member("type");
    match kind.as_ref().map(|part| (part, meaning(part, &KINDS))) {
        None => {
            refuse(flag, NOT_CALENDAR);
        }
        Some((part, Some(Kind::Sliding))) => {
            refuse(part, SLIDING);
        }
        Some(_) => {}
    }
    if let Some(part) = limit.member("window")
        && let Some(seconds) = meaning(&part, &WINDOWS).or_else(|| part.whole())
        && !WINDOWS.iter().any(|(_, known)| *known == seconds)
    {
        refuse(&part, WINDOW);
    }
    if let Some(part) = limit.member("scope")
        && meaning(&part, &SCOPES) == Some(Scope::Session)
    {
        refuse(&part, SESSION);
    }
}

impl Counters {
    /// Makes an empty collection. `has_service` tells whether the document says where shared limits are counted.
    pub fn new(has_service: bool) -> Self {
        Self { has_service, ..Self::default() }
    }

    /// Notes that a limit with this maximum is shared; `most` is the part of the document that has it.
    pub(super) fn share(
        &mut self,
        counter: &str,
        (max, most): (Amount, &Part<'_>),
        amount: &Adds,
        rule: Of<'_>,
        limit: &Path,
    ) {
        let (path, place) = (most.path.clone(), most.place());
        self.maximums.push(Maximum { counter: counter.to_owned(), max, path, place });
        let mut needs = amounts(amount, rule, limit);
        needs.scale = needs.scale.max(Scale::of(max));
        let Some(known) = self.known.get_mut(counter) else { return };
        match &known.fineness {
            Some(finest) if finest.scale >= needs.scale => {}
            _ => known.fineness = Some(needs),
        }
    }

    /// Returns the scale of each counter by its number, and notes a fault for each maximum that does not fit.
    pub fn scales(&self, faults: &mut Faults) -> Box<[Scale]> {
        for Maximum { counter, max, path, place } in &self.maximums {
            let finest = self.known.get(counter).and_then(|known| known.fineness.as_ref());
            let Some(Fineness { scale, at, unbounded }) = finest else { continue };
            if scale.hits(*max).is_none() {
                let wrong = Wrong::Rule(InRule::TooManyHits {
                    most: scale.most(),
                    hit: scale.hit(),
                    finest: at.to_string(),
                    unbounded: unbounded.clone(),
                });
                faults.push(Fault { path: path.clone(), place: place.clone(), of_key: false, wrong });
            }
        }
        let mut scales = vec![Scale::FINEST; self.count];
        for known in self.known.values() {
            for number in known.numbers.into_iter().flatten() {
                if let (Some(scale), Some(finest)) = (scales.get_mut(number), &known.fineness) {
                    *scale = finest.scale;
                }
            }
        }
        scales.into()
    }
}

/// Returns how fine the amounts are that a limit adds, as far as its rule tells.
fn amounts(amount: &Adds, rule: Of<'_>, limit: &Path) -> Fineness {
    let at = limit.clone();
    let paths = match amount {
        Adds::Fixed(amount) => return Fineness { scale: Scale::of(*amount), at, unbounded: None },
        Adds::Arguments(paths) => paths,
    };
    let mut scale = Scale::default();
    for path in paths {
        match rule.arguments.and_then(|schema| schema.scale(&steps(path))) {
            Some(known) => scale = scale.max(known),
            None => {
                let unbounded = Some(path.as_str().to_owned());
                return Fineness { scale: Scale::FINEST, at, unbounded };
            }
        }
    }
    Fineness { scale, at, unbounded: None }
}

fn steps(path: &ValuePath) -> Vec<Option<&str>> {
    let steps = path.steps().iter().map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) | Step::Each => None,
    });
    steps.collect()
}
