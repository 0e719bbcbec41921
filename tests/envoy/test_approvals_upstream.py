"""The upstream sees an approved call exactly as it was sent, without traces of the approval.

The filter adds its own state to the call while the client opens the page. It removes that state again, and
restores the server's own.
"""

import json

import pytest

from harness import http1, http2
from harness.approvals import ASKED, policy

JSON = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")]
META = (
    '{"io.modelcontextprotocol/protocolVersion" : "2026-07-28",'
    ' "io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}'
)
MODERN = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "wipe")]


@pytest.fixture(scope="module", params=["hold", "stream"])
def proxies(request, module_envoy, module_approvals):
    """An Envoy that speaks HTTP/1.1 to the upstream, and one that speaks HTTP/2."""
    document = policy({"wipe": ASKED}, request_headers=request.param)
    options = {"hold": request.param == "hold", "approvals": module_approvals}
    return {
        "HTTP/1.1": module_envoy(document, **options),
        "HTTP/2": module_envoy(document, http2_upstream=True, **options),
    }


@pytest.fixture
def service(module_approvals, module_upstream):
    module_approvals.clear()
    module_approvals.ledger.approvals.clear()
    module_upstream.clear()
    return module_approvals


def by_length(proxy, body: bytes) -> http1.Answer:
    return http1.exchange(proxy.port, [http1.head(headers=JSON + MODERN, length=len(body)), body])


def in_chunks(proxy, body: bytes) -> http1.Answer:
    head = http1.head(headers=JSON + MODERN, chunked=True)
    return http1.exchange(proxy.port, [head, *http1.chunks(body, 50)], gap=0.0005)


def in_chunks_with_trailers(proxy, body: bytes) -> http1.Answer:
    head = http1.head(headers=[*JSON, *MODERN, ("trailer", "x-after")], chunked=True)
    return http1.exchange(proxy.port, [head, http1.chunk(body), http1.last_chunk([("x-after", "1")])])


def over_http2(proxy, body: bytes) -> http1.Answer:
    return http2.exchange(proxy.port, [body[:9], body[9:]], JSON + MODERN, gap=0.005)


def over_http2_with_length(proxy, body: bytes) -> http1.Answer:
    return http2.exchange(proxy.port, body, [*JSON, *MODERN, ("content-length", str(len(body)))])


def over_http2_with_trailers(proxy, body: bytes) -> http1.Answer:
    pieces = [body[:9], body[9:]]
    return http2.exchange(proxy.port, pieces, JSON + MODERN, trailers=[("x-after", "1")], gap=0.005)


WAYS = [
    by_length,
    in_chunks,
    in_chunks_with_trailers,
    over_http2,
    over_http2_with_length,
    over_http2_with_trailers,
]


def message(before: str = "", between: str = "", after: str = "") -> bytes:
    """Build a call with unusual spacing, and with more params before, between and after its own."""
    own = [f'"name": "wipe"{between}', f'"arguments" :{{"n": 1.50, "t":"\\u00e9 é"}},\t"_meta":{META}']
    params = f"{before}{own[0]}, {own[1]}{after}"
    text = f' {{ "jsonrpc" : "2.0",\r\n"id":"a\\u0062", "method": "tools/call" ,"params":{{{params}}} }}\n'
    return text.encode()


# Where a client puts the returned state among the params.
PLACES = {
    "at the end": lambda more: message(after="," + more),
    "at the beginning": lambda more: message(before=more + ","),
    "between": lambda more: message(between="," + more),
}


def lead(proxy, body: bytes, way=by_length) -> tuple:
    """Make a call that needs approval; return the filter's state, and the key of its input request."""
    answer = way(proxy, body)
    assert answer.status == 200 and answer.whole, answer
    result = json.loads(answer.body)["result"]
    assert result["resultType"] == "input_required", result
    [(key, request)] = result["inputRequests"].items()
    assert request["method"] == "elicitation/create" and request["params"]["mode"] == "url"
    assert key.startswith("mcp-policy.") and result["requestState"].startswith("mcp-policy.")
    return json.dumps(result["requestState"]), key


def assert_arrived(upstream, answer: http1.Answer, body: bytes) -> None:
    """Check that one request has arrived with exactly this body, and with its length if it has one."""
    assert answer.status == 200 and answer.whole and answer.header("x-mcp-policy") is None, answer
    [arrived] = upstream.requests
    assert arrived.body == body and arrived.complete and not arrived.reset
    assert arrived.header("content-length") in (None, str(len(body)))
    if arrived.protocol == "HTTP/1.1":
        framed = [arrived.header("content-length"), arrived.header("transfer-encoding")]
        assert framed.count(None) == 1, framed
    assert json.loads(answer.body)["id"] == "ab"
    upstream.clear()


