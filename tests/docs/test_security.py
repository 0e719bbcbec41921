"""SECURITY.md names tests that exist, and the patches that break promises still apply."""

import re
import subprocess
from functools import cache

import pytest

import pages
from pages import ROOT

NAMED = re.compile(r"`((?:src|tests)/[\w./-]+)::(\w+)`")
PATCHES = sorted((ROOT / "tests" / "broken").glob("*.patch"))


def rows(heading: str) -> list[list[str]]:
    """Return the rows of the table below a heading of SECURITY.md, each as its cells."""
    _, text = (ROOT / "SECURITY.md").read_text().split(f"\n## {heading}\n")
    lines = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@cache
def names_of_tests(path: str) -> frozenset[str]:
    """Return the names of the tests in a file, in Rust or in Python."""
    text = (ROOT / path).read_text()
    rust = re.findall(r"#\[(?:tokio::)?test\]\s+(?:#\[.*\]\s+)*(?:async )?fn (\w+)", text)
    return frozenset([*rust, *re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)])


@pytest.mark.parametrize(("heading", "least"), [("Promises", 15), ("Threats", 15)])
def test_each_promise_and_each_threat_names_a_test(heading, least):
    found = rows(heading)
    assert len(found) >= least
    assert [row[0] for row in found if not NAMED.search(row[-1])] == []


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/security.md"])
def test_the_named_tests_exist(page):
    named = NAMED.findall((ROOT / page).read_text())
    assert not {
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or name not in names_of_tests(path)
    }


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_patch_that_breaks_a_promise_applies_and_names_its_test(patch):
    promise, test, *_ = patch.read_text().splitlines()
    assert promise.startswith("Promise: ")
    path, name = test.removeprefix("Test: ").split("::")
    assert name in names_of_tests(path)
    held = " ".join(cell for row in rows("Promises") for cell in row)
    assert f"`{path}::{name}`" in held
    done = subprocess.run(["git", "apply", "--check", patch], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_three_promises_are_broken_on_purpose():
    assert len(PATCHES) >= 3


def test_pages_that_name_a_file_of_the_repository_name_one_that_exists():
    """In back-ticks, a path that begins with a folder of the repository."""
    folders = "|".join(sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."))
    path = re.compile(rf"`((?:{folders})/[\w./-]+)`")
    lost = {
        (str(page.relative_to(ROOT)), name)
        for page in [
            *pages.documentation(),
            ROOT / "CONTRIBUTING.md",
            ROOT / "SECURITY.md",
            ROOT / "DESIGN.md",
        ]
        if page.exists()
        for name in path.findall(page.read_text())
        if not name.startswith("target/") and not (ROOT / name).exists()
    }
    assert not lost
