"""What `mcp-policy render` prints starts in Envoy, and enforces the policy."""

import hashlib
import json
import subprocess

import pytest
import yaml

import places
from harness import examples, rpc
from harness.proxy import wait_for

POLICY = """{
  "version": "1",
  "server": "rendered",
  "tools": {
    "look_up": { "require": [ { "path": "args.price", "op": "regex", "value": "^\\\\$[0-9]+$" } ] },
    "wipe": { "action": "deny", "reason": "it's 'final' # really: \\u2028 é" }
  }
}
"""


def render(target: str, *options: str, policy: str = POLICY) -> str:
    """Render the policy; the caller sees the program's complaint if it fails."""
    if not places.POLICY_TOOL.exists():
        pytest.fail("there is no target/debug/mcp-policy; cargo build -p mcp-policy")
    command = [places.POLICY_TOOL, "render", "-", "--for", target, *options]
    done = subprocess.run(command, input=policy, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(proxy, upstream) -> None:
    """Make sure that the proxy allows one call and refuses two others, with the policy's reason."""
    allowed = rpc.post(proxy.url, rpc.tools_call("look_up", {"price": "$5"}))
    assert allowed.status_code == 200 and "x-mcp-policy" not in allowed.headers
    assert (
        rpc.post(proxy.url, rpc.tools_call("look_up", {"price": "5"})).headers["x-mcp-policy"]
        == "condition_failed"
    )
    denied = rpc.post(proxy.url, rpc.tools_call("wipe"))
    assert denied.headers["x-mcp-policy"] == "denied"
    assert "it's 'final' # really: \u2028 é" in denied.json()["result"]["content"][0]["text"]
    assert len(upstream.calls) == 1


def test_envoys_configuration_enforces_the_policy_with_its_digest(envoy, upstream):
    text = render("envoy", "--upstream", "127.0.0.1:8000")
    proxy = envoy({}, edit=examples.edit_to(text, "main", {8000: upstream.port}, {}))
    check(proxy, upstream)
    digest = hashlib.sha256(POLICY.encode()).hexdigest()[:16]
    assert f"policy {digest} takes effect" in proxy.log()


def test_compose_gives_envoy_the_same_configuration(envoy, upstream):
    tree = yaml.safe_load(render("compose"))
    service = tree["services"]["envoy"]
    assert service["configs"] == [{"source": "envoy", "target": "/etc/envoy/envoy.yaml"}]
    assert service["volumes"] == ["./mcp_policy_filter.wasm:/etc/mcp-policy/mcp_policy_filter.wasm:ro"]
    text = tree["configs"]["envoy"]["content"].replace("$$", "$")
    assert text == render("envoy")
    check(envoy({}, edit=examples.edit_to(text, "main", {8000: upstream.port}, {})), upstream)


def test_the_filter_of_an_envoyfilter_runs_before_the_router(envoy, upstream):
    tree = yaml.safe_load(render("istio-envoyfilter", "--selector", "app=shop"))
    [patch] = tree["spec"]["configPatches"]
    assert patch["patch"]["operation"] == "INSERT_BEFORE"
    [plugin] = examples.plugins(patch)
    assert plugin["failure_policy"] == "FAIL_RELOAD" and plugin["allow_on_headers_stop_iteration"] is True
    base = yaml.safe_load(render("envoy"))
    [listener] = base["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"][0] = patch["patch"]["value"]
    check(envoy({}, edit=examples.edit_to(yaml.safe_dump(base), "main", {8000: upstream.port}, {})), upstream)


def test_a_module_that_is_fetched_is_discovered_before_a_request_passes():
    options = ["--selector", "app=shop", "--module", "oci://r.example/filter:1", "--sha256", "ab" * 32]
    tree = yaml.safe_load(render("istio-envoyfilter", *options))
    here, there = tree["spec"]["configPatches"]
    discovery = here["patch"]["value"]["config_discovery"]
    assert discovery["config_source"]["initial_fetch_timeout"] == "0s" and len(discovery["type_urls"]) == 2
    assert there["applyTo"] == "EXTENSION_CONFIG"
    assert here["patch"]["value"]["name"] == there["patch"]["value"]["name"]
    [plugin] = examples.plugins(there)
    code = plugin["vm_config"]["code"]["remote"]
    assert code["http_uri"]["uri"] == "oci://r.example/filter:1" and code["sha256"] == "ab" * 32


@pytest.mark.parametrize("target", ["istio-wasmplugin", "envoy-gateway"])
def test_an_object_of_a_mesh_holds_the_policy_as_json_that_enforces_it(envoy, upstream, target):
    """Both meshes turn the object into JSON and hand it over as a string, without holding headers back."""
    tree = yaml.safe_load(render(target, "--selector", "app=shop", "--module", "oci://r.example/filter:1"))
    spec = tree["spec"]
    document = spec["pluginConfig"] if target == "istio-wasmplugin" else spec["wasm"][0]["config"]
    assert document == {**json.loads(POLICY), "request_headers": "stream"}
    check(envoy(json.dumps(document), hold=False), upstream)


def test_a_candidate_in_shadow_mode_judges_without_an_effect(envoy, upstream, tmp_path):
    candidate = tmp_path / "candidate.json"
    candidate.write_text('{"version": "1", "server": "rendered", "mode": "shadow", "tools": {"wipe": {}}}')
    text = render("envoy", "--shadow", str(candidate))
    proxy = envoy({}, edit=examples.edit_to(text, "main", {8000: upstream.port}, {}))
    check(proxy, upstream)
    [name] = proxy.stats(r"decision\.would_deny\.code\.not_listed.*mode\.shadow")
    assert proxy.stats(name) == {name: 2}
    wait_for(lambda: proxy.log().count('"mcp_shadow":[{') == 3, "three records of the candidate")


def test_several_servers_behind_one_envoy_have_a_policy_each(envoy, upstream, tmp_path):
    files = tmp_path / "files.json"
    files.write_text('{"version": "1", "server": "files", "tools": {"look_up": {}, "wipe": {}}}')
    upstreams = ["--upstream", "files=127.0.0.1:8000", "--upstream", "rendered=127.0.0.1:8000"]
    tree = yaml.safe_load(render("envoy", str(files), *upstreams))
    [listener] = tree["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    [host] = manager["route_config"]["virtual_hosts"]
    # Somebody adds a route and forgets its policy.
    host["routes"].append({"match": {"path": "/forgotten"}, "route": {"cluster": "mcp_server_files"}})
    edit = examples.edit_to(yaml.safe_dump(tree), "main", {8000: upstream.port}, {})
    proxy = envoy({}, edit=edit)
    base = proxy.url.removesuffix("/mcp")
    closed = "grant_expired"
    for path, code in [("files", None), ("rendered", "denied"), ("forgotten", closed), ("other", closed)]:
        answer = rpc.post(f"{base}/{path}", rpc.tools_call("wipe"))
        assert answer.headers.get("x-mcp-policy") == code, path
    assert [call.path for call in upstream.calls] == ["/mcp"]


def test_the_key_of_a_caller_does_not_reach_the_server(envoy, upstream, tmp_path):
    key = "a-key-of-a-test"
    document = {
        "version": "1",
        "server": "keys",
        "identity": [{"api_key": {"header": "x-api-key"}}],
        "grants": [{"name": "bot", "match": [{"api_key_sha256": hashlib.sha256(key.encode()).hexdigest()}]}],
        "tools": {"look_up": {}},
    }
    alone = render("envoy", policy=json.dumps(document))
    plain = tmp_path / "plain.json"
    plain.write_text('{"version": "1", "server": "plain", "tools": {"look_up": {}}}')
    upstreams = ["--upstream", "keys=127.0.0.1:8000", "--upstream", "plain=127.0.0.1:8000"]
    several = render("envoy", str(plain), *upstreams, policy=json.dumps(document))
    for text, path in [(alone, "mcp"), (several, "keys")]:
        proxy = envoy({}, edit=examples.edit_to(text, "main", {8000: upstream.port}, {}))
        url = f"{proxy.url.removesuffix('/mcp')}/{path}"
        assert rpc.post(url, rpc.tools_call("look_up")).status_code == 401
        answer = rpc.post(url, rpc.tools_call("look_up"), headers={"x-api-key": key, "x-other": "kept"})
        assert answer.status_code == 200 and "x-mcp-policy" not in answer.headers
        call = upstream.calls[-1]
        headers = {name.lower(): value for name, value in call.headers}
        assert "x-api-key" not in headers and headers["x-other"] == "kept"
    assert len(upstream.calls) == 2
