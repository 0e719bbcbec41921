"""The upstream's HTTP/2: many streams, trailers, and the peer's flow control."""

import asyncio
import inspect

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import StreamClosedError

from .answers import Answer
from .request import Request


async def serve(
    upstream, connection: int, begun: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection to its end; `begun` is what has already been read."""
    peer = Peer(upstream, connection, writer)
    received = begun
    try:
        while received:
            peer.receive(received)
            await writer.drain()
            received = await reader.read(65536)
    finally:
        peer.gone()


class Peer:
    """One HTTP/2 connection: its open requests, and the answers in progress."""

    def __init__(self, upstream, connection: int, writer: asyncio.StreamWriter) -> None:
        self.upstream = upstream
        self.connection = connection
        self.writer = writer
        self.requests: dict = {}
        self.sending: set = set()
        self.window = asyncio.Event()
        config = H2Configuration(client_side=False, header_encoding="latin-1", validate_inbound_headers=False)
        self.h2 = H2Connection(config)
        self.h2.initiate_connection()

    def receive(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, RequestReceived):
                self.begin(event)
            elif isinstance(event, DataReceived):
                self.requests[event.stream_id].body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, TrailersReceived):
                self.requests[event.stream_id].trailers += event.headers
            elif isinstance(event, StreamReset):
                if request := self.requests.pop(event.stream_id, None):
                    request.reset = True
            elif isinstance(event, WindowUpdated):
                self.window.set()
            elif isinstance(event, StreamEnded):
                self.end(event.stream_id)
        self.flush()

    def begin(self, event: RequestReceived) -> None:
        pseudo = {name: value for name, value in event.headers if name.startswith(":")}
        plain = [(name, value) for name, value in event.headers if not name.startswith(":")]
        request = Request("HTTP/2", self.connection, pseudo[":method"], pseudo[":path"], plain)
        self.requests[event.stream_id] = request
        self.upstream.begin(request)

    def end(self, stream: int) -> None:
        answer = self.upstream.end(self.requests.pop(stream))
        task = asyncio.ensure_future(self.send(stream, answer))
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)

    async def send(self, stream: int, answer: Answer) -> None:
        answer = await answer if inspect.isawaitable(answer) else answer
        try:
            self.h2.send_headers(stream, [(":status", str(answer.status)), *answer.headers])
            for chunk in [answer.body] if answer.chunks is None else answer.chunks:
                await self.send_data(stream, chunk)
                if answer.gap:
                    await asyncio.sleep(answer.gap)
            if answer.cut:
                self.h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
            elif answer.trailers:
                self.h2.send_headers(stream, answer.trailers, end_stream=True)
            else:
                self.h2.end_stream(stream)
            self.flush()
        except StreamClosedError:
            pass  # the peer has reset the stream

    async def send_data(self, stream: int, data: bytes) -> None:
        while data:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                self.window.clear()
                await self.window.wait()
                continue
            self.h2.send_data(stream, data[:room])
            data = data[room:]
            self.flush()
            await self.writer.drain()

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def gone(self) -> None:
        """Record that open requests will never be complete."""
        for request in self.requests.values():
            request.reset = True
        for task in self.sending:
            task.cancel()
