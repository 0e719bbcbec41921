"""One request as the upstream saw it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Request:
    """One request, recorded from its head on.

    `body` is what has arrived so far, `complete` says that it is all, and `reset` that the peer gave up
    before. `left` says whether the peer has disconnected since. Header names and values are text, one
    character for each byte.
    """

    protocol: str
    connection: int
    method: str
    path: str
    headers: list
    body: bytes = b""
    trailers: list = field(default_factory=list)
    complete: bool = False
    reset: bool = False
    left: Callable[[], bool] = bool

    def header(self, name: str) -> str | None:
        """Find a header's value, ignoring case; occurrences are joined as HTTP joins them."""
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        return ", ".join(values) if values else None

    def json(self) -> object:
        return json.loads(self.body)

    @property
    def rpc_method(self) -> object:
        """The JSON-RPC method of a single message, read as leniently as Python does."""
        try:
            message = self.json()
        except ValueError:
            return None
        return message.get("method") if isinstance(message, dict) else None
