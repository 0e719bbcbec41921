//! Policy files: their text, the policies in them, and where each part of a policy stands.

mod file;
mod find;
mod form;
mod node;
mod places;
mod scalar;
mod source;
mod tree;
mod yaml;

use std::rc::Rc;

use mcp_policy_engine::document::Fault;
use mcp_policy_engine::policy::{Faults, Policy};

pub use file::File;
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

/// Finds the policies in the file that an argument names; `-` is stdin.
///
/// # Errors
/// The file cannot be read, or holds no policy. A file that is malformed is none: it is found with a [`Problem`].
pub fn policies(argument: &str) -> Result<Vec<Found>, Failure> {
    policies_of(&Rc::new(File::read(argument)?))
}

/// Finds the policies in a file that has been read.
///
/// # Errors
/// The file holds no policy.
pub fn policies_of(file: &Rc<File>) -> Result<Vec<Found>, Failure> {
    let findings = find::policies(file)?;
    for filter in &findings.left_out {
        anstream::eprintln!("note: `{}`: {filter} is left out, because it has no key of a policy", file.name);
    }
    Ok(findings.found)
}

/// Finds the one policy in a file.
///
/// # Errors
/// As for [`policies`]; or the file holds several policies.
pub fn policy(argument: &str) -> Result<Found, Failure> {
    let mut found = policies(argument)?;
    match (found.pop(), found.as_slice()) {
        (Some(only), []) => Ok(only),
        (last, others) => {
            let names: Vec<String> =
                others.iter().chain(&last).filter_map(|found| found.within.clone()).collect();
            let names = names.join("; ");
            Err(Failure::new(format!("`{argument}` holds several policies, and one is needed here: {names}")))
        }
    }
}

#[cfg(test)]
mod tests;
