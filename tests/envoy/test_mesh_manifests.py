"""The manifests of Istio and Envoy Gateway: the examples, those that `render` writes, and the commands of the READMEs."""

import copy
import json
import re
import shutil
import subprocess

import pytest
import yaml

import places
from harness.kustomized import validated
from harness.mesh import cel, crds, istio
from harness.mesh.cluster import Shell, commands
from harness.mesh.orders import FOLDER, manifests

READMES = [FOLDER / "istio" / "README.md", FOLDER / "envoy-gateway" / "README.md"]
# Values of a Helm chart, and patches of objects.
VALUES = FOLDER / "istio" / "records-values.yaml"
PATCHES = [
    FOLDER / "istio" / "sidecar" / "pods.yaml",
    *(FOLDER / "envoy-gateway" / name for name in ("metrics.yaml", "pods.yaml")),
]
EXAMPLES = [
    path
    for readme in READMES
    for path in sorted(readme.parent.rglob("*.yaml"))
    if path not in (VALUES, *PATCHES)
]
POLICIES = sorted((places.ROOT / "policies").glob("*.json")) + sorted(FOLDER.rglob("policy.json"))
MODULES = [
    ("--module", "oci://registry.example/mcp-policy-filter:0.1.0", "--sha256", "ab" * 32),
    ("--module", "https://files.example/mcp_policy_filter.wasm"),
]
FILE = ("--module", "/etc/mcp-policy/mcp_policy_filter.wasm")
PODS = ("--selector", "app=orders", "--selector", "example.com/tier=a")
SHAPES = [
    *(("istio-wasmplugin", *place) for place in (PODS, (*PODS, "--gateway"), ("--attach", "Gateway/mcp"))),
    ("istio-wasmplugin", "--attach", "Service/orders"),
    *(("istio-envoyfilter", *place) for place in (PODS, (*PODS, "--gateway"), ("--attach", "Gateway/mcp"))),
    *(
        ("envoy-gateway", *place)
        for place in (PODS, ("--attach", "Gateway/mcp"), ("--attach", "HTTPRoute/a"))
    ),
    ("envoy-gateway", "--attach", "HTTPRoute/a", "--hold", "mcp/https"),
    ("envoy-gateway", "--attach", "HTTPRoute/a", "--hold", "mcp/https", "--http3"),
]


def suited(policy, options: tuple) -> str:
    """Read a policy, with sources of identity that Istio can give a value."""
    text = policy.read_text()
    if options[0].startswith("istio"):
        text = re.sub(r'"payload": *"\w+"', '"payload": "payload"', text)
    if "Service/orders" in options:
        text = re.sub(r'\{ *"mtls": *"uri_san" *\}', '{ "attribute": ["filter_state", "a.b"] }', text)
        text = text.replace('"mtls"', '"attribute"')
    return text


def render(policy, target: str, *options: str) -> list:
    """Render a policy; return the manifests."""
    command = [places.POLICY_TOOL, "render", "-", "--for", target, "--namespace", "tools", *options]
    text = suited(policy, (target, *options))
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_the_examples_can_be_applied(path):
    found = [crds.wrong(one) for one in yaml.safe_load_all(path.read_text())]
    assert found and not any(found), found


@pytest.mark.parametrize("shape", SHAPES, ids=" ".join)
def test_what_render_writes_can_be_applied(shape):
    modules = [*MODULES, FILE] if shape[0].startswith("istio") else MODULES
    for policy in POLICIES:
        for module in modules:
            found = [crds.wrong(one) for one in render(policy, *shape, *module)]
            assert found and not any(found), (policy, module, found)


def test_all_rules_of_the_schemas_can_be_evaluated():
    """A rule that a manifest does not reach is at least one that the library reads."""
    rules = {rule for schema in crds.schemas().values() for rule in crds.rules(schema)}
    assert len(rules) > 150
    for rule in rules:
        cel.program(rule)


