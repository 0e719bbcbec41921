//! Counts what a fixed set of requests costs in the built module, and compares the numbers with a
//! committed table: `make cost`, or `make cost UPDATE=1` to write the table. `make cost PROFILE="a call of 223 bytes"`
//! tells which functions run the operations of one request, and `parts` adds them up by the parts of the module.
//!
//! `meter` rewrites the module so that it counts its own operations and allocations. `host` is the proxy that
//! the module runs in, `worker` calls the module in the order in which Envoy does. `requests` and `policies`
//! are measured, `table` is the result. `worst` looks for requests that cost too much,
//! `differential` for requests that the module judges otherwise than the same code built for this machine.
//!
//! Nothing here depends on time, chance or the machine: the clock stands still and the random bytes are
//! always the same, so every run prints the same numbers.

mod differential;
mod host;
mod meter;
mod parts;
mod policies;
mod profile;
mod requests;
mod table;
mod worker;
mod worst;

use std::error::Error;
use std::process::ExitCode;

use meter::Metered;
use requests::{Case, Of};
use table::{Row, Table};
use worker::{Counts, Engine};

/// Earlier requests fill caches: they define metrics, and find the places of counters and maps.
const MEASURED: usize = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [module, "--parts", path] => parts::run(module, path).map(|()| true),
        [module, "--profile", name] => profile::run(module, name).map(|()| true),
        [module, "--worst", word] => worst::run(module, word),
        [module, "--differential", count, seed] => {
            differential::run(module, count.parse().unwrap_or(1000), seed.parse().unwrap_or(1))
        }
        [module, expected] => run(module, expected, false),
        [module, expected, "--update"] => run(module, expected, true),
        _ => {
            eprintln!("usage: mcp-policy-cost MODULE.wasm TABLE.json [--update]");
            eprintln!("       mcp-policy-cost MODULE.wasm --profile REQUEST");
            eprintln!("       mcp-policy-cost MODULE.wasm --parts PARTS.json");
            eprintln!("       mcp-policy-cost MODULE.wasm --worst WORD");
            eprintln!("       mcp-policy-cost MODULE.wasm --differential COUNT SEED");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures, prints, and writes the table or compares with it. Returns whether everything is as expected.
fn run(module: &str, expected: &str, update: bool) -> Result<bool, Box<dyn Error>> {
    let bytes =
        std::fs::read(module).map_err(|error| format!("{module}: {error}; build it with `make build`"))?;
    let metered = Metered::of(&bytes)?;
    let measured = Table { rustc: metered.rustc.clone(), rows: measure(&metered)? };
    if update {
        std::fs::write(expected, measured.write())?;
        println!("{}\n\nwritten to {expected}", measured.show(None));
        return Ok(true);
    }
    let text = std::fs::read_to_string(expected).map_err(|error| format!("{expected}: {error}"))?;
    let expected = Table::read(&text)?;
    println!("{}", measured.show(Some(&expected)));
    let verdict = measured.compare(&expected);
    for line in verdict.warnings.iter().chain(&verdict.faults) {
        println!("{line}");
    }
    if !verdict.faults.is_empty() {
        println!("\nIf this is intended, update the table: make cost UPDATE=1");
    }
    Ok(verdict.faults.is_empty())
}

fn measure(metered: &Metered) -> Result<Vec<Row>, Box<dyn Error>> {
    let engine = Engine::new(metered)?;
    requests::all()
        .iter()
        .map(|case| {
            let counts = steady(&engine, case).map_err(|error| format!("{}: {error}", case.name))?;
            Ok(Row { name: case.name.clone(), counts })
        })
        .collect()
}

/// Sends one request repeatedly. Returns the cost of the last one, or of what is measured before or after it.
fn steady(engine: &Engine, case: &Case) -> Result<Counts, Box<dyn Error>> {
    let (mut worker, loaded) = engine.worker(case.policy.as_bytes())?;
    let mut last = Counts::default();
    for number in 1..=MEASURED {
        let (counts, outcome) = worker.exchange(&case.request)?;
        if number == MEASURED && outcome != case.outcome {
            return Err(format!("expected {:?}, found {outcome:?}", case.outcome).into());
        }
        last = counts;
    }
    Ok(match case.of {
        Of::Request => last,
        Of::Load => loaded,
        Of::Tick => worker.tick()?,
    })
}
