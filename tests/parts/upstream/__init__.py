"""An upstream that records what reaches it, byte for byte, and answers as it is told.

It stands where an MCP server would, so that a test can say "the upstream saw nothing" or "these
very bytes arrived". It reads more leniently than any server: judging is the filter's task.

    with Upstream() as upstream:
        ...                                 # send through Envoy to upstream.port
        assert upstream.requests == []
"""

from .answers import Answer, event_stream, json_answer
from .record import Upstream
from .request import Request

__all__ = ["Answer", "Request", "Upstream", "event_stream", "json_answer"]
