"""Tokens that Envoy's `jwt_authn` has verified, from one issuer and from two."""

import functools
import json

import pytest

from harness import http1, rpc
from harness.callers import (
    ALLOWED,
    CALL,
    EXPIRED,
    FUTURE,
    ISSUERS,
    JSON,
    NO_GRANT,
    PARTNER,
    PAST,
    RS256,
    UNAUTHENTICATED,
    answers,
    outcome,
    post,
    record,
    token,
    tools,
)
from harness.identity import bearer, jwt_authn, verifying

pytestmark = pytest.mark.usefixtures("no_secret_in_any_output")


BUDGET = {"counter": "own", "window": "hour", "max": 2, "scope": "grant"}
SHARED = {"counter": "shared", "window": "hour", "max": 3, "scope": "global"}
TOKENS = {
    "version": "1",
    "default": "allow",
    "tools": {"add": {"limits": [SHARED]}},
    "identity": [{"jwt": {"metadata": "envoy.filters.http.jwt_authn", "payload": "jwt_payload"}}],
    "grants": [
        {"name": "old", "match": [{"jwt": "old"}], "expires": PAST},
        {"name": "still", "match": [{"jwt": "still"}], "expires": FUTURE, "tools": {"echo": {}}},
        {"name": "text", "match": [{"claim": {"team": "s*e"}}]},
        {"name": "several", "match": [{"claim": {"level": 3, "share": 0.5, "admin": True}}]},
        {"name": "first", "match": [{"jwt": "first@*"}], "tools": {"echo": {"limits": [BUDGET]}, "add": {}}},
        {
            "name": "second",
            "match": [{"jwt": "second@*"}],
            "tools": {"echo": {"limits": [BUDGET]}, "add": {}},
        },
        {
            "name": "nested",
            "match": [{"jwt": "nested"}],
            "default": "allow",
            "all_tools": {
                "require": [
                    {"path": "claims.realm_access.roles[1].name", "op": "eq", "value": "tools"},
                    {"path": "claims.roles[*]", "op": "in", "value": ["a", "b"]},
                    {"path": "claims.level", "op": "gt", "value": 2.5},
                    {"path": "claims.human", "op": "eq", "value": False},
                ]
            },
        },
    ],
}
NESTED = {
    "realm_access": {"roles": [{"name": "other"}, {"name": "tools"}]},
    "roles": ["a", "b"],
    "level": 3,
    "human": False,
}


@pytest.fixture(scope="module")
def tokens(module_envoy):
    """Listeners that verify tokens of two issuers but require none, so that the filter decides."""
    first = jwt_authn(list(ISSUERS.values()), missing_ok=True)
    stream = {**TOKENS, "server": "stream", "request_headers": "stream"}
    return module_envoy(
        TOKENS,
        also={"stream": stream, "ES256": {**TOKENS, "server": "ES256"}},
        edit_listener=verifying(first),
        access_log=True,
    )


@pytest.mark.parametrize("issuer", ISSUERS.values(), ids=ISSUERS)
@pytest.mark.parametrize(
    ("claims", "grant"),
    [
        ({"sub": "a", "team": "sre"}, "text"),
        ({"sub": "a", "team": ["dev", "sre", 7]}, "text"),
        ({"sub": "a", "team": "dev"}, None),
        ({"sub": "a", "team": ["dev"]}, None),
        ({"sub": "a", "team": 7}, None),
        ({"sub": "a", "level": 3, "share": 0.5, "admin": True}, "several"),
        ({"sub": "a", "level": [1, 3], "share": [0.5], "admin": [False, True]}, "several"),
        ({"sub": "a", "level": 3.0, "share": 5e-1, "admin": True}, "several"),
        ({"sub": "a", "level": "3", "share": 0.5, "admin": True}, None),
        ({"sub": "a", "level": 3, "share": 0.5, "admin": "true"}, None),
        ({"sub": "still"}, "still"),
        ({"sub": "Still"}, None),
    ],
    ids=str,
)
def test_claims_arrive_as_they_were_signed(tokens, issuer, claims, grant):
    answer = post(tokens, rpc.tools_call("danger"), bearer(token(issuer, **claims)))
    if grant is None:
        assert outcome(answer) == NO_GRANT
        assert "www-authenticate" not in answer.headers
        assert answer.json()["error"]["code"] == -31403 and answer.json()["id"] is None
        assert (record(tokens, answer)["principal"], record(tokens, answer)["grant"]) == (claims["sub"], None)
    elif grant == "still":
        assert outcome(answer) == (200, "not_listed")
        assert (record(tokens, answer)["principal"], record(tokens, answer)["grant"]) == ("still", "still")
    else:
        assert outcome(answer) == ALLOWED


@pytest.mark.parametrize("subject", [None, "", 7, ["first@a"], {"a": "first@a"}], ids=str)
def test_a_token_whose_claim_is_not_a_name_is_not_an_identity(tokens, subject):
    # PyJWT does not sign a `sub` that is not a string, and Envoy does not accept one.
    claims = {"sub": subject} if isinstance(subject, str) or subject is None else {"sub": ""}
    assert outcome(post(tokens, CALL, bearer(token(**claims)))) == UNAUTHENTICATED


def test_conditions_can_test_nested_claims(tokens):
    assert outcome(post(tokens, CALL, bearer(token(sub="nested", **NESTED)))) == ALLOWED
    for change in (
        {"realm_access": {"roles": ["tools", "tools"]}},
        {"realm_access": None},
        {"roles": ["a", "c"]},
        {"roles": []},
        {"level": 2.5},
        {"level": "3"},
        {"human": "false"},
        {"human": None},
    ):
        answer = post(tokens, CALL, bearer(token(sub="nested", **{**NESTED, **change})))
        assert outcome(answer) == (200, "condition_failed"), change
        assert "nested" not in rpc.text(answer.json())


