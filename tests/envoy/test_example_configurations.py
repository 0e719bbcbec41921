"""The configurations below envoy/ are complete, and Envoy accepts them."""

import json
import subprocess

import pytest
import yaml

import places
from harness import identity
from harness.examples import configurations, plugins
from harness.policy import faults


@pytest.mark.parametrize("path", configurations(), ids=lambda path: path.name)
def test_the_example_configurations_set_what_must_not_be_left_to_defaults(path):
    found = plugins(list(yaml.safe_load_all(path.read_text())))
    assert found
    for plugin in found:
        assert plugin["failure_policy"] == "FAIL_RELOAD"
        assert plugin["vm_config"]["vm_id"] and plugin["vm_config"]["runtime"] == "envoy.wasm.runtime.v8"
        assert plugin["allow_on_headers_stop_iteration"] is True


def validate(path) -> subprocess.CompletedProcess:
    """Let Envoy check a configuration without serving it; this loads the module and the policy too."""
    command = [places.envoy_binary(), "--mode", "validate", "--disable-hot-restart", "-c", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def changed(path, tmp_path, suffix: str, change) -> subprocess.CompletedProcess:
    """Let Envoy check a configuration with its first policy changed and written as YAML or JSON."""
    documents = list(yaml.safe_load_all(path.read_text()))
    for plugin in plugins(documents):
        plugin["vm_config"]["code"]["local"]["filename"] = str(places.MODULE)
    change(plugins(documents)[0]["configuration"]["value"])
    written = tmp_path / f"changed.{suffix}"
    text = json.dumps(documents[0]) if suffix == "json" else yaml.safe_dump_all(documents)
    authority = identity.Authority("test")
    for name, content in identity.files(
        authority.issue(dns=["test"]), authority, identity.Issuer("test")
    ).items():
        (tmp_path / name).write_text(content)
    (tmp_path / "approvals-token").write_text("token\n")
    pointer = places.ROOT / "envoy" / "approvals" / "approvals-token.yaml"
    (tmp_path / pointer.name).write_text(pointer.read_text().replace("/etc/mcp-policy", str(tmp_path)))
    written.write_text(text.replace("/etc/mcp-policy", str(tmp_path)))
    return validate(written)


def test_there_are_configurations_to_check():
    assert "envoy.yaml" in [path.name for path in configurations()]


@pytest.mark.parametrize("suffix", ["yaml", "json"])
@pytest.mark.parametrize("path", configurations(), ids=lambda path: path.name)
def test_envoy_accepts_the_configurations_and_refuses_them_with_a_bad_policy(path, tmp_path, suffix):
    def limited(**keys):
        def change(policy: dict) -> None:
            policy["tools"]["run_agent"] = {
                "limits": [{"counter": "tested", "window": "day", "max": 1, **keys}]
            }

        return change

    done = changed(path, tmp_path, suffix, lambda policy: None)
    assert done.returncode == 0, done.stderr
    done = changed(path, tmp_path, suffix, limited(max=1.5, window=5_000_000))
    assert done.returncode == 0, done.stderr
    done = changed(path, tmp_path, suffix, limited(max=-3, window="fortnight"))
    assert done.returncode != 0
    assert faults(done.stderr)[1:] == ["tools.run_agent.limits[0].max: must be a positive number, found `-3`"]
    assert faults(done.stderr)[0].startswith("tools.run_agent.limits[0].window: unknown window `fortnight`")


@pytest.mark.parametrize("path", configurations(), ids=lambda path: path.name)
def test_an_integer_changed_by_a_struct_is_refused_with_advice(path, tmp_path):
    """Envoy reads numbers in JSON as doubles; in YAML it turns large ones into strings."""
    done = changed(path, tmp_path, "json", lambda policy: policy.update(max_body_bytes=2**53 + 1))
    assert done.returncode != 0
    advice = "may have been changed on its way as a Struct, write the policy as JSON"
    assert faults(done.stderr) == [f"max_body_bytes: an integer beyond 2^53 {advice}"]
