"""Attacks with calls that are each allowed, by how many they are or how much they cost: `policies/attacks`."""

from collections import Counter

import pytest

from harness.attacks import code, session

RUN = ("run_agent", {"agent_id": "a-1", "task": "again"})


def test_an_agent_runs_in_a_loop(attack):
    outcome = attack.carry_out("runaway-loop", [RUN] * 25, [("get_invoice", {"invoice": "R-1"})])
    assert outcome.without == ["allowed"] * 25 and len(attack.unguarded.place.table("runs")) == 25
    assert outcome.refused == ["allowed"] * 10 + ["rate_limited"] * 15
    assert len(attack.guarded.place.table("runs")) == 10
    assert "retry in" in outcome.told[10] and outcome.legitimate == ["allowed"]


def test_three_tools_lead_to_each_other(attack):
    calls = [(tool, {"thought": "is it right?"}) for tool in ("think", "review", "refine")] * 10
    outcome = attack.carry_out("overthinking-loop", calls, [("get_invoice", {"invoice": "R-1"})])
    assert outcome.without == ["allowed"] * 30 and len(attack.unguarded.place.table("runs")) == 30
    # None of the tools was called more than four times.
    assert Counter(tool for tool, _ in attack.guarded.place.table("runs")) == {
        "think": 4,
        "review": 4,
        "refine": 4,
    }
    assert outcome.refused == ["allowed"] * 12 + ["rate_limited"] * 18 and outcome.legitimate == ["allowed"]


def test_new_sessions_escape_from_a_limit_of_a_session(attack):
    runs = [["call", *RUN]] * 5
    for _ in range(4):
        session(attack.open_url, runs)
    assert len(attack.unguarded.place.table("runs")) == 20

    found = [code(saw) for _ in range(4) for saw in session(attack.urls["session-only"], runs)]
    assert found == ["allowed"] * 20 and len(attack.guarded.place.table("runs")) == 20

    attack.reset()
    found = [code(saw) for _ in range(4) for saw in session(attack.urls["session-hopping"], runs)]
    assert found == ["allowed"] * 10 + ["rate_limited"] * 10
    assert len(attack.guarded.place.table("runs")) == 10


def test_one_call_does_the_work_of_many(attack):
    calls = [
        ("run_batch", {"tasks": ["again"] * 100}),
        ("render_video", {"prompt": "the sea", "seconds": 86_400}),
        ("render_video", {"prompt": "the sea", "seconds": "86400"}),
    ]
    honest = [("run_batch", {"tasks": ["once", "twice"]})]
    honest += [("render_video", {"prompt": "the sea", "seconds": 30})] * 5
    outcome = attack.carry_out("batch-amplification", calls, honest)
    assert outcome.without == ["allowed"] * 3 and len(attack.unguarded.place.table("runs")) == 102
    assert outcome.refused == ["arguments_invalid"] * 3
    assert outcome.legitimate == ["allowed"] * 5 + ["rate_limited"]
    assert (
        attack.guarded.place.table("runs")
        == [("run_batch", "once"), ("run_batch", "twice")] + [("render_video", "30")] * 4
    )


def test_all_customers_are_looked_up_one_by_one(attack):
    calls = [("get_customer", {"customer_id": number}) for number in range(1, 61)]
    outcome = attack.carry_out("id-enumeration", calls)
    assert outcome.without == ["allowed"] * 60 and len(set(outcome.read)) == 60
    assert outcome.refused == ["allowed"] * 20 + ["rate_limited"] * 40
    assert sum("@example.com" in text for text in outcome.told) == 20


def paying(invoice: str, payee: str, amount: object, currency: str = "EUR") -> tuple:
    return "pay_invoice", {"invoice": invoice, "payee": payee, "amount": amount, "currency": currency}


def test_an_invoice_names_another_account(attack):
    calls = [("get_invoice", {"invoice": "R-1"}), paying("R-1", "DE00MALLORY", 40)]
    honest = [
        paying("R-1", "DE00PAPER", 40),
        paying("R-1", "DE00PAPER", 40),
        paying("R-2", "DE00CLOUD", 10.5),
    ]
    outcome = attack.carry_out("payment-redirect", calls, honest)
    assert "DE00MALLORY" in outcome.read[0] and outcome.without == ["allowed"] * 2
    assert attack.unguarded.place.table("payments") == [("R-1", "DE00MALLORY", 40, "EUR")]
    assert (
        outcome.refused == ["allowed", "arguments_invalid"] and "purchasing@corp.example" in outcome.told[1]
    )
    # An invoice is not paid twice on one day.
    assert outcome.legitimate == ["allowed", "rate_limited", "allowed"]
    paid = [("R-1", "DE00PAPER", 40, "EUR"), ("R-2", "DE00CLOUD", 10.5, "EUR")]
    assert attack.guarded.place.table("payments") == paid
    ways = [
        paying("R-3", "DE00PAPER", -40),
        paying("R-3", "DE00PAPER", 1000),
        paying("R-3", "DE00PAPER", "40"),
        paying("R-3", "DE00PAPER", 0.001),
        paying("R-3", "DE00PAPER", 40, "BTC"),
        paying("R-3", "DE00PAPER ", 40),
        paying("R-3", ["DE00PAPER", "DE00MALLORY"], 40),
        ("pay_invoice", {**paying("R-3", "DE00PAPER", 40)[1], "Payee": "DE00MALLORY"}),
    ]
    assert attack.passing("payment-redirect", ways) == []


def test_many_payments_stay_below_the_largest_amount(attack):
    calls = [paying(f"R-{number}", f"DE00P{chr(65 + number // 3)}", 9.99) for number in range(12)]
    outcome = attack.carry_out("many-small-payments", calls, [paying("R-99", "DE00PAPER", 0.05)])
    assert outcome.without == ["allowed"] * 12
    assert sum(row[2] for row in attack.unguarded.place.table("payments")) == pytest.approx(119.88)
    assert outcome.refused == ["allowed"] * 5 + ["rate_limited"] * 7
    assert "0.05 of 50 are left" in outcome.told[5] and outcome.legitimate == ["allowed"]
    assert sum(row[2] for row in attack.guarded.place.table("payments")) == pytest.approx(50)
