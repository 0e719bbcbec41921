//! A file of Docker Compose: Envoy with its whole configuration.

use super::module::Module;
use super::servers::Servers;
use super::{Ports, envoy};
use crate::outcome::Failure;
use crate::yaml::{self, indented};

/// Where the module is in the container.
const INSIDE: &str = "/etc/mcp-policy/mcp_policy_filter.wasm";

/// Writes the file.
///
/// # Errors
/// The module is not a file.
pub fn render(servers: &Servers, module: &Module, ports: &Ports) -> Result<String, Failure> {
    let path = match module.file("Docker Compose")? {
        INSIDE => "./mcp_policy_filter.wasm",
        path => path,
    };
    let volume = yaml::quoted(&format!("{path}:{INSIDE}:ro").replace('$', "$$"));
    let configuration = envoy::configuration(servers, INSIDE, ports);
    // Compose would replace what follows a dollar sign.
    let port = ports.own;
    let content = indented(&configuration.replace('$', "$$"), 6);
    let text = format!(
        r"# Envoy with mcp-policy-filter, for Docker Compose 2.23.1 or later:
#
#     docker compose -f FILE up
#
# It listens on 127.0.0.1:{port}.
services:
  envoy:
    image: envoyproxy/envoy:v1.40.0
    # Envoy uses the network of the machine: it listens there, and reaches the server there.
    network_mode: host
    command: envoy -c /etc/envoy/envoy.yaml
    configs:
      - source: envoy
        target: /etc/envoy/envoy.yaml
    volumes:
      # The filter's module, from where it lies on this machine.
      - {volume}

configs:
  envoy:
    # A dollar sign is written twice here.
    content: |
{content}"
    );
    Ok(text)
}
