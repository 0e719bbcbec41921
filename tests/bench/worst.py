"""Measures the CPU time of calls that cause much work, beside a plain call: `make bench ARGS=--worst`.

Each body has the default size of 1 MiB. `tests/cost` looks for the costliest bodies by counting operations; this shows what
some of them take in Envoy.
"""

import json
import socket
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.options import Options
from harness.proxy import Envoy

from . import cpu
from .contenders import HEADERS

SIZE = 1_048_576
WARMING, ROUNDS = 4, 9
PLAIN = "a rule without conditions"
EMAIL = "[a-z0-9]{1,64}@[a-z0-9-]{1,255}"


def call(before: str, unit: str, behind: str, method: str = "tools/call") -> bytes:
    """Build a body of 1 MiB: `unit` is repeated."""
    head = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method})[:-1] + ', "params": ' + before
    times = (SIZE - len(head.encode()) - len(behind.encode()) - 1) // len(unit.encode())
    return (head + unit * times + behind + "}").encode()


def elements(element: str) -> bytes:
    last = element.removesuffix(",")
    return call('{"name": "t", "arguments": {"a": [', element, last + "]}}")


def text(unit: str = "a") -> bytes:
    return call('{"name": "t", "arguments": {"a": "', unit, '"}}')


def keys(key: str) -> bytes:
    """Build a call with many different arguments."""
    members, size, number = [], 200, 0
    while size < SIZE:
        members.append(f'"{key}{number:x}":1')
        size += len(members[-1].encode()) + 1
        number += 1
    return call('{"name": "t", "arguments": {' + ",".join(members), " ", "}}")


def listen(count: int, uri: str) -> bytes:
    uris = ",".join(f'"{uri}"' for _ in range(count))
    before = '{"notifications": {"resourceSubscriptions": [' + uris
    return call(before, " ", "]}}", "subscriptions/listen")


def condition(op: str, value: object) -> dict:
    return {"path": "args.a[*]", "op": op, "value": value}


def rows() -> dict:
    """List the rows by name: the rule of the tool, and the body."""
    items = lambda schema: {"arguments": {"properties": {"a": {"items": schema}}}}  # noqa: E731
    denied = lambda *conditions: {"deny_if": list(conditions)}  # noqa: E731
    quarters = [number + 0.25 for number in range(20)]
    objects = [{"type": "object", "properties": {"k": {"const": n}}, "required": ["k"]} for n in range(8)]
    fifty = {"arguments": {"properties": {f"prop{number}": {} for number in range(50)}}}
    five = ["rm -rf", "[;&|`$]", "^https://[a-z.]+/x", r"\bDROP\b", "(?i)password"]
    strings = lambda size: elements('"' + "a" * size + '",')  # noqa: E731
    return {
        PLAIN: ({}, text()),
        "the same, keys in escapes": ({}, keys("\\u006b")),
        "items: number, minimum, maximum": (
            items({"type": "number", "minimum": 0, "maximum": 1e9}),
            elements("1.5,"),
        ),
        "enum of 20 numbers": (items({"not": {"enum": quarters}}), elements("1.5,")),
        "in 20 numbers": (denied(condition("in", quarters)), elements("1.5,")),
        "in 100 integers": (denied(condition("in", list(range(200, 300)))), elements("99,")),
        "a regex of 320 characters": (denied(condition("regex", EMAIL)), strings(30_000)),
        "the same, on strings of 61 bytes": (denied(condition("regex", EMAIL)), strings(61)),
        "the same as pattern, without maxLength": (
            {"arguments": {"properties": {"a": {"not": {"pattern": EMAIL}}}}},
            text(),
        ),
        "a regex of 1,000 characters": (denied(condition("regex", "[a-z]{1,1000}@")), strings(16_000)),
        "five regexes": (denied(*(condition("regex", regex) for regex in five)), strings(1_000)),
        "anyOf of 8 objects": (items({"anyOf": objects}), elements('{"k":7.5},')),
        "50 properties, other letters": (fifty, keys("é")),
        "globs": (denied(condition("glob", "*a*b*c*d*")), elements('"",')),
        "if, then, else": (
            items({"if": {"const": 1}, "then": {"minimum": 0}, "else": {"not": {"const": 2}}}),
            elements("1.5,"),
        ),
        "listen, 1,000 URIs, 2 limits": (None, listen(1_000, "a:b")),
        "listen, 110,000 URIs, 2 limits": (None, listen(110_000, "a:b")),
    }


def policy(rule: dict | None) -> dict:
    limit = {"window": "minute", "max": 1_000_000_000}
    limits = [{**limit, "counter": "a"}, {**limit, "counter": "b"}]
    entries = {"resources": {"*": {"limits": limits}}} if rule is None else {"tools": {"t": rule}}
    return {"version": "1", **entries}


def once(port: int, body: bytes) -> str:
    """Send a call on a new connection; return the filter's word for the outcome."""
    head = "\r\n".join((*HEADERS, f"content-length: {len(body)}")).encode() + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head + body)
        answer = connection.recv(65_536).decode(errors="replace")
    found = [line for line in answer.split("\r\n") if line.startswith("x-mcp-policy:")]
    return found[0].split(": ")[1] if found else "passed" if " 200 " in answer[:16] else answer[:16]


class Handler(BaseHTTPRequestHandler):
    """Reads every body and answers it."""

    def do_POST(self) -> None:
        """Answer a request."""
        length = self.headers["content-length"]
        if length is not None:
            self.rfile.read(int(length))
        answer = b'{"jsonrpc":"2.0","id":1,"result":{}}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def server() -> Iterator[int]:
    """Run the server behind Envoy; give its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


def run() -> None:
    """Print the table."""
    named = rows()
    listeners = {f"row{number}": policy(rule) for number, (rule, _) in enumerate(named.values())}
    with server() as port, tempfile.TemporaryDirectory(prefix="mcp-policy-worst-") as folder:
        envoy = Envoy(Options(upstream=port, workers=1, also=listeners, log_level="error"), Path(folder))
        try:
            spent, outcomes = {name: [] for name in named}, {}
            for number in range(WARMING + ROUNDS):
                for listener, (name, (_, body)) in zip(listeners, named.items(), strict=True):
                    before = cpu.spent_ns(envoy.pid)
                    outcomes[name] = once(envoy.ports[listener], body)
                    if number >= WARMING:
                        spent[name].append((cpu.spent_ns(envoy.pid) - before) / 1e6)
        finally:
            envoy.stop()
    plain = statistics.median(spent[PLAIN])
    print(f"{'policy':<42} {'outcome':<20} {'ms':>7} {'max':>7} {'ratio':>6}")
    for name, times in spent.items():
        middle = statistics.median(times)
        print(f"{name:<42} {outcomes[name]:<20} {middle:>7.1f} {max(times):>7.1f} {middle / plain:>6.1f}")
