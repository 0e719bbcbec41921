"""Answers of an approval service: invalid ones are `approval_unavailable`, and nothing goes on unapproved.

Envoy survives each of them, and asks again.
"""

import itertools
import json

import pytest

from harness import rpc
from harness.approvals import ASKED, DENIED, PENDING, UNAVAILABLE, call, code, policy
from harness.proxy import wait_for
from upstream import Answer, json_answer, never

JSON = [("content-type", "application/json")]
PAGE = "https://approvals.example/a1"
APPROVED = {"status": "approved", "id": "approval-1", "url": PAGE}
WAITING = {**APPROVED, "status": "pending"}
KIB = 1024

# Envoy's allocator and V8's heap fluctuate by this many bytes.
NOISE = 48e6


def text(body: str | bytes, status: int = 200, headers: list = JSON) -> Answer:
    return Answer(status, headers, body if isinstance(body, bytes) else body.encode())


def saying(**changed: object) -> Answer:
    """Answer `approved`, with changed members; None removes a member."""
    return json_answer({key: value for key, value in {**APPROVED, **changed}.items() if value is not None})


def pending(**changed: object) -> Answer:
    return saying(**{"status": "pending", **changed})


YES = json.dumps(APPROVED)
ANSWERS = {
    "500 and approved": json_answer(APPROVED, status=500),
    "403 and approved": json_answer(APPROVED, status=403),
    "204": Answer(204),
    "203 and approved": json_answer(APPROVED, status=203),
    "404": Answer(404),
    "503": Answer(503),
    "a redirect to another answer": json_answer(APPROVED, ("location", "/v1/approvals"), status=307),
    "nothing": text(""),
    "a word": text("approved"),
    "a string": text('"approved"'),
    "true": text("true"),
    "a list": text(f"[{YES}]"),
    "half": text(YES[:-1]),
    "two": text(YES + YES),
    "a comma": text(YES[:-1] + ",}"),
    "single quotes": text(YES.replace('"', "'")),
    "no UTF-8": text(b'{"status":"approved","id":"approval-1","x":"\xff"}'),
    "UTF-16": text(YES.encode("utf-16")),
    "a lone surrogate": text(YES[:-1] + ',"x":"\\ud800"}'),
    "too deep": text(YES[:-1] + ',"x":' + "[" * 5000 + "]" * 5000 + "}"),
    "denied and approved": text('{"status":"denied","id":"approval-1","status":"approved"}'),
    "approved twice": text('{"status":"approved","id":"approval-1","status":"approved"}'),
    "escaped twice": text(
        '{"status":"pending","id":"approval-1","url":"https://a","\\u0073tatus":"approved"}'
    ),
    "twice below": text(YES[:-1] + ',"x":{"y":1,"y":2}}'),
    "another word": saying(status="allow"),
    "another case": saying(status="Approved"),
    "spaces": saying(status=" approved"),
    "a number": saying(status=1),
    "true as a status": saying(status=True),
    "a list as a status": saying(status=["approved"]),
    "null as a status": text('{"status":null,"id":"approval-1"}'),
    "no status": saying(status=None),
    "another key": saying(status=None, Status="approved"),
    "no id": saying(id=None),
    "a number as an id": saying(id=7),
    "an empty id": saying(id=""),
    "a long id": saying(id="a" * 129),
    "a line in an id": saying(id="approval-1\r\nx-approved: 1"),
    "a colour in an id": saying(id="approval-1\x1b[31m"),
    "no page": pending(url=None),
    "a list as a page": pending(url=[PAGE]),
    "a script as a page": pending(url="javascript:alert(1)"),
    "data as a page": pending(url="data:text/html,<script>1</script>"),
    "a file as a page": pending(url="file:///etc/passwd"),
    "no scheme": pending(url="//approvals.example/a1"),
    "a path as a page": pending(url="/a1"),
    "a line in a page": pending(url=PAGE + "\r\nset-cookie: a=b"),
    "a line in an approved one's page": saying(url=PAGE + "\n"),
    "an escape in a page": pending(url=PAGE + "\x1b"),
    "a number as a reason": saying(status="denied", reason=7),
    "a list as a reason": saying(reason=["because"]),
    "64 KiB and more": text(YES[:-1] + ',"x":"' + "x" * 64 * KIB + '"}'),
    "10 MiB": text(YES[:-1] + ',"x":"' + "x" * 10 * KIB * KIB + '"}'),
    "10 MiB in pieces": Answer(200, JSON, chunks=[b" " * 64 * KIB] * 160 + [YES.encode()]),
    "no end": lambda _: Answer(200, JSON, chunks=itertools.repeat(b" " * 16 * KIB), gap=0.001),
    "a slow body": lambda _: Answer(200, JSON, chunks=itertools.repeat(b" "), gap=0.02),
    "an answer, and no end": lambda _: Answer(
        200, JSON, chunks=itertools.chain([YES.encode()], itertools.repeat(b" ")), gap=0.02
    ),
    "no answer but a closed connection": Answer(raw=b""),
    "no HTTP": Answer(raw=b"approved\r\n\r\n"),
    "half a head": Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-type: app"),
    "half a body": Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n" + YES.encode()),
    "half in chunks": Answer(200, JSON, chunks=[YES.encode()], cut=True),
    "a header without an end": Answer(raw=b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200 * KIB),
    "trailers before the end": Answer(200, JSON, chunks=[YES[:9].encode()], trailers=[("x-approved", "1")]),
    "no answer": never,
}


@pytest.fixture(scope="module")
def proxy(module_envoy, module_approvals):
    """An Envoy with a short timeout, so that the table of missing answers is fast."""
    document = policy({"wipe": ASKED, "echo": {}}, {"timeout_ms": 400})
    return module_envoy(document, approvals=module_approvals)


