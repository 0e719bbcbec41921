"""Runs the MCP conformance suite against a server, directly or through Envoy."""

import json
import os
import re
import subprocess
from pathlib import Path

import places

SUITE = places.NPM / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
SCENARIO = re.compile(r"^[✓✗] (\S+): \d+ passed, \d+ failed$", re.MULTILINE)
UNSCORED = re.compile(r"^  [✓✗] (\S+) \(", re.MULTILINE)


def required(url: str, revision: str, folder: Path, timeout: float = 150.0) -> dict:
    """Run what a revision requires of servers; return each scenario's failed checks by their ids.

    Leaves out scenarios that the suite runs without counting them. `folder` must be new; the suite writes its
    files there.
    """
    command = [places.node(), SUITE, "server", "--url", url, "--requirements", revision]
    done = subprocess.run(
        [*command, "--output-dir", folder],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "NO_COLOR": "1"},
    )
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    if not summary:
        raise RuntimeError(
            f"the conformance suite gave no summary:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    scored = set(SCENARIO.findall(summary)) - set(UNSCORED.findall(summary))
    return {name: failed_checks(folder, name) for name in sorted(scored)}


def failed_checks(folder: Path, scenario: str) -> set:
    """Read which checks of a scenario failed; a folder's name is the scenario's and the time."""
    files = folder.glob(f"server-{scenario}-[0-9][0-9][0-9][0-9]-*/checks.json")
    checks = [check for file in files for check in json.loads(file.read_text())]
    if not checks:
        raise RuntimeError(f"the conformance suite wrote no checks for `{scenario}`")
    return {check["id"] for check in checks if check["status"] == "FAILURE"}
