"""The record of what reached the upstream, and the thread that serves it."""

import asyncio
import threading
import time
from collections.abc import Callable

from servers.loopback import listener

from . import http1
from .answers import TOOLS, Answer, ordinary
from .request import Request


class Upstream:
    """Serves HTTP/1.1, and HTTP/2 with prior knowledge, on a free loopback port.

    `heads` has every request whose head arrived, `requests` those that are complete. Both can be read from
    any thread. `answer` is an `Answer`, a function from `Request` to `Answer` (it may be async), or None for
    an MCP server's ordinary answers (`tools` is its list).
    """

    def __init__(self, answer: Answer | Callable[[Request], Answer] | None = None, port: int = 0) -> None:
        self.heads: list[Request] = []
        self.requests: list[Request] = []
        self.connections = 0
        self.answer = answer
        self.tools = list(TOOLS)
        self._listener = listener(port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self._thread.daemon = True
        self._thread.start()

    def __enter__(self) -> "Upstream":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the listener and every connection."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(5)

    @property
    def calls(self) -> list[Request]:
        """The complete requests whose body is a `tools/call`."""
        return [request for request in self.requests if request.rpc_method == "tools/call"]

    def clear(self) -> None:
        """Forget what was seen."""
        self.heads, self.requests = [], []

    def wait(self, count: int, timeout: float = 5.0) -> list[Request]:
        """Wait until `count` complete requests have arrived; raise TimeoutError if they do not."""
        until = time.monotonic() + timeout
        with self._changed:
            while len(self.requests) < count:
                if not self._changed.wait(until - time.monotonic()):
                    raise TimeoutError(f"{len(self.requests)} of {count} requests after {timeout} s")
            return self.requests

    # Called by the protocols, on the upstream's own thread.

    def begin(self, request: Request) -> None:
        """Record a request's head."""
        self.heads.append(request)

    def end(self, request: Request) -> Answer:
        """Record that a request is complete; choose the answer."""
        request.complete = True
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        answer = self.answer
        if answer is None:
            return self.ordinary(request)
        return answer(request) if callable(answer) else answer

    def ordinary(self, request: Request) -> Answer:
        """Return the default answer."""
        return ordinary(request.method, request.body, self.tools)

    async def _serve(self) -> None:
        tasks = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            tasks.add(asyncio.current_task())
            try:
                await http1.serve(self, self.connections, reader, writer)
            except (ConnectionError, asyncio.CancelledError):
                pass
            finally:
                tasks.discard(asyncio.current_task())
                writer.close()

        server = await asyncio.start_server(connected, sock=self._listener, limit=2**21)
        await self._stopping.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
