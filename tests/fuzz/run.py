"""Builds the fuzz targets and runs them: `make fuzz`. Ends with an error if one finds something."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

import merge
import seeds
from target import HERE, OUT, Run

ROOT = HERE.parents[1]
TOOLS = OUT / "tools"
VERSION = "0.13.2"
# How often the progress is printed, in seconds.
PROGRESS = 60


def tool() -> dict[str, str]:
    """Make sure that cargo-fuzz is there; return the environment in which cargo finds it."""
    environment = {**os.environ, "PATH": f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    if which("c++") is None and "CXX" not in os.environ:
        sys.exit("fuzz: there is no C++ compiler, which libFuzzer needs: install g++ or clang, or set CXX")
    if which("cargo-fuzz", path=environment["PATH"]) is None:
        print(f"fuzz: installing cargo-fuzz {VERSION} below target/fuzz/tools", flush=True)
        install = [
            "cargo",
            "install",
            "--quiet",
            "--locked",
            "--root",
            TOOLS,
            "--version",
            VERSION,
            "cargo-fuzz",
        ]
        if subprocess.run(install, check=False).returncode:
            sys.exit("fuzz: cargo-fuzz cannot be installed, see above")
    return environment


def build(targets: list[str]) -> Path:
    """Build all targets; return the folder with their programs. Without sanitizers any toolchain will do."""
    print("fuzz: building", flush=True)
    started = time.monotonic()
    command = ["cargo", "fuzz", "build", "--fuzz-dir", HERE, "--sanitizer", "none"]
    command += ["--target-dir", OUT, *(targets if len(targets) == 1 else [])]
    if subprocess.run(command, env=tool(), cwd=ROOT, check=False).returncode:
        sys.exit("fuzz: the targets do not build, see above")
    print(f"fuzz: built in {time.monotonic() - started:.0f} s", flush=True)
    programs = [path.parent for path in OUT.glob(f"*/release/{targets[0]}")]
    return max(programs, key=lambda path: (path / targets[0]).stat().st_mtime)


def run(targets: list[str], programs: Path, seconds: int, jobs: int) -> bool:
    """Run the targets; return whether nothing was found."""
    waiting, running, sound, spent = list(targets), [], True, 0.0
    print(f"fuzz: {len(targets)} targets for {seconds} s each, {jobs} at a time", flush=True)
    told = time.monotonic()
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(Run(waiting.pop(0), programs, seconds))
        for each in [each for each in running if each.has_ended()]:
            running.remove(each)
            sound = each.report() and sound
            spent += each.cpu
        if time.monotonic() - told >= PROGRESS:
            told = time.monotonic()
            for each in running:
                each.tell()
            if waiting:
                print(f"fuzz: {len(waiting)} of {len(targets)} targets wait", flush=True)
        time.sleep(0.2)
    print(f"fuzz: {spent:.0f} s of CPU time", flush=True)
    return sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=sorted(seeds.TARGETS), help="run only this one")
    parser.add_argument("--seconds", type=int, default=20, help="how long each target runs")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at a time")
    parser.add_argument("--update", action="store_true", help="choose the inputs of tests/fuzz/corpus anew")
    options = parser.parse_args()
    targets = [options.target] if options.target else list(seeds.TARGETS)
    programs = build(targets)
    if options.update:
        for target in targets:
            merge.update(target, programs)
        return
    sound = run(targets, programs, options.seconds, max(options.jobs, 1))
    sys.exit(0 if sound else "fuzz: a target has found something")


if __name__ == "__main__":
    main()
