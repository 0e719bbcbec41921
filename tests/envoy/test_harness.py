"""Tests the harness itself, with an Envoy without the filter.

The other tests rely on this: bytes arrive as they were sent, pieces stay pieces, and the upstream's record is
right.
"""

import json

import pytest

from harness import conformance, http1, http2, rpc
from upstream import Answer, event_stream

JSON = [("content-type", "application/json")]


@pytest.fixture(scope="module")
def plain(module_envoy):
    return module_envoy()


@pytest.fixture(scope="module")
def plain_http2(module_envoy):
    return module_envoy(http2_upstream=True)


@pytest.fixture
def seen(module_upstream):
    module_upstream.clear()
    module_upstream.answer = None
    return module_upstream


def test_a_body_arrives_byte_for_byte(plain, seen):
    body = b' {"id" : "\\u00e9\xc3\xa9", "jsonrpc":"2.0",\t"method":"tools/call","params":{"name":"x"}}\r\n'
    answer = rpc.post(plain.url, body)
    assert answer.json()["id"] == "éé"
    assert [request.body for request in seen.requests] == [body]
    assert seen.requests[0].path == "/mcp" and seen.requests[0].header("content-type") == "application/json"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunks_arrive_whatever_their_size(plain, seen, size):
    body = rpc.encode(rpc.tools_call("x", {"text": "y" * 300}))
    sent = [http1.head(headers=JSON, chunked=True), *http1.chunks(body, size)]
    answer = http1.exchange(plain.port, sent, gap=0.0005)
    assert answer.status == 200 and answer.whole
    assert seen.requests[0].body == body


@pytest.mark.parametrize("proxy", ["plain", "plain_http2"])
def test_trailers_arrive_over_http2(request, seen, proxy):
    body = rpc.encode(rpc.tools_call("x"))
    port = request.getfixturevalue(proxy).port
    answer = http2.exchange(port, [body[:5], body[5:]], trailers=[("x-after", "1")], gap=0.01)
    assert answer.status == 200 and answer.whole
    assert seen.requests[0].body == body
    if proxy == "plain_http2":
        assert seen.requests[0].protocol == "HTTP/2"
        assert seen.requests[0].trailers == [("x-after", "1")]


def test_a_megabyte_arrives_over_http2(plain_http2, seen):
    seen.answer = Answer(200, [("content-type", "text/plain")], b"z" * 2**20)
    answer = http2.exchange(plain_http2.port, b"y" * 2**20)
    assert answer.body == b"z" * 2**20
    assert seen.requests[0].body == b"y" * 2**20


def test_an_incomplete_request_is_recorded_but_not_as_complete(plain, seen):
    with http1.Connection(plain.port) as connection:
        connection.send(http1.head(headers=JSON, length=100) + b'{"half')
    assert seen.requests == []


def test_one_connection_carries_many_exchanges(plain, seen):
    sent = rpc.encode(rpc.tools_call("x"))
    with http1.Connection(plain.port) as connection:
        for _ in range(20):
            answer = connection.exchange(http1.head(headers=JSON, length=len(sent)) + sent)
            assert answer.status == 200
    assert len(seen.requests) == len(seen.calls) == 20


def test_the_upstream_gives_the_configured_answers(plain, seen):
    seen.answer = event_stream({"id": 1}, "not json", newline="\n", gap=0.01)
    answer = rpc.post(plain.url, rpc.tools_call("x"))
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.content == b'event: message\ndata: {"id": 1}\n\nevent: message\ndata: not json\n\n'
    seen.answer = lambda request: Answer(418, [("x-path", request.path)], chunks=[b"a", b"b"], cut=True)
    answer = http1.exchange(plain.port, http1.head("GET", "/other"))
    assert (answer.status, answer.header("x-path"), answer.body, answer.whole) == (
        418,
        "/other",
        b"ab",
        False,
    )


@pytest.mark.parametrize("xds", ["lds"])
def test_an_update_by_file_is_taken(envoy, xds):
    proxy = envoy(xds=xds, workers=4)
    assert proxy.update(None)
    assert rpc.post(proxy.url, rpc.tools_call("x")).status_code == 200


def test_an_envoy_that_refuses_to_start_raises_refused(envoy):
    def spoil(tree: dict) -> None:
        tree["static_resources"]["clusters"][0]["type"] = "NONSENSE"

    assert "NONSENSE" in envoy.refused(None, edit=spoil)


def test_stats_log_memory_and_access_log_can_be_read(envoy):
    proxy = envoy(access_log=True)
    rpc.post(proxy.url, rpc.tools_call("x"))
    assert proxy.access_log(1)[0]["code"] == 200
    assert proxy.stats("^http.main.downstream_rq_total$") == {"http.main.downstream_rq_total": 1}
    assert 20e6 < proxy.rss() < 500e6
    assert "starting main dispatch loop" in proxy.log()


def test_the_conformance_suite_passes_without_envoy(everything, tmp_path):
    results = conformance.required(everything.url, "2025-11-25", tmp_path / "direct")
    assert len(results) == 30
    assert set().union(*results.values()) == set()


def test_aipaygen_answers_with_its_stub(aipaygen):
    answer = rpc.post(
        aipaygen.url,
        rpc.request(
            "initialize",
            {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            },
        ),
    )
    session = {"mcp-session-id": answer.headers["mcp-session-id"]}
    rpc.post(aipaygen.url, rpc.request("notifications/initialized", id=None), session)
    listed = rpc.post(aipaygen.url, rpc.request("tools/list"), session)
    data = next(line[6:] for line in listed.text.splitlines() if line.startswith("data: "))
    assert len(json.loads(data)["result"]["tools"]) == 106
