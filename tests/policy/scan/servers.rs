//! The policies for widespread servers in `policies/servers/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mcp_policy_engine::policy::{Effect, Mode, Policy};
use serde_json::{Value, json};

use crate::program::run;

/// Returns the policies in the folder.
fn policies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/servers");
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| {
        let name = path.to_str().unwrap();
        name.ends_with(".json") && !name.ends_with(".tools.json")
    })
    .collect()
}

#[test]
fn each_loads_denies_what_it_does_not_name_and_passes_the_check() {
    let policies = policies();
    assert!(policies.len() >= 21, "{}", policies.len());
    for path in policies {
        let name = path.to_str().unwrap();
        let policy = Policy::from_bytes(&std::fs::read(&path).unwrap())
            .map_err(|faults| format!("{name}: {faults}"))
            .unwrap();
        assert_eq!((policy.rules.default.0, policy.mode), (Effect::Deny, Mode::Enforce), "{name}");
        assert_eq!(
            policy
                .rules
                .tools
                .entries()
                .find(|(pattern, _)| !pattern.is_exact())
                .map(|(pattern, _)| pattern.as_str()),
            None,
            "{name}"
        );
        let checked = run(&["check", name], "");
        assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{name}");
    }
}

#[test]
fn each_has_tests_beside_it_that_pass_and_cover_every_rule() {
    for path in policies() {
        let tests = path.with_extension("test.yaml");
        assert!(tests.is_file(), "{}", tests.display());
    }
    let done = run(&["test", "--min-coverage", "100", "policies/servers"], "");
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

#[test]
fn each_has_the_definitions_that_it_was_written_for() {
    for path in policies() {
        let name = path.to_str().unwrap();
        let text = std::fs::read_to_string(path.with_extension("tools.json"));
        let definitions: Value = serde_json::from_str(&text.expect(name)).unwrap();
        let tools: Vec<_> = definitions["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| {
                let digest = tool["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
                assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
                tool["name"].as_str().unwrap()
            })
            .collect();
        let policy = Policy::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
        let named: Vec<_> = policy.rules.tools.entries().map(|(pattern, _)| pattern.as_str()).collect();
        let (named, tools) = (BTreeSet::from_iter(named), BTreeSet::from_iter(tools));
        assert_eq!(named, tools, "{name}");
        // The policy says of which version it is.
        let text = std::fs::read_to_string(&path).unwrap();
        let package = format!(
            "{} {}",
            definitions["package"].as_str().unwrap(),
            definitions["version"].as_str().unwrap()
        );
        assert!(text.contains(&package), "{name}: {package}");
    }
}

/// A text that expressions search: the call that holds it, its longest length, and its beginning and end.
struct Searched {
    server: &'static str,
    tool: &'static str,
    arguments: Value,
    name: &'static str,
    longest: usize,
    ends: [&'static str; 2],
}

fn searched() -> Vec<Searched> {
    let message = json!({ "channel_id": "C1", "thread_ts": "1.2" });
    let issue = json!({ "project_id": "corp/a", "title": "t" });
    let update = ["update t set a = '", "' where id = 1"];
    let searched = |server, tool, arguments: &Value, name, longest, ends| Searched {
        server,
        tool,
        arguments: arguments.clone(),
        name,
        longest,
        ends,
    };
    let none = &json!({});
    vec![
        searched("slack", "slack_post_message", &message, "text", 12_000, ["", ""]),
        searched("slack", "slack_reply_to_thread", &message, "text", 12_000, ["", ""]),
        searched("postgres", "query", none, "sql", 5_000, ["select '", "'"]),
        searched("sqlite", "read_query", none, "query", 20_000, ["select '", "'"]),
        searched("sqlite", "write_query", none, "query", 20_000, update),
        searched("sqlite", "create_table", none, "query", 20_000, ["create table t (", ")"]),
        searched("gitlab", "create_issue", &issue, "description", 16_000, ["", ""]),
        searched("aws", "call_aws", none, "cli_command", 3_000, ["aws ec2 describe-instances --x ", ""]),
    ]
}

#[test]
fn a_text_that_is_too_much_work_to_judge_is_too_long() {
    for Searched { server, tool, mut arguments, name, longest, ends: [start, end] } in searched() {
        for (length, code) in [(longest, None), (longest + 1, Some("arguments_invalid"))] {
            let filling = length - start.len() - end.len();
            arguments[name] = json!(format!("{start}{}{end}", "x".repeat(filling)));
            let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } });
            let policy = format!("policies/servers/{server}.json");
            let done = run(&["explain", &policy, "--request", "-", "--format", "json"], &message.to_string());
            let told: Value = serde_json::from_str(&done.stdout).unwrap();
            let verdict = &told["verdict"];
            assert_eq!(verdict["code"].as_str(), code, "{server} {tool} {length}: {verdict}");
            // An `anyOf` does not say which of its alternatives a value should have been.
            if code.is_some() && server != "aws" {
                let text = verdict["text"].as_str().unwrap();
                assert!(text.contains(&format!("must have at most {longest} characters")), "{text}");
            }
        }
    }
}
