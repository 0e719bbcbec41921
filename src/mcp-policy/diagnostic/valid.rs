//! Policies without faults, and what a command tells of others.

use std::rc::Rc;

use mcp_policy_engine::policy::Policy;

use super::{Diagnostic, Lines, Placed, faults, pretty};
use crate::input::{self, Found};
use crate::outcome::Failure;
use crate::terminal::Terminal;

/// Reads the one policy that an argument names. If something is wrong with it or its file, stderr shows all of that as
/// `check` shows it.
///
/// # Errors
/// The file cannot be read, holds not exactly one policy, or something is wrong with it.
pub fn valid(argument: &str, terminal: &mut Terminal) -> Result<(Found, Policy), Failure> {
    let found = input::policy(argument)?;
    let mut faults = faults(&found);
    faults.sort_by_key(|fault| fault.place.start);
    match found.policy() {
        Ok(policy) if faults.is_empty() => Ok((found, policy)),
        _ => {
            tell(&faults, found.within.as_deref(), terminal);
            Err(Failure::new(format!("`{}` is not a valid policy", found.name())))
        }
    }
}

/// Tells faults on stderr. `within` says where in the file their policy stands, if it is not the whole file.
pub fn tell(faults: &[Diagnostic], within: Option<&str>, terminal: &mut Terminal) {
    for fault in placed(faults) {
        terminal.note(format_args!("{}\n", pretty(&fault, within)));
    }
}

/// Finds the lines and columns of faults, which may be of several files.
pub fn placed(faults: &[Diagnostic]) -> Vec<Placed<'_>> {
    let of_files = faults.chunk_by(|one, other| Rc::ptr_eq(&one.file, &other.file));
    let placed = of_files.flat_map(|faults| {
        let lines = faults.first().map(|fault| Lines::of(&fault.file.text));
        faults.iter().filter_map(move |fault| Some(Placed::new(fault, lines.as_ref()?)))
    });
    placed.collect()
}
