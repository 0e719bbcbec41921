"""How long a process has run on a CPU."""

import time
from pathlib import Path

# The last answer comes before Envoy has put away everything of its request.
SETTLE_SECONDS = 0.002


def spent_ns(pid: int) -> int:
    """Read the nanoseconds that all threads of a process have run.

    `schedstat` counts in nanoseconds where `stat` counts ticks of 10 ms; it is exact for threads that
    sleep, so wait until they do.
    """
    time.sleep(SETTLE_SECONDS)
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
