"""Attacks through who calls and how the call is written: `policies/attacks`, without and with the policy."""

import pytest

from harness import rpc
from harness.attacked import SALARIES
from harness.identity import bearer, unsigned

FILE = {"owner": "acme", "repo": "payroll", "path": "salaries.csv"}
ISSUE = {"owner": "acme", "repo": "site", "title": "As you asked", "body": SALARIES}


def test_an_argument_names_another_tenant(attack):
    own, other = {"tenant": "acme", "account": "main"}, {"tenant": "globex", "account": "main"}
    headers = bearer(attack.issuer.token(sub="agent", tenant="acme"))
    outcome = attack.carry_out("confused-deputy", [("read_account", other)], [("read_account", own)], headers)
    assert outcome.without == ["allowed"] and outcome.read == ["globex has 20"]
    assert outcome.refused == ["condition_failed"] and outcome.legitimate == ["allowed"]
    assert "your own tenant" in outcome.told[0] and outcome.told[1] == "acme has 10"
    for arguments in ({"tenant": "Globex"}, {"tenant": ["acme"]}, {"tenant": "acme", "Tenant": "globex"}, {}):
        call = rpc.tools_call("read_account", {"account": "main", **arguments})
        answer = attack.posted("confused-deputy", call, headers)
        assert answer.headers["x-mcp-policy"] in ("arguments_invalid", "condition_failed"), arguments
    # Without a tenant in a token that somebody has signed there is no call at all.
    for token in (attack.issuer.token(sub="agent"), unsigned(sub="agent", tenant="globex")):
        answer = attack.posted("confused-deputy", rpc.tools_call("read_account", other), bearer(token))
        assert answer.status_code in (401, 403)


def test_an_issue_makes_an_agent_publish_what_is_private(attack):
    attack_calls = [
        ("list_issues", {"owner": "acme", "repo": "site"}),
        ("get_file", FILE),
        ("create_issue", ISSUE),
    ]
    policy = "private-data-in-public-repository"
    public = bearer(attack.issuer.token(sub="agent-1", scope="repo:public"))
    thanks = {**ISSUE, "title": "Thanks", "body": "it is fixed"}
    outcome = attack.carry_out(policy, attack_calls, [("create_issue", thanks)], public)
    assert outcome.without == ["allowed"] * 3 and outcome.read[1] == SALARIES
    assert SALARIES in attack.unguarded.place.read("forge/acme/site/issues.jsonl")
    assert outcome.refused == ["allowed", "condition_failed", "allowed"] and outcome.legitimate == ["allowed"]
    # The agent that writes to the public repository has never seen the file, and the other cannot write there.
    assert SALARIES not in "".join(outcome.told)
    attack.reset()
    private = bearer(attack.issuer.token(sub="agent-2", scope="repo:private"))
    outcome = attack.carry_out(
        policy, attack_calls, [("create_issue", {**thanks, "repo": "payroll"})], private
    )
    assert outcome.refused == ["condition_failed", "allowed", "condition_failed"]
    assert outcome.legitimate == ["allowed"]
    assert SALARIES not in attack.guarded.place.read("forge/acme/site/issues.jsonl")


READ = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_invoice","arguments":{"invoice":"R-1"}}}'
BOTH = [
    # The server takes the last of two equal keys.
    READ.replace('"name":"get_invoice"', '"name":"get_invoice","name":"drop_table"'),
    READ.replace('"name":"get_invoice"', '"name":"get_invoice","n\\u0061me":"drop_table"'),
    READ[:-1] + ',"params":{"name":"drop_table","arguments":{"table":"tickets"}}}',
]
ONLY_SOME = [
    # Read like that by servers in other languages.
    READ.replace('"name":"get_invoice"', '"name":"get_invoice","Name":"drop_table"'),
    READ.replace('"name"', '"Name":"drop_table","name"'),
    READ.replace('"name":"get_invoice"', '"name":"get_invoice",/* */"name":"drop_table"'),
    "[" + READ + "]",
    READ.replace('"params"', '"__proto__":{"name":"drop_table"},"params"'),
    "\ufeff" + READ,
]


def dropping(body: str) -> str:
    """Give the call the arguments of both tools."""
    return body.replace('"invoice":"R-1"', '"invoice":"R-1","table":"tickets"')


@pytest.mark.parametrize("body", BOTH)
def test_a_body_means_two_calls(attack, body):
    headers = {"mcp-protocol-version": "2025-06-18"}
    assert initialized(attack.bare_url, headers)
    answer = rpc.post(attack.bare_url, dropping(body), headers)
    assert answer.status_code == 200 and "tickets" not in attack.unguarded.place.tables(), answer.text

    opened = initialized(attack.urls["parser-differentials"], {"mcp-protocol-version": "2025-06-18"})
    answer = attack.posted("parser-differentials", dropping(body), opened)
    assert (answer.status_code, answer.headers["x-mcp-policy"]) == (400, "invalid_request")
    assert "tickets" in attack.guarded.place.tables()
    assert "Paper" in rpc.text(attack.posted("parser-differentials", READ, opened).json())


def initialized(url: str, headers: dict) -> dict:
    """Open a session; add its id to the headers."""
    params = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    answer = rpc.post(url, rpc.request("initialize", params))
    headers["mcp-session-id"] = answer.headers["mcp-session-id"]
    rpc.post(url, rpc.request("notifications/initialized", id=None), headers)
    return headers


@pytest.mark.parametrize("body", ONLY_SOME)
def test_a_body_that_only_some_servers_read_otherwise_is_refused(attack, body):
    answer = attack.posted("parser-differentials", body)
    assert (answer.status_code, answer.headers["x-mcp-policy"]) == (400, "invalid_request")


def test_headers_name_another_tool_than_the_body(attack):
    message, headers = rpc.modern(rpc.tools_call("drop_table", {"table": "tickets"}))
    answer = attack.posted("parser-differentials", message, {**headers, "mcp-name": "get_invoice"})
    assert answer.headers["x-mcp-policy"] == "headers_disagree"
