"""What reaches the upstream: every byte as it was sent, or nothing."""

import json

import pytest

from harness import http1, http2, rpc

JSON = [("content-type", "application/json")]
POLICY = {
    "version": "1",
    "tools": {
        "safe": {},
        "danger": {"action": "deny", "reason": "it deletes"},
        "few": {"limits": [{"counter": "few", "window": "hour", "max": 2}]},
    },
    "exempt_paths": ["/healthz"],
}


@pytest.fixture(scope="module", params=["hold", "stream"])
def proxy(request, module_envoy):
    policy = {**POLICY, "request_headers": request.param}
    return module_envoy(policy, hold=request.param == "hold", buffer_limit=4 << 20)


@pytest.fixture
def seen(module_upstream):
    module_upstream.clear()
    module_upstream.answer = None
    return module_upstream


def test_an_allowed_call_arrives_and_a_denied_one_does_not(proxy, seen):
    assert rpc.call(proxy.url, "safe", id="a")["id"] == "a"
    denied = rpc.post(proxy.url, rpc.tools_call("danger", id=7))
    assert denied.status_code == 200
    answer = denied.json()
    assert answer["id"] == 7 and answer["result"]["isError"] and "it deletes" in rpc.text(answer)
    assert denied.headers["x-mcp-policy"] == "denied"
    assert [request.json()["params"]["name"] for request in seen.calls] == ["safe"]


def test_a_limit_refuses_the_call_after_the_last(proxy, seen):
    answers = [rpc.call(proxy.url, "few", id=n) for n in range(4)]
    assert [a["result"].get("isError", False) for a in answers] == [False, False, True, True], proxy.log()[
        -2000:
    ]
    assert "retry in" in rpc.text(answers[2])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_in_chunks_is_read_whole(proxy, seen, size):
    body = rpc.encode(rpc.tools_call("safe", {"text": "y" * 300}))
    answer = http1.exchange(
        proxy.port, [http1.head(headers=JSON, chunked=True), *http1.chunks(body, size)], gap=0.0005
    )
    assert answer.status == 200 and seen.calls[0].body == body
    bad = rpc.encode(rpc.tools_call("danger", {"text": "y" * 300}))
    answer = http1.exchange(
        proxy.port, [http1.head(headers=JSON, chunked=True), *http1.chunks(bad, size)], gap=0.0005
    )
    assert answer.header("x-mcp-policy") == "denied" and len(seen.calls) == 1


def test_trailers_end_a_body(proxy, seen):
    for name, count in [("safe", 1), ("danger", 1)]:
        body = rpc.encode(rpc.tools_call(name))
        answer = http2.exchange(proxy.port, [body[:5], body[5:]], trailers=[("x-after", "1")], gap=0.01)
        assert answer.status == 200 and json.loads(answer.body)["id"] == 1
        assert len(seen.calls) == count


def test_a_body_of_one_mebibyte_arrives(proxy, seen):
    empty = len(rpc.encode(rpc.tools_call("safe", {"text": ""})))
    body = rpc.encode(rpc.tools_call("safe", {"text": "x" * ((1 << 20) - empty)}))
    assert len(body) == 1 << 20
    assert rpc.post(proxy.url, body).status_code == 200
    assert seen.calls[0].body == body
    over = rpc.post(proxy.url, body + b" ")
    assert (over.status_code, over.headers["x-mcp-policy"]) == (413, "too_large")
    assert len(seen.calls) == 1


@pytest.mark.parametrize("way", ["hold", "stream"])
def test_an_announced_length_that_is_too_large_is_refused_before_envoys_buffer_is_full(
    module_envoy, seen, way
):
    proxy = module_envoy({**POLICY, "request_headers": way}, hold=way == "hold")
    body = rpc.encode(rpc.tools_call("safe", {"text": "x" * (1 << 20)}))
    over = rpc.post(proxy.url, body)
    assert (over.status_code, over.headers["x-mcp-policy"]) == (413, "too_large")
    assert over.json()["error"]["code"] == -32600 and "1048576 bytes" in over.json()["error"]["message"]
    assert seen.heads == []


def test_the_exempt_path_passes_unread(proxy, seen):
    answer = http1.exchange(proxy.port, http1.head("GET", "/healthz?x=1"))
    assert answer.status != 0
    assert len(seen.requests) == 1


def test_the_list_shows_only_tools_that_may_be_called(proxy, seen):
    from upstream import json_answer

    tools = [{"name": n, "inputSchema": {"type": "object"}} for n in ["safe", "danger", "other", "few"]]
    seen.answer = json_answer({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools, "nextCursor": "x"}})
    answer = rpc.post(proxy.url, rpc.request("tools/list"))
    assert [t["name"] for t in answer.json()["result"]["tools"]] == ["safe", "few"]
    assert seen.requests[0].header("accept-encoding") == "identity"
