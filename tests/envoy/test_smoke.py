"""The shortest proof that a stock Envoy loads the module and applies a policy."""

import pytest

from harness import rpc
from harness.policy import Struct

DENY = {"version": "1", "default": "deny", "tools": {"echo": {}}}
HIDING = {"version": "1", "default": "allow", "hide": ["danger"]}


@pytest.mark.parametrize("call", [rpc.call, rpc.call_modern], ids=["legacy", "2026-07-28"])
def test_an_allowed_call_arrives(envoy, upstream, call):
    proxy = envoy({"version": "1", "default": "allow"})
    answer = call(proxy.url, "echo", {"message": "hello"}, id=7)
    assert answer["id"] == 7 and rpc.text(answer) == "called echo"
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("call", [rpc.call, rpc.call_modern], ids=["legacy", "2026-07-28"])
def test_a_denied_call_never_arrives(envoy, upstream, call):
    proxy = envoy(DENY)
    answer = call(proxy.url, "danger", id="seven")
    assert answer["id"] == "seven" and answer["result"]["isError"] is True
    assert answer["result"]["resultType"] == "complete"
    assert answer["result"]["_meta"]["dev.mcp-policy/decision"]["code"] == "not_listed"
    assert "danger" in rpc.text(answer)
    assert upstream.heads == []
    assert rpc.text(call(proxy.url, "echo")) == "called echo"


@pytest.mark.parametrize("form", [dict, bytes, Struct], ids=["StringValue", "BytesValue", "Struct"])
def test_a_policy_can_have_every_form(envoy, upstream, form):
    written = rpc.encode(DENY) if form is bytes else form(DENY)
    proxy = envoy(written)
    assert rpc.post(proxy.url, rpc.tools_call("danger")).headers["x-mcp-policy"] == "not_listed"
    assert upstream.heads == []


def test_a_list_leaves_out_hidden_tools(envoy):
    proxy = envoy(HIDING)
    listed = rpc.post(proxy.url, rpc.request("tools/list")).json()["result"]["tools"]
    assert [tool["name"] for tool in listed] == ["echo", "add"]


def test_envoy_refuses_to_start_on_a_bad_policy(envoy):
    log = envoy.refused({"version": "2", "defualt": "deny"})
    assert "Unable to create Wasm plugin" in log
    assert "defualt" in log


@pytest.mark.parametrize("xds", ["lds", "ecds"])
def test_a_good_update_is_accepted_and_a_bad_one_refused(envoy, upstream, xds):
    proxy = envoy(DENY, xds=xds)
    assert not proxy.update({"version": "1", "tools": {"danger": {"limits": "many"}}})
    assert rpc.call(proxy.url, "danger")["result"]["isError"] is True
    assert proxy.update({"version": "1", "default": "allow"})
    assert rpc.text(rpc.call(proxy.url, "danger")) == "called danger"
    assert len(upstream.calls) == 1
