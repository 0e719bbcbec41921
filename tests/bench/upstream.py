"""The server behind Envoy: `python -m bench.upstream` prints `port=12345` and serves.

It answers every request alike and looks at nothing but its length, to leave the machine to Envoy.
"""

import re
import selectors
import socket

BODY = (
    b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"The river rose in the night and the '
    b'bridge was closed until noon; nobody was hurt, and the trains ran again by evening."}],"isError":false}}'
)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def take(received: bytes) -> bytes | None:
    """Take one whole request off what was received and return the rest; None while it is not whole."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    length = LENGTH.search(received, 0, head)
    end = head + 4 + (int(length[1]) if length else 0)
    return received[end:] if len(received) >= end else None


def serve(listener: socket.socket) -> None:
    """Serve every connection until the process ends."""
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                waiting.register(connection, selectors.EVENT_READ, data=[b""])
                continue
            if not (piece := key.fileobj.recv(65536)):
                waiting.unregister(key.fileobj)
                key.fileobj.close()
                continue
            rest = key.data[0] + piece
            while (after := take(rest)) is not None:
                rest = after
                key.fileobj.sendall(ANSWER)
            key.data[0] = rest


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        print(f"port={server.getsockname()[1]}", flush=True)
        serve(server)
