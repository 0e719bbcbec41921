"""What a shared limit does without a proper answer: never more calls pass than allowed, and Envoy lives.

Each Envoy has a listener for each fault, once with `on_failure` deny and once with local.
"""

import threading
from collections import Counter

import pytest

from harness import bootstrap
from harness.approvals import code
from harness.fleet import PATIENT_MS, Fleet, call, document, records, shared, within_a_day
from harness.limits import only
from harness.proxy import wait_for
from harness.redis import needs_redis

pytestmark = needs_redis

MAX, CALLS, CROWD = 2, 5, 100
REFUSED = "limiter_unavailable"
RIGHT = ["allowed"] * MAX + ["rate_limited"] * (CALLS - MAX)

# Faults of the service by its domain, and the cause that the record gives.
WRONG = {
    "delay:500": "unanswered",
    "hang": "unanswered",
    "error": "unanswered",
    "empty": "unreadable",
    "nonsense": "unreadable",
    "truncated": "unreadable",
    "large": "unreadable",
    "no-statuses": "not_applied",
    "one-less": "not_applied",
    "one-more": "not_applied",
    "no-limits": "not_applied",
    "other-limit": "not_applied",
    "other-unit": "not_applied",
    "unknown-code": "unreadable",
}
# These come too late, or never.
LATE = ["delay:500", "hang"]
# These answers are right while there is room.
WRONG_WHEN_OVER = ["overall-ok", "statuses-ok"]

# Ways not to reach the service: the cluster, and the cause.
UNREACHED = {
    "unknown domain": ("ratelimit", "not_applied"),
    "no such cluster": ("nobody", "unsent"),
    "no endpoint": ("empty", "unsent"),
    "nothing listens": ("closed", "unanswered"),
    "HTTP/1": ("http1", "unanswered"),
}


def domain(fault: str) -> str:
    return fault.replace(":", "-")


def policy(cluster: str, domain: str, on_failure: str, timeout_ms: int, max: int = MAX) -> dict:
    service = {"cluster": cluster, "domain": domain, "on_failure": on_failure, "timeout_ms": timeout_ms}
    return document({"run": only(shared("runs", max))}, service)


def listeners() -> dict:
    """Build a policy for each fault and each `on_failure`."""
    asked = {fault: ("ratelimit", domain(fault)) for fault in (*WRONG, *WRONG_WHEN_OVER)}
    for name, (cluster, _) in UNREACHED.items():
        asked[name] = (cluster, "other" if name == "unknown domain" else "mcp-policy")
    # A cluster whose name is a message of the host's interface, too.
    asked["a cluster called approvals"] = ("approvals", "mcp-policy")
    built = {"redis": policy("ratelimit", "mcp-policy", "deny", PATIENT_MS)}
    for on_failure in ("deny", "local"):
        for name, where in asked.items():
            # An answer that arrives must not be late on a machine with much to do.
            timeout_ms = 200 if name in LATE or name in UNREACHED else PATIENT_MS
            built[f"{name}, {on_failure}"] = policy(*where, on_failure, timeout_ms)
        built[f"crowd, {on_failure}"] = policy("mortal", "mcp-policy", on_failure, 2_000, CROWD)
    return built


@pytest.fixture(scope="module")
def ratelimit(ratelimits):
    within_a_day()
    return ratelimits(faults={domain(fault): fault for fault in (*WRONG, *WRONG_WHEN_OVER)})


@pytest.fixture(scope="module")
def mortal(ratelimits):
    """A service that a test may end."""
    return ratelimits()


@pytest.fixture(scope="module")
def fleet(module_envoy, ratelimit, mortal):
    def edit(tree: dict) -> None:
        for name, http2 in (("ratelimit", True), ("approvals", True), ("http1", False)):
            ratelimit.cluster(name, http2)(tree)
        mortal.cluster("mortal")(tree)
        # Nothing listens on port 1 of the loopback.
        closed, empty = (bootstrap.cluster(name, 1, http2=True) for name in ("closed", "empty"))
        empty["load_assignment"]["endpoints"] = []
        tree["static_resources"]["clusters"] += [closed, empty]

    return Fleet(module_envoy, listeners(), edit=edit)


@pytest.fixture
def proxy(fleet):
    return fleet.proxies[0]


@pytest.fixture
def seen(module_upstream):
    module_upstream.clear()
    return module_upstream


