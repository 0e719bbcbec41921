"""docs/performance.md has the rows that are measured, its plot has its figures, and other pages repeat what it says."""

import json
import re
from dataclasses import replace

import pytest
from bench.peers import page, plot
from bench.peers.figures import Figures
from bench.peers.page import HEAD, REPEATED
from bench.peers.rows import ASKING, PASS_THROUGH, ROWS, SIZES

from pages import ROOT

TEXT = page.PATH.read_text()
FOUND = page.read(TEXT)
MEASURED = [(size.words, row) for size in SIZES for row in ROWS]


def test_the_page_has_every_row_for_every_size_and_no_other():
    assert list(FOUND) == MEASURED
    assert len(re.findall(r"^### Bodies of ", TEXT, re.MULTILINE)) == len(SIZES)
    tables = TEXT.partition("<!-- figures -->")[2].partition("<!-- end of figures -->")[0]
    assert len(re.findall(r"^\| \S", tables, re.MULTILINE)) == len(MEASURED)


@pytest.mark.parametrize("name", MEASURED, ids=str)
def test_a_row_has_each_figure_that_it_can_have(name):
    left_out = {HEAD[2], HEAD[4]} if name[1] == PASS_THROUGH else set()
    left_out |= set() if name[1] in ASKING else {HEAD[3]}
    assert set(FOUND[name]) == set(HEAD[1:]) - left_out
    assert all(re.fullmatch(r"-?[\d,.]+( \(-?[\d.]+ to -?[\d.]+\))?", cell) for cell in FOUND[name].values())


@pytest.mark.parametrize(
    "part", [page.contenders(), page.counts(), page.shares()], ids=["rows", "operations", "parts"]
)
def test_what_is_generated_from_files_is_up_to_date(part):
    """`make cost UPDATE=1` writes them anew."""
    assert f"\n{part}\n" in TEXT


def test_the_parts_of_a_request_add_up_to_its_operations():
    operations = {row["name"]: row["operations"] for row in json.loads(page.OPERATIONS.read_text())["rows"]}
    for request in json.loads(page.PARTS.read_text()):
        assert sum(count for _, count in request["operations"]) == operations[request["name"]], request[
            "name"
        ]


def test_the_plot_has_the_figures_of_the_tables():
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", page.PLOT.read_text())
    for name in MEASURED:
        cells = FOUND[name]
        total = page.number(cells[HEAD[1]]) + page.number(cells.get(HEAD[3], "0"))
        assert page.shown(total) in map(str.strip, texts), name
        assert f"{cells[HEAD[6]]} to {cells[HEAD[7]]}" in map(str.strip, texts), name
    assert set(ROWS) < set(texts)


def test_the_plot_has_colours_for_light_and_dark_pages():
    drawn = page.PLOT.read_text()
    assert "prefers-color-scheme:dark" in drawn
    for name, (mark, light, dark) in plot.COLOURS.items():
        assert mark not in drawn
        assert (
            f"--{name}:{light};" in drawn
            and f"--{name}:{dark};" in drawn
            and f"var(--{name},{light})" in drawn
        )


@pytest.mark.parametrize("other", page.REPEATING, ids=lambda path: path.name)
def test_other_pages_repeat_the_figure_of_this_one(other):
    text = other.read_text()
    [found] = REPEATED.finditer(text)
    # A quick run is too inexact to be repeated.
    assert found["ratio"] == (page.ratio(TEXT) or found["ratio"])
    assert re.search(r"\]\((docs/)?performance\.md\)", text)


def made_up() -> dict:
    """Make up figures of every row."""
    plain = Figures(1234.5, 234.5, None, 1.24, (1.2, 1.3), 8_000.4, 0.512, 12.34)
    base = replace(plain, over=None, ratio=None, spread=None)
    of = {PASS_THROUGH: base, **dict.fromkeys(ASKING, replace(plain, service=99.96))}
    return {name: of.get(name[1], plain) for name in MEASURED}


def test_a_quick_run_gives_no_figure_to_repeat():
    exact = page.replaced(TEXT, page.COSTS, page.costs(made_up(), page.FULL))
    assert page.ratio(exact) == "1.2"
    assert page.ratio(page.replaced(TEXT, page.COSTS, page.costs(made_up(), page.QUICK))) is None


def test_figures_that_are_written_can_be_read_again():
    written = page.replaced(TEXT, page.COSTS, page.costs(made_up(), "made"))
    found = page.read(written)
    assert list(found) == MEASURED
    cells = dict(
        zip(HEAD[1:], ["1,230", "234", "100", "1.24 (1.20 to 1.30)", "8,000", "0.51", "12.3"], strict=True)
    )
    assert found["4 kB", ASKING[0]] == cells
    assert found["1 MB", PASS_THROUGH] == {name: cells[name] for name in HEAD[1:] if name not in HEAD[2:5]}
    assert page.replaced(written, page.COSTS, "x").count("x\n\n<!-- end of figures -->") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0456, "0.05"),
        (1.005, "1.00"),
        (9.999, "10.0"),
        (12.34, "12.3"),
        (123.4, "123"),
        (12_345.6, "12,300"),
        (-1.5, "-1.50"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert page.shown(value) == text
    assert page.number(text) == pytest.approx(float(text.replace(",", "")))


def test_the_readme_leads_to_the_page_where_it_names_the_cost():
    cost = (ROOT / "README.md").read_text().split("**What it costs.**")[1].split("\n\n")[0]
    assert "docs/performance.md" in cost
