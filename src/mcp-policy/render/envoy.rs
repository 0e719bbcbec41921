//! A whole configuration of Envoy.

use super::document::{Document, GENERATED};
use super::module::Module;
use super::servers::Servers;
use super::{Address, Ports};
use crate::outcome::Failure;
use crate::yaml;

/// Writes the configuration.
///
/// # Errors
/// The module is not a file.
pub fn render(servers: &Servers, module: &Module, ports: &Ports) -> Result<String, Failure> {
    Ok(configuration(servers, module.file("Envoy")?, ports))
}

/// What turns the labels of metrics into tags.
const TAGS: &str = r#"# These rules turn the labels in the names of the filter's metrics into tags.
stats_config:
  stats_tags:
    - { tag_name: mcp_server, regex: "^wasmcustom\\.mcp_policy\\..*(\\.server\\.([^.]+))(?:\\.mode\\.shadow)?$" }
    - { tag_name: mcp_mode, regex: "^wasmcustom\\.mcp_policy\\..*(\\.mode\\.(shadow))$" }
    - { tag_name: mcp_decision, regex: "^wasmcustom\\.mcp_policy\\.decisions(\\.decision\\.(\\w+))" }
    - { tag_name: mcp_code, regex: "^wasmcustom\\.mcp_policy\\.decisions\\.decision\\.\\w+(\\.code\\.(\\w+))" }
    - { tag_name: mcp_grant, regex: "^wasmcustom\\.mcp_policy\\.(?:decisions|limit_used_ratio)\\..*(\\.grant\\.([^.]+))\\.server\\." }
    - { tag_name: mcp_counter, regex: "^wasmcustom\\.mcp_policy\\.limit_used_ratio(\\.counter\\.([^.]+))" }
    - { tag_name: mcp_tool, regex: "^wasmcustom\\.mcp_policy\\.definitions_changed(\\.tool\\.([^.]+))" }
    - { tag_name: mcp_cause, regex: "^wasmcustom\\.mcp_policy\\.(?:strict_refusals|lists\\.unreadable)(\\.cause\\.(\\w+))" }
    - { tag_name: mcp_why, regex: "^wasmcustom\\.mcp_policy\\.counters\\.unavailable(\\.why\\.(\\w+))" }
    - { tag_name: mcp_outcome, regex: "^wasmcustom\\.mcp_policy\\.(?:approvals|shared_limits)(\\.outcome\\.(\\w+))" }
    - { tag_name: mcp_version, regex: "^wasmcustom\\.mcp_policy\\.build_info(\\.version\\.(.+))\\.server\\." }

"#;

/// The settings of the connection manager, up to its log.
const MANAGER: &str = r#"                # Event streams can be silent for a long time, and so can a slow tool. The next two settings end
                # requests that arrive too slowly instead.
                stream_idle_timeout: 0s
                request_headers_timeout: 15s
                request_timeout: 60s
                # One line of JSON for each request; `mcp` is a list with the filter's record.
                access_log:
                  - name: envoy.access_loggers.stdout
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
                      log_format:
                        omit_empty_values: true
                        text_format_source:
                          inline_string: |
                            {"time":"%START_TIME%","status":%RESPONSE_CODE%,"mcp":[%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)%]"#;

/// The records of a policy in shadow mode, as part of a line of the log.
const SHADOW: &str = r#","mcp_shadow":[%FILTER_STATE(wasm.mcp_policy_shadow:PLAIN)%]"#;

/// The head of the virtual host.
const HOST: &str = r#"                route_config:
                  name: mcp
                  virtual_hosts:
                    - name: mcp
                      domains: ["*"]
"#;