BAD = [
    ("istio/sidecar/plugin.yaml", 0, {"spec.phaze": "AUTHN"}, "'phaze' was unexpected"),
    ("istio/sidecar/plugin.yaml", 0, {"spec.failStrategy": "FAIL_OFTEN"}, "'FAIL_OFTEN' is not one of"),
    ("istio/sidecar/plugin.yaml", 0, {"spec.sha256": "sha256:ab"}, "does not match"),
    ("istio/sidecar/plugin.yaml", 0, {"spec.url": "ftp://a/b"}, "url must have schema one of"),
    ("istio/sidecar/plugin.yaml", 0, {"spec.url": None}, "'url' is a required property"),
    ("istio/sidecar/plugin.yaml", 0, {"spec.pluginConfig": "{}"}, "'{}' is not of type 'object'"),
    ("istio/sidecar/plugin.yaml", 0, {"spec.match": [{"mode": "IN"}]}, "'IN' is not one of"),
    ("istio/sidecar/plugin.yaml", 0, {"spec.targetRefs": [{"kind": "Service", "name": "a"}]}, "only one of"),
    ("istio/sidecar/plugin.yaml", 0, {"kind": "WasmPlugins"}, "unknown kind"),
    ("istio/sidecar/plugin.yaml", 0, {"metadata.name": None}, "'name' is a required property"),
    ("istio/sidecar/filter.yaml", 0, {"spec.configPatches": [{"applyTo": "FILTER"}]}, "is not one of"),
    ("istio/gateway/mesh.yaml", 2, {"spec.jwtRules": [{"jwksUri": "ftp://a"}]}, "url must have scheme"),
    ("istio/gateway/mesh.yaml", 1, {"spec.rules": [{"timeouts": {"request": "1 s"}}]}, "does not match"),
    (
        "envoy-gateway/extension.yaml",
        0,
        {"spec.targetRefs": [{"kind": "Service", "name": "a"}]},
        "targetRefs",
    ),
    ("envoy-gateway/extension.yaml", 0, {"spec.targetRefs": None}, "either targetRef or targetRefs"),
    ("envoy-gateway/extension.yaml", 0, {"spec.wasm": [{"code": {"type": "Image"}}]}, "code"),
    ("envoy-gateway/hold.yaml", 1, {"spec.type": "MergePatch"}, "'MergePatch' is not one of"),
    (
        "envoy-gateway/gateway.yaml",
        0,
        {"spec.filterOrder": [{"name": "envoy.filters.http.wasm"}]},
        "before or",
    ),
    ("envoy-gateway/gateway.yaml", 3, {"spec.jwt.providers": []}, "providers"),
    ("envoy-gateway/gateway.yaml", 4, {"spec.connection.bufferLimit": "0"}, "does not match"),
]


@pytest.mark.parametrize("file, number, changes, told", BAD)
def test_a_bad_manifest_is_refused(file, number, changes, told):
    manifest = copy.deepcopy(manifests(file)[number])
    for path, value in changes.items():
        *outer, last = path.split(".")
        node = manifest
        for key in outer:
            node = node[key]
        node[last] = value
        if value is None:
            del node[last]
    found = crds.wrong(manifest)
    assert any(told in one for one in found), found


# What is added to pods, and to the objects from which control planes make them.


def merged(whole: object, patch: object) -> object:
    """Apply a patch: members are merged, and elements of lists that have the same name."""
    if isinstance(whole, dict) and isinstance(patch, dict):
        added = {key: merged(whole.get(key), value) for key, value in patch.items()}
        return {**whole, **added}
    if isinstance(whole, list) and isinstance(patch, list):
        names = {one.get("name", one.get("mountPath")): one for one in patch}
        kept = [merged(one, names.pop(one["name"], {})) for one in whole]
        return [*kept, *names.values()]
    return patch


POD = """
apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }
spec:
  selector: { matchLabels: { app: orders } }
  template:
    metadata: { labels: { app: orders } }
    spec:
      containers: [{ name: istio-proxy, image: proxy, env: [{ name: A, value: "1" }] }]
"""


def injected(deployment: dict) -> dict:
    """Add what the annotations of a pod tell Istio to add to its sidecar."""
    template = deployment["spec"]["template"]
    told = template["metadata"].get("annotations", {})
    volumes, mounts = (
        [{"name": name, **one} for name, one in json.loads(told.get(f"sidecar.istio.io/{key}", "{}")).items()]
        for key in ("userVolume", "userVolumeMount")
    )
    container = {"name": "istio-proxy", "volumeMounts": mounts}
    return merged(
        deployment, {"spec": {"template": {"spec": {"containers": [container], "volumes": volumes}}}}
    )


