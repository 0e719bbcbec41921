"""Identity with Envoy's own `jwt_authn` and TLS: what arrives, what is refused, what cannot be forged."""

import functools
import json
import re

import httpx
import pytest
import yaml
from conftest import Envoys

import clients
import places
from harness import http1, identity, policy, rpc, runs, servers
from harness.identity import Authority, Issuer, bearer, by_name, jwt_authn, sha256, verifying
from harness.proxy import wait_for

PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"
JSON = [("content-type", "application/json")]
CALL = rpc.encode(rpc.tools_call("echo"))

ISSUERS = {algorithm: Issuer(f"https://{algorithm}.example", algorithm) for algorithm in ("RS256", "ES256")}
RS256 = ISSUERS["RS256"]
PARTNER = Issuer("https://partner.example", "ES256")
FORGER = Issuer(RS256.name)
KEY, OLD_KEY = identity.api_key(), identity.api_key()

SERVERS, CLIENTS, STRANGERS = Authority("servers"), Authority("clients"), Authority("clients")
SERVER = SERVERS.issue({"COMMON_NAME": "envoy"}, ips=["127.0.0.1"])

# Every secret that a test has sent. None may appear in any output.
sent: set = {KEY, OLD_KEY}
answers: list = []


def token(issuer: Issuer = RS256, **claims) -> str:
    return secret(issuer.token(**claims))


def secret(text: str) -> str:
    """Remember a secret; for a token also its signature, which is the secret part."""
    sent.update({text, text.rpartition(".")[2]} - {""})
    return text


@pytest.fixture(autouse=True)
def nothing_secret_is_told():
    """Search all output of the filter and of Envoy for the secrets that were sent."""
    answers.clear()
    yield
    told = {"answers": "\n".join(answers)}
    for proxy in Envoys.running:
        told[f"log of {proxy.port}"] = proxy.log()
        told[f"stats of {proxy.port}"] = proxy.get("/stats")
        log = proxy.folder / "access.log"
        told[f"access log of {proxy.port}"] = log.read_text() if log.exists() else ""
    found = {place: text for place, text in told.items() if any(secret in text for secret in sent)}
    assert not found, sorted(found)


def post(proxy, message: object, headers: dict | None = None, listener="main", client=None) -> httpx.Response:
    answer = rpc.post(url(proxy, listener), message, headers, client)
    answers.append(f"{answer.headers}\n{answer.text}")
    return answer


def url(proxy, listener: str = "main") -> str:
    tls = listener.startswith("tls")
    return proxy.urls[listener].replace("http:", "https:") if tls else proxy.urls[listener]


def outcome(answer: httpx.Response) -> tuple:
    return answer.status_code, answer.headers.get("x-mcp-policy")


def record(proxy, answer: httpx.Response) -> dict:
    """Find the record of a refusal by its id, which is also in the answer."""
    body = answer.json()
    decision = (
        body["error"]["data"] if "error" in body else body["result"]["_meta"]["dev.mcp-policy/decision"]
    )

    def found() -> list:
        records = [json.loads(line["audit"]) for line in proxy.access_log() if line["audit"]]
        return [one for one in records if one["id"] == decision["id"]]

    return wait_for(found, "the decision's record")[0]


def tools(answer: httpx.Response) -> list:
    return [tool["name"] for tool in answer.json()["result"]["tools"]]


ALLOWED, UNAUTHENTICATED, NO_GRANT = (200, None), (401, "unauthenticated"), (403, "no_grant")
EXPIRED = (403, "grant_expired")


# Tokens that Envoy's `jwt_authn` has verified.

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


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_every_method_but_options_needs_an_identity(tokens, module_upstream, method):
    module_upstream.clear()
    answer = http1.exchange(tokens.port, http1.head(method))
    passes = method == "OPTIONS"
    assert (answer.header("x-mcp-policy"), len(module_upstream.heads)) == (
        (None, 1) if passes else ("unauthenticated", 0)
    )
    answer = http1.exchange(tokens.port, http1.head(method, headers=bearer(token(sub="still")).items()))
    assert answer.header("x-mcp-policy") == ("method_not_allowed" if method == "PUT" else None)


