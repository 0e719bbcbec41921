"""Gives every server of the tests a free loopback port and prints it for its starter.

The socket listens before the server runs, so early connections are queued. After the line on standard output,
clients can connect.
"""

import socket


def listener(port: int = 0) -> socket.socket:
    """Open a listening socket on 127.0.0.1; port 0 lets the kernel choose."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("127.0.0.1", port))
    opened.listen(1024)
    return opened


def announce(opened: socket.socket) -> None:
    """Print the one line a starter waits for: `port=12345`."""
    print(f"port={opened.getsockname()[1]}", flush=True)
