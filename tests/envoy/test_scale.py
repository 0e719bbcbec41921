"""`docs/scale.md` and `make scale` agree: rows, formulas, and the figures that are the same on every machine."""

import re

import pytest
from scale import document, inside
from scale.__main__ import BURSTS, FLEETS, GRANTS, PARTS, POLICIES, Plan, Wrong, computed, main, printed
from scale.document import ASSUMPTION, FIGURE, RESULT, Faulty
from scale.simulation import WINDOWS, Fleet, simulate

from harness import load, rpc
from harness.fleet import document as policy_with
from harness.fleet import shared, within_a_day
from harness.limits import only
from harness.redis import needs_redis

TEXT = document.PATH.read_text()
KNOWN = document.read(TEXT)


def figure(name: str) -> float:
    [value] = KNOWN.values(FIGURE)[name]
    return document.number(value)


def test_each_result_is_what_its_formula_gives():
    assert KNOWN.values(RESULT) == computed(KNOWN, {})


def test_each_figure_has_the_command_that_measures_it():
    commands = {name: cells[-1] for name, cells in KNOWN.table(FIGURE).rows.items()}
    measured = {name: f"`make scale ARGS={part}`" for part, names in PARTS.items() for name in names}
    assert commands == measured
    mentioned = re.findall(r"`make scale ARGS=(\w+)`", TEXT)
    assert set(mentioned) == set(PARTS)


def test_each_assumption_and_each_figure_is_used_by_a_formula():
    used = {word for formula in KNOWN.formulas.values() for word in re.findall(r"[a-z]\w+", formula)}
    assert used >= {*KNOWN.values(ASSUMPTION), *KNOWN.values(FIGURE)}


def test_the_rows_of_the_other_tables_are_those_that_are_measured():
    sizes = {name: cells[1] for name, cells in KNOWN.table(POLICIES).rows.items()}
    assert sizes == {f"{count:,}": f"{inside.policy_bytes(count):,}" for count in GRANTS}
    fleets = {name: cells[1:3] for name, cells in KNOWN.table(BURSTS).rows.items()}
    assert fleets == {f"{fleet.proxies:,}": [f"{fleet.agents:,}", f"{fleet.most:,}"] for fleet in FLEETS}


def test_the_command_prints_every_row_of_the_document():
    kinds = (ASSUMPTION, FIGURE, RESULT, POLICIES, BURSTS)
    rows = [
        row for table in KNOWN.tables if table.kind in kinds for row in (table.head, *table.rows.values())
    ]
    assert [line for line in printed(KNOWN, {}).splitlines() if line.startswith("| ")] == list(
        map(document.row, rows)
    )
    assert all(f"\n{document.row(row)}\n" in TEXT for row in rows)


def test_an_assumption_can_be_replaced(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["scale", "--paper", "agents=600", "calls_a_minute=10"])
    assert main() == 0
    rows = [
        document.cells_of(line)
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("| `calls` ")
    ]
    assert [row[2:] for row in rows] == [["100"] * 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fast"], "unknown: --fast; expected one of --quick, --paper"),
        (["disk"], "unknown: disk; expected one of redis, burst"),
        (["agent=5"], "unknown: agent; expected one of proxies, workers, agents"),
    ],
)
def test_an_unknown_argument_is_named(words, said):
    with pytest.raises(Wrong, match=f"^{re.escape(said)}"):
        Plan.of(words, KNOWN.values(ASSUMPTION))


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("calls ÷ unheard_of", "`calls = calls ÷ unheard_of`: `unheard_of` is neither"),
        ("max(1, 2)", "`max(1, 2)` is neither"),
        ("agents × ", "`calls = agents × ` cannot be read"),
        ("agents ÷ 0", "`calls = agents ÷ 0` divides by zero"),
    ],
)
def test_a_formula_that_cannot_be_computed_is_named(formula, said):
    with pytest.raises(Faulty, match=re.escape(said)):
        document.results({"calls": formula}, {"calls": 2.0, "agents": 3.0})


def test_a_value_that_is_no_number_is_named():
    with pytest.raises(Faulty, match="`many` is no number"):
        document.number("many")


def test_a_policy_has_as_many_time_series_as_the_document_says(tmp_path):
    measured = inside.series(tmp_path, 3)
    assert {name: measured[name] for name in ("series_fixed", "series_per_grant")} == {
        name: figure(name) for name in ("series_fixed", "series_per_grant")
    }


@needs_redis
def test_simulated_proxies_ask_as_the_filter_does_and_no_more_than_max_passes(envoy, ratelimits, redis):
    within_a_day(60)
    service = ratelimits()
    proxy = envoy(policy_with({"echo": only(shared("calls", 5))}), edit=service.cluster())
    with load.Crowd(proxy.port, 1) as crowd:
        crowd.call([rpc.tools_call("echo")])
    [of_filter] = redis.counters()
    asked = redis.commands()
    redis.command("FLUSHALL")

    fleet = Fleet(proxies=10, agents=200)
    outcome = simulate(service.port, fleet, spread=0, name="test")
    counters = redis.counters()
    form = r"mcp-policy_[^_]{32}_[^_]{32}_\d+"
    assert all(re.fullmatch(form, name) for name in [of_filter, *counters]) and len(counters) == WINDOWS
    assert outcome.passed == fleet.most and outcome.asked in counters.values()
    assert redis.commands() - asked == figure("commands_per_limit") * sum(counters.values())
