"""Runs a real Redis that listens on a socket in its own folder, and keeps nothing when it ends.

with Redis() as redis:
    redis.command("INCRBY", "a", 5)     # 5
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

import places

from .proxy import wait_for

needs_redis = pytest.mark.skipif(
    not places.redis(), reason="there is no Redis: neither of `make parts` nor on the PATH"
)

QUIET = ["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"]


class Redis:
    """A server that only local processes can reach; `url` is its address for the rate limit service."""

    def __init__(self) -> None:
        # The path of a socket can have about 100 characters, and pytest's folders are long.
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-"))
        self._socket = self.folder / "redis"
        self.url = f"unix:{self._socket}"
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Redis":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> None:
        """Start it without data, and wait until it answers."""
        libraries = {"LD_LIBRARY_PATH": places.redis_libraries()} if places.redis_libraries() else {}
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                # By its own name, the program of Debian's package would check files.
                ["redis-server", *QUIET, "--unixsocket", str(self._socket), "--dir", str(self.folder)],
                executable=places.redis(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **libraries},
            )
        wait_for(self._serves, "Redis to answer")

    @property
    def pid(self) -> int:
        return self._process.pid

    def _serves(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"Redis ended:\n{(self.folder / 'log').read_text(errors='replace')}")
        try:
            return self.command("PING") == "PONG"
        except OSError:
            return False

    def command(self, *words: object) -> object:
        """Send one command; return its answer. An error of Redis is a `ValueError`."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self._socket))
            encoded = [str(word).encode() for word in words]
            sized = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)
            connection.sendall(b"*%d\r\n%b" % (len(encoded), sized))
            return _answer(connection.makefile("rb"))

    def counters(self) -> dict:
        """Read what every counter contains, by its name."""
        return {key: int(self.command("GET", key)) for key in self.command("KEYS", "*")}

    def commands(self) -> int:
        """Count the commands of the rate limit service since the start."""
        stats = self.command("INFO", "commandstats")
        found = re.findall(r"^cmdstat_(?:incrby|expire):calls=(\d+)", stats, re.MULTILINE)
        return sum(map(int, found))

    def kill(self) -> None:
        """Kill it. All counters are lost."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if hasattr(self, "_process"):
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _answer(stream) -> object:
    """Read an answer in Redis' protocol, version 2."""
    line = stream.readline()
    kind, rest = line[:1], line[1:-2].decode()
    match kind:
        case b"+":
            return rest
        case b":":
            return int(rest)
        case b"-":
            raise ValueError(rest)
        case b"$":
            return stream.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
        case b"*":
            return [_answer(stream) for _ in range(int(rest))]
    raise ConnectionError(f"not an answer of Redis: {line!r}")
