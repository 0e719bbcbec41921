"""The rate limit service that several Envoys ask: a stand-in for `envoyproxy/ratelimit`, on a real Redis.

    with RateLimit(folder, redis.url, faults={"late": "delay:300"}) as ratelimit:
        proxy = envoy(policy, edit=ratelimit.cluster())

`tests/ratelimit` describes the stand-in and its faults. Each domain in `faults` is answered wrongly.
"""

import json
import signal
from pathlib import Path

import pytest

import places
from launch import Server

from . import bootstrap

DOMAIN = "mcp-policy"


class RateLimit:
    """A running service; it keeps its port when it is started again."""

    def __init__(
        self,
        folder: Path,
        redis: str,
        faults: dict | None = None,
        domains: dict | None = None,
        config: Path | None = None,
        program: Path = places.RATELIMIT,
    ) -> None:
        """Start it; `domains` gives the descriptors of each domain, `config` a folder in place of them."""
        if not program.exists():
            pytest.fail(f"there is no {program.name}; cargo build -p {program.name}")
        self.folder, self.port, self._program = folder, 0, program
        self._redis, self._faults = redis, faults or {}
        self._config = config or folder
        if not config:
            for name, descriptors in {
                DOMAIN: [],
                **dict.fromkeys(self._faults, []),
                **(domains or {}),
            }.items():
                file = {"domain": name, "descriptors": descriptors}
                (folder / f"{name}.yaml").write_text(json.dumps(file))
        self.start()

    def __enter__(self) -> "RateLimit":
        return self

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self) -> None:
        words = ["--redis", self._redis, "--config", self._config, "--listen", f"127.0.0.1:{self.port}"]
        for domain, fault in self._faults.items():
            words += ["--fault", f"{domain}={fault}"]
        self._server = Server([self._program, *words], self.folder / "ratelimit.log")
        self.port = self._server.port

    @property
    def pid(self) -> int:
        return self._server.process.pid

    def log(self) -> str:
        return self._server.log()

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        self._server.process.send_signal(signal.SIGKILL)
        self._server.stop()

    def cluster(self, name: str = "ratelimit", http2: bool = True):
        """Edit a bootstrap so that it has a cluster of this service."""

        def edit(tree: dict) -> None:
            tree["static_resources"]["clusters"].append(bootstrap.cluster(name, self, http2))

        return edit
