"""Puts the snippets of the documents into what surrounds them, so that a program can load them."""

import copy
import json
from pathlib import Path

import yaml

import places

# What the place of the document is that a snippet shows a part of.
AROUND = {
    "version": "1",
    "server": "documented",
    "identity": [
        {"mtls": "uri_san"},
        {"jwt": {"payload": "jwt_payload"}},
        {"api_key": {"header": "x-api-key"}},
    ],
    "approvals": {"cluster": "approvals"},
    "shared_limits": {"cluster": "ratelimit"},
}
# What a reader has to fill in.
PLACEHOLDERS = {"<64 hex digits>": "0" * 64}
BOOTSTRAP = {"admin", "stats_config", "static_resources", "overload_manager", "layered_runtime", "node"}
PLUGIN = {"failure_policy", "allow_on_headers_stop_iteration", "vm_config", "fail_open", "reload_config"}
CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"


def filled(text: str) -> str:
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    return text


def members(text: str) -> dict:
    """Read a snippet of JSON: an object, or members of one without its braces."""
    text = filled(text).strip()
    return json.loads(text if text.startswith("{") else "{" + text + "}", object_pairs_hook=unique)


def unique(pairs: list) -> dict:
    assert len({key for key, _ in pairs}) == len(pairs), f"a key appears twice: {pairs}"
    return dict(pairs)


def document(found: dict, document_keys: set, rule_keys: set) -> dict:
    """Make a policy of a snippet: it is a document, members of one, members of a rule, or entries of `tools`."""
    if "version" in found:
        return found
    if found.keys() <= document_keys:
        return {**AROUND, **found}
    if found.keys() <= rule_keys:
        return {**AROUND, "tools": {"documented": found}}
    return {**AROUND, "tools": found}


def envoy_configuration(text: str, module: Path) -> dict:
    """Put a snippet of an Envoy configuration into `envoy/envoy.yaml`, in the place where its keys belong."""
    tree = yaml.safe_load((places.ROOT / "envoy" / "envoy.yaml").read_text())
    snippet = yaml.safe_load(text)
    manager = tree["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    assert manager["name"] == CONNECTION_MANAGER
    http = manager["typed_config"]
    wasm, router = copy.deepcopy(http["http_filters"])
    if isinstance(snippet, list):
        tree["static_resources"]["clusters"] += snippet
    elif snippet.keys() <= BOOTSTRAP:
        tree.update(snippet)
    elif snippet.keys() <= PLUGIN:
        http["http_filters"][0]["typed_config"]["config"].update(snippet)
    else:
        http.update(snippet)
    # A filter that is named only stands for the one that the page has shown before.
    filters = [one if "typed_config" in one else {**wasm, **one} for one in http["http_filters"]]
    http["http_filters"] = filters if filters[-1]["name"] == router["name"] else [*filters, router]
    return with_module(tree, module)


def with_module(node: object, module: Path) -> object:
    """Name the module that was built in place of the one that a proxy has."""
    if isinstance(node, list):
        return [with_module(one, module) for one in node]
    if isinstance(node, dict):
        return {key: with_module(value, module) for key, value in node.items()}
    return str(module) if node == "/etc/mcp-policy/mcp_policy_filter.wasm" else node
