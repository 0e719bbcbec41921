"""Records as operators see them: the lines of the access log.

`tests/engine/records.rs` checks the contents of records; here is what a real Envoy makes of them.
"""

import json
import re
import socket
import time
from collections import Counter

import pytest

from harness import http1, load, rpc
from harness.proxy import wait_for
from harness.records import (
    SHADOW_RECORD,
    WORKERS,
    answering_itself,
    bare,
    call,
    example_format,
    lines,
    logging,
    manager_of,
    objects,
    post,
    read,
    sha256,
    told_id,
)

POLICY = {
    "version": "1",
    "server": "orders",
    "tools": {
        "safe": {},
        "danger": {"action": "deny", "reason": "it deletes"},
        "tried": {"action": "deny", "mode": "shadow"},
        "few": {"limits": [{"counter": "few", "window": "hour", "max": 1.5, "scope": "global"}]},
    },
    "hide": ["secret_*"],
    "exempt_paths": ["/healthz"],
    "max_body_bytes": 2000,
}
DENY = {"decision": "deny", "rule": "protocol"}
EMPTY = sha256("{}")
SESSION = [("mcp-session-id", "s3cret"), ("mcp-protocol-version", "2025-06-18")]
IN_SESSION = {"session": sha256("s3cret")[:16], "protocol": "2025-06-18"}
USED = {"counters": [{"counter": "few", "used": 1, "max": 1.5}]}


def of_tool(name: str, code: str | None = None, **more: object) -> dict:
    """Return what the record of a tool's call has beyond the usual; a `code` makes it a denial."""
    denied = {"decision": "deny", "code": code} if code else {}
    told = {"method": "tools/call", "request": 1, "rule": f"tools.{name}", "target": name}
    return {**told, "arguments_sha256": EMPTY, **denied, **more}


REQUESTS = {
    "allowed": (call("safe"), of_tool("safe")),
    "with a session": (
        call("safe", SESSION, a=1),
        of_tool("safe", **IN_SESSION, arguments_sha256=sha256('{"a":1}')),
    ),
    "denied": (call("danger"), of_tool("danger", "denied")),
    "hidden": (call("secret_x"), of_tool("secret_x", "hidden", rule="hide[0]")),
    "shadow": (call("tried"), of_tool("tried", "denied", decision="would_deny")),
    "counted": (call("few"), of_tool("few", **USED)),
    "limited": (call("few"), of_tool("few", "rate_limited", rule="tools.few.limits[0]", **USED)),
    "list": (post(rpc.request("tools/list", id="a")), {"method": "tools/list", "request": "a"}),
    "notification": (
        post(rpc.request("notifications/initialized", id=None)),
        {"method": "notifications/initialized"},
    ),
    "answer": (post({"jsonrpc": "2.0", "id": 5, "result": {}}), {"request": 5}),
    "no JSON": (post(b"{"), {**DENY, "code": "invalid_request"}),
    "too large": (
        post(b" " * 2001),
        {"decision": "deny", "code": "too_large", "rule": "max_body_bytes"},
    ),
    "other media": (
        post(b"{}", [("content-type", "text/plain")]),
        {**DENY, "code": "unsupported_media_type"},
    ),
    "other method": (bare("PUT"), {**DENY, "code": "method_not_allowed"}),
    "GET": (bare("GET", ("accept", "text/event-stream")), {}),
    "DELETE": (bare("DELETE", *SESSION), IN_SESSION),
    "OPTIONS": (bare("OPTIONS"), {}),
    "GET with a body": (post(b"{}", method="GET"), {**DENY, "code": "invalid_request"}),
    "exempt": (bare("GET", path="/healthz"), None),
    "exempt POST": (post(b"no JSON", path="/healthz?x=1"), None),
}


