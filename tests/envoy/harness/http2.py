"""HTTP/2 over a plain socket, for what client libraries do not offer: trailers, and control over frames.

answer = http2.exchange(envoy.port, body, trailers=[("x-checksum", "1")])
"""

import socket
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)

from .http1 import TIMEOUT, Answer

JSON = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")]


def exchange(
    port: int,
    pieces: bytes | list,
    headers: list = JSON,
    *,
    trailers: list = (),
    method: str = "POST",
    path: str = "/mcp",
    gap: float = 0.0,
) -> Answer:
    """Send one request with each piece in its own DATA frame, and read the response.

    Without trailers the last frame ends the stream. Values are not checked. A reset stream gives an answer
    that is not `whole`.
    """
    with Client(port) as client:
        pieces = [pieces] if isinstance(pieces, bytes) else list(pieces)
        return client.exchange(pieces, headers, list(trailers), method, path, gap)


class Client:
    """One HTTP/2 connection with prior knowledge, one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = H2Configuration(
            client_side=True,
            header_encoding="latin-1",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = H2Connection(config)
        self.h2.initiate_connection()
        self.answer = Answer()
        self.ended = False
        self._flush()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def exchange(
        self, pieces: list, headers: list, trailers: list, method: str, path: str, gap: float
    ) -> Answer:
        self.answer, self.ended = Answer(), False
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", path)]
        self.h2.send_headers(stream, pseudo + list(headers), end_stream=not pieces and not trailers)
        self._flush()
        for number, piece in enumerate(pieces, 1):
            self._send(stream, piece, last=number == len(pieces) and not trailers)
            if gap:
                time.sleep(gap)
        if trailers and not self.ended:
            self.h2.send_headers(stream, trailers, end_stream=True)
            self._flush()
        while not self.ended:
            self._receive()
        return self.answer

    def _send(self, stream: int, data: bytes, last: bool) -> None:
        """Send one piece, in several frames if the peer's window or frame size requires it."""
        while not self.ended:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if data and room <= 0:
                self._receive()
                continue
            part, data = data[:room], data[room:]
            self.h2.send_data(stream, part, end_stream=last and not data)
            self._flush()
            if not data:
                return

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            self.ended = True
            return
        for event in self.h2.receive_data(data):
            if isinstance(event, ResponseReceived):
                plain = [(name, value) for name, value in event.headers if name != ":status"]
                self.answer.status = int(dict(event.headers)[":status"])
                self.answer.headers = plain
            elif isinstance(event, DataReceived):
                self.answer.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self.answer.whole = self.ended = True
            elif isinstance(event, (StreamReset, ConnectionTerminated)):
                self.ended = True
            elif isinstance(event, WindowUpdated):
                pass  # h2 keeps the window; the next check sees the room
        self._flush()

    def _flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())
