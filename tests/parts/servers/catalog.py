"""An MCP server on `mcp` 2.3 that offers the tools of a catalog: `catalog.py <tools.json> [--json]`.

It serves old sessions and 2026-07-28 on one URL, so that a policy for the catalog's own server, which may use
an older `mcp`, can be tested with current traffic. It answers a call with the call itself. With `--json` it
answers with JSON instead of SSE. Run it with the modern venv's Python.
"""

import json
import sys
from pathlib import Path

import mcp_types as types
import uvicorn
from mcp.server import Server

from loopback import announce, listener

CATALOG = json.loads(Path(sys.argv[1]).read_text())
TOOLS = [types.Tool.model_validate(tool) for tool in CATALOG["tools"]]


async def list_tools(_ctx: object, _params: object) -> types.ListToolsResult:
    return types.ListToolsResult(tools=TOOLS)


async def call_tool(_ctx: object, params: types.CallToolRequestParams) -> types.CallToolResult:
    called = json.dumps({"stub": True, "tool": params.name, "sent": params.arguments})
    return types.CallToolResult(content=[types.TextContent(type="text", text=called)])


if __name__ == "__main__":
    server = Server(
        CATALOG["server"], version=CATALOG["version"], on_list_tools=list_tools, on_call_tool=call_tool
    )
    opened = listener()
    announce(opened)
    app = server.streamable_http_app(json_response="--json" in sys.argv)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[opened])