def calls(port: int, count: int = CALLS) -> list:
    """Call one after another; return the verdicts."""
    return [code(call(port, "run")) for _ in range(count)]


CAUSES = {**WRONG, **{name: cause for name, (_, cause) in UNREACHED.items()}}


@pytest.mark.parametrize("fault", CAUSES)
def test_without_a_proper_answer_a_call_is_refused_or_counted_here(proxy, seen, fault):
    assert calls(proxy.ports[f"{fault}, deny"]) == [REFUSED] * CALLS and seen.heads == []
    for record in records(proxy, f"{fault}, deny", CALLS):
        assert (record["code"], record["cause"]) == (REFUSED, CAUSES[fault])
    assert calls(proxy.ports[f"{fault}, local"]) == RIGHT and len(seen.calls) == MAX
    told = [record["counters"][0] for record in records(proxy, f"{fault}, local", CALLS)]
    assert {counter["shared"] for counter in told} == {"local"}
    assert [counter["used"] for counter in told] == [1, 2, 2, 2, 2]


@pytest.mark.parametrize("fault", WRONG_WHEN_OVER)
def test_an_answer_that_contradicts_itself_is_none(proxy, seen, fault):
    assert calls(proxy.ports[f"{fault}, deny"]) == ["allowed"] * MAX + [REFUSED] * 3
    assert len(seen.calls) == MAX
    # This Envoy does not know what the service has counted. It starts at 0, and is exact from then on.
    made = Counter(calls(proxy.ports[f"{fault}, local"], 2 * CALLS))
    assert made == {"allowed": 2 * MAX, "rate_limited": 2 * CALLS - 2 * MAX}


@pytest.mark.parametrize("on_failure", ["deny", "local"])
def test_a_cluster_called_approvals_is_one_as_any(proxy, seen, on_failure):
    assert calls(proxy.ports[f"a cluster called approvals, {on_failure}"]) == RIGHT
    assert len(seen.calls) == MAX


def test_metrics_and_log_tell_of_the_failures(proxy, ratelimit):
    for fault in ("no endpoint", "nothing listens", "nonsense", "no-limits"):
        calls(proxy.ports[f"{fault}, local"], 1)
    stats = proxy.stats(r"mcp_policy\.shared_limits")
    outcomes = {name.split("outcome.")[1].split(".")[0] for name in stats if "outcome." in name}
    assert outcomes >= {"unsent", "unanswered", "unreadable", "not_applied"}
    assert any(".local." in name for name in stats)
    assert "rate limit service" in proxy.log()
    assert ratelimit.log().count("stand-in") == 1  # it did not end


# Redis and the service fail while calls arrive.


@pytest.mark.parametrize("on_failure", ["deny", "local"])
def test_the_service_ends_in_the_middle_of_400_calls(fleet, seen, mortal, on_failure):
    killer = threading.Thread(target=lambda: seen.wait(20, 30) and mortal.kill())
    killer.start()
    made = Counter(map(code, fleet.call(f"crowd, {on_failure}", "run", 200)))
    killer.join()
    mortal.start()
    assert made["allowed"] == len(seen.calls)
    # With `local`, each Envoy may allow the maximum by itself, beside what the service has allowed.
    bound = CROWD if on_failure == "deny" else CROWD * (1 + len(fleet.proxies))
    assert 20 <= made["allowed"] <= bound
    assert made.keys() <= {"allowed", "rate_limited", REFUSED}
    assert all(proxy.running() for proxy in fleet.proxies)


def test_redis_is_read_only_then_flushed_then_killed(proxy, seen, redis):
    port = proxy.ports["redis"]
    redis.command("REPLICAOF", "127.0.0.1", 1)
    assert calls(port) == [REFUSED] * CALLS and seen.heads == []
    assert {record["cause"] for record in records(proxy, "redis", CALLS)} == {"failed"}
    redis.command("REPLICAOF", "NO", "ONE")
    assert calls(port) == RIGHT
    # A flushed Redis has forgotten what was counted, so the same is allowed again.
    redis.command("FLUSHALL")
    assert calls(port) == RIGHT
    redis.kill()
    assert calls(port) == [REFUSED] * CALLS
    redis.start()
    # The service opens a new connection at the first question that fails.
    first = wait_for(lambda: {*calls(port, 1)} - {REFUSED}, "the service to find Redis again")
    assert [*first, *calls(port)] == RIGHT + ["rate_limited"] and len(seen.calls) == 3 * MAX
