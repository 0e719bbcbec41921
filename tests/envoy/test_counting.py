"""Counting in a real Envoy: exact across workers, updates and listeners, and in real time.

`tests/cases/limits.json` holds the contract of limits for every store. Here a whole Envoy has to keep it, in
all cases that need no particular time. The other tests show what only an Envoy can show.
"""

import threading
import time
from collections import Counter

import pytest

from harness import http1, load, rpc
from harness.limits import (
    CALLERS,
    RUNS,
    WORKERS,
    balanced,
    by_vm_id,
    check_refusal,
    ids,
    limit,
    only,
    sort_out,
    verdict,
)


@pytest.fixture
def seen(module_upstream):
    module_upstream.clear()
    return module_upstream


def test_a_limit_of_100_allows_exactly_100_of_400_calls(module_envoy, seen):
    tools = {f"run-{run}": only(limit(f"run-{run}", 100)) for run in range(RUNS)}
    proxy = module_envoy({"version": "1", "tools": tools}, workers=WORKERS, edit_listener=balanced)
    id = ids()
    with load.Crowd(proxy.port, CALLERS) as crowd:
        for tool in tools:
            seen.clear()
            calls = [rpc.tools_call(tool, id=next(id)) for _ in range(CALLERS)]
            assert sort_out(crowd.call(calls), calls, seen) == {tool: 100}
    shares = proxy.stats(r"^listener\..*\.worker_\d+\.downstream_cx_total$")
    assert len(shares) == WORKERS
    assert all(share >= CALLERS / WORKERS / 2 for share in shares.values()), shares


def test_two_limits_of_each_call_are_charged_together(module_envoy, seen):
    tools = {}
    for run in range(RUNS):
        shared = limit(f"shared-{run}", 100)
        tools[f"one-{run}"] = only(shared, limit(f"one-{run}", 70))
        tools[f"two-{run}"] = only(limit(f"two-{run}", 80), shared)
        tools[f"rest-{run}"] = only(limit(f"one-{run}", 70))
    proxy = module_envoy({"version": "1", "tools": tools}, workers=WORKERS, edit_listener=balanced)
    id = ids()
    with load.Crowd(proxy.port, CALLERS) as crowd:
        for run in range(RUNS):
            seen.clear()
            pair = [f"one-{run}", f"two-{run}"]
            calls = [rpc.tools_call(pair[number % 2], id=next(id)) for number in range(CALLERS)]
            arrived = sort_out(crowd.call(calls), calls, seen)
            assert arrived.total() == 100, arrived
            assert arrived[pair[0]] <= 70 and arrived[pair[1]] <= 80
            # Calls that the shared counter refused have charged nothing to the other.
            seen.clear()
            calls = [rpc.tools_call(f"rest-{run}", id=next(id)) for _ in range(100)]
            rest = sort_out(crowd.call(calls), calls, seen)
            assert rest.total() == 70 - arrived[pair[0]]


@pytest.mark.parametrize("xds", ["lds", "ecds"])
def test_an_update_during_calls_loses_no_call_and_counts_none_twice(module_envoy, seen, xds):
    policy = {"version": "1", "description": "old", "tools": {"few": only(limit("few", 100))}}
    proxy = module_envoy(policy, workers=WORKERS, xds=xds, edit_listener=balanced)
    id = ids()
    calls, answers = [], []

    def call_at_once(count: int) -> None:
        more = [rpc.tools_call("few", id=next(id)) for _ in range(count)]
        with load.Crowd(proxy.port, count) as crowd:
            answers.extend(crowd.call(more))
        calls.extend(more)

    updated = threading.Event()

    def keep_calling() -> None:
        while not updated.is_set():
            call_at_once(1)

    call_at_once(50)
    caller = threading.Thread(target=keep_calling)
    caller.start()
    try:
        assert proxy.update({**policy, "description": "new"})
    finally:
        updated.set()
        caller.join()
    during = len(calls) - 50
    call_at_once(CALLERS - 50)
    assert sort_out(answers, calls, seen) == {"few": 100}
    # The last calls were refused by another document than the first.
    fresh = module_envoy({**policy, "description": "new"})
    assert verdict(fresh.url, "other") == "not_listed"
    new = rpc.call(fresh.url, "other")["result"]["_meta"]["dev.mcp-policy/decision"]["policy"]
    refusals = [load.decision(answer) for answer in answers[50 + during :] if answer.header("x-mcp-policy")]
    assert len(refusals) >= CALLERS - 150 and {refusal["policy"] for refusal in refusals} == {new}
    assert during > 0


