"""Steady traffic while something happens to Envoy: callers that call one tool after another.

with Traffic(envoy.port, ["echo", "danger"]) as traffic:
    envoy.update(policy)
assert traffic.verdicts("danger") == {"denied"}
"""

import itertools
import threading
from collections import Counter
from dataclasses import dataclass

from . import http1, load, rpc

CALLERS = 8
REFUSALS = "x-mcp-policy"


@dataclass
class Outcome:
    """How one call ended: `verdict` is `allowed`, the code of a refusal, another HTTP status, or `lost`."""

    id: int
    tool: str
    verdict: str


class Traffic:
    """Callers, each on its own connection, that call these tools in turn until the block ends.

    A caller opens a new connection when the answer says that this one closes, or when a call is lost, which is a
    connection that ends before the answer does. Each call has its own JSON-RPC id, so that it can be compared with
    what the upstream has seen.
    """

    def __init__(self, port: int, tools: list, callers: int = CALLERS, headers: list = ()) -> None:
        self.outcomes: list[Outcome] = []
        self._port = port
        self._tools = tools
        self._headers = list(headers)
        self._ids = itertools.count(1)
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._caller, daemon=True) for _ in range(callers)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * http1.TIMEOUT)
        assert not any(thread.is_alive() for thread in self._threads), "a caller got no answer"

    def more(self, count: int, timeout: float = 30.0) -> None:
        """Wait until this many more calls have ended."""
        until = len(self.outcomes) + count
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.outcomes) >= until, timeout):
                raise TimeoutError(f"{len(self.outcomes) - until + count} of {count} calls in {timeout} s")

    def verdicts(self, tool: str) -> Counter:
        """Count the verdicts of a tool's calls."""
        return Counter(outcome.verdict for outcome in self.outcomes if outcome.tool == tool)

    def _caller(self) -> None:
        connection = http1.Connection(self._port)
        try:
            while not self._stopping.is_set():
                number = next(self._ids)
                tool = self._tools[number % len(self._tools)]
                answer = connection.exchange(load.post(rpc.tools_call(tool, id=number), self._headers))
                with self._changed:
                    self.outcomes.append(Outcome(number, tool, verdict(answer)))
                    self._changed.notify_all()
                if not answer.whole or answer.header("connection") == "close":
                    connection.socket.close()
                    connection = http1.Connection(self._port)
        finally:
            connection.socket.close()


def verdict(answer: http1.Answer) -> str:
    """Name the verdict of an answer, as in `Outcome`."""
    if not answer.whole:
        return "lost"
    if refused := answer.header(REFUSALS):
        return refused
    return "allowed" if answer.status == 200 else str(answer.status)
