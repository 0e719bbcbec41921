"""Measures: bursts, sustained load and a fixed rate, interleaved."""

import random
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from harness.proxy import Envoy

from . import contenders, cpu
from .load import PACED_CONNECTIONS, Load, Loader, once

# The wasm engine optimizes code that has run for a while; by then it has done so.
WARMING_MS = 700


@dataclass
class Plan:
    """The extent of the measurements: `rounds` in each of `processes`.

    In each round a contender gets `bursts` bursts of `requests`, sustained load for `sustain_ms`, and, if it
    is paced, `rate` requests a second for `rate_ms`.
    """

    processes: int = 4
    rounds: int = 16
    bursts: int = 8
    requests: int = 40
    sustain_ms: int = 150
    rate: int = 1_000
    rate_ms: int = 500

    @classmethod
    def quick(cls) -> "Plan":
        return cls(processes=2, rounds=6, bursts=4, sustain_ms=120, rate_ms=400)


@dataclass
class Costs:
    """The results of one process by the contender's name, with one number for each round.

    `bursts` and `sustained` are nanoseconds of CPU per request, `latencies` pairs of p50 and p99 in
    microseconds.
    """

    bursts: dict = field(default_factory=lambda: defaultdict(list))
    sustained: dict = field(default_factory=lambda: defaultdict(list))
    latencies: dict = field(default_factory=lambda: defaultdict(list))


class Progress:
    """Shows the progress on one line of standard error."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._done = 0
        self._since = time.monotonic()

    def say(self, words: str) -> None:
        passed = time.monotonic() - self._since
        line = f"bench: {words}, {passed:.0f} s"
        end = "" if sys.stderr.isatty() else "\n"
        print(f"\r{line:<78}" if not end else line, end=end, file=sys.stderr, flush=True)

    def round(self) -> None:
        self._done += 1
        # If it cannot overwrite the line, every fifth update is enough.
        if sys.stderr.isatty() or self._done % 5 == 0 or self._done == self._rounds:
            self.say(f"round {self._done} of {self._rounds}")

    def end(self) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)


def process(plan: Plan, extra: dict, folder: Path, progress: Progress) -> Costs:
    """Start one Envoy, and measure every contender in it."""
    rows = contenders.contenders(extra)
    with Loader() as loader:
        envoy = Envoy(contenders.options(loader.port, extra, folder), folder)
        try:
            proof = contenders.proof()
            once(envoy.ports[proof.listener], proof.call, proof.expects)
            loads = {row.name: loader.add(envoy.ports[row.listener], row.call, row.expects) for row in rows}
            paced = {
                row.name: loader.add(envoy.ports[row.listener], row.call, row.expects, PACED_CONNECTIONS)
                for row in rows
                if row.paced
            }
            progress.say("warming")
            for load in (*loads.values(), *paced.values()):
                load.sustain(WARMING_MS)
            costs = Costs()
            for _ in range(plan.rounds):
                one_round(plan, envoy.pid, loads, paced, costs)
                progress.round()
        finally:
            envoy.stop()
    return costs


def one_round(plan: Plan, pid: int, loads: dict, paced: dict, costs: Costs) -> None:
    """Measure every contender once, in every way."""
    for _ in range(plan.bursts):
        spend(pid, loads, lambda load: load.burst(plan.requests).requests, costs.bursts)
    spend(pid, loads, lambda load: load.sustain(plan.sustain_ms).requests, costs.sustained)
    for name in shuffled(paced):
        done = paced[name].rate(plan.rate, plan.rate_ms)
        costs.latencies[name].append((done.p50, done.p99))


def spend(pid: int, loads: dict, ask, costs: dict) -> None:
    """Record the cost of a request for each contender, in a new random order."""
    spent = cpu.spent_ns(pid)
    for name in shuffled(loads):
        requests = ask(loads[name])
        before, spent = spent, cpu.spent_ns(pid)
        costs[name].append((spent - before) / requests)


def shuffled(loads: dict[str, Load]) -> list:
    names = list(loads)
    random.shuffle(names)
    return names