# Tokens that are not valid.


@pytest.fixture(scope="module")
def doors(module_envoy):
    """One policy behind listeners that verify differently, with a header and keys after the token."""
    document = {
        "version": "1",
        "default": "allow",
        "exempt_paths": ["/healthz"],
        "identity": [
            {"jwt": {"payload": "jwt_payload"}},
            {"api_key": {"header": "authorization", "scheme": "Bearer"}},
            {"api_key": {"header": "X-API-Key"}},
            {"header": {"name": "X-Agent-Id"}},
        ],
        "grants": [
            {"name": "agents", "match": [{"header": "agent-*"}], "tools": {"echo": {}, "danger": {}}},
            {"name": "ci", "match": [{"jwt": "ci"}], "tools": {"echo": {}}},
            {"name": "keyed", "match": [{"api_key_sha256": sha256(KEY)}], "tools": {"echo": {}, "add": {}}},
            {"name": "lapsed", "match": [{"api_key_sha256": sha256(OLD_KEY)}], "expires": PAST},
            {"name": "staff", "match": [{"jwt": "*@corp.example"}, {"header": "*@corp.example"}]},
        ],
    }
    with_any = {**document, "grants": [*document["grants"], {"name": "any", "match": "any"}]}
    strict, lenient = jwt_authn([RS256]), jwt_authn([RS256], failed_ok=True)
    edits = {"main": verifying(lenient), "strict": verifying(strict), "any": verifying(lenient)}
    return module_envoy(
        document,
        also={"strict": document, "open": document, "any": with_any},
        edit_listener=by_name(**edits),
        access_log=True,
    )


def spliced(signed: str, other: str) -> str:
    """Put another token's payload between a token's header and signature."""
    head, _, signature = signed.split(".")
    return f"{head}.{other.split('.')[1]}.{signature}"


BAD_TOKENS = {
    "signed by another": lambda: FORGER.token(sub="ci"),
    "another algorithm's key": lambda: Issuer(RS256.name, "ES256").token(sub="ci"),
    "another issuer": lambda: PARTNER.token(sub="ci"),
    "another audience": lambda: RS256.token(sub="ci", aud="other"),
    "expired": lambda: RS256.expired(sub="ci"),
    "not yet valid": lambda: RS256.token(sub="ci", nbf=2**31),
    "unsigned": lambda: identity.unsigned(iss=RS256.name, aud="mcp", sub="ci", exp=2**31),
    "without its signature": lambda: RS256.token(sub="ci").rpartition(".")[0] + ".",
    "with another payload": lambda: spliced(RS256.token(sub="x"), FORGER.token(sub="ci")),
    "no token": lambda: "ci",
}


