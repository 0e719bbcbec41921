"""The upstream's HTTP/1.1: keep-alive, lengths, chunks and trailers, nothing optional."""

import asyncio
import inspect
from http import HTTPStatus

from . import http2
from .answers import Answer
from .request import Request

PREFACE = b"PRI * HTTP/2.0\r\n\r\n"


async def serve(
    upstream, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection to its end."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        if head == PREFACE:
            await http2.serve(upstream, connection, head, reader, writer)
            return
        request = _request(head, connection)
        upstream.begin(request)
        try:
            await _read_body(request, reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            request.reset = True
            return
        request.left = reader.at_eof
        answer = upstream.end(request)
        if not await _send(await answer if inspect.isawaitable(answer) else answer, writer):
            return


def _request(head: bytes, connection: int) -> Request:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ", 2)
    return Request("HTTP/1.1", connection, method, path, _headers(lines))


def _headers(lines: list) -> list:
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]


async def _read_body(request: Request, reader: asyncio.StreamReader) -> None:
    """Read the body piece by piece, so that the record of an incomplete request shows what arrived."""
    if "chunked" in (request.header("transfer-encoding") or "").lower():
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await _read(request, reader, size)
            await reader.readexactly(2)
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            request.trailers += _headers([line.decode("latin-1").rstrip("\r\n")])
    else:
        await _read(request, reader, int(request.header("content-length") or 0))


async def _read(request: Request, reader: asyncio.StreamReader, size: int) -> None:
    while size > 0:
        piece = await reader.read(size)
        if not piece:
            raise asyncio.IncompleteReadError(piece, size)
        request.body += piece
        size -= len(piece)


async def _send(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    """Send an answer; return whether the connection can continue."""
    if answer.raw is not None:
        writer.write(answer.raw)
        await writer.drain()
        return False
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = list(answer.headers)
    if answer.chunks is not None:
        headers.append(("transfer-encoding", "chunked"))
    elif answer.status != 204:
        headers.append(("content-length", str(len(answer.body))))
    lines = [f"HTTP/1.1 {answer.status} {phrase}"] + [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join(lines + ["", ""]).encode("latin-1"))
    if answer.chunks is None:
        writer.write(answer.body)
    for chunk in answer.chunks or []:
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
        if answer.gap:
            await asyncio.sleep(answer.gap)
    if answer.chunks is not None and not answer.cut:
        trailers = "".join(f"{name}: {value}\r\n" for name, value in answer.trailers)
        writer.write(f"0\r\n{trailers}\r\n".encode("latin-1"))
    await writer.drain()
    return not answer.cut
