//! A policy, written in each kind of file.

use std::fmt::Write as _;

use crate::input::node::{Node, Value};

/// Writes a value as YAML in block style, each line but the first indented. Scalars are written as in JSON.
fn block(node: &Node, indentation: usize) -> String {
    let next = " ".repeat(indentation);
    match &node.value {
        Value::List(elements) if !elements.is_empty() => {
            elements.iter().fold(String::new(), |mut out, element| {
                let _ =
                    write!(out, "\n{next}- {}", block(element, indentation.saturating_add(2)).trim_start());
                out
            })
        }
        Value::Object(members) if !members.is_empty() => {
            members.iter().fold(String::new(), |mut out, (key, _, value)| {
                let _ =
                    write!(out, "\n{next}{}: {}", quoted(key), block(value, indentation.saturating_add(2)));
                out
            })
        }
        Value::List(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(text) => text.clone(),
        Value::Text(text) => quoted(text),
    }
}

/// Writes a string in double quotes, so that JSON and YAML read the same.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap().replace('\u{7f}', "\\u007f")
}

/// Writes a text as a literal block scalar with its header. `indentation` is that of the parent.
fn literal(text: &str, indentation: usize) -> String {
    let spaces = " ".repeat(indentation.saturating_add(2));
    let lines: Vec<String> = text.split('\n').map(|line| format!("{spaces}{line}")).collect();
    format!("|2-\n{}", lines.join("\n"))
}

pub(super) fn yaml(root: &Node) -> String {
    format!("# é\n--- {}\n", block(root, 0))
}

const BOOTSTRAP: &str = r#"# Ein Stück Text, 文字
static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          http_filters:
          - name: mcp_policy
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                vm_config: {runtime: envoy.wasm.runtime.v8, code: {local: {filename: /mcp_policy_filter.wasm}}}
                configuration:
                  "@type": type.googleapis.com/google.protobuf.TYPE
                  value: VALUE
          - name: envoy.filters.http.router
"#;

/// Writes the configuration of an Envoy whose filter has this `configuration`.
fn bootstrap(message: &str, value: &str) -> String {
    BOOTSTRAP.replace("TYPE", message).replace("VALUE", value)
}

pub(super) fn structure(root: &Node) -> String {
    bootstrap("Struct", &block(root, 20))
}

pub(super) fn literal_string(text: &str) -> String {
    bootstrap("StringValue", &literal(text, 18))
}

pub(super) fn quoted_string(text: &str) -> String {
    bootstrap("StringValue", &quoted(text))
}

pub(super) fn single_quoted_string(text: &str) -> String {
    bootstrap("StringValue", &format!("'{}'", text.replace('\'', "''")))
}

pub(super) fn wasm_plugin(root: &Node) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: mcp}}\n---\napiVersion: extensions.istio.io/v1alpha1\n\
         kind: WasmPlugin\nmetadata:\n  name: policy\n  namespace: mcp\nspec:\n  url: oci://registry.example/mcp-policy:1\n  \
         pluginConfig: {}\n",
        block(root, 4)
    )
}

pub(super) fn extension_policy(text: &str) -> String {
    format!(
        "{{\"apiVersion\": \"gateway.envoyproxy.io/v1alpha1\", \"kind\": \"EnvoyExtensionPolicy\",\n \"metadata\": \
         {{\"name\": \"é\"}},\n \"spec\": {{\"wasm\": [{{\"name\": \"mcp_policy\", \"config\": {text}}}]}}}}"
    )
}

pub(super) fn config_map(root: &Node) -> String {
    let inner = structure(root);
    let lines: Vec<String> = inner.lines().map(|line| format!("    {line}")).collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: envoy}}\ndata:\n  envoy.yaml: |\n{}\n",
        lines.join("\n")
    )
}
