"""Who is measured: the listeners of one Envoy, and what is asked of them."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import places
from harness import bootstrap
from harness.options import Options

from . import upstream

PASS_THROUGH, FILTER, NATIVE = "main", "filter", "native"

ALLOWED, DENIED = "summarize", "delete_agent"
MAX = 1_000_000_000

ARGUMENTS = {
    "text": "The river rose in the night, the bridge was closed, nobody was hurt.",
    "length": "short",
}
LENGTH = 223

# What the Python SDK's client sends with a call.
HEADERS = (
    "POST /mcp HTTP/1.1",
    "host: 127.0.0.1",
    "accept: application/json, text/event-stream",
    "accept-encoding: gzip, deflate",
    "connection: keep-alive",
    "user-agent: python-httpx/0.28.1",
    "content-type: application/json",
    "mcp-protocol-version: 2025-06-18",
    "mcp-session-id: 0d5f6c1e8a7b4c2d9e3f1a2b3c4d5e6f",
)


@dataclass
class Contender:
    """One row of the table: `call` asked of `listener`, whose every answer holds `expects`."""

    name: str
    listener: str
    call: bytes
    expects: bytes


def call(tool: str) -> bytes:
    """Build a `tools/call` of 223 bytes with its head."""
    arguments = dict(ARGUMENTS)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    message["params"] = {"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}}
    missing = LENGTH - len(json.dumps(message, separators=(",", ":")))
    arguments["text"] += "." * missing
    body = json.dumps(message, separators=(",", ":")).encode()
    head = "\r\n".join((*HEADERS, f"content-length: {len(body)}"))
    return head.encode() + b"\r\n\r\n" + body


def contenders(extra: dict) -> list:
    """List who is measured, pass-through first, then the filter and what it is measured against."""
    forwarded = upstream.BODY
    return [
        Contender("pass-through", PASS_THROUGH, call(ALLOWED), forwarded),
        Contender("this filter", FILTER, call(ALLOWED), forwarded),
        Contender("mcp + rbac", NATIVE, call(ALLOWED), forwarded),
        *(Contender(name, name, call(ALLOWED), forwarded) for name in extra),
        Contender("this filter, denied", FILTER, call(DENIED), b"\r\nx-mcp-policy: denied\r\n"),
    ]


def proof() -> Contender:
    """Name what shows that Envoy's own filters tell one tool from another.

    They refuse before the request is read to its end, and the connection with it: nothing to
    compare on connections that stay open.
    """
    return Contender("mcp + rbac, denied", NATIVE, call(DENIED), b"HTTP/1.1 403 Forbidden\r\n")


def policy() -> dict:
    """Read policies/aipaygen.json with its limits raised, so that no call is refused for them."""
    document = json.loads((places.ROOT / "policies" / "aipaygen.json").read_text())
    for rule in document["tools"].values():
        for limit in rule.get("limits", ()):
            limit["max"] = MAX
    return document


def options(upstream_port: int, extra: dict, folder: Path) -> Options:
    """Choose the listeners; `extra` gives further builds of the module by name."""
    governed = policy()
    also = {FILTER: governed, NATIVE: None, **dict.fromkeys(extra, governed)}

    def edit(listener: dict) -> None:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        if listener["name"] == NATIVE:
            manager["http_filters"][:0] = native()
        if build := extra.get(listener["name"]):
            module = folder / f"{listener['name']}.wasm"
            shutil.copy(build, module)
            vm = manager["http_filters"][0]["typed_config"]["config"]["vm_config"]
            vm.update(vm_id=listener["name"], code={"local": {"filename": str(module)}})

    return Options(upstream=upstream_port, workers=1, also=also, edit_listener=edit, log_level="error")


def native() -> list:
    """Build Envoy's own way to allow one tool: `mcp` reads the name, `rbac` compares it."""
    name = {"filter": "envoy.filters.http.mcp", "path": [{"key": "params"}, {"key": "name"}]}
    matcher = {**name, "value": {"string_match": {"exact": ALLOWED}}}
    allowed = {
        "permissions": [{"sourced_metadata": {"metadata_matcher": matcher}}],
        "principals": [{"any": True}],
    }
    rules = {"action": "ALLOW", "policies": {"tools": allowed}}
    kind = bootstrap.any_of
    return [
        {
            "name": "envoy.filters.http.mcp",
            "typed_config": kind("extensions.filters.http.mcp.v3.Mcp", traffic_mode="REJECT_NO_MCP"),
        },
        {
            "name": "envoy.filters.http.rbac",
            "typed_config": kind("extensions.filters.http.rbac.v3.RBAC", rules=rules),
        },
    ]
