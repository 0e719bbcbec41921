"""Limits hold for several Envoys together: they ask one rate limit service, on a real Redis."""

import json
from collections import Counter

import pytest

from harness import load, rpc
from harness.approvals import ASKED, code
from harness.fleet import Fleet, call, document, records, shared, within_a_day
from harness.http1 import Connection
from harness.limits import CALLERS, RUNS, check_refusal, only
from harness.proxy import wait_for
from harness.redis import needs_redis

pytestmark = needs_redis

DAY = 86_400
SCOPES = ("global", "grant", "principal")
CALLER = {"identity": [{"header": {"name": "x-principal"}}], "grants": [{"name": "team", "match": "any"}]}
ANNA, BERT = ([("x-principal", f"{name}@corp.example")] for name in ("anna", "bert"))

CENTS = {"properties": {"amount": {"type": "number", "multipleOf": 0.01}}}
SPENT = {"buy": {"arguments": CENTS, **only(shared("spent", 10, amount="args.amount"))}}
HASHED = {"run": only(shared("runs", 9, scope="principal"), shared("by city", 9, by="args.city"))}
NEAR = {"counter": "near", "window": "day", "max": 2}
SEVERAL = {"run": only(shared("day", 9), shared("hour", 9, "hour"), NEAR)}
APPROVED = {"wipe": {**ASKED, **only(shared("wiped", 1))}}


def crowded(scope: str) -> dict:
    return {f"run-{run}": only(shared(f"run-{run}", 100, scope=scope)) for run in range(RUNS)}


POLICIES = {
    **{scope: document(crowded(scope), **CALLER) for scope in SCOPES},
    "survives": document({"run": only(shared("runs", 100))}),
    "spent": document(SPENT),
    "hashed": document(HASHED, **CALLER),
    "several": document(SEVERAL),
    "approved": document(APPROVED, approvals={"cluster": "approvals"}),
    "late": document({"run": only(shared("runs", 30))}, {"domain": "late"}),
}


@pytest.fixture(scope="module")
def ratelimit(ratelimits):
    within_a_day()
    return ratelimits(faults={"late": "delay:1000"})


@pytest.fixture(scope="module")
def fleet(module_envoy, module_approvals, ratelimit):
    return Fleet(module_envoy, POLICIES, approvals=module_approvals, edit=ratelimit.cluster())


@pytest.fixture
def seen(module_upstream, redis):
    """The upstream and Redis, without what other tests left there."""
    module_upstream.clear()
    redis.command("FLUSHALL")
    return module_upstream


def verdicts(answers: list) -> Counter:
    """Count verdicts; check each refusal by a limit."""
    for answer in answers:
        if code(answer) == "rate_limited":
            check_refusal(answer, json.loads(answer.body)["id"], most=DAY)
    return Counter(map(code, answers))


