"""Measures what a limit costs that is shared by several Envoys: `make bench ARGS=--shared`.

It is compared with a local limit, and with Envoy's own `ratelimit` filter, which asks the same service about a
descriptor of the same form. The service is the stand-in of `tests/ratelimit`, on a real Redis, so its own CPU time
is not that of `envoyproxy/ratelimit`.
"""

import statistics
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import places
from harness.bootstrap import any_of
from harness.options import Options
from harness.proxy import Envoy
from harness.ratelimit import DOMAIN, RateLimit
from harness.redis import Redis

from . import cpu
from .contenders import FORWARDED, call
from .load import PACED_CONNECTIONS, Loader
from .measure import WARMING_MS, shuffled
from .policies import MAX, TOOL
from .report import judged, spread, table

PROGRAM = places.TARGET / "measure" / "mcp-policy-ratelimit"

PROCESSES, ROUNDS = 3, 12
SUSTAIN_MS, RATE, RATE_MS = 200, 500, 500
THOUSANDS_MS = 2_000

PASS_THROUGH, NATIVE, NONE = "pass-through", "Envoy's ratelimit filter", "this filter, no limit"
LOCAL, SHARED, THREE = "this filter, local limit", "this filter, shared limit", "this filter, 3 shared limits"

# Each row, and the row over which its cost is given.
ROWS = {PASS_THROUGH: None, NATIVE: PASS_THROUGH, NONE: PASS_THROUGH, LOCAL: NONE, SHARED: NONE, THREE: NONE}
TARGET = 1.3

# Names as long as those that the filter sends: two hashes in hex.
ENTRIES = {"tally": "a" * 64, "caller": "b" * 64}


def policy(shared: bool, *counters: str) -> dict:
    """Build a policy with a limit of each counter."""
    limit = {"window": "day", "max": MAX, "type": "calendar", **({"shared": True} if shared else {})}
    limits = [{"counter": counter, **limit} for counter in counters]
    asking = {"shared_limits": {"cluster": "ratelimit", "timeout_ms": 1_000}} if shared else {}
    tools = {TOOL: {"limits": limits} if limits else {}}
    return {"version": "1", "server": "bench", "default": "deny", **asking, "tools": tools}


def listeners() -> dict:
    """Name each row's listener and its policy."""
    own = {
        NONE: policy(False),
        LOCAL: policy(False, "a"),
        SHARED: policy(True, "b"),
        THREE: policy(True, "c", "d", "e"),
    }
    return {"main": None, "native": None, **{f"own-{n}": one for n, one in enumerate(own.values())}}


def native(listener: dict) -> None:
    """Add Envoy's own filter to its listener: it asks about one descriptor, whose limit the service knows."""
    if listener["name"] != "native":
        return
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    grpc = {"envoy_grpc": {"cluster_name": "ratelimit"}}
    service = {"grpc_service": grpc, "transport_api_version": "V3"}
    filter = {"domain": DOMAIN, "failure_mode_deny": True, "timeout": "1s", "rate_limit_service": service}
    typed = any_of("extensions.filters.http.ratelimit.v3.RateLimit", **filter)
    manager["http_filters"].insert(0, {"name": "envoy.filters.http.ratelimit", "typed_config": typed})
    (route,) = manager["route_config"]["virtual_hosts"][0]["routes"]
    actions = [
        {"generic_key": {"descriptor_key": key, "descriptor_value": value}} for key, value in ENTRIES.items()
    ]
    route["route"]["rate_limits"] = [{"actions": actions}]


def configured() -> list:
    """Build the service's configuration for Envoy's own filter."""
    limit = {"rate_limit": {"unit": "day", "requests_per_unit": MAX}}
    caller = {"key": "caller", "value": ENTRIES["caller"], **limit}
    return [{"key": "tally", "value": ENTRIES["tally"], "descriptors": [caller]}]


class Measured:
    """The results of one process by the row's name: nanoseconds of CPU, p50 and p99 in µs; one for each round."""

    def __init__(self) -> None:
        self.cpu, self.p50, self.p99 = (defaultdict(list) for _ in range(3))
        # By row: Redis commands, and CPU of service and Redis, for 1,000 calls.
        self.behind: dict = {}

    def added(self, kind: str, name: str) -> float:
        """Return what a row costs more than its base: the median over the rounds."""
        by_name = getattr(self, kind)
        pairs = zip(by_name[name], by_name[ROWS[name]], strict=True)
        return statistics.median(cost - base for cost, base in pairs)


