//! What is wrong with a file around its policies, and what is left out.

use super::{at, find_in, only};
use crate::diagnostic;

/// An Envoy whose only filter has this module and this `configuration`.
fn envoy(module: &str, configuration: &str) -> String {
    format!(
        "http_filters:\n- name: filter\n  typed_config:\n    config:\n      vm_config: {{runtime: r, code: {{local: \
         {{filename: {module}}}}}}}\n      {configuration}\n"
    )
}

fn message(kind: &str, rest: &str) -> String {
    format!("configuration: {{\"@type\": type.googleapis.com/{kind}{rest}}}")
}

#[test]
fn a_configuration_that_envoy_refuses_or_another_module_takes_is_told_with_its_place() {
    const STRUCT: &str = "google.protobuf.Struct";
    const STRING: &str = "google.protobuf.StringValue";
    const BYTES: &str = "google.protobuf.BytesValue";
    let typed = "xds.type.v3.TypedStruct";
    let of_type = "the type of the configuration must be `type.googleapis.com/google.protobuf.StringValue`, \
                   `…BytesValue` or `…Struct`";
    for (configuration, place, expected) in [
        (
            message(STRUCT, ", value: [{version: \"1\"}]"),
            "[{version: \"1\"}]",
            "must be an object: the policy",
        ),
        (message(STRUCT, ", version: \"1\""), "", "`value` is missing, it must be an object: the policy"),
        (
            message(STRING, ", value: {version: \"1\"}"),
            "{version: \"1\"}",
            "must be a string: the policy as JSON",
        ),
        (message(STRING, ", value: 1"), "1", "must be a string: the policy as JSON"),
        (message(STRING, ", value: {value: '{\"version\": 1}'}"), "1", "must be `\"1\"`, found `1`"),
        (
            "configuration: {\"@type\": google.protobuf.Struct, value: {version: '1'}}".to_owned(),
            "google.protobuf.Struct",
            of_type,
        ),
        (message(BYTES, ", value: '{\"version\"'"), "'{\"version\"'", "must be base64"),
        (message(typed, ", value: {version: \"1\"}"), "type.googleapis.com/xds.type.v3.TypedStruct", of_type),
        (message(STRUCT, ", value: {}"), "{}", "is empty, it must hold a policy"),
        (message(STRING, ", value: ''"), "''", "is empty, it must hold a policy"),
        ("name: x".to_owned(), "", "is empty, it must hold a policy"),
        (
            message(BYTES, ", value: eyJ2ZXJzaW9uIjogMX0="),
            "eyJ2ZXJzaW9uIjogMX0=",
            "must be `\"1\"`, found `1`",
        ),
        (message(STRING, ", value: '[1]'"), "[1]", "must be an object, found an array"),
    ] {
        let text = envoy("/mcp_policy_filter.wasm", &configuration);
        let found = only("a.yaml", &text);
        let told = diagnostic::faults(&found);
        assert_eq!(told.iter().map(|told| told.message.as_str()).collect::<Vec<_>>(), [expected], "{text}");
        if !place.is_empty() {
            let written = at(&text, &told[0].place);
            assert_eq!(written.trim_matches('\''), place.trim_matches('\''), "{text}");
        }
        assert!(found.policy().is_err(), "{text}");
    }
}

#[test]
fn only_a_filter_that_clearly_runs_another_module_is_left_out() {
    for (module, configuration, is_found) in [
        ("/other.wasm", "name: x".to_owned(), false),
        ("/other.wasm", message("google.protobuf.Struct", ", value: {rule: 1}"), false),
        ("/other.wasm", message("google.protobuf.StringValue", ", value: '{\"rule\": 1}'"), false),
        ("/other.wasm", message("google.protobuf.StringValue", ", value: some words"), false),
        ("/other.wasm", message("google.protobuf.StringValue", ", value: '{\"tools\": 1,}'"), true),
        ("/other.wasm", message("google.protobuf.StringValue", ", value: '{\"tools\": 1}'"), true),
        ("/other.wasm", message("google.protobuf.Struct", ", value: {tools: 1}"), true),
        ("/mcp-policy/x.wasm", message("google.protobuf.Struct", ", value: {rule: 1}"), true),
        (
            "/other.wasm",
            format!("name: mcp_policy\n      {}", message("google.protobuf.Struct", ", value: {rule: 1}")),
            true,
        ),
    ] {
        let text = envoy(module, &configuration);
        match find_in("a.yaml", &text) {
            Ok(findings) => assert!(is_found && findings.found.len() == 1, "{text}"),
            Err(failure) => {
                assert!(!is_found, "{text}");
                let expected = "; other modules run in filter `filter`";
                assert!(failure.to_string().ends_with(expected), "{failure}");
            }
        }
    }
    let two = envoy("/other.wasm", &message("google.protobuf.Struct", ", value: {tools: {}}"));
    let two = format!(
        "{two}{}",
        two.replace("tools", "rule").replace("name: filter", "name: other").replace("http_filters:\n", "")
    );
    let findings = find_in("a.yaml", &two).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((findings.found.len(), findings.left_out), (1, vec!["filter `other`".to_owned()]));
}

