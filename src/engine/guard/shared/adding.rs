//! Makes the question of a case from its limits.

use super::SharedDue;
use crate::decide::Due;
use crate::denial::Denial;
use crate::guard::facts::Facts;
use crate::guard::refusal::{self, Left};
use crate::guard::{Request, charge};
use crate::rate_limit::{Descriptor, Tallies, Tally, Unit};

/// The limits of a case, while the descriptors of their tallies are collected.
pub(super) struct Adding<'r> {
    pub request: &'r Request,
    /// The names that the worker keeps
    pub tallies: Option<&'r Tallies>,
    pub dues: Vec<SharedDue>,
    pub descriptors: Vec<Descriptor>,
}

impl Adding<'_> {
    /// Adds limits, and the descriptors of their tallies. A tally is charged once, with the largest amount, and the
    /// smallest maximum decides.
    ///
    /// # Errors
    /// The denial if the call alone is more than a limit allows.
    pub fn add(&mut self, dues: Vec<Due>, facts: &Facts<'_>) -> Result<(), Denial> {
        let Self { request, tallies, .. } = *self;
        let policy = &request.policy;
        let principal = request.caller.principal_key(policy);
        let first = self.dues.len();
        for due in dues {
            let scale = policy.scale(&due.limit);
            let (counter, scope) = charge::counter(request, principal.as_deref(), &due);
            let name = match tallies {
                Some(tallies) => tallies.name(&counter, scale, due.limit.number, request.caller.grant),
                None => Tally::new(&counter, scale),
            };
            // The loader and the decision ensure that all of these exist.
            let sent = scale.hits(due.limit.max).zip(scale.hits(due.amount)).zip(Unit::of(due.limit.window));
            let ((most, adds), unit) = sent.ok_or_else(|| charge::unavailable(&due))?;
            let tally = self.charge(Descriptor { tally: name, most, unit, adds, charges: true });
            self.dues.push(SharedDue { due, scope, tally });
        }
        let alone = self.dues.iter().skip(first).find(|shared| self.exceeds_alone(shared));
        alone.map_or(Ok(()), |SharedDue { due, .. }| {
            Err(refusal::used_up(&due.limit, Left::of_call(&due.limit), facts, None))
        })
    }

    /// Charges a tally, and returns the index of its descriptor.
    fn charge(&mut self, new: Descriptor) -> usize {
        let known = self.descriptors.iter().position(|descriptor| descriptor.tally == new.tally);
        let index = known.unwrap_or(self.descriptors.len());
        match self.descriptors.get_mut(index) {
            Some(descriptor) => {
                descriptor.most = descriptor.most.min(new.most);
                descriptor.adds = descriptor.adds.max(new.adds);
            }
            None => self.descriptors.push(new),
        }
        index
    }

    /// Returns whether the call alone is more than this limit allows, which is the smallest of its tally.
    fn exceeds_alone(&self, shared: &SharedDue) -> bool {
        let limit = &shared.due.limit;
        self.descriptors.get(shared.tally).is_some_and(|descriptor| {
            descriptor.adds > descriptor.most
                && self.request.policy.scale(limit).hits(limit.max) == Some(descriptor.most)
        })
    }
}
