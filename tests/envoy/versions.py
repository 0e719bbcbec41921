#!/usr/bin/env python3
"""Runs the smoke test and the table of decisions with several versions of Envoy: `versions.py [VERSION …]`
(`make versions`). Without arguments it tries `TRIED`.

It prints one line for each version. After a failure, it also prints the end of pytest's output, and exits with 1.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import get

import places

# The oldest version that a package has, and the last patch of each minor version whose package has V8, oldest first.
# docs/upgrading.md has the results.
TRIED = ["1.36.2", "1.36.4", "1.37.0", "1.38.2", "1.39.3", "1.40.0"]
TESTS = ["test_smoke.py", "test_decisions.py"]
TAIL = 40
SECONDS = 600


def reported(version: str) -> str:
    """Return the version that the binary itself reports."""
    said = subprocess.run(
        [places.envoy_binary(version), "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"version: [0-9a-f]+/([^/]+)/", said.stdout)
    return found[1] if found else said.stdout.strip()


def tried(version: str) -> tuple[bool, str]:
    """Run the tests with a version; return whether all of them passed, and what pytest printed."""
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(folder / name for name in TESTS)],
        env={**os.environ, "ENVOY_RUN": "native", "ENVOY_VERSION": version},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    return done.returncode == 0, done.stdout


def main(versions: list) -> int:
    """Try each version; return the exit status."""
    failed = False
    for version in versions or TRIED:
        if get.main([f"envoy-{version}"]) != 0:
            return 1
        works, output = tried(version)
        failed = failed or not works
        lines = output.strip().splitlines() or [""]
        print(f"{reported(version):8} {'works' if works else 'FAILS'}: {lines[-1].strip('= ')}", flush=True)
        if not works:
            print("\n".join(f"    {line}" for line in lines[-TAIL:]), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
