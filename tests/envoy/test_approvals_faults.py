"""Services that fail, lie or hang, and clients and Envoys that disconnect: nothing goes on unapproved.

Every invalid answer is `approval_unavailable`. Envoy survives, and recovers as soon as the service does.
"""

import asyncio
import itertools
import json
import threading

import pytest

from harness import http1, http2, load, rpc
from harness.approvals import ASKED, Approvals, code, policy
from harness.proxy import wait_for
from upstream import Answer, json_answer

JSON = [("content-type", "application/json")]
UNAVAILABLE, PENDING = "approval_unavailable", "approval_required"
PAGE = "https://approvals.example/a1"
APPROVED = {"status": "approved", "id": "approval-1", "url": PAGE}
WAITING = {**APPROVED, "status": "pending"}
KIB = 1024

# Envoy's allocator and V8's heap fluctuate by some megabytes.
NOISE = 24e6


def wipe(proxy, listener: str = "main", id: object = 1, **arguments: object) -> str:
    return code(rpc.post(proxy.urls[listener], rpc.tools_call("wipe", arguments, id)))


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
}


async def never(request) -> Answer:
    """Send no answer until the connection ends."""
    while not request.left():
        await asyncio.sleep(0.01)
    return Answer(raw=b"")


ANSWERS["no answer"] = never


@pytest.fixture(scope="module")
def proxy(module_envoy, module_approvals):
    """An Envoy with a short timeout, so that the table of missing answers is fast."""
    document = policy({"wipe": ASKED, "echo": {}}, {"timeout_ms": 400})
    return module_envoy(document, approvals=module_approvals)


@pytest.fixture
def service(module_approvals, module_upstream):
    module_approvals.clear()
    module_approvals.ledger.approvals.clear()
    module_approvals.answer = None
    module_upstream.clear()
    yield module_approvals
    module_approvals.answer = None


def assert_well(proxy, service, upstream) -> None:
    """Check that the service is asked again, and that the filter has never crashed."""
    service.answer = None
    wait_for(lambda: wipe(proxy) == PENDING, "the service to be asked again")
    service.decide("approved")
    assert wipe(proxy) == "allowed" and len(upstream.calls) == 1
    log = proxy.log()
    assert "panicked" not in log and "Wasm VM failed" not in log
    settled(proxy)


def settled(proxy, listener: str = "main") -> None:
    """Wait until Envoy has no active requests."""
    names = rf"^(http\.{listener}\.downstream_rq_active|cluster\.\w+\.upstream_rq_(pending_)?active)$"
    wait_for(lambda: not any(proxy.stats(names).values()), "all requests to end")


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
    assert wipe(proxy) == expected
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
    assert code(answer) == "approval_denied" and module_upstream.heads == []
    text = rpc.text(answer.json()) + answer.json()["result"]["_meta"]["dev.mcp-policy/decision"]["reason"]
    assert not any(char in text for char in "\x00\x07\x1b\r\u2028\u202e")
    assert len(answer.content) < 16 * KIB
    assert "x-approved" not in answer.headers


def test_oversized_answers_do_not_grow_memory(proxy, service, module_upstream):
    service.answer = ANSWERS["10 MiB"]
    for _ in range(5):
        wipe(proxy)
    before = proxy.rss()
    for name in ("10 MiB", "no end", "10 MiB in pieces"):
        service.answer = ANSWERS[name]
        for _ in range(10):
            assert wipe(proxy) == UNAVAILABLE
    assert proxy.rss() < before + 2 * NOISE, f"{(proxy.rss() - before) / 1e6:.0f} MB more"
    assert_well(proxy, service, module_upstream)


# A service that is missing.


def test_without_the_cluster_nothing_goes_on(envoy, upstream):
    proxy = envoy(policy({"wipe": ASKED, "echo": {}}))
    assert [wipe(proxy) for _ in range(3)] == [UNAVAILABLE] * 3
    assert upstream.heads == []
    assert rpc.text(rpc.call(proxy.url, "echo")) == "called echo"


