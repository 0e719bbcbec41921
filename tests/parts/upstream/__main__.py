"""Runs the recording upstream by itself: `python -m upstream` prints `port=12345` and serves.

For measurements, where the tests' own process must not be in the way. Nothing is kept.
"""

import signal

from .record import Upstream


class Forgetful(Upstream):
    """Answers like the other, and remembers nothing, for it may be asked a million times."""

    def end(self, request):
        self.clear()
        return super().end(request)


upstream = Forgetful()
print(f"port={upstream.port}", flush=True)
signal.sigwait({signal.SIGINT, signal.SIGTERM})
upstream.stop()
