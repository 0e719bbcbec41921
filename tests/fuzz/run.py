"""Builds the fuzz targets and runs them, two at a time: `make fuzz`. Ends with an error if one finds something."""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import places
import seeds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / "target" / "fuzz"
TOOLS = OUT / "tools"
VERSION = "0.13.2"
AT_ONCE = 2
# How long one input may take. The budget of work of a request, all of it spent, takes less than a second.
MOST_SECONDS = 10
# The longest input of each target, in bytes.
LONGEST = {
    "reader": 4_096,
    "readers": 4_096,
    "document": 8_192,
    "lists": 1_024,
    "sse": 1_024,
    "schema": 2_048,
    "struct_config": 4_096,
    "rate_limit": 256,
    "approval": 1_024,
    "work": 65_536,
    "patterns": 120,
}


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


@dataclass
class Run:
    """One target that runs."""

    target: str
    process: subprocess.Popen
    log: Path
    started: float = field(default_factory=time.monotonic)

    def report(self) -> bool:
        """Print how it went; return whether nothing was found."""
        log = self.log.read_text(errors="replace")
        runs = re.findall(r"stat::number_of_executed_units: (\d+)", log)
        covered = re.findall(r"cov: (\d+)", log)
        taken = time.monotonic() - self.started
        if self.process.returncode == 0 and runs:
            found = f"{int(runs[-1]):,} inputs, {covered[-1] if covered else 0} branches covered"
            print(f"  {self.target:<14} {taken:4.0f} s  {found}", flush=True)
            return True
        print(f"  {self.target:<14} {taken:4.0f} s  FAILED:", flush=True)
        panic = re.search(
            r"^(thread '.*? panicked at .*?)^(?:stack backtrace|note: )", log, re.DOTALL | re.MULTILINE
        )
        lines = panic[1].splitlines() if panic else log.splitlines()[-15:]
        print("\n".join(f"    {line[:1000]}" for line in lines), flush=True)
        again = re.findall(r"Test unit written to (\S+)", log)
        if again:
            print(f"    again: {self.process.args[0]} {again[-1]}", flush=True)
        return False


def start(target: str, programs: Path, seconds: int) -> Run:
    """Start a target on the inputs found so far, the committed ones, and the seeds."""
    own, found = OUT / "corpus" / target, OUT / "found"
    for folder in (own, found):
        folder.mkdir(parents=True, exist_ok=True)
    seeds.write(target, OUT / "seeds" / target)
    committed = HERE / "corpus" / target
    folders = [own, OUT / "seeds" / target, *([committed] if committed.exists() else [])]
    limits = [f"-max_total_time={seconds}", f"-timeout={MOST_SECONDS}", f"-max_len={LONGEST[target]}"]
    options = [*limits, "-rss_limit_mb=3000", "-print_final_stats=1", f"-artifact_prefix={found}/{target}-"]
    readers = [
        f"{sys.executable} {HERE / 'readers' / 'python.py'}",
        f"{places.node()} {HERE / 'readers' / 'node.mjs'}",
    ]
    log = OUT / f"{target}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [programs / target, *options, *folders],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "FUZZ_READERS": "\n".join(readers)},
        )
    return Run(target, process, log)


def run(targets: list[str], seconds: int) -> bool:
    """Run the targets; return whether nothing was found."""
    programs = build(targets)
    waiting, running, sound = list(targets), [], True
    print(f"fuzz: {len(targets)} targets for {seconds} s each, {AT_ONCE} at a time", flush=True)
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            running.append(start(waiting.pop(0), programs, seconds))
        ended = [each for each in running if each.process.poll() is not None]
        running = [each for each in running if each not in ended]
        sound = all([each.report() for each in ended]) and sound
        time.sleep(0.2)
    return sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=sorted(seeds.TARGETS), help="run only this one")
    parser.add_argument("--seconds", type=int, default=20, help="how long each target runs")
    options = parser.parse_args()
    targets = [options.target] if options.target else list(seeds.TARGETS)
    sys.exit(0 if run(targets, options.seconds) else "fuzz: a target has found something")


if __name__ == "__main__":
    main()
