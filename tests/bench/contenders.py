"""What is measured: the listeners of one Envoy, and their requests."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness import bootstrap
from harness.options import Options

from . import policies
from .policies import API_KEY, DENIED, TOOL

PASS_THROUGH, FILTER, NATIVE = "main", "filter", "native"

TEXT = "The river rose in the night, the bridge was closed, nobody was hurt. "
SHORT, MIDDLE, LONG = 223, 4_096, 102_400

# The headers that the Python SDK's client sends with a call.
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

# The server's answer, and the head of a refusal.
FORWARDED, REFUSED = b"the trains ran again by evening", b"\r\nx-mcp-policy: denied\r\n"


@dataclass
class Contender:
    """One row: `call` is sent to `listener`, and every answer contains `expects`.

    Its cost is given relative to `base`, and as a ratio to the cost of `reference` over `base`. Both are rows
    with a body of the same length. `paced` rows are also measured at a fixed rate.
    """

    name: str
    listener: str
    call: bytes
    base: str = "pass-through"
    reference: str = "mcp + rbac"
    expects: bytes = FORWARDED
    paced: bool = False


@dataclass
class Growth:
    """A kind of policy, and its sizes."""

    name: str
    policy: object
    counts: tuple
    key: bool = False

    def rows(self) -> dict:
        """Name each size's row, with its listener and its policy."""
        slug = self.name.replace(" ", "-")
        return {f"{count:,} {self.name}": (f"{slug}-{count}", self.policy(count)) for count in self.counts}


GROWTH = (
    Growth("tools", policies.tools, (10, 1_000, 10_000)),
    Growth("patterns", policies.patterns, (10, 1_000)),
    Growth("hide patterns", policies.hidden, (10, 1_000)),
    Growth("grants by key", policies.grants, (1, 1_000), key=True),
)


def call(tool: str, length: int = SHORT, key: bool = False) -> bytes:
    """Build a `tools/call` of this many bytes, with its head."""
    arguments = {"text": "", "length": "short"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    message["params"] = {"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}}
    missing = length - len(json.dumps(message, separators=(",", ":")))
    arguments["text"] = (TEXT * (missing // len(TEXT) + 1))[:missing]
    body = json.dumps(message, separators=(",", ":")).encode()
    headers = (*HEADERS, *([f"x-api-key: {API_KEY}"] if key else []), f"content-length: {len(body)}")
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + body


def contenders(extra: dict) -> list:
    """List the contenders; `extra` gives further builds of the module by name."""
    builds = {"this filter": FILTER, **{name: name for name in extra}}
    allowed, keyed = call(TOOL), call(TOOL, key=True)
    rows = [
        Contender("pass-through", PASS_THROUGH, allowed, paced=True),
        Contender("mcp + rbac", NATIVE, allowed, paced=True),
        *(Contender(name, listener, allowed, paced=True) for name, listener in builds.items()),
        *(
            Contender(f"{name}, API key + schema", f"{listener}-key", keyed, paced=True)
            for name, listener in builds.items()
        ),
        Contender("this filter, denied", FILTER, call(DENIED), expects=REFUSED),
    ]
    for length, words in ((MIDDLE, "4 kB"), (LONG, "100 kB")):
        same = {
            "call": call(TOOL, length),
            "base": f"pass-through, {words}",
            "reference": f"mcp + rbac, {words}",
        }
        listeners = {"pass-through": PASS_THROUGH, "mcp + rbac": NATIVE, **builds}
        rows += [Contender(f"{name}, {words}", listener, **same) for name, listener in listeners.items()]
    for growth in GROWTH:
        asked = keyed if growth.key else allowed
        rows += [Contender(name, listener, asked) for name, (listener, _) in growth.rows().items()]
    return rows


def proof() -> Contender:
    """Return requests which show that Envoy's own filters distinguish tools.

    They refuse before the end of the request and close the connection, so they cannot be compared on
    persistent connections.
    """
    return Contender("mcp + rbac, denied", NATIVE, call(DENIED), expects=b"HTTP/1.1 403 Forbidden\r\n")


def options(upstream_port: int, extra: dict, folder: Path) -> Options:
    """Choose the listeners; `extra` gives further builds of the module by name."""
    aipaygen, api_key = policies.aipaygen(), policies.api_key()
    also = {FILTER: aipaygen, f"{FILTER}-key": api_key, NATIVE: None}
    modules = {}
    for name, build in extra.items():
        modules |= {name: (name, build), f"{name}-key": (name, build)}
        also |= {name: aipaygen, f"{name}-key": api_key}
    for growth in GROWTH:
        also |= dict(growth.rows().values())

    def edit(listener: dict) -> None:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        if listener["name"] == NATIVE:
            manager["http_filters"][:0] = native()
        if listener["name"] in modules:
            name, build = modules[listener["name"]]
            module = folder / f"{name}.wasm"
            shutil.copy(build, module)
            vm = manager["http_filters"][0]["typed_config"]["config"]["vm_config"]
            vm.update(vm_id=name, code={"local": {"filename": str(module)}})

    return Options(upstream=upstream_port, workers=1, also=also, edit_listener=edit, log_level="error")


def native() -> list:
    """Build Envoy's own filters that allow one tool: `mcp` reads the name, `rbac` compares it."""
    name = {"filter": "envoy.filters.http.mcp", "path": [{"key": "params"}, {"key": "name"}]}
    matcher = {**name, "value": {"string_match": {"exact": TOOL}}}
    allowed = {
        "permissions": [{"sourced_metadata": {"metadata_matcher": matcher}}],
        "principals": [{"any": True}],
    }
    rules = {"action": "ALLOW", "policies": {"tools": allowed}}
    kind = bootstrap.any_of
    # By default it reads 8 kB and refuses longer bodies. Here it reads as much as this filter does.
    limits = {"traffic_mode": "REJECT_NO_MCP", "max_request_body_size": 1_048_576}
    mcp = kind("extensions.filters.http.mcp.v3.Mcp", **limits)
    return [
        {"name": "envoy.filters.http.mcp", "typed_config": mcp},
        {
            "name": "envoy.filters.http.rbac",
            "typed_config": kind("extensions.filters.http.rbac.v3.RBAC", rules=rules),
        },
    ]
