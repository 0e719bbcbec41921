"""The upstream's answers: those of an ordinary MCP server, or any bytes."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from .request import Request

TOOLS = [
    {"name": name, "description": f"Does {name}.", "inputSchema": {"type": "object"}}
    for name in ("echo", "add", "danger")
]


@dataclass
class Answer:
    """One HTTP response.

    `chunks` are sent as separate HTTP/1.1 chunks (or HTTP/2 DATA frames), `gap` seconds apart, so that a
    proxy sees them one by one; they may be an endless iterator. Without them, `body` is sent with its length.
    `trailers` need `chunks`. `cut` closes the connection instead of ending the response. `raw` is sent
    instead of a response, before the connection closes.
    """

    status: int = 200
    headers: list = field(default_factory=list)
    body: bytes = b""
    chunks: Iterable | None = None
    gap: float = 0.0
    trailers: list = field(default_factory=list)
    cut: bool = False
    raw: bytes | None = None


def json_answer(message: object, *headers: tuple, status: int = 200) -> Answer:
    """Answer with compact JSON."""
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(status, [("content-type", "application/json"), *headers], body)


def event_stream(*messages: object, newline: str = "\r\n", gap: float = 0.0) -> Answer:
    """Answer with server-sent events, each in its own chunk; `str` messages are sent as they are."""
    chunks = []
    for message in messages:
        data = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
        chunks.append(f"event: message{newline}data: {data}{newline}{newline}".encode())
    headers = [("content-type", "text/event-stream"), ("cache-control", "no-cache, no-transform")]
    return Answer(200, headers, chunks=chunks, gap=gap)


async def never(request: Request) -> Answer:
    """Send nothing until the client has disconnected."""
    while not request.left():
        await asyncio.sleep(0.01)
    return Answer(raw=b"")


def ordinary(method: str, body: bytes, tools: list) -> Answer:
    """Answer as a server that does everything it is asked and treats a missing id as null."""
    if method == "DELETE":
        return Answer(200)
    if method != "POST":
        return Answer(405, [("allow", "POST, DELETE")])
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        return json_answer({"jsonrpc": "2.0", "id": None, "result": {"resultType": "complete"}})
    if "id" not in message or "method" not in message:
        return Answer(202)
    params = message.get("params")
    result = _result(message["method"], params if isinstance(params, dict) else {}, tools)
    return json_answer({"jsonrpc": "2.0", "id": message["id"], "result": result})


def _result(method: str, params: dict, tools: list) -> dict:
    result = {"resultType": "complete"}
    if method == "tools/call":
        words = {"type": "text", "text": f"called {params.get('name')}"}
        return {**result, "content": [words], "isError": False}
    if method == "tools/list":
        return {**result, "tools": tools, "ttlMs": 0, "cacheScope": "private"}
    if method == "initialize":
        version = params.get("protocolVersion", "2025-11-25")
        info = {"name": "upstream", "version": "1"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    return result
