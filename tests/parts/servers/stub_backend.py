#!/usr/bin/env python3
"""Stands in for api.aipaygen.com, so that AiPayGen's server works without a network.

Every path answers 200 with a JSON object that names the path and echoes the request: enough to see that a
call arrived, and not to be mistaken for a real answer. `GET /__seen` returns the number of earlier requests.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from loopback import announce, listener

SERIAL = count(1)


class Backend(BaseHTTPRequestHandler):
    """Serves one connection; HTTP/1.1, so that clients can keep it open."""

    protocol_version = "HTTP/1.1"

    def answer(self, sent: object) -> None:
        answer = {"stub": True, "path": self.path, "sent": sent, "serial": next(SERIAL)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/__seen":
            self.answer(None)
            return
        self.answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.answer(json.loads(body))
        except ValueError:
            self.send_error(400, "not JSON")

    def log_message(self, *_) -> None:
        """Log nothing: standard output is only for the port."""


if __name__ == "__main__":
    opened = listener()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend, bind_and_activate=False)
    server.socket.close()
    server.socket = opened
    server.server_address = opened.getsockname()
    announce(opened)
    server.serve_forever()
