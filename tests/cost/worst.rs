//! Looks for the body that costs most under each of many policies, and fails if one costs more than the budget of work
//! allows, or more operations than the units that the engine counts for it stand for.
//!
//! The search is not random: the same numbers come out of every run.

mod bodies;
mod callers;
mod documents;
mod lists;
mod others;
mod pins;

use std::collections::HashMap;
use std::error::Error;

use mcp_policy_engine::decide::decide_within;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{self, Body, Message};
use mcp_policy_engine::policy::Policy;
use mcp_policy_engine::work::{ENFORCED, SHADOW, Work};

use self::documents::Document;
use self::others::Other;
use crate::meter::Metered;
use crate::requests;
use crate::worker::Engine;

/// The most operations that one unit of work stands for.
const OPERATIONS: u64 = 100;

/// How many times the operations of a plain call a request may cost at most, whatever the policy is: 100 ms where a plain
/// call takes 5. The plain call is [`PLAIN`] under a rule without conditions, with a body of the default size.
const TIMES: u64 = 20;

/// The body, among those of [`bodies::all`], whose cost is the measure.
const PLAIN: &str = "one string";

/// Prints the costliest request for each policy whose name contains `word`. Returns whether all are within their bounds.
///
/// # Errors If the module cannot be run.
pub fn run(module: &str, word: &str) -> Result<bool, Box<dyn Error>> {
    let metered = Metered::of(&std::fs::read(module)?)?;
    let engine = Engine::new(&metered)?;
    let most = plain(&engine)? * TIMES;
    let mut search = Search { engine, bases: HashMap::new(), most, verbose: !word.is_empty(), sound: true };
    println!("\nThe most that a request may cost: {} Mop", most / MILLION);
    println!(
        "\n{:<38} {:<40} {:>6} {:>6} {:>9}",
        "policy", "costliest body of 1 MiB", "Mop", "base", "per unit"
    );
    for document in documents::all().into_iter().filter(|document| document.name.contains(word)) {
        search.document(&document)?;
    }
    println!("\n{:<38} {:<40} {:>6}", "policy", "costliest request", "Mop");
    let others = others::all().into_iter().chain(callers::all()).chain(lists::all()).chain(pins::all());
    for other in others.filter(|other| other.name.contains(word)) {
        search.other(&other)?;
    }
    Ok(search.sound)
}

/// Returns the operations of the plain call.
fn plain(engine: &Engine) -> Result<u64, Box<dyn Error>> {
    let document = documents::plain();
    let body = bodies::all(&document, bodies::LARGEST).into_iter().find(|body| body.name == PLAIN);
    operations(engine, &document.text, &body.ok_or("there is no plain body")?.text)
}

/// Costs are printed in millions of operations.
const MILLION: u64 = 1_000_000;

/// What a body costs.
struct Cost {
    operations: u64,
    /// The operations under a policy that does not look at arguments
    base: u64,
    /// How many of the others there are for a unit of work
    per_unit: u64,
}

struct Search {
    engine: Engine,
    /// The operations of bodies under the open policy
    bases: HashMap<String, u64>,
    /// The most operations of one request
    most: u64,
    /// Whether to print the cost of every request
    verbose: bool,
    sound: bool,
}

impl Search {
    /// Prints the costliest of the requests of `other`.
    fn other(&mut self, other: &Other) -> Result<(), Box<dyn Error>> {
        let (mut worker, _) = self.engine.worker(other.policy.as_bytes())?;
        let mut costliest = (0, "");
        for (name, request) in &other.requests {
            let (counts, _) = worker.exchange(request)?;
            costliest = costliest.max((counts.operations, name));
            if self.verbose {
                println!("    {name:<60} {:>6}", counts.operations / MILLION);
            }
            if counts.operations > self.most {
                println!("{}: {name}: {} operations", other.name, counts.operations);
                self.sound = false;
            }
        }
        println!("{:<38} {:<40} {:>6}", other.name, costliest.1, costliest.0 / MILLION);
        Ok(())
    }

    /// Prints the costliest of the bodies for a policy.
    fn document(&mut self, document: &Document) -> Result<(), Box<dyn Error>> {
        let mut costs = Vec::new();
        for (index, body) in bodies::all(document, bodies::SMALLER).iter().enumerate() {
            costs.push((self.measure(document, body)?.operations, index));
        }
        let Some((_, costliest)) = costs.into_iter().max() else { return Ok(()) };
        if let Some(body) = bodies::all(document, bodies::LARGEST).get(costliest) {
            let Cost { operations, base, per_unit } = self.measure(document, body)?;
            let [operations, base] = [operations, base].map(|operations| operations / MILLION);
            println!("{:<38} {:<40} {operations:>6} {base:>6} {per_unit:>9}", document.name, body.name);
        }
        Ok(())
    }

    fn measure(&mut self, document: &Document, body: &bodies::Body) -> Result<Cost, Box<dyn Error>> {
        let operations = operations(&self.engine, &document.text, &body.text)?;
        let base = match self.bases.get(&body.text) {
            Some(base) => *base,
            None => {
                let base = self::operations(&self.engine, documents::OPEN, &body.text)?;
                self.bases.insert(body.text.clone(), base);
                base
            }
        };
        let units = units(&document.text, &body.text)?;
        // A refusal finds the place of an argument, too, and its answer takes longer than a host call.
        let own = operations.saturating_sub(base + base / 8 + 1_000_000);
        if operations > self.most || own > units * OPERATIONS {
            println!(
                "{}: {}: {operations} operations, {own} of them for {units} units",
                document.name, body.name
            );
            self.sound = false;
        }
        Ok(Cost { operations, base, per_unit: own.checked_div(units).unwrap_or(0) })
    }
}

/// Returns how many operations a body costs in the module.
fn operations(engine: &Engine, policy: &str, body: &str) -> Result<u64, Box<dyn Error>> {
    let (mut worker, _) = engine.worker(policy.as_bytes())?;
    let (counts, _) = worker.exchange(&requests::post(body))?;
    Ok(counts.operations)
}

/// Returns how many units of work the engine counts for a body.
fn units(policy: &str, body: &str) -> Result<u64, Box<dyn Error>> {
    let policy = Policy::from_bytes(policy.as_bytes()).map_err(|faults| faults.to_string())?;
    let document = message::parse(body.as_bytes()).map_err(|rejection| rejection.denial.reason)?;
    let Ok(Message { body: Body::Call(call), .. }) = Message::read(&document, &Headers::default()) else {
        return Ok(0);
    };
    let (work, shadow) = (Work::new(ENFORCED), Work::new(SHADOW));
    let _ = decide_within(&policy, &Caller::default(), &call, &|| None, &work, &shadow);
    Ok(work.spent() + shadow.spent())
}
