"""Sends millions of requests with all kinds of verdicts through one Envoy, and checks every count: `make soak`.

REQUESTS is how many (ten million by default), WORKERS how many threads Envoy has (4), UPDATE=1 writes the figures into
`docs/soak.md`. Exits with 1 if a count is wrong or memory has grown.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import places
from harness import load as requests
from harness import rpc
from harness.options import Options
from harness.proxy import Envoy

from .load import PROGRAM, Load, Loader, Unexpected

STEPS = 20
# Memory is compared with that after this many steps: by then the engine has optimized the code.
WARM = 2
# Allocators, and the engine's heap, vary by a few megabytes.
NOISE = 16e6
SESSIONS = 4
FORWARDED = b"the trains ran again by evening"
PAGE = places.ROOT / "docs" / "soak.md"
MARK = "<!-- figures -->\n"


def refused(code: str) -> bytes:
    return f"\r\nx-mcp-policy: {code}\r\n".encode()


def policy(maximum: int) -> dict:
    """Build a policy for the kinds of requests below; each limit allows `maximum` calls."""

    def limit(**more: object) -> dict:
        return {"limits": [{"counter": "c", "window": "day", "max": maximum, **more}]}

    text = {"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": False}
    return {
        "version": "1",
        "server": "soak",
        "hide": ["internal_*"],
        "tools": {
            "echo": {},
            "checked": {"arguments": text},
            "condition": {"require": [{"path": "args.usd", "op": "lte", "value": 10}]},
            "danger": {"action": "deny"},
            "few": limit(counter="few"),
            "each": limit(counter="each", scope="session"),
            "spend": limit(counter="spend", amount="args.usd", max=maximum * 0.25),
        },
    }


@dataclass
class Kind:
    """One kind of request, with the code of each verdict that it may get: `allowed`, or a denial's.

    `most` is how many may be allowed, if there is a limit.
    """

    name: str
    request: bytes
    codes: tuple
    most: int | None = None
    load: Load | None = field(default=None, repr=False)

    def counts(self) -> Counter:
        return Counter(dict(zip(self.codes, self.load.counts(), strict=True)))

    def expected(self, total: int) -> Counter:
        """Return what `total` requests must have got."""
        if self.most is None:
            return Counter({self.codes[0]: total})
        allowed = min(total, self.most)
        return Counter({"allowed": allowed, "rate_limited": total - allowed})


def call(tool: str, headers: list = (), **arguments: object) -> bytes:
    return requests.post(rpc.tools_call(tool, arguments), headers)


def kinds(maximum: int) -> list:
    """List the kinds of requests."""
    limited = ("allowed", "rate_limited")
    per_session = [
        Kind(f"each {number}", call("each", [("mcp-session-id", f"session-{number}")]), limited, maximum)
        for number in range(SESSIONS)
    ]
    return [
        Kind("echo", call("echo", text="short"), ("allowed",)),
        Kind("echo, 32 kB", call("echo", text="x" * 32_000), ("allowed",)),
        Kind("checked", call("checked", text="fits"), ("allowed",)),
        Kind("checked, wrong", call("checked", number=1), ("arguments_invalid",)),
        Kind("condition", call("condition", usd=10), ("allowed",)),
        Kind("condition, not met", call("condition", usd=11), ("condition_failed",)),
        Kind("danger", call("danger"), ("denied",)),
        Kind("hidden", call("internal_x"), ("hidden",)),
        Kind("not listed", call("unknown"), ("not_listed",)),
        Kind("repeated key", requests.post('{"jsonrpc":"2.0","id":1,"id":2}'), ("invalid_request",)),
        Kind("no JSON", requests.post('{"jsonrpc"'), ("invalid_request",)),
        Kind("few", call("few"), limited, maximum),
        *per_session,
        Kind("spend", call("spend", usd=0.25), limited, maximum),
    ]


@dataclass
class Memory:
    """What Envoy uses after some requests: bytes, and VMs of the engine."""

    requests: int
    seconds: float
    resident: int
    allocated: int
    vms: int

    @classmethod
    def of(cls, envoy: Envoy, requests: int, seconds: float) -> "Memory":
        allocated = int(json.loads(envoy.get("/memory"))["allocated"])
        vms = sum(envoy.stats(r"^wasm\.envoy\.wasm\.runtime\.v8\.active$").values())
        return cls(requests, seconds, envoy.rss(), allocated, vms)

    def row(self) -> str:
        rate = self.requests / self.seconds if self.seconds else 0
        return (
            f"| {self.requests:,} | {self.seconds:,.0f} | {rate:,.0f} | {self.resident / 1e6:.1f} "
            f"| {self.allocated / 1e6:.1f} | {self.vms} |"
        )


TITLE = (
    "| requests | seconds | requests a second | resident MB | allocated MB | VMs |\n|---|---|---|---|---|---|"
)


def decided(envoy: Envoy) -> Counter:
    """Read the filter's own count of its verdicts."""
    counted = Counter()
    for name, value in envoy.stats(r"mcp_policy\.decisions").items():
        decision, code = (re.search(rf"\.{tag}\.(\w+)", name)[1] for tag in ("decision", "code"))
        counted["allowed" if decision == "allow" else code] += value
    return counted


