"""The CI examples in `policies/ci`: their commands run on a git repository of policies, with the real `mcp-policy`.

Their form is checked by hand, with the schemas that check-jsonschema has:
`check-jsonschema --builtin-schema vendor.github-workflows policies/ci/github.yaml`, and
`check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci policies/ci/gitlab.yaml`.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

import places

EXAMPLES = places.ROOT / "policies" / "ci"
TESTS = """
policy: run_agent.json
cases:
  - { name: an agent runs, call: run_agent, expect: allow }
"""


class Repository:
    """A git repository with policies, a base commit and a change, and a home for the CI's commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.home = folder / "home"
        self.home.mkdir()
        self.policies = self.folder / "policies"
        self.policies.mkdir(parents=True)
        shutil.copytree(EXAMPLES, self.policies / "ci")
        for name in ("run_agent.json", "spend.json"):
            shutil.copy(places.ROOT / "policies" / name, self.policies)
        (self.policies / "run_agent.test.yaml").write_text(TESTS)
        self.git("init", "--quiet")
        self.commit("base")

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=anna", "-c", "user.email=anna@corp.example"]
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.policies / name).read_text()
        assert old in text
        (self.policies / name).write_text(text.replace(old, new))

    def run(self, script: str, shell: str = "sh") -> subprocess.CompletedProcess:
        """Run a step. Programs come from the home, or from the system."""
        program = places.POLICY_TOOL
        environment = {
            "PATH": f"{self.home}/.local/bin:{os.environ['PATH']}",
            "HOME": str(self.home),
            "GITHUB_PATH": str(self.home / "path"),
            "MCP_POLICY_URL": program.as_uri(),
            "MCP_POLICY_SHA256": hashlib.sha256(program.read_bytes()).hexdigest(),
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^1",
        }
        command = [shell, "-e", "-c", script]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120
        )


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path)
    made.edit("run_agent.json", '"max": 10', '"max": 20')
    (made.policies / "new.json").write_text('{"version": "1", "tools": {"get_joke": {}}}')
    (made.policies / "spend.json").unlink()
    made.commit("change")
    return made


def steps(name: str) -> list[str]:
    """Read the commands of an example, without those that comment, which need the service."""
    example = yaml.safe_load((EXAMPLES / name).read_text())
    if name == "github.yaml":
        commands = [step["run"] for step in example["jobs"]["policies"]["steps"] if "run" in step]
    else:
        job = example["policies"]
        install = [step.replace("/usr/local/bin", "$HOME/.local/bin") for step in job["before_script"][1:]]
        commands = ['mkdir -p "$HOME/.local/bin"', *install, *job["script"]]
    assert "comment.md" in commands[-1]
    return commands[:-1]


@pytest.mark.parametrize("name", ["github.yaml", "gitlab.yaml"])
def test_the_commands_check_test_and_say_what_a_change_means(repository, name):
    for command in steps(name):
        done = repository.run(command)
        assert (done.returncode, done.stderr) == (0, ""), f"{command}\n{done.stdout}{done.stderr}"
    cases = ElementTree.parse(repository.folder / "junit.xml").getroot()
    assert (cases.get("tests"), cases.get("failures")) == ("1", "0")
    comment = (repository.folder / "comment.md").read_text()
    for part in (
        "`policies/new.json` is new.",
        "`policies/run_agent.json`\n\n### Policy change\n\n1 change allows more.",
        "10 per minute, for each grant | limit `run_agent_rate`: 20 per minute",
        "`policies/spend.json` is gone.",
    ):
        assert part in comment, comment


@pytest.mark.parametrize("name", ["github.yaml", "gitlab.yaml"])
def test_a_fault_ends_the_job_at_its_check(repository, name):
    repository.edit("run_agent.json", '"default"', '"defalt"')
    install, [check, *_] = [], steps(name)
    while "mcp-policy check" not in check:
        install.append(check)
        check = steps(name)[len(install)]
    for command in install:
        assert repository.run(command).returncode == 0
    done = repository.run(check)
    assert done.returncode == 3
    assert "did you mean `default`?" in done.stdout
    assert name != "github.yaml" or "::error file=policies/run_agent.json,line=3," in done.stdout


def test_a_base_that_is_missing_ends_the_step_that_compares(repository):
    repository.run(steps("github.yaml")[0])
    done = repository.run("sh policies/ci/meaning.sh HEAD^7")
    assert (done.returncode, done.stdout) == (1, "")


def test_another_program_than_the_expected_one_is_not_run(repository):
    done = repository.run("MCP_POLICY_SHA256=00; " + steps("github.yaml")[0])
    assert done.returncode != 0
