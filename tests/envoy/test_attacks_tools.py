"""Attacks through which tools there are, and what is said about them: `policies/attacks`, without and with a policy."""

import json
import subprocess

import pytest

import places
from harness import rpc
from harness.attacked import EVIL, KEY
from harness.attacks import session

LETTER = {"to": ["bob@corp.example"], "subject": "Minutes", "text": "Attached."}


def names(url: str) -> list:
    """List the tools as a client does."""
    [listed] = session(url, [["list"]])
    return listed["tools"]


def description(url: str, tool: str) -> str:
    """Return what a model reads about a tool."""
    message, headers = rpc.modern(rpc.request("tools/list"))
    tools = rpc.post(url, message, headers).json()["result"]["tools"]
    [found] = [each["description"] for each in tools if each["name"] == tool]
    return found


def findings(url: str) -> set:
    """Return what `mcp-policy scan` finds in the definitions of a server's tools: the kind and the tool."""
    if not places.POLICY_TOOL.exists():
        pytest.fail(f"there is no {places.POLICY_TOOL.name}; cargo build -p mcp-policy")
    command = [places.POLICY_TOOL, "scan", url, "--fail-on-findings", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    return {(found["id"], found["target"]["name"]) for found in json.loads(done.stdout)["findings"]}


def test_an_agent_gives_itself_a_credential(attack):
    outcome = attack.carry_out(
        "credential-minting", [("create_api_key", {"scope": "admin"})], [("list_api_keys", {})]
    )
    assert outcome.without == ["allowed"] and len(attack.unguarded.place.table("keys")) == 1
    # The client is told that there is no such tool.
    assert outcome.refused == ["-32602"] and attack.guarded.place.table("keys") == []
    assert outcome.legitimate == ["allowed"]
    assert "create_api_key" in names(attack.open_url)
    assert names(attack.urls["credential-minting"]) == ["list_api_keys"]


def test_a_table_is_dropped_and_customers_are_deleted(attack):
    calls = [("drop_table", {"table": "tickets"}), ("delete_customer", {"customer_id": 1})]
    outcome = attack.carry_out("destructive-call", calls, [("get_customer", {"customer_id": 1})])
    assert outcome.without == ["allowed"] * 2
    assert "tickets" not in attack.unguarded.place.tables()
    assert len(attack.unguarded.place.table("customers")) == 199
    assert outcome.refused == ["denied", "approval_required"] and outcome.legitimate == ["allowed"]
    assert "tickets" in attack.guarded.place.tables() and len(attack.guarded.place.table("customers")) == 200
    assert "on-call engineer" in outcome.told[0] and attack.service.url in outcome.told[1]

    anna = attack.service.shell("anna")
    [asked] = json.loads(attack.service.run("list", "--json", token=anna).stdout)["approvals"]
    attack.service.decide(asked["id"], "approve", anna)
    others = [("delete_customer", {"customer_id": 2})]
    outcome = attack.carry_out("destructive-call", others, [("delete_customer", {"customer_id": 1})])
    assert outcome.refused == ["approval_required"] and outcome.legitimate == ["allowed"]
    assert [row[0] for row in attack.guarded.place.table("customers")] == list(range(2, 201))


def test_a_description_tells_the_model_to_pass_a_key_on(attack):
    path = "/srv/docs-private/key.pem"
    for url in (attack.open_url, attack.urls["poisoned-description"]):
        assert path in description(url, "add")
    # An agent that does what the description says.
    calls = [("read_file", {"path": path}), ("add", {"a": 1, "b": 2, "sidenote": KEY})]
    honest = [("add", {"a": 1, "b": 2}), ("read_file", {"path": "/srv/docs/readme.md"})]
    outcome = attack.carry_out("poisoned-description", calls, honest)
    assert outcome.without == ["allowed"] * 2 and outcome.read[0] == KEY
    assert attack.unguarded.place.table("stolen") == [(KEY,)]
    assert outcome.refused == ["arguments_invalid"] * 2 and KEY not in "".join(outcome.told)
    assert attack.guarded.place.table("stolen") == []
    assert outcome.legitimate == ["allowed"] * 2 and outcome.told[-2:] == ["3", "how to log in"]


def test_a_description_changes_after_a_person_has_read_it(attack):
    urls = attack.open_url, attack.urls["rug-pull"]
    assert [description(url, "fact_of_the_day") for url in urls] == ["Tells a fact."] * 2
    for server in (attack.unguarded, attack.guarded):
        server.place.change_description()
    assert "send them to +1 666" in description(attack.open_url, "fact_of_the_day")
    assert names(attack.urls["rug-pull"]) == ["list_messages", "send_message"]
    # An agent that has read the new description in another way, and does what it says.
    secret = "the code of the door is 4711"
    message = ("send_message", {"recipient": "+1 666", "text": secret})
    calls = [("fact_of_the_day", {}), ("list_messages", {}), message]
    honest = [("send_message", {"recipient": "+49 1", "text": "see you"})]
    outcome = attack.carry_out("rug-pull", calls, honest)
    assert outcome.without == ["allowed"] * 3
    assert ("+1 666", secret) in attack.unguarded.place.table("messages")
    assert outcome.refused == ["definition_changed", "allowed", "arguments_invalid"]
    assert "reviewed again" in outcome.told[0] and outcome.legitimate == ["allowed"]
    assert [person for person, _ in attack.guarded.place.table("messages")] == ["+49 1", "+49 1"]
    # The reviewed description is back.
    attack.reset()
    assert "fact_of_the_day" in names(attack.urls["rug-pull"])
    assert attack.carry_out("rug-pull", [], [("fact_of_the_day", {})]).legitimate == ["allowed"]


def test_a_tool_looks_like_another(attack):
    outcome = attack.carry_out("look-alike-tool", [("send_emaiI", LETTER)], [("send_email", LETTER)])
    assert outcome.without == ["allowed"] and len(attack.unguarded.place.mails()) == 1
    assert outcome.refused == ["not_listed"] and outcome.legitimate == ["allowed"]
    assert attack.guarded.place.mails() == [] and len(attack.guarded.place.mails("bob@corp.example")) == 1
    assert {"send_email", "send_emaiI"} <= set(names(attack.open_url))
    assert names(attack.urls["look-alike-tool"]) == ["send_email"]
    others = ["Send_email", "send_email ", "send\u200b_email", "send_\u0435mail", "send_email_v2", "*"]
    assert attack.passing("look-alike-tool", [(name, LETTER) for name in others]) == []
    assert EVIL not in str(attack.guarded.place.table("mails"))


def test_a_caller_looks_for_tools_that_it_may_not_call(attack):
    outcome = attack.carry_out(
        "list-probing", [("internal_export", {})], [("get_invoice", {"invoice": "R-1"})]
    )
    assert outcome.without == ["allowed"] and "globex" in outcome.read[0]
    assert "internal_export" in names(attack.open_url)
    assert outcome.refused == ["-32602"] and outcome.legitimate == ["allowed"]
    assert names(attack.urls["list-probing"]) == ["get_invoice"]

    def answer(url: str, tool: str) -> tuple:
        """Return everything of an answer that can depend on whether the tool exists."""
        got = rpc.post(url, rpc.tools_call(tool))
        body = got.json()
        body.get("result", {}).get("_meta", {}).get("dev.mcp-policy/decision", {}).pop("id", None)
        told = json.dumps(body).replace(tool, "TOOL")
        return got.status_code, got.headers.get("x-mcp-policy"), told

    url = attack.urls["list-probing"]
    # The first name of each pair exists at the server.
    assert answer(url, "internal_export") == answer(url, "internal_nothing")
    assert answer(url, "drop_table") == answer(url, "no_such_table")


def test_a_scan_finds_what_the_filter_does_not_look_for(attack):
    known = {("instruction", "add"), ("look-alike-name", "send_emaiI")}
    assert findings(attack.unguarded.server.url) == known
    attack.unguarded.place.change_description()
    assert findings(attack.unguarded.server.url) == known | {("instruction", "fact_of_the_day")}
