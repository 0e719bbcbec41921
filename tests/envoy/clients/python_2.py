"""A session with the Python client of `mcp` 2.3."""

from contextlib import asynccontextmanager

import httpx2
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

import steps


class Session:
    def __init__(self, client: Client, pages: steps.Pages | None) -> None:
        self.client, self.pages = client, pages

    async def tools(self) -> list:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, tool: str, arguments: dict, progress=None) -> dict:
        try:
            answer = await self.client.call_tool(tool, arguments, progress_callback=progress)
        except MCPError as raised:
            return steps.error(raised)
        return steps.result(bool(answer.is_error), answer.content, answer.meta)


@asynccontextmanager
async def connect(url: str, mode: str, options: dict, pages: steps.Pages | None):
    async def elicit(_context, params) -> ElicitResult:
        return ElicitResult(action=await pages.visit(params))

    def transport(url: str, http: httpx2.AsyncClient):
        return sse_client(url) if old else streamable_http_client(url, http_client=http)

    old = mode == "old"
    mode = "legacy" if old else mode
    handlers = {"elicitation_callback": elicit} if pages else {}
    async with (
        httpx2.AsyncClient(**options) as http,
        Client(transport(url, http), mode=mode, **handlers) as client,
    ):
        yield Session(client, pages), client.protocol_version


if __name__ == "__main__":
    steps.main(connect)