def test_listeners_share_counters_only_with_the_same_server_and_vm_id(module_envoy):
    policy = {"version": "1", "tools": {"few": only(limit("few", 3))}}
    proxy = module_envoy(
        policy,
        also={
            "same": {**policy, "description": "another document"},
            "other": {**policy, "server": "other"},
            "apart@elsewhere": policy,
        },
        edit_listener=by_vm_id,
    )
    order = ["main", "same", "same", "main", "same", "other", "apart@elsewhere"]
    verdicts = [verdict(proxy.urls[listener], "few") for listener in order]
    assert verdicts == ["allowed"] * 3 + ["rate_limited"] * 2 + ["allowed"] * 2


def test_listeners_with_different_capacities_count_a_session_together(module_envoy):
    policy = {"version": "1", "tools": {"few": only(limit("few", 10, scope="session"))}}
    others = {f"other-{size}": {**policy, "counters": {"capacity": size}} for size in (1, 1000, 100_000)}
    proxy = module_envoy(policy, also=others)
    for session in ("a", "b", "c"):
        verdicts = [
            verdict(url, "few", mcp_session_id=session) for _ in range(5) for url in proxy.urls.values()
        ]
        assert verdicts == ["allowed"] * 10 + ["rate_limited"] * 10, session


def test_a_listener_in_shadow_mode_takes_no_room_from_one_that_enforces(module_envoy):
    policy = {"version": "1", "tools": {"few": only(limit("few", 3))}}
    proxy = module_envoy(policy, also={"shadow": {**policy, "mode": "shadow"}})
    verdicts = [verdict(proxy.urls[name], "few") for name in ["shadow"] * 5 + ["main"] * 4]
    assert verdicts == ["allowed"] * 8 + ["rate_limited"]


# Which tally is charged, and how much.

SCOPES = {
    "version": "1",
    "default": "deny",
    "tools": {
        "session": only(limit("session", 1, scope="session")),
        "global": only(limit("global", 1, scope="global")),
        "principal": only(limit("principal", 1, scope="principal")),
        "grant": only(limit("grant", 1)),
        "short": {"rate_limit": {"max": 2, "window": 60}},
        "pair-one": only(limit("pair", 2)),
        "pair-two": only(limit("pair", 3)),
        "pay": only(limit("spend", 10, amount="args.payment.amounts[1]"), limit("payments", 3)),
        "heavy": only(limit("weight", 1, amount=0.4)),
        "denied": {"action": "deny", **only(limit("free", 1))},
        "free": only(limit("free", 1)),
    },
}


@pytest.fixture(scope="module")
def scopes(module_envoy):
    return module_envoy(SCOPES).url


@pytest.mark.parametrize(
    ("tool", "sessions"),
    [
        # Each call's session, and whether it is allowed.
        ("session", [("a", True), ("a", False), ("b", True), ("b", False), ("A", True)]),
        ("session", [(None, True), (None, False), ("c", True), (None, False)]),
        ("global", [("a", True), ("b", False), (None, False)]),
        ("principal", [("a", True), ("b", False), (None, False)]),
        ("grant", [("a", True), ("b", False), (None, False)]),
        ("short", [("a", True), ("a", True), ("a", False), ("b", True)]),
    ],
)
def test_the_scope_determines_which_calls_are_counted_together(scopes, tool, sessions):
    verdicts = [verdict(scopes, tool, mcp_session_id=session) for session, _ in sessions]
    assert verdicts == ["allowed" if passes else "rate_limited" for _, passes in sessions]


def test_rate_limit_is_one_limit_named_after_its_entry(scopes):
    session = {"mcp-session-id": "shorthand"}
    answers = [rpc.post(scopes, rpc.tools_call("short"), session) for _ in range(3)]
    decision = answers[2].json()["result"]["_meta"]["dev.mcp-policy/decision"]
    assert decision["rule"] == "tools.short.rate_limit" and "`short`" in decision["reason"]
    assert 1 <= decision["retryAfterSeconds"] <= 63


