"""The tables of results."""

import statistics

from .contenders import GROWTH, Contender

# The targets: the filter's cost as a part of `mcp + rbac` under sustained load, and the cost of growth.
TARGETS = {
    "this filter": 0.80,
    "this filter, API key + schema": 1.0,
    "this filter, 4 kB": 0.8,
}
GROWTH_TARGET = 1.1


class Report:
    """The results of several processes.

    Contenders of the same round are compared, and the median of the differences is taken, so that disturbed
    rounds have little effect. That gives one number for each process; the tables show the median of these and
    their range.
    """

    def __init__(self, rows: list, processes: list) -> None:
        """Take the contenders, and the costs measured in each process."""
        self._rows = {row.name: row for row in rows}
        self._processes = processes

    def costs(self) -> str:
        """Write the cost of each contender, under sustained load and in bursts."""
        head = ("", "sustained: ns", "over", "of native", "", "bursts: ns", "over", "of native", "")
        lines = [head]
        for row in self._rows.values():
            cells = [row.name]
            for kind in ("sustained", "bursts"):
                each = [statistics.median(getattr(costs, kind)[row.name]) for costs in self._processes]
                cells.append(f"{statistics.median(each):,.0f}")
                if row.name == row.base:
                    cells += ["", "", ""]
                    continue
                over = [added(costs, kind, row) for costs in self._processes]
                parts = self._parts(row, kind)
                cells += [
                    f"{statistics.median(over):+,.0f}",
                    f"{statistics.median(parts):.2f}",
                    spread(parts),
                ]
            lines.append(tuple(cells))
        return table(lines)

    def latencies(self) -> str:
        """Write the latencies at a fixed rate: medians over rounds and processes."""
        lines = [("", "p50 in µs", "", "p99 in µs", "")]
        for name in (row.name for row in self._rows.values() if row.paced):
            cells = [name]
            for part in (0, 1):
                each = [
                    statistics.median(round_[part] for round_ in costs.latencies[name])
                    for costs in self._processes
                ]
                cells += [f"{statistics.median(each):,.0f}", spread(each, 0)]
            lines.append(tuple(cells))
        return table(lines)

    def builds(self, extra: list) -> str:
        """Write the cost of other builds of the module relative to this one, sustained and in bursts."""
        lines = [("", "sustained", "", "bursts", "")]
        for row in self._rows.values():
            name = next((name for name in extra if row.name.split(",")[0] == name), None)
            if name is None:
                continue
            ours = self._rows["this filter" + row.name.removeprefix(name)]
            cells = [row.name]
            for kind in ("sustained", "bursts"):
                each = [added(costs, kind, row) / added(costs, kind, ours) for costs in self._processes]
                cells += [f"{statistics.median(each):.2f}", spread(each)]
            lines.append(tuple(cells))
        return table(lines)

    def growth(self) -> str:
        """Write the cost of a large policy as a multiple of a small one's, under sustained load."""
        lines = []
        for growth in GROWTH:
            small, *_, large = growth.rows()
            each = [
                added(costs, "sustained", self._rows[large]) / added(costs, "sustained", self._rows[small])
                for costs in self._processes
            ]
            reached = statistics.median(each)
            verdict = judged(reached, GROWTH_TARGET)
            lines.append((f"{small} to {growth.counts[-1]:,}", f"{reached:.2f}", spread(each), verdict))
        return table(lines)

    def targets(self) -> str:
        """Write the targets, and whether they were reached."""
        lines = []
        for name, target in TARGETS.items():
            parts = self._parts(self._rows[name], "sustained")
            reached = statistics.median(parts)
            lines.append((name, f"{reached:.2f}", spread(parts), judged(reached, target)))
        return table(lines)

    def _parts(self, row: Contender, kind: str) -> list:
        """Return a contender's added cost relative to its reference's, for each process."""
        reference = self._rows[row.reference]
        return [added(costs, kind, row) / added(costs, kind, reference) for costs in self._processes]


def added(costs: object, kind: str, row: Contender) -> float:
    """Return a contender's cost over its base: the median over the rounds of one process."""
    by_name = getattr(costs, kind)
    pairs = zip(by_name[row.name], by_name[row.base], strict=True)
    return statistics.median(cost - base for cost, base in pairs)


def judged(reached: float, target: float) -> str:
    return f"target {target}: {'reached' if reached <= target else 'missed'}"


def spread(values: list, digits: int = 2) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def table(lines: list) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells: tuple, widths: list) -> str:
    first, *rest = (
        cell.rjust(width) if number else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(["  " + first, *rest]).rstrip()
