"""A session with the Python client of `mcp` 1.30, which does not know 2026-07-28."""

from contextlib import asynccontextmanager

import httpx
from mcp import ClientSession, McpError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

import steps


class Session:
    def __init__(self, client: ClientSession, pages: steps.Pages | None) -> None:
        self.client, self.pages = client, pages

    async def tools(self) -> list:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, tool: str, arguments: dict, progress=None) -> dict:
        try:
            answer = await self.client.call_tool(tool, arguments, progress_callback=progress)
        except McpError as raised:
            return steps.error(raised)
        return steps.result(answer.isError, answer.content, answer.meta)


@asynccontextmanager
async def connect(url: str, mode: str, options: dict, pages: steps.Pages | None):
    async def elicit(_context, params) -> ElicitResult:
        return ElicitResult(action=await pages.visit(params))

    async with (
        httpx.AsyncClient(**options) as http,
        sse_client(url) if mode == "old" else streamable_http_client(url, http_client=http) as (
            reads,
            writes,
            *_,
        ),
        ClientSession(reads, writes, elicitation_callback=elicit if pages else None) as client,
    ):
        yield Session(client, pages), (await client.initialize()).protocolVersion


if __name__ == "__main__":
    steps.main(connect)
