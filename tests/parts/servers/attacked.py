"""An MCP server whose tools have real effects and can be abused: `attacked.py <folder>`.

All effects are in the folder, which the test lays out and looks at. Without `mcp`'s protection against DNS
rebinding, which older versions did not have by default. Run it with the modern venv's Python.
"""

import logging

import uvicorn
from attacked_tools import changing, git, machine, money, office
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from loopback import announce, listener


class Attacked(MCPServer):
    async def list_tools(self) -> list:
        listed = await super().list_tools()
        for tool in listed:
            tool.description = changing.described(tool.name, tool.description)
        return listed


if __name__ == "__main__":
    # Intentional failures of tools are logged with a trace, which no test reads.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    server = Attacked("attacked", version="1.0.0", log_level="CRITICAL")
    for module in (machine, git, office, money, changing):
        module.register(server)
    opened = listener()
    announce(opened)
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = server.streamable_http_app(json_response=True, transport_security=security)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[opened])
