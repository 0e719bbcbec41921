"""Which calls are equal: an approval is for exactly these arguments, rules, place and caller, and no other call."""

import json

import pytest

from harness import rpc
from harness.approvals import ASKED, PENDING, code, fingerprint, policy
from harness.identity import Issuer, bearer, jwt_authn, verifying

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
    "other requests": policy({}, prompts={"plan": ASKED}, resources={"file:///*": ASKED}),
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
    module_approvals.forget()
    module_upstream.clear()
    return module_approvals


def wipe(
    proxy,
    arguments: str = "{}",
    listener: str = "main",
    headers: dict | None = None,
    tool: str = "wipe",
    more: str = "",
) -> str:
    """Make a call with exactly these texts; return the verdict."""
    return code(rpc.post(proxy.urls[listener], rpc.raw_call(tool, arguments, more), headers))


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
    assert [call.body for call in module_upstream.calls] == [
        rpc.raw_call("wipe", spelling) for spelling in SPELLINGS
    ]


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
        return code(rpc.post(proxy.url.replace("/mcp", path), rpc.raw_call("wipe", "{}"), headers))

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


def test_other_requests_are_identified_by_their_method_and_params(proxy, service, module_upstream):
    url = proxy.urls["other requests"]
    state = {"requestState": "s", "inputResponses": {"q": {"action": "accept"}}}
    for method, params in [
        ("prompts/get", {"name": "plan", "arguments": {"b": "1", "a": "2"}}),
        ("resources/read", {"uri": "file:///x"}),
        ("resources/subscribe", {"uri": "file:///x"}),
    ]:
        message = rpc.request(method, {**params, "_meta": {"progressToken": 1}})
        assert code(rpc.post(url, message)) == PENDING
        asked = service.asks[-1]
        assert (asked["tool"], asked["arguments"]) == (method, params)
        assert asked["fingerprint"] == fingerprint(asked)
        # An answer to the server's own question is part of the call.
        other = rpc.request(method, {**params, **state})
        assert code(rpc.post(url, other)) == PENDING
        assert service.asks[-1]["arguments"] == {**params, **state}
        [first] = [one for one in service.ledger.approvals if one.asked == asked]
        service.decide("approved", first.id)
        again = rpc.request(method, {**params, "_meta": {"progressToken": 2}}, id="again")
        assert [code(rpc.post(url, one)) for one in (again, message)] == ["allowed", PENDING]
        assert module_upstream.requests[-1].body == rpc.encode(again)
