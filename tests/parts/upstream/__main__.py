"""Runs the recording upstream as a program: `python -m upstream` prints `port=12345` and serves.

For measurements, in which the tests' own process must not interfere. It records nothing.
"""

import signal

from .record import Upstream


class Forgetful(Upstream):
    """Answers like the other and records nothing, because it may get a million requests."""

    def end(self, request):
        self.clear()
        return super().end(request)


upstream = Forgetful()
print(f"port={upstream.port}", flush=True)
signal.sigwait({signal.SIGINT, signal.SIGTERM})
upstream.stop()
