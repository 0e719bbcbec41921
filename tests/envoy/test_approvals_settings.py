"""The settings of approvals in a policy, and the questions that the service gets under them."""

import pytest

from harness import identity, rpc
from harness.approvals import ASKED, PENDING, UNAVAILABLE, call, code, fingerprint, policy
from harness.policy import Struct
from harness.proxy import wait_for
from upstream import Answer


def document(settings: object, **rules: object) -> dict:
    return {"version": "1", "approvals": settings, **(rules or {"tools": {"wipe": ASKED}})}


CLUSTER = {"cluster": "approvals"}
REFUSED = {
    "no service": ({"version": "1", "tools": {"wipe": ASKED}}, "tools.wipe"),
    "no service for all tools": ({"version": "1", "all_tools": ASKED}, "all_tools"),
    "no service for a grant": (
        {
            "version": "1",
            "identity": [{"header": {"name": "x"}}],
            "grants": [{"name": "a", "match": "any", "prompts": {"p": ASKED}}],
        },
        "grants[0].prompts.p",
    ),
    "a word": (document("approvals"), "approvals: "),
    "null": (document(None), "approvals: "),
    "nothing": (document({}), "approvals.cluster: "),
    "an unknown key": (document({**CLUSTER, "url": "http://x"}), "approvals.url: unknown key"),
    "a key in another case": (document({**CLUSTER, "Path": "/x"}), "approvals.Path: unknown key"),
    "an empty cluster": (document({"cluster": ""}), "approvals.cluster: "),
    "a number as a cluster": (document({"cluster": 7}), "approvals.cluster: "),
    "a list as an authority": (document({**CLUSTER, "authority": ["a"]}), "approvals.authority: "),
    "a line in an authority": (document({**CLUSTER, "authority": "a\r\nb: c"}), "approvals.authority: "),
    "no path": (document({**CLUSTER, "path": "v1"}), "approvals.path: "),
    "a line in a path": (document({**CLUSTER, "path": "/v1\r\nx: y"}), "approvals.path: "),
    "no time": (document({**CLUSTER, "timeout_ms": 0}), "approvals.timeout_ms: "),
    "a long time": (document({**CLUSTER, "timeout_ms": 60_001}), "approvals.timeout_ms: "),
    "half a millisecond": (document({**CLUSTER, "timeout_ms": 0.5}), "approvals.timeout_ms: "),
    "a word as a time": (document({**CLUSTER, "timeout_ms": "2000"}), "approvals.timeout_ms: "),
    "a negative wait": (document({**CLUSTER, "wait_seconds": -1}), "approvals.wait_seconds: "),
    "a long wait": (document({**CLUSTER, "wait_seconds": 301}), "approvals.wait_seconds: "),
    "true as a wait": (document({**CLUSTER, "wait_seconds": True}), "approvals.wait_seconds: "),
    "no life": (document({**CLUSTER, "expires_seconds": 0}), "approvals.expires_seconds: "),
    "null as a life": (document({**CLUSTER, "expires_seconds": None}), "approvals.expires_seconds: "),
}


@pytest.mark.parametrize(("refused", "expected"), REFUSED.values(), ids=REFUSED)
def test_envoy_refuses_to_start_with_invalid_approvals(envoy, refused, expected):
    log = envoy.refused(refused)
    assert "Unable to create Wasm plugin" in log
    lines = [line for line in log.splitlines() if "the policy is refused: " in line and "wasm log" in line]
    assert [expected in line for line in lines] == [True], lines


@pytest.mark.parametrize("form", [dict, Struct], ids=["StringValue", "Struct"])
def test_absent_settings_have_defaults(envoy, approvals, form):
    """A Struct's numbers are doubles; integers in them are accepted."""
    for settings, expected in [
        (CLUSTER, ("/v1/approvals", "approvals", 900, 0)),
        (
            {
                **CLUSTER,
                "authority": "a.example",
                "path": "/",
                "timeout_ms": 60_000,
                "wait_seconds": 300,
                "expires_seconds": 1,
            },
            ("/", "a.example", 1, 300),
        ),
    ]:
        approvals.clear()
        approvals.answer = Answer(500)
        proxy = envoy(form(document(settings)), approvals=approvals)
        assert call(proxy, "wipe") == UNAVAILABLE
        [request] = approvals.requests
        asked = request.json()
        assert (
            request.path,
            request.header("host"),
            asked["expires_seconds"],
            asked["wait_seconds"],
        ) == expected


def test_an_update_without_an_approval_service_is_rejected(envoy, approvals):
    proxy = envoy(policy({"wipe": ASKED}), approvals=approvals, xds="ecds")
    assert not proxy.update({"version": "1", "tools": {"wipe": ASKED}})
    assert call(proxy, "wipe") == PENDING
    wait_for(lambda: len(approvals.asks) == 1, "the question")


# Questions.


@pytest.fixture(scope="module")
def proxy(module_envoy, module_approvals):
    settings = {"authority": "approvals.internal:8443", "path": "/ask/v1?team=a", "expires_seconds": 60}
    also = {"orders": policy({"wipe": ASKED}, settings, server="orders")}
    return module_envoy(policy({"wipe": ASKED}), also=also, approvals=module_approvals)


@pytest.fixture
def service(module_approvals):
    module_approvals.forget()
    return module_approvals


def test_a_question_contains_no_credentials_of_the_caller(proxy, service):
    """The service must not see the caller's credentials or headers."""
    token = identity.api_key()
    headers = {"authorization": f"Bearer {token}", "cookie": token, "mcp-session-id": token}
    assert code(rpc.post(proxy.url, rpc.tools_call("wipe"), headers)) == PENDING
    [asked] = service.requests
    assert token not in f"{asked.headers}{asked.body}"


def test_the_service_is_asked_as_the_contract_says(proxy, service):
    service.answer = service.ordinary
    body = rpc.encode(rpc.tools_call("wipe", {"b": 1, "a": [1.5, "é"]}))
    answer = rpc.post(proxy.urls["orders"], body, {"x-request-id": "4a2b6c1e-0000-4000-8000-0123456789ab"})
    assert code(answer) == UNAVAILABLE  # the service does not answer at that path
    [request] = service.requests
    assert (request.method, request.path) == ("POST", "/ask/v1?team=a")
    assert request.header("host") == "approvals.internal:8443"
    assert request.header("content-type") == "application/json"
    asked = request.json()
    decision = answer.json()["result"]["_meta"]["dev.mcp-policy/decision"]
    assert asked.pop("request_id")
    assert asked == {
        "fingerprint": fingerprint(asked, {"b": 1, "a": [1.5, "é"]}),
        "server": "orders",
        "grant": "default",
        "principal": None,
        "tool": "wipe",
        "arguments": {"a": [1.5, "é"], "b": 1},
        "rule": "tools.wipe",
        "reason": ASKED["reason"],
        "policy": decision["policy"],
        "rules": asked["rules"],
        "source": None,
        "params": {},
        "host": asked["host"],
        "path": "/mcp",
        "expires_seconds": 60,
        "wait_seconds": 0,
        "decision_id": decision["id"],
    }
