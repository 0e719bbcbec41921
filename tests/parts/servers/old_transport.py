"""An MCP server on the HTTP+SSE transport of 2024-11-05: `GET /sse` and POST to the endpoint it names.

Run it with the legacy venv's Python.
"""

import uvicorn
from mcp.server.fastmcp import FastMCP

from loopback import announce, listener

server = FastMCP("old", log_level="WARNING")


@server.tool()
def echo(message: str) -> str:
    """Returns the message."""
    return message


@server.tool()
def danger() -> str:
    """Must not be called."""
    return "danger was done"


if __name__ == "__main__":
    opened = listener()
    announce(opened)
    uvicorn.Server(uvicorn.Config(server.sse_app(), log_level="warning")).run(sockets=[opened])