@pytest.mark.parametrize("way", ["hold", "stream"])
def test_every_governed_request_leaves_one_record_in_either_format(envoy, way):
    policy = {**POLICY, "request_headers": way}
    edit = logging(example_format())
    # One worker writes in the order of its requests.
    proxy = envoy(policy, workers=1, hold=way == "hold", access_log=True, edit_listener=edit)
    answers = {name: http1.exchange(proxy.port, pieces) for name, (pieces, _) in REQUESTS.items()}
    texts, logs = lines(proxy, len(REQUESTS)), objects(proxy, len(REQUESTS))
    assert len(texts) == len(logs) == len(REQUESTS)
    digest = sha256(json.dumps(policy, ensure_ascii=False))[:16]
    rows = zip(REQUESTS.items(), texts, logs, strict=True)
    for (name, (_, expected)), text, logged in rows:
        shown = json.loads(text)
        assert shown["time"].endswith("Z"), name
        assert shown["status"] == answers[name].status == int(logged["code"]), name
        if expected is None:
            assert (shown["mcp"], logged["audit"]) == ([], None), name
            continue
        line = logged["audit"]
        assert text.endswith(f'"mcp":[{line}]}}'), name
        record = read(line)
        for counter in record["counters"]:
            assert 3500 < counter.pop("resets_in") <= 3744
        decided = record.pop("id")
        assert re.fullmatch("[0-9a-f]{32}", decided), name
        usual = {
            name: None
            for name in ("code", "rule", "method", "target", "principal", "source", "session", "request")
        }
        usual |= {
            "decision": "allow",
            "protocol": None,
            "counters": [],
            "server": "orders",
            "grant": "default",
        }
        same = {"policy": digest, "request_id": logged["request_id"]}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("time")), name
        assert record == {**usual, **same, **expected}, name
        # A refused caller can quote the record's id; a hidden tool's refusal does not contain it.
        quoted = decided if record["decision"] == "deny" and record["code"] != "hidden" else None
        assert told_id(answers[name]) == quoted, name
        assert answers[name].header("x-mcp-policy") == (
            record["code"] if answers[name].status != 200 or record["decision"] == "deny" else None
        ), name


def test_the_policy_chooses_what_records_hold_of_arguments(envoy):
    found = {}
    for choice in ("hash", "full", "none"):
        policy = {**POLICY, "audit": {"arguments": choice}}
        proxy = envoy(policy, access_log=True, edit_listener=logging())
        http1.exchange(proxy.port, call("safe", text="pass\nword", n=1.50))
        record = read(lines(proxy, 1)[0])
        found[choice] = {key: value for key, value in record.items() if key.startswith("arguments")}
    arguments = {"text": "pass\nword", "n": 1.5}
    digest = sha256(json.dumps(arguments, separators=(",", ":")))
    assert found == {"hash": {"arguments_sha256": digest}, "full": {"arguments": arguments}, "none": {}}


def test_in_shadow_mode_the_record_says_what_would_have_happened(envoy, upstream):
    edit = logging(SHADOW_RECORD + "\n")
    proxy = envoy({**POLICY, "mode": "shadow"}, workers=1, access_log=True, edit_listener=edit)
    sent = ["allowed", "denied", "hidden", "no JSON", "other media", "counted", "limited"]
    for name in sent:
        assert http1.exchange(proxy.port, REQUESTS[name][0]).header("x-mcp-policy") is None
    records = [read(line) for line in lines(proxy, len(sent))]
    expected = [REQUESTS[name][1].get("code") for name in sent]
    assert [record["code"] for record in records] == expected
    decisions = ["would_deny" if code else "allow" for code in expected]
    assert [record["decision"] for record in records] == decisions
    assert len(upstream.heads) == len(sent)


CALLS, MAX, CALLERS = 100_000, 5_000, 64


@pytest.mark.timeout(600)
def test_a_hundred_thousand_requests_leave_as_many_complete_records(envoy):
    limits = [{"counter": "all", "window": "hour", "max": MAX, "scope": "global"}]
    policy = {"version": "1", "tools": {"few": {"limits": limits}}}
    proxy = envoy(policy, workers=WORKERS, access_log=True, edit_listener=answering_itself)
    begun = time.monotonic()
    refused = {}
    with load.Crowd(proxy.port, CALLERS) as crowd:
        for first in range(0, CALLS, CALLERS):
            ids = range(first, min(first + CALLERS, CALLS))
            answers = crowd.call([rpc.tools_call("few", id=id) for id in ids])
            for id, answer in zip(ids, answers, strict=True):
                assert answer.status == 200 and answer.whole
                if answer.header("x-mcp-policy"):
                    refused[told_id(answer)] = id
    sent = time.monotonic()
    records = [read(line) for line in lines(proxy, CALLS, 60)]
    assert len(records) == CALLS
    assert {record["request"] for record in records} == set(range(CALLS))
    assert len({record["id"] for record in records}) == CALLS
    assert refused == {record["id"]: record["request"] for record in records if record["decision"] == "deny"}

    used = {decision: [] for decision in ("allow", "deny")}
    for record in records:
        (counter,) = record["counters"]
        assert (counter["counter"], counter["max"]) == ("all", MAX)
        used[record["decision"]].append(counter["used"])
    assert sorted(used["allow"]) == list(range(1, MAX + 1))
    assert Counter(used["deny"]) == {MAX: CALLS - MAX}
    shares = proxy.stats(r"^listener\..*\.worker_\d+\.downstream_cx_total$")
    assert len(shares) == WORKERS and all(shares.values()), shares
    stats = proxy.stats("mcp_policy")
    decided = {
        name.rpartition("decisions.")[2]: value for name, value in stats.items() if "decisions" in name
    }
    labels = ".grant.default.server.default"
    assert decided == {
        f"decision.allow.code.none{labels}": MAX,
        f"decision.deny.code.rate_limited{labels}": CALLS - MAX,
    }
    retries = stats.get("wasmcustom.mcp_policy.counters.retries.server.default", 0)
    print(f"{CALLS / (sent - begun):.0f} requests a second, {retries} retries")


