"""Measures what `docs/scale.md` extrapolates from, and prints its tables: `make scale`.

    make scale                              # everything, in a few minutes
    make scale ARGS=--quick                 # in less than one minute; memory and times are less exact
    make scale ARGS="redis records"         # only these figures; the others are those of the document
    make scale ARGS="--paper proxies=50 agents=800"   # measures nothing: the document's figures, for another fleet
    make scale UPDATE=1                     # writes the numbers into the document

`name=value` replaces an assumption for all columns. Exits with 0 if the measurements succeeded, whatever the numbers.
"""

import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.shared import PROGRAM

from harness.fleet import within_a_day
from harness.ratelimit import RateLimit
from harness.redis import Redis

from . import approvals, behind, document, inside
from .document import ASSUMPTION, FIGURE, RESULT, Faulty, shown
from .simulation import Fleet, simulate

POLICIES, BURSTS = "grants", "proxies"
# What each part measures: figures by their names, or the rows of a table of its own.
PARTS = {
    "redis": (
        "commands_per_limit",
        "counter_bytes",
        "redis_ms",
        "service_ms",
        "question_bytes",
        "answer_bytes",
    ),
    "burst": (),
    "policies": ("grant_bytes", "grant_load_ms", "grant_kb"),
    "memory": ("module_mb", "tally_bytes"),
    "metrics": ("series_fixed", "series_per_grant", "series_bytes"),
    "records": ("record_bytes",),
    "approvals": ("approval_service_ms", "approval_database_ms", "approval_bytes"),
}
GRANTS = (10, 100, 1_000, 10_000)
FLEETS = (Fleet(10, 1_000), Fleet(100, 10_000), Fleet(1_000, 100_000))
# How many seconds after the window's begin refused agents call again, at most.
SPREAD = 30


class Wrong(Exception):
    """An argument is not one of those that there are."""


@dataclass
class Plan:
    """What is measured, and how much of it. `assumed` replaces assumptions of the document."""

    parts: list
    quick: bool
    assumed: dict
    new: dict = field(default_factory=lambda: {FIGURE: {}, POLICIES: {}, BURSTS: {}})

    @classmethod
    def of(cls, words: list, known: dict) -> "Plan":
        """Read the arguments; `known` are the assumptions of the document."""
        assumed = dict(word.split("=", 1) for word in words if "=" in word)
        flags = {word for word in words if word.startswith("--")}
        parts = [word for word in words if "=" not in word and word not in flags]
        for word, those in [
            *((flag, ("--quick", "--paper")) for flag in flags),
            *((part, PARTS) for part in parts),
            *((name, known) for name in assumed),
        ]:
            if word not in those:
                raise Wrong(f"unknown: {word}; expected one of {', '.join(those)}")
        chosen = [] if "--paper" in flags else parts or list(PARTS)
        return cls(
            chosen, "--quick" in flags, {name: document.number(text) for name, text in assumed.items()}
        )

    def measure(self, part: str, folder: Path) -> None:
        """Measure one part."""
        figures = {}
        match part:
            case "redis":
                figures = behind.figures(folder, 2_000 if self.quick else 20_000)
            case "burst":
                self.new[BURSTS] = bursts(folder, FLEETS[:2] if self.quick else FLEETS)
            case "policies":
                loads = inside.loads(folder, GRANTS[:3] if self.quick else GRANTS)
                self.new[POLICIES] = {
                    f"{n:,}": [f"{size:,}", *map(shown, more)] for n, (size, *more) in loads.items()
                }
                figures = inside.each_grant(loads)
            case "memory":
                figures = inside.memory(folder, 16_384 if self.quick else 65_536)
            case "metrics":
                figures = inside.series(folder, 8)
            case "records":
                figures = inside.record(folder)
            case "approvals":
                figures = approvals.figures(folder, 50 if self.quick else 500)
        self.new[FIGURE] |= {name: [shown(figures[name])] for name in PARTS[part]}


def bursts(folder: Path, fleets: tuple) -> dict:
    """Simulate fleets whose agents call again at once, and whose agents spread their calls; return the rows."""
    rows = {}
    within_a_day(240)
    with Redis() as redis, RateLimit(folder, redis.url, program=PROGRAM) as service:
        for fleet in fleets:
            at_once = simulate(service.port, fleet, 0, f"{fleet.proxies}-0")
            apart = simulate(service.port, fleet, SPREAD, f"{fleet.proxies}-{SPREAD}")
            rows[f"{fleet.proxies:,}"] = [
                f"{fleet.agents:,}",
                f"{fleet.most:,}",
                *map(shown, (at_once.asked / 60, at_once.most)),
                f"{at_once.in_time * 100:.0f} %",
                shown(at_once.last * 1_000),
                shown(apart.most),
                f"{apart.in_time * 100:.0f} %",
            ]
    return rows


def computed(known: document.Document, assumed: dict) -> dict:
    """Compute the document's results; return the texts by name, one for each fleet."""
    fleets = [document.results(known.formulas, {**numbers, **assumed}) for numbers in known.numbers()]
    return {name: [shown(results[name]) for results in fleets] for name in known.formulas}


def printed(known: document.Document, new: dict) -> str:
    """Write all tables with new values. The heads of their columns are the numbers of proxies."""
    texts = []
    if "proxies" in new.get(ASSUMPTION, {}):
        for table in known.tables:
            if table.kind in (ASSUMPTION, RESULT):
                table.head[2:] = [f"{proxies} proxies" for proxies in new[ASSUMPTION]["proxies"]]
    for table in known.tables:
        if table.kind in (ASSUMPTION, FIGURE, RESULT, POLICIES, BURSTS):
            rows = [document.row(cells) for cells in (table.head, *table.rows.values())]
            rows.insert(1, "|---" * len(table.head) + "|")
            texts.append(document.written("\n".join(rows), new).rstrip())
    return "\n\n".join(texts)


def run(words: list) -> None:
    text = document.PATH.read_text()
    known = document.read(text)
    plan = Plan.of(words, known.values(ASSUMPTION))
    begun = time.monotonic()
    for at, part in enumerate(plan.parts, 1):
        print(
            f"scale: {part}, {at} of {len(plan.parts)}, {time.monotonic() - begun:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        with tempfile.TemporaryDirectory(prefix="mcp-policy-scale-") as folder:
            plan.measure(part, Path(folder))
    measured = document.read(document.written(text, plan.new))
    plan.new[RESULT] = computed(measured, plan.assumed)
    plan.new[ASSUMPTION] = {name: [shown(value)] * 3 for name, value in plan.assumed.items()}
    print(printed(known, plan.new))
    if os.environ.get("UPDATE") and not plan.assumed:
        document.PATH.write_text(document.written(text, plan.new))


def main() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A thousand connections, and the other ends of them in a program that is started.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    try:
        run(sys.argv[1:])
    except (Wrong, Faulty) as wrong:
        print(f"scale: {wrong}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
