"""Integrity of the record: each approval is used once, and no decision is lost when processes are killed.

The tests run on a SQLite file and on a PostgreSQL database, with two processes on each.
"""

import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness.postgres import Postgres
from harness.proxy import wait_for
from harness.service import PLAIN, ROLES, question


@pytest.fixture(params=["sqlite", "postgres"])
def pair(request, service):
    """Two processes on one database, which accept the same callers; and anna's token."""
    database = ""
    if request.param == "postgres":
        database = request.getfixturevalue("postgres").database(f"pair_{uuid.uuid4().hex}")
    first = service(database=database, config=ROLES)
    second = service(database=first.database, config=ROLES)
    second.token = first.token
    return first, second, first.shell("anna")


def at_once(count: int, what) -> list:
    """Call a function from many threads at the same moment; return the results."""
    ready = threading.Barrier(count)

    def one(number: int) -> object:
        ready.wait()
        return what(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


# One approval for one call.


def test_of_fifty_concurrent_questions_one_is_approved(pair):
    first, second, anna = pair
    asked = first.ask(arguments={"amount": 12})
    assert asked["status"] == "pending"
    second.decide(asked["id"], "approve", anna)
    answers = at_once(50, lambda number: pair[number % 2].ask(arguments={"amount": 12}))
    assert Counter(answer["status"] for answer in answers) == {"approved": 1, "pending": 49}
    [approved] = [answer for answer in answers if answer["status"] == "approved"]
    assert approved["id"] == asked["id"]
    # All others share one new approval.
    assert len({answer["id"] for answer in answers}) == 2
    assert second.show(asked["id"], anna)["status"] == "consumed"
    assert_agrees(first)


def test_fifty_concurrent_first_questions_share_one_approval(pair):
    answers = at_once(50, lambda number: pair[number % 2].ask(arguments={"first": True}))
    assert {answer["status"] for answer in answers} == {"pending"}
    assert len({answer["id"] for answer in answers}) == 1
    assert_agrees(pair[1])


def test_of_twenty_concurrent_decisions_one_counts(pair):
    first, _, anna = pair
    bert = first.shell("bert")
    asked = first.ask()

    def decide(number: int) -> int:
        verb, token = (("approve", anna), ("deny", bert))[number // 2 % 2]
        return pair[number % 2].decided(asked["id"], verb, token, str(number)).status_code

    codes = at_once(20, decide)
    assert Counter(codes) == {200: 1, 409: 19}
    shown = first.show(asked["id"], anna)
    assert shown["decision"]["reason"] == str(codes.index(200))
    assert_agrees(first)


# The possible sequences of an approval's events. Repeated questions are counted, not written as events.
SEQUENCES = {
    ("asked",),
    ("asked", "expired"),
    ("asked", "approved"),
    ("asked", "approved", "expired"),
    ("asked", "approved", "consumed"),
    ("asked", "denied"),
    ("asked", "denied", "expired"),
}


def assert_agrees(service) -> dict:
    """Check that the events have no gaps and each approval a possible sequence; return them by approval."""
    events = service.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    sequences: dict = {}
    for event in events:
        if approval := event.get("approval"):
            sequences.setdefault(approval, []).append(event)
    for approval, sequence in sequences.items():
        assert tuple(event["event"] for event in sequence) in SEQUENCES, approval
    return sequences


def test_the_pending_questions_of_one_principal_are_limited(service):
    started = service(config="most_waiting = 3\n" + ROLES)
    anna = started.shell("anna")
    asked = [started.ask(arguments={"number": number}) for number in range(3)]
    refused = started.post(question(arguments={"number": 3}))
    assert refused.status_code == 429 and "already pending" in refused.json()["error"]
    # Pending questions may be repeated, and another principal may ask.
    assert started.ask(arguments={"number": 0})["id"] == asked[0]["id"]
    assert started.ask(arguments={"number": 3}, principal="agent-8")["status"] == "pending"
    started.decide(asked[0]["id"], "deny", anna, "no")
    assert started.ask(arguments={"number": 3})["status"] == "pending"
    assert_agrees(started)


# Power failures.


def test_an_answered_decision_survives_a_kill(pair):
    first, _, anna = pair
    for number, verb in enumerate(["approve", "deny", "approve", "deny"]):
        asked = first.ask(arguments={"number": number})
        first.decide(asked["id"], verb, anna, reason="decided")
        first.kill()
        first.start()
        shown = first.show(asked["id"], anna)
        assert (shown["decision"]["by"], shown["decision"]["reason"]) == ("anna", "decided")
        assert shown["status"] == {"approve": "approved", "deny": "denied"}[verb]
        again = [first.ask(arguments={"number": number})["status"] for _ in range(2)]
        assert again == {"approve": ["approved", "pending"], "deny": ["denied"] * 2}[verb]
    assert_agrees(first)


def test_killing_processes_under_load_loses_no_decision_and_repeats_no_use(pair):
    """Seven times, one of the two processes is killed at a random moment and restarted."""
    first, second, anna = pair
    chance = random.Random(7)
    over = threading.Event()
    used, decided, failed = [], {}, Counter()

    def asks(number: int) -> None:
        with httpx.Client(**PLAIN) as client:
            while not over.is_set():
                for service in pair[:2]:
                    try:
                        answer = service.ask(client, arguments={"call": number % 4})
                    except (httpx.TransportError, AssertionError):
                        failed["ask"] += 1
                        time.sleep(0.01)
                        continue
                    if answer["status"] == "approved":
                        used.append(answer["id"])
                    elif answer["status"] == "pending" and answer["id"] not in decided:
                        decide(service, client, answer["id"], number)

    def decide(service, client: httpx.Client, id: str, number: int) -> None:
        try:
            service.decide(id, "approve", anna, reason=str(number), client=client)
        except httpx.TransportError:
            failed["decide"] += 1
        except AssertionError:
            failed["decided"] += 1
        else:
            assert decided.setdefault(id, str(number)) == str(number), "decided twice"

    threads = [threading.Thread(target=asks, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(7):
        time.sleep(chance.uniform(0.1, 0.6))
        victim = chance.choice([first, second])
        victim.kill()
        victim.start()
    over.set()
    for thread in threads:
        thread.join()
    assert failed["ask"], "no question failed, so the kills had no effect"
    assert len(decided) > 20 and len(used) > 20, (len(decided), len(used))
    assert len(used) == len(set(used)), "an approval was used twice"
    sequences = assert_agrees(first)
    for id, reason in decided.items():
        [event] = [event for event in sequences[id] if event["event"] == "approved"]
        assert (event["who"], event["reason"]) == ("anna", reason), "an answered decision was lost"
    for id in used:
        assert [event["event"] for event in sequences[id]].count("consumed") == 1
    assert first.command("export") == second.command("export")


def test_without_its_database_the_service_approves_nothing_and_is_not_ready(service, postgres):
    with Postgres() as own:
        started = service(database=own.database("own"), config=ROLES)
        anna = started.shell("anna")
        asked = started.ask()
        started.decide(asked["id"], "approve", anna)
        own.end()
        for _ in range(3):
            answer = started.post(question())
            assert answer.status_code == 503 and "approved" not in answer.text
        assert started.decided(asked["id"], "deny", anna, "late").status_code == 503
        statuses = {
            path: httpx.get(started.url + path, **PLAIN).status_code for path in ("/readyz", "/healthz")
        }
        assert statuses == {"/readyz": 503, "/healthz": 200}
        own.start()
        wait_for(
            lambda: httpx.get(started.url + "/readyz", **PLAIN).status_code == 200,
            "the service to reconnect to its database",
        )
        assert [started.ask()["status"] for _ in range(2)] == ["approved", "pending"]
        assert_agrees(started)


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