@pytest.fixture
def service(module_approvals, module_upstream):
    module_approvals.forget()
    module_upstream.clear()
    return module_approvals


def assert_well(proxy, service, upstream) -> None:
    """Check that the service is asked again, and that the filter has never crashed."""
    service.answer = None
    wait_for(lambda: call(proxy) == PENDING, "the service to be asked again")
    service.decide("approved")
    assert call(proxy) == "allowed" and len(upstream.calls) == 1
    log = proxy.log()
    assert "panicked" not in log and "Wasm VM failed" not in log
    proxy.settle()


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_invalid_answer_lets_nothing_through(proxy, service, module_upstream, answer):
    service.answer = answer
    refused = rpc.post(proxy.url, rpc.tools_call("wipe"))
    assert code(refused) == UNAVAILABLE
    result = refused.json()["result"]
    assert result["isError"] is True
    # Nothing from the invalid answer is passed on.
    assert not any(word in refused.text for word in ("approval-1", "javascript", "file:", "x1b", "because"))
    assert result["_meta"]["dev.mcp-policy/decision"]["code"] == UNAVAILABLE
    assert module_upstream.heads == [] and len(service.heads) == 1, "the service is asked once"
    assert rpc.text(rpc.call(proxy.url, "echo")) == "called echo"
    module_upstream.clear()
    assert_well(proxy, service, module_upstream)


READ = {
    "more members": (saying(more={"x": [1]}, expires_at="2027-01-01T00:00:00Z"), "allowed"),
    "201": (json_answer(APPROVED, status=201), "allowed"),
    "202": (json_answer(WAITING, status=202), PENDING),
    "in pieces": (Answer(200, JSON, chunks=[bytes([byte]) for byte in YES.encode()]), "allowed"),
    "with trailers": (Answer(200, JSON, chunks=[YES.encode()], trailers=[("x", "1")]), "allowed"),
    "another media type": (text(YES, headers=[("content-type", "text/plain")]), "allowed"),
    "headers that are no text": (text(YES, headers=[("x-raw", "\xff\xfe\xe9")]), "allowed"),
    "a hint before it": (
        Answer(raw=b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + YES.encode()),
        "allowed",
    ),
    "63 KiB": (text(YES[:-1] + ',"x":"' + "x" * 63 * KIB + '"}'), "allowed"),
    "a null reason": (text(YES[:-1] + ',"reason":null}'), "allowed"),
    "an id of 128": (pending(id="a" * 128), PENDING),
    "http": (pending(url="http://127.0.0.1:8181/a?b=c#d"), PENDING),
}


@pytest.mark.parametrize(("answer", "expected"), READ.values(), ids=READ)
def test_a_valid_answer_is_read(proxy, service, module_upstream, answer, expected):
    service.answer = answer
    assert call(proxy) == expected
    assert len(module_upstream.calls) == (expected == "allowed")


@pytest.mark.parametrize(
    "reason",
    [
        "no\r\nx-approved: 1",
        "\x1b[31mred",
        "\u202edesrever",
        "a\u2028b",
        "\x00\x07",
        "x" * 60_000,
        "é" * 9000,
    ],
    ids=["lines", "colour", "direction", "separator", "control", "huge", "huge and wide"],
)
def test_an_approvers_reason_becomes_one_line_of_visible_text(proxy, service, module_upstream, reason):
    service.answer = saying(status="denied", reason=reason)
    answer = rpc.post(proxy.url, rpc.tools_call("wipe"))
    assert code(answer) == DENIED and module_upstream.heads == []
    text = rpc.text(answer.json()) + answer.json()["result"]["_meta"]["dev.mcp-policy/decision"]["reason"]
    assert not any(char in text for char in "\x00\x07\x1b\r\u2028\u202e")
    assert len(answer.content) < 16 * KIB
    assert "x-approved" not in answer.headers


def test_oversized_answers_do_not_grow_memory(proxy, service, module_upstream):
    service.answer = ANSWERS["10 MiB"]
    for _ in range(5):
        call(proxy)
    before = proxy.rss()
    for name in ("10 MiB", "no end", "10 MiB in pieces"):
        service.answer = ANSWERS[name]
        for _ in range(10):
            assert call(proxy) == UNAVAILABLE
    assert proxy.rss() < before + NOISE, f"{(proxy.rss() - before) / 1e6:.0f} MB more"
    assert_well(proxy, service, module_upstream)


def test_a_service_may_speak_http2(envoy, upstream, approvals):
    def edit(tree: dict) -> None:
        [*_, cluster] = tree["static_resources"]["clusters"]
        key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        protocol = {"explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {
            key: {"@type": "type.googleapis.com/" + key, **protocol}
        }

    proxy = envoy(policy({"wipe": ASKED}, {"timeout_ms": 400}), approvals=approvals, edit=edit)
    assert call(proxy) == PENDING and approvals.requests[0].protocol == "HTTP/2"
    approvals.decide("approved")
    assert [call(proxy), call(proxy)] == ["allowed", PENDING]
    for name in ("half in chunks", "no end", "204", "no answer", "10 MiB in pieces"):
        approvals.answer = ANSWERS[name]
        assert call(proxy) == UNAVAILABLE, name
    for trailers in ([("x-after", "1")], []):
        approvals.answer = Answer(200, JSON, chunks=[YES[:9].encode(), YES[9:].encode()], trailers=trailers)
        assert call(proxy) == "allowed"
    approvals.answer = None
    assert call(proxy) == PENDING and len(upstream.calls) == 3
