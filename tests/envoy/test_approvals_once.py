"""An approval is for exactly one call: which calls are equal, and that only one of them goes on."""

import base64
import json
import threading

import pytest

from harness import http1, identity, load, rpc
from harness.approvals import ASKED, code, fingerprint, policy
from harness.identity import Issuer, bearer, jwt_authn, verifying

PENDING = "approval_required"
ISSUER = Issuer("https://issuer.example", "ES256")
TEAMS = {
    "identity": [{"jwt": {"payload": "jwt_payload"}}],
    "grants": [{"name": team, "match": [{"claim": {"team": team}}]} for team in ("red", "blue")],
}
DOCUMENT = policy({"wipe": ASKED, "sweep": ASKED}, default="allow")
LISTENERS = {
    "other server": {**DOCUMENT, "server": "other"},
    "other rules": {**DOCUMENT, "tools": {"wipe": {**ASKED, "reason": "another reason"}}},
    "same rules": {**DOCUMENT, "description": "the same rules"},
    "teams": {**DOCUMENT, **TEAMS},
}


@pytest.fixture(scope="module")
def proxy(module_envoy, module_approvals):
    first = jwt_authn([ISSUER], missing_ok=True)
    return module_envoy(
        DOCUMENT,
        also=LISTENERS,
        approvals=module_approvals,
        workers=4,
        edit_listener=verifying(first),
    )


@pytest.fixture
def service(module_approvals, module_upstream):
    """The shared service and upstream, cleared of other tests' requests."""
    module_approvals.clear()
    module_approvals.ledger.approvals.clear()
    module_upstream.clear()
    return module_approvals


def raw(arguments: str, tool: str = "wipe", more: str = "") -> bytes:
    """Build a call with exactly this text as its arguments, and more params."""
    params = f'{{"name":"{tool}","arguments":{arguments}{more}}}'
    return f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'.encode()


def wipe(proxy, arguments: str = "{}", listener: str = "main", headers: dict | None = None, **call) -> str:
    return code(rpc.post(proxy.urls[listener], raw(arguments, **call), headers))


# Equal calls.


def test_an_approved_call_goes_on_once(proxy, service, module_upstream):
    made = [wipe(proxy), wipe(proxy)]
    service.decide("approved")
    made += [wipe(proxy), wipe(proxy)]
    assert made == [PENDING, PENDING, "allowed", PENDING]
    assert len({ask["fingerprint"] for ask in service.asks}) == 1
    assert len(module_upstream.calls) == 1
    # The last call asked for a second approval.
    assert [one.status for one in service.ledger.approvals] == ["consumed", "pending"]


def test_of_fifty_concurrent_calls_one_goes_on(proxy, service, module_upstream):
    assert wipe(proxy) == PENDING
    service.decide("approved")
    with load.Crowd(proxy.port, 50) as crowd:
        answers = crowd.call([rpc.tools_call("wipe", id=number) for number in range(50)])
    assert sorted(code(answer) for answer in answers) == ["allowed"] + [PENDING] * 49
    [arrived] = module_upstream.calls
    [allowed] = [answer for answer in answers if code(answer) == "allowed"]
    assert arrived.json()["id"] == json.loads(allowed.body)["id"]
    assert [one.status for one in service.ledger.approvals] == ["consumed", "pending"]


def test_of_fifty_waiting_calls_one_goes_on(module_envoy, service, module_upstream):
    """They are all answered at the same moment."""
    document = policy({"wipe": ASKED}, {"wait_seconds": 1, "timeout_ms": 20_000})
    proxy = module_envoy(document, approvals=service, workers=4)
    with load.Crowd(proxy.port, 50) as crowd:
        approve = threading.Thread(target=lambda: service.wait(50) and service.decide("approved"))
        approve.start()
        answers = crowd.call([rpc.tools_call("wipe", id=number) for number in range(50)])
        approve.join()
    assert sorted(code(answer) for answer in answers) == ["allowed"] + [PENDING] * 49
    assert len(module_upstream.calls) == 1


