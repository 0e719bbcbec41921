"""Good and bad policies are pushed while calls arrive: no call is lost, unjudged or counted twice."""

from collections import Counter

import pytest

from harness.traffic import Traffic

MAX = 100
TOOLS = ["echo", "danger", "few", "sometimes"]
PUSHES = 4


def policy(number: int) -> dict:
    """Build one of two policies. Both deny `danger` and share a limit; only one of them allows `sometimes`."""
    few = {"limits": [{"counter": "few", "window": "day", "max": MAX}]}
    sometimes = {"action": "deny" if number % 2 else "allow"}
    tools = {"echo": {}, "danger": {"action": "deny"}, "few": few, "sometimes": sometimes}
    return {"version": "1", "description": f"policy {number}", "tools": tools}


def bad(number: int) -> dict:
    """Build a policy with a fault, which would allow everything."""
    return {"version": "1", "description": f"policy {number}", "default": "allow", "tols": {}}


@pytest.mark.parametrize("xds", ["lds", "ecds"])
def test_pushes_under_load_lose_no_call_and_leave_none_unguarded(envoy, upstream, xds):
    proxy = envoy(policy(0), xds=xds, workers=2)
    with Traffic(proxy.port, TOOLS) as traffic:
        traffic.more(50)
        for number in range(1, PUSHES + 1):
            assert not proxy.update(bad(number))
            traffic.more(30)
            assert proxy.update(policy(number))
            traffic.more(120)
    verdicts = {tool: traffic.verdicts(tool) for tool in TOOLS}
    assert verdicts["danger"].keys() == {"denied"}, verdicts
    assert verdicts["echo"].keys() == {"allowed"}, verdicts
    assert verdicts["sometimes"].keys() == {"allowed", "denied"}, verdicts
    # One policy after another counts in the same tally.
    assert verdicts["few"].keys() == {"allowed", "rate_limited"}, verdicts
    assert verdicts["few"]["allowed"] == MAX, verdicts

    # The upstream has received each allowed call once, and nothing else.
    arrived = Counter(request.json()["id"] for request in upstream.requests)
    assert arrived == Counter(outcome.id for outcome in traffic.outcomes if outcome.verdict == "allowed")
    assert len(upstream.heads) == len(upstream.requests)
