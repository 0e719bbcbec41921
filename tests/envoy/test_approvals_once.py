"""An approval is for one call: of those that are equal, at the same time or later, only one goes on."""

import itertools
import json
import threading

import pytest

from harness import load, rpc
from harness.approvals import ASKED, DENIED, PENDING, call, code, policy

DOCUMENT = policy({"wipe": ASKED})
WAITING = policy({"wipe": ASKED}, {"wait_seconds": 1, "timeout_ms": 20_000})


@pytest.fixture(scope="module")
def proxy(module_envoy, module_approvals):
    return module_envoy(DOCUMENT, also={"waiting": WAITING}, approvals=module_approvals, workers=4)


@pytest.fixture
def service(module_approvals, module_upstream):
    module_approvals.forget()
    module_upstream.clear()
    return module_approvals


def test_an_approved_call_goes_on_once(proxy, service, module_upstream):
    made = [call(proxy), call(proxy)]
    service.decide("approved")
    made += [call(proxy), call(proxy)]
    assert made == [PENDING, PENDING, "allowed", PENDING]
    assert len({ask["fingerprint"] for ask in service.asks}) == 1
    assert len(module_upstream.calls) == 1
    # The last call asked for a second approval.
    assert [one.status for one in service.ledger.approvals] == ["consumed", "pending"]


def test_of_fifty_concurrent_calls_one_goes_on(proxy, service, module_upstream):
    assert call(proxy) == PENDING
    service.decide("approved")
    with load.Crowd(proxy.port, 50) as crowd:
        answers = crowd.call([rpc.tools_call("wipe", id=number) for number in range(50)])
    assert sorted(code(answer) for answer in answers) == ["allowed"] + [PENDING] * 49
    [arrived] = module_upstream.calls
    [allowed] = [answer for answer in answers if code(answer) == "allowed"]
    assert arrived.json()["id"] == json.loads(allowed.body)["id"]
    assert [one.status for one in service.ledger.approvals] == ["consumed", "pending"]


def test_of_fifty_waiting_calls_one_goes_on(proxy, service, module_upstream):
    """They are all answered at the same moment."""
    with load.Crowd(proxy.ports["waiting"], 50) as crowd:
        approve = threading.Thread(target=lambda: service.wait(50) and service.decide("approved"))
        approve.start()
        answers = crowd.call([rpc.tools_call("wipe", id=number) for number in range(50)])
        approve.join()
    assert sorted(code(answer) for answer in answers) == ["allowed"] + [PENDING] * 49
    assert len(module_upstream.calls) == 1


def test_two_envoys_share_one_approval(proxy, module_envoy, service, module_upstream):
    other = module_envoy(DOCUMENT, approvals=service)
    assert [call(proxy), call(other)] == [PENDING, PENDING]
    [approval] = service.ledger.approvals
    service.decide("approved")
    with load.Crowd(proxy.port, 20) as ours, load.Crowd(other.port, 20) as theirs:
        messages = [rpc.tools_call("wipe", id=number) for number in range(20)]
        made = load.at_once(2, lambda number: (ours, theirs)[number].call(messages))
    assert sorted(map(code, itertools.chain(*made))) == ["allowed"] + [PENDING] * 39
    assert approval.status == "consumed" and len(module_upstream.calls) == 1


def test_an_expired_approval_is_not_valid(proxy, service, module_upstream):
    assert call(proxy) == PENDING
    service.decide("approved").expires = 0
    assert call(proxy) == PENDING and module_upstream.heads == []
    first, second = service.ledger.approvals
    assert first.id != second.id and first.asked["fingerprint"] == second.asked["fingerprint"]
    assert service.asks[0]["expires_seconds"] == 900


def test_a_denial_is_valid_until_it_expires(proxy, service, module_upstream):
    made = [call(proxy)]
    refused = service.decide("denied")
    made += [call(proxy), call(proxy)]
    refused.expires = 0
    assert [*made, call(proxy)] == [PENDING, DENIED, DENIED, PENDING]
    assert module_upstream.heads == []
