"""Calls that wait for a decision, while clients disconnect and Envoys stop or change: nothing goes on unapproved."""

import json

import pytest

from harness import http1, http2, load, rpc
from harness.approvals import ASKED, DENIED, PENDING, call, code, policy
from harness.proxy import wait_for

WAIT = {"wait_seconds": 120, "timeout_ms": 60_000}
FILL = {"text": "x" * 4096}

# Envoy's allocator and V8's heap fluctuate by this many bytes.
NOISE = 12e6


# Clients that disconnect.


@pytest.fixture(params=["hold", "stream"])
def patient(request, envoy, approvals):
    document = policy({"wipe": ASKED}, WAIT, request_headers=request.param)
    return envoy(document, approvals=approvals, hold=request.param == "hold", access_log=True)


def disconnected(proxy) -> None:
    """Wait until Envoy has no client any more; its questions to the service may go on."""
    active = r"^http\.main\.downstream_rq_active$"
    wait_for(lambda: not any(proxy.stats(active).values()), "all clients to disconnect")


def test_no_call_goes_on_after_its_client_has_disconnected(patient, upstream, approvals):
    leave_waiting(patient, approvals, 50)
    disconnected(patient)
    approvals.decide("denied")
    patient.settle()
    assert call(patient, **FILL) == DENIED
    records = [json.loads(line["audit"]) for line in patient.access_log(51)]
    verdicts = [(one["decision"], one["code"], one["approval"]["outcome"]) for one in records]
    assert sorted(verdicts) == [("deny", DENIED, "denied")] + [("deny", PENDING, "asked")] * 50
    # Known limitation: Envoy does not abort the question of a client that has disconnected, and its answer
    # is lost. That is safe, because nothing goes on.
    approvals.ledger.approvals[0].expires = 0
    with http1.Connection(patient.port) as connection:
        connection.send(load.post(rpc.tools_call("wipe")))
        approvals.wait(52)
    disconnected(patient)
    lost = approvals.decide("approved")
    patient.settle()
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
            proxy.settle()
            approvals.ledger.approvals[-1].expires = 0
            approvals.clear()

    leave(2000)
    before = proxy.rss()
    leave(4000)
    # 4000 leaked calls with bodies of 4 KiB would exceed this.
    assert proxy.rss() < before + NOISE, f"{(proxy.rss() - before) / 1e6:.1f} MB more"
    assert upstream.heads == []
    print(f"{(proxy.rss() - before) / 1e6:+.1f} MB after 4000 more waits")


# Envoys that end a wait, or stop.


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
    proxy.settle()
    assert upstream.heads == []
    [line] = proxy.access_log()
    assert json.loads(line["audit"])["approval"]["outcome"] == "asked"
    assert "panicked" not in proxy.log()


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
    assert codes == ["allowed"] * 2 + [DENIED] * 2
    assert sorted(one.json()["id"] for one in upstream.calls) == [0, 1]


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
        assert call(proxy) == "denied"
        first, second = list(approvals.ledger.approvals)
        approvals.decide("approved", first.id)
        approvals.decide("denied", second.id)
        codes = {code(caller.receive()) for caller in crowd.callers}
    assert codes == {"allowed", DENIED}
    assert len(upstream.calls) == 1 and "panicked" not in proxy.log()
