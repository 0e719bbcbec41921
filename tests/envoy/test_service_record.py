"""Integrity of the record: each approval is used once, and no decision is lost when processes are killed.

The tests run on a SQLite file and on a PostgreSQL database, with two processes on each.
"""

import random
import threading
import time
from collections import Counter

import httpx

from harness.events import assert_agrees
from harness.load import at_once
from harness.postgres import Postgres
from harness.proxy import wait_for
from harness.service import PLAIN, ROLES, question

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
