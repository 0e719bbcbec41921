//! The schemas that many published servers list, which are not part of this repository. To run it:
//! `MCP_TOOL_LISTS=folder cargo test -p mcp-policy-engine --test engine servers -- --ignored --nocapture`.
//! Each JSON file of the folder is the answer of one server to `tools/list`: an object with `tools`. The test
//! prints how many of the schemas a policy takes, and the faults of the others.

use mcp_policy_engine::policy::Policy;
use serde_json::{Map, Value, json};

use super::{judge, load};
use crate::schema::calls::outcome;

/// Returns the name of the file and the tools of each server.
fn servers() -> Vec<(String, Vec<Value>)> {
    let folder = std::env::var("MCP_TOOL_LISTS").unwrap();
    let mut servers: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let mut list: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let Value::Array(tools) = list["tools"].take() else { panic!("{}: no tools", path.display()) };
            (path.file_stem().unwrap().to_string_lossy().into_owned(), tools)
        })
        .collect();
    servers.sort_by(|one, other| one.0.cmp(&other.0));
    servers
}

/// Makes arguments of many kinds: none, and for each property one object per type of value.
fn arguments(schema: &Value) -> Vec<Value> {
    let mut all = vec![json!({}), json!({ "unknown": 1 })];
    let properties = schema["properties"].as_object();
    let samples =
        [json!("text"), json!(3), json!(1.5), json!(true), json!(null), json!(["a"]), json!({ "a": 1 })];
    let mut whole = Map::new();
    for (name, property) in properties.into_iter().flatten() {
        all.extend(samples.iter().map(|sample| json!({ name: sample })));
        let fitting = property["default"].clone();
        let known = property["enum"].get(0).cloned().unwrap_or(fitting);
        let kind = property["type"].as_str().unwrap_or("string");
        let plain = match kind {
            "integer" | "number" => json!(1),
            "boolean" => json!(true),
            "array" => json!([]),
            "object" => json!({}),
            _ => json!("text"),
        };
        whole.insert(name.clone(), if known.is_null() { plain } else { known });
    }
    all.push(Value::Object(whole.clone()));
    for (name, _) in properties.into_iter().flatten() {
        let mut less = whole.clone();
        less.remove(name);
        all.push(Value::Object(less.clone()));
        all.extend(samples.iter().map(|sample| {
            let mut other = less.clone();
            other.insert(name.clone(), sample.clone());
            Value::Object(other)
        }));
    }
    all
}

#[test]
#[ignore = "needs MCP_TOOL_LISTS, a folder of servers' answers to tools/list"]
fn published_schemas_load_and_pass_nothing_that_another_implementation_refuses() {
    let servers = servers();
    let (mut schemas, mut judged, mut stricter) = (0_usize, 0_usize, 0_usize);
    let (mut refused, mut wrong) = (Vec::new(), Vec::new());
    for (server, tools) in &servers {
        for tool in tools {
            schemas += 1;
            let (name, schema) = (tool["name"].as_str().unwrap(), &tool["inputSchema"]);
            let ours = match load(schema) {
                Ok(ours) => ours,
                Err(faults) => {
                    refused.push(format!("{server}, {name}: {faults}"));
                    continue;
                }
            };
            let policy = json!({ "version": "1", "tools": { name: { "arguments": schema } } });
            if let Err(faults) = Policy::from_bytes(policy.to_string().as_bytes()) {
                refused.push(format!("{server}, {name}: {faults}"));
                continue;
            }
            let params = json!({ "name": name, "arguments": {} }).to_string();
            let verdict = outcome(&policy, "tools/call", &params);
            let fits = judge(&ours, &json!({})).is_ok();
            assert_eq!(verdict == "allowed", fits, "{server}, {name}: {verdict}");
            let Ok(theirs) = jsonschema::options().should_validate_formats(false).build(schema) else {
                println!("{server}, {name}: the other implementation refuses the schema");
                continue;
            };
            for value in arguments(schema) {
                judged += 1;
                match (judge(&ours, &value), theirs.is_valid(&value)) {
                    (Ok(()), false) => wrong.push(format!("{server}, {name}: {value}")),
                    (Err(violation), true) => {
                        stricter += 1;
                        println!("{server}, {name}: {violation}: {value}");
                    }
                    _ => {}
                }
            }
        }
    }
    println!(
        "{} servers, {schemas} schemas, {} load; {judged} objects judged, {stricter} refused that the other takes",
        servers.len(),
        schemas - refused.len()
    );
    println!("{}", refused.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Recursion is refused on purpose.
    let others = refused.iter().filter(|fault| !fault.contains("recursion is not supported")).count();
    assert!(others.saturating_mul(250) <= schemas, "{others} of {schemas}");
}
