"""The workflows of GitHub: valid, with few permissions, and with commands that exist."""

import re
import subprocess

import pytest
import yaml

import places

FOLDER = places.ROOT / ".github" / "workflows"
PATHS = sorted(FOLDER.glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in PATHS}


def steps(name: str) -> list:
    """Return all steps of a workflow."""
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job.get("steps", [])]


every = pytest.mark.parametrize("name", WORKFLOWS)


def check(path) -> subprocess.CompletedProcess:
    """Check a workflow against GitHub's published schema."""
    program = places.manifest_checker("check-jsonschema")
    command = [program, "--builtin-schema", "vendor.github-workflows", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@every
def test_a_workflow_fits_the_schema_and_a_changed_one_does_not(name, tmp_path):
    done = check(FOLDER / f"{name}.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    changed = tmp_path / "changed.yml"
    changed.write_text((FOLDER / f"{name}.yml").read_text().replace("runs-on:", "run-on:"))
    assert check(changed).returncode != 0


@every
def test_only_the_job_that_publishes_may_write(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    writing = [job for job, value in workflow["jobs"].items() if "permissions" in value]
    assert writing == (["publish"] if name == "release" else [])
    for job, value in workflow["jobs"].items():
        checkouts = [step for step in value.get("steps", []) if "checkout" in step.get("uses", "")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)
        # Code of the repository or of its dependencies never runs with the permissions to publish.
        assert job != "publish" or not checkouts


@every
def test_actions_are_githubs_own_with_a_version(name):
    for used in [step["uses"] for step in steps(name) if "uses" in step]:
        assert re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", used), used


@every
def test_the_commands_are_shell_without_texts_from_outside_and_their_targets_exist(name, tmp_path):
    targets = set(re.findall(r"^([a-z-]+):", (places.ROOT / "Makefile").read_text(), re.MULTILINE))
    for script in [step["run"] for step in steps(name) if "run" in step]:
        # A branch or a tag can have a name that is a command. The shell gets names only as variables.
        assert "${{" not in script
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert set(re.findall(r"\bmake ([a-z-]+)", script)) <= targets
        for program in re.findall(r"(?:^|\s)((?:\.ci|release|tests)/[a-z./]+)", script):
            assert (places.ROOT / program).is_file() or program.startswith("release/dist"), program


@every
def test_every_job_that_builds_installs_the_toolchain_of_releases_first(name):
    assert not re.search(
        r"\brustup (toolchain install|default|update|target) +\S", (FOLDER / f"{name}.yml").read_text()
    )
    for job in WORKFLOWS[name]["jobs"].values():
        scripts = [step.get("run", "") for step in job.get("steps", [])]
        builds = [at for at, script in enumerate(scripts) if re.search(r"\b(make|cargo) |\.ci/run", script)]
        if builds:
            install = next(at for at, script in enumerate(scripts) if "rustup toolchain install\n" in script)
            assert install < builds[0] and job["steps"][install]["working-directory"] == "release"
            assert 'echo "RUSTUP_TOOLCHAIN=$(./toolchain.sh)" >>"$GITHUB_ENV"' in scripts[install]


def test_a_release_is_published_only_after_the_tests():
    jobs = WORKFLOWS["release"]["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml" and set(jobs["publish"]["needs"]) == {
        "test",
        "build",
    }
    # YAML 1.1 reads the key `on` as true.
    assert "workflow_call" in WORKFLOWS["test"][True]


def test_every_image_that_is_pushed_is_signed():
    pushed = re.findall(
        r"for name in ([a-z -]+); do\n    digest", (places.ROOT / "release/dist.sh").read_text()
    )
    signed = [
        step["with"]["subject-name"].rpartition("/")[2]
        for step in steps("release")
        if "subject-name" in step.get("with", {})
    ]
    assert [pushed[0].split()] == [signed]
