"""The client: bursts of requests over connections that stay open."""

import re
import socket

# So many requests are under way at once, each on a connection of its own.
CONNECTIONS = 8

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")


class Unexpected(Exception):
    """An answer was not the one that is to be measured."""


class Load:
    """Asks one contender the same thing again and again; `expects` is in each of its answers."""

    def __init__(self, port: int, request: bytes, expects: bytes) -> None:
        self._request = request
        self._expects = expects
        self._connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for connection in self._connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def burst(self, requests: int) -> int:
        """Send so many requests, or a few more; return how many."""
        rounds = -(-requests // CONNECTIONS)
        for _ in range(rounds):
            for connection in self._connections:
                connection.sendall(self._request)
            for connection in self._connections:
                self._receive(connection)
        return rounds * CONNECTIONS

    def once(self) -> None:
        """Send one request on one connection."""
        self._connections[0].sendall(self._request)
        self._receive(self._connections[0])

    def _receive(self, connection: socket.socket) -> None:
        answer = b""
        while not _is_whole(answer):
            if not (piece := connection.recv(65536)):
                raise Unexpected(f"the connection was closed after {answer!r}")
            answer += piece
        if self._expects not in answer:
            raise Unexpected(f"{self._expects!r} is not in {answer!r}")

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def _is_whole(answer: bytes) -> bool:
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = LENGTH.search(answer, 0, head)
    if not length:
        raise Unexpected(f"an answer without a length: {answer!r}")
    return len(answer) >= head + 4 + int(length[1])
