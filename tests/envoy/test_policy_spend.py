"""`policies/spend.json` in a real client's session."""

import json

from harness import rpc
from harness.sessions import arrived, guarded, outcome, session

BUY = {"seller": "paper.example", "offer": "a4-80g", "amount": 10, "currency": "EUR"}


def buying(**changes) -> tuple:
    return "buy", {key: value for key, value in {**BUY, **changes}.items() if value != ()}


def test_an_agent_spends_50_a_day_and_10_a_call(envoy, upstream):
    proxy = guarded(envoy, upstream, "spend.json", "refund")
    calls = [
        (("search_offers", {"text": "paper"}), "allowed"),
        (buying(), "allowed"),
        (buying(amount=10.01), "condition_failed"),
        (buying(amount=1000), "condition_failed"),
        (buying(amount=0), "condition_failed"),
        (buying(amount=-10), "condition_failed"),
        (buying(amount="10"), "arguments_invalid"),
        (buying(amount="1_0"), "arguments_invalid"),
        (buying(amount=True), "arguments_invalid"),
        (buying(amount=[10]), "arguments_invalid"),
        (buying(amount=None), "arguments_invalid"),
        (buying(amount=()), "arguments_invalid"),
        (buying(amount=0.004), "arguments_invalid"),
        (buying(amount=9.999), "arguments_invalid"),
        (buying(Amount=500), "arguments_invalid"),
        (buying(quantity=50), "arguments_invalid"),
        (buying(currency="JPY"), "arguments_invalid"),
        (buying(currency="BTC", amount=9), "arguments_invalid"),
        (buying(currency=()), "arguments_invalid"),
        (buying(seller="mallory.example"), "arguments_invalid"),
        (buying(seller="Paper.example"), "arguments_invalid"),
        (buying(offer="a4 --gift-card"), "arguments_invalid"),
        (buying(amount=9.99), "allowed"),
        (buying(amount=10.0), "allowed"),
        (buying(amount=10, seller="cloud.example"), "allowed"),
        (buying(amount=10), "allowed"),
        (buying(amount=0.02), "rate_limited"),
        (buying(amount=0.01), "allowed"),
        (buying(amount=0.01), "rate_limited"),
        (("subscribe", {"seller": "paper.example"}), "denied"),
        (("subscribe_yearly", {}), "denied"),
        (("change_card", {}), "denied"),
        (("refund", {"order": 1}), "not_listed"),
        (("get_offer", {"offer": "a4-80g"}), "allowed"),
    ]
    listed, *saw = session(proxy, *(call for call, _ in calls))
    assert listed["tools"] == ["search_offers", "get_offer", "buy"]
    found = [(call, outcome(one)) for (call, _), one in zip(calls, saw, strict=True)]
    assert found == calls
    assert arrived(upstream) == [call for call, expected in calls if expected == "allowed"]
    spent = [arguments["amount"] for tool, arguments in arrived(upstream) if tool == "buy"]
    assert sum(round(amount * 100) for amount in spent) == 5000
    told = {json.dumps(call): one["result"]["text"] for (call, _), one in zip(calls, saw, strict=True)}
    assert "10 euros at most: ask purchasing@corp.example" in told[json.dumps(buying(amount=1000))]
    assert "0.01 of 50 are left" in told[json.dumps(buying(amount=0.02))]


def test_a_new_session_gets_no_new_budget(envoy, upstream):
    proxy = guarded(envoy, upstream, "spend.json")
    codes = []
    for number in range(6):
        answer = rpc.post(proxy.url, rpc.tools_call(*buying()), {"mcp-session-id": f"session-{number}"})
        codes.append(answer.headers.get("x-mcp-policy"))
    assert codes == [None] * 5 + ["rate_limited"]
    assert len(arrived(upstream)) == 5


def test_small_purchases_are_counted_too(envoy, upstream):
    proxy = guarded(envoy, upstream, "spend.json")
    for _ in range(20):
        assert not rpc.call(proxy.url, *buying(amount=0.01))["result"]["isError"]
    decision = rpc.call(proxy.url, *buying(amount=0.01))["result"]["_meta"]["dev.mcp-policy/decision"]
    assert decision["rule"] == "tools.buy.limits[1]"
