"""Limits hold for several Envoys together: they ask one rate limit service, on a real Redis."""

import json
from collections import Counter

import pytest

from harness import load, rpc
from harness.approvals import ASKED, code
from harness.fleet import Fleet, document, shared, within_a_day
from harness.http1 import Connection
from harness.limits import CALLERS, RUNS, check_refusal, only
from harness.proxy import wait_for
from harness.redis import needs_redis

pytestmark = needs_redis

DAY = 86_400
CALLER = {"identity": [{"header": {"name": "x-principal"}}], "grants": [{"name": "team", "match": "any"}]}


@pytest.fixture(scope="module")
def ratelimit(ratelimits):
    within_a_day()
    return ratelimits(faults={"late": "delay:1000"})


@pytest.fixture
def seen(module_upstream):
    module_upstream.clear()
    return module_upstream


def made(answers: list) -> Counter:
    """Count verdicts; check each refusal by a limit."""
    for answer in answers:
        if code(answer) == "rate_limited":
            check_refusal(answer, json.loads(answer.body)["id"], most=DAY)
    return Counter(map(code, answers))


@pytest.mark.parametrize("scope", ["global", "grant", "principal"])
def test_of_400_calls_at_once_through_two_envoys_exactly_100_pass(module_envoy, seen, ratelimit, scope):
    tools = {f"run-{run}": only(shared(f"run-{run}", 100, scope=scope)) for run in range(RUNS)}
    fleet = Fleet(module_envoy, document(tools, **CALLER), edit=ratelimit.cluster())
    for tool in tools:
        seen.clear()
        answers = fleet.call(tool, CALLERS // 2, [("x-principal", "anna")])
        assert made(answers) == {"allowed": 100, "rate_limited": 300}
        assert len(seen.calls) == 100
    # Another principal has another tally, but is in the same grant.
    [other] = Fleet.call(fleet, "run-0", 1, [("x-principal", "bert")])[:1]
    assert code(other) == ("allowed" if scope == "principal" else "rate_limited")


def test_a_budget_survives_the_end_of_an_envoy_and_of_the_service(module_envoy, seen, ratelimit):
    policy = document({"run": only(shared("runs", 100))})
    first, second = (module_envoy(policy, edit=ratelimit.cluster()) for _ in range(2))

    def passed(proxy, calls: int) -> int:
        with load.Crowd(proxy.port, calls) as crowd:
            return made(crowd.call([rpc.tools_call("run", id=id) for id in range(calls)]))["allowed"]

    assert [passed(first, 40), passed(second, 30)] == [40, 30]
    first.stop()  # kills it
    assert passed(module_envoy(policy, edit=ratelimit.cluster()), 20) == 20
    ratelimit.kill()
    ratelimit.start()
    # An Envoy whose connection broke opens another.
    wait_for(lambda: passed(second, 1), "the service to be found again")
    assert passed(second, 20) == 9 and len(seen.calls) == 100


# What is charged, and what is told.


def spend(proxy, amount: float) -> object:
    with Connection(proxy.port) as connection:
        return connection.exchange(load.post(rpc.tools_call("buy", {"amount": amount})))


def test_amounts_are_counted_to_the_cent_for_all_envoys_together(module_envoy, ratelimit, redis):
    redis.command("FLUSHALL")
    amount = {"properties": {"amount": {"type": "number", "multipleOf": 0.01}}}
    rule = {"arguments": amount, **only(shared("spent", 10, amount="args.amount"))}
    fleet = Fleet(module_envoy, document({"buy": rule}), edit=ratelimit.cluster(), access_log=True)
    first, second = fleet.proxies
    assert [code(spend(proxy, 3.33)) for proxy in (first, second)] == ["allowed", "allowed"]
    assert list(redis.counters().values()) == [666]
    assert code(spend(first, 0.005)) == "arguments_invalid"
    assert code(spend(second, 10.01)) == "rate_limited"
    assert list(redis.counters().values()) == [666]
    refused = spend(first, 3.35)
    decision = check_refusal(refused, 1, most=DAY)
    assert "`spent`" in decision["reason"]
    # The service has added what it refused. So what would have fit before does not fit now.
    assert list(redis.counters().values()) == [1001]
    assert [code(spend(proxy, 0.01)) for proxy in (first, second)] == ["rate_limited", "rate_limited"]
    records = [json.loads(line["audit"]) for line in first.access_log(4)]
    [counter] = records[0]["counters"]
    assert (counter["counter"], counter["used"], counter["max"]) == ("spent", 3.33, 10)
    assert counter["shared"] is True and 0 < counter["resets_in"] <= DAY
    assert first.stats(r"mcp_policy\.shared_limits\.outcome")


def test_redis_holds_no_name_of_a_caller(module_envoy, ratelimit, redis):
    redis.command("FLUSHALL")
    tools = {"run": only(shared("runs", 9, scope="principal"), shared("by city", 9, by="args.city"))}
    proxy = module_envoy(document(tools, **CALLER), edit=ratelimit.cluster())
    with load.Crowd(proxy.port, 1) as crowd:
        call = rpc.tools_call("run", {"city": "Ulaanbaatar"})
        assert [code(one) for one in crowd.call([call], [("x-principal", "anna@corp.example")])] == [
            "allowed"
        ]
    names = " ".join(redis.counters())
    assert len(redis.counters()) == 2
    for secret in ("anna", "corp", "Ulaanbaatar", "team", "runs", "fleet"):
        assert secret not in names


def test_a_call_of_two_shared_limits_and_a_local_one_is_asked_about_once(module_envoy, ratelimit, redis):
    redis.command("FLUSHALL")
    local = {"counter": "near", "window": "day", "max": 2}
    rule = only(shared("day", 9), shared("hour", 9, "hour"), local)
    proxy = module_envoy(document({"run": rule}), edit=ratelimit.cluster())
    with load.Crowd(proxy.port, 1) as crowd:
        verdicts = [code(crowd.call([rpc.tools_call("run")])[0]) for _ in range(4)]
    assert verdicts == ["allowed", "allowed", "rate_limited", "rate_limited"]
    # The local limit is looked at first, so the refused calls were not asked about.
    assert sorted(redis.counters().values()) == [2, 2]
    assert sum(proxy.stats(r"cluster\.ratelimit\.upstream_rq_total").values()) == 2


# Beside approvals, and clients that leave.


def test_of_fifty_calls_with_one_approval_and_a_shared_limit_one_goes_on(
    module_envoy, module_approvals, seen, ratelimit, redis
):
    redis.command("FLUSHALL")
    tools = {"wipe": {**ASKED, **only(shared("wiped", 1))}}
    policy = document(tools, approvals={"cluster": "approvals"})
    fleet = Fleet(module_envoy, policy, approvals=module_approvals, edit=ratelimit.cluster())
    same = [rpc.tools_call("wipe", id=1)]
    with load.Crowd(fleet.proxies[0].port, 1) as crowd:
        assert code(crowd.call(same)[0]) == "approval_required"
    # Nothing is charged to a shared limit while a person decides.
    assert sum(redis.counters().values()) == 0
    module_approvals.decide("approved")
    verdicts = Counter(map(code, fleet.call("wipe", 25)))
    assert verdicts["allowed"] == 1 and len(seen.calls) == 1, verdicts
    assert verdicts.keys() <= {"allowed", "approval_required", "rate_limited"}
    assert sum(redis.counters().values()) == 1


def test_a_client_that_leaves_during_the_question_does_no_harm(module_envoy, seen, ratelimit):
    rule = only(shared("runs", 30))
    policy = document({"run": rule}, {"domain": "late"})
    proxy = module_envoy(policy, edit=ratelimit.cluster(), access_log=True)
    asked = r"cluster\.ratelimit\.upstream_rq_total"
    for number in range(1, 21):
        with Connection(proxy.port) as connection:
            connection.send(load.post(rpc.tools_call("run", id=number)))
            wait_for(lambda number=number: sum(proxy.stats(asked).values()) >= number, "the question")
    gone = [line for line in proxy.access_log(20) if line["code"] == 0]
    assert len(gone) == 20 and seen.heads == []
    # They were charged, because the service knows no way back, and each said so to nobody else.
    with load.Crowd(proxy.port, 15) as crowd:
        answers = crowd.call([rpc.tools_call("run", id=id) for id in range(15)])
    assert made(answers) == {"allowed": 10, "rate_limited": 5}
    assert sum(proxy.stats(r"cluster\.ratelimit\.upstream_rq_active").values()) == 0
