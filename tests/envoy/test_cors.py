"""Envoy's `cors` filter in front of the policy, as docs/install.md recommends for clients in a browser."""

import httpx

from harness import rpc
from harness.bootstrap import any_of

ORIGIN = "https://app.example"
EXPOSED = "mcp-session-id,x-mcp-policy,retry-after,www-authenticate"
POLICY = {"version": "1", "tools": {"echo": {}}}


def with_cors(listener: dict) -> None:
    """Put the `cors` filter first and give the virtual host its policy."""
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    cors = {"name": "envoy.filters.http.cors", "typed_config": any_of("extensions.filters.http.cors.v3.Cors")}
    manager["http_filters"].insert(0, cors)
    [host] = manager["route_config"]["virtual_hosts"]
    allowed = {
        "allow_origin_string_match": [{"exact": ORIGIN}],
        "allow_methods": "POST, GET, DELETE",
        "allow_headers": "content-type, mcp-session-id, mcp-protocol-version",
        "expose_headers": EXPOSED,
    }
    policy = any_of("extensions.filters.http.cors.v3.CorsPolicy", **allowed)
    host["typed_per_filter_config"] = {"envoy.filters.http.cors": policy}


def test_a_browser_can_read_answers_and_refusals(envoy, upstream):
    proxy = envoy(POLICY, edit_listener=with_cors)
    for tool, code in [("echo", None), ("danger", "not_listed")]:
        answer = rpc.post(proxy.url, rpc.tools_call(tool), {"origin": ORIGIN})
        assert answer.headers.get("x-mcp-policy") == code
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["access-control-expose-headers"] == EXPOSED
    assert len(upstream.calls) == 1


def test_the_cors_filter_answers_preflights(envoy, upstream):
    proxy = envoy(POLICY, edit_listener=with_cors)
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"}
    answer = httpx.options(proxy.url, headers=asked)
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == ORIGIN
    assert upstream.heads == []
