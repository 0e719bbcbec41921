"""A session with the Python client of `mcp` 2.3."""

from contextlib import asynccontextmanager

import httpx2
from mcp.client.streamable_http import streamable_http_client

import steps
from mcp import Client, MCPError


class Session:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def tools(self) -> list:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, tool: str, arguments: dict, progress=None) -> dict:
        try:
            answer = await self.client.call_tool(tool, arguments, progress_callback=progress)
        except MCPError as raised:
            return steps.error(raised)
        return steps.result(bool(answer.is_error), answer.content, answer.meta)


@asynccontextmanager
async def connect(url: str, mode: str, options: dict):
    async with (
        httpx2.AsyncClient(**options) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield Session(client), client.protocol_version


if __name__ == "__main__":
    steps.main(connect)
