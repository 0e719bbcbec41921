//! What is found in a file, and its name.

use std::path::Path;

use super::find_in;
use crate::diagnostic;

#[test]
fn every_policy_of_the_repository_is_found_and_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (folder, name, expected) in [
        ("envoy", "envoy.yaml", &["listener `mcp`, filter `mcp_policy`"][..]),
        ("envoy", "identity.yaml", &["listener `mcp`, filter `mcp_policy`"]),
        ("envoy", "approvals.yaml", &["listener `mcp`, filter `mcp_policy`"]),
        (
            "envoy",
            "several.yaml",
            &[
                "listener `mcp`, filter `mcp_policy_files`",
                "listener `mcp`, filter `mcp_policy_mail`",
                "listener `mcp`, filter `mcp_policy_closed`",
            ],
        ),
        ("policies", "aipaygen.json", &[""]),
        ("policies", "argument-guards.json", &[""]),
        ("policies", "grants.json", &[""]),
        ("policies", "run_agent.json", &[""]),
        ("policies", "spend.json", &[""]),
    ] {
        let text = std::fs::read_to_string(root.join(folder).join(name)).unwrap();
        let found = find_in(name, &text).unwrap_or_else(|failure| panic!("{failure}"));
        let within: Vec<&str> =
            found.found.iter().map(|found| found.within.as_deref().unwrap_or_default()).collect();
        assert_eq!(within, expected, "{name}");
        assert_eq!(found.left_out, Vec::<String>::new(), "{name}");
        for found in &found.found {
            assert_eq!(diagnostic::faults(found).len(), 0, "{name}: {:?}", diagnostic::faults(found));
        }
    }
}

/// A filter of Envoy with this `configuration`, as an element of `http_filters`.
fn filter(name: &str, module: &str, configuration: &str) -> String {
    format!(
        "- name: {name}\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n    \
         config:\n      vm_config: {{runtime: envoy.wasm.runtime.v8, code: {{local: {{filename: {module}}}}}}}\n      \
         configuration: {configuration}\n"
    )
}

fn string_value(text: &str) -> String {
    format!(
        "{{\"@type\": type.googleapis.com/google.protobuf.StringValue, value: {}}}",
        super::written::quoted(text)
    )
}

fn structure(text: &str) -> String {
    format!("{{\"@type\": type.googleapis.com/google.protobuf.Struct, value: {text}}}")
}

#[track_caller]
fn finds(what: &str, text: &str, expected: &[&str]) {
    let found = find_in("a.yaml", text).unwrap_or_else(|failure| panic!("{what}: {failure}\n{text}")).found;
    let within: Vec<&str> = found.iter().map(|found| found.within.as_deref().unwrap_or_default()).collect();
    assert_eq!(within, expected, "{what}\n{text}");
    for found in &found {
        assert!(found.is_readable, "{what}: {:?}", found.problems);
    }
}

fn indented(text: &str, spaces: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(spaces)))
}

const POLICY: &str = "{version: \"1\"}";

/// A filter with a policy.
fn own() -> String {
    filter("mcp", "/own.wasm", &structure(POLICY))
}

#[test]
fn policies_by_themselves_are_numbered_if_there_are_several() {
    for (what, text, expected) in [
        ("a policy", POLICY.to_owned(), &[""][..]),
        ("a policy after an empty document", format!("---\n---\n{POLICY}\n---\n"), &[""]),
        ("two policies", format!("{POLICY}\n---\n{POLICY}\n"), &["document 1", "document 2"]),
        ("a policy without a version", "{tools: {}}".to_owned(), &[""]),
    ] {
        finds(what, &text, expected);
    }
}

#[test]
fn policies_in_configuration_of_envoy_are_named_by_their_filters() {
    let own = own();
    for (what, text, expected) in [
        ("a list of filters", format!("http_filters:\n{own}"), &["filter `mcp`"][..]),
        ("a list", own.clone(), &["filter `mcp`"]),
        (
            "two filters of one name",
            format!("http_filters:\n{own}{own}"),
            &["filter `mcp`", "filter `mcp`, number 2"],
        ),
        (
            "a listener in camel case",
            format!(
                "resources:\n- name: main\n  filterChains: []\n  x:\n  {}",
                indented(&own.replace("vm_config", "vmConfig"), 2)
            ),
            &["listener `main`, filter `mcp`"],
        ),
        (
            "a plugin without a filter around it",
            format!("a: {{root_id: r, vm_config: {{runtime: x}}, configuration: {}}}", structure(POLICY)),
            &["filter `r`"],
        ),
        (
            "a plugin without names",
            format!("a: [{{vm_config: {{runtime: x}}, configuration: {}}}]", structure(POLICY)),
            &["a[0]"],
        ),
        (
            "a TypedStruct",
            format!(
                "typed_config: {{\"@type\": type.googleapis.com/xds.type.v3.TypedStruct, type_url: t, value: {{config: \
                 {{name: plug, configuration: {}}}}}}}",
                string_value("{\"version\": \"1\"}")
            ),
            &["filter `plug`"],
        ),
    ] {
        finds(what, &text, expected);
    }
}

