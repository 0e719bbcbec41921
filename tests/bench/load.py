"""Drives `load/`, the program that is both the client and the server behind Envoy."""

import socket
import subprocess
from dataclasses import dataclass

import places

PROGRAM = places.TARGET / "measure" / "mcp-policy-load"

# The number of simultaneous requests in bursts and under sustained load.
CONNECTIONS = 8

# At a fixed rate a request must find a free connection, even if answers are late.
PACED_CONNECTIONS = 64


class Unexpected(Exception):
    """An answer was not the expected one."""


@dataclass
class Done:
    """The result of a load; latencies in microseconds."""

    requests: int
    p50: float
    p99: float


class Loader:
    """The running program; `port` is its server's."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.port = int(self._process.stdout.readline().split("=")[1])

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()

    def add(self, port: int, request: bytes, expects: bytes | list, connections: int = CONNECTIONS) -> "Load":
        """Open connections to one of Envoy's listeners. Each answer must contain `expects`, or one of these texts."""
        texts = [expects] if isinstance(expects, bytes) else expects
        joined = ",".join(text.hex() for text in texts)
        number = self.tell("add", port, connections, joined, request.hex()).split()[1]
        return Load(self, number)

    def mix(self, requests: int, loads: list) -> Done:
        """Send this many requests, keeping one in flight on every connection of these loads."""
        return self.run("mix", requests, *(load.number for load in loads))

    def served(self) -> int:
        """Return how many requests the server has answered."""
        return int(self.tell("served").split()[1])

    def tell(self, *words: object) -> str:
        """Send a command; return its answer."""
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        if answer := self._process.stdout.readline():
            return answer
        raise Unexpected(self._process.stderr.read().strip())

    def run(self, *words: object) -> Done:
        _, requests, p50, p99 = self.tell(*words).split()
        return Done(int(requests), int(p50) / 1000, int(p99) / 1000)


@dataclass
class Load:
    """Sends the same request to one listener repeatedly."""

    loader: Loader
    number: str

    def counts(self) -> list:
        """Return how many answers have contained each of the expected texts."""
        return [int(count) for count in self.loader.tell("counts", self.number).split()[1:]]

    def burst(self, requests: int) -> Done:
        """Send this many requests, or a few more, in rounds on all connections."""
        return self.loader.run("burst", self.number, requests)

    def sustain(self, milliseconds: int) -> Done:
        """Keep one request in flight on every connection."""
        return self.loader.run("sustain", self.number, milliseconds)

    def rate(self, per_second: int, milliseconds: int) -> Done:
        """Send requests at fixed times."""
        return self.loader.run("rate", self.number, per_second, milliseconds)


def once(port: int, request: bytes, expects: bytes) -> None:
    """Send one request on a new connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = connection.recv(65536)
    if expects not in answer:
        raise Unexpected(f"{expects!r} is not in {answer!r}")
