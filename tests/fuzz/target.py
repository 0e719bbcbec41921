"""Runs one fuzz target, and tells what it has found."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import places
import seeds

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "target" / "fuzz"
# How long one input may take, in seconds of CPU time. The budget of work of a request, all of it spent, takes less than one.
# On a busy machine it takes up to ten times as long by the clock. That is not cut short, because a program that libFuzzer
# interrupts can hang.
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


def start(
    target: str, programs: Path, options: list[str], folders: list[Path], log: Path
) -> subprocess.Popen:
    """Start the program of a target on folders of inputs, or on one input. Its output is added to the log."""
    readers = [
        f"{sys.executable} {HERE / 'readers' / 'python.py'}",
        f"{places.node()} {HERE / 'readers' / 'node.mjs'}",
    ]
    with log.open("a") as out:
        return subprocess.Popen(
            [programs / target, f"-max_len={LONGEST[target]}", "-rss_limit_mb=3000", *options, *folders],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "FUZZ_READERS": "\n".join(readers)},
        )


def wait(process: subprocess.Popen, options: int = 0) -> float | None:
    """Wait for a process. Return the CPU time that it has used, in seconds; `None` if it has not ended."""
    pid, status, used = os.wait4(process.pid, options)
    if pid == 0:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def committed(target: str) -> list[Path]:
    """Return the folder of a target's committed inputs, if there is one."""
    return [folder for folder in [HERE / "corpus" / target] if folder.exists()]


class Run:
    """A target that runs on the inputs found so far, the committed ones, and the seeds."""

    def __init__(self, target: str, programs: Path, seconds: int) -> None:
        self.target = target
        # The CPU time of the target's own program.
        self.cpu = 0.0
        self._is_sound = False
        self._programs = programs
        self._seconds = seconds
        self._log = OUT / f"{target}.log"
        self._started = time.monotonic()
        self._log.unlink(missing_ok=True)
        seeds.write(target, OUT / "seeds" / target)
        self._process = self._start(seconds)

    def _start(self, seconds: int) -> subprocess.Popen:
        own, found = OUT / "corpus" / self.target, OUT / "found"
        for folder in (own, found):
            folder.mkdir(parents=True, exist_ok=True)
        options = [f"-max_total_time={seconds}", f"-timeout={10 * MOST_SECONDS}", "-print_final_stats=1"]
        options.append(f"-artifact_prefix={found}/{self.target}-")
        folders = [own, OUT / "seeds" / self.target, *committed(self.target)]
        return start(self.target, self._programs, options, folders, self._log)

    def has_ended(self) -> bool:
        """Return whether it has ended. It goes on if an input took long only because the machine is busy."""
        cpu = wait(self._process, os.WNOHANG)
        if cpu is None:
            return False
        self.cpu += cpu
        if self._process.returncode == 0:
            # libFuzzer only notes an input that was slow.
            self._is_sound = self._found() is None or self._was_only_busy()
            return True
        if not self._was_only_busy():
            return True
        self._is_sound = True
        left = round(self._seconds - self._taken())
        if left > 0:
            self._process = self._start(left)
        return left <= 0

    def _was_only_busy(self) -> bool:
        """Return whether what was found last is an input that alone takes less CPU time than it may."""
        found = self._found()
        if found is None or not ("-timeout-" in found.name or "-slow-unit-" in found.name):
            return False
        options = [f"-timeout={10 * MOST_SECONDS}"]
        process = start(self.target, self._programs, options, [found], Path(os.devnull))
        cpu = wait(process)
        if process.returncode or cpu is None or cpu >= MOST_SECONDS:
            return False
        print(f"  {self.target:<14} {found.name} takes only {cpu:.1f} s of CPU time", flush=True)
        found.unlink()
        return True

    def _taken(self) -> float:
        return time.monotonic() - self._started

    def _found(self) -> Path | None:
        """Return the file with the input that was found last and is still there."""
        found = re.findall(r"Test unit written to (\S+)", self._log.read_text(errors="replace"))
        return next((path for path in map(Path, reversed(found)) if path.exists()), None)

    def tell(self) -> None:
        """Print how far it is."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 10_000))
            lines = re.findall(rb"^#(\d+)\s.* cov: (\d+)", log.read(), re.MULTILINE)
        inputs, covered = lines[-1] if lines else (0, 0)
        progress = f"{int(inputs):,} inputs, {int(covered)} branches covered so far"
        print(f"  {self.target:<14} {self._taken():5.0f} of {self._seconds} s  {progress}", flush=True)

    def report(self) -> bool:
        """Print how it went; return whether nothing was found."""
        log = self._log.read_text(errors="replace")
        runs = re.findall(r"stat::number_of_executed_units: (\d+)", log)
        covered = re.findall(r"cov: (\d+)", log)
        times = f"{self._taken():5.0f} s, {self.cpu:5.0f} s of CPU time"
        if self._is_sound and runs:
            found = f"{sum(map(int, runs)):,} inputs, {covered[-1] if covered else 0} branches covered"
            print(f"  {self.target:<14} {times}  {found}", flush=True)
            return True
        print(f"  {self.target:<14} {times}  FAILED:", flush=True)
        panic = re.search(
            r"^(thread '.*? panicked at .*?)^(?:stack backtrace|note: )", log, re.DOTALL | re.MULTILINE
        )
        lines = panic[1].splitlines() if panic else log.splitlines()[-15:]
        print("\n".join(f"    {line[:1000]}" for line in lines), flush=True)
        if again := self._found():
            print(f"    again: {self._process.args[0]} {again}", flush=True)
        return False