def faults(kinds: list, served: int, filtered: Counter) -> list:
    """Compare what the clients were told, what the server was asked, and what the filter has counted."""
    told, wrong = Counter(), []
    for kind in kinds:
        counts = kind.counts()
        told += counts
        if +counts != +kind.expected(counts.total()):
            wrong.append(f"{kind.name}: {dict(counts)}, expected {dict(kind.expected(counts.total()))}")
    if served != told["allowed"]:
        wrong.append(
            f"the server answered {served:,} requests, the clients received {told['allowed']:,} answers"
        )
    if filtered != told:
        wrong.append(f"the filter counted {dict(filtered)}, the clients {dict(told)}")
    return wrong


def soak(total: int, workers: int, folder: Path) -> tuple:
    """Send the requests; return the memory after each step, the verdicts, and what was wrong."""
    maximum = max(total // 50, 10)
    sent = kinds(maximum)
    with Loader() as loader:
        envoy = Envoy(Options(policy=policy(maximum), upstream=loader.port, workers=workers), folder)
        try:
            for kind in sent:
                texts = [FORWARDED if code == "allowed" else refused(code) for code in kind.codes]
                kind.load = loader.add(envoy.port, kind.request, texts, connections=2)
            began, memory = time.monotonic(), [Memory.of(envoy, 0, 0.0)]
            for step in range(1, STEPS + 1):
                done = total * step // STEPS
                loader.mix(done - memory[-1].requests, [kind.load for kind in sent])
                memory.append(Memory.of(envoy, done, time.monotonic() - began))
                print(f"soak: {memory[-1].row()}", file=sys.stderr, flush=True)
            verdicts = decided(envoy)
            wrong = faults(sent, loader.served(), verdicts)
        finally:
            envoy.stop()
    grown = memory[-1].resident - memory[WARM].resident
    if grown > NOISE:
        wrong.append(
            f"resident memory has grown by {grown / 1e6:.1f} MB since {memory[WARM].requests:,} requests"
        )
    if len({one.vms for one in memory}) > 1:
        wrong.append(f"the number of VMs has changed: {[one.vms for one in memory]}")
    return memory, verdicts, wrong


def report(memory: list, verdicts: Counter, workers: int) -> str:
    """Write the figures as they stand on the page."""
    rows = [one.row() for number, one in enumerate(memory) if number in (0, 1, WARM) or number % 5 == 0]
    counts = "\n".join(f"| `{code}` | {count:,} |" for code, count in verdicts.most_common())
    return (
        f"Envoy with {workers} workers, on a machine with {os.cpu_count()} cores:\n\n{TITLE}\n"
        + "\n".join(rows)
        + f"\n\n| verdict | requests |\n|---|---|\n{counts}\n"
    )


def main() -> int:
    total, workers = int(os.environ.get("REQUESTS") or 10_000_000), int(os.environ.get("WORKERS") or 4)
    for needed, made in ((places.MODULE, "make build"), (PROGRAM, "make soak")):
        if not needed.exists():
            print(f"soak: {needed} does not exist; run: {made}", file=sys.stderr)
            return 1
    try:
        with tempfile.TemporaryDirectory(prefix="mcp-policy-soak-") as folder:
            memory, verdicts, wrong = soak(total, workers, Path(folder))
    except Unexpected as unexpected:
        print(f"soak: {unexpected}", file=sys.stderr)
        return 1
    text = report(memory, verdicts, workers)
    print(text)
    for fault in wrong:
        print(f"soak: {fault}", file=sys.stderr)
    if not wrong and os.environ.get("UPDATE"):
        PAGE.write_text(PAGE.read_text().partition(MARK)[0] + MARK + text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
