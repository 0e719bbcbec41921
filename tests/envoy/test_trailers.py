"""Trailers with and without a body: messages that end without a last chunk.

In these callbacks the host refuses some calls that it accepts in all others, and the SDK traps then. So each
test also checks that the filter still works.
"""

import json

import pytest

from harness import http1, http2, rpc
from upstream import Answer

POLICY = {"version": "1", "tools": {"safe": {}, "danger": {"action": "deny"}}}
LIST = rpc.encode(rpc.request("tools/list", id=7))
JSON = [("content-type", "application/json")]
ENDS = [[("x-after", "1")], []]


def listing(*names: str) -> dict:
    return {"jsonrpc": "2.0", "id": 7, "result": {"tools": [{"name": name} for name in names]}}


WHOLE = rpc.encode(listing("safe", "danger"))


@pytest.fixture(scope="module", params=["hold", "stream"])
def proxy(request, module_envoy):
    policy = {**POLICY, "request_headers": request.param}
    return module_envoy(policy, hold=request.param == "hold", http2_upstream=True)


@pytest.fixture
def seen(module_upstream, proxy):
    module_upstream.clear()
    module_upstream.answer = None
    before = proxy.log().count("panicked")
    yield module_upstream
    assert proxy.log().count("panicked") == before
    module_upstream.answer = None
    assert rpc.text(rpc.call(proxy.url, "safe")) == "called safe"


def ask(proxy, upstream, content_type: str, chunks: list, trailers: list) -> http1.Answer:
    """Request the list, and let the upstream answer in these pieces."""
    upstream.answer = Answer(200, [("content-type", content_type)], chunks=chunks, trailers=trailers)
    return http1.exchange(proxy.port, http1.head(headers=JSON, length=len(LIST)) + LIST)


@pytest.mark.parametrize("trailers", ENDS, ids=["trailers", "none"])
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/html"])
def test_an_answer_without_a_body_to_a_list_request_still_ends(proxy, seen, content_type, trailers):
    answer = ask(proxy, seen, content_type, [], trailers)
    assert (answer.status, answer.whole) == (200, True)
    if answer.body:
        assert json.loads(answer.body)["error"]["code"] == -32603


@pytest.mark.parametrize("trailers", ENDS, ids=["trailers", "none"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_list_is_filtered_however_it_ends(proxy, seen, pieces, trailers):
    for content_type, body in [("application/json", WHOLE), ("text/event-stream", b"data: %b\n\n" % WHOLE)]:
        size = -(-len(body) // pieces)
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        answer = ask(proxy, seen, content_type, chunks, trailers)
        assert (answer.status, answer.whole) == (200, True)
        assert json.loads(answer.body.removeprefix(b"data: ")) == listing("safe")


@pytest.mark.parametrize("trailers", ENDS, ids=["trailers", "none"])
def test_an_unreadable_list_is_not_shown_however_it_ends(proxy, seen, trailers):
    for content_type, body in [("text/html", WHOLE), ("application/json", WHOLE[:-9])]:
        answer = ask(proxy, seen, content_type, [body], trailers)
        assert (answer.status, answer.whole) == (200, True)
        message = json.loads(answer.body)
        assert (message["id"], message["error"]["code"]) == (7, -32603)


def test_requests_that_end_in_trailers_are_judged(proxy, seen):
    for pieces, method, status, code in [
        ([], "POST", 400, "invalid_request"),
        ([], "PUT", 405, "method_not_allowed"),
        ([], "GET", 405, None),  # the upstream has no stream to offer
        ([b"{"], "GET", 400, "invalid_request"),
        ([rpc.encode(rpc.tools_call("danger"))], "POST", 200, "denied"),
        ([rpc.encode(rpc.tools_call("safe"))], "POST", 200, None),
    ]:
        seen.clear()
        answer = http2.exchange(proxy.port, pieces, method=method, trailers=[("x-after", "1")], gap=0.01)
        assert (answer.status, answer.header("x-mcp-policy")) == (status, code), (pieces, method, answer)
        assert len(seen.requests) == (code is None), (pieces, method)


def test_a_list_requested_with_trailers_comes_back_uncompressed(proxy, seen):
    headers = [*http2.JSON, ("accept-encoding", "gzip"), ("accept-encoding", "br")]
    seen.answer = Answer(200, JSON, WHOLE)
    answer = http2.exchange(proxy.port, [LIST], headers, trailers=[("x-after", "1")], gap=0.01)
    assert json.loads(answer.body) == listing("safe")
    assert [value for name, value in seen.requests[0].headers if name == "accept-encoding"] == ["identity"]
