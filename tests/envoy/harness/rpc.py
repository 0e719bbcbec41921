"""JSON-RPC messages as MCP clients write them, and a simple way to post them."""

import json

import httpx

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}

# Longer than any answer takes and shorter than a test's own timeout.
TIMEOUT = 20.0


def request(method: str, params: dict | None = None, id: object = 1) -> dict:
    """Build a request; `id=None` makes it a notification."""
    message = {"jsonrpc": "2.0"}
    if id is not None:
        message["id"] = id
    message["method"] = method
    if params is not None:
        message["params"] = params
    return message


def tools_call(name: str, arguments: dict | None = None, id: object = 1) -> dict:
    return request("tools/call", {"name": name, "arguments": arguments or {}}, id)


def raw_call(name: str, arguments: str, more: str = "") -> bytes:
    """Write a call with exactly this text as its arguments, and as more of its params."""
    params = f'{{"name":"{name}","arguments":{arguments}{more}}}'
    return f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'.encode()


def modern(message: dict) -> tuple:
    """Convert a message to its 2026-07-28 form: the message with `_meta`, and its headers."""
    params = dict(message.get("params") or {})
    version = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
    params["_meta"] = {
        **version,
        META + "clientInfo": {"name": "test", "version": "1"},
        **params.get("_meta", {}),
    }
    headers = {"mcp-protocol-version": MODERN, "mcp-method": message["method"]}
    if name := params.get("name") or params.get("uri"):
        headers["mcp-name"] = name
    return {**message, "params": params}, headers


def encode(message: object) -> bytes:
    """Encode a message compactly; bytes and text stay as they are."""
    if isinstance(message, bytes):
        return message
    if isinstance(message, str):
        return message.encode()
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def post(
    url: str, message: object, headers: dict | None = None, client: httpx.Client | None = None
) -> httpx.Response:
    """Post one message over a new connection, or a client's; None removes a default header."""
    wanted = {name: value for name, value in {**HEADERS, **(headers or {})}.items() if value is not None}
    send = client.post if client else httpx.post
    return send(url, content=encode(message), headers=wanted, timeout=TIMEOUT)


def call(url: str, name: str, arguments: dict | None = None, id: object = 1, **options) -> dict:
    """Call a tool and return the whole JSON-RPC answer."""
    return post(url, tools_call(name, arguments, id), **options).json()


def call_modern(url: str, name: str, arguments: dict | None = None, id: object = 1) -> dict:
    """Call a tool as a 2026-07-28 client does."""
    message, headers = modern(tools_call(name, arguments, id))
    return post(url, message, headers).json()


def text(answer: dict) -> str:
    """Join the texts of a tool's result."""
    return "\n".join(part["text"] for part in answer["result"]["content"] if part["type"] == "text")
