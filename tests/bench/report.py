"""The table, for a person to read."""

import statistics
from dataclasses import dataclass

GOAL = 0.6

# The rounds are dealt into so many groups, each with a ratio of its own, to show how far they differ.
GROUPS = 20


@dataclass
class Spread:
    """A median between its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: list) -> "Spread":
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


class Report:
    """What was measured, by contender: nanoseconds a request, one number a round.

    Contenders are compared with those of the same round, and of the differences the median is taken:
    what disturbed some rounds then counts as little as how far it disturbed them.
    """

    def __init__(self, costs: dict, base: str, reference: str) -> None:
        """Take the costs; all is told over `base`, and as a part of what `reference` adds to that."""
        self._costs = costs
        self._base = base
        self._reference = reference

    def over(self, name: str) -> list:
        """Return what a contender costs more than the base, round by round."""
        pairs = zip(self._costs[name], self._costs[self._base], strict=True)
        return [cost - base for cost, base in pairs]

    def ratio(self, name: str) -> Spread:
        """Return what a contender adds as a part of what the reference adds."""
        ours, theirs = self.over(name), self.over(self._reference)
        groups = range(min(GROUPS, len(ours) // 2))
        parts = [_part(ours[group :: len(groups)], theirs[group :: len(groups)]) for group in groups]
        spread = Spread.of(parts)
        spread.median = _part(ours, theirs)
        return spread

    def table(self) -> str:
        """Write one row a contender."""
        rows = [("", "ns a request", f"over {self._base}", "quartiles", f"of {self._reference}", "quartiles")]
        for name, costs in self._costs.items():
            row = [name, f"{statistics.median(costs):,.0f}"]
            if name != self._base:
                added, part = Spread.of(self.over(name)), self.ratio(name)
                row += [f"{added.median:+,.0f}", f"{added.low:+,.0f} to {added.high:+,.0f}"]
                row += [f"{part.median:.2f}", f"{part.low:.2f} to {part.high:.2f}"]
            rows.append((*row, *[""] * (6 - len(row))))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(_line(row, widths) for row in rows)


def _part(ours: list, theirs: list) -> float:
    return statistics.median(ours) / statistics.median(theirs)


def _line(row: tuple, widths: list) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip()
