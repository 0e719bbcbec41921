"""What a proxy of a mesh needs for other services: clusters, and the folder of a secret.

The clusters of the manifests name hosts and files that exist only in a cluster; `at` puts a test's own in their place.
"""

import json
import os
from pathlib import Path

MOUNTED = "/etc/mcp-policy"


class Secret:
    """The folder of a Kubernetes secret: files that are links through `..data`, which is replaced as a whole."""

    def __init__(self, folder: Path, files: dict) -> None:
        self.folder = folder
        self._versions = 0
        folder.mkdir()
        self.replace(files)
        for name in files:
            (folder / name).symlink_to(Path("..data") / name)

    def replace(self, files: dict) -> None:
        """Replace the content of all files at once, as the kubelet does."""
        self._versions += 1
        version = self.folder / f"..{self._versions}"
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        os.rename(fresh, self.folder / "..data")


def at(cluster: dict, port: int, folder: Path | None = None) -> dict:
    """Return a cluster of a manifest whose server has a port of this machine, and whose files are in a folder."""
    text = json.dumps(cluster)
    if folder:
        text = text.replace(f'"{MOUNTED}', f'"{folder}')

    def moved(node: object) -> object:
        if isinstance(node, list):
            return [moved(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "port_value" in node:
            return {**node, "address": "127.0.0.1", "port_value": port}
        return {key: moved(value) for key, value in node.items()}

    return moved(json.loads(text))
