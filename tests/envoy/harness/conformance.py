"""Runs the MCP conformance suite against a server, directly or through Envoy."""

import os
import re
import subprocess
from pathlib import Path

import places

SUITE = places.NPM / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
LINE = re.compile(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed$", re.MULTILINE)
UNSCORED = re.compile(r"^  [✓✗] (\S+) \(", re.MULTILINE)


def required(url: str, revision: str, folder: Path, timeout: float = 300.0) -> dict:
    """Run what a revision requires of servers; return each scenario's (passed, failed) checks.

    Scenarios that the suite runs without counting them are left out. `folder` takes its files.
    """
    command = [
        places.node(),
        SUITE,
        "server",
        "--url",
        url,
        "--requirements",
        revision,
        "--output-dir",
        folder,
    ]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    if not summary:
        raise RuntimeError(
            f"the conformance suite gave no summary:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    unscored = set(UNSCORED.findall(summary))
    return {
        name: (int(passed), int(failed))
        for name, passed, failed in LINE.findall(summary)
        if name not in unscored
    }
