"""Sends exact bytes over a socket, in any pieces, even if no client library would.

head = http1.head("POST", "/mcp", [("content-type", "application/json")], length=len(body))
answer = http1.exchange(envoy.port, [head, body[:3], body[3:]], gap=0.02)
"""

import socket
import time
from dataclasses import dataclass, field

TIMEOUT = 20.0


@dataclass
class Answer:
    """One HTTP/1.1 response. Names are lower case, one character for each byte.

    `whole` is false if the connection ended before the response did. Status 0 means no response.
    """

    status: int = 0
    headers: list = field(default_factory=list)
    body: bytes = b""
    whole: bool = False

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name.lower()), None)


def head(
    method: str = "POST",
    path: str = "/mcp",
    headers: list = (),
    *,
    length: int | None = None,
    chunked: bool = False,
    host: str = "127.0.0.1",
) -> bytes:
    """Write a request's head; header values may be str or bytes."""
    lines = [b"%b %b HTTP/1.1" % (_bytes(method), _bytes(path)), b"host: " + _bytes(host)]
    lines += [_bytes(name) + b": " + _bytes(value) for name, value in headers]
    if length is not None:
        lines.append(b"content-length: %d" % length)
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Write one chunk; an empty one would end the body, so use `last_chunk` for that."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: list = ()) -> bytes:
    """Write the end of a chunked body."""
    fields = b"".join(_bytes(name) + b": " + _bytes(value) + b"\r\n" for name, value in trailers)
    return b"0\r\n" + fields + b"\r\n"


def chunks(body: bytes, size: int = 1) -> list:
    """Cut a body into chunks of `size` bytes, and end it."""
    return [chunk(body[at : at + size]) for at in range(0, len(body), size)] + [last_chunk()]


def exchange(port: int, pieces: bytes | list, gap: float = 0.0, timeout: float = TIMEOUT) -> Answer:
    """Send pieces over a fresh connection, `gap` seconds apart, and read one response.

    A piece with a gap after it arrives separately. An answer may arrive before everything is sent.
    """
    with Connection(port, timeout) as connection:
        return connection.exchange(pieces, gap)


class Connection:
    """A persistent connection for many consecutive exchanges."""

    def __init__(self, port: int, timeout: float = TIMEOUT) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def exchange(self, pieces: bytes | list, gap: float = 0.0) -> Answer:
        self.send(pieces, gap)
        return self.receive()

    def send(self, pieces: bytes | list, gap: float = 0.0) -> None:
        """Send pieces. If the peer has already closed, reading its answer shows that."""
        try:
            for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                self.socket.sendall(piece)
                if gap:
                    time.sleep(gap)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def receive(self) -> Answer:
        """Read one response, by its length, its chunks or the connection's end."""
        answer = Answer()
        try:
            first, *lines = self._until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
            answer.status = int(first.split(" ")[1])
            parted = (line.partition(":") for line in lines)
            answer.headers = [(name.lower(), value.strip()) for name, _, value in parted]
            if answer.header("transfer-encoding") == "chunked":
                while size := int(self._until(b"\r\n"), 16):
                    answer.body += self._exactly(size)
                    self._exactly(2)
                while self._until(b"\r\n") != b"\r\n":
                    pass
            elif answer.header("content-length") is not None:
                answer.body = self._exactly(int(answer.header("content-length")))
            elif answer.status >= 200 and answer.status not in (204, 304):
                self._to_the_end(answer)
            answer.whole = True
        except (EOFError, ConnectionResetError):
            pass
        return answer

    def _to_the_end(self, answer: Answer) -> None:
        while more := self.socket.recv(65536):
            self._read += more
        answer.body, self._read = self._read, b""

    def _fill(self) -> None:
        more = self.socket.recv(65536)
        if not more:
            raise EOFError
        self._read += more

    def _until(self, end: bytes) -> bytes:
        while end not in self._read:
            self._fill()
        at = self._read.index(end) + len(end)
        found, self._read = self._read[:at], self._read[at:]
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._fill()
        found, self._read = self._read[:size], self._read[size:]
        return found


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
