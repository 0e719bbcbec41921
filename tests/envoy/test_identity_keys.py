"""Invalid tokens, and keys and headers byte for byte."""

import re

import httpx
import pytest

from harness import http1, identity, rpc
from harness.callers import (
    ALLOWED,
    CALL,
    EXPIRED,
    FORGER,
    JSON,
    KEY,
    NO_GRANT,
    OLD_KEY,
    PARTNER,
    PAST,
    RS256,
    UNAUTHENTICATED,
    answers,
    outcome,
    post,
    record,
    secret,
    sent,
    token,
    tools,
)
from harness.identity import Issuer, bearer, by_name, jwt_authn, sha256, verifying

pytestmark = pytest.mark.usefixtures("no_secret_in_any_output")


@pytest.fixture(scope="module")
def doors(module_envoy):
    """One policy behind listeners that verify differently, with a header and keys after the token."""
    document = {
        "version": "1",
        "default": "allow",
        "exempt_paths": ["/healthz"],
        "identity": [
            {"jwt": {"payload": "jwt_payload"}},
            {"name": "bearer", "api_key": {"header": "authorization", "scheme": "Bearer"}},
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


def test_the_search_for_secrets_finds_them(envoy, upstream):
    """Prove the search that runs after each test: it finds a secret that is there."""
    assert all(len(one) > 20 for one in sent if re.fullmatch(r"[\w.-]+", one))
    proxy = envoy({"version": "1"}, log_level="debug")
    http1.exchange(proxy.port, http1.head("GET", headers=[("x-api-key", "not a secret of any test")]))
    assert "not a secret of any test" in proxy.log()