@pytest.mark.parametrize("scope", SCOPES)
def test_of_400_calls_at_once_through_two_envoys_exactly_100_pass(fleet, seen, scope):
    for run in range(RUNS):
        seen.clear()
        answers = fleet.call(scope, f"run-{run}", CALLERS // 2, ANNA)
        assert verdicts(answers) == {"allowed": 100, "rate_limited": 300}
        assert len(seen.calls) == 100
    # Another principal of the same grant has a tally of its own only in this scope.
    other = call(fleet.ports(scope)[0], "run-0", headers=BERT)
    assert code(other) == ("allowed" if scope == "principal" else "rate_limited")


def test_a_budget_survives_the_end_of_an_envoy_and_of_the_service(fleet, module_envoy, seen, ratelimit):
    def passed(port: int, calls: int) -> int:
        with load.Crowd(port, calls) as crowd:
            return verdicts(crowd.call([rpc.tools_call("run", id=id) for id in range(calls)]))["allowed"]

    one, other = fleet.ports("survives")
    third = module_envoy(POLICIES["survives"], edit=ratelimit.cluster())
    assert [passed(one, 20), passed(third.port, 40)] == [20, 40]
    third.stop()  # kills it
    third = module_envoy(POLICIES["survives"], edit=ratelimit.cluster())
    assert [passed(third.port, 10), passed(other, 10)] == [10, 10]
    ratelimit.kill()
    ratelimit.start()
    # An Envoy whose connection broke opens another.
    wait_for(lambda: passed(other, 1), "the service to be found again")
    assert passed(other, 50) == 19 and len(seen.calls) == 100


# What is charged, and what is told.


def test_amounts_are_counted_to_the_cent_for_all_envoys_together(fleet, seen, redis):
    one, other = fleet.ports("spent")

    def buy(*spent: tuple) -> list:
        """Spend amounts at Envoys; return the verdicts, and what Redis has counted then."""
        answers = [call(port, "buy", {"amount": amount}) for port, amount in spent]
        return [*map(code, answers), *redis.counters().values()]

    assert buy((one, 3.33), (other, 3.33)) == ["allowed", "allowed", 666]
    # These are refused without asking: half a cent, and more than the maximum.
    assert buy((one, 0.005), (other, 10.01)) == ["arguments_invalid", "rate_limited", 666]
    # The service has added what it refuses. So what would have fit before does not fit now.
    assert buy((other, 3.35), (one, 0.01)) == ["rate_limited", "rate_limited", 1002]
    assert len(seen.calls) == 2
    first = records(fleet.proxies[0], "spent", 3)[0]
    [counter] = first["counters"]
    assert (counter["counter"], counter["used"], counter["max"]) == ("spent", 3.33, 10)
    assert counter["shared"] is True and 0 < counter["resets_in"] <= DAY


def test_redis_holds_no_name_of_a_caller_and_no_value(fleet, seen, redis):
    [port, _] = fleet.ports("hashed")
    assert code(call(port, "run", {"city": "Ulaanbaatar"}, ANNA)) == "allowed"
    names = list(redis.counters())
    assert len(names) == 2
    for secret in ("anna", "corp", "Ulaanbaatar", "team", "runs", "city", "fleet"):
        assert not any(secret in name for name in names)


def test_a_call_of_two_shared_limits_and_a_local_one_is_asked_about_once(fleet, seen, redis):
    [port, _] = fleet.ports("several")
    stat = r"cluster\.ratelimit\.upstream_rq_total"
    before = fleet.proxies[0].stats(stat)
    made = [code(call(port, "run")) for _ in range(4)]
    assert made == ["allowed", "allowed", "rate_limited", "rate_limited"]
    # The local limit is looked at first, so the refused calls were not asked about.
    assert sorted(redis.counters().values()) == [2, 2]
    assert sum(fleet.proxies[0].stats(stat).values()) - sum(before.values()) == 2


# Beside approvals, and clients that leave.


def test_of_fifty_calls_with_one_approval_and_a_shared_limit_one_goes_on(
    fleet, module_approvals, seen, redis
):
    [port, _] = fleet.ports("approved")
    assert code(call(port, "wipe")) == "approval_required"
    # Nothing is charged to a shared limit while a person decides.
    assert sum(redis.counters().values()) == 0
    module_approvals.decide("approved")
    made = verdicts(fleet.call("approved", "wipe", 25))
    assert made["allowed"] == 1 and len(seen.calls) == 1, made
    assert made.keys() <= {"allowed", "approval_required", "rate_limited"}
    assert sum(redis.counters().values()) == 1


def test_a_client_that_leaves_during_the_question_does_no_harm(fleet, seen):
    proxy, [port, _] = fleet.proxies[0], fleet.ports("late")
    stat = r"cluster\.ratelimit\.upstream_rq_(total|active)$"
    name = "cluster.ratelimit.upstream_rq_"
    before = proxy.stats(stat)[name + "total"]
    for number in range(1, 21):
        with Connection(port) as connection:
            connection.send(load.post(rpc.tools_call("run", id=number)))
            asked = before + number
            wait_for(lambda asked=asked: proxy.stats(stat)[name + "total"] >= asked, "the question")
    told = records(proxy, "late", 20)
    unfinished = {"decision": "deny", "code": "limiter_unavailable", "cause": "unfinished"}
    assert all(record.items() >= unfinished.items() for record in told) and seen.heads == []
    # They stay charged, because the service takes nothing back.
    made = verdicts(fleet.call("late", "run", 8))
    assert made == {"allowed": 10, "rate_limited": 6} and len(seen.calls) == 10
    assert proxy.stats(stat)[name + "active"] == 0
