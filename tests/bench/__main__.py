"""Runs the measurements: `make bench`, or with more builds of the module `make bench
ARGS="name=module.wasm"`.

`ARGS=--quick` takes about two minutes instead of twelve to fifteen, `ARGS=--worst` measures calls that cause much work,
`ARGS=--shared` limits that several Envoys share, `ARGS=--peers` Lua, `ext_authz` and
`ext_proc` beside the filter. PROCESSES and ROUNDS can be set in the environment. Exits with 0 if the measurement succeeded,
whatever the numbers.
"""

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import places

from . import contenders, measure, shared, worst
from .load import PROGRAM, Unexpected
from .measure import Plan, Progress
from .peers import __main__ as peers
from .report import Report


def chosen(arguments: list) -> Plan:
    """Read the extent of the measurements from the arguments and the environment."""
    plan = Plan.quick() if "--quick" in arguments else Plan()
    names = {"processes": "PROCESSES", "rounds": "ROUNDS"}
    return replace(
        plan, **{field: int(os.environ[name]) for field, name in names.items() if name in os.environ}
    )


def run(plan: Plan, extra: dict) -> None:
    """Start everything, measure, print the tables."""
    progress = Progress(plan.processes * plan.rounds)
    processes = []
    for number in range(1, plan.processes + 1):
        progress.say(f"Envoy {number} of {plan.processes} starts")
        with tempfile.TemporaryDirectory(prefix="mcp-policy-bench-") as folder:
            processes.append(measure.process(plan, extra, Path(folder), progress))
    progress.end()
    report = Report(contenders.contenders(extra), processes)
    rounds = f"{plan.processes} processes, {plan.rounds} rounds in each"
    print(
        f"CPU of the Envoy process, {rounds}: sustained for {plan.sustain_ms} ms, {plan.bursts} bursts of "
        f"{plan.requests} requests. Given are the cost over pass-through, its ratio to native mcp + rbac with a body of the "
        f"same length, and the range of that ratio over the processes:\n\n{report.costs()}\n\n"
        f"Latency at {plan.rate:,} requests a second:\n\n{report.latencies()}\n\n"
        f"A large policy as a multiple of a small one, sustained:\n\n{report.growth()}\n\n"
        f"Targets, as ratios to the cost of mcp + rbac, sustained:\n\n{report.targets()}"
    )
    if extra:
        print(f"\nCost of other builds relative to this one:\n\n{report.builds(list(extra))}")


def main() -> int:
    arguments = sys.argv[1:]
    if "--peers" in arguments:
        return peers.main([argument for argument in arguments if argument != "--peers"])
    flags = ("--quick", "--worst", "--shared")
    unknown = [argument for argument in arguments if argument not in flags and "=" not in argument]
    if unknown:
        print(
            f"bench: unknown: {' '.join(unknown)}; expected --quick, --worst, --shared, --peers or name=module.wasm",
            file=sys.stderr,
        )
        return 2
    extra = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    for needed, made in ((places.MODULE, "make build"), (PROGRAM, "make bench")):
        if not needed.exists():
            print(f"bench: {needed} does not exist; run: {made}", file=sys.stderr)
            return 1
    try:
        if "--worst" in arguments:
            worst.run()
        elif "--shared" in arguments:
            shared.run()
        else:
            run(chosen(arguments), extra)
    except Unexpected as unexpected:
        print(f"bench: {unexpected}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
