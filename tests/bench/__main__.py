"""Measures: `make bench`, or with more builds of the module `make bench ARGS="name=module.wasm"`.

ROUNDS and REQUESTS (in each contender's burst) can be set in the environment. Exits 0 if it could
measure, whatever it measured.
"""

import os
import random
import sys
import tempfile
from pathlib import Path

import places
from harness.proxy import Envoy
from launch import Server

from . import contenders, cpu
from .load import Load, Unexpected
from .report import GOAL, Report

ROUNDS = int(os.environ.get("ROUNDS", 600))
REQUESTS = int(os.environ.get("REQUESTS", 40))

# The wasm engine compiles in earnest what has run for a while; that is over by then.
WARMING = 4_000


def measure(pid: int, loads: dict) -> dict:
    """Return each contender's nanoseconds a request, one number a round."""
    for load in loads.values():
        load.burst(WARMING)
    costs = {name: [] for name in loads}
    order = list(loads)
    for _ in range(ROUNDS):
        random.shuffle(order)
        spent = cpu.spent_ns(pid)
        for name in order:
            requests = loads[name].burst(REQUESTS)
            before, spent = spent, cpu.spent_ns(pid)
            costs[name].append((spent - before) / requests)
    return costs


def run(folder: Path, extra: dict) -> None:
    """Start everything, measure, print the table."""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Server([sys.executable, "-m", "bench.upstream"], folder / "upstream.log", environment) as upstream:
        listed = contenders.contenders(extra)
        envoy = Envoy(contenders.options(upstream.port, extra, folder), folder)
        try:
            proof = contenders.proof()
            Load(envoy.ports[proof.listener], proof.call, proof.expects).once()
            loads = {one.name: Load(envoy.ports[one.listener], one.call, one.expects) for one in listed}
            costs = measure(envoy.pid, loads)
        finally:
            envoy.stop()
    base, ours, native = (one.name for one in listed[:3])
    told = Report(costs, base, native)
    reached = told.ratio(ours)
    print(f"CPU of the Envoy process, {ROUNDS} rounds of {REQUESTS} requests to each:\n\n{told.table()}\n")
    print(
        f"{ours} adds {reached.median:.2f} of what {native} adds "
        f"(quartiles {reached.low:.2f} to {reached.high:.2f}); the goal is {GOAL}"
    )


def main() -> int:
    extra = dict(argument.split("=", 1) for argument in sys.argv[1:])
    if not places.MODULE.exists():
        print("bench: there is no module; make build", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="mcp-policy-bench-") as folder:
        try:
            run(Path(folder), extra)
        except Unexpected as unexpected:
            print(f"bench: {unexpected}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