def process(folder: Path) -> Measured:
    """Start everything, and measure every row."""
    measured = Measured()
    with ExitStack() as parts:
        loader, redis = parts.enter_context(Loader()), parts.enter_context(Redis())
        domains = {DOMAIN: configured()}
        service = parts.enter_context(RateLimit(folder, redis.url, domains=domains, program=PROGRAM))
        also = listeners()
        options = Options(
            policy=also.pop("main"),
            upstream=loader.port,
            workers=1,
            also=also,
            edit=service.cluster(),
            edit_listener=native,
            log_level="error",
        )
        envoy = Envoy(options, folder)
        parts.callback(envoy.stop)
        add = partial(loader.add, request=call(TOOL), expects=FORWARDED)
        # The listeners are in the order of the rows.
        ports = dict(zip(ROWS, [envoy.ports[name] for name in options.listeners], strict=True))
        loads = {name: add(port) for name, port in ports.items()}
        paced = {name: add(port, connections=PACED_CONNECTIONS) for name, port in ports.items()}
        for load in (*loads.values(), *paced.values()):
            load.sustain(WARMING_MS)
        for _ in range(ROUNDS):
            one_round(envoy.pid, loads, paced, measured)
        for name in (NATIVE, SHARED, THREE):
            measured.behind[name] = behind(loads[name], redis, service)
    return measured


def one_round(pid: int, loads: dict, paced: dict, measured: Measured) -> None:
    """Measure every row once, each time in another order."""
    spent = cpu.spent_ns(pid)
    for name in shuffled(loads):
        requests = loads[name].sustain(SUSTAIN_MS).requests
        before, spent = spent, cpu.spent_ns(pid)
        measured.cpu[name].append((spent - before) / requests)
    for name in shuffled(paced):
        done = paced[name].rate(RATE, RATE_MS)
        measured.p50[name].append(done.p50)
        measured.p99[name].append(done.p99)


def behind(load: object, redis: Redis, service: RateLimit) -> tuple:
    """Measure what happens behind Envoy for 1,000 calls: commands of Redis, and ms of CPU of service and Redis."""

    def state() -> tuple:
        return redis.commands(), cpu.spent_ns(service.pid) / 1e6, cpu.spent_ns(redis.pid) / 1e6

    before = state()
    requests = load.sustain(THOUSANDS_MS).requests
    return tuple((now - then) / requests * 1000 for now, then in zip(state(), before, strict=True))


def costs(processes: list) -> str:
    """Write the cost of each row over its base."""
    lines = [("", "over", "CPU: ns", "", "p50: µs", "", "p99: µs", "")]
    for name, base in ROWS.items():
        cells = [name, base or ""]
        for kind in ("cpu", "p50", "p99"):
            each = [statistics.median(getattr(one, kind)[name]) for one in processes]
            added = f"{statistics.median(one.added(kind, name) for one in processes):+,.0f}" if base else ""
            cells += [f"{statistics.median(each):,.0f}", added]
        lines.append(tuple(cells))
    return table(lines)


def ratios(processes: list) -> str:
    """Write what a shared limit adds, as a ratio to what Envoy's own filter adds."""
    lines = []
    for kind, words in (("cpu", "CPU of Envoy"), ("p50", "latency, p50")):
        pairs = [(one.added(kind, SHARED), one.added(kind, NATIVE)) for one in processes]
        # On a busy machine the differences of latencies can be lost in the noise.
        parts = [ours / theirs for ours, theirs in pairs if ours > 0 and theirs > 0]
        if len(parts) < len(pairs):
            lines.append((words, "", "not measurable: the machine is too busy", ""))
        else:
            reached = statistics.median(parts)
            lines.append((words, f"{reached:.2f}", spread(parts), judged(reached, TARGET)))
    return table(lines)


def behind_envoy(processes: list) -> str:
    """Write what happens behind Envoy for 1,000 calls."""
    lines = [("", "Redis commands", "CPU of the stand-in: ms", "CPU of Redis: ms")]
    for name in processes[0].behind:
        each = zip(*(one.behind[name] for one in processes), strict=True)
        lines.append((name, *(f"{statistics.median(values):,.1f}" for values in each)))
    return table(lines)


def run() -> None:
    """Measure, and print the tables."""
    processes = []
    for _ in range(PROCESSES):
        with tempfile.TemporaryDirectory(prefix="mcp-policy-shared-") as folder:
            processes.append(process(Path(folder)))
    print(
        f"{PROCESSES} processes of {ROUNDS} rounds: CPU of the Envoy process for a call under sustained load, and latency "
        f"at {RATE} calls a second:\n\n{costs(processes)}\n\n"
        f"What a shared limit adds to this filter, as a ratio to what Envoy's ratelimit filter adds to Envoy:\n\n"
        f"{ratios(processes)}\n\n"
        f"For 1,000 calls, behind Envoy. The service is a stand-in; envoyproxy/ratelimit takes another time:\n\n"
        f"{behind_envoy(processes)}"
    )
