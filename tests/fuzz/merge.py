"""Chooses the inputs of `tests/fuzz/corpus`: the shortest ones that reach code that the seeds do not."""

import shutil
from pathlib import Path

import seeds
from target import HERE, OUT, committed, start, wait

# How many bytes of inputs a target keeps at most.
MOST_BYTES = 40_000


def update(target: str, programs: Path) -> None:
    """Choose anew from what runs on this machine have found and what is committed."""
    first, merged, kept = OUT / "seeds" / target, OUT / "merged" / target, HERE / "corpus" / target
    shutil.rmtree(first, ignore_errors=True)
    shutil.rmtree(merged, ignore_errors=True)
    seeds.write(target, first)
    shutil.copytree(first, merged)
    found = OUT / "corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    # How often a branch is taken makes no difference, or there would be ten times as many inputs.
    options = ["-merge=1", "-use_counters=0"]
    log = OUT / f"{target}-merge.log"
    log.unlink(missing_ok=True)
    process = start(target, programs, options, [merged, found, *committed(target)], log)
    wait(process)
    if process.returncode:
        raise SystemExit(f"fuzz: {target} cannot be merged, see {log}")
    # The shortest first, as libFuzzer takes them.
    chosen = sorted(
        (path for path in merged.iterdir() if not (first / path.name).exists()),
        key=lambda path: (path.stat().st_size, path.name),
    )
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    size = 0
    for path in chosen:
        size += path.stat().st_size
        if size > MOST_BYTES:
            break
        shutil.copy(path, kept / path.name)
    written = list(kept.iterdir())
    size = sum(path.stat().st_size for path in written)
    print(f"  {target:<14} {len(written)} of {len(chosen)} inputs, {size:,} bytes", flush=True)
