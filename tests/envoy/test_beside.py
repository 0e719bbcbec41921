"""A policy in shadow mode beside the policy in force, in one chain of filters."""

import copy
import json

import pytest

from harness import http1, rpc
from harness.records import bare, call, manager_of, post, tagging

LIMITED = {
    "version": "1",
    "server": "shop",
    "tools": {"few": {"limits": [{"counter": "few", "window": "hour", "max": 6}]}, "danger": {}},
}
CANDIDATE = {
    **LIMITED,
    "mode": "shadow",
    "tools": {
        "few": {"limits": [{"counter": "few", "window": "hour", "max": 4}]},
        "danger": {"action": "deny", "reason": "it deletes"},
    },
}
ORDERS = ["before", "behind"]


def beside(candidate: dict, order: str):
    """Add a filter with the candidate before or behind the filter of the policy in force."""

    def edit(listener: dict) -> None:
        chain = manager_of(listener)["http_filters"]
        shadow = copy.deepcopy(chain[0])
        shadow["name"] = "mcp_policy_candidate"
        config = shadow["typed_config"]["config"]
        config["name"] = config["root_id"] = "mcp_policy_candidate"
        config["configuration"]["value"] = json.dumps(candidate)
        chain.insert(0 if order == "before" else 1, shadow)

    return edit


def started(envoy, order: str, policy: dict = LIMITED, candidate: dict = CANDIDATE, **options):
    edit = beside(candidate, order)
    return envoy(policy, workers=1, access_log=True, edit_listener=edit, edit=tagging, **options)


@pytest.mark.parametrize("order", ORDERS)
def test_a_candidate_takes_nothing_from_the_policy_in_force(envoy, upstream, order):
    proxy = started(envoy, order)
    codes = [http1.exchange(proxy.port, call("few")).header("x-mcp-policy") for _ in range(7)]
    assert codes == [None] * 6 + ["rate_limited"]
    assert len(upstream.calls) == 6
    assert http1.exchange(proxy.port, call("danger")).header("x-mcp-policy") is None

    logged = proxy.access_log(8)
    in_force = [json.loads(line["audit"]) for line in logged]
    assert [record["decision"] for record in in_force] == ["allow"] * 6 + ["deny", "allow"]
    assert [record["counters"][0]["used"] for record in in_force[:7]] == [1, 2, 3, 4, 5, 6, 6]
    # A call that is refused before it reaches the candidate has no record of it.
    candidate = [json.loads(line["shadow"]) for line in logged if line["shadow"]]
    expected = [("allow", None)] * 4 + [("would_deny", "rate_limited")] * (3 if order == "before" else 2)
    expected.append(("would_deny", "denied"))
    assert [(record["decision"], record["code"]) for record in candidate] == expected
    policies = {record["policy"] for record in in_force}, {record["policy"] for record in candidate}
    assert len(policies[0]) == len(policies[1]) == 1 and policies[0] != policies[1]

    stats = proxy.get("/stats/prometheus")
    in_force = (
        'mcp_policy_decisions{mcp_server="shop",mcp_decision="allow",mcp_code="none",mcp_grant="default"}'
    )
    assert f"{in_force} 7" in stats
    labels = 'mcp_server="shop",mcp_mode="shadow",mcp_decision="would_deny",mcp_code="denied"'
    assert f'mcp_policy_decisions{{{labels},mcp_grant="default"}} 1' in stats


@pytest.mark.parametrize("order", ORDERS)
def test_a_candidate_changes_nothing_in_a_request(envoy, upstream, order):
    approvals = {"cluster": "approvals", "authority": "approvals.internal"}
    plain = {"version": "1", "default": "allow", "server": "plain"}
    candidate = {**plain, "mode": "shadow", "approvals": approvals, "tools": {"echo": {"action": "deny"}}}
    proxy = started(envoy, order, plain, candidate)
    state = {"name": "echo", "arguments": {}, "requestState": "mcp-policy.abc"}
    headers = [("content-type", "application/json"), ("accept-encoding", "gzip"), ("x-request-id", "7")]
    for message in (rpc.request("tools/call", state), rpc.tools_call("echo", {})):
        body = rpc.encode(message)
        assert http1.exchange(proxy.port, post(message, headers)).status == 200
        assert upstream.requests[-1].body == body
        assert upstream.requests[-1].header("content-length") == str(len(body))
        # The policy in force reads answers, so it asks for plain ones.
        assert upstream.requests[-1].header("accept-encoding") == "identity"
    alone = envoy({**candidate, "server": "alone"})
    assert http1.exchange(alone.port, post(rpc.tools_call("echo", {}), headers)).status == 200
    assert upstream.requests[-1].header("accept-encoding") == "gzip"


@pytest.mark.parametrize("order", ORDERS)
def test_lists_are_those_of_the_policy_in_force(envoy, upstream, order):
    hidden = {**LIMITED, "tools": {"echo": {}}}
    proxy = started(envoy, order, hidden, {**CANDIDATE, "tools": {}})
    listed = http1.exchange(proxy.port, post(rpc.request("tools/list")))
    assert [tool["name"] for tool in json.loads(listed.body)["result"]["tools"]] == ["echo"]
    assert http1.exchange(proxy.port, bare("DELETE")).status == 200
