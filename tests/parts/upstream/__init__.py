"""An upstream that records what reaches it, byte for byte, and gives configurable answers.

It takes the place of an MCP server, so that a test can assert "the upstream saw nothing" or "exactly these
bytes arrived". It is more lenient than any server, because judging is the filter's task.

    with Upstream() as upstream:
        ...                                 # send through Envoy to upstream.port
        assert upstream.requests == []
"""

from .answers import Answer, event_stream, json_answer, never
from .record import Upstream
from .request import Request

__all__ = ["Answer", "Request", "Upstream", "event_stream", "json_answer", "never"]
