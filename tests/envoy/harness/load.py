"""Many calls at once, and many consecutive calls, over plain sockets.

with load.Crowd(envoy.port, 400) as crowd:
    answers = crowd.call([rpc.tools_call("echo", id=n) for n in range(400)])

verdicts = load.flood(envoy.port, "echo", [f"session-{n}" for n in range(10**6)])
"""

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from . import http1, rpc

HEADERS = list(rpc.HEADERS.items())

# The number of connections that a flood keeps busy, each with one request in flight. Envoy treats pipelined
# requests that it answers itself as an attack ("Too many responses queued").
FLOOD = 64

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
_VERDICT = re.compile(rb"\r\nx-mcp-policy: (\w+)\r\n")


def post(message: object, headers: list = ()) -> bytes:
    """Write a whole request that posts a message."""
    body = rpc.encode(message)
    return http1.head(headers=[*HEADERS, *headers], length=len(body)) + body


class Crowd:
    """This many callers, each on its own persistent connection."""

    def __init__(self, port: int, size: int) -> None:
        self.callers = [http1.Connection(port) for _ in range(size)]

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_) -> None:
        for caller in self.callers:
            caller.socket.close()

    def call(self, messages: list, headers: list = ()) -> list:
        """Post a message from each caller, all before any answer is read; return the answers in order."""
        requests = [post(message, headers) for message in messages]
        for caller, request in zip(self.callers, requests, strict=False):
            caller.send(request)
        return [caller.receive() for caller, _ in zip(self.callers, requests, strict=False)]


def at_once(count: int, what: Callable[[int], object]) -> list:
    """Call a function with 0, 1, 2 … from as many threads, at the same moment; return the results in order."""
    ready = threading.Barrier(count)

    def one(number: int) -> object:
        ready.wait()
        return what(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def decision(answer: http1.Answer) -> dict:
    """Read the decision from a tool call's refusal in result form."""
    return json.loads(answer.body)["result"]["_meta"]["dev.mcp-policy/decision"]


def flood(port: int, tool: str, sessions: list) -> Counter:
    """Call a tool once from each of many sessions, as fast as possible; count the verdicts.

    A verdict is the code of a refusal, `allowed`, or the HTTP status of any other answer.
    """
    body = rpc.encode(rpc.tools_call(tool))
    begin = http1.head(headers=[*HEADERS, ("content-length", str(len(body)))])[:-2] + b"mcp-session-id: "
    end = b"\r\n\r\n" + body
    verdicts = Counter()
    callers = [http1.Connection(port).socket for _ in range(FLOOD)]
    try:
        for at in range(0, len(sessions), FLOOD):
            names = sessions[at : at + FLOOD]
            for caller, name in zip(callers, names, strict=False):
                caller.sendall(begin + name.encode() + end)
            for caller, _ in zip(callers, names, strict=False):
                verdicts[_verdict(_head(caller))] += 1
    finally:
        for caller in callers:
            caller.close()
    return verdicts


def _head(caller: socket.socket) -> bytes:
    """Read a whole answer and return its head."""
    read = b""
    while True:
        more = caller.recv(65536)
        if not more:
            raise EOFError("Envoy closed the connection within a flood")
        read += more
        end = read.find(b"\r\n\r\n") + 4
        if end >= 4:
            length = _LENGTH.search(read, 0, end)
            if len(read) >= end + (int(length[1]) if length else 0):
                return read[:end]


def _verdict(head: bytes) -> str:
    if refused := _VERDICT.search(head):
        return refused[1].decode()
    status = head[9:12].decode()
    return "allowed" if status == "200" else status
