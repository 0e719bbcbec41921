"""The tables of `docs/performance.md`: writes them, and reads them again.

Generated parts stand between the comments `<!-- NAME -->` and `<!-- end of NAME -->`. The plot is drawn from the tables, so
it has no other numbers. Three other pages repeat one of the figures: the CPU time that this filter adds, relative to
what Envoy's own filters add.
"""

import json
import re

import places

from .figures import Figures
from .rows import OURS, ROWS, SIZES

PATH = places.ROOT / "docs" / "performance.md"
PLOT = places.ROOT / "docs" / "performance.svg"
OPERATIONS, PARTS = (places.ROOT / "tests" / "cost" / name for name in ("expected.json", "parts.json"))

# How the page says that its figures are from a quick run, which is too inexact to be repeated elsewhere.
FULL, QUICK = "`make bench-report`", "`make bench-report ARGS=--quick`"

# The generated parts.
CONTENDERS, COSTS, COUNTS, SHARES = "rows", "figures", "operations", "parts"

# The pages that repeat how this filter compares with Envoy's own filters on a short call.
REPEATING = tuple(places.ROOT / name for name in ("README.md", "docs/limitations.md", "docs/operations.md"))
REPEATED = re.compile(r"about (?P<ratio>[\d.]+) times(?= as much CPU time as Envoy| what Envoy's `mcp`)")

HEAD = (
    "",
    "CPU of Envoy: µs",
    "over pass-through: µs",
    "CPU of the service: µs",
    "together, of `mcp + rbac`",
    "calls a second",
    "p50: ms",
    "p99: ms",
)


def named(row: str) -> str:
    """Write a row's name as the tables have it."""
    return f"`{row}`" if row in ("lua", "ext_authz", "ext_proc", "mcp + rbac") else row


def heading(words: str) -> str:
    return f"### Bodies of {words}"


def contenders() -> str:
    """Write the table of what each row does."""
    return table(
        [("row", "what Envoy does with a call"), *((named(row), what) for row, what in ROWS.items())]
    )


def costs(figures: dict, made: str) -> str:
    """Write a table for each size of body; `made` says how and where they were measured."""
    parts = [made]
    for size in SIZES:
        rows = [cells(row, figures[size.words, row]) for row in ROWS]
        parts.append(
            f"{heading(size.words)}\n\nLatencies at {size.rate:,} calls a second.\n\n{table([HEAD, *rows])}"
        )
    return "\n\n".join(parts)


def cells(row: str, of: Figures) -> tuple:
    ratio = "" if of.ratio is None else f"{of.ratio:.2f} ({of.spread[0]:.2f} to {of.spread[1]:.2f})"
    numbers = (of.envoy, of.over, of.service)
    cpu = ("" if one is None else shown(one) for one in numbers)
    return named(row), *cpu, ratio, shown(of.per_second), shown(of.p50), shown(of.p99)


def counts() -> str:
    """Write the table of `make cost`: what the module does for each fixed request."""
    rows = [("request", "operations", "allocations", "host calls")]
    for row in json.loads(OPERATIONS.read_text())["rows"]:
        calls = sum(row["calls"].values())
        rows.append((row["name"], f"{row['operations']:,}", f"{row['allocations']:,}", f"{calls:,}"))
    return table(rows)


def shares() -> str:
    """Write the table of what each part of the module takes of the operations of some requests."""
    requests = json.loads(PARTS.read_text())
    totals = [sum(count for _, count in request["operations"]) for request in requests]
    rows = [("part of the module", *(request["name"] for request in requests))]
    for each in zip(*(request["operations"] for request in requests), strict=True):
        parts = (
            f"{count / total:.0%}".replace("%", " %") for (_, count), total in zip(each, totals, strict=True)
        )
        rows.append((each[0][0], *parts))
    return table([*rows, ("operations", *(f"{total:,}" for total in totals))])


def table(rows: list) -> str:
    head, *rest = (f"| {' | '.join(cells)} |" for cells in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *rest])


def shown(value: float) -> str:
    """Write a number with three significant digits, and no more than two decimals."""
    rounded = float(f"{value:.3g}")
    digits = 0 if abs(rounded) >= 100 else 1 if abs(rounded) >= 10 else 2
    return f"{rounded:,.{digits}f}"


def replaced(text: str, part: str, by: str) -> str:
    """Replace a generated part of the page."""
    before, begin, rest = text.partition(f"<!-- {part} -->\n")
    _, end, after = rest.partition(f"<!-- end of {part} -->\n")
    assert begin and end, f"{PATH.name}: there is no part `{part}`"
    return f"{before}{begin}\n{by}\n\n{end}{after}"


def read(text: str) -> dict:
    """Read the figures: by size and row, the cells by the heads of their columns. An empty cell is left out."""
    found = {}
    for size in SIZES:
        _, _, part = text.partition(f"{heading(size.words)}\n")
        for line in part.split("\n#")[0].splitlines():
            name, *values = (cell.strip() for cell in line.strip("|").split("|"))
            if line.startswith("|") and (row := name.strip("`")) in ROWS:
                pairs = zip(HEAD[1:], values, strict=True)
                found[size.words, row] = {head: value for head, value in pairs if value}
    return found


def number(text: str) -> float:
    """Read a number of the tables, without the range behind it."""
    return float(text.split(" ")[0].replace(",", ""))


def ratio(text: str) -> str | None:
    """Return the figure that other pages repeat, from the text of the page; None if it is from a quick run."""
    return None if QUICK in text else f"{number(read(text)[SIZES[0].words, OURS][HEAD[4]]):.1f}"


def write(figures: dict, made: str) -> None:
    """Write the figures into the page, and the one that others repeat into these."""
    text = replaced(PATH.read_text(), COSTS, costs(figures, made))
    PATH.write_text(text)
    write_counts()
    if repeated := ratio(text):
        for page in REPEATING:
            page.write_text(REPEATED.sub(f"about {repeated} times", page.read_text()))


def write_counts() -> None:
    """Write what does not depend on a measurement: the rows, and what `make cost` counts."""
    text = PATH.read_text()
    for part, by in ((CONTENDERS, contenders()), (COUNTS, counts()), (SHARES, shares())):
        text = replaced(text, part, by)
    PATH.write_text(text)


if __name__ == "__main__":
    write_counts()