#[test]
fn policies_in_objects_of_kubernetes_are_named_by_the_object_too() {
    let own = own();
    for (what, text, expected) in [
        (
            "a WasmPlugin in a List",
            "{apiVersion: v1, kind: List, items: [{apiVersion: x, kind: WasmPlugin, metadata: {name: p}, spec: {pluginConfig: \
             {tools: {}}}}]}"
                .to_owned(),
            &["WasmPlugin p"][..],
        ),
        (
            "an EnvoyFilter",
            format!(
                "apiVersion: x\nkind: EnvoyFilter\nmetadata: {{name: f, namespace: mesh}}\nspec:\n  configPatches:\n  - patch:\n      \
                 value:\n        {}",
                indented(own.strip_prefix("- ").unwrap(), 6)
            ),
            &["EnvoyFilter mesh/f, filter `mcp`"],
        ),
        (
            "an EnvoyExtensionPolicy",
            "{apiVersion: x, kind: EnvoyExtensionPolicy, metadata: {name: e}, spec: {wasm: [{name: a, config: {version: \"1\"}}, \
             {name: other, config: {x: 1}}, {name: b, config: {mode: shadow}}]}}"
                .to_owned(),
            &["EnvoyExtensionPolicy e, filter `a`", "EnvoyExtensionPolicy e, filter `b`"],
        ),
        (
            "a ConfigMap",
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  notes: x\n  bad.yaml: '['\n  a.yaml: |\n    \
                 http_filters:\n    {}",
                indented(&own, 4)
            ),
            &["ConfigMap c, `a.yaml`, filter `mcp`"],
        ),
    ] {
        finds(what, &text, expected);
    }
}

#[test]
fn of_a_file_with_several_policies_one_is_chosen_by_its_server_or_its_number() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../envoy");
    let names = "number 1 is `files` (listener `mcp`, filter `mcp_policy_files`); number 2 is `mail` (listener `mcp`, filter \
                 `mcp_policy_mail`); number 3 is `closed` (listener `mcp`, filter `mcp_policy_closed`)";
    for (choice, expected) in [
        ("several.yaml#mail", Ok("mail")),
        ("several.yaml#3", Ok("closed")),
        ("envoy.yaml#1", Ok("example")),
        ("envoy.yaml", Ok("example")),
        ("several.yaml", Err("choose it with ")),
        ("several.yaml#post", Err("holds no policy of the server `post`; number 1 is ")),
        ("several.yaml#0", Err("holds no policy of the server `0`; number 1 is ")),
        ("several.yaml#", Err("holds no policy of the server ``; number 1 is ")),
    ] {
        let found = crate::input::policy(&format!("{folder}/{choice}"));
        match (found, expected) {
            (Ok(found), Ok(server)) => assert_eq!(found.policy().unwrap().server, server, "{choice}"),
            (Err(failure), Err(why)) => {
                let failure = failure.to_string();
                assert!(failure.contains(why) && failure.ends_with(names), "{choice}: {failure}");
            }
            (found, _) => panic!("{choice}: {:?}", found.map(|found| found.name())),
        }
    }
}

#[test]
fn policies_of_one_server_are_told_apart_by_their_numbers() {
    let filters = |servers: [&str; 2]| {
        let filter = |server| format!("{{name: f, config: {{version: '1', server: {server}}}}}");
        let all = servers.map(filter).join(", ");
        format!(
            "{{apiVersion: x, kind: EnvoyExtensionPolicy, metadata: {{name: e}}, spec: {{wasm: [{all}]}}}}"
        )
    };
    let found = find_in("a.yaml", &filters(["a", "a"])).unwrap().found;
    let failure = super::super::choose(found.clone(), "a.yaml", "a").unwrap_err().to_string();
    assert!(
        failure.starts_with("`a.yaml` holds several policies of `a`: choose one by its number"),
        "{failure}"
    );
    let second = super::super::choose(found, "a.yaml", "2").unwrap();
    assert_eq!(second.within.as_deref(), Some("EnvoyExtensionPolicy e, filter `f`, number 2"));
    // A name goes before a number.
    let found = find_in("a.yaml", &filters(["'2'", "a"])).unwrap().found;
    let named = super::super::choose(found, "a.yaml", "2").unwrap();
    assert_eq!(named.within.as_deref(), Some("EnvoyExtensionPolicy e, filter `f`"));
}