/// Returns a configuration that listens at this machine's own address. It has what docs/install.md says about Envoy.
pub fn configuration(servers: &Servers, module: &str, ports: &Ports) -> String {
    let notes: String = servers.notes().iter().map(|note| format!("# Note: {note}.\n")).collect();
    let (said, shadow) = (servers.said(), if servers.has_candidate() { SHADOW } else { "" });
    let removals = servers.removals();
    let (filters, routes, clusters) = (servers.filters(module), servers.routes(), servers.clusters());
    let Ports { own, admin } = ports;
    format!(
        r#"# Envoy with mcp-policy-filter in front of {said}. It listens on 127.0.0.1:{own}.
{GENERATED}
{notes}
admin:
  address:
    socket_address: {{ address: 127.0.0.1, port_value: {admin} }}

{TAGS}static_resources:
  listeners:
    - name: mcp
      address:
        socket_address: {{ address: 127.0.0.1, port_value: {own} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: mcp
{MANAGER}{shadow}}}
{HOST}{removals}                      routes:
                        # A response lasts as long as its tool runs.
{routes}                http_filters:
                  # Filters that authenticate belong in front of this one. It comes directly before the router, so that
                  # no other filter changes a request after the decision.
{filters}                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router

  clusters:
{clusters}"#
    )
}

/// Returns the cluster of a server.
pub fn cluster(name: &str, Address { host, port }: &Address) -> String {
    let host = yaml::quoted(host);
    format!(
        r"    - name: {name}
      type: STRICT_DNS
      dns_lookup_family: V4_PREFERRED
      connect_timeout: 5s
      load_assignment:
        cluster_name: {name}
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: {{ address: {host}, port_value: {port} }}
"
    )
}

/// Returns the `typed_config` of the filter, for Envoy and for Istio's `EnvoyFilter`.
pub fn filter(document: &Document, module: &str, spaces: usize) -> String {
    let module = yaml::quoted(module);
    wasm("mcp_policy", document, &format!("local:\n  filename: {module}\n"), spaces)
}

/// Returns the same with this name and this `code`.
pub fn wasm(name: &str, document: &Document, code: &str, spaces: usize) -> String {
    let code = yaml::indented(code, 6);
    let head = yaml::indented(
        &format!(
            r#""@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
config:
  name: {name}
  root_id: {name}
  # If the module itself fails, requests get 503 until it runs again. Never use FAIL_OPEN: it forwards every
  # request without a decision.
  failure_policy: FAIL_RELOAD
  # The filter holds a request's headers until it has read the body, so that nothing of a refused call reaches the
  # server. Requires Envoy 1.35.
  allow_on_headers_stop_iteration: true
  vm_config:
    runtime: envoy.wasm.runtime.v8
    # Counters belong to this id. They continue as long as it stays the same.
    vm_id: mcp-policy
    code:
{code}  configuration:
    "@type": type.googleapis.com/google.protobuf.StringValue
    value: "#
        ),
        spaces,
    );
    format!("{head}{}", document.string(spaces.saturating_add(6)))
}

/// Returns the cluster of the approval service.
pub fn approvals(cluster: &str) -> String {
    let name = yaml::quoted(cluster);
    format!(
        r"
    # The approval service. Set its address. It also needs Envoy's token: envoy/approvals.yaml shows the filter that adds
    # it to this cluster, and the secret behind it needs `node` with an `id` and a `cluster` at the top of this file.
    - name: {name}
      type: STRICT_DNS
      dns_lookup_family: V4_PREFERRED
      connect_timeout: 1s
      load_assignment:
        cluster_name: {name}
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: {{ address: 127.0.0.1, port_value: 8090 }}
"
    )
}

/// Returns the cluster of the rate limit service.
pub fn rate_limits(cluster: &str) -> String {
    let name = yaml::quoted(cluster);
    format!(
        r#"
    # The rate limit service that counts shared limits. Set its address.
    - name: {name}
      type: STRICT_DNS
      dns_lookup_family: V4_PREFERRED
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {{ http2_protocol_options: {{}} }}
      load_assignment:
        cluster_name: {name}
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: {{ address: 127.0.0.1, port_value: 8081 }}
"#
    )
}