@pytest.mark.parametrize("spoken", ["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.replace("_", " "))
def test_the_call_arrives_without_what_the_filter_added(proxies, service, module_upstream, way, spoken):
    proxy = proxies[spoken]
    for place, put in PLACES.items():
        state, key = lead(proxy, message(), way)
        service.decide("approved")
        responses = json.dumps({key: {"action": "accept", "content": {}}})
        back = put(f'"inputResponses":{responses},"requestState":{state}')
        assert_arrived(module_upstream, way(proxy, back), message()), place


@pytest.mark.parametrize("spoken", ["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.replace("_", " "))
def test_a_call_that_is_approved_at_once_arrives_unchanged(proxies, service, module_upstream, way, spoken):
    lead(proxies[spoken], message(), way)
    service.decide("approved")
    assert_arrived(module_upstream, way(proxies[spoken], message()), message())


SERVERS = [
    '"requestState":"server-\\u00e9/1=="',
    '"inputResponses":{"q" : {"action":"accept","content":{"n": 1.0}}}',
    '"inputResponses":{"q":{"action":"accept"}},"requestState":"server-1"',
    '"requestState":"server-1","inputResponses":{"q":{"action":"decline"},"r":{"roots":[]}}',
    '"inputResponses":{},"requestState":""',
]


@pytest.mark.parametrize("servers", SERVERS)
@pytest.mark.parametrize("place", PLACES)
def test_the_servers_own_state_survives_the_approval(proxies, service, module_upstream, servers, place):
    """A client keeps one state for each call, so the filter's state replaces the server's until it returns."""
    proxy, original = proxies["HTTP/1.1"], PLACES[place](servers)
    state, key = lead(proxy, original)
    # The server's state must survive a second round as well.
    back = {"inputResponses": {key: {"action": "accept"}}, "requestState": json.loads(state)}
    members = json.loads("{" + servers + "}")
    # Clients replace members that exist, and append new ones.
    text = ",".join(f'"{name}":{json.dumps(back.pop(name))}' for name in members)
    rest = "".join(f',"{name}":{json.dumps(value)}' for name, value in back.items())
    returned = PLACES[place](text).replace(b"}} }\n", b"}" + rest.encode() + b"} }\n")
    again, _ = lead(proxy, returned)
    returned = returned.replace(state.encode(), again.encode())
    service.decide("approved")
    answer = by_length(proxy, returned)
    assert answer.header("x-mcp-policy") is None, answer
    [arrived] = module_upstream.requests
    assert arrived.json() == json.loads(original)
    assert b"mcp-policy" not in arrived.body
    # Both members have their original bytes.
    for name, value in members.items():
        begun = original.index(f'"{name}":'.encode())
        assert arrived.body.count(f'"{name}"'.encode()) == 1
        if name == "requestState":
            written = original[begun : original.index(b'"', begun + len(name) + 4) + 1]
            assert written in arrived.body, (value, arrived.body)
    if not set(members) ^ {"inputResponses", "requestState"}:
        assert_arrived(module_upstream, answer, original)


@pytest.mark.parametrize("servers", SERVERS)
def test_the_servers_own_state_passes_unchanged_without_an_approval(
    proxies, service, module_upstream, servers
):
    proxy, original = proxies["HTTP/1.1"], message(after="," + servers)
    lead(proxy, original)
    service.decide("approved")
    assert_arrived(module_upstream, by_length(proxy, original), original)


def test_the_servers_responses_are_kept(proxies, service, module_upstream):
    """A client that answers all requests sends both; only the filter's is removed.

    An answer to the server is part of the call, so it needs an approval of its own.
    """
    proxy = proxies["HTTP/1.1"]
    theirs = '"q" : {"action": "accept"}', '"r":{"roots":[ ]}'
    for place in range(3):
        state, key = lead(proxy, message())
        entries = list(theirs)
        entries.insert(place, f'"{key}":{{"action":"accept"}}')
        more = f',"inputResponses":{{{",".join(entries)}}},"requestState":'
        state, _ = lead(proxy, message(after=more + state))
        asked = service.asks[-1]
        assert asked["params"] == {"inputResponses": json.loads(f"{{{','.join(theirs)}}}")}
        service.decide("approved")
        answer = by_length(proxy, message(after=more + state))
        expected = message(after=f',"inputResponses":{{{",".join(theirs)}}}')
        assert_arrived(module_upstream, answer, expected)


def escaped(text: str) -> str:
    """Write every character of a string as an escape."""
    return "".join(f"\\u{ord(char):04x}" for char in text)


def test_the_filters_state_is_found_however_it_is_spelled(proxies, service, module_upstream):
    proxy = proxies["HTTP/1.1"]
    for spell in (str, escaped):
        for responses, state in [(True, True), (True, False), (False, True)]:
            given, key = lead(proxy, message())
            service.decide("approved")
            more = f',"{spell("inputResponses")}":{{"{spell(key)}":{{"action":"accept"}}}}' * responses
            more += f',"{spell("requestState")}":"{spell(json.loads(given))}"' * state
            assert_arrived(module_upstream, by_length(proxy, message(after=more)), message())


@pytest.mark.parametrize("form", ["result", "error", "http"])
def test_a_client_opens_the_page_whatever_form_denials_have(module_envoy, service, module_upstream, form):
    proxy = module_envoy(policy({"wipe": ASKED}, denials=form), approvals=service)
    state, key = lead(proxy, message())
    service.decide("approved")
    more = f',"inputResponses":{{"{key}":{{"action":"accept"}}}},"requestState":{state}'
    assert_arrived(module_upstream, by_length(proxy, message(after=more)), message())


@pytest.mark.parametrize("size", [1_000, 500_000, 760_000, 1_000_000])
def test_a_large_state_of_the_server_does_not_make_a_call_too_large(proxies, service, module_upstream, size):
    """The filter's state contains the server's, so it is longer. A client that got it must be able to return it."""
    proxy = proxies["HTTP/1.1"]
    original = message(after=f',"requestState":"{"s" * size}"')
    answer = by_length(proxy, original)
    result = json.loads(answer.body)["result"]
    service.decide("approved")
    if result["resultType"] == "complete":
        # The filter denies it as for a client that opens no pages; the client then repeats the call unchanged.
        assert answer.header("x-mcp-policy") == "approval_required"
        assert_arrived(module_upstream, by_length(proxy, original), original)
        return
    more = f',"requestState":{json.dumps(result["requestState"])}'
    more += ',"inputResponses":{"mcp-policy.approval":{"action":"accept"}}'
    assert_arrived(module_upstream, by_length(proxy, message(after=more)), original)


def test_the_filters_state_is_also_removed_without_approvals(module_envoy, service, module_upstream):
    """The tool no longer needs approval, but the client still returns the state."""
    proxy = module_envoy(policy({"wipe": {}}), approvals=service)
    more = ',"inputResponses":{"mcp-policy.approval":{"action":"accept"}},"requestState":"mcp-policy.eyJ9"'
    assert_arrived(module_upstream, by_length(proxy, message(after=more)), message())
    assert service.requests == []


@pytest.mark.parametrize("ahead", ["hold", "stream"])
def test_without_approvals_a_body_has_the_length_that_its_headers_tell(envoy, upstream, ahead):
    """If the headers have already been forwarded, shortening the body would desynchronise the connection."""
    proxy = envoy({"version": "1", "request_headers": ahead, "tools": {"wipe": {}}})
    sent = message(after=',"requestState":"mcp-policy.eyJudW1iZXIiOjF9"')
    assert_arrived(upstream, by_length(proxy, sent), sent)


def test_headers_arrive_unchanged(proxies, service, module_upstream):
    """The headers of an approved call contain no trace of the approval."""
    proxy = proxies["HTTP/1.1"]
    sent = [*JSON, *MODERN, ("x-twice", "1"), ("x-twice", "2"), ("authorization", "Bearer of-the-client")]
    head = http1.head(headers=sent, length=len(message()), path="/mcp?x=1")
    lead(proxy, message(), lambda proxy, body: http1.exchange(proxy.port, [head, body]))
    service.decide("approved")
    assert http1.exchange(proxy.port, [head, message()]).status == 200
    [arrived] = module_upstream.requests
    assert (arrived.method, arrived.path) == ("POST", "/mcp?x=1")
    theirs = {"host", "content-length", "transfer-encoding"}
    kept = [
        (name, value)
        for name, value in arrived.headers
        if not name.startswith("x-envoy") and name not in theirs
    ]
    assert [pair for pair in kept if pair in sent or pair[0].startswith("x-mcp")] == sent