@pytest.mark.parametrize("bad", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_an_unverified_token_is_not_an_identity(doors, module_upstream, bad):
    module_upstream.clear()
    forged = bad()
    if "." in forged:
        secret(forged)
    refused = post(doors, CALL, bearer(forged), "strict")
    # Envoy's own refusal: 403 for a wrong audience.
    assert refused.status_code in (401, 403) and "x-mcp-policy" not in refused.headers
    # If Envoy lets it through, it is text after `Bearer` and therefore a key that no grant lists: even a
    # grant for `any` does not match.
    for listener in ("main", "any", "open"):
        answer = post(doors, CALL, bearer(forged), listener)
        assert outcome(answer) == NO_GRANT
        told = record(doors, answer)
        assert told["principal"] == f"sha256:{sha256(forged)[:16]}" and told["grant"] is None
    assert module_upstream.heads == []


def test_a_valid_token_has_no_effect_if_envoy_does_not_verify_it(doors, module_upstream):
    module_upstream.clear()
    valid = bearer(token(sub="ci"))
    assert outcome(post(doors, CALL, valid, "open")) == NO_GRANT
    assert module_upstream.heads == []
    assert outcome(post(doors, CALL, valid)) == ALLOWED


def test_a_forged_header_beside_a_token_is_ignored(doors, module_upstream):
    valid = bearer(token(sub="ci"))
    for forged in (
        {"x-agent-id": "agent-1"},
        {"x-api-key": KEY},
        {"x-agent-id": "agent-1", "x-api-key": KEY},
    ):
        assert tools(post(doors, rpc.request("tools/list"), {**valid, **forged})) == ["echo"]
        answer = post(doors, rpc.tools_call("danger"), {**valid, **forged})
        assert outcome(answer) == (200, "not_listed")
        assert (record(doors, answer)["grant"], record(doors, answer)["principal"]) == ("ci", "ci")
    stranger = bearer(token(sub="stranger"))
    assert outcome(post(doors, CALL, {**stranger, "x-agent-id": "agent-1"})) == NO_GRANT
    # A name from one source does not count for another.
    assert outcome(post(doors, CALL, bearer(token(sub="agent-1")))) == NO_GRANT
    assert outcome(post(doors, CALL, {"x-agent-id": "ci"})) == NO_GRANT


# Keys and headers, byte for byte.

CASED = KEY.swapcase()
B = b"Bearer "
RAW = KEY.encode()
HEADERS = {
    "a key": ([("x-api-key", KEY)], ALLOWED),
    "a key after Bearer": ([("authorization", f"Bearer {KEY}")], ALLOWED),
    "the scheme in another case": ([("Authorization", f"bEARER {KEY}")], ALLOWED),
    "white space that HTTP takes off": ([("x-api-key", f" \t{KEY} \t")], ALLOWED),
    "a key in another case": ([("x-api-key", CASED)], NO_GRANT),
    "a key in another case after Bearer": ([("authorization", f"Bearer {CASED}")], NO_GRANT),
    "a key with a space within": ([("x-api-key", f"{KEY[:5]} {KEY[5:]}")], NO_GRANT),
    "a key with a byte of white space": ([("x-api-key", b"\xa0" + RAW)], NO_GRANT),
    "a key with white space in UTF-8": ([("x-api-key", "\u2003".encode() + RAW)], NO_GRANT),
    "two spaces after Bearer": ([("authorization", f"Bearer  {KEY}")], NO_GRANT),
    "a tab after Bearer": ([("authorization", f"Bearer\t{KEY}")], UNAUTHENTICATED),
    "a part of a key": ([("x-api-key", KEY[:-1])], NO_GRANT),
    "a key with more": ([("x-api-key", KEY + "x")], NO_GRANT),
    "its digest": ([("x-api-key", sha256(KEY))], NO_GRANT),
    "a pattern": ([("x-api-key", "*")], NO_GRANT),
    "an empty key": ([("x-api-key", "")], UNAUTHENTICATED),
    "white space for a key": ([("x-api-key", "  ")], UNAUTHENTICATED),
    "Bearer alone": ([("authorization", "Bearer")], UNAUTHENTICATED),
    "Bearer and a space": ([("authorization", "Bearer ")], UNAUTHENTICATED),
    "no scheme": ([("authorization", KEY)], UNAUTHENTICATED),
    "another scheme": ([("authorization", f"Basic {KEY}")], UNAUTHENTICATED),
    "a key that has lapsed": ([("x-api-key", OLD_KEY)], EXPIRED),
    "a key twice": ([("x-api-key", KEY), ("x-api-key", KEY)], UNAUTHENTICATED),
    "two keys": ([("x-api-key", KEY), ("x-api-key", "other")], UNAUTHENTICATED),
    "two keys in two cases of the name": ([("x-api-key", "other"), ("X-Api-Key", KEY)], UNAUTHENTICATED),
    # Envoy joins these with a comma.
    "Authorization twice": (
        [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {KEY}")],
        UNAUTHENTICATED,
    ),
    # These have no value left to join.
    "Authorization twice, one empty": ([("authorization", f"Bearer {KEY}"), ("authorization", "")], ALLOWED),
    "two schemes": ([("authorization", "Basic eA=="), ("authorization", f"Bearer {KEY}")], UNAUTHENTICATED),
    "joined already": ([("authorization", f"Bearer {KEY}, Bearer other")], UNAUTHENTICATED),
    "a wrong key before a good one": ([("authorization", "Bearer other"), ("x-api-key", KEY)], NO_GRANT),
    "a key and a header": ([("x-api-key", KEY), ("x-agent-id", "agent-1")], ALLOWED),
    "a header": ([("x-agent-id", "agent-1")], ALLOWED),
    "a header in the other case of its name": ([("X-AGENT-ID", "agent-1")], ALLOWED),
    "a header in another case": ([("x-agent-id", "Agent-1")], NO_GRANT),
    "a header like the pattern": ([("x-agent-id", "agent-*")], ALLOWED),
    "a header that is a pattern": ([("x-agent-id", "*")], NO_GRANT),
    "a header that would be a pattern of another kind": ([("x-agent-id", ".*|agent-?[a-z]")], NO_GRANT),
    "a header with white space within": ([("x-agent-id", "x agent-1")], NO_GRANT),
    "a header twice": ([("x-agent-id", "agent-1"), ("x-agent-id", "other")], UNAUTHENTICATED),
    "a header twice, one empty": ([("x-agent-id", "agent-1"), ("x-agent-id", "")], UNAUTHENTICATED),
    "a header that a hop has joined": ([("x-agent-id", "agent-1, other")], UNAUTHENTICATED),
    "an empty header": ([("x-agent-id", "")], UNAUTHENTICATED),
    "another header": ([("x_agent_id", "agent-1")], UNAUTHENTICATED),
    "a very long header": ([("x-agent-id", "agent-" + "x" * 50_000)], ALLOWED),
    "a very long key": ([("x-api-key", KEY + "x" * 50_000)], NO_GRANT),
    "a header that is no UTF-8": ([("x-agent-id", b"agent-\xff")], UNAUTHENTICATED),
    "a header in Latin-1": ([("x-agent-id", b"agent-\xe9")], UNAUTHENTICATED),
    "a header in UTF-8": ([("x-agent-id", "agent-é🚀".encode())], ALLOWED),
    "half a character": ([("x-agent-id", b"agent-\xf0\x9f")], UNAUTHENTICATED),
    "a key that is no UTF-8": ([("x-api-key", b"\xff\xfe")], NO_GRANT),
    "Authorization that is no UTF-8": ([("authorization", B + b"\xff")], NO_GRANT),
    "bytes that are no UTF-8 where nobody looks": ([("x-api-key", KEY), ("x-other", b"\xff")], ALLOWED),
    "nothing": ([], UNAUTHENTICATED),
}


@pytest.mark.parametrize("listener", ["main", "open"])
@pytest.mark.parametrize(("headers", "expected"), HEADERS.values(), ids=HEADERS)
def test_keys_and_headers_are_compared_byte_for_byte(doors, module_upstream, headers, expected, listener):
    module_upstream.clear()
    answer = http1.exchange(
        doors.ports[listener], [http1.head(headers=[*JSON, *headers], length=len(CALL)), CALL]
    )
    answers.append(repr(answer))
    assert (answer.status, answer.header("x-mcp-policy")) == expected
    assert len(module_upstream.calls) == (expected == ALLOWED)
    assert_no_trap(doors)


def assert_no_trap(proxy) -> None:
    assert "panicked" not in proxy.log() and "Function: proxy_on" not in proxy.log()
    reloads = proxy.stats("vm_reload")
    assert not any(reloads.values()), reloads


def test_keys_have_their_own_lists(doors):
    listed = rpc.request("tools/list")
    assert tools(post(doors, listed, {"x-api-key": KEY})) == ["echo", "add"]
    assert tools(post(doors, listed, bearer(KEY))) == ["echo", "add"]
    assert tools(post(doors, listed, {"x-agent-id": "agent-1"})) == ["echo", "danger"]
    assert tools(post(doors, listed, {"x-agent-id": "a@corp.example"})) == ["echo", "add", "danger"]


def test_match_any_needs_an_identity(doors):
    for headers, expected in [
        ({}, UNAUTHENTICATED),
        ({"x-agent-id": "somebody"}, ALLOWED),
        (bearer(token(sub="somebody")), ALLOWED),
        ({"x-api-key": KEY}, ALLOWED),
        ({"x-api-key": "made up"}, NO_GRANT),
        ({"x-api-key": "made up", "x-agent-id": "somebody"}, NO_GRANT),
    ]:
        assert outcome(post(doors, CALL, headers, "any")) == expected, list(headers)


def test_exempt_paths_need_no_identity(doors, module_upstream):
    paths = {"/healthz": True, "/healthz?x=1": True, "/healthz/": False, "/mcp/../healthz": False}
    for path, passes in paths.items():
        module_upstream.clear()
        answer = http1.exchange(doors.port, http1.head("GET", path))
        assert (answer.header("x-mcp-policy") is None, len(module_upstream.heads)) == (passes, passes), path


def test_identity_works_the_same_over_http2(doors, module_upstream):
    with httpx.Client(http1=False, http2=True) as client:
        assert outcome(post(doors, CALL, {"x-api-key": KEY}, client=client)) == ALLOWED
        assert outcome(post(doors, CALL, client=client)) == UNAUTHENTICATED
        twice = [*rpc.HEADERS.items(), ("x-agent-id", "agent-1"), ("x-agent-id", "agent-2")]
        assert outcome(client.post(doors.url, content=CALL, headers=twice)) == UNAUTHENTICATED


# Two issuers, each with its own payload.


def test_a_partners_token_is_not_taken_for_our_own(envoy):
    proxy = envoy(
        {
            "version": "1",
            "default": "allow",
            "identity": [
                {"jwt": {"payload": "staff", "claim": "sub"}},
                {"jwt": {"payload": "partner", "claim": "email"}},
            ],
            "grants": [
                {"name": "admin", "match": [{"jwt": "admin"}]},
                {"name": "partners", "match": [{"jwt": "*@p"}]},
            ],
        },
        edit_listener=verifying(jwt_authn([RS256, PARTNER], payloads=["staff", "partner"])),
    )
    assert outcome(post(proxy, CALL, bearer(token(sub="admin")))) == ALLOWED
    assert outcome(post(proxy, CALL, bearer(token(PARTNER, sub="admin", email="a@b")))) == NO_GRANT
    assert outcome(post(proxy, CALL, bearer(token(PARTNER, sub="admin")))) == UNAUTHENTICATED
    assert outcome(post(proxy, CALL, bearer(token(PARTNER, sub="admin", email="a@p")))) == ALLOWED


# Certificates that Envoy's TLS has verified.

CERTIFICATES = {
    "ci": CLIENTS.issue(uris=["spiffe://corp/ci/builder"]),
    "ci first": CLIENTS.issue(uris=["spiffe://corp/ci/a", "spiffe://corp/x"], dns=["x.example"]),
    "ci second": CLIENTS.issue(uris=["spiffe://corp/x", "spiffe://corp/ci/a"], dns=["web.example"]),
    "not ci": CLIENTS.issue(uris=["spiffe://corp/cid/builder"]),
    "ci in another case": CLIENTS.issue(uris=["spiffe://corp/CI/builder"]),
    "ci elsewhere": CLIENTS.issue({"COMMON_NAME": "spiffe://corp/ci/builder"}, dns=["spiffe.corp"]),
    "web": CLIENTS.issue(dns=["web.example", "other.example"]),
    "web by its common name": CLIENTS.issue({"COMMON_NAME": "web.example"}),
    "somebody": CLIENTS.issue({"COUNTRY_NAME": "DE", "ORGANIZATION_NAME": "Größe, AG", "COMMON_NAME": "bot"}),
    "stranger": STRANGERS.issue(uris=["spiffe://corp/ci/builder"]),
    "of long ago": CLIENTS.issue(uris=["spiffe://corp/ci/builder"], age=30),
    "signed by itself": Authority("spiffe://corp/ci/builder").issue(uris=["spiffe://corp/ci/builder"]),
}
# The subject as Envoy writes it: RFC 2253, the last part first, and non-ASCII characters as bytes.
SUBJECT = r"CN=bot,O=Gr\C3\B6\C3\9Fe\, AG,C=DE"


@pytest.fixture(scope="module")
def tls(module_envoy):
    def document(name: str, *grants: dict) -> dict:
        found = {"version": "1", "default": "allow", "identity": [{"mtls": name}]}
        return {**found, "grants": [*grants, {"name": "rest", "match": [{"mtls": "spiffe://corp/x"}]}]}

    ci = {"name": "ci", "match": [{"mtls": "spiffe://corp/ci/*"}], "tools": {"echo": {}}}
    documents = {
        "tls_uri": document("uri_san", ci),
        "tls_dns": document("dns_san", {"name": "web", "match": [{"mtls": "web.example"}]}),
        "tls_subject": document("subject", {"name": "bot", "match": [{"mtls": SUBJECT}]}),
        "tls_required": document("uri_san", ci),
        "tls_no_authority": document("uri_san", ci),
        "tls_untrusted": document("uri_san", ci),
        "plain": document("uri_san", ci),
    }
    asked = verifying(tls=identity.server_tls(SERVER, CLIENTS, False))
    edits = {
        **dict.fromkeys(("tls_uri", "tls_dns", "tls_subject"), asked),
        "tls_required": verifying(tls=identity.server_tls(SERVER, CLIENTS, True)),
        "tls_no_authority": verifying(tls=identity.server_tls(SERVER, None, True)),
        "tls_untrusted": verifying(
            tls=identity.server_tls(SERVER, CLIENTS, False, trust_chain_verification="ACCEPT_UNTRUSTED")
        ),
    }
    return module_envoy(documents["plain"], also=documents, edit_listener=by_name(**edits), access_log=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    return {None: None, **{name: one.save(folder) for name, one in CERTIFICATES.items()}}


def over_tls(proxy, listener: str, certificate, message: object = CALL, headers: dict | None = None):
    """Post over TLS; return None if Envoy does not accept the certificate."""
    with httpx.Client(verify=identity.client_tls(SERVERS, certificate)) as client:
        try:
            return post(proxy, message, headers, listener, client)
        except (httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError, httpx.WriteError):
            return None


@pytest.mark.parametrize(
    ("listener", "certificate", "expected"),
    [
        ("tls_uri", "ci", ALLOWED),
        ("tls_uri", "ci first", ALLOWED),
        ("tls_uri", "ci second", ALLOWED),  # as `rest`
        ("tls_uri", "not ci", NO_GRANT),
        ("tls_uri", "ci in another case", NO_GRANT),
        ("tls_uri", "ci elsewhere", UNAUTHENTICATED),
        ("tls_uri", "web", UNAUTHENTICATED),
        ("tls_uri", "somebody", UNAUTHENTICATED),
        ("tls_uri", None, UNAUTHENTICATED),
        ("tls_uri", "stranger", None),
        ("tls_uri", "of long ago", None),
        ("tls_uri", "signed by itself", None),
        ("tls_dns", "web", ALLOWED),
        ("tls_dns", "ci second", ALLOWED),
        ("tls_dns", "ci first", NO_GRANT),
        ("tls_dns", "web by its common name", UNAUTHENTICATED),
        ("tls_dns", None, UNAUTHENTICATED),
        ("tls_subject", "somebody", ALLOWED),
        ("tls_subject", "web by its common name", NO_GRANT),
        ("tls_subject", None, UNAUTHENTICATED),
        ("tls_required", "ci", ALLOWED),
        ("tls_required", None, None),
        ("tls_required", "stranger", None),
        # Without an authority Envoy requests a certificate but verifies none.
        ("tls_no_authority", "ci", UNAUTHENTICATED),
        ("tls_no_authority", "stranger", UNAUTHENTICATED),
    ],
)
def test_a_certificate_names_the_caller_if_its_authority_is_trusted(
    tls, certificates, listener, certificate, expected
):
    answer = over_tls(tls, listener, certificates[certificate])
    assert (answer and outcome(answer)) == expected


def test_a_certificate_has_its_own_list(tls, certificates):
    listed = rpc.request("tools/list")
    assert tools(over_tls(tls, "tls_uri", certificates["ci"], listed)) == ["echo"]
    assert tools(over_tls(tls, "tls_uri", certificates["ci second"], listed)) == ["echo", "add", "danger"]
    refused = over_tls(tls, "tls_uri", certificates["ci"], rpc.tools_call("danger"))
    assert record(tls, refused)["principal"] == "spiffe://corp/ci/builder"


def test_a_forged_certificate_header_is_ignored(tls, certificates):
    forged = {"x-forwarded-client-cert": "URI=spiffe://corp/ci/builder"}
    assert outcome(post(tls, CALL, forged, "plain")) == UNAUTHENTICATED
    assert outcome(over_tls(tls, "tls_uri", None, headers=forged)) == UNAUTHENTICATED
    assert outcome(over_tls(tls, "tls_uri", certificates["not ci"], headers=forged)) == NO_GRANT


def test_accept_untrusted_makes_a_strangers_certificate_look_valid(tls, certificates):
    """Why the README forbids `ACCEPT_UNTRUSTED`: a stranger's certificate looks like any other."""
    assert outcome(over_tls(tls, "tls_untrusted", certificates["stranger"])) == ALLOWED
    assert outcome(over_tls(tls, "tls_untrusted", None)) == UNAUTHENTICATED


# The example that comes with the filter, and real sessions through it.

OPERATIONS = CLIENTS.issue(uris=["spiffe://corp.example/operations/anna"])
TEAM_KEY = identity.api_key()
sent.add(TEAM_KEY)
EXAMPLE = places.ROOT / "envoy" / "identity.yaml"
GRANTS = places.ROOT / "policies" / "grants.json"


def example(document: dict | None = None, port: int = 8000):
    """Change a bootstrap to the example, with the test's own ports and files."""
    made = identity.files(SERVER, CLIENTS, RS256)
    inline = {f"/etc/mcp-policy/{name}": {"inline_string": text} for name, text in made.items()}
    files = {**inline, "/etc/mcp-policy/mcp_policy_filter.wasm": {"filename": str(runs.module())}}
    used = set()

    def replaced(node: object) -> object:
        if isinstance(node, list):
            return [replaced(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "filename" in node:
            used.add(node["filename"])
            return files[node["filename"]]
        if node.get("port_value") in (10000, 9901):
            return {**node, "port_value": 0}
        if node.get("port_value") == 8000:
            return {**node, "port_value": port}
        if document and node.get("@type", "").endswith("google.protobuf.Struct"):
            return policy.configuration(document)
        return {key: replaced(value) for key, value in node.items()}

    def edit(tree: dict) -> None:
        text = EXAMPLE.read_text().replace("https://issuer.example", RS256.name)
        built = replaced(yaml.safe_load(text))
        assert used == set(files)
        [listener] = built["static_resources"]["listeners"]
        listener["name"] = "tls"
        tree.clear()
        tree.update(built)

    return edit


def team_policy() -> dict:
    """The policy of three teams, with a key that the test knows."""
    document = json.loads(policy.read(GRANTS))
    [described] = next(grant for grant in document["grants"] if grant["name"] == "nightly")["match"]
    described["api_key_sha256"] = sha256(TEAM_KEY)
    return document


def test_the_example_runs_unchanged(envoy, upstream, certificates, tmp_path):
    proxy = envoy({}, edit=example(port=upstream.port))
    mine = OPERATIONS.save(tmp_path)
    for certificate, headers, expected in [
        (mine, {}, ALLOWED),
        (None, bearer(token(sub="anna@corp.example", team="analysts")), ALLOWED),
        (None, bearer(token(sub="anna@corp.example", team="others")), NO_GRANT),
        (None, {}, UNAUTHENTICATED),
        (None, {"x-api-key": "made up"}, NO_GRANT),
        (None, bearer(secret(FORGER.token(sub="anna@corp.example", team="analysts"))), (401, None)),
        (certificates["stranger"], {}, None),
    ]:
        answer = over_tls(proxy, "tls", certificate, rpc.tools_call("get_weather"), headers)
        assert (answer and outcome(answer)) == expected
    # The caller's credentials do not reach the server.
    assert [
        name
        for request in upstream.requests
        for name, _ in request.headers
        if name in ("authorization", "x-api-key")
    ] == []


@pytest.fixture(scope="module")
def teams(module_envoy, tmp_path_factory):
    """The example with the policy of three teams, in front of AiPayGen's tools."""
    started = {}
    with servers.catalog(tmp_path_factory.mktemp("catalog")) as catalog:
        for client in (clients.PYTHON_1, clients.PYTHON_2):
            started[client] = module_envoy({}, edit=example(team_policy(), catalog.port))
        yield started


RUN = ["call", "run_agent", {"agent_id": "a", "task": "sum"}]
LOOK_UP = ["call", "research", {"topic": "proxies"}]
SEARCH = ["call", "web_search", {"query": "proxies"}]
DELETE = ["call", "delete_agent", {"agent_id": "a"}]


@pytest.mark.parametrize("client", [clients.PYTHON_1, clients.PYTHON_2], ids=str)
def test_each_team_sees_its_own_tools_and_has_its_own_budget(teams, tmp_path, client):
    authority = tmp_path / "authority.pem"
    authority.write_text(SERVERS.pem)
    common = {"authority": str(authority)}
    credentials = [
        {**common, "certificate": str(OPERATIONS.save(tmp_path))},
        {**common, "headers": bearer(token(sub="anna@corp.example", team="analysts"))},
        {**common, "headers": {"x-api-key": TEAM_KEY}},
    ]
    steps = [["list"], *[RUN] * 11, DELETE, *[LOOK_UP, SEARCH] * 3]
    address = url(teams[client], "tls")
    reports = clients.run(client, *((address, steps, one) for one in credentials))
    listed, run, deleted, looked_up = {}, {}, {}, {}
    for team, report in zip(("operations", "analysts", "nightly"), reports, strict=True):
        assert report.get("closed"), report
        saw = report["saw"]
        answers.append(json.dumps(saw))
        listed[team] = set(saw[0]["tools"])
        run[team], [deleted[team]], looked_up[team] = (
            [code(one) for one in part] for part in (saw[1:12], saw[12:13], saw[13:])
        )
    document = json.loads(policy.read(GRANTS))
    reading = {tool for tool in catalog() if tool.startswith("get_")}
    assert listed == {
        "operations": reading | {"research", "web_search", "run_agent"},
        "analysts": reading | {"research", "web_search", "run_agent"},
        "nightly": {"get_agent_runs", "run_agent"},
    }
    # Each team has its own runs: 10 by the document, or fewer by its grant.
    assert {team: codes.count(None) for team, codes in run.items()} == {
        "operations": 10,
        "analysts": 3,
        "nightly": 2,
    }
    for codes in run.values():
        assert set(codes[codes.count(None) :]) == {"rate_limited"}
    assert deleted == {"operations": "denied", "analysts": "denied", "nightly": "denied"}
    # Two tools share one budget: the document's, or less by the grant.
    assert looked_up == {
        "operations": [None] * 6,
        "analysts": [None] * 5 + ["rate_limited"],
        "nightly": ["not_listed"] * 6,
    }
    assert document["tools"]["research"] == document["tools"]["web_search"]


def code(saw: dict) -> str | None:
    decision = saw["result"]["decision"]
    return decision and decision["code"]


def catalog() -> list:
    return [tool["name"] for tool in json.loads(places.AIPAYGEN_TOOLS.read_text())["tools"]]


def test_teams_share_the_global_budget(envoy, upstream):
    document = team_policy()
    document["grants"][1]["tools"]["research"] = {}
    proxy = envoy({}, edit=example(document, upstream.port))
    sub = functools.partial(token, team="analysts")
    with httpx.Client(verify=identity.client_tls(SERVERS)) as client:
        ask = functools.partial(post, proxy, rpc.tools_call("research"), listener="tls", client=client)
        seen = [outcome(ask(bearer(sub(sub=f"{number % 2}@corp.example")))) for number in range(20)]
        team = bearer(token(sub="otto@corp.example", team="operations"))
        seen += [outcome(ask(team)) for _ in range(22)]
    assert seen == [ALLOWED] * 40 + [(200, "rate_limited")] * 2


def test_the_search_for_secrets_finds_them(envoy, upstream):
    """Prove the search that runs after each test: it finds a secret that is there."""
    assert all(len(one) > 20 for one in sent if re.fullmatch(r"[\w.-]+", one))
    proxy = envoy({"version": "1"}, log_level="debug")
    http1.exchange(proxy.port, http1.head("GET", headers=[("x-api-key", "not a secret of any test")]))
    assert "not a secret of any test" in proxy.log()
