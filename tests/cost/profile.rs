//! Which functions run the operations of one request.

use std::error::Error;

use crate::meter::Metered;
use crate::worker::Engine;
use crate::{MEASURED, requests};

/// How many functions are listed.
const LISTED: usize = 40;

/// Prints how many operations each function runs for the request of this name, without those of the functions that
/// it calls.
///
/// # Errors
/// The module cannot be run, or there is no such request.
pub fn run(module: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let spent = spent(module, name)?;
    println!("{name}: {} operations", spent.iter().map(|(count, _)| count).sum::<u64>());
    for (count, function) in spent.iter().take(LISTED).filter(|(count, _)| *count > 0) {
        println!("{count:>9}  {function}");
    }
    Ok(())
}

/// Returns how many operations each function runs for a request, by its name, with the costliest first. They add up
/// to those of the request: what copying and filling memory counts for its length is in a row of its own.
///
/// # Errors
/// The module cannot be run, or there is no such request.
pub fn spent(module: &str, name: &str) -> Result<Vec<(u64, String)>, Box<dyn Error>> {
    let metered = Metered::of(&std::fs::read(module)?)?;
    let engine = Engine::new(&metered)?;
    let all = requests::all();
    let case = all.iter().find(|case| case.name == name).ok_or("there is no such request")?;
    let (mut worker, _) = engine.worker(case.policy.as_bytes())?;
    for _ in 1..MEASURED {
        worker.exchange(&case.request)?;
    }
    let before = worker.by_function();
    let (counts, _) = worker.exchange(&case.request)?;
    let after = worker.by_function();
    let name_of = |index| readable(metered.names.get(index).map_or("?", String::as_str));
    let mut spent: Vec<_> =
        after.iter().map(|(index, count)| (count - before[index], name_of(index))).collect();
    let own: u64 = spent.iter().map(|(count, _)| count).sum();
    spent.push((counts.operations - own, "memory.copy and memory.fill".to_owned()));
    spent.sort_unstable_by(|a, b| b.cmp(a));
    Ok(spent)
}

/// Shortens a mangled name (Rust, "v0 symbol mangling") to its words.
fn readable(name: &str) -> String {
    let mut words = Vec::new();
    let mut rest = name;
    while let Some(start) = rest.find(|char: char| char.is_ascii_digit()) {
        let (_, from) = rest.split_at(start);
        let digits = from.find(|char: char| !char.is_ascii_digit()).unwrap_or(from.len());
        let (length, behind) = from.split_at(digits);
        let length: usize = length.parse().unwrap_or(0);
        let behind = behind.strip_prefix('_').unwrap_or(behind);
        match behind.get(..length) {
            Some(word) if length > 1 && word.chars().all(|char| char.is_alphanumeric() || char == '_') => {
                words.push(word);
                rest = behind.get(length..).unwrap_or_default();
            }
            _ => rest = behind,
        }
    }
    if words.is_empty() { name.to_owned() } else { words.join("::") }
}
