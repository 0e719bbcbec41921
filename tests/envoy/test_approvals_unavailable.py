"""An approval service that cannot be asked: nothing goes on unapproved, and calls go on once it is back."""

import itertools
import threading

from harness import http1, load, rpc
from harness.approvals import ASKED, DENIED, PENDING, UNAVAILABLE, Approvals, call, code, policy
from harness.proxy import wait_for


def test_without_the_cluster_nothing_goes_on(envoy, upstream):
    proxy = envoy(policy({"wipe": ASKED, "echo": {}}))
    assert [call(proxy) for _ in range(3)] == [UNAVAILABLE] * 3
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
        wait_for(lambda: call(proxy) == PENDING, "Envoy to reach the service")
        back.decide("approved")
        assert call(proxy) == "allowed" and len(upstream.calls) == 1


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
    assert codes.count(DENIED) == 10 - refused and upstream.heads == []
