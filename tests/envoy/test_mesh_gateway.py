"""Envoy Gateway: the manifests in `envoy/envoy-gateway/`, as its Envoy gets them."""

import copy

import pytest
import yaml

import places
from harness import http1, identity, rpc
from harness.bootstrap import cluster
from harness.mesh import gateway
from harness.mesh.proxy import Mesh
from harness.proxy import wait_for
from test_mesh_istio import KEYS, code, support

FOLDER = places.ROOT / "envoy" / "envoy-gateway"
NAME = "mcp-policy-orders"
LISTENER = "tools/mcp/https"


def manifests(*names: str) -> list:
    """Read files of the folder."""
    return [one for name in names for one in yaml.safe_load_all((FOLDER / name).read_text())]


@pytest.fixture(scope="module")
def modules():
    """The controller's server of modules, with this one."""
    started = gateway.Modules()
    yield started
    started.stop()


@pytest.fixture
def codes(modules) -> dict:
    """What the controller has fetched: the module of the policy."""
    return {NAME: modules.serve(places.MODULE)}


@pytest.fixture
def mesh(envoy, tmp_path, modules):
    """Start the Envoy of a gateway with what Envoy Gateway makes of manifests."""

    def start(of: list, codes: dict, **more: object) -> Mesh:
        return Mesh(
            envoy,
            tmp_path,
            [gateway.listener(of, codes, KEYS)],
            routes={LISTENER: gateway.routes(of, codes)},
            clusters=[cluster("wasm_cluster", modules)],
            **more,
        )

    return start


def config_of(of: list) -> dict:
    """Return the policy in manifests."""
    [policy] = [one for one in of if one["kind"] == "EnvoyExtensionPolicy"]
    return policy["spec"]["wasm"][0]["config"]


def url(mesh: Mesh) -> str:
    return mesh.proxy.urls[LISTENER]


def call(mesh: Mesh, tool: str, arguments: dict | None = None, headers: dict | None = None) -> tuple:
    return code(rpc.post(url(mesh), rpc.tools_call(tool, arguments), headers))


@pytest.mark.parametrize("file", ["extension.yaml", "hold.yaml"])
def test_a_gateway_judges_by_the_token_that_a_securitypolicy_has_verified(mesh, upstream, codes, file):
    running = mesh(manifests("gateway.yaml", file), codes)
    assert call(running, "refund_order", {"amount": 1}, support()) == (200, None)
    assert call(running, "refund_order", {"amount": 101}, support()) == (200, "condition_failed")
    assert call(running, "refund_order", {"amount": 1}, support(team="reports")) == (200, "not_listed")
    assert call(running, "get_order", headers=support(team="reports")) == (200, None)
    assert call(running, "get_order", headers=support(scope="openid")) == (403, "no_grant")
    assert call(running, "get_order") == (401, "unauthenticated")
    forged = identity.Issuer("https://login.corp.example", audience="https://mcp.corp.example/mcp")
    token = identity.bearer(forged.token(sub="a", team="support", scope="mcp:orders"))
    assert call(running, "get_order", headers=token) == (401, None)
    assert len(upstream.requests) == 2
    if file == "hold.yaml":
        assert len(upstream.heads) == 2