#[test]
fn a_file_without_a_policy_says_what_was_looked_for() {
    for text in [
        "apiVersion: v1\nkind: Service\n",
        "admin: {}\n",
        "static_resources: {listeners: []}\n",
        "a: 1\n---\nb: 2\n",
        "apiVersion: v1\nkind: ConfigMap\ndata: {a.yaml: 'x: ['}\n",
    ] {
        let Err(failure) = find_in("a.yaml", text) else { panic!("{text}") };
        assert!(
            failure.to_string().starts_with("`a.yaml` holds no policy: expected a policy document, or "),
            "{failure}"
        );
    }
}

#[test]
fn a_filter_that_envoy_reads_from_another_file_is_told_with_that_file() {
    let filter = "http_filters:\n- name: mcp_policy\n  config_discovery:\n    config_source:\n      path_config_source: {path: live/filter.yaml}\n";
    let Err(failure) = find_in("a.yaml", filter) else { panic!("a policy") };
    let told = "; the policy of filter `mcp_policy` is in the file `live/filter.yaml`: name that file";
    assert!(failure.to_string().ends_with(told), "{failure}");
    let Err(failure) = find_in("a.yaml", &filter.replace("mcp_policy", "other")) else { panic!("a policy") };
    assert!(!failure.to_string().contains("live"), "{failure}");
    let both = format!(
        "{filter}{}",
        envoy("/mcp_policy.wasm", &message("google.protobuf.Struct", "")).replace("http_filters:\n", "")
    );
    let findings = find_in("a.yaml", &both).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((findings.found.len(), findings.unread.len()), (1, 1));
}

#[test]
fn a_file_that_cannot_be_a_policy_is_told_with_its_place() {
    for (name, text, line, column, message) in [
        ("a.yaml", "", 1, 1, "is empty, it must hold a policy"),
        ("a.yaml", "# nothing\n---\n", 1, 1, "is empty, it must hold a policy"),
        ("a.json", "", 1, 1, "is empty, it must hold a policy"),
        ("a.yaml", "é: [1\n", 2, 1, "must be YAML, but "),
        ("a.yaml", "# é\n- 1\n", 2, 1, "expected a policy document, or "),
        ("a.yaml", "word", 1, 1, "expected a policy document, or "),
        ("a.json", "{\"version\": \"1\",\n}", 2, 1, "must be JSON, but a key is missing at line 2, column 1"),
        ("a.json", "\u{feff}{}", 1, 1, "must be JSON, but there is a byte order mark"),
        ("a.json", "[1]", 1, 1, "must be an object, found an array"),
        ("stdin", " [1]", 1, 2, "must be an object, found an array"),
        ("stdin", "- 1", 1, 1, "expected a policy document, or "),
        ("a.yaml", "version: '1'\n? [a]\n: 1\n", 2, 3, "a key must be a string, not a list or an object"),
    ] {
        let found = only(name, text);
        let told = diagnostic::faults(&found);
        assert_eq!(told.len(), 1, "{told:?}");
        let at = told[0].position();
        assert_eq!((at.line, at.column), (line, column), "{text}: {}", told[0].message);
        assert!(told[0].message.starts_with(message), "{text}: {}", told[0].message);
    }
}