def test_two_envoys_share_one_approval(proxy, module_envoy, service, module_upstream):
    other = module_envoy(DOCUMENT, approvals=service)
    assert [wipe(proxy), wipe(other)] == [PENDING, PENDING]
    [approval] = service.ledger.approvals
    service.decide("approved")
    with load.Crowd(proxy.port, 20) as ours, load.Crowd(other.port, 20) as theirs:
        messages = [rpc.tools_call("wipe", id=number) for number in range(20)]
        made = []
        threads = [
            threading.Thread(target=lambda crowd=crowd: made.extend(crowd.call(messages)))
            for crowd in (ours, theirs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(code(answer) for answer in made) == ["allowed"] + [PENDING] * 39
    assert approval.status == "consumed" and len(module_upstream.calls) == 1


SAME = '{"a":1,"b":{"é":[true,null,"x/y"],"z":""}}'
SPELLINGS = [
    SAME,
    '{"b":{"z":"","é":[true,null,"x/y"]},"a":1}',
    ' {\t"a" : 1.0 ,\r\n "b" : { "\\u00e9" : [ true , null , "x\\/y" ] , "z" : "" } } ',
    '{"\\u0061":1e0,"b":{"\\u00E9":[true,null,"\\u0078/y"],"z":""}}',
    '{"a":10e-1,"b":{"é":[true,null,"x/y"],"z":""}}',
]
OTHERS = [
    '{"a":2,"b":{"é":[true,null,"x/y"],"z":""}}',
    '{"a":-1,"b":{"é":[true,null,"x/y"],"z":""}}',
    '{"a":"1","b":{"é":[true,null,"x/y"],"z":""}}',
    '{"a":true,"b":{"é":[true,null,"x/y"],"z":""}}',
    '{"a":1,"b":{"é":[null,true,"x/y"],"z":""}}',
    '{"a":1,"b":{"é":[true,null,"x/y"],"z":null}}',
    '{"a":1,"b":{"é":[true,null,"x/y"]}}',
    '{"a":1,"b":{"e\u0301":[true,null,"x/y"],"z":""}}',
    '{"a":1,"b":{"é":[true,null,"x/y "],"z":""}}',
    '{"A":1,"b":{"é":[true,null,"x/y"],"z":""}}',
    '{"a":1,"b":{"é":[true,null,"x/y"],"z":""},"c":null}',
    '{"a":1}',
    "{}",
]


def test_calls_are_equal_however_they_are_spelled(proxy, service, module_upstream):
    assert wipe(proxy, SAME) == PENDING
    for spelling in SPELLINGS:
        service.decide("approved")
        assert [wipe(proxy, spelling), wipe(proxy, SAME)] == ["allowed", PENDING], spelling
    assert len({ask["fingerprint"] for ask in service.asks}) == 1
    # An approved call goes on unchanged.
    assert [call.body for call in module_upstream.calls] == [raw(spelling) for spelling in SPELLINGS]


def test_other_arguments_are_another_call(proxy, service, module_upstream):
    assert wipe(proxy, SAME) == PENDING
    service.decide("approved")
    assert {wipe(proxy, other) for other in OTHERS} == {PENDING}
    assert len({ask["fingerprint"] for ask in service.asks}) == len(OTHERS) + 1
    assert module_upstream.heads == []
    assert wipe(proxy, SAME) == "allowed"


def test_another_tool_server_or_rule_is_another_call(proxy, service, module_upstream):
    assert wipe(proxy, SAME) == PENDING
    service.decide("approved")
    made = [wipe(proxy, SAME, listener) for listener in ("other server", "other rules")]
    made.append(wipe(proxy, SAME, tool="sweep"))
    assert made == [PENDING] * 3
    assert len({ask["fingerprint"] for ask in service.asks}) == 4
    assert module_upstream.heads == []
    assert wipe(proxy, SAME, "same rules") == "allowed"
    assert len({ask["policy"] for ask in service.asks}) == 4


def test_another_version_of_the_deciding_rules_is_another_call(envoy, upstream, approvals):
    proxy = envoy(DOCUMENT, approvals=approvals, xds="ecds")
    assert wipe(proxy) == PENDING
    approvals.decide("approved")
    tools = DOCUMENT["tools"]
    for edit in (
        {"wipe": {**ASKED, "reason": "another reason"}},
        {"wipe": {**ASKED, "deny_if": [{"path": "args.a", "op": "eq", "value": 7}]}},
        {"wipe": {**ASKED, "arguments": {"type": "object"}}},
        {"wipe": [ASKED, {}]},
    ):
        assert proxy.update({**DOCUMENT, "tools": {**tools, **edit}})
        assert wipe(proxy) == PENDING and upstream.heads == []
    assert proxy.update(DOCUMENT)
    assert wipe(proxy) == "allowed"


def test_an_edit_of_anything_else_leaves_the_approval_standing(envoy, upstream, approvals):
    proxy = envoy(DOCUMENT, approvals=approvals, xds="ecds")
    edits = (
        {"description": "the same rules"},
        {"denials": "http"},
        {"tools": {**DOCUMENT["tools"], "other": {"action": "deny"}}},
        {"hide": ["secret_*"]},
        {"prompts": {"plan": {}}},
    )
    for edit in edits:
        assert wipe(proxy) == PENDING
        approvals.decide("approved")
        assert proxy.update({**DOCUMENT, **edit})
        assert wipe(proxy) == "allowed", edit
        assert proxy.update(DOCUMENT)
    assert len({ask["fingerprint"] for ask in approvals.asks}) == 1
    assert len({ask["policy"] for ask in approvals.asks}) == len(edits) + 1


def test_another_path_or_host_is_another_call(proxy, service, module_upstream):
    def made(path: str = "/dev/mcp?team=a", **headers: str) -> str:
        return code(rpc.post(proxy.url.replace("/mcp", path), raw("{}"), headers))

    assert made() == PENDING
    service.decide("approved")
    others = [made("/prod/mcp?team=a"), made("/dev/mcp"), made("/dev/mcp?team=b"), made(host="prod.example")]
    assert others == [PENDING] * 4 and module_upstream.heads == []
    assert [ask["path"] for ask in service.asks] == [
        "/dev/mcp?team=a",
        "/prod/mcp?team=a",
        "/dev/mcp",
        "/dev/mcp?team=b",
        "/dev/mcp?team=a",
    ]
    assert service.asks[-1]["host"] == "prod.example"
    assert [fingerprint(ask) for ask in service.asks] == [ask["fingerprint"] for ask in service.asks]
    assert made() == "allowed"


def test_other_params_are_another_call(proxy, service, module_upstream):
    assert wipe(proxy, more=',"force":false') == PENDING
    service.decide("approved")
    for more, shown in [
        ("", {}),
        (',"force":true', {"force": True}),
        (',"force":false,"task":{"ttl":60000}', {"force": False, "task": {"ttl": 60000}}),
        (',"force":false,"_meta":{"tenant":"a"}', {"force": False, "_meta": {"tenant": "a"}}),
        (',"force":false,"inputResponses":{"q":1}', {"force": False, "inputResponses": {"q": 1}}),
    ]:
        assert wipe(proxy, more=more) == PENDING
        assert service.asks[-1]["params"] == shown
        assert service.asks[-1]["fingerprint"] == fingerprint(service.asks[-1])
    assert module_upstream.heads == []
    # What only describes one request makes no other call.
    meta = {"progressToken": 5, "traceparent": "00-1-2-01", "claudecode/toolUseId": "t"}
    assert wipe(proxy, more=f',"_meta":{json.dumps(meta)},"force":false') == "allowed"


@pytest.mark.parametrize(
    "other",
    [{"sub": "anna", "team": "blue"}, {"sub": "bert", "team": "red"}],
    ids=["another grant", "another principal"],
)
def test_another_caller_makes_another_call(proxy, service, module_upstream, other):
    anna, other = (bearer(ISSUER.token(**claims)) for claims in ({"sub": "anna", "team": "red"}, other))
    assert wipe(proxy, SAME, "teams", anna) == PENDING
    service.decide("approved")
    assert wipe(proxy, SAME, "teams", other) == PENDING
    assert module_upstream.heads == []
    first, second = service.asks
    assert (first["principal"], first["grant"]) == ("anna", "red")
    assert [first["fingerprint"], second["fingerprint"]] == [fingerprint(first), fingerprint(second)]
    assert wipe(proxy, SAME, "teams", anna) == "allowed"


def test_an_expired_approval_is_not_valid(proxy, service, module_upstream):
    assert wipe(proxy) == PENDING
    service.decide("approved").expires = 0
    assert wipe(proxy) == PENDING and module_upstream.heads == []
    first, second = service.ledger.approvals
    assert first.id != second.id and first.asked["fingerprint"] == second.asked["fingerprint"]
    assert service.asks[0]["expires_seconds"] == 900


def test_a_denial_is_valid_until_it_expires(proxy, service, module_upstream):
    made = [wipe(proxy)]
    refused = service.decide("denied")
    made += [wipe(proxy), wipe(proxy)]
    refused.expires = 0
    assert [*made, wipe(proxy)] == [PENDING, "approval_denied", "approval_denied", PENDING]
    assert module_upstream.heads == []


# The fingerprint.

NUMBERS = ["0", "-0", "-0.0", "1.0", "1e21", "1e-7", "0.1", "5e-324", "9007199254740992", "1E+2", "-1.50"]
NUMBERS += ["1e20", "0.000001", "1.7976931348623157e308", "123e-20", "9007199254740991"]
NAMED = [
    "{}",
    '{"":""}',
    *(f'{{"n":{number}}}' for number in NUMBERS),
    # Sorted by UTF-16 code units, U+1F600 comes before U+FB33; sorted by code points, after it.
    '{"\ufb33":1,"\U0001f600":2,"\u20ac":3,"é":4,"1":5,"\\r":6,"z":7}',
    '{"t":"\\u0000\\u001f\\u007f\\u0080\\u2028 \\"\\\\\\/\\b\\f\\n\\r\\t é 文 \\ud83d\\ude00"}',
    '{"deep":[[[{"b":[],"a":{}}]]],"true":true,"null":null}',
]


def test_the_fingerprint_can_be_computed_independently(proxy, service):
    for arguments in NAMED:
        for listener, headers in [("main", None), ("teams", bearer(ISSUER.token(sub="änna", team="red")))]:
            assert wipe(proxy, arguments, listener, headers) == PENDING, arguments
            asked = service.asks[-1]
            assert asked["principal"] == ("änna" if headers else None)
            assert asked["grant"] == ("red" if headers else "default")
            assert asked["arguments"] == json.loads(arguments)
            assert asked["fingerprint"] == fingerprint(asked, json.loads(arguments)), arguments


@pytest.mark.parametrize("number", ["9007199254740993", "0.10000000000000001", "-9007199254740993"])
def test_a_number_that_is_not_an_exact_double_is_denied_without_asking(
    proxy, service, module_upstream, number
):
    """It has no canonical form: two calls that differ only in this number would be equal."""
    for arguments in (f'{{"n":{number}}}', f'{{"deep":[{{"n":{number}}}]}}'):
        assert wipe(proxy, arguments) == "arguments_invalid"
    assert service.requests == [] and module_upstream.heads == []


def test_other_requests_are_identified_by_their_method_and_params(module_envoy, service, module_upstream):
    document = policy({}, prompts={"plan": ASKED}, resources={"file:///*": ASKED})
    proxy = module_envoy(document, approvals=service)
    state = {"requestState": "s", "inputResponses": {"q": {"action": "accept"}}}
    for method, params in [
        ("prompts/get", {"name": "plan", "arguments": {"b": "1", "a": "2"}}),
        ("resources/read", {"uri": "file:///x"}),
        ("resources/subscribe", {"uri": "file:///x"}),
    ]:
        message = rpc.request(method, {**params, "_meta": {"progressToken": 1}})
        assert code(rpc.post(proxy.url, message)) == PENDING
        asked = service.asks[-1]
        assert (asked["tool"], asked["arguments"]) == (method, params)
        assert asked["fingerprint"] == fingerprint(asked)
        # An answer to the server's own question is part of the call.
        other = rpc.request(method, {**params, **state})
        assert code(rpc.post(proxy.url, other)) == PENDING
        assert service.asks[-1]["arguments"] == {**params, **state}
        [first] = [one for one in service.ledger.approvals if one.asked == asked]
        service.decide("approved", first.id)
        again = rpc.request(method, {**params, "_meta": {"progressToken": 2}}, id="again")
        assert [code(rpc.post(proxy.url, one)) for one in (again, message)] == ["allowed", PENDING]
        assert module_upstream.requests[-1].body == rpc.encode(again)


# Nothing that a client sends is an approval.

OPENS_PAGES = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}
ACCEPTED = {"mcp-policy.approval": {"action": "accept", "content": {"status": "approved", "approved": True}}}


def modern(proxy, arguments: dict | None = None, **more: object) -> tuple:
    """Call as a client that opens pages; return the verdict, or `led` if it is to open one, and the result."""
    params = {"name": "wipe", "arguments": arguments or {}, "_meta": OPENS_PAGES, **more}
    message, headers = rpc.modern(rpc.request("tools/call", params))
    answer = rpc.post(proxy.url, message, headers)
    result = answer.json()["result"]
    return ("led" if result["resultType"] == "input_required" else code(answer)), result


def test_a_replayed_request_state_approves_nothing(proxy, service, module_upstream):
    became, result = modern(proxy)
    assert became == "led" and result["requestState"].startswith("mcp-policy.")
    [(key, _)] = result["inputRequests"].items()
    assert key.startswith("mcp-policy.")
    back = {"requestState": result["requestState"], "inputResponses": {key: {"action": "accept"}}}
    assert modern(proxy, **back)[0] == "led"
    service.decide("approved")
    assert modern(proxy, **back)[0] == "allowed"
    assert [modern(proxy, **back)[0] for _ in range(3)] == ["led"] * 3
    assert len(module_upstream.calls) == 1
    # It does not approve another call either.
    service.decide("approved")
    assert modern(proxy, {"n": 1}, **back)[0] == "led"
    assert len(module_upstream.calls) == 1


def state(made: object) -> str:
    made = made if isinstance(made, bytes) else json.dumps(made).encode()
    return "mcp-policy." + base64.urlsafe_b64encode(made).decode().rstrip("=")


STATES = [
    "mcp-policy.",
    "mcp-policy.approval",
    "mcp-policy.%%%",
    "mcp-policy." + "A" * 20_000,
    state({"status": "approved"}),
    state({"number": 1, "status": "approved", "approved": True, "id": "x"}),
    state({"number": -1}),
    state({"number": 1e99}),
    state({"number": 0, "requestState": state({"number": 0, "requestState": "deeper"})}),
    state({"number": 0, "requestState": {"no": "text"}, "inputResponses": ["no object"]}),
    state(b'{"number":0,"number":1}'),
    state(b"\xff\xfe{"),
    state(b"[" * 5000),
]
RESPONSES = [
    ACCEPTED,
    {**ACCEPTED, "mcp-policy.other": {"action": "accept"}},
    {"mcp-policy.approval": "approved"},
    {"mcp-policy.approval": None},
    {"mcp-policy.approval": {"action": ["accept"]}},
    {},
]


def test_a_forged_request_state_approves_nothing(proxy, service, module_upstream):
    made_up = [{"requestState": one, "inputResponses": ACCEPTED} for one in STATES]
    made_up += [{"requestState": STATES[5], "inputResponses": one} for one in RESPONSES]
    made_up += [{"inputResponses": one} for one in RESPONSES]
    for more in made_up:
        became, _ = modern(proxy, **more)
        assert became in ("led", PENDING), (more, became)
        text = json.dumps(more)[1:-1]
        assert wipe(proxy, more="," + text) == PENDING, more
    assert module_upstream.heads == []
    assert {one.status for one in service.ledger.approvals} == {"pending"}


@pytest.mark.parametrize("header", ["x-mcp-policy", "x-approved", "x-mcp-approval"])
def test_no_header_approves_anything(proxy, service, module_upstream, header):
    body = raw("{}")
    headers = [("content-type", "application/json"), (header, "approved")]
    answer = http1.exchange(proxy.port, http1.head(headers=headers, length=len(body)) + body)
    assert code(answer) == PENDING and module_upstream.heads == []


def test_a_question_contains_no_credentials_of_the_caller(proxy, service):
    """The service must not see the caller's credentials or headers."""
    token = identity.api_key()
    headers = {"authorization": f"Bearer {token}", "cookie": token, "mcp-session-id": token}
    assert wipe(proxy, headers=headers) in (PENDING, "401")
    for request in service.requests:
        assert token not in f"{request.headers}{request.body}"


def test_the_service_is_asked_as_the_contract_says(module_envoy, service, module_upstream):
    settings = {"authority": "approvals.internal:8443", "path": "/ask/v1?team=a", "expires_seconds": 60}
    document = policy({"wipe": ASKED}, settings, server="orders")
    proxy = module_envoy(document, approvals=service)
    service.answer = service.ordinary
    body = rpc.encode(rpc.tools_call("wipe", {"b": 1, "a": [1.5, "é"]}))
    answer = rpc.post(proxy.url, body, {"x-request-id": "4a2b6c1e-0000-4000-8000-0123456789ab"})
    service.answer = None
    assert code(answer) == "approval_unavailable"  # the service does not answer at that path
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
