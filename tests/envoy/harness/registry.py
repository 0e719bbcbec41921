"""Runs a real registry of images on this machine's loopback, with a store in its own folder.

with Registry(folder) as registry:
    registry.push(layout, "mcp-policy-filter:0.1.0")
    registry.pull("mcp-policy-filter:0.1.0", other_layout)
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import places

from .proxy import wait_for

needs_registry = pytest.mark.skipif(
    not (places.registry() and places.registry("skopeo")),
    reason="there is no registry of images: neither of `make parts` nor on the PATH",
)


class Registry:
    """A running registry; `address` is its host and port."""

    def __init__(self, folder: Path) -> None:
        self._log, config = folder / "registry.log", folder / "registry.json"
        settings = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
            "http": {"addr": "127.0.0.1:0"},
        }
        # JSON is YAML too.
        config.write_text(json.dumps(settings))
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [places.registry(), "serve", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self.address = wait_for(self._listens, "the registry to listen")
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _listens(self) -> str:
        written = self._log.read_text(errors="replace")
        if self._process.poll() is not None:
            raise RuntimeError(f"the registry ended:\n{written}")
        found = re.search(r"listening on (127\.0\.0\.1:\d+)", written)
        return found[1] if found else ""

    def push(self, layout: Path, name: str) -> None:
        """Push a layout's image, as it is."""
        self._skopeo("copy", f"oci:{layout}", f"docker://{self.address}/{name}")

    def pull(self, name: str, layout: Path) -> None:
        """Pull an image, as it is, into a new layout. `name` has a tag or a digest."""
        self._skopeo("copy", f"docker://{self.address}/{name}", f"oci:{layout}")

    def inspect(self, name: str) -> dict:
        """Return what the client reads of an image: its digest, its labels and its platform."""
        return json.loads(self._skopeo("inspect", f"docker://{self.address}/{name}"))

    def _skopeo(self, command: str, *words: str) -> str:
        # The registry on the loopback has neither TLS nor signatures.
        options = {
            "copy": ["--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"],
            "inspect": ["--tls-verify=false"],
        }
        libraries = {"LD_LIBRARY_PATH": places.registry_libraries()} if places.registry_libraries() else {}
        done = subprocess.run(
            [places.registry("skopeo"), "--insecure-policy", command, *options[command], *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **libraries},
        )
        if done.returncode != 0:
            raise RuntimeError(f"skopeo {command} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def stop(self) -> None:
        """Stop it. Its store stays in the folder."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
