"""Guards your own MCP server: `make run UPSTREAM=host:port POLICY=file`.

Runs Envoy in the foreground with envoy/envoy.yaml, the documented example, and replaces its upstream and
policy. The screen shows Envoy's log and access log.
"""

import argparse
import os
import sys
from pathlib import Path

import yaml

import places
from harness import bootstrap, policy, runs

EXAMPLE = places.ROOT / "envoy" / "envoy.yaml"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make run", usage="make run UPSTREAM=host:port POLICY=file [PORT=10000]"
    )
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--policy", required=True, type=Path)
    parser.add_argument("--port", type=int, default=10000)
    given = parser.parse_args()
    host, _, port = given.upstream.rpartition(":")
    if not host or not port.isdigit():
        parser.error(f"UPSTREAM: must be host:port, found `{given.upstream}`")
    if not given.policy.is_file():
        parser.error(f"POLICY: there is no file `{given.policy}`")
    given.host, given.upstream_port = host.strip("[]"), int(port)
    return given


def written(path: Path) -> object:
    """Read a policy file: YAML becomes a Struct, anything else stays JSON text."""
    if path.suffix in (".yaml", ".yml"):
        return policy.Struct(yaml.safe_load(path.read_text()))
    return policy.read(path)


def fill(tree: dict, given: argparse.Namespace) -> None:
    """Put the upstream, the policy and this run's paths into the example."""
    static = tree["static_resources"]
    endpoint = static["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"] = {"address": given.host, "port_value": given.upstream_port}
    listener = static["listeners"][0]
    listener["address"]["socket_address"]["port_value"] = given.port
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    config = next(one for one in filters if one["name"] == bootstrap.FILTER)["typed_config"]["config"]
    config["configuration"] = policy.configuration(written(given.policy))
    config["vm_config"]["code"]["local"]["filename"] = str(runs.module())
    # Another Envoy may use the example's admin port, so this one chooses a port and logs it.
    tree["admin"]["address"]["socket_address"]["port_value"] = 0


def main() -> None:
    given = arguments()
    tree = yaml.safe_load(EXAMPLE.read_text())
    fill(tree, given)
    folder = places.TARGET / "run"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "envoy.yaml"
    bootstrap.write(config, tree)
    print(
        f"http://127.0.0.1:{given.port} guards {given.upstream} with {given.policy} ({runs.mode()})",
        flush=True,
    )
    command, environment = runs.foreground(config, ["--log-level", "info"])
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    sys.exit(main())
