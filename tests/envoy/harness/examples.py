"""The example configurations in `envoy/`, with a test's own ports and files."""

import yaml

import places
from harness import policy, runs

MODULE = "/etc/mcp-policy/mcp_policy_filter.wasm"


def configurations() -> list:
    """Find Envoy's own configurations below envoy/ that name the module."""
    found = {path: path.read_text() for path in sorted((places.ROOT / "envoy").rglob("*.yaml"))}
    return [path for path, text in found.items() if "vm_config:" in text and "apiVersion:" not in text]


def plugins(tree: object) -> list:
    """Find every filter that runs the module, at any depth."""
    if isinstance(tree, dict):
        own = [tree] if "vm_config" in tree else []
        return own + [found for value in tree.values() for found in plugins(value)]
    return [found for value in tree for found in plugins(value)] if isinstance(tree, list) else []


def edit_to(text: str, listener: str, ports: dict, files: dict, document: dict | None = None):
    """Return an edit that replaces a bootstrap by the example `text`.

    Its listener gets the name `listener`, and its own ports become free ones. `ports` maps each of its other
    ports to one of this machine. `files` gives the text of each of its files in /etc/mcp-policy, and the example
    must use them all. If there is a `document`, it replaces the policy.
    """
    sources = {f"/etc/mcp-policy/{name}": {"inline_string": content} for name, content in files.items()}
    sources[MODULE] = {"filename": str(runs.module())}
    ports = {10000: 0, 9901: 0, **ports}
    used = set()

    def replaced(node: object) -> object:
        if isinstance(node, list):
            return [replaced(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "filename" in node:
            used.add(node["filename"])
            return sources[node["filename"]]
        if "port_value" in node:
            # Some hosts of the examples exist only in their containers.
            return {**node, "address": "127.0.0.1", "port_value": ports[node["port_value"]]}
        if document and node.get("@type", "").endswith("google.protobuf.Struct"):
            return policy.configuration(document)
        return {key: replaced(value) for key, value in node.items()}

    def edit(tree: dict) -> None:
        built = replaced(yaml.safe_load(text))
        assert used == set(sources)
        [only] = built["static_resources"]["listeners"]
        only["name"] = listener
        tree.clear()
        tree.update(built)

    return edit
