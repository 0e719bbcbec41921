#!/usr/bin/env python3
"""Answers in place of api.aipaygen.com, so that AiPayGen's server works without a network.

Every path answers 200 with a JSON object that names the path and echoes what was sent: enough
for a test to see that a call went all the way through, and nothing that it could mistake for a
real answer. `GET /__seen` tells how many requests came before it.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from loopback import announce, listener

SERIAL = count(1)


class Backend(BaseHTTPRequestHandler):
    """Answers one connection; HTTP/1.1, so that a client may keep it open."""

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
        """Stay silent: standard output carries the port and nothing else."""


if __name__ == "__main__":
    opened = listener()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend, bind_and_activate=False)
    server.socket.close()
    server.socket = opened
    server.server_address = opened.getsockname()
    announce(opened)
    server.serve_forever()
