"""Proxies that ask the rate limit service, in any number and without Envoys: each is one HTTP/2 connection.

They send the message that the filter sends, `envoy.service.ratelimit.v3.RateLimitRequest`, with names of the same length.
Frames are written and read here, because a client library would take more time for a question than the service does.
"""

import asyncio
from dataclasses import dataclass

from hpack import Encoder

from harness.ratelimit import DOMAIN

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1

PATH = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
HEAD = {
    ":method": "POST",
    ":scheme": "http",
    ":path": PATH,
    ":authority": "ratelimit",
    "te": "trailers",
    "content-type": "application/grpc",
}

# `envoy.type.v3.RateLimitUnit` and `RateLimitResponse.Code`
DAY, OK = 4, 1

# In a message of gRPC, a byte for compression and four for the length come first, then here the field `overall_code`.
PREFIX, CODE_AT = 5, 6


class Broken(Exception):
    """The service has not answered a question."""


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def _field(number: int, value: int | bytes) -> bytes:
    """Write one field of a message in the format of Protocol Buffers."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def question(tally: bytes, caller: bytes, most: int) -> bytes:
    """Write the question about a call that adds 1 to one tally of a day, which may hold `most`."""
    entry = _field(1, tally) + _field(2, caller)
    limit = _field(1, most) + _field(2, DAY)
    descriptor = _field(1, entry) + _field(2, limit) + _field(3, _field(1, 1))
    message = _field(1, DOMAIN.encode()) + _field(2, descriptor) + _field(3, 1)
    return b"\0" + len(message).to_bytes(4, "big") + message


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


@dataclass
class Answers:
    """The answers to a burst: how many said OK, and when each arrived, in seconds after the burst began."""

    passed: int
    after: list


class Proxy(asyncio.Protocol):
    """One connection to the service."""

    def __init__(self) -> None:
        # Nothing is kept in HPACK's table, so the same bytes are valid in each question.
        self._head = Encoder().encode([(name, value, True) for name, value in HEAD.items()])
        self._read = bytearray()
        self._stream = -1
        self._open: dict = {}
        self._answered = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        most = (1 << 31) - 1
        opened = _frame(WINDOW_UPDATE, 0, 0, (most - 65_535).to_bytes(4, "big"))
        transport.write(PREFACE + _frame(SETTINGS, 0, 0, b"") + opened)

    def prepare(self, message: bytes, askers: list, answered) -> bytes:
        """Write the same question once for each asker, to be sent; `answered(asker, ok)` is called with each answer."""
        self._answered = answered
        frames = bytearray()
        for asker in askers:
            self._stream += 2
            self._open[self._stream] = asker
            frames += _frame(HEADERS, END_HEADERS, self._stream, self._head)
            frames += _frame(DATA, END_STREAM, self._stream, message)
        return bytes(frames)

    def send(self, frames: bytes) -> None:
        self._transport.write(frames)

    def data_received(self, data: bytes) -> None:
        self._read += data
        at = 0
        while len(self._read) >= at + 9:
            end = at + 9 + int.from_bytes(self._read[at : at + 3], "big")
            if len(self._read) < end:
                break
            kind, flags = self._read[at + 3], self._read[at + 4]
            stream = int.from_bytes(self._read[at + 5 : at + 9], "big")
            self._take(kind, flags, stream, self._read[at + 9 : end])
            at = end
        del self._read[:at]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA and len(payload) > CODE_AT:
            self._answered(self._open.pop(stream), payload[CODE_AT] == OK)
        elif kind == HEADERS and flags & END_STREAM and stream in self._open:
            self._answered(self._open.pop(stream), None)
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self._transport.write(_frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == RESET and stream in self._open:
            self._answered(self._open.pop(stream), None)
        elif kind == GOAWAY:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        while self._open:
            self._answered(self._open.popitem()[1], None)

    def close(self) -> None:
        self._transport.close()


async def connect(port: int, count: int) -> list:
    """Open this many connections."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Proxy, "127.0.0.1", port))[1] for _ in range(count)]


async def burst(proxies: list, message: bytes, askers: list, timeout: float = 120) -> tuple:
    """Let all askers ask at once, each at its own proxy; return the answers, and the set of those that passed.

    An asker is a number. A question that fails raises [`Broken`].
    """
    if not askers:
        return Answers(0, []), set()
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    after, passed, failed = [], set(), []

    def answered(asker: int, ok: bool | None) -> None:
        after.append(loop.time() - begun)
        if ok is None:
            failed.append(asker)
        elif ok:
            passed.add(asker)
        if len(after) == len(askers):
            done.set()

    by_proxy: dict = {}
    for asker in askers:
        by_proxy.setdefault(asker % len(proxies), []).append(asker)
    prepared = [(proxies[number], own) for number, own in by_proxy.items()]
    prepared = [(proxy, proxy.prepare(message, own, answered)) for proxy, own in prepared]
    begun = loop.time()
    for proxy, frames in prepared:
        proxy.send(frames)
    await asyncio.wait_for(done.wait(), timeout)
    if failed:
        raise Broken(f"{len(failed)} of {len(askers)} questions failed")
    return Answers(len(passed), after), passed
