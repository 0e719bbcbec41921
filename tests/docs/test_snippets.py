"""Every snippet of JSON or YAML in the README, docs/ and envoy/ loads where a reader would put it.

The examples `console` of the README and of docs/ run in `tests/policy/reference.rs`. A block that cannot be run or loaded has the
comment `<!-- not run: why -->` before it.
"""

import json
import re
import subprocess

import pytest
import yaml

import pages
import places
import snippets
from pages import ROOT, Block

LANGUAGES = {"", "console", "json", "sh", "text", "yaml"}
PAGES = [*pages.documentation(), *pages.committed("envoy/*.md")]
BLOCKS = [block for page in PAGES for block in pages.blocks(page)]


def of(language: str) -> pytest.MarkDecorator:
    chosen = [block for block in BLOCKS if block.language == language and block.why_not is None]
    return pytest.mark.parametrize("block", chosen, ids=str)


def mcp_policy(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess:
    if not places.POLICY_TOOL.exists():
        pytest.fail(f"there is no {places.POLICY_TOOL.relative_to(ROOT)}: cargo build -p mcp-policy")
    command = [places.POLICY_TOOL, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def keys() -> tuple[set, set]:
    """The keys of a policy document, and those of a rule."""
    schema = json.loads(mcp_policy("schema").stdout)
    policy, rule = (schema["$defs"][name]["properties"] for name in ("policy", "rule"))
    return set(policy), set(rule)


def first_column(page: str, head: str) -> set:
    """Return the names in the first column of a page's table."""
    _, table = (ROOT / "docs" / page).read_text().split(head)
    rows = table.splitlines()[1:]
    end = next(at for at, row in enumerate(rows) if not row.startswith("|"))
    return {name for row in rows[:end] for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}


@of("json")
def test_json_is_a_policy_or_a_part_of_one_or_what_the_filter_writes(block: Block, keys):
    found = snippets.members(block.text)
    if "jsonrpc" in found:
        assert ("result" in found) != ("error" in found)
    elif "decision" in found:
        known = first_column("operations.md", "| member | meaning; null if there is none |\n")
        assert not found.keys() - known
    elif found.keys() & {"fingerprint", "status"} or {"rules", "server", "principal"} <= found.keys():
        assert block.page.is_relative_to(ROOT / "envoy" / "approvals")  # the contract of approval services
    elif all(re.fullmatch(r"(json|yaml)\.schemas", key) for key in found):
        assert all(found.values())  # settings of an editor
    else:
        policy = json.dumps(snippets.document(found, *keys))
        done = mcp_policy("check", "-", stdin=policy)
        assert done.returncode == 0, done.stdout


@of("yaml")
def test_yaml_is_tests_of_a_policy_or_a_part_of_an_envoy_configuration(block: Block, tmp_path):
    trees = list(yaml.safe_load_all(snippets.filled(block.text)))
    if "cases" in trees[0]:
        (tmp_path / "policies").symlink_to(ROOT / "policies")
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "documented.test.yaml").write_text(block.text)
        done = mcp_policy("test", tmp_path / "tests")
        assert done.returncode == 0, done.stdout + done.stderr
    elif "apiVersion" in trees[0]:
        assert all({"apiVersion", "kind", "metadata"} <= tree.keys() for tree in trees)
    else:
        [_] = trees
        file = tmp_path / "envoy.json"
        file.write_text(json.dumps(snippets.envoy_configuration(snippets.filled(block.text), places.MODULE)))
        assert places.MODULE.exists(), "make build"
        command = [places.envoy_binary(), "--mode", "validate", "--disable-hot-restart", "-c", file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_blocks_are_of_kinds_that_tests_know():
    assert not {str(block): block.language for block in BLOCKS if block.language not in LANGUAGES}
    assert len([block for block in BLOCKS if block.language == "json"]) > 10
    # A reader of the page's source must see why a block is not tested.
    assert all(len(block.why_not) > 10 for block in BLOCKS if block.why_not is not None)


def test_a_snippet_with_a_mistake_does_not_load(keys):
    for text in [
        '"run_agent": { "limit": [] }',
        '"grants": [{ "name": "a", "match": "none" }]',
        '"deny_if": [{ "path": "args.a", "op": "equals", "value": 1 }]',
    ]:
        policy = json.dumps(snippets.document(snippets.members(text), *keys))
        assert mcp_policy("check", "-", stdin=policy).returncode == 3, text