def test_a_service_that_restarts_is_asked_again(envoy, upstream):
    """Under constant load, each approved call goes on once, and no other call does."""
    first = Approvals()
    ledger, port = first.ledger, first.port
    proxy = envoy(policy({"wipe": ASKED}), approvals=first, workers=2)
    made, over = [], threading.Event()

    def caller(number: int) -> None:
        with http1.Connection(proxy.port) as connection:
            for turn in itertools.count():
                if over.is_set():
                    return
                message = rpc.tools_call("wipe", {"n": number}, id=f"{number}-{turn}")
                made.append((number, code(connection.exchange(load.post(message)))))

    callers = [threading.Thread(target=caller, args=[number]) for number in range(8)]
    for one in callers:
        one.start()
    try:
        approved = 0
        for _ in range(3):
            wait_for(lambda: ledger.count("pending") == 8, "all calls to be pending")
            for one in [one for one in ledger.approvals if one.status == "pending"][:4]:
                approved += ledger.decide("approved", one.id).status == "approved"
            first.stop()
            seen = len(made)
            wait_for(lambda seen=seen: [c for _, c in made[seen:]].count(UNAVAILABLE) > 20, "refusals")
            first = Approvals(ledger, port)
            wait_for(lambda: ledger.count("approved") == 0, "the approved calls to come back")
    finally:
        over.set()
        for one in callers:
            one.join()
        first.stop()
    codes = [became for _, became in made]
    assert set(codes) == {PENDING, UNAVAILABLE, "allowed"}
    # An approval is lost if its answer was lost with the service.
    assert 0 < codes.count("allowed") <= approved
    assert len(upstream.calls) == codes.count("allowed")
    assert proxy.running() and "panicked" not in proxy.log()


def test_a_closed_port_approves_nothing(envoy, upstream, approvals):
    approvals.stop()
    proxy = envoy(policy({"wipe": ASKED}), approvals=approvals)
    with load.Crowd(proxy.port, 50) as crowd:
        answers = crowd.call([rpc.tools_call("wipe", id=number) for number in range(50)])
    assert {code(answer) for answer in answers} == {UNAVAILABLE} and upstream.heads == []
    with Approvals(port=approvals.port) as back:
        wait_for(lambda: wipe(proxy) == PENDING, "Envoy to reach the service")
        back.decide("approved")
        assert wipe(proxy) == "allowed" and len(upstream.calls) == 1


def test_questions_beyond_the_circuit_breaker_are_denied(envoy, upstream, approvals):
    def edit(tree: dict) -> None:
        [*_, cluster] = tree["static_resources"]["clusters"]
        cluster["circuit_breakers"] = {"thresholds": [{"max_connections": 1, "max_pending_requests": 1}]}

    proxy = envoy(policy({"wipe": ASKED}, {"wait_seconds": 60}), approvals=approvals, edit=edit, workers=1)
    prefix = "cluster.approvals.upstream_rq_"

    def requests() -> dict:
        found = proxy.stats(rf"^{prefix}(active|pending_active|pending_overflow)$")
        return {name.removeprefix(prefix): value for name, value in found.items()}

    with load.Crowd(proxy.port, 10) as crowd:
        for number, caller in enumerate(crowd.callers):
            caller.send(load.post(rpc.tools_call("wipe", {"n": number})))
        wait_for(lambda: sum(requests().values()) == 10, "every call to be asked about or refused")
        refused = requests()["pending_overflow"]
        # Queued questions are asked when there is room.
        for count in range(1, 11 - refused):
            approvals.wait(count)
            approvals.decide("denied")
        codes = [code(caller.receive()) for caller in crowd.callers]
    assert refused >= 7 and codes.count(UNAVAILABLE) == refused
    assert codes.count("approval_denied") == 10 - refused and upstream.heads == []


