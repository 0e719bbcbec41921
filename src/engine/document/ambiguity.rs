//! What parsers read differently.

use std::collections::BTreeSet;

use super::fault::{Fault, Faults};
use super::part::Part;
use super::position::Position;
use super::wrong::Wrong;
use crate::json::{self, DefectKind, Document, Fit, Kind};

/// Notes everything that parsers read differently, at any depth: duplicate keys, strings and numbers that
/// some cannot hold, and too much nesting. `root` is the whole document.
pub fn refuse_ambiguity(document: &Document<'_>, root: &Part<'_>, faults: &mut Faults) {
    if let Some(deep) = within(root, 0, faults) {
        let at = Position::of(document.text().as_bytes(), deep.value.span().start);
        let (path, place) = (root.path.clone(), deep.place());
        faults.push(Fault { path, place, of_key: false, wrong: Wrong::TooDeep(Some(at)) });
    }
    if let Some(defect) = document.defect().filter(|_| faults.is_empty()) {
        let place = root.place().map(|_| defect.at..defect.at);
        faults.push(Fault {
            path: root.path.clone(),
            place,
            of_key: false,
            wrong: Wrong::Defect(defect.clone()),
        });
    }
}

/// Looks into a part. Returns the first array or object that nests too deep.
fn within<'d>(part: &Part<'d>, depth: usize, faults: &mut Faults) -> Option<Part<'d>> {
    match part.value.kind() {
        Kind::Array | Kind::Object if depth >= json::MAX_DEPTH => return Some(part.clone()),
        Kind::Number if json::fit(part.value.raw()) == Fit::Unfit && !faults.has(&part.path) => {
            faults.add(part, Wrong::UnfitNumber);
        }
        Kind::String { escaped: true } => {
            let document = json::read(part.value.raw().as_bytes());
            let defect = document.as_ref().ok().and_then(|document| document.defect());
            if defect.is_some_and(|defect| defect.kind == DefectKind::LoneSurrogate) {
                faults.add(part, Wrong::LoneSurrogate);
            }
        }
        _ => {}
    }
    let below = depth.saturating_add(1);
    let mut too_deep = None;
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    for (key, member) in part.members() {
        too_deep = too_deep.or(within(&member, below, faults));
        if !seen.insert(key.clone()) && told.insert(key) {
            faults.add_key(&member, Wrong::DuplicateKey);
        }
    }
    for element in part.elements() {
        too_deep = too_deep.or(within(&element, below, faults));
    }
    too_deep
}
