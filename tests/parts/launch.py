"""Starts a server of the tests as a child and waits for the port it announces."""

import os
import select
import subprocess
import time
from pathlib import Path


class Server:
    """A running server: `port`, `url` and, for failures, `log()`.

    The child prints one line to standard output, `port=12345`. Its standard error goes to the file
    `log_file`.
    """

    def __init__(self, command: list, log_file: Path, env: dict | None = None, timeout: float = 30.0) -> None:
        self.log_file = log_file
        with open(log_file, "wb") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(env or {})},
            )
        self.port = self._announced(timeout)
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _announced(self, timeout: float) -> int:
        until = time.monotonic() + timeout
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 100) if ready else b""
            if not piece:
                self.stop()
                why = "ended" if ready else f"said nothing for {timeout:.0f} s"
                command = " ".join(self.process.args)
                raise RuntimeError(f"{command} {why} before it announced a port:\n{self.log()}")
            line += piece
        return int(line.split(b"=")[1])

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def stop(self) -> None:
        """End the child, and no other process."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
