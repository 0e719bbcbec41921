//! Policy files: their text, the policies in them, and where each part of a policy stands.

mod file;
mod find;
mod form;
mod kind;
mod node;
mod places;
mod scalar;
mod source;
mod tree;
mod yaml;

use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;

use mcp_policy_engine::document::Fault;
use mcp_policy_engine::policy::{Faults, Policy};

pub use file::{File, Language};
pub use kind::Kind;
pub use node::{Node, Value};
pub use places::{Place, Places};
pub use tree::tree;

use crate::outcome::Failure;

/// A policy in a file.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file
    pub file: Rc<File>,
    /// Where in the file it was found, in words; `None` if the whole file is the policy
    pub within: Option<String>,
    /// The bytes that a filter with this configuration receives: JSON text, or a `Struct` in wire form
    pub bytes: Vec<u8>,
    /// What is wrong with the file around the policy. Envoy loads some such files, so the policy can be good
    pub problems: Vec<Problem>,
    /// Whether the bytes are what the filter receives. If not, a problem says why there are none
    pub is_readable: bool,
    places: Places,
}

/// Something wrong with a file that is no fault of the policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bytes of the file
    pub place: Place,
    /// Its stable id, such as `duplicate-key`
    pub id: &'static str,
    /// What is wrong, in one line
    pub message: String,
}

impl Found {
    /// Reads the policy as the filter does.
    ///
    /// # Errors
    /// Every fault of the document.
    pub fn policy(&self) -> Result<Policy, Faults> {
        Policy::from_bytes(&self.bytes)
    }

    /// Returns whether the filter receives the same values as from this JSON text.
    pub fn holds(&self, json: &str) -> bool {
        let received = |text: &str| Node::of_json(text).map(|root| form::structure(&root));
        let own = std::str::from_utf8(&self.bytes).ok().and_then(received);
        received(json).is_some_and(|expected| self.bytes == expected || own == Some(expected))
    }

    /// Returns the name of the policy's server; `None` if the policy has faults.
    fn server(&self) -> Option<String> {
        self.policy().ok().map(|policy| policy.server)
    }

    /// Returns the file's name, and where in the file the policy was found.
    pub fn name(&self) -> String {
        match &self.within {
            Some(within) => format!("{} ({within})", self.file.name),
            None => self.file.name.clone(),
        }
    }

    /// Returns the bytes of the file that a fault is about.
    pub fn place_of(&self, fault: &Fault) -> Place {
        self.places.of_fault(fault)
    }

    /// Returns the bytes of the file where a part of the policy stands, by its path such as `tools.x.limits[0]`: its
    /// value, or its key. For a path that is not in the file it is the nearest part above.
    pub fn place(&self, path: &str, of_key: bool) -> Place {
        self.places.of_path(path, of_key)
    }
}

/// Finds the policies in the file that an argument names; `-` is stdin. Of a file with several policies `FILE#SERVER` is
/// the one of this server, and `FILE#2` is the second one.
///
/// # Errors
/// The file cannot be read, or holds no policy, or not the chosen one. A file that is malformed is none: it is found
/// with a [`Problem`].
pub fn policies(argument: &str) -> Result<Vec<Found>, Failure> {
    let (name, choice) = choice(argument);
    let found = policies_of(&Rc::new(File::read(name)?))?;
    match choice {
        Some(choice) => choose(found, name, choice).map(|one| vec![one]),
        None => Ok(found),
    }
}

/// Finds the policies in a file that has been read.
///
/// # Errors
/// The file holds no policy.
pub fn policies_of(file: &Rc<File>) -> Result<Vec<Found>, Failure> {
    let findings = find::policies(file)?;
    for filter in &findings.left_out {
        // The policies count all the same if the note cannot be printed.
        let _ = writeln!(
            anstream::stderr(),
            "note: `{}`: {filter} is left out, because it has no key of a policy",
            file.name
        );
    }
    for why in &findings.unread {
        let _ = writeln!(anstream::stderr(), "note: `{}` names a file: {why}", file.name);
    }
    Ok(findings.found)
}

/// Finds the one policy in a file, or the one that the argument chooses. It may have faults, and its file problems.
///
/// # Errors
/// As for [`policies`]; or the file holds several policies and none is chosen.
pub fn policy(argument: &str) -> Result<Found, Failure> {
    let mut found = policies(argument)?;
    match (found.pop(), found.as_slice()) {
        (Some(only), []) => Ok(only),
        (last, others) => {
            let all = names(others.iter().chain(&last));
            Err(Failure::new(format!(
                "`{argument}` holds several policies, and one is needed here: choose it with `{argument}#SERVER` or \
                 `{argument}#NUMBER`; {all}"
            )))
        }
    }
}

/// Splits an argument into the file's name and the choice behind `#`. A file whose name has a `#` needs no choice.
pub fn choice(argument: &str) -> (&str, Option<&str>) {
    match argument.rsplit_once('#') {
        Some((name, choice)) if !Path::new(argument).exists() => (name, Some(choice)),
        _ => (argument, None),
    }
}

/// Takes the policy of a server with this name, or with this number in the file, from 1.
fn choose(mut found: Vec<Found>, name: &str, choice: &str) -> Result<Found, Failure> {
    let is_chosen = |found: &Found| found.server().as_deref() == Some(choice);
    let chosen: Vec<usize> =
        found.iter().enumerate().filter(|(_, found)| is_chosen(found)).map(|(index, _)| index).collect();
    let by_number = || choice.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < found.len());
    let index = match chosen.as_slice() {
        [] => by_number(),
        [index] => Some(*index),
        [..] => {
            let all = names(&found);
            let why =
                format!("`{name}` holds several policies of `{choice}`: choose one by its number; {all}");
            return Err(Failure::new(why));
        }
    };
    match index {
        Some(index) => Ok(found.swap_remove(index)),
        None => {
            Err(Failure::new(format!("`{name}` holds no policy of the server `{choice}`; {}", names(&found))))
        }
    }
}

/// How many policies of a file an error names.
const MOST_NAMED: usize = 20;

/// Names policies of one file by their numbers, their servers and their places.
fn names<'f>(found: impl IntoIterator<Item = &'f Found>) -> String {
    let name = |(index, found): (usize, &Found)| {
        let server = found.server().map_or_else(|| "with faults".to_owned(), |server| format!("`{server}`"));
        let within = found.within.as_ref().map_or_else(String::new, |within| format!(" ({within})"));
        format!("number {} is {server}{within}", index.saturating_add(1))
    };
    let mut found = found.into_iter().enumerate();
    let mut names: Vec<String> = found.by_ref().take(MOST_NAMED).map(name).collect();
    let more = found.count();
    names.extend((more > 0).then(|| format!("and {more} more")));
    names.join("; ")
}

#[cfg(test)]
mod tests;
