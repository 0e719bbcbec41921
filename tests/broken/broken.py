#!/usr/bin/env python3
"""Breaks promises of SECURITY.md on purpose and shows that the tests which hold them fail: `broken.py [NAME …]`.

Each `*.patch` beside this file breaks one promise. It begins with two lines that name the promise and the test. The
patch is applied to a copy of the sources below target/, one after the other; the checkout is not touched.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COPY = ROOT / "target" / "broken"
# The package whose tests are in a folder below tests/.
PACKAGES = {"engine": "mcp-policy-engine", "filter": "mcp-policy-filter"}
# A failing property is not made smaller: it only has to fail.
ENVIRONMENT = {"CARGO_TARGET_DIR": str(ROOT / "target"), "PROPTEST_MAX_SHRINK_ITERS": "0"}


@dataclass(frozen=True)
class Broken:
    """A patch, the promise that it breaks, and the test that must fail."""

    patch: Path
    promise: str
    test: str

    @classmethod
    def read(cls, patch: Path) -> "Broken":
        promise, test, *_ = patch.read_text().splitlines()
        return cls(patch, promise.removeprefix("Promise: "), test.removeprefix("Test: "))

    @property
    def folder(self) -> str:
        """The folder of the test, which is also the name of its program."""
        return self.test.split("/")[1]

    @property
    def function(self) -> str:
        return self.test.split("::")[1]


def apply(patch: Path, folder: Path, *options: str) -> None:
    """Apply a patch in a folder that git takes for no part of this repository. Raise an error if it does not fit."""
    command = ["git", "apply", *options, str(patch)]
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    subprocess.run(command, cwd=folder, env=environment, check=True)


def copy_sources() -> None:
    """Copy the files that git knows, as they are in this checkout."""
    shutil.rmtree(COPY, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name)


def fails(broken: Broken) -> bool:
    """Break the promise, run its test, and repair it. Print the end of the test's output if it does not fail."""
    apply(broken.patch, COPY)
    command = ["cargo", "test", "--quiet", "-p", PACKAGES[broken.folder], "--test", broken.folder]
    done = subprocess.run(
        [*command, "--", broken.function],
        cwd=COPY,
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    apply(broken.patch, COPY, "--reverse")
    has_failed = re.search(rf"^    \S*{broken.function}$", done.stdout, re.MULTILINE)
    if not has_failed:
        print(done.stdout[-2000:], file=sys.stderr)
    return bool(has_failed)


def main(names: list[str]) -> int:
    found = [Broken.read(patch) for patch in sorted(HERE.glob("*.patch")) if not names or patch.stem in names]
    copy_sources()
    missed = 0
    for broken in found:
        has_failed = fails(broken)
        missed += not has_failed
        print(
            f"{broken.patch.stem}: {broken.promise}\n    {broken.test} {'fails' if has_failed else 'PASSES'}"
        )
    print(f"{len(found) - missed} of {len(found)} broken promises were noticed")
    return 1 if missed or not found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