def no_route_to(path: str):
    def edit(listener: dict) -> None:
        routes = manager_of(listener)["route_config"]["virtual_hosts"][0]["routes"]
        routes[0]["match"] = {"prefix": path}

    return edit


# Requests that Envoy itself refuses, that end early or that nobody can read.
BROKEN = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no such version": b'GET /"x" HTTP/9.9\r\n\r\n',
    "no host": b"GET /mcp HTTP/1.1\r\n\r\n",
    "two lengths": http1.head(headers=[("content-length", "1"), ("content-length", "2")]),
    "a header without a name": b'GET /mcp HTTP/1.1\r\nhost: "a"\r\n: "x"\r\n\r\n',
    "large headers": http1.head("GET", "/mcp", [("x-large", '"' * 100_000)]),
    "quotes": http1.head("GET", '/mcp"}?"', [("x-request-id", '"'), ("user-agent", '"\\')], host='a"b'),
    "no route": http1.head("GET", "/elsewhere"),
    "a body that ends early": http1.head(headers=[("content-type", "application/json")], length=99) + b'{"',
}


def test_every_line_of_the_example_format_is_json(envoy):
    form = logging(example_format())

    def edit(listener: dict) -> None:
        no_route_to("/mcp")(listener)
        form(listener)

    proxy = envoy(POLICY, workers=1, access_log=True, edit_listener=edit)
    for sent in BROKEN.values():
        with http1.Connection(proxy.port) as connection:
            connection.send(sent)
            connection.socket.shutdown(socket.SHUT_WR)
            connection.receive()
    http1.exchange(proxy.port, bare("GET", path="/healthz"))
    http1.exchange(proxy.port, call("safe"))
    # Envoy logs a request for most of them, and the last two in any case.
    found = [json.loads(line) for line in lines(proxy, 4)]
    wait_for(lambda: json.loads(lines(proxy, 4)[-1])["mcp"], "the record of the last request")
    found = [json.loads(line) for line in lines(proxy, 4)]
    assert all(set(line) == {"time", "status", "mcp"} and len(line["mcp"]) <= 1 for line in found)
    assert any(line["mcp"] == [] for line in found)
    assert found[-1]["mcp"][0]["target"] == "safe"


def test_a_request_that_reached_the_server_in_part_has_a_record(envoy, upstream):
    """With headers ahead of the body, the client can leave, or never end the request."""
    policy = {**POLICY, "request_headers": "stream"}
    proxy = envoy(policy, workers=1, hold=False, access_log=True, edit_listener=logging())
    unfinished = {
        "POST": http1.head(headers=[("content-type", "application/json")], length=99) + b'{"jsonrpc"',
        "chunked POST": http1.head(headers=[("content-type", "application/json")], chunked=True),
    }
    for sent in unfinished.values():
        before = len(upstream.heads)
        with http1.Connection(proxy.port) as connection:
            connection.send(sent)
            wait_for(lambda before=before: len(upstream.heads) > before, "the headers at the upstream")
    records = [read(line) for line in lines(proxy, len(unfinished))]
    assert [(record["decision"], record["code"]) for record in records] == [("deny", "invalid_request")] * 2
    # A method without a body that announces one does not get that far.
    for method in ("GET", "DELETE", "OPTIONS"):
        before = len(upstream.heads)
        answer = http1.exchange(proxy.port, http1.head(method, chunked=True))
        assert (answer.status, answer.header("x-mcp-policy")) == (400, "invalid_request"), method
        assert len(upstream.heads) == before, method
    records = [read(line) for line in lines(proxy, len(unfinished) + 3)]
    assert all(record["code"] == "invalid_request" for record in records)
