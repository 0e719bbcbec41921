"""The images of a release, pushed to a real registry and pulled from it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import places
from harness import rpc
from harness.examples import plugins
from harness.registry import Registry, needs_registry

SCRIPT = places.ROOT / "release" / "layout.py"
DENY = {"version": "1", "default": "deny", "tools": {"echo": {}}}
ENVIRONMENT = {"SOURCE_DATE_EPOCH": "1700000000", "IMAGE_SOURCE": "https://git.example/policy"}


def write(*words: object, check: bool = True, **environment: str) -> subprocess.CompletedProcess:
    """Run the script that writes a layout."""
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **ENVIRONMENT, **environment},
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def read(layout: Path, descriptor: dict) -> bytes:
    """Read a blob, which must be what its descriptor says."""
    content = (layout / "blobs" / Path(descriptor["digest"].replace(":", "/"))).read_bytes()
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == descriptor["digest"]
    assert len(content) == descriptor["size"]
    return content


def opened(layout: Path) -> tuple:
    """Return the only manifest of a layout, its configuration, and the path of its only layer."""
    [described] = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(read(layout, described))
    [layer] = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    read(layout, layer)
    path = layout / "blobs" / Path(layer["digest"].replace(":", "/"))
    return manifest, json.loads(read(layout, manifest["config"])), path


def files(layout: Path) -> dict:
    """Read the regular files of a layout's only layer."""
    with tarfile.open(opened(layout)[2], "r:gz") as layer:
        return {entry.name: layer.extractfile(entry).read() for entry in layer if entry.isfile()}


def blobs(layout: Path) -> dict:
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


@pytest.fixture(scope="module")
def module_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of the module's image."""
    folder = tmp_path_factory.mktemp("image") / "layout"
    write("module", places.MODULE, folder)
    return folder


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory):
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


@needs_registry
def test_the_module_from_a_registry_is_the_one_that_was_pushed_and_envoy_runs_it(
    module_image, registry, envoy, upstream, tmp_path
):
    registry.push(module_image, "mcp-policy-filter:0.1.0")
    digest = registry.inspect("mcp-policy-filter:0.1.0")["Digest"]
    registry.pull(f"mcp-policy-filter@{digest}", tmp_path / "pulled")
    assert blobs(tmp_path / "pulled") == blobs(module_image)
    found = files(tmp_path / "pulled")
    assert list(found) == ["plugin.wasm"] and found["plugin.wasm"] == places.MODULE.read_bytes()

    pulled = tmp_path / "plugin.wasm"
    pulled.write_bytes(found["plugin.wasm"])

    def load_pulled(listener: dict) -> None:
        [plugin] = plugins(listener)
        plugin["vm_config"]["code"]["local"] = {"filename": str(pulled)}

    proxy = envoy(DENY, folder=tmp_path, edit_listener=load_pulled)
    assert rpc.post(proxy.url, rpc.tools_call("danger")).headers["x-mcp-policy"] == "not_listed"
    assert rpc.text(rpc.call(proxy.url, "echo")) == "called echo"
    assert len(upstream.calls) == 1


@needs_registry
def test_a_registry_shows_where_an_image_comes_from(module_image, registry):
    registry.push(module_image, "labels:0.1.0")
    seen = registry.inspect("labels:0.1.0")
    assert (seen["Architecture"], seen["Os"], seen["Created"]) == ("amd64", "linux", "2023-11-14T22:13:20Z")
    manifest, config, _ = opened(module_image)
    assert seen["Labels"] == config["config"]["Labels"] == manifest["annotations"]
    told = {key.removeprefix("org.opencontainers.image."): value for key, value in seen["Labels"].items()}
    assert told.pop("dev.mcp-policy.sha256") == hashlib.sha256(places.MODULE.read_bytes()).hexdigest()
    assert told.pop("description") and told.pop("revision", "a checkout has one")
    assert told == {
        "title": "mcp-policy-filter",
        "version": "0.1.0",
        "licenses": "Apache-2.0",
        "created": "2023-11-14T22:13:20Z",
        "source": "https://git.example/policy",
    }


def test_two_layouts_of_one_module_are_the_same_bytes(module_image, tmp_path):
    copied = tmp_path / "copied.wasm"
    copied.write_bytes(places.MODULE.read_bytes())
    os.utime(copied, (1, 1))
    # The second run replaces the first layout.
    for _ in range(2):
        said = write("module", copied, tmp_path / "again", TZ="Asia/Tokyo", PYTHONHASHSEED="7").stdout
    assert blobs(tmp_path / "again") == blobs(module_image)
    assert said.strip().endswith(
        json.loads((module_image / "index.json").read_text())["manifests"][0]["digest"]
    )


@pytest.mark.parametrize("name", ["mcp-approvals", "mcp-policy"])
def test_a_program_runs_as_an_unprivileged_user(name, tmp_path):
    # The debug builds of both programs take half a minute to compress.
    program = Path(shutil.copy(shutil.which("true"), tmp_path / name))
    write("program", program, tmp_path / "layout")
    _, config, layer = opened(tmp_path / "layout")
    run = config["config"]
    assert run["User"] == "65532:65532" and run["Entrypoint"] == [f"/usr/bin/{program.name}"]
    found = files(tmp_path / "layout")
    assert found[f"usr/bin/{program.name}"] == program.read_bytes()
    assert b"BEGIN CERTIFICATE" in found["etc/ssl/certs/ca-certificates.crt"]
    assert set(found) == {
        *("etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"),
        f"usr/bin/{program.name}",
    }
    with tarfile.open(layer, "r:gz") as entries:
        owned = {entry.name: (entry.uid, entry.mode) for entry in entries}
    assert owned[run["WorkingDir"][1:]] == (65532, 0o700)
    assert owned[f"usr/bin/{program.name}"] == (0, 0o755)
    assert {name for name, (owner, _) in owned.items() if owner} == {run["WorkingDir"][1:]}


@pytest.mark.parametrize(
    ("kind", "name", "content", "environment", "message"),
    [
        ("module", "missing", None, {}, "missing: No such file or directory; build it first"),
        ("module", "text", b"text", {}, "text: not a WebAssembly module"),
        ("program", "mcp-policy", b"text", {}, "mcp-policy: not a program for Linux"),
        (
            "program",
            "other",
            b"\x7fELF",
            {},
            "other: unknown program `other`; known are mcp-approvals, mcp-policy",
        ),
        (
            *("module", "early", b"\0asm\x01\0\0\0", {"SOURCE_DATE_EPOCH": "yesterday"}),
            "SOURCE_DATE_EPOCH: must be a number of seconds, found `yesterday`",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_bad_input_is_named_and_nothing_is_written(kind, name, content, environment, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = write(kind, tmp_path / name, tmp_path / "layout", check=False, **environment)
    assert (
        done.returncode == 1 and done.stderr.startswith("layout: ") and done.stderr.endswith(f"{message}\n")
    )
    assert not (tmp_path / "layout").exists()


def test_a_folder_that_is_not_a_layout_is_kept(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    done = write("module", places.MODULE, tmp_path / "mine", check=False)
    assert done.returncode == 1 and "exists and is not an image layout; name a new folder" in done.stderr
    assert (tmp_path / "mine" / "file").read_text() == "mine"
