"""Event streams and slow tools last as long as the server wants, in every example configuration."""

import pytest
import yaml

from harness import http1, rpc
from harness.examples import configurations
from upstream.answers import Answer

EVENT = b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'
CALL = rpc.encode(rpc.tools_call("echo"))


def nodes(tree: object):
    """Walk every object of a configuration."""
    if isinstance(tree, dict):
        yield tree
    for value in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []:
        yield from nodes(value)


@pytest.mark.parametrize("path", configurations(), ids=lambda path: path.name)
def test_no_example_ends_a_stream_that_is_silent(path):
    found = list(nodes(list(yaml.safe_load_all(path.read_text()))))
    managers = [node for node in found if "http_filters" in node and "stat_prefix" in node]
    routes = [node["route"] for node in found if "cluster" in node.get("route", {})]
    assert managers and routes
    for manager in managers:
        assert manager["stream_idle_timeout"] == "0s"
        # Without an idle timeout, these end requests that never arrive completely.
        assert manager["request_timeout"] != "0s" and manager["request_headers_timeout"] != "0s"
    for route in routes:
        assert route["timeout"] == "0s" and "idle_timeout" not in route and "max_stream_duration" not in route


def configured(manager_timeout: str, route_timeout: str):
    """Return an edit of a listener that sets the two timeouts that end silent streams."""

    def edit(listener: dict) -> None:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["stream_idle_timeout"] = manager_timeout
        [host] = manager["route_config"]["virtual_hosts"]
        for route in host["routes"]:
            route["route"]["timeout"] = route_timeout

    return edit


@pytest.mark.parametrize(
    ("timeouts", "whole"),
    [(("0s", "0s"), True), (("0.4s", "0s"), False), (("0s", "0.4s"), False)],
    ids=["neither", "an idle timeout", "a route's timeout"],
)
def test_these_two_timeouts_and_no_other_end_a_silent_stream(envoy, upstream, timeouts, whole):
    """The server is silent for five times as long as the timeouts of the other two cases."""
    stream = Answer(200, [("content-type", "text/event-stream")], chunks=[EVENT, EVENT], gap=2.0)
    upstream.answer = stream
    proxy = envoy({"version": "1", "default": "allow"}, edit_listener=configured(*timeouts))
    head = http1.head("POST", "/mcp", [("content-type", "application/json")], length=len(CALL))
    assert http1.exchange(proxy.port, [head + CALL]).whole is whole
