"""How long a process has run on a CPU."""

import time
from pathlib import Path

# The last answer arrives before Envoy has cleaned up its request.
SETTLE_SECONDS = 0.002


def spent_ns(pid: int) -> int:
    """Read how many nanoseconds all threads of a process have run.

    `schedstat` counts nanoseconds, while `stat` counts ticks of 10 ms. It is exact only for sleeping threads,
    so this waits until they sleep.
    """
    time.sleep(SETTLE_SECONDS)
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
