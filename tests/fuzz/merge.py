"""Chooses the inputs of `tests/fuzz/corpus`: a few that together reach much code that the seeds do not reach."""

import heapq
import shutil
from pathlib import Path

import seeds
from target import HERE, OUT, committed, start, wait

# How many inputs a target keeps at most, and how many bytes of them.
MOST_INPUTS = 60
MOST_BYTES = 40_000


def update(target: str, programs: Path) -> None:
    """Choose anew from what runs on this machine have found and what is committed."""
    first, found = OUT / "seeds" / target, OUT / "corpus" / target
    shutil.rmtree(first, ignore_errors=True)
    seeds.write(target, first)
    found.mkdir(parents=True, exist_ok=True)
    reached = measure(target, programs, [first, found, *committed(target)])
    known = set().union(*(features for path, features in reached.items() if path.parent == first))
    others = {path: features for path, features in reached.items() if path.parent != first}
    texts = {path.name: path.read_bytes() for path in choose(others, known)}
    kept = HERE / "corpus" / target
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for name, text in texts.items():
        (kept / name).write_bytes(text)
    size = sum(map(len, texts.values()))
    print(f"  {target:<14} {len(texts)} of {len(others)} inputs, {size:,} bytes", flush=True)


def measure(target: str, programs: Path, folders: list[Path]) -> dict[Path, set[int]]:
    """Return which branches each input in the folders reaches, as libFuzzer's numbers."""
    control, merged, log = (OUT / f"{target}{end}" for end in ("-merge.txt", "-merged", "-merge.log"))
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    for file in (control, log):
        file.unlink(missing_ok=True)
    # How often a branch is taken makes no difference, or almost every input would reach something of its own.
    options = ["-set_cover_merge=1", "-use_counters=0", f"-merge_control_file={control}"]
    process = start(target, programs, options, [merged, *folders], log)
    wait(process)
    if process.returncode:
        raise SystemExit(f"fuzz: {target} cannot be merged, see {log}")
    # The number of inputs, that of those in `merged`, the inputs, and what each one reaches ("FT", its number, numbers).
    count, _, *lines = control.read_text().splitlines()
    paths, rest = lines[: int(count)], lines[int(count) :]
    entries = (line.split() for line in rest if line.startswith("FT "))
    return {Path(paths[int(number)]): set(map(int, features)) for _, number, *features in entries}


def choose(reached: dict[Path, set[int]], known: set[int]) -> list[Path]:
    """Return inputs that together reach much. Each next one is the input that adds most to what is known."""
    # What an input adds never grows, so it is counted again only when it comes first.
    queue = [(-len(features - known), path.stat().st_size, path) for path, features in reached.items()]
    heapq.heapify(queue)
    chosen, left = [], MOST_BYTES
    while queue and len(chosen) < MOST_INPUTS:
        counted, size, path = heapq.heappop(queue)
        adds = len(reached[path] - known)
        if adds == 0 or size > left:
            continue
        if adds < -counted:
            heapq.heappush(queue, (-adds, size, path))
            continue
        chosen.append(path)
        left -= size
        known |= reached[path]
    return chosen