def test_a_claim_that_a_double_cannot_hold_makes_the_token_unreadable(tokens):
    """Envoy passes claims on as doubles; a number that differs from the token's must not decide."""
    assert outcome(post(tokens, CALL, bearer(token(sub="first@a", number=2**53 - 1)))) == ALLOWED
    assert outcome(post(tokens, CALL, bearer(token(sub="first@a", number=2**53 + 1)))) == UNAUTHENTICATED


def test_each_grant_has_its_own_list_and_a_budget_beside_the_shared_one(tokens):
    first, second = (bearer(token(ISSUERS["ES256"], sub=f"{name}@a")) for name in ("first", "second"))
    ask = functools.partial(post, tokens, listener="ES256")
    assert tools(ask(rpc.request("tools/list"), first)) == ["echo", "add"]
    still, sre = (bearer(token(**claims)) for claims in ({"sub": "still"}, {"sub": "a", "team": "sre"}))
    assert tools(ask(rpc.request("tools/list"), still)) == ["echo"]
    assert tools(ask(rpc.request("tools/list"), sre)) == ["echo", "add", "danger"]
    limited = (200, "rate_limited")
    assert [outcome(ask(CALL, first)) for _ in range(3)] == [ALLOWED, ALLOWED, limited]
    assert [outcome(ask(CALL, second)) for _ in range(3)] == [ALLOWED, ALLOWED, limited]
    # Callers of one grant share its budget.
    assert outcome(ask(CALL, bearer(token(sub="first@b")))) == limited
    add = rpc.tools_call("add")
    assert [outcome(ask(add, who)) for who in (first, second, sre, first, second)] == [ALLOWED] * 3 + [
        limited
    ] * 2


@pytest.mark.parametrize("listener", ["main", "stream"])
@pytest.mark.parametrize(
    ("subject", "expected", "rule"),
    [
        (None, UNAUTHENTICATED, "identity"),
        ("stranger", NO_GRANT, "grants"),
        ("old", EXPIRED, "grants[0].expires"),
    ],
    ids=["no token", "no grant", "expired"],
)
def test_callers_without_access_are_refused_before_the_body(
    tokens, module_upstream, listener, subject, expected, rule
):
    module_upstream.clear()
    credentials = list(bearer(token(sub=subject)).items()) if subject else []
    answer = http1.exchange(tokens.ports[listener], http1.head(headers=[*JSON, *credentials], length=1000))
    answers.append(repr(answer))
    assert (answer.status, answer.header("x-mcp-policy")) == expected
    assert answer.header("www-authenticate") == ("Bearer" if answer.status == 401 else None)
    assert answer.header("content-type") == "application/json"
    body = json.loads(answer.body)
    assert (body["jsonrpc"], body["id"]) == ("2.0", None)
    assert body["error"]["code"] == (-31401 if answer.status == 401 else -31403)
    decision = body["error"]["data"]
    assert (decision["code"], decision["rule"]) == (expected[1], rule)
    assert module_upstream.heads == []


PREFLIGHT = [("origin", "https://app.example"), ("access-control-request-method", "POST")]
METADATA = "/.well-known/oauth-protected-resource/mcp"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_every_method_needs_an_identity_except_for_a_preflight_request(tokens, module_upstream, method):
    for extra, passes in ([], False), (PREFLIGHT, method == "OPTIONS"):
        module_upstream.clear()
        answer = http1.exchange(tokens.port, http1.head(method, headers=extra))
        assert (answer.header("x-mcp-policy"), len(module_upstream.heads)) == (
            (None, 1) if passes else ("unauthenticated", 0)
        )
    answer = http1.exchange(tokens.port, http1.head(method, headers=bearer(token(sub="still")).items()))
    assert answer.header("x-mcp-policy") == ("method_not_allowed" if method == "PUT" else None)


@pytest.mark.parametrize("listener", ["main", "stream"])
def test_a_client_without_a_token_can_read_where_to_get_one(tokens, module_upstream, listener):
    for path, passes in (METADATA, True), (METADATA + "/../../mcp", False), ("/mcp", False):
        module_upstream.clear()
        answer = http1.exchange(tokens.ports[listener], http1.head("GET", path))
        assert (answer.header("x-mcp-policy"), len(module_upstream.heads)) == (
            (None, 1) if passes else ("unauthenticated", 0)
        ), path


def test_a_partners_token_is_not_taken_for_our_own(envoy):
    proxy = envoy(
        {
            "version": "1",
            "default": "allow",
            "identity": [
                {"name": "staff", "jwt": {"payload": "staff", "claim": "sub"}},
                {"name": "partner", "jwt": {"payload": "partner", "claim": "email"}},
            ],
            "grants": [
                {"name": "admin", "match": [{"source": "staff", "jwt": "admin"}]},
                {"name": "partners", "match": [{"source": "partner", "jwt": "*@p"}]},
            ],
        },
        edit_listener=verifying(jwt_authn([RS256, PARTNER], payloads=["staff", "partner"])),
    )
    assert outcome(post(proxy, CALL, bearer(token(sub="admin")))) == ALLOWED
    assert outcome(post(proxy, CALL, bearer(token(PARTNER, sub="admin", email="a@b")))) == NO_GRANT
    assert outcome(post(proxy, CALL, bearer(token(PARTNER, sub="admin")))) == UNAUTHENTICATED
    assert outcome(post(proxy, CALL, bearer(token(PARTNER, sub="admin", email="a@p")))) == ALLOWED
