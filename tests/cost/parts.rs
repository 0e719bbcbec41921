//! How many operations each part of the module runs for some requests, for `docs/performance.md`.

use std::error::Error;

use serde::Serialize;

use crate::profile;

/// The requests that are split into parts.
const REQUESTS: [&str; 4] =
    ["a call of 223 bytes", "API key, schema, limit", "a call of 4 kB", "a call of 100 kB"];

/// Each part with the beginnings of its functions' paths. A function belongs to the first part that fits, and what
/// fits nowhere (memory, maps, texts) to [`REST`].
const PARTS: [(&str, &[&str]); 6] = [
    ("hashes: of the arguments, and of a key", &["sha2::", "blake3::"]),
    (
        "the record",
        &["mcp_policy_engine::audit::", "mcp_policy_engine::text::", "mcp_policy_engine::json::text::"],
    ),
    ("the answer", &["mcp_policy_engine::mcp::screen::", "mcp_policy_filter::list::"]),
    (
        "headers, and calls to Envoy",
        &["mcp_policy_engine::mcp::headers::", "mcp_policy_filter::", "proxy_wasm::", "on_"],
    ),
    (
        "the message",
        &["mcp_policy_engine::json::", "mcp_policy_engine::mcp::", "core::str::converts::from_utf8"],
    ),
    ("the policy and its limits", &["mcp_policy_engine::"]),
];

/// What belongs to no part.
const REST: &str = "memory, and the rest";

/// The operations of one request, by part, in the order of [`PARTS`].
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    operations: Vec<(&'static str, u64)>,
}

/// Measures the requests, and writes their parts into a file.
///
/// # Errors
/// The module cannot be run, or the file cannot be written.
pub fn run(module: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let rows = REQUESTS
        .iter()
        .map(|name| Ok(Row { name, operations: parts(&profile::spent(module, name)?) }))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let lines: Vec<_> = rows.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    std::fs::write(path, format!("[\n  {}\n]\n", lines.join(",\n  ")))?;
    Ok(())
}

/// Adds up the operations of all functions of each part.
fn parts(spent: &[(u64, String)]) -> Vec<(&'static str, u64)> {
    let names = PARTS.iter().map(|(name, _)| *name).chain([REST]);
    names
        .map(|name| (name, spent.iter().filter(|(_, of)| part(of) == name).map(|(count, _)| count).sum()))
        .collect()
}

fn part(function: &str) -> &'static str {
    let fits = |beginnings: &[&str]| beginnings.iter().any(|beginning| function.starts_with(beginning));
    PARTS.iter().find(|(_, beginnings)| fits(beginnings)).map_or(REST, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_belongs_to_the_first_part_that_fits() {
        for (function, expected) in [
            ("sha2::sha256::compress256", PARTS[0].0),
            ("mcp_policy_engine::audit::amount", PARTS[1].0),
            ("mcp_policy_engine::json::text::quote", PARTS[1].0),
            ("mcp_policy_engine::json::texts::TextMap::get", PARTS[4].0),
            ("mcp_policy_engine::mcp::screen::Screen::finds_nothing_in", PARTS[2].0),
            ("on_http_request_headers", PARTS[3].0),
            ("mcp_policy_engine::guard::charge::run", PARTS[5].0),
            ("dlmalloc", REST),
        ] {
            assert_eq!(part(function), expected, "{function}");
        }
    }

    #[test]
    fn the_parts_add_up_to_all_operations() {
        let spent = [
            (3, "dlmalloc".to_owned()),
            (4, "sha2::sha256".into()),
            (5, "proxy_wasm::x".into()),
            (6, "on_x".into()),
        ];
        let found = parts(&spent);
        assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 18);
        assert_eq!(found.len(), PARTS.len() + 1);
        assert!(found.contains(&(PARTS[3].0, 11)));
    }
}
