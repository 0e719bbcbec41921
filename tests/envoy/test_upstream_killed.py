"""The server disconnects in the middle of a request or of an answer, or ends while calls arrive."""

import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from harness import http1, load, rpc
from harness.traffic import CALLERS, Traffic
from upstream import Upstream, event_stream

LARGE = 400_000
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
# What the server sends before it disconnects, and what the client gets: a status, or half of an answer.
BROKEN = {
    "nothing": (b"", 503),
    "half of a head": (HEAD[:30], 502),
    "half of a body": (HEAD + b'content-length: 100\r\n\r\n{"jsonrpc":', 200),
    "half of the chunks": (HEAD + b'transfer-encoding: chunked\r\n\r\n5\r\n{"jso\r\n', 200),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", 502),
}
MAX = 80
FEW = {"limits": [{"counter": "few", "window": "day", "max": MAX}]}
TWO = {"limits": [{"counter": "two", "window": "day", "max": 2, "scope": "session"}]}
POLICY = {"version": "1", "tools": {"echo": {}, "danger": {"action": "deny"}, "few": FEW, "two": TWO}}


class Breaking:
    """A server that reads `reads` bytes of a request, sends `sends`, and closes the connection; without, it resets it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.reads, self.sends = 0, b""
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Breaking":
        return self

    def __exit__(self, *_) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection, contextlib.suppress(ConnectionError):
                    self._break(connection)

    def _break(self, connection: socket.socket) -> None:
        read = 0
        while read < self.reads and (more := len(connection.recv(min(65_536, self.reads - read)))):
            read += more
        connection.sendall(self.sends)
        if self.sends:
            # A reset could overtake what was sent.
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65_536)
        else:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture(scope="module")
def breaking():
    with Breaking() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(module_envoy, breaking):
    return module_envoy(POLICY, upstream=breaking, workers=1)


def answers(proxy, breaking, session: str, **arguments: object) -> list:
    """Call twice, which uses up the limit, while the server fails; return the answers."""
    call = load.post(rpc.tools_call("two", arguments), [("mcp-session-id", session)])
    breaking.reads = breaking.reads or len(call)
    before = breaking.connections
    told = [http1.exchange(proxy.port, call) for _ in range(2)]
    assert http1.exchange(proxy.port, call).header("x-mcp-policy") == "rate_limited"
    assert breaking.connections == before + 2
    return told


@pytest.mark.parametrize("broken", BROKEN)
def test_a_call_whose_answer_breaks_off_is_charged_and_not_answered_whole(proxy, breaking, broken):
    breaking.reads, (breaking.sends, status) = 0, BROKEN[broken]
    for answer in answers(proxy, breaking, broken):
        assert (answer.status, answer.whole) == (status, status != 200)


def test_a_call_is_charged_if_the_server_resets_in_the_middle_of_it(proxy, breaking):
    breaking.reads, breaking.sends = LARGE // 2, b""
    told = answers(proxy, breaking, "in the middle", text="x" * LARGE)
    assert [answer.status for answer in told] == [503, 503]


@contextlib.contextmanager
def restarted(server: Upstream) -> Iterator[Upstream]:
    """Start a server on the port of one that has ended."""
    with Upstream(server.answer, port=server.port) as again:
        yield again


def test_a_server_that_ends_and_returns_while_calls_arrive(envoy):
    """Its answers come in pieces, so it ends in the middle of some."""

    def slowly(request) -> object:
        message = {"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}}
        return event_stream(message, message, gap=0.02)

    with Upstream(slowly) as server:
        proxy = envoy(POLICY, upstream=server, workers=2)
        with Traffic(proxy.port, ["echo", "danger", "few"]) as traffic:
            traffic.more(60)
            server.stop()
            traffic.more(60)
            with restarted(server) as again:
                traffic.more(300)
                again.stop()
                traffic.more(20)
    verdicts = {tool: traffic.verdicts(tool) for tool in ("echo", "danger", "few")}
    assert verdicts["danger"].keys() == {"denied"}, verdicts
    assert verdicts["echo"].keys() == {"allowed", "lost", "503"}, verdicts
    assert verdicts["few"].keys() >= {"allowed", "rate_limited"}, verdicts
    # A call is given back if Envoy had no connection to send it on. One that Envoy sent stays charged, even if the
    # server ended before it read it.
    received = [request.json() for request in (*server.requests, *again.requests)]
    few = Counter(call["params"]["name"] for call in received)["few"]
    assert MAX - 2 * CALLERS <= few <= MAX
    assert max(Counter(call["id"] for call in received).values()) == 1
