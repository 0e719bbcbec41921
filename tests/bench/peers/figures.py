"""The figures of each row: medians over all rounds of all processes."""

import statistics
from dataclasses import dataclass

from .rows import ASKING, NATIVE, PASS_THROUGH, ROWS, SIZES, Size


@dataclass(frozen=True)
class Figures:
    """What one row takes for a call with a body of one size.

    `envoy`, `over` (over pass-through) and `service` are µs of CPU, `per_second` calls a second with one worker,
    `p50` and `p99` ms. `ratio` is `over` and `service` together, relative to what mcp + rbac adds, with its `spread` over
    the processes. What does not apply to a row is None.
    """

    envoy: float
    over: float | None
    service: float | None
    ratio: float | None
    spread: tuple | None
    per_second: float
    p50: float
    p99: float


class Busy(Exception):
    """The machine was too busy: the differences are lost in the noise."""


def figures(processes: list) -> dict:
    """Compute the figures of all processes, by size and row."""
    for size in SIZES:
        if added(processes, size, NATIVE) <= 0:
            raise Busy(
                f"{NATIVE} took no more than {PASS_THROUGH} with {size.words}: the machine is too busy"
            )
    return {(size.words, row): one(processes, size, row) for size in SIZES for row in ROWS}


def one(processes: list, size: Size, row: str) -> Figures:
    """Compute the figures of one row."""

    def middle(kind: str) -> float:
        return statistics.median(value for each in processes for value in getattr(each, kind)[size, row])

    def ratio(of: list) -> float:
        return added(of, size, row) / added(of, size, NATIVE)

    base = row == PASS_THROUGH
    spread = [ratio([each]) for each in processes]
    return Figures(
        envoy=middle("envoy"),
        over=None if base else added(processes, size, row, service=False),
        service=middle("service") if row in ASKING else None,
        ratio=None if base else ratio(processes),
        spread=None if base else (min(spread), max(spread)),
        per_second=middle("rate"),
        p50=middle("p50") / 1_000,
        p99=middle("p99") / 1_000,
    )


def added(processes: list, size: Size, row: str, service: bool = True) -> float:
    """Return what a row adds to pass-through, in µs of CPU: the median of the differences within each round.

    `service` adds what the service beside Envoy takes. It sleeps while rows are measured that do not ask it.
    """
    differences = []
    for each in processes:
        costs = zip(
            each.envoy[size, row], each.envoy[size, PASS_THROUGH], each.service[size, row], strict=True
        )
        asked = service and row in ASKING
        differences += [envoy - bare + (beside if asked else 0) for envoy, bare, beside in costs]
    return statistics.median(differences)
