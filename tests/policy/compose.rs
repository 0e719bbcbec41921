//! Policies in Compose files: in a configuration that the file holds, and in files beside it.

use serde_json::json;

use crate::check::{diagnostics, text_at, text_of};
use crate::folder::Folder;
use crate::program::run;

const POLICY: &str = r#"{
  "version": "1",
  "tools": { "pay": { "require": [{ "path": "args.to", "op": "regex", "value": "^[a-z]+$" }], "reason": "§ $ \\$" } }
}"#;

/// Returns what `render` writes for a target.
fn rendered(target: &str) -> String {
    let done = run(&["render", "-", "--for", target], POLICY);
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout
}

/// Returns a Compose file with these members of its service and these configurations.
fn compose(service: &str, configs: &str) -> String {
    format!(
        "version: \"3.8\"\nservices:\n  envoy: {{ image: envoyproxy/envoy:v1.40.0, {service} }}\nconfigs: {configs}\n"
    )
}

#[test]
fn what_render_writes_for_compose_is_read_by_every_command() {
    let text = rendered("compose");
    let checked = run(&["check", "-"], &text);
    assert_eq!((checked.code, checked.stdout.as_str(), checked.stderr.as_str()), (0, "", ""));
    let explained = run(&["explain", "-", "--call", "pay", "--arguments", r#"{"to": "X"}"#], &text);
    assert!(explained.stdout.contains("§ $ \\$"), "{}", explained.stdout);
    let folder = Folder::new("compose-read");
    let file = folder.with("compose.yaml", &text);
    assert_eq!(run(&["render", &file, "--for", "compose"], "").stdout, text);
}

#[test]
fn a_fault_in_a_compose_file_is_told_with_its_place() {
    let text = rendered("compose");
    // The reason stands behind a dollar sign in its line, which is written twice.
    for (right, wrong) in [("\"regex\"", "\"regexp\""), ("\"reason\"", "\"raeson\"")] {
        let text = text.replace(right, wrong);
        let found = diagnostics(&["-"], &text);
        assert!(found.iter().any(|found| text_at(&text, found).starts_with(wrong)), "{found:?}");
    }
    let (head, config) = text.split_once("configs:\n").unwrap();
    let twice = format!("{head}configs:\n{config}{}", config.replacen("envoy:", "other:", 1));
    let done = run(&["explain", "-", "--call", "pay"], &twice);
    let within = "config `other`, listener `mcp`, filter `mcp_policy`";
    assert!(done.code == 1 && done.stderr.contains(within), "{}", done.stderr);
}

#[test]
fn a_variable_of_compose_within_a_policy_is_an_error() {
    let text = rendered("compose");
    for (written, expected) in [("[a-z]+$$", "[a-z]+$"), ("pay", "${TOOL}")] {
        let text = text.replacen(written, expected, 1);
        let found = diagnostics(&["-"], &text);
        let found = found.iter().find(|found| text_of(found, "id") == "variable").expect("found");
        assert!(
            text_at(&text, found).starts_with('$') && text_of(found, "message").contains("write `$$`"),
            "{found}"
        );
    }
    // Compose may choose a port.
    let port = text.replacen("port_value: 10000", "port_value: \"${PORT}\"", 1);
    assert_eq!(run(&["check", "-"], &port).code, 0);
}

#[test]
fn a_file_beside_a_compose_file_is_read_and_named() {
    let folder = Folder::new("compose-beside");
    let wrong = rendered("envoy").replace("\"regex\"", "\"regexp\"");
    let beside = folder.with("envoy.yaml", &wrong);
    folder.with("other.yaml", "- a list: [of nothing\n");
    for (service, configs) in [
        ("configs: [envoy]", "{ envoy: { file: ./envoy.yaml } }"),
        ("volumes: ['./envoy.yaml:/etc/envoy/envoy.yaml:ro', './other.yaml:/o.yaml', 'data:/data']", "{}"),
        (
            "volumes: [{ type: bind, source: envoy.yaml, target: /e.yaml }, { type: bind, source: ./envoy.yaml, target: /f.yaml }]",
            "{}",
        ),
    ] {
        let file = folder.with("compose.yaml", compose(service, configs));
        let found = diagnostics(&[&file], "");
        let [found] = found.as_slice() else { panic!("{service}: {found:?}") };
        assert_eq!(text_of(found, "file"), beside, "{service}");
        assert!(text_at(&wrong, found).starts_with("\"regexp\""), "{service}: {found}");
    }
}

#[test]
fn a_compose_file_without_a_policy_says_what_it_lacks() {
    let folder = Folder::new("compose-lacks");
    for (configs, expected) in [
        ("{ envoy: { file: ./missing.yaml } }", "missing.yaml`: "),
        ("{ envoy: { file: compose.yaml } }", "holds no policy"),
        (
            "{ envoy: { content: 'a: [' }, other: { content: 'text' }, third: { external: true } }",
            "holds no policy",
        ),
    ] {
        let file = folder.with("compose.yaml", compose("mcp_policy: 1", configs));
        let done = run(&["check", &file], "");
        assert_eq!(done.code, 1, "{configs}: {}", done.stdout);
        assert!(
            done.stderr.contains("holds no policy") && done.stderr.contains(expected),
            "{configs}: {}",
            done.stderr
        );
    }
    // One policy is found, and the other file is missing.
    folder.with("envoy.yaml", rendered("envoy"));
    let file =
        folder.with("compose.yaml", compose("x: 1", "{ a: { file: envoy.yaml }, b: { file: b.json } }"));
    let done = run(&["check", &file], "");
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert!(done.stderr.contains("note: ") && done.stderr.contains("b.json`: "), "{}", done.stderr);
    // What cannot be read and names the module is not left out.
    let broken = json!({ "services": { "envoy": {} }, "configs": { "c": { "content": "mcp_policy: [" } } });
    let done = run(&["check", "-"], &broken.to_string());
    assert_eq!(done.code, 3, "{}", done.stderr);
}