def test_a_service_may_speak_http2(envoy, upstream, approvals):
    def edit(tree: dict) -> None:
        [*_, cluster] = tree["static_resources"]["clusters"]
        key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        protocol = {"explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {
            key: {"@type": "type.googleapis.com/" + key, **protocol}
        }

    proxy = envoy(policy({"wipe": ASKED}, {"timeout_ms": 400}), approvals=approvals, edit=edit)
    assert wipe(proxy) == PENDING and approvals.requests[0].protocol == "HTTP/2"
    approvals.decide("approved")
    assert [wipe(proxy), wipe(proxy)] == ["allowed", PENDING]
    for name in ("half in chunks", "no end", "204", "no answer", "10 MiB in pieces"):
        approvals.answer = ANSWERS[name]
        assert wipe(proxy) == UNAVAILABLE, name
    for trailers in ([("x-after", "1")], []):
        approvals.answer = Answer(200, JSON, chunks=[YES[:9].encode(), YES[9:].encode()], trailers=trailers)
        assert wipe(proxy) == "allowed"
    approvals.answer = None
    assert wipe(proxy) == PENDING and len(upstream.calls) == 3


def test_envoys_idle_timeout_ends_a_wait_and_nothing_goes_on(envoy, upstream, approvals):
    """Known limitation: Envoy ends an idle stream, after five minutes by default."""

    def impatient(listener: dict) -> None:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["stream_idle_timeout"] = "0.3s"

    document = policy({"wipe": ASKED}, WAIT)
    proxy = envoy(document, approvals=approvals, edit_listener=impatient, access_log=True)
    answer = rpc.post(proxy.url, rpc.tools_call("wipe"))
    assert answer.status_code in (408, 504)
    approvals.decide("approved")
    settled(proxy)
    assert upstream.heads == []
    [line] = proxy.access_log()
    assert json.loads(line["audit"])["approval"]["outcome"] == "asked"
    assert "panicked" not in proxy.log()


# Clients that disconnect.

FILL = {"text": "x" * 4 * KIB}
WAIT = {"wait_seconds": 120, "timeout_ms": 60_000}


@pytest.fixture(params=["hold", "stream"])
def patient(request, envoy, approvals):
    document = policy({"wipe": ASKED}, WAIT, request_headers=request.param)
    return envoy(document, approvals=approvals, hold=request.param == "hold", access_log=True)


def test_no_call_goes_on_after_its_client_has_disconnected(patient, upstream, approvals):
    leave_waiting(patient, approvals, 50)
    wait_for(
        lambda: not any(patient.stats(r"^http\.main\.downstream_rq_active$").values()),
        "all clients to disconnect",
    )
    approvals.decide("denied")
    settled(patient)
    assert wipe(patient, **FILL) == "approval_denied"
    records = [json.loads(line["audit"]) for line in patient.access_log(51)]
    verdicts = [(one["decision"], one["code"], one["approval"]["outcome"]) for one in records]
    assert sorted(verdicts) == [("deny", "approval_denied", "denied")] + [("deny", PENDING, "asked")] * 50
    # Known limitation: Envoy does not abort the question of a client that has disconnected, and its answer
    # is lost. That is safe, because nothing goes on.
    approvals.ledger.approvals[0].expires = 0
    with http1.Connection(patient.port) as connection:
        connection.send(load.post(rpc.tools_call("wipe")))
        approvals.wait(52)
    wait_for(
        lambda: not any(patient.stats(r"^http\.main\.downstream_rq_active$").values()),
        "all clients to disconnect",
    )
    lost = approvals.decide("approved")
    settled(patient)
    assert lost.status == "consumed" and [one for one in upstream.requests if one.complete] == []
    with http1.Connection(patient.port) as connection:
        connection.send(load.post(rpc.tools_call("wipe")))
        approvals.wait(53)
        approvals.decide("approved")
        assert code(connection.receive()) == "allowed"
    assert len([one for one in upstream.requests if one.complete]) == 1
    complaints = [line for line in patient.log_lines() if "[wasm]" in line and "[info]" not in line]
    assert complaints == []


