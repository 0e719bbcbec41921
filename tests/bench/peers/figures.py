"""The figures of each row: medians over the rounds of a process, then over the processes."""

import statistics
from dataclasses import dataclass

from .rows import ASKING, NATIVE, PASS_THROUGH, ROWS, SIZES, Size


@dataclass(frozen=True)
class Figures:
    """What one row takes for a call with a body of one size.

    `envoy`, `over` (over pass-through) and `service` are µs of CPU, `per_second` calls a second with one worker,
    `p50` and `p99` ms. `ratio` is `over` and `service` together, relative to what mcp + rbac adds, with its `spread` over
    the processes. What a row has not is None.
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
        if min(added(each, size, NATIVE) for each in processes) <= 0:
            raise Busy(
                f"{NATIVE} took no more than {PASS_THROUGH} with {size.words}: the machine is too busy"
            )
    return {(size.words, row): one(processes, size, row) for size in SIZES for row in ROWS}


def one(processes: list, size: Size, row: str) -> Figures:
    """Compute the figures of one row."""
    name, middle = (size, row), statistics.median
    ratios = [added(each, size, row) / added(each, size, NATIVE) for each in processes]
    base = row == PASS_THROUGH
    return Figures(
        envoy=middle(middle(each.envoy[name]) for each in processes),
        over=None if base else middle(added(each, size, row, service=False) for each in processes),
        service=middle(middle(each.service[name]) for each in processes) if row in ASKING else None,
        ratio=None if base else middle(ratios),
        spread=None if base else (min(ratios), max(ratios)),
        per_second=middle(middle(each.rate[name]) for each in processes),
        p50=middle(middle(p50 for p50, _ in each.latencies[name]) for each in processes) / 1_000,
        p99=middle(middle(p99 for _, p99 in each.latencies[name]) for each in processes) / 1_000,
    )


def added(process: object, size: Size, row: str, service: bool = True) -> float:
    """Return what a row adds to pass-through in one process, in µs of CPU: the median of the differences in each round.

    `service` adds what the service beside Envoy takes. It sleeps while rows are measured that do not ask it.
    """
    asked = process.service[size, row] if service and row in ASKING else [0.0] * len(process.envoy[size, row])
    costs = zip(process.envoy[size, row], asked, process.envoy[size, PASS_THROUGH], strict=True)
    return statistics.median(envoy + beside - bare for envoy, beside, bare in costs)
