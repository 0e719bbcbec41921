"""Tools of `mcp-server-git`, as published in version 2025.7.1, with flaws that were fixed later.

That server speaks over a pipe, so each call starts it and passes the call on.
"""

import os

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server import MCPServer

from .place import FOLDER


async def passed_on(tool: str, **arguments: object) -> str:
    """Call a tool of the server; raise ValueError with its text if it fails."""
    command = [os.environ["ATTACKED_PYTHON"], "-m", "mcp_server_git"]
    parameters = StdioServerParameters(command=command[0], args=command[1:], cwd=FOLDER)
    async with Client(stdio_client(parameters), mode="legacy") as server:
        answer = await server.call_tool(tool, arguments)
    text = "\n".join(part.text for part in answer.content)
    if answer.is_error:
        raise ValueError(text)
    return text


async def git_diff(repo_path: str, target: str) -> str:
    """Shows differences between branches or commits."""
    return await passed_on("git_diff", repo_path=repo_path, target=target)


async def git_init(repo_path: str) -> str:
    """Initializes a new Git repository."""
    return await passed_on("git_init", repo_path=repo_path)


def register(server: MCPServer) -> None:
    for tool in (git_diff, git_init):
        server.add_tool(tool)
