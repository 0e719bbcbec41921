"""Pinned definitions in a real Envoy with four workers: a real server changes what a tool says of itself."""

import json

import pytest

from harness import load, policy, rpc
from harness.attacked import attacked
from harness.attacks import POLICIES, code, session
from harness.limits import WORKERS, balanced
from harness.proxy import wait_for
from harness.records import EXAMPLE

TOOL = "fact_of_the_day"
CALLERS = 4 * WORKERS


@pytest.fixture
def changing(tmp_path):
    """A server whose tool can change its description."""
    with attacked(tmp_path) as server:
        yield server


def pinning(**more) -> dict:
    """A policy that pins the tool and allows all others."""
    digest = json.loads(policy.read(POLICIES / "rug-pull" / "policy.json"))["tools"][TOOL]["definition"]
    return {
        "version": "1",
        "server": "facts",
        "default": "allow",
        "tools": {TOOL: {"definition": digest, **more}},
    }


def listed(url: str, mode: str = "legacy") -> list:
    """List the tools as a client does."""
    [saw] = session(url, [["list"]]) if mode == "legacy" else [{"tools": modern(url)}]
    return saw["tools"]


def modern(url: str) -> list:
    """List the tools as a client of the newest protocol does."""
    message, headers = rpc.modern(rpc.request("tools/list"))
    return [tool["name"] for tool in rpc.post(url, message, headers).json()["result"]["tools"]]


def called(url: str) -> str:
    """Call the tool as a client does; return what became of the call."""
    [saw] = session(url, [["call", TOOL, {}]])
    return code(saw)


def verdicts(proxy) -> set:
    """Call the tool in all workers; return the codes of the refusals, None for none."""
    with load.Crowd(proxy.port, CALLERS) as crowd:
        answers = crowd.call([rpc.tools_call(TOOL, {}, id=number) for number in range(CALLERS)])
    return {answer.header("x-mcp-policy") for answer in answers}


def tagging(tree: dict) -> None:
    """Extract labels from names as the example does."""
    tree["stats_config"] = EXAMPLE["stats_config"]


def test_a_changed_tool_is_closed_in_all_workers_until_it_is_as_before(envoy, changing):
    options = {"workers": WORKERS, "upstream": changing.server, "edit_listener": balanced, "xds": "lds"}
    proxy = envoy(pinning(), edit=tagging, **options)
    assert verdicts(proxy) == {None}, "no list was seen"
    assert TOOL in listed(proxy.url) and TOOL in listed(proxy.url, "modern")
    assert verdicts(proxy) == {None}

    changing.place.change_description()
    assert verdicts(proxy) == {None}, "no list has shown the change yet"
    assert TOOL not in listed(proxy.url) and TOOL not in listed(proxy.url, "modern")
    assert "send_message" in listed(proxy.url)
    assert verdicts(proxy) == {"definition_changed"} and called(proxy.url) == "definition_changed"
    # An update of the policy does not open it.
    assert proxy.update({**pinning(), "description": "edited"})
    wait_for(lambda: verdicts(proxy) == {"definition_changed"}, "all workers have the new policy")
    lines = [line for line in proxy.log_lines() if "another definition" in line]
    assert len(lines) == 1 and f"server `facts`: the tool `{TOOL}` is listed" in lines[0]
    scraped = proxy.get("/stats/prometheus")
    assert f'mcp_policy_definitions_changed{{mcp_server="facts",mcp_tool="{TOOL}"}} 3' in scraped

    changing.reset()
    assert TOOL in listed(proxy.url)
    assert verdicts(proxy) == {None} and called(proxy.url) == "allowed"


@pytest.mark.parametrize("mode", ["rule", "document"])
def test_in_shadow_mode_a_changed_tool_is_only_recorded(envoy, changing, mode):
    shadow = {"mode": "shadow"}
    document = pinning(**shadow) if mode == "rule" else {**pinning(), **shadow}
    proxy = envoy(document, workers=WORKERS, upstream=changing.server, access_log=True)
    changing.place.change_description()
    assert TOOL in listed(proxy.url)
    assert called(proxy.url) == "allowed"
    place = "audit" if mode == "rule" else "shadow"

    def records() -> list:
        lines = (json.loads(line[place]) for line in proxy.access_log() if line.get(place))
        return [record for record in lines if record["target"] == TOOL]

    [record] = wait_for(records, "the call is recorded")
    assert (record["decision"], record["code"]) == ("would_deny", "definition_changed")
