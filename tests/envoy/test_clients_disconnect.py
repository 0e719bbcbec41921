"""Clients that disconnect during a call are not charged and do no harm."""

import pytest

from harness import http1, http2, rpc
from harness.proxy import wait_for
from upstream import Answer

TIMES = 20
LIMITED = {
    "version": "1",
    "tools": {"run": {"limits": [{"counter": "runs", "window": "hour", "max": 2}]}},
}
JSON = [("content-type", "application/json")]
BODY = rpc.encode(rpc.tools_call("run", {"text": "x" * 2000}))
HALF = BODY[: len(BODY) // 2]
BY_LENGTH = http1.head(headers=JSON, length=len(BODY))
IN_CHUNKS = http1.head(headers=JSON, chunked=True)

# In the last one the whole message has arrived, but not the end of the body.
CUT_SHORT = {
    "before the body": BY_LENGTH,
    "mid-body": BY_LENGTH + HALF,
    "mid-chunk": IN_CHUNKS + http1.chunk(BODY)[: len(HALF)],
    "before the last chunk": IN_CHUNKS + http1.chunk(BODY),
}


@pytest.fixture(params=["hold", "stream"])
def limited(request, envoy):
    return envoy({**LIMITED, "request_headers": request.param}, hold=request.param == "hold")


def test_clients_that_disconnect_during_the_body_are_not_charged(limited, upstream):
    for _ in range(TIMES):
        for sent in CUT_SHORT.values():
            with http1.Connection(limited.port) as connection:
                connection.send(sent)
        for reset in (False, True):
            half_a_call_over_http2(limited.port, reset)
    all_gone(limited, TIMES * (len(CUT_SHORT) + 2))
    assert upstream.requests == []
    assert_unharmed(limited)


def half_a_call_over_http2(port: int, reset: bool) -> None:
    """Send half a call, then reset its stream or drop the connection."""
    with http2.Client(port) as client:
        pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", "/mcp")]
        client.h2.send_headers(1, pseudo + http2.JSON)
        client.h2.send_data(1, HALF)
        if reset:
            client.h2.reset_stream(1)
        client.socket.sendall(client.h2.data_to_send())


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_clients_that_disconnect_during_the_answer_do_no_harm(limited, upstream, content_type):
    """The answers last longer than the clients stay; one is a list, which the filter reads."""
    chunks = [b"data: {}\n\n" if "event" in content_type else b'{"jsonrpc": ', *[b" "] * 1000]
    upstream.answer = Answer(200, [("content-type", content_type)], chunks=chunks, gap=0.02)
    messages = [rpc.request("ping"), rpc.request("tools/list")] * (TIMES // 4)
    for number, message in enumerate(messages, 1):
        body = rpc.encode(message)
        with http1.Connection(limited.port) as connection:
            connection.send([http1.head(headers=JSON, length=len(body)), body])
            upstream.wait(number)
    all_gone(limited, len(messages))
    upstream.answer = None
    assert_unharmed(limited)


def all_gone(proxy, connections: int) -> None:
    """Wait until Envoy has closed this many connections and none is left."""

    def seen() -> bool:
        stats = proxy.stats(r"^(http\.main\.downstream_cx_|cluster\.upstream\.upstream_rq_).*(active|total)$")
        return (
            stats["http.main.downstream_cx_total"] == connections
            and stats["http.main.downstream_cx_active"] == 0
            and stats["cluster.upstream.upstream_rq_active"] == 0
        )

    wait_for(seen, f"{connections} connections to come and go")


def assert_unharmed(proxy) -> None:
    """Assert that nothing was charged and the filter still works."""
    answers = [rpc.call(proxy.url, "run")["result"] for _ in range(3)]
    assert [answer["isError"] for answer in answers] == [False, False, True]
    complaints = [line for line in proxy.log_lines() if "[wasm]" in line and "[info]" not in line]
    assert complaints == []