def test_two_tools_share_a_counter_and_each_has_its_own_max(scopes):
    tools = ["pair-two", "pair-one", "pair-one", "pair-two", "pair-two"]
    verdicts = [verdict(scopes, tool) for tool in tools]
    assert verdicts == ["allowed", "allowed", "rate_limited", "allowed", "rate_limited"]


def test_a_call_can_weigh_more_or_less_than_one(scopes):
    assert [verdict(scopes, "heavy") for _ in range(3)] == ["allowed", "allowed", "rate_limited"]


def test_a_call_that_a_rule_denies_charges_nothing(scopes):
    assert [verdict(scopes, "denied") for _ in range(3)] == ["denied"] * 3
    assert [verdict(scopes, "free") for _ in range(2)] == ["allowed", "rate_limited"]


def test_spend_is_read_from_the_arguments_or_the_call_is_refused(scopes):
    unfit = ["null", '"5"', "-1", "-0.5", "0.0000001", "1e300", "[5]", "{}", "true"]
    for amount in unfit:
        arguments = f'{{"payment":{{"amounts":[0,{amount}]}}}}'
        assert verdict(scopes, "pay", arguments) == "arguments_invalid", amount
    for arguments in ["{}", '{"payment":{"amounts":[1]}}', '{"payment":{"amounts":{"1":1}}}']:
        assert verdict(scopes, "pay", arguments) == "arguments_invalid", arguments
    # None of these calls has charged the other counter, which has room for three.
    for amount, expected in [
        ("10.000001", "rate_limited"),
        ("9.5", "allowed"),
        ("0.500001", "rate_limited"),
        ("25e-2", "allowed"),
        ("0.25", "allowed"),
        ("0", "rate_limited"),
    ]:
        assert verdict(scopes, "pay", f'{{"payment":{{"amounts":[0,{amount}]}}}}') == expected, amount


# Real time.


def test_windows_keep_their_promises_in_real_time(module_envoy):
    """Call two tools as fast as one caller can, and check each verdict against the clock.

    The filter reads its clock between the sending of a call and its answer; each check allows for that.
    """
    most, calendar = 5, 2
    tools = {
        "sliding": only(limit("sliding", most, "second")),
        "calendar": only(limit("calendar", most, calendar, type="calendar")),
    }
    proxy = module_envoy({"version": "1", "tools": tools})
    calls = {tool: [] for tool in tools}
    with http1.Connection(proxy.port) as connection:
        until = time.time() + 4.5
        while time.time() < until:
            for tool in tools:
                sent = time.time()
                answer = connection.exchange(load.post(rpc.tools_call(tool)))
                calls[tool].append((sent, time.time(), answer))
            time.sleep(0.002)

    def passed(tool: str) -> list:
        return [(sent, got) for sent, got, answer in calls[tool] if not answer.header("x-mcp-policy")]

    def refused(tool: str) -> list:
        return [
            (sent, got, check_refusal(answer, 1, most=2)["retryAfterSeconds"])
            for sent, got, answer in calls[tool]
            if answer.header("x-mcp-policy")
        ]

    allowed = passed("sliding")
    assert len(allowed) >= 4 * most
    for first, last in zip(allowed, allowed[most:], strict=False):
        assert last[1] - first[0] > 1.0, "more than max within a window"
    for sent, got, retry in refused("sliding"):
        recent = [one for one in allowed if one[1] > sent - 1.04 and one[0] < got]
        assert len(recent) >= most, "refused, though less than max fell within 1.04 windows"
        # A retry at the given time is allowed, unless another call came first.
        retries = [one[0] for one in calls["sliding"] if one[0] >= got + retry]
        if retries:
            assert any(one[1] > got and one[0] <= retries[0] for one in allowed), (
                "the wait was told too short"
            )

    allowed = passed("calendar")
    windows = Counter(int(sent // calendar) for sent, got in allowed if sent // calendar == got // calendar)
    assert len(windows) >= 2 and max(windows.values()) <= most
    for window in sorted(windows)[1:-1]:
        assert windows[window] >= most - 1, "more than one call is missing in a window"
    for sent, got, retry in refused("calendar"):
        boundary = (sent // calendar + 1) * calendar
        if got < boundary:
            assert boundary - got <= retry <= boundary - sent + 1
    assert refused("sliding") and refused("calendar")