def test_the_patches_change_the_filter_of_this_policy_and_no_other(codes):
    of = manifests("gateway.yaml", "hold.yaml")
    other = copy.deepcopy(next(one for one in of if one["kind"] == "EnvoyExtensionPolicy"))
    other["metadata"]["name"] = "other"
    made = gateway.listener([*of, other], {**codes, "other": codes[NAME]}, KEYS)
    chain = made["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    configs = {one["name"].split("/")[3]: one["typed_config"]["config"] for one in chain if "wasm/" in one["name"]}
    assert configs[NAME]["allow_on_headers_stop_iteration"] is True
    assert configs[NAME]["failure_policy"] == "FAIL_RELOAD"
    assert configs["other"].keys().isdisjoint({"allow_on_headers_stop_iteration", "failure_policy"})


def test_the_patch_does_no_harm_before_the_policy_holds(mesh, upstream, codes):
    """So it can be applied first: without it, a policy that holds lets no request through."""
    patch = [one for one in manifests("hold.yaml") if one["kind"] == "EnvoyPatchPolicy"]
    running = mesh(manifests("gateway.yaml", "extension.yaml") + patch, codes)
    assert call(running, "get_order", headers=support()) == (200, None)
    assert call(running, "delete_order", headers=support()) == (200, "not_listed")
    assert len(upstream.requests) == 1


def test_a_route_answers_500_while_the_controller_cannot_fetch_the_module_or_it_has_another_digest(mesh, upstream):
    running = mesh(manifests("gateway.yaml", "extension.yaml"), {})
    assert call(running, "get_order", headers=support()) == (500, None)
    assert upstream.heads == []


def test_the_old_policy_stays_in_force_while_envoy_cannot_get_a_module_from_the_controller(mesh, upstream, codes):
    of = manifests("gateway.yaml", "extension.yaml")
    running = mesh(of, codes)
    lost = {NAME: {"uri": codes[NAME]["uri"].replace(".wasm", "-lost.wasm"), "sha256": "0" * 64}}
    config_of(of)["tools"] = {"delete_order": {}}
    running._write_listeners([gateway.listener(of, lost, KEYS)])
    wait_for(lambda: sum(running.proxy.stats("total_listeners_warming").values()), "the new listener to warm")
    assert call(running, "get_order", headers=support()) == (200, None)
    assert call(running, "delete_order", headers=support()) == (200, "not_listed")
    assert len(upstream.calls) == 1


def test_a_gateway_that_starts_with_a_bad_policy_lets_nothing_through(mesh, upstream, codes):
    of = manifests("gateway.yaml", "extension.yaml")
    config_of(of)["tools"] = {"get_order": "deny"}
    running = mesh(of, codes)
    assert call(running, "get_order", headers=support()) == (503, None)
    assert "the policy is refused" in running.proxy.log()
    assert upstream.heads == []


def test_a_policy_changes_without_losing_counts_and_a_bad_one_changes_nothing(mesh, upstream, codes):
    of = manifests("gateway.yaml", "extension.yaml")
    limit = config_of(of)["tools"]["refund_order"]["limits"][0]
    limit["max"] = 1
    running = mesh(of, codes)

    def refund() -> tuple:
        return call(running, "refund_order", {"amount": 1}, support())

    def push() -> bool:
        return running.push_listeners([gateway.listener(of, codes, KEYS)])

    assert [refund(), refund()] == [(200, None), (200, "rate_limited")]
    limit["max"] = 2
    assert push()
    assert [refund(), refund()] == [(200, None), (200, "rate_limited")]
    limit["max"] = -1
    assert not push()
    assert refund() == (200, "rate_limited")
    assert "tools.refund_order.limits[0].max: must be a positive number" in running.proxy.log()
    assert len(upstream.calls) == 2


def test_a_route_without_a_policy_is_not_judged(mesh, upstream, codes):
    of = manifests("gateway.yaml", "extension.yaml")
    [route] = [one for one in of if one["kind"] == "HTTPRoute"]
    other = copy.deepcopy(route)
    other["metadata"]["name"] = "other"
    of.insert(1, other)
    running = mesh(of, codes)
    assert call(running, "delete_order") == (200, None)


@pytest.mark.parametrize("limited", [True, False])
def test_a_body_beyond_32_kib_needs_a_clienttrafficpolicy(mesh, upstream, codes, limited):
    of = manifests("gateway.yaml", "extension.yaml")
    if limited:
        of = [one for one in of if one["kind"] != "ClientTrafficPolicy"]
    running = mesh(of, codes)
    body = rpc.encode(rpc.tools_call("get_order", {"note": "x" * 100_000}))
    token = support()["authorization"]
    headers = [("content-type", "application/json"), ("authorization", token)]
    head = http1.head(headers=headers, length=len(body))
    answer = http1.exchange(running.proxy.ports[LISTENER], head + body)
    assert (answer.status, answer.header("x-mcp-policy")) == ((413, None) if limited else (200, None))
    assert len(upstream.requests) == (0 if limited else 1)
