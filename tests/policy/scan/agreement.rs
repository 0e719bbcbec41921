//! How often `mcp-policy scan` finds the classes that people gave to tools.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::program::run;

/// Measures on the file that `MCP_TOOL_CLASSES` names: a list of `{"server", "tool", "description", "class"}`.
///
/// `MCP_TOOL_CLASSES=FILE cargo test -p mcp-policy scan -- --ignored --nocapture` prints a row for each class.
#[test]
#[ignore = "needs a labelled list in the file that MCP_TOOL_CLASSES names"]
fn at_least_92_percent_of_labelled_tools_have_their_class_and_none_is_dangerous() {
    let file = std::env::var("MCP_TOOL_CLASSES").expect("MCP_TOOL_CLASSES names a file");
    let labelled: Vec<BTreeMap<String, String>> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("a labelled list");
    let mut servers: BTreeMap<&str, Vec<&BTreeMap<String, String>>> = BTreeMap::new();
    for tool in &labelled {
        servers.entry(&tool["server"]).or_default().push(tool);
    }

    // For each label, how many tools got each class.
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut dangerous = Vec::new();
    for (server, tools) in servers {
        for (tool, class) in tools.iter().zip(classes(&tools)) {
            let label = &tool["class"];
            *counts.entry(label.to_lowercase()).or_default().entry(class.clone()).or_default() += 1;
            if class == "read" && matches!(label.to_lowercase().as_str(), "destructive" | "financial") {
                dangerous.push(format!("{server}: {}", tool["tool"]));
            }
        }
    }
    let (mut same, mut all) = (0, 0);
    for (label, found) in &counts {
        let (right, sum) = (found.get(label).copied().unwrap_or(0), found.values().sum::<usize>());
        println!("{label:<12} {right:>4} of {sum:>4}  {:>5.1} %  {found:?}", percent(right, sum));
        (same, all) = (same + right, all + sum);
    }
    println!("{:<12} {same:>4} of {all:>4}  {:>5.1} %", "together", percent(same, all));
    assert_eq!(dangerous, Vec::<String>::new());
    assert!(same * 100 >= all * 92, "{same} of {all}");
}

/// Returns the classes that a scan of one server's tools finds, in their order.
fn classes(tools: &[&BTreeMap<String, String>]) -> Vec<String> {
    let list: Vec<_> = tools
        .iter()
        .map(|tool| json!({"name": tool["tool"], "description": tool.get("description")}))
        .collect();
    let done = run(&["scan", "-", "--format", "json"], &json!({ "tools": list }).to_string());
    assert_eq!(done.code, 0, "{}", done.stderr);
    let report: Value = serde_json::from_str(&done.stdout).expect("JSON");
    let found = report["tools"].as_array().expect("a list");
    assert_eq!(found.len(), tools.len());
    found.iter().map(|tool| tool["class"].as_str().expect("a class").to_owned()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}
