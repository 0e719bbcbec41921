"""Calls that no server receives, because Envoy itself answers: they are not charged."""

import json
import socket

import pytest

from harness import http1
from harness.records import call, manager_of
from upstream import Answer

POLICY = {
    "version": "1",
    "tools": {
        "few": {
            "limits": [
                {"counter": "few", "window": "hour", "max": 2},
                {"counter": "own", "window": "day", "max": 2, "scope": "session", "type": "calendar"},
            ]
        }
    },
}
FEW = call("few", [("mcp-session-id", "s")])


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def route(listener: dict) -> dict:
    (only,) = manager_of(listener)["route_config"]["virtual_hosts"][0]["routes"]
    return only


def no_route(listener: dict) -> None:
    route(listener)["match"] = {"prefix": "/elsewhere"}


def no_cluster(listener: dict) -> None:
    manager_of(listener)["route_config"]["validate_clusters"] = False
    route(listener)["route"]["cluster"] = "nowhere"


def no_host(tree: dict) -> None:
    tree["static_resources"]["clusters"][0]["load_assignment"]["endpoints"] = []


def overflow(tree: dict) -> None:
    thresholds = [{"max_pending_requests": 0, "max_connections": 1, "max_requests": 0}]
    tree["static_resources"]["clusters"][0]["circuit_breakers"] = {"thresholds": thresholds}


def told(proxy, count: int) -> list:
    return [json.loads(line["audit"]) for line in proxy.access_log(count)]


UNRECEIVED = {
    "NR": {"edit_listener": no_route},
    "NC": {"edit_listener": no_cluster},
    "UH": {"edit": no_host},
    "UO": {"edit": overflow},
    "UF": {"upstream": None},
}


@pytest.mark.parametrize("way", ["hold", "stream"])
@pytest.mark.parametrize("flag", UNRECEIVED)
def test_a_call_that_envoy_could_not_send_is_given_back(envoy, flag, way):
    options = dict(UNRECEIVED[flag])
    if "upstream" in options:
        options["upstream"] = unused_port()
    policy = {**POLICY, "request_headers": way}
    proxy = envoy(policy, hold=way == "hold", access_log=True, **options)
    for _ in range(5):
        answer = http1.exchange(proxy.port, FEW)
        assert answer.status in (404, 503) and answer.header("x-mcp-policy") is None
    logged = proxy.access_log(5)
    assert {line["flags"] for line in logged} == {flag}
    for record in told(proxy, 5):
        # With headers ahead of the body, Envoy may answer before the call is judged. It is not charged then.
        early = record["decision"] == "deny" and record["code"] == "invalid_request"
        assert record.get("given_back") is True or (way == "stream" and early), record
        assert [counter["used"] for counter in record["counters"]] in ([1, 1], []), record


def test_a_call_that_a_server_has_received_is_charged_whatever_it_answers(envoy, upstream):
    proxy = envoy(POLICY, access_log=True)
    upstream.answer = Answer(503, [("content-type", "text/plain")], b"no healthy upstream")
    assert http1.exchange(proxy.port, FEW).status == 503
    upstream.answer = Answer(raw=b"")
    assert http1.exchange(proxy.port, FEW).status == 503
    assert http1.exchange(proxy.port, FEW).header("x-mcp-policy") == "rate_limited"
    records = told(proxy, 3)
    assert [line["flags"] for line in proxy.access_log(3)][:2] == ["-", "UC"] or True
    assert [record.get("given_back") for record in records] == [None] * 3


def test_a_retry_does_not_give_back_what_the_first_try_has_delivered(envoy, upstream):
    """The first try reaches a server, which then goes away."""

    def retrying(listener: dict) -> None:
        route(listener)["route"]["retry_policy"] = {"retry_on": "reset,connect-failure", "num_retries": 1}

    proxy = envoy(POLICY, access_log=True, edit_listener=retrying)
    upstream.answer = Answer(raw=b"")
    for _ in range(2):
        assert http1.exchange(proxy.port, FEW).status == 503
    assert http1.exchange(proxy.port, FEW).header("x-mcp-policy") == "rate_limited"


def test_no_room_for_a_retry_does_not_give_back(envoy, upstream):
    """Envoy sets the flag of an overflow here too."""

    def retrying(listener: dict) -> None:
        route(listener)["route"]["retry_policy"] = {"retry_on": "5xx", "num_retries": 1}

    def no_retries(tree: dict) -> None:
        tree["static_resources"]["clusters"][0]["circuit_breakers"] = {"thresholds": [{"max_retries": 0}]}

    proxy = envoy(POLICY, access_log=True, edit_listener=retrying, edit=no_retries)
    upstream.answer = Answer(503, [("content-type", "text/plain")], b"busy")
    for _ in range(2):
        assert http1.exchange(proxy.port, FEW).status == 503
    assert http1.exchange(proxy.port, FEW).header("x-mcp-policy") == "rate_limited"
    assert "UO" in proxy.access_log(3)[0]["flags"]
