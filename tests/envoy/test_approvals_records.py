"""Audit records and metrics of calls that need approval, and calls that are denied without asking."""

import json
from collections import Counter

import pytest

from harness import http1, load, rpc
from harness.approvals import ASKED, DENIED, PENDING, UNAVAILABLE, call, code, policy
from upstream import Answer

HOUR = {"counter": "wipes", "window": "hour", "max": 1}
NEVER = {"path": "args.n", "op": "lt", "value": 5, "reason": "n is too large"}
POLICY = policy(
    {
        "wipe": ASKED,
        "few": {**ASKED, "limits": [HOUR]},
        "narrow": {
            **ASKED,
            "arguments": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
            "require": [NEVER],
        },
        "tried": {**ASKED, "mode": "shadow"},
        "gone": {"action": "deny"},
    },
    hide=["secret_*"],
    prompts={"plan": ASKED},
    max_body_bytes=2000,
)
SHADOW = {**POLICY, "mode": "shadow", "server": "shadow"}


@pytest.fixture
def proxy(envoy, approvals):
    also = {"shadow": SHADOW, "error": {**POLICY, "denials": "error"}, "http": {**POLICY, "denials": "http"}}
    return envoy(POLICY, also=also, approvals=approvals, access_log=True, workers=4)


def records(proxy, count: int) -> list:
    return [json.loads(line["audit"] or line["shadow"]) for line in proxy.access_log(count)]


def counted(proxy) -> dict:
    """Read the approval counters by outcome."""
    prefix = "wasmcustom.mcp_policy.approvals."
    found = proxy.stats(r"^wasmcustom\.mcp_policy\.approvals")
    assert all(name.startswith(prefix) for name in found), found
    counters = {name.removeprefix(prefix): value for name, value in found.items() if value}
    return {name.removeprefix("outcome.").partition(".")[0]: value for name, value in counters.items()}


def test_records_and_metrics_include_the_approval(proxy, approvals):
    made = [call(proxy, "wipe")]
    first = approvals.decide("approved")
    made.append(call(proxy, "wipe"))
    made.append(call(proxy, "wipe"))
    second = approvals.decide("denied", reason="not today")
    made.append(call(proxy, "wipe"))
    approvals.answer = Answer(500)
    made.append(call(proxy, "wipe"))
    made.append(call(proxy, "gone"))
    audited = records(proxy, 6)
    assert made == [PENDING, "allowed", PENDING, DENIED, UNAVAILABLE, "denied"]
    assert [one["decision"] for one in audited] == ["deny", "allow", "deny", "deny", "deny", "deny"]
    assert [one.get("code") for one in audited] == [word if word != "allowed" else None for word in made]
    assert [one.get("approval") for one in audited] == [
        {"id": first.id, "outcome": "pending"},
        {"id": first.id, "outcome": "approved"},
        {"id": second.id, "outcome": "pending"},
        {"id": second.id, "outcome": "denied"},
        {"id": None, "outcome": "unavailable", "cause": "status 500"},
        None,
    ]
    assert {one["rule"] for one in audited[:5]} == {"tools.wipe"}
    # The service's questions have the same ids as the records.
    assert [ask["decision_id"] for ask in approvals.asks] == [one["id"] for one in audited[:5]]
    assert [ask["request_id"] for ask in approvals.asks] == [one["request_id"] for one in audited[:5]]
    assert "not today" not in json.dumps(audited), "an approver's reason is not in the audit record"
    # Questions, and their outcomes; the difference is the number of clients that disconnected while waiting.
    assert counted(proxy) == {"asked": 5, "pending": 2, "approved": 1, "denied": 1, "unavailable": 1}
    decisions = proxy.stats(r"^wasmcustom\.mcp_policy\.decisions")
    by_code = Counter()
    for name, value in decisions.items():
        by_code[name.rpartition(".code.")[2].partition(".")[0]] += value
    expected = {PENDING: 2, DENIED: 1, UNAVAILABLE: 1, "denied": 1}
    assert {word: by_code[word] for word in expected} == expected
    assert sum(value for name, value in decisions.items() if ".decision.allow" in name) == 1


def test_a_client_that_disconnects_is_recorded(envoy, approvals, upstream):
    document = policy({"wipe": ASKED}, {"wait_seconds": 60})
    proxy = envoy(document, approvals=approvals, access_log=True)
    with http1.Connection(proxy.port) as connection:
        connection.send(load.post(rpc.tools_call("wipe")))
        approvals.wait(1)
    [record] = records(proxy, 1)
    assert (record["decision"], record["code"], record["rule"]) == ("deny", PENDING, "tools.wipe")
    assert record["approval"] == {"id": None, "outcome": "asked"}
    assert record["id"] == approvals.asks[0]["decision_id"]
    approvals.decide("denied")
    assert upstream.heads == []


# Calls that are denied without asking.


def test_a_call_that_is_denied_anyway_is_not_asked_about(proxy, approvals, upstream):
    for tool, arguments, expected in [
        ("gone", {}, "denied"),
        ("other", {}, "not_listed"),
        ("secret_x", {}, "hidden"),
        ("narrow", {"n": "1"}, "arguments_invalid"),
        ("narrow", {"n": 1, "m": 2**53 + 1}, "arguments_invalid"),
        ("narrow", {}, "arguments_invalid"),
        ("narrow", {"n": 7}, "condition_failed"),
        ("wipe", {"long": "x" * 2000}, "too_large"),
    ]:
        assert call(proxy, tool, **arguments) == expected, tool
    duplicate = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe","name":"wipe"}}'
    assert code(rpc.post(proxy.url, duplicate)) == "invalid_request"
    disagreeing = rpc.post(proxy.url, rpc.tools_call("wipe"), {"mcp-name": "other"})
    assert code(disagreeing) == "headers_disagree"
    assert approvals.requests == [] and upstream.heads == []
    assert call(proxy, "narrow", n=1) == PENDING and len(approvals.asks) == 1


