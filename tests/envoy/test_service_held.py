"""Questions that the approval service holds until a decision, and what expires: on two processes and either database."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness.events import assert_agrees
from harness.proxy import wait_for
from harness.service import question

# Held questions.


@pytest.mark.parametrize("where", [0, 1], ids=["here", "through another process"])
@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("deny", "denied")])
def test_a_held_question_is_answered_after_a_decision(pair, where, verb, status):
    """At once in the process that holds it. The other process polls every second."""
    first, _, anna = pair
    call = {"arguments": {"where": where, "verb": verb}}
    asked = first.ask(**call)
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(lambda: (first.ask(**call, wait_seconds=60), time.monotonic()))
        wait_for(lambda: first.show(asked["id"], anna)["times"] == 2, "the second question")
        pair[where].decide(asked["id"], verb, anna, reason="because")
        decided = time.monotonic()
        answer, answered = waits.result()
    assert (answer["status"], answer["id"], answer["reason"]) == (status, asked["id"], "because")
    assert answered - decided < (1.0, 4.0)[where]


def test_of_twenty_held_questions_one_is_approved(pair):
    first, second, anna = pair
    asked = first.ask()
    with ThreadPoolExecutor(20) as pool:
        waits = [pool.submit(pair[number % 2].ask, wait_seconds=4) for number in range(20)]
        wait_for(lambda: first.show(asked["id"], anna)["times"] == 21, "all questions")
        second.decide(asked["id"], "approve", anna)
        answers = [wait.result() for wait in waits]
    assert Counter(answer["status"] for answer in answers) == {"approved": 1, "pending": 19}
    assert_agrees(first)


def test_a_caller_that_disconnects_consumes_nothing(pair):
    first, _, anna = pair
    asked = first.ask()
    for _ in range(3):
        with pytest.raises(httpx.ReadTimeout):
            first.post(question(wait_seconds=60), httpx.Client(timeout=0.3, verify=False))
    first.decide(asked["id"], "approve", anna)
    assert [first.ask()["status"] for _ in range(2)] == ["approved", "pending"]


def test_a_held_question_is_answered_when_the_service_stops(pair):
    first, second, anna = pair
    asked = first.ask()
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(first.ask, wait_seconds=60)
        wait_for(lambda: first.show(asked["id"], anna)["times"] == 2, "the second question")
        begun = time.monotonic()
        assert first.stop() == 0
        assert time.monotonic() - begun < 5
        assert (waits.result()["status"], waits.result()["id"]) == ("pending", asked["id"])
    # The other process goes on.
    second.decide(asked["id"], "approve", anna)
    assert second.ask()["status"] == "approved"


# Expiry.


def test_questions_and_decisions_expire(pair):
    first, second, anna = pair
    brief = {name: {"arguments": {"name": name}, "expires_seconds": 2} for name in ("open", "yes", "no")}
    asked = {name: first.ask(**call) for name, call in brief.items()}
    first.decide(asked["yes"]["id"], "approve", anna)
    first.decide(asked["no"]["id"], "deny", anna, reason="no")
    assert second.ask(**brief["no"])["status"] == "denied"
    for answer in asked.values():
        wait_for(
            lambda id=answer["id"]: second.show(id, anna)["status"] == "expired", "the approval to expire"
        )
    late = first.decided(asked["open"]["id"], "approve", anna)
    assert late.status_code == 409 and "it has expired" in late.json()["error"]
    for name, call in brief.items():
        answer = first.ask(**call)
        assert answer["status"] == "pending" and answer["id"] != asked[name]["id"], name
    ended = ["asked", "expired"], ["asked", "approved", "expired"], ["asked", "denied", "expired"]

    def sequences() -> bool:
        found = assert_agrees(first)
        return all(
            [event["event"] for event in found[answer["id"]]] == names
            for answer, names in zip(asked.values(), ended, strict=True)
        )

    # One of the two processes marks expired approvals every few seconds.
    wait_for(sequences, "the events of the expiry")


def test_a_held_question_is_answered_when_it_expires(pair):
    begun = time.monotonic()
    assert pair[0].ask(expires_seconds=1, wait_seconds=60)["status"] == "pending"
    assert time.monotonic() - begun < 5
