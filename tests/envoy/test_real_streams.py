"""Real servers with streams of their own: a session that uses an id twice, and the HTTP+SSE transport of 2024-11-05."""

import httpx
import pytest

import clients
from harness import load, rpc, servers
from harness.records import record_of, tagging

POLICY = {
    "version": "1",
    "server": "answers",
    "tools": {"echo": {}, "danger": {"action": "deny"}},
}


# The real servers keep the streams of a session by the request's id, and a client can use one twice.


@pytest.fixture(scope="module", params=["everything", "everything_json"])
def session(request, module_envoy):
    """Begin a session with a real server behind Envoy; return the URL and the session's headers."""
    proxy = module_envoy(POLICY, upstream=request.getfixturevalue(request.param))
    about = {"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    hello = rpc.request("initialize", {"protocolVersion": "2025-06-18", **about})
    begun = rpc.post(proxy.url, hello)
    headers = {"mcp-session-id": begun.headers["mcp-session-id"], "mcp-protocol-version": "2025-06-18"}
    rpc.post(proxy.url, rpc.request("notifications/initialized", id=None), headers)
    return proxy.url, headers


def test_an_id_used_twice_at_once_shows_no_hidden_tool(session):
    url, headers = session
    texts = []

    def ask(message: dict) -> None:
        try:
            asked = httpx.post(url, json=message, headers={**rpc.HEADERS, **headers}, timeout=1)
            texts.append(asked.text)
        except httpx.HTTPError:
            pass  # the server answered both requests to one of them

    for id in range(10, 22):
        other = rpc.tools_call("echo", {"message": "hi"}, id=id) if id % 2 else rpc.request("ping", id=id)
        pair = [rpc.request("tools/list", id=id), other]
        load.at_once(2, lambda number, pair=pair: ask(pair[number]))
    assert texts and not any("danger" in text for text in texts)


# The HTTP+SSE transport of 2024-11-05.


@pytest.fixture(scope="module")
def old_transport(module_envoy, tmp_path_factory):
    with servers.old_transport(tmp_path_factory.mktemp("old")) as server:
        also = {"shadow": {**POLICY, "mode": "shadow"}, "bare": None}
        yield module_envoy(POLICY, upstream=server, also=also, access_log=True, edit=tagging)


@pytest.mark.parametrize("client", clients.OLD, ids=str)
def test_a_client_of_the_old_transport_is_refused_at_once_and_in_words(old_transport, client):
    steps = [["call", "echo", {"message": "hi"}], ["call", "danger", {}]]
    urls = [old_transport.urls[name].replace("/mcp", "/sse") for name in ("main", "shadow", "bare")]
    refused, *others = clients.run(client, *((url, steps) for url in urls))
    words = "the policy filter does not support the HTTP+SSE transport of MCP 2024-11-05"
    assert words in refused["ended"] and not refused["saw"], refused
    for passed in others:
        assert [saw["result"]["text"] for saw in passed["saw"]] == ["hi", "danger was done"], passed


def test_the_refusal_of_the_old_transport_is_recorded_logged_and_counted(old_transport):
    path = "/sse?told"
    [report] = clients.run(clients.OLD[0], (old_transport.url.replace("/mcp", path), []))
    assert "ended" in report
    record = record_of(old_transport, path)
    assert (record["decision"], record["code"]) == ("deny", "method_not_allowed")
    assert old_transport.stats("strict_refusals.*http_sse")
    assert "connect by Streamable HTTP" in old_transport.log()