@pytest.mark.parametrize(("form", "status"), [("main", 403), ("error", 403), ("http", 403)])
def test_a_notification_is_denied_without_asking(proxy, approvals, upstream, form, status):
    """A notification has no answer that could say it is pending, so asking would be useless."""
    for message in (rpc.tools_call("wipe", id=None), rpc.request("prompts/get", {"name": "plan"}, id=None)):
        answer = rpc.post(proxy.urls[form], message)
        assert (answer.status_code, code(answer)) == (status, PENDING)
        assert "id" not in answer.json() or answer.json()["id"] is None
    assert approvals.requests == [] and upstream.heads == []
    audited = records(proxy, 2)
    assert all("approval" not in one for one in audited)


def test_shadow_mode_does_not_ask(proxy, approvals, upstream):
    assert [call(proxy, "wipe", "shadow"), call(proxy, "tried"), call(proxy, "few", "shadow")] == [
        "allowed"
    ] * 3
    audited = records(proxy, 3)
    assert {(one["decision"], one["code"]) for one in audited} == {("would_deny", PENDING)}
    assert approvals.requests == [] and len(upstream.calls) == 3
    assert counted(proxy) == {}


@pytest.mark.parametrize(
    ("form", "status", "error"), [("error", 200, -31403), ("http", 403, -31403)], ids=["error", "http"]
)
def test_a_pending_call_is_denied_in_the_policys_form(proxy, approvals, form, status, error):
    answer = rpc.post(proxy.urls[form], rpc.tools_call("wipe", id="x"))
    assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (status, "x", error)
    [approval] = approvals.ledger.approvals
    for text in (answer.json()["error"]["message"], answer.json()["error"]["data"]["reason"]):
        assert approval.id in text and approvals.page(approval) in text
    assert answer.json()["error"]["data"]["code"] == PENDING
    approvals.decide("denied", reason="not today")
    refused = rpc.post(proxy.urls[form], rpc.tools_call("wipe"))
    assert code(refused) == DENIED and "not today" in refused.json()["error"]["message"]


def test_other_requests_are_denied_with_an_error(proxy, approvals, upstream):
    ask = rpc.request("prompts/get", {"name": "plan"})
    answer = rpc.post(proxy.url, ask)
    assert (answer.status_code, answer.json()["error"]["code"], code(answer)) == (200, -31403, PENDING)
    approvals.decide("approved")
    assert code(rpc.post(proxy.url, ask)) == "allowed" and len(upstream.requests) == 1


# Limits.


def test_a_limit_is_checked_before_asking_and_charged_once_after_the_approval(proxy, approvals, upstream):
    assert [call(proxy, "few", n=n) for n in (1, 1, 2, 3)] == [PENDING] * 4
    for one in list(approvals.ledger.approvals):
        approvals.decide("approved" if one.asked["arguments"]["n"] < 3 else "denied", one.id)
    assert call(proxy, "few", n=3) == DENIED
    assert call(proxy, "few", n=1) == "allowed"
    asked = len(approvals.asks)
    # Over the limit the service is not asked, so no approval is wasted.
    assert [call(proxy, "few", n=n) for n in (1, 2, 4)] == ["rate_limited"] * 3
    assert len(approvals.asks) == asked
    assert approvals.ledger.count("approved") == 1 and len(upstream.calls) == 1
    audited = records(proxy, 9)
    assert [one["counters"][0]["used"] for one in audited if one["decision"] == "allow"] == [1]


def test_a_limit_also_applies_to_calls_that_are_approved_while_waiting(envoy, approvals, upstream):
    rule = {"few": {**ASKED, "limits": [HOUR]}}
    proxy = envoy(policy(rule, {"wait_seconds": 60}), approvals=approvals, access_log=True)
    with load.Crowd(proxy.port, 6) as crowd:
        for number, caller in enumerate(crowd.callers):
            caller.send(load.post(rpc.tools_call("few", {"n": number})))
        approvals.wait(6)
        for one in list(approvals.ledger.approvals):
            approvals.decide("approved", one.id)
        codes = sorted(code(caller.receive()) for caller in crowd.callers)
    assert codes == ["allowed"] + ["rate_limited"] * 5 and len(upstream.calls) == 1
    audited = records(proxy, 6)
    assert {one["approval"]["outcome"] for one in audited} == {"approved"}


def test_a_grant_may_require_approval_where_the_document_does_not(envoy, approvals, upstream):
    grants = [
        {"name": "bots", "match": [{"header": "bot-*"}], "tools": {"wipe": ASKED}},
        {"name": "people", "match": [{"header": "*"}]},
    ]
    document = policy({"wipe": {}}, identity=[{"header": {"name": "x-agent-id"}}], grants=grants)
    proxy = envoy(document, approvals=approvals)
    who = {"x-agent-id": "bot-1"}
    assert code(rpc.post(proxy.url, rpc.tools_call("wipe"), {"x-agent-id": "anna"})) == "allowed"
    assert approvals.asks == []
    assert code(rpc.post(proxy.url, rpc.tools_call("wipe"), who)) == PENDING
    [asked] = approvals.asks
    assert (asked["grant"], asked["principal"]) == ("bots", "bot-1")
    assert asked["rule"] == "grants[0].tools.wipe"
    approvals.decide("approved")
    assert code(rpc.post(proxy.url, rpc.tools_call("wipe"), who)) == "allowed"
