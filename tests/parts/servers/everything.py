"""An MCP server that serves old sessions and 2026-07-28 requests on one URL.

Written with `mcp` 2.3. It has what the conformance suite expects of a server, see `suite`, and a few more tools
for tests of arguments and of traffic during a call.

With `--json` it answers with JSON instead of SSE. Run it with the modern venv's Python.
"""

import asyncio
import logging
import sys

import uvicorn
from mcp.server.mcpserver import Context

from loopback import announce, listener
from suite import server

# A held call that is not released fails after this long.
HOLD_SECONDS = 10


@server.tool()
def echo(message: str) -> str:
    """Returns the message."""
    return message


@server.tool()
def add(a: int, b: int) -> str:
    """Adds two integers."""
    return str(a + b)


@server.tool()
def danger(target: str = "") -> str:
    """Must not be called: no policy of the tests allows it."""
    return f"danger was done to {target}"


# For tests of traffic during a call.

fates: dict = {}


def fate(key: str) -> asyncio.Future:
    """Find the future of the call held under a key."""
    return fates.setdefault(key, asyncio.get_running_loop().create_future())


@server.tool()
async def hold(key: str, ctx: Context) -> str:
    """Reports progress, then holds the answer back until `release` is called."""
    released = fate(key)
    await ctx.report_progress(1, 2, "held")
    try:
        return await asyncio.wait_for(asyncio.shield(released), HOLD_SECONDS)
    except asyncio.CancelledError:
        if not released.done():
            released.set_result("cancelled")
        raise


@server.tool()
async def release(key: str) -> str:
    """Lets a held call answer."""
    fate(key).set_result("released")
    return "done"


@server.tool()
async def fate_of(key: str) -> str:
    """Returns the outcome of a held call, once it is known."""
    return await asyncio.wait_for(asyncio.shield(fate(key)), HOLD_SECONDS)


@server.tool()
async def announce_change(ctx: Context) -> str:
    """Announces on the session's GET stream that the resources changed."""
    await ctx.session.send_resource_list_changed()
    return "announced"


if __name__ == "__main__":
    # Intentional failures of tools are logged with a trace, which no test reads.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    opened = listener()
    announce(opened)
    app = server.streamable_http_app(json_response="--json" in sys.argv)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[opened])
