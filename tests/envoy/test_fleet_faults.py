"""What a shared limit does without a proper answer: never more calls pass than allowed, and Envoy lives.

One Envoy has a listener for each fault, once with `on_failure` deny and once with local.
"""

import json
import threading
from collections import Counter

import pytest

from harness import bootstrap, load, rpc
from harness.approvals import code
from harness.fleet import Fleet, document, shared, within_a_day
from harness.limits import only
from harness.redis import needs_redis

pytestmark = needs_redis

MAX, CALLS = 2, 5
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


def policy(cluster: str, domain: str, on_failure: str) -> dict:
    service = {"cluster": cluster, "domain": domain, "on_failure": on_failure, "timeout_ms": 200}
    return document({"run": only(shared("runs", MAX))}, service)


def listeners() -> dict:
    """Build a policy for each fault and each `on_failure`."""
    asked = {fault: ("ratelimit", domain(fault)) for fault in (*WRONG, *WRONG_WHEN_OVER)}
    for name, (cluster, _) in UNREACHED.items():
        asked[name] = (cluster, "other" if name == "unknown domain" else "mcp-policy")
    # A cluster whose name is a message of the host's interface, too.
    asked["a cluster called approvals"] = ("approvals", "mcp-policy")
    return {
        f"{name}, {on_failure}": policy(*where, on_failure)
        for name, where in asked.items()
        for on_failure in ("deny", "local")
    }


@pytest.fixture(scope="module")
def ratelimit(ratelimits):
    within_a_day()
    return ratelimits(faults={domain(fault): fault for fault in (*WRONG, *WRONG_WHEN_OVER)})


@pytest.fixture(scope="module")
def proxy(module_envoy, ratelimit):
    def edit(tree: dict) -> None:
        for name, http2 in (("ratelimit", True), ("approvals", True), ("http1", False)):
            ratelimit.cluster(name, http2)(tree)
        clusters = tree["static_resources"]["clusters"]
        # Nothing listens on port 1 of the loopback.
        clusters.append(bootstrap.cluster("closed", 1, http2=True))
        empty = bootstrap.cluster("empty", 1, http2=True)
        empty["load_assignment"]["endpoints"] = []
        clusters.append(empty)

    return module_envoy({"version": "1"}, also=listeners(), edit=edit, access_log=True)


@pytest.fixture
def seen(module_upstream):
    module_upstream.clear()
    return module_upstream


def calls(port: int, count: int = CALLS) -> list:
    """Call one after another."""
    with load.Crowd(port, 1) as crowd:
        return [crowd.call([rpc.tools_call("run", id=id)])[0] for id in range(count)]


def records(proxy, port: int) -> list:
    """Return the records of a listener's policy so far."""
    lines = [json.loads(line["audit"]) for line in proxy.access_log() if line["audit"] != "-"]
    [server] = [one["server"] for name, one in proxy.options.listeners.items() if proxy.ports[name] == port]
    return [record for record in lines if record["server"] == server]


CAUSES = {**WRONG, **{name: cause for name, (_, cause) in UNREACHED.items()}}


@pytest.mark.parametrize("fault", CAUSES)
def test_without_a_proper_answer_a_call_is_refused_or_counted_here(proxy, seen, fault):
    port = proxy.ports[f"{fault}, deny"]
    answers = calls(port)
    assert list(map(code, answers)) == [REFUSED] * CALLS and seen.heads == []
    for record in records(proxy, port):
        assert (record["code"], record["cause"]) == (REFUSED, CAUSES[fault])
    port = proxy.ports[f"{fault}, local"]
    assert list(map(code, calls(port))) == RIGHT and len(seen.calls) == MAX
    told = [record["counters"][0] for record in records(proxy, port)]
    assert {counter["shared"] for counter in told} == {"local"}
    assert [counter["used"] for counter in told][:MAX] == [1, 2]


@pytest.mark.parametrize("fault", WRONG_WHEN_OVER)
def test_an_answer_that_contradicts_itself_is_none(proxy, seen, fault):
    assert list(map(code, calls(proxy.ports[f"{fault}, deny"]))) == ["allowed"] * MAX + [REFUSED] * 3
    assert len(seen.calls) == MAX
    # What the service has counted this Envoy does not know, so it starts again, and is exact from then on.
    verdicts = Counter(map(code, calls(proxy.ports[f"{fault}, local"], 2 * CALLS)))
    assert verdicts == {"allowed": 2 * MAX, "rate_limited": 2 * CALLS - 2 * MAX}


@pytest.mark.parametrize("on_failure", ["deny", "local"])
def test_a_cluster_called_approvals_is_one_as_any(proxy, seen, on_failure):
    assert list(map(code, calls(proxy.ports[f"a cluster called approvals, {on_failure}"]))) == RIGHT
    assert len(seen.calls) == MAX


def test_metrics_and_log_tell_of_the_failures(proxy, ratelimit):
    calls(proxy.ports["empty, deny"], 1)
    stats = proxy.stats(r"mcp_policy\.shared_limits")
    outcomes = {name.split("outcome.")[1].split(".")[0] for name in stats if "outcome." in name}
    assert outcomes >= {"ok", "unsent", "unanswered", "unreadable", "not_applied"}
    assert any(".local." in name for name in stats)
    log = proxy.log()
    assert "does the cluster exist" in log and "is the domain configured" in log
    assert ratelimit.log().count("stand-in") == 1  # it did not end


# Redis and the service fail while calls arrive.


@pytest.mark.parametrize("on_failure", ["deny", "local"])
def test_the_service_ends_in_the_middle_of_400_calls(module_envoy, seen, ratelimits, on_failure):
    most = 100
    service = ratelimits()
    asked = {"on_failure": on_failure, "timeout_ms": 2_000}
    fleet = Fleet(module_envoy, document({"run": only(shared("runs", most))}, asked), edit=service.cluster())
    killer = threading.Thread(target=lambda: seen.wait(20, 30) and service.kill())
    killer.start()
    verdicts = Counter(map(code, fleet.call("run", 200)))
    killer.join()
    assert verdicts["allowed"] == len(seen.calls)
    # With `local`, each Envoy may allow the maximum by itself, beside what the service has allowed.
    bound = most if on_failure == "deny" else most * (1 + len(fleet.proxies))
    assert 20 <= verdicts["allowed"] <= bound
    assert verdicts.keys() <= {"allowed", "rate_limited", REFUSED}
    assert all(proxy.running() for proxy in fleet.proxies)
    service.start()


def test_redis_is_read_only_then_flushed_then_killed(module_envoy, seen, ratelimits, redis):
    policy = document({"run": only(shared("runs", MAX))})
    proxy = module_envoy(policy, edit=ratelimits().cluster(), access_log=True)
    redis.command("REPLICAOF", "127.0.0.1", 1)
    assert list(map(code, calls(proxy.port))) == [REFUSED] * CALLS and seen.heads == []
    assert {record["cause"] for record in records(proxy, proxy.port)} == {"failed"}
    redis.command("REPLICAOF", "NO", "ONE")
    assert list(map(code, calls(proxy.port))) == RIGHT
    # A flushed Redis has forgotten what was counted. That is the operator's loss, and no call is lost over it.
    redis.command("FLUSHALL")
    assert list(map(code, calls(proxy.port))) == RIGHT
    redis.kill()
    assert list(map(code, calls(proxy.port))) == [REFUSED] * CALLS
    redis.start()
    assert list(map(code, calls(proxy.port)))[-1] == "rate_limited"
    assert len(seen.calls) == 3 * MAX
