"""A filter with its policy in a file that Envoy watches, as `docs/operations.md` shows it."""

import re
from pathlib import Path

import yaml
from test_render import render

import places
from harness import examples, rpc, runs
from harness.proxy import wait_for

PAGE = (places.ROOT / "docs" / "operations.md").read_text()
SECTION = PAGE.split("### A file for the filter\n")[1].split("\n## ")[0]
[CHAIN, FILE] = re.findall(r"```yaml\n(.+?)```", SECTION, re.DOTALL)
POLICY = '{ "version": "1", "tools": { "run_agent": {} } }'
FAILURES = "extension_config_discovery.http_filter.mcp_policy.config_fail"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def move(folder: Path, policy: str) -> None:
    """Move a file with this policy over the one that Envoy watches."""
    assert POLICY in FILE
    text = FILE.replace(POLICY, policy).replace(examples.MODULE, str(runs.module()))
    (folder / "new").write_text(text)
    (folder / "new").rename(folder / "filter.yaml")


def start(envoy, folder: Path):
    def edit(listener: dict) -> None:
        [found] = yaml.safe_load(CHAIN.replace("/etc/mcp-policy", str(folder)))["http_filters"]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"] = [found, {"name": "router", "typed_config": {"@type": ROUTER}}]

    return envoy({}, folder=folder, edit_listener=edit)


def code(proxy) -> str | int:
    answer = rpc.post(proxy.url, rpc.tools_call("run_agent"))
    return answer.headers.get("x-mcp-policy", answer.status_code)


def test_a_file_that_is_moved_over_the_old_one_changes_the_policy_and_a_fault_does_not(envoy, tmp_path):
    move(tmp_path, POLICY)
    proxy = start(envoy, tmp_path)
    assert code(proxy) == 200
    move(tmp_path, '{ "version": "1" }')
    wait_for(lambda: code(proxy) == "not_listed", "the new policy")
    move(tmp_path, '{ "version": "1", "tool": {} }')
    wait_for(lambda: f"{FAILURES}: 1\n" in proxy.get("/stats"), "the failure")
    assert code(proxy) == "not_listed"


def test_an_envoy_that_starts_with_a_fault_refuses_everything_until_a_file_without_one_comes(envoy, tmp_path):
    move(tmp_path, '{ "version": "1", "tool": {} }')
    proxy = start(envoy, tmp_path)
    assert code(proxy) == 500
    move(tmp_path, POLICY)
    wait_for(lambda: code(proxy) == 200, "a policy without a fault")


def test_the_file_that_render_writes_enforces_its_policy(envoy, tmp_path):
    text = render("envoy-file", "--module", str(runs.module()), policy=POLICY)
    (tmp_path / "filter.yaml").write_text(text)
    proxy = start(envoy, tmp_path)
    assert code(proxy) == 200
    assert rpc.post(proxy.url, rpc.tools_call("wipe")).headers["x-mcp-policy"] == "not_listed"