def leave_waiting(proxy, approvals, count: int) -> None:
    """Have clients call and disconnect before they are answered, in every possible way."""
    for _ in range(count // 50):
        begun = len(approvals.requests)
        callers = [http1.Connection(proxy.port) for _ in range(25)]
        for caller in callers:
            caller.send(load.post(rpc.tools_call("wipe", FILL)))
        streams = [http2.Client(proxy.port) for _ in range(25)]
        body = rpc.encode(rpc.tools_call("wipe", FILL))
        pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", "/mcp")]
        for client in streams:
            client.h2.send_headers(1, pseudo + http2.JSON)
            client.h2.send_data(1, body, end_stream=True)
            client.socket.sendall(client.h2.data_to_send())
        approvals.wait(begun + 50, 20)
        for number, client in enumerate(streams):
            if number % 2:
                client.h2.reset_stream(1)
                client.socket.sendall(client.h2.data_to_send())
        for one in [*callers, *streams]:
            one.socket.close()


@pytest.mark.timeout(600)
def test_thousands_of_abandoned_waits_do_not_grow_memory(envoy, upstream, approvals):
    proxy = envoy(policy({"wipe": ASKED}, WAIT), approvals=approvals)

    def leave(count: int) -> None:
        for _ in range(count // 500):
            leave_waiting(proxy, approvals, 500)
            approvals.decide("denied")
            settled(proxy)
            approvals.ledger.approvals[-1].expires = 0
            approvals.clear()

    leave(2000)
    before = proxy.rss()
    leave(4000)
    # 4000 leaked calls with bodies of 4 KiB would exceed this.
    assert proxy.rss() < before + NOISE / 2, f"{(proxy.rss() - before) / 1e6:.1f} MB more"
    assert upstream.heads == []
    print(f"{(proxy.rss() - before) / 1e6:+.1f} MB after 4000 more waits")


# Envoys that stop.


def test_waiting_calls_are_answered_while_envoy_drains(envoy, upstream, approvals):
    proxy = envoy(policy({"wipe": ASKED}, WAIT), approvals=approvals)
    with load.Crowd(proxy.port, 4) as crowd:
        for number, caller in enumerate(crowd.callers):
            caller.send(load.post(rpc.tools_call("wipe", {"n": number}, id=number)))
        approvals.wait(4)
        proxy.post("/drain_listeners?graceful")
        for one in list(approvals.ledger.approvals):
            approvals.decide("approved" if one.asked["arguments"]["n"] < 2 else "denied", one.id)
        codes = [code(caller.receive()) for caller in crowd.callers]
    assert codes == ["allowed"] * 2 + ["approval_denied"] * 2
    assert sorted(call.json()["id"] for call in upstream.calls) == [0, 1]


def test_an_envoy_that_stops_lets_nothing_through(envoy, upstream, approvals):
    proxy = envoy(policy({"wipe": ASKED}, WAIT), approvals=approvals)
    with load.Crowd(proxy.port, 20) as crowd:
        for caller in crowd.callers:
            caller.send(load.post(rpc.tools_call("wipe")))
        approvals.wait(20)
        proxy.post("/quitquitquit")
        answers = [caller.receive() for caller in crowd.callers]
    assert not any(answer.status == 200 and answer.whole for answer in answers)
    wait_for(lambda: not proxy.running(), "Envoy to end")
    assert upstream.heads == []
    approvals.decide("approved")
    assert approvals.ledger.approvals[0].status == "approved"
    assert "Caught" not in proxy.log() and "panicked" not in proxy.log()


def test_a_waiting_call_keeps_its_policy_after_an_update(envoy, upstream, approvals):
    document = policy({"wipe": ASKED}, WAIT)
    proxy = envoy(document, approvals=approvals, xds="ecds")
    with load.Crowd(proxy.port, 2) as crowd:
        for number, caller in enumerate(crowd.callers):
            caller.send(load.post(rpc.tools_call("wipe", {"n": number})))
        approvals.wait(2)
        assert proxy.update({**document, "tools": {"wipe": {"action": "deny"}}})
        assert wipe(proxy) == "denied"
        first, second = list(approvals.ledger.approvals)
        approvals.decide("approved", first.id)
        approvals.decide("denied", second.id)
        codes = {code(caller.receive()) for caller in crowd.callers}
    assert codes == {"allowed", "approval_denied"}
    assert len(upstream.calls) == 1 and "panicked" not in proxy.log()
