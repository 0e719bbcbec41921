"""The MCP servers that Envoy guards in tests, each started on a free port."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import places
from launch import Server


def everything(folder: Path, *arguments: str) -> Server:
    """Start the server on `mcp` 2.3; `--json` makes it answer with JSON instead of SSE."""
    script = places.SERVERS / "everything.py"
    return Server([places.MODERN_PYTHON, script, *arguments], folder / "everything.log")


def old_transport(folder: Path) -> Server:
    """Start the server that speaks only the HTTP+SSE transport of 2024-11-05."""
    return Server([places.LEGACY_PYTHON, places.SERVERS / "old_transport.py"], folder / "old_transport.log")


@contextmanager
def aipaygen(folder: Path) -> Iterator[Server]:
    """Start AiPayGen's server with the stub backend; it can reach nothing else."""
    with Server(
        [places.MODERN_PYTHON, places.SERVERS / "stub_backend.py"], folder / "backend.log"
    ) as backend:
        environment = {"AIPAYGEN_BASE_URL": f"http://127.0.0.1:{backend.port}", "AIPAYGEN_API_KEY": ""}
        script = places.SERVERS / "aipaygen.py"
        with Server([places.LEGACY_PYTHON, script], folder / "aipaygen.log", environment) as server:
            yield server


def catalog(folder: Path, *arguments: str) -> Server:
    """Start a server on `mcp` 2.3 that offers AiPayGen's tools; `--json` as above."""
    script = places.SERVERS / "catalog.py"
    return Server([places.MODERN_PYTHON, script, places.AIPAYGEN_TOOLS, *arguments], folder / "catalog.log")
