"""`mcp-policy scan` asks real servers."""

import json
import subprocess

import pytest

import places
from harness import servers

PUBLISHED = {tool["name"] for tool in json.loads(places.AIPAYGEN_TOOLS.read_text())["tools"]}


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess:
    """Run `mcp-policy`; anything but `code` is a failure."""
    done = subprocess.run([places.POLICY_TOOL, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    with servers.catalog(tmp_path_factory.mktemp("catalog")) as started:
        yield started


@pytest.fixture(scope="module")
def old_transport(tmp_path_factory):
    with servers.old_transport(tmp_path_factory.mktemp("old")) as started:
        yield started


@pytest.mark.parametrize("server", ["aipaygen", "catalog"])
def test_a_policy_for_aipaygen_decides_on_each_of_its_tools(request, server, tmp_path):
    url = request.getfixturevalue(server).url
    file = tmp_path / "policy.json"
    run("scan", url, "-o", str(file))
    assert set(json.loads(file.read_text())["tools"]) == PUBLISHED
    assert run("check", str(file)).stdout == ""
    assert run("scan", url, "--policy", str(file)).stdout == ""


def test_everything_that_a_server_lists_is_in_the_policy(everything):
    policy = json.loads(run("scan", everything.url, "--format", "json").stdout)["policy"]
    assert policy["tools"] and policy["resources"] and policy["prompts"]


def test_a_server_that_a_command_starts_is_asked_as_well():
    command = places.LEGACY / "bin" / "aipaygen-mcp"
    report = json.loads(run("scan", f"stdio:{command}", "--format", "json").stdout)
    assert {tool["name"] for tool in report["tools"]} == PUBLISHED


def test_a_server_of_the_old_transport_is_told_in_words(old_transport):
    assert "no MCP endpoint at this path" in run("scan", old_transport.url, code=1).stderr
