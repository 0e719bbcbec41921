"""Measures what a shared limit causes behind Envoy: commands, bytes and CPU time of Redis, CPU time of the service."""

from contextlib import ExitStack
from pathlib import Path

from bench import cpu, shared
from bench.contenders import FORWARDED, call
from bench.load import Loader
from bench.policies import TOOL

from harness import load
from harness.options import Options
from harness.proxy import Envoy
from harness.ratelimit import RateLimit
from harness.redis import Redis

# In this policy the session is the caller, because `load.flood` sends a session of its own with each call.
CALLERS = {"identity": [{"header": {"name": "mcp-session-id"}}], "grants": [{"name": "all", "match": "any"}]}

WARMING_MS, THOUSANDS_MS = 500, 2_000


def policy() -> dict:
    """Build a policy with one shared limit for each caller."""
    document = shared.policy(True, "calls")
    (limit,) = document["tools"][TOOL]["limits"]
    limit["scope"] = "principal"
    return {**document, **CALLERS}


def answers_itself(listener: dict) -> None:
    """Let Envoy answer allowed calls itself."""
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (route,) = manager["route_config"]["virtual_hosts"][0]["routes"]
    del route["route"]
    route["direct_response"] = {"status": 200}


def figures(folder: Path, callers: int) -> dict:
    """Measure all of it; `callers` is the number of counters whose memory is measured."""
    with ExitStack() as parts:
        loader, redis = parts.enter_context(Loader()), parts.enter_context(Redis())
        service = parts.enter_context(RateLimit(folder, redis.url, program=shared.PROGRAM))
        options = Options(
            policy=shared.policy(True, "one"),
            upstream=loader.port,
            also={"callers": policy()},
            edit=service.cluster(),
            edit_listener=lambda listener: listener["name"] == "callers" and answers_itself(listener),
            log_level="error",
        )
        envoy = Envoy(options, folder)
        parts.callback(envoy.stop)
        one = loader.add(envoy.port, call(TOOL), FORWARDED)
        one.sustain(WARMING_MS)
        asked, sent, received = _wire(envoy)
        commands, service_ms, redis_ms = shared.behind(one, redis, service)
        after = _wire(envoy)
        questions = after[0] - asked
        return {
            "commands_per_limit": commands / 1_000,
            "service_ms": service_ms,
            "redis_ms": redis_ms,
            "question_bytes": (after[1] - sent) / questions,
            "answer_bytes": (after[2] - received) / questions,
            "counter_bytes": counter_bytes(envoy.ports["callers"], redis, callers),
        }


def _wire(envoy: Envoy) -> tuple:
    """Count the questions so far, and the bytes that were sent for them and received."""
    stats = envoy.stats(r"^cluster\.ratelimit\.")
    names = ("upstream_rq_completed", "upstream_cx_tx_bytes_total", "upstream_cx_rx_bytes_total")
    return tuple(stats[f"cluster.ratelimit.{name}"] for name in names)


def counter_bytes(port: int, redis: Redis, callers: int) -> float:
    """Measure the memory of one counter in Redis, among those of so many callers."""
    redis.command("FLUSHALL")
    before = _used(redis)
    verdicts = load.flood(port, TOOL, [f"{number:032x}" for number in range(callers)])
    kept = int(redis.command("DBSIZE"))
    if kept != callers or set(verdicts) != {"allowed"}:
        raise RuntimeError(f"{kept} counters after {callers} calls of as many callers: {dict(verdicts)}")
    return (_used(redis) - before) / callers


def _used(redis: Redis) -> int:
    for line in redis.command("INFO", "memory").splitlines():
        if line.startswith("used_memory:"):
            return int(line.partition(":")[2])
    raise LookupError("Redis does not say how much memory it uses")


def cpu_ms(pid: int) -> float:
    """Read how many milliseconds a process has run."""
    return cpu.spent_ns(pid) / 1e6