#[test]
fn a_key_that_stands_twice_is_told_where_its_value_is_lost() {
    let lost = |key: &str| {
        format!("duplicate key `{key}`: YAML keeps only the last of its values, so this one is lost")
    };
    let refused = "duplicate key `version`: Envoy refuses a JSON file with one".to_owned();
    let in_envoy =
        envoy("/x.wasm", &message("google.protobuf.Struct", ", value: {version: '1', version: '2'}"));
    for (name, text, line, expected) in [
        ("a.yaml", "version: '1'\ntools:\n  a: {}\n  b: {}\n  a: {action: deny}\n", 3, lost("a")),
        ("a.yaml", "x: &x {}\nversion: '1'\nx: 1\n", 1, lost("x")),
        ("a.yaml", in_envoy.as_str(), 6, lost("version")),
        (
            "a.json",
            "{\"vm_config\": {\"runtime\": 1}, \"configuration\": {\"@type\": \"google.protobuf.Struct\",\n\"value\": \
            {\"version\": \"1\", \"version\": \"1\"}}}",
            2,
            refused,
        ),
    ] {
        let found = only(name, text);
        let told = &diagnostic::faults(&found)[0];
        assert_eq!((told.id, told.message.as_str()), ("duplicate-key", expected.as_str()), "{text}");
        assert_eq!(told.position().line, line, "{text}");
    }
    // The last one counts: what is wrong with it has its place.
    let found = only("a.yaml", "version: '1'\nversion: '2'\n");
    let told = diagnostic::faults(&found);
    let lines: Vec<(&str, usize)> = told.iter().map(|told| (told.id, told.position().line)).collect();
    assert_eq!(lines, [("duplicate-key", 1), ("wrong-value", 2)]);
}

#[test]
fn merge_keys_merge_in_kubernetes_and_are_told_elsewhere() {
    let plugin = "apiVersion: x\nkind: WasmPlugin\nmetadata: {annotations: &base {version: '1', mode: shadow}}\nspec:\n  \
                  pluginConfig:\n    <<: *base\n    mode: enforce\n";
    let policy = only("a.yaml", plugin).policy().unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(policy.server, "default");
    let found = only("a.yaml", "version: '1'\nrules: &r {a: {}}\ntools:\n  <<: *r\n");
    let told = &diagnostic::faults(&found)[0];
    assert_eq!((told.id, told.position().line), ("merge-key", 4));
}

#[test]
fn escapes_that_envoy_reads_as_a_space_are_told_with_their_place() {
    let config = r#"version: "1"
tools: {a: {require: [{path: args.x, op: regex, value: "^[a-z\\._]+\_$"}]}}
"#;
    for (text, written, message) in [
        (config.to_owned(), r"\_", r"Envoy reads `\_` as a space: write `\u00A0`, or a space"),
        (config.replace(r"\_", r"\N"), r"\N", r"Envoy reads `\N` as a space: write `\u0085`, or a space"),
        (
            envoy("/mcp_policy_filter.wasm", &message("google.protobuf.StringValue", r#", value: "{}\_""#)),
            r"\_",
            r"Envoy reads `\_` as a space: write `\u00A0`, or a space",
        ),
        (
            format!(
                "apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: |\n    {}\n",
                envoy("/mcp_policy_filter.wasm", r#"x: "\_""#).trim_end().replace('\n', "\n    ")
            ),
            r"\_",
            r"Envoy reads `\_` as a space: write `\u00A0`, or a space",
        ),
    ] {
        let found = only("a.yaml", &text);
        let told = diagnostic::faults(&found);
        assert_eq!(told.iter().map(|told| told.message.as_str()).collect::<Vec<_>>(), [message], "{text}");
        assert_eq!(at(&text, &told[0].place), written, "{text}");
    }
    // Two backslashes are one, and without double quotes there are no escapes.
    for harmless in [config.replace(r"\_", r"\\_"), config.replace('"', "'")] {
        assert!(only("a.yaml", &harmless).policy().is_ok(), "{harmless}");
    }
    // Kubernetes reads them as YAML says.
    let kept = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec:\n  pluginConfig: {version: \"1\", description: \"\\_\"}\n";
    assert!(only("a.yaml", kept).policy().is_ok());
}

#[test]
fn a_file_of_a_config_map_that_names_the_module_and_cannot_be_read_is_told() {
    for (name, held, expected) in
        [("a.yaml", "mcp_policy: [", "must be YAML, but "), ("a.json", "{mcp_policy", "must be JSON")]
    {
        let text = format!("apiVersion: v1\nkind: ConfigMap\ndata: {{{name}: '{held}'}}\n");
        let told = diagnostic::faults(&only("a.yaml", &text));
        assert!(told.len() == 1 && told[0].message.starts_with(expected), "{told:?}");
    }
}
