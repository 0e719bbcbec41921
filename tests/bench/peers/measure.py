"""Measures every row: CPU and calls a second under sustained load, and latencies at a fixed rate."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import places
from bench import cpu
from bench.contenders import FORWARDED, call
from bench.load import CONNECTIONS, PACED_CONNECTIONS, Load, Loader, Unexpected, once
from bench.measure import Progress, shuffled
from bench.policies import DENIED, TOOL
from harness.proxy import Envoy
from launch import Server

from . import chains
from .rows import FULL, LUA, NAMES, NATIVE, OURS, ROWS, SIZES, Size

PROGRAM = places.TARGET / "measure" / "mcp-policy-allow"
# By then the wasm engine has optimized the code.
WARMING_MS = 500

# How a row refuses a call of a tool that is not allowed. The rows with a service allow everything.
FORBIDDEN, DENIAL = b"HTTP/1.1 403 Forbidden\r\n", b"\r\nx-mcp-policy: "
REFUSALS = {NATIVE: FORBIDDEN, LUA: FORBIDDEN, NAMES: DENIAL, OURS: DENIAL, FULL: DENIAL}


@dataclass(frozen=True)
class Plan:
    """The extent: in each of `processes`, `rounds` of sustained load, and after every `paced_after` of them latencies.

    Each size of body has its time for sustained load; latencies take `rate_ms`.
    """

    processes: int = 3
    rounds: int = 12
    paced_after: int = 4
    rate_ms: int = 1_500

    @classmethod
    def quick(cls) -> "Plan":
        return cls(processes=2, rounds=3, paced_after=3, rate_ms=1_000)

    @property
    def words(self) -> str:
        return f"{self.processes} processes of Envoy, {self.rounds} rounds in each"


@dataclass
class Measured:
    """The results of one process by size and row, with one number for each round.

    `envoy` and `service` are µs of CPU for a call, `rate` calls a second, `p50` and `p99` latencies in µs.
    """

    envoy: dict = field(default_factory=lambda: defaultdict(list))
    service: dict = field(default_factory=lambda: defaultdict(list))
    rate: dict = field(default_factory=lambda: defaultdict(list))
    p50: dict = field(default_factory=lambda: defaultdict(list))
    p99: dict = field(default_factory=lambda: defaultdict(list))


def process(plan: Plan, folder: Path, progress: Progress) -> Measured:
    """Start one Envoy and what is around it; measure every row in it."""
    with ExitStack() as parts:
        loader = parts.enter_context(Loader())
        service = parts.enter_context(Server([PROGRAM], folder / "allow.log"))
        envoy = Envoy(chains.options(loader.port, service.port, folder), folder)
        parts.callback(envoy.stop)
        for row, refusal in REFUSALS.items():
            once(envoy.ports[chains.listener_of(row)], call(DENIED, key=True), refusal)
        try:
            return all_rounds(plan, loader, envoy, service.process.pid, progress)
        except Unexpected as unexpected:
            state = "runs" if envoy.running() else "has ended"
            raise Unexpected(
                f"{unexpected}\nEnvoy {state}; the end of its log:\n{envoy.log()[-2_000:]}"
            ) from None


def all_rounds(plan: Plan, loader: Loader, envoy: Envoy, service: int, progress: Progress) -> Measured:
    """Measure every row in all rounds; `service` is the id of its process."""
    measured, opened = Measured(), partial(loads, loader, envoy)
    sustained, paced = opened(CONNECTIONS), opened(PACED_CONNECTIONS)
    progress.say("warming")
    for name, load in (*sustained.items(), *paced.items()):
        with about(name):
            load.sustain(WARMING_MS)
    for number in range(1, plan.rounds + 1):
        one_round(envoy.pid, service, sustained, measured)
        if number % plan.paced_after == 0:
            for size, row in shuffled(paced):
                with about((size, row)):
                    done = paced[size, row].rate(size.rate, plan.rate_ms)
                measured.p50[size, row].append(done.p50)
                measured.p99[size, row].append(done.p99)
        progress.round()
    return measured


@contextmanager
def about(name: tuple) -> Iterator[None]:
    """Name the size and the row in an error."""
    try:
        yield
    except Unexpected as unexpected:
        size, row = name
        raise Unexpected(f"{row}, {size.words}: {unexpected}") from None


def loads(loader: Loader, envoy: Envoy, connections: int) -> dict:
    """Open connections to each row, for each size of body."""

    def opened(size: Size, row: str) -> Load:
        request = call(TOOL, size.length, key=True)
        return loader.add(envoy.ports[chains.listener_of(row)], request, FORWARDED, connections)

    return {(size, row): opened(size, row) for size in SIZES for row in ROWS}


def one_round(envoy: int, service: int, sustained: dict, measured: Measured) -> None:
    """Put sustained load on every row once, in a new random order; the arguments are the ids of the processes."""
    before = cpu.spent_ns(envoy), cpu.spent_ns(service)
    for name in shuffled(sustained):
        size, _ = name
        began = time.monotonic()
        with about(name):
            requests = sustained[name].sustain(size.sustain_ms).requests
        seconds = time.monotonic() - began
        after = cpu.spent_ns(envoy), cpu.spent_ns(service)
        in_envoy, in_service = (
            (now - then) / requests / 1_000 for now, then in zip(after, before, strict=True)
        )
        before = after
        measured.envoy[name].append(in_envoy)
        measured.service[name].append(in_service)
        measured.rate[name].append(requests / seconds)
