"""Webhooks of the approval service: each new question is posted once, and no receiver delays an answer."""

import time

import pytest

from harness.proxy import wait_for
from harness.service import ROLES
from upstream import Answer, Upstream, never

DELIVERIES = "mcp_approvals_webhook_deliveries_total"


@pytest.fixture
def receiver():
    with Upstream() as started:
        yield started


def hooked(receiver, path: str = "/hooks/secret") -> str:
    return f'{ROLES}\n[[webhooks]]\nurl = "http://127.0.0.1:{receiver.port}{path}"\n'


def test_each_new_question_is_posted_once_without_its_arguments(service, receiver):
    receiver.answer = Answer(204)
    first = service(config=hooked(receiver))
    second = service(database=first.database, config=hooked(receiver))
    ids = []
    for number in range(4):
        call = {"arguments": {"number": number, "card": "4111 1111"}, "tool": f"<buy_{number}&>"}
        ids.append(first.ask(**call)["id"])
        second.token = first.token
        assert second.ask(**call)["id"] == ids[-1]
    receiver.wait(4)

    def delivered() -> float:
        return sum(one.counted(DELIVERIES, outcome="delivered") for one in (first, second))

    wait_for(lambda: delivered() == 4, "the deliveries to be counted")
    texts = [request.json()["text"] for request in receiver.requests]
    assert len(texts) == 4, "a repeated question is not posted again"
    for number, id in enumerate(ids):
        [text] = [text for text in texts if f"/approvals/{id}|" in text]
        assert f"&lt;buy_\u200b{number}&amp;&gt;" in text and "agent-7" in text
    assert not any("4111" in request.body.decode() for request in receiver.requests)
    assert {request.header("content-type") for request in receiver.requests} == {"application/json"}


def test_a_failed_delivery_is_retried_also_after_a_restart(service, receiver):
    tried = []

    def answer(request):
        tried.append(time.monotonic())
        # An error, then no answer, then success.
        return [Answer(503), Answer(raw=b""), Answer(200)][min(len(tried), 3) - 1]

    receiver.answer = answer
    started = service(config=hooked(receiver))
    asked = started.ask()
    receiver.wait(1)
    wait_for(lambda: "answered 503" in started.log(), "the failure to be logged")
    assert "secret" not in started.log(), "the URL is a secret"
    started.restart()
    receiver.wait(3, timeout=20)
    assert {asked["id"] in request.json()["text"] for request in receiver.requests} == {True}
    assert tried[1] - tried[0] > 1.5 and tried[2] - tried[1] > 3, "each pause is longer"
    assert started.counted(DELIVERIES, outcome="failed") == 1
    wait_for(
        lambda: started.counted(DELIVERIES, outcome="delivered") == 1,
        "the delivery to be counted",
    )


def test_a_receiver_that_hangs_does_not_delay_questions(service, receiver):
    receiver.answer = never
    started = service(config=hooked(receiver))
    started.ask()
    receiver.wait(1)
    begun = time.monotonic()
    asked = started.ask(arguments={"other": True})
    started.decide(asked["id"], "approve", started.shell("anna"))
    assert started.ask(arguments={"other": True})["status"] == "approved"
    assert time.monotonic() - begun < 5
