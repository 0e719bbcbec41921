//! Schemas that are made of others: `anyOf`, `oneOf`, `not` and `if`.

use std::sync::Arc;

use super::{Check, Constraint, Fit, Mismatch, Subject, Types, apply};
use crate::json::Value;
use crate::schema::node::{If, Node};

impl Check {
    pub(super) fn any<'s, 'd>(&'s self, nodes: &'s [Arc<Node>], subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let mut misfits = Misfits::default();
        for node in nodes {
            match apply(node, subject) {
                Ok(()) => return Ok(()),
                Err(mismatch) if mismatch.is_exhausted() => return Err(mismatch),
                Err(mismatch) => misfits.add(subject.value, mismatch),
            }
        }
        Err(misfits.into_mismatch(subject.value, self))
    }

    pub(super) fn one<'s, 'd>(&'s self, nodes: &'s [Arc<Node>], subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let mut misfits = Misfits::default();
        let mut fits = false;
        for node in nodes {
            match apply(node, subject) {
                Ok(()) if fits => return Err(Mismatch::of(subject.value, Constraint::Several)),
                Ok(()) => fits = true,
                Err(mismatch) if mismatch.is_exhausted() => return Err(mismatch),
                Err(mismatch) => misfits.add(subject.value, mismatch),
            }
        }
        match (fits, misfits.unsure) {
            (true, None) => Ok(()),
            // Another alternative may fit as well.
            (true, Some(mismatch)) => Err(mismatch),
            (false, _) => Err(misfits.into_mismatch(subject.value, self)),
        }
    }

    pub(super) fn not<'s, 'd>(&'s self, node: &'s Node, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        match apply(node, subject) {
            Ok(()) => Err(Mismatch::of(subject.value, Constraint::Check(self))),
            // What would be said of a value that does not fit does not apply here.
            Err(mismatch) => match (mismatch.unsure, mismatch.constraint) {
                (None, _) => Ok(()),
                (Some(why), Constraint::Check(check)) => {
                    Err(Mismatch::unsure(mismatch.value, check, why, true))
                }
                (Some(_), _) => Err(mismatch),
            },
        }
    }
}

impl If {
    pub(super) fn validate<'s, 'd>(&'s self, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let branch = |node: &'s Option<Arc<Node>>| node.as_ref().map_or(Ok(()), |node| apply(node, subject));
        match apply(&self.test, subject) {
            Ok(()) => branch(&self.then),
            Err(mismatch) if mismatch.is_exhausted() => Err(mismatch),
            Err(mismatch) if mismatch.unsure.is_some() => match (branch(&self.then), branch(&self.otherwise))
            {
                (Ok(()), Ok(())) => Ok(()),
                (Err(one), Err(other)) => Err(if one.unsure.is_some() { one } else { other }),
                (Ok(()), Err(exhausted)) | (Err(exhausted), Ok(())) if exhausted.is_exhausted() => {
                    Err(exhausted)
                }
                _ => Err(mismatch),
            },
            Err(_) => branch(&self.otherwise),
        }
    }
}

/// Collects why the alternatives of an `anyOf` or `oneOf` do not fit, and selects the most helpful mismatch: for
/// a value of the wrong type the accepted types, for a value of the right type what else is wrong.
#[derive(Default)]
struct Misfits<'s, 'd> {
    types: Types,
    others: usize,
    other: Option<Mismatch<'s, 'd>>,
    unsure: Option<Mismatch<'s, 'd>>,
}

impl<'s, 'd> Misfits<'s, 'd> {
    fn add(&mut self, value: Value<'d>, mismatch: Mismatch<'s, 'd>) {
        if mismatch.unsure.is_some() {
            self.unsure = Some(mismatch);
        }
        let types = match mismatch.constraint {
            Constraint::Check(Check::Type(types)) => Some(*types),
            Constraint::Types(types) => Some(types),
            _ => None,
        };
        match types.filter(|_| mismatch.value.span() == value.span()) {
            Some(types) => self.types = self.types.or(types),
            None => {
                self.others = self.others.saturating_add(1);
                self.other = Some(mismatch);
            }
        }
    }

    fn into_mismatch(self, value: Value<'d>, check: &'s Check) -> Mismatch<'s, 'd> {
        match (self.unsure.or(self.other), self.others) {
            (None, _) => Mismatch::of(value, Constraint::Types(self.types)),
            (Some(mismatch), others) if others == 1 || mismatch.unsure.is_some() => mismatch,
            _ => Mismatch::of(value, Constraint::Check(check)),
        }
    }
}
