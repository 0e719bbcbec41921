#!/usr/bin/env python3
"""Writes an OCI image layout: `layout.py module FILE FOLDER` or `layout.py program FILE FOLDER`.

A module's image has one layer with the file `plugin.wasm`, the form that Istio and Envoy Gateway both accept
(https://github.com/solo-io/wasm/blob/master/spec/spec-compat.md). A program's image has one layer with the program, an
unprivileged user and the certificates of public authorities, and no shell.

The same inputs give the same bytes: times, owners and the order of files are fixed. The inputs are the file, the version
in Cargo.toml, the commit, for a program also the certificates of this machine, and two variables: `SOURCE_DATE_EPOCH`, the
image's time in seconds (the commit's time by default), and `IMAGE_SOURCE`, the URL of the repository. The output ends with
the digest of the manifest.
"""

import argparse
import datetime
import hashlib
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
WASM_MAGIC = b"\0asm\x01\0\0\0"
ELF_MAGIC = b"\x7fELF"

# A number, so that Kubernetes can check `runAsNonRoot`.
USER = 65532
DATA = "var/lib/mcp-approvals"

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

TITLES = {
    "mcp-policy-filter": "A proxy-wasm filter that enforces a policy on the tool calls of MCP clients",
    "mcp-approvals": "The approval service of mcp-policy-filter",
    "mcp-policy": "Tools for the author of a policy for mcp-policy-filter",
}


class Fault(Exception):
    """Says what is wrong with the input, and what would be right."""


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def gzip(content: bytes) -> bytes:
    """Compress without a name and a time. Python's own header contains its version's choice of a system."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(content) + packer.flush()
    return (
        b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
        + body
        + struct.pack("<II", zlib.crc32(content), len(content) % 2**32)
    )


class Layer:
    """Collects files, and packs them sorted by name, with time 0 and fixed owners."""

    def __init__(self) -> None:
        self._entries = {}

    def add(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """Add a file and the folders above it."""
        self._entries[name] = (tarfile.REGTYPE, content, mode, 0)
        for folder in list(Path(name).parents)[:-1]:
            self.folder(str(folder))

    def folder(self, name: str, mode: int = 0o755, owner: int = 0) -> None:
        self._entries.setdefault(name, (tarfile.DIRTYPE, b"", mode, owner))
        for above in list(Path(name).parents)[:-1]:
            self._entries.setdefault(str(above), (tarfile.DIRTYPE, b"", 0o755, 0))

    def tar(self) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, (kind, content, mode, owner) in sorted(self._entries.items()):
                entry = tarfile.TarInfo(name)
                entry.type, entry.size, entry.mode = kind, len(content), mode
                entry.uid = entry.gid = owner
                archive.addfile(entry, io.BytesIO(content))
        return packed.getvalue()


def module_layer(module: bytes) -> Layer:
    layer = Layer()
    layer.add("plugin.wasm", module)
    return layer


def program_layer(name: str, program: bytes) -> Layer:
    layer = Layer()
    layer.add(f"usr/bin/{name}", program, 0o755)
    layer.add("etc/passwd", f"mcp:x:{USER}:{USER}::/:/sbin/nologin\n".encode())
    layer.add("etc/group", f"mcp:x:{USER}:\n".encode())
    # Both programs verify the certificates of servers.
    if not CERTIFICATES.exists():
        raise Fault(f"{CERTIFICATES}: missing; on Debian or Ubuntu: apt-get install ca-certificates")
    layer.add(str(CERTIFICATES)[1:], CERTIFICATES.read_bytes())
    layer.folder("tmp", 0o1777)
    layer.folder(DATA, 0o700, USER)
    return layer


def version() -> str:
    return re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]


def git(*words: str) -> str:
    """Return what git prints, or nothing if this is not a checkout."""
    try:
        return subprocess.run(
            ["git", "-C", ROOT, *words], check=True, capture_output=True, text=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def created() -> str:
    """Return the image's time in RFC 3339."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or "0"
    if not re.fullmatch(r"[0-9]{1,11}", seconds):
        raise Fault(f"SOURCE_DATE_EPOCH: must be a number of seconds, found `{seconds}`")
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def annotations(name: str, content: bytes) -> dict:
    """Describe the image with the keys of the OCI specification, and the SHA-256 of the file in it."""
    commit = git("rev-parse", "HEAD")
    changed = commit and git("status", "--porcelain", "--untracked-files=no")
    found = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.description": TITLES[name],
        "org.opencontainers.image.version": version(),
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.created": created(),
        "org.opencontainers.image.revision": f"{commit}-changed" if changed else commit,
        "org.opencontainers.image.source": os.environ.get("IMAGE_SOURCE", ""),
        "dev.mcp-policy.sha256": hashlib.sha256(content).hexdigest(),
    }
    return {key: value for key, value in sorted(found.items()) if value}


class Layout:
    """A folder in the form of an OCI image layout."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs" / "sha256"
        self._folder = folder
        if folder.exists() and not (folder / "oci-layout").is_file():
            raise Fault(f"{folder}: exists and is not an image layout; name a new folder")
        shutil.rmtree(folder, ignore_errors=True)
        self._blobs.mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, kind: str, content: bytes) -> dict:
        """Store a blob; return its descriptor."""
        digest = sha256(content)
        (self._blobs / digest.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def json(self, kind: str, content: dict) -> dict:
        return self.blob(kind, json.dumps(content, sort_keys=True, separators=(",", ":")).encode())

    def finish(self, manifest: dict, tag: str) -> None:
        """Write the index, the last file, so that an interrupted layout has none."""
        named = {
            **manifest,
            "platform": {"architecture": "amd64", "os": "linux"},
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }
        index = {"schemaVersion": 2, "manifests": [named]}
        (self._folder / "index.json").write_text(json.dumps(index, sort_keys=True))


def write(kind: str, file: Path, folder: Path) -> str:
    """Write the layout of one image; return the digest of its manifest."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Fault(f"{file}: {error.strerror}; build it first") from None
    magic, name = (WASM_MAGIC, "mcp-policy-filter") if kind == "module" else (ELF_MAGIC, file.name)
    if not content.startswith(magic):
        raise Fault(f"{file}: not a {'WebAssembly module' if kind == 'module' else 'program for Linux'}")
    if name not in TITLES:
        raise Fault(f"{file}: unknown program `{name}`; known are {', '.join(list(TITLES)[1:])}")
    layer = (module_layer(content) if kind == "module" else program_layer(name, content)).tar()
    described = annotations(name, content)
    run = {"Labels": described}
    if kind == "program":
        run |= {"User": f"{USER}:{USER}", "Entrypoint": [f"/usr/bin/{name}"], "WorkingDir": f"/{DATA}"}
    layout = Layout(folder)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": described["org.opencontainers.image.created"],
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": layout.json(CONFIG_TYPE, config),
        "layers": [layout.blob(LAYER_TYPE, gzip(layer))],
        "annotations": described,
    }
    written = layout.json(MANIFEST_TYPE, manifest)
    layout.finish(written, version())
    return written["digest"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write an OCI image layout.")
    parser.add_argument("kind", choices=["module", "program"])
    parser.add_argument("file", type=Path, help="the module, or a program")
    parser.add_argument("folder", type=Path, help="the folder to write; an older layout in it is replaced")
    options = parser.parse_args()
    try:
        digest = write(options.kind, options.file, options.folder)
    except (Fault, OSError) as fault:
        print(f"layout: {fault}", file=sys.stderr)
        return 1
    print(f"{options.folder}: {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
