"""Many calls that wait at once: each gets its own answer, while others connect and disconnect."""

import asyncio
import json
import random

import httpx
import pytest

from harness import http1, load, rpc
from harness.approvals import ASKED, code, policy
from harness.proxy import wait_for
from upstream import Answer, json_answer

CALLERS = 240
STATUSES = ["approved", "denied", "pending", "broken"]
CODES = dict(
    zip(STATUSES, ["allowed", "approval_denied", "approval_required", "approval_unavailable"], strict=True)
)
DOCUMENT = policy({"wipe": ASKED, "echo": {}}, {"timeout_ms": 20_000})


def status_of(number: int) -> str:
    return STATUSES[number % len(STATUSES)]


async def slowly(request) -> Answer:
    """Answer each call according to its number, late and out of order."""
    number = request.json()["arguments"]["n"]
    await asyncio.sleep(random.uniform(0, 0.4))
    if (status := status_of(number)) == "broken":
        return Answer(raw=b"")
    page = f"https://approvals.example/{number}"
    return json_answer(
        {"status": status, "id": f"approval-{number}", "url": page, "reason": f"because [{number}]"}
    )


@pytest.fixture(params=["hold", "stream"])
def proxy(request, envoy, approvals):
    approvals.answer = slowly
    document = {**DOCUMENT, "request_headers": request.param}
    also = {name: {**document, "server": name} for name in ("second", "third")}
    hold = request.param == "hold"
    return envoy(document, also=also, approvals=approvals, workers=4, hold=hold)


def assert_own(number: int, became: str, answer: dict) -> None:
    """Check that the answer belongs to this call: its id, and the service's answer for its number."""
    assert answer["id"] == f"call-{number}" and became == CODES[status_of(number)], (number, answer)
    text = rpc.text(answer)
    assert (f"approval-{number}`" in text) == (status_of(number) in ("denied", "pending")), text
    assert (f"because [{number}]" in text) == (status_of(number) == "denied"), text


def settled(proxy) -> None:
    names = r"^(http\.\w+\.downstream_rq_active|cluster\.\w+\.upstream_rq_active)$"
    ours = "http.admin."  # the request for these statistics
    wait_for(
        lambda: not any(value for name, value in proxy.stats(names).items() if not name.startswith(ours)),
        "all requests to end",
    )


def test_each_waiting_call_gets_its_own_answer(proxy, approvals, upstream):
    """On three listeners at once, over separate connections, while other clients disconnect."""
    ports = list(proxy.ports.values())
    callers = [http1.Connection(ports[number % len(ports)]) for number in range(CALLERS)]
    stays = [random.random() < 0.8 for _ in callers]
    for number, caller in enumerate(callers):
        caller.send(load.post(rpc.tools_call("wipe", {"n": number}, id=f"call-{number}")))
    for caller, stay in zip(callers, stays, strict=True):
        if not stay:
            caller.socket.close()
    for number, (caller, stay) in enumerate(zip(callers, stays, strict=True)):
        if stay:
            answer = caller.receive()
            assert_own(number, code(answer), json.loads(answer.body))
            # The connection can be reused.
            if number % 5 == 0:
                echo = caller.exchange(load.post(rpc.tools_call("echo")))
                assert code(echo) == "allowed"
            caller.socket.close()
    settled(proxy)
    arrived = sorted(one.json()["params"]["arguments"]["n"] for one in upstream.calls if b'"n"' in one.body)
    approved = [number for number in range(CALLERS) if status_of(number) == "approved"]
    assert arrived == sorted(set(arrived)) and set(arrived) <= set(approved), (
        "each approved call once, and no other"
    )
    assert {number for number in approved if stays[number]} <= set(arrived)
    lines = [line for line in proxy.log_lines() if "[wasm]" in line and "[info]" not in line]
    complaints = [line for line in lines if "gave no answer: status 503" not in line]
    assert complaints == [] and len(approvals.heads) <= CALLERS


def test_many_calls_wait_on_one_connection(proxy, upstream):
    """Over HTTP/2 the answers come in the order of the service."""

    async def ask(client: httpx.AsyncClient, number: int) -> None:
        body = rpc.encode(rpc.tools_call("wipe", {"n": number}, id=f"call-{number}"))
        answer = await client.post(proxy.url, content=body, headers=rpc.HEADERS)
        assert_own(number, code(answer), answer.json())

    async def all_of_them() -> None:
        async with httpx.AsyncClient(http1=False, http2=True, timeout=rpc.TIMEOUT) as client:
            await asyncio.gather(*(ask(client, number) for number in range(80)))

    asyncio.run(all_of_them())
    settled(proxy)
    assert sorted(one.json()["params"]["arguments"]["n"] for one in upstream.calls) == list(range(0, 80, 4))


def test_a_mebibyte_waits_and_arrives_complete(envoy, approvals, upstream):
    document = policy({"wipe": ASKED}, {"timeout_ms": 20_000, "wait_seconds": 60})
    for request_headers in ("hold", "stream"):
        upstream.clear()
        proxy = envoy(
            {**document, "request_headers": request_headers},
            hold=request_headers == "hold",
            approvals=approvals,
        )
        empty = len(rpc.encode(rpc.tools_call("wipe", {"text": ""})))
        body = rpc.encode(rpc.tools_call("wipe", {"text": "x" * ((1 << 20) - empty)}))
        assert len(body) == 1 << 20
        with load.Crowd(proxy.port, 1) as crowd:
            crowd.callers[0].send(load.post(body))
            approvals.wait(1)
            approvals.decide("approved")
            assert code(crowd.callers[0].receive()) == "allowed"
        assert [call.body for call in upstream.calls] == [body]
        approvals.clear()
        approvals.ledger.approvals.clear()