@pytest.mark.parametrize("folder", ["sidecar", "gateway", "waypoint"])
def test_kubernetes_accepts_the_pods_with_what_is_added_to_them(folder, tmp_path):
    [patch] = manifests(f"istio/{folder}/pods.yaml")
    if patch.get("kind") == "ConfigMap":
        assert list(patch["data"]) == ["deployment"]
        patch = yaml.safe_load(patch["data"]["deployment"])
    whole = injected(merged(yaml.safe_load(POD), patch))
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(whole))
    done = validated(tmp_path / "pod.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    pod = whole["spec"]["template"]["spec"]
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert mounts["mcp-approvals-token"] == "/etc/mcp-policy" and mounts.keys() == volumes.keys()
    assert volumes["mcp-approvals-token"]["secret"] == {"secretName": "mcp-approvals-token", "optional": True}


@pytest.mark.parametrize("folder", ["gateway", "waypoint"])
def test_istio_takes_the_added_parts_of_pods_from_a_gateway_that_names_them(folder):
    gateway = next(one for one in manifests(f"istio/{folder}/mesh.yaml") if one["kind"] == "Gateway")
    [named] = manifests(f"istio/{folder}/pods.yaml")
    readme = (FOLDER / "istio" / "README.md").read_text()
    patches = [json.loads(text) for text in re.findall(r"--patch '(.*)'", readme)]
    [patch] = [
        one
        for one in patches
        if one["spec"]["infrastructure"]["parametersRef"]["name"] == named["metadata"]["name"]
    ]
    assert crds.wrong(merged(gateway, patch)) == []


@pytest.mark.parametrize("name", ["metrics.yaml", "pods.yaml"])
def test_envoy_gateway_accepts_the_patches_of_its_proxy(name):
    proxy = next(one for one in manifests("envoy-gateway/gateway.yaml") if one["kind"] == "EnvoyProxy")
    [patch] = manifests(f"envoy-gateway/{name}")
    assert crds.wrong(merged(proxy, patch)) == []
    patch["spec"]["provder"] = {}
    assert crds.wrong(merged(proxy, patch)) != []


def test_the_tags_of_metrics_are_those_of_envoys_own_configuration():
    tags = yaml.safe_load((FOLDER / "envoy.yaml").read_text())["stats_config"]["stats_tags"]
    [of_istio] = manifests("istio/metrics.yaml")
    [of_gateway] = manifests("envoy-gateway/metrics.yaml")
    bootstraps = [
        json.loads(of_istio["data"]["custom_bootstrap.json"]),
        yaml.safe_load(of_gateway["spec"]["bootstrap"]["value"]),
    ]
    assert [one["stats_config"]["stats_tags"] for one in bootstraps] == [tags, tags]


def test_istio_writes_a_struct_as_go_does():
    value = {"b": [1.0, 0.1, 1e-7, 1e21, 2**53 + 1, True, None], "a": "<é\u2028&>", "": {}}
    written = istio.struct_json(value)
    assert written == (
        r'{"":{},"a":"\u003cé\u2028\u0026\u003e","b":[1,0.1,1e-7,1e+21,9007199254740992,true,null]}'
    )
    assert json.loads(written)["a"] == value["a"]


# The commands of the READMEs.


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_the_commands_of_the_readme_write_the_examples_and_can_be_applied(readme, tmp_path):
    shell = Shell(tmp_path, readme)
    made = [path for path in readme.parent.rglob("*.yaml") if "Generated by mcp-policy" in path.read_text()]
    for path in made:
        (shell.folder / path.relative_to(readme.parent)).unlink()
    record = json.dumps({"time": "x", "status": 200, "mcp": [{"decision": "allow"}]}) + "\n"
    if readme.parent.name == "envoy-gateway":
        record = json.dumps({"time": "x", "status": 200, "mcp": json.dumps({"decision": "allow"})}) + "\n"
    found = commands(readme)
    assert len(found) >= 10
    if shutil.which("jq") is None:
        found = [command.split("| jq")[0] for command in found]
    answers = {"kubectl logs": record, "kubectl secret -o": "Y2VydGlmaWNhdGU="}
    done = shell.run("\n".join(found), answers)
    assert done.returncode == 0, done.stderr
    assert '"decision"' in done.stdout
    assert made
    for path in made:
        assert (shell.folder / path.relative_to(readme.parent)).read_text() == path.read_text(), path
