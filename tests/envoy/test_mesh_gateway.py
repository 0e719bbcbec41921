"""Envoy Gateway: the manifests in `envoy/envoy-gateway/`, as its Envoy gets them."""

import copy
import json
import subprocess

import pytest
import yaml

import places
from harness import http1, identity, rpc
from harness.bootstrap import cluster
from harness.mesh import gateway
from harness.mesh.orders import FOLDER, KEYS, code, manifests, support
from harness.mesh.proxy import Mesh
from harness.proxy import wait_for

GATEWAY, EXTENSION, HOLD = (f"envoy-gateway/{name}.yaml" for name in ("gateway", "extension", "hold"))
NAME = "mcp-policy-orders"
LISTENER = "tools/mcp/https"


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
            [gateway.listener(of, codes, KEYS, str(tmp_path / "access.log"))],
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


@pytest.mark.parametrize("file", [EXTENSION, HOLD])
def test_a_gateway_judges_by_the_token_that_a_securitypolicy_has_verified(mesh, upstream, codes, file):
    running = mesh(manifests(GATEWAY, file), codes)
    assert call(running, "refund_order", {"amount": 1}, support()) == (200, None)
    assert call(running, "refund_order", {"amount": 101}, support()) == (200, "condition_failed")
    assert call(running, "refund_order", {"amount": 1}, support(team="reports")) == (200, "not_listed")
    assert call(running, "get_order", {"note": "x" * 100_000}, support(team="reports")) == (200, None)
    assert call(running, "get_order", headers=support(scope="openid")) == (403, "no_grant")
    assert call(running, "get_order") == (401, "unauthenticated")
    forged = identity.Issuer("https://login.corp.example", audience="https://mcp.corp.example/mcp")
    token = identity.bearer(forged.token(sub="a", team="support", scope="mcp:orders"))
    assert call(running, "get_order", headers=token) == (401, None)
    assert len(upstream.requests) == 2
    if file == HOLD:
        assert len(upstream.heads) == 2


def test_the_log_has_the_records(mesh, codes, tmp_path):
    of = manifests(GATEWAY, EXTENSION)
    running = mesh(of, codes)
    call(running, "get_order", headers=support())
    call(running, "delete_order", headers=support())
    records = [json.loads(line["mcp"]) for line in running.proxy.access_log(2)]
    assert [(one["decision"], one["target"]) for one in records] == [
        ("allow", "get_order"),
        ("deny", "delete_order"),
    ]
    config_of(of)["mode"] = "shadow"
    assert running.push_listeners([gateway.listener(of, codes, KEYS, str(tmp_path / "access.log"))])
    assert call(running, "delete_order", headers=support()) == (200, None)
    record = json.loads(running.proxy.access_log(3)[-1]["shadow"])
    assert (record["decision"], record["target"]) == ("would_deny", "delete_order")


def test_the_patches_change_the_filter_of_this_policy_and_no_other(codes):
    of = manifests(GATEWAY, HOLD)
    other = copy.deepcopy(next(one for one in of if one["kind"] == "EnvoyExtensionPolicy"))
    other["metadata"]["name"] = "other"
    made = gateway.listener([*of, other], {**codes, "other": codes[NAME]}, KEYS)
    chain = made["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    configs = {
        one["name"].split("/")[3]: one["typed_config"]["config"] for one in chain if "wasm/" in one["name"]
    }
    assert configs[NAME]["allow_on_headers_stop_iteration"] is True
    assert configs[NAME]["failure_policy"] == "FAIL_RELOAD"
    assert configs["other"].keys().isdisjoint({"allow_on_headers_stop_iteration", "failure_policy"})


def test_the_patches_reach_the_listener_of_http3_too(codes):
    """Envoy Gateway gives it the name of the other listener and `-quic`."""
    command = [
        places.POLICY_TOOL,
        "render",
        FOLDER / "envoy-gateway" / "policy.json",
        "--for",
        "envoy-gateway",
    ]
    command += ["--attach", "HTTPRoute/orders", "--namespace", "tools", "--hold", "mcp/https", "--http3"]
    command += ["--module", "oci://registry.example/mcp-policy-filter:0.1.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    of = [*manifests(GATEWAY), *yaml.safe_load_all(done.stdout)]
    both = [gateway.listener(of, codes, KEYS, suffix=suffix) for suffix in ("", "-quic")]
    for made in both:
        chain = made["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
        [config] = [one["typed_config"]["config"] for one in chain if "wasm/" in one["name"]]
        assert config["allow_on_headers_stop_iteration"] is True and config["failure_policy"] == "FAIL_RELOAD"
    without = gateway.listener(manifests(GATEWAY, HOLD), codes, KEYS, suffix="-quic")
    assert "allow_on_headers_stop_iteration" not in json.dumps(without)


def test_the_patch_does_no_harm_before_the_policy_holds(mesh, upstream, codes):
    """So it can be applied first: without it, a policy that holds lets no request through."""
    patch = [one for one in manifests(HOLD) if one["kind"] == "EnvoyPatchPolicy"]
    running = mesh(manifests(GATEWAY, EXTENSION) + patch, codes)
    assert call(running, "get_order", headers=support()) == (200, None)
    assert call(running, "delete_order", headers=support()) == (200, "not_listed")
    assert len(upstream.requests) == 1


def test_no_request_passes_without_the_module_and_an_update_waits_for_it(mesh, upstream, codes):
    of = manifests(GATEWAY, EXTENSION)
    # The controller cannot fetch the module, or it has another digest than the manifest says.
    running = mesh(of, {})
    assert call(running, "get_order", headers=support()) == (500, None)
    assert upstream.heads == []
    assert running.push_listeners([gateway.listener(of, codes, KEYS)])
    assert running.push_routes(LISTENER, gateway.routes(of, codes))
    assert call(running, "get_order", headers=support()) == (200, None)
    # Envoy cannot get another version from the controller.
    lost = {NAME: {"uri": codes[NAME]["uri"].replace(".wasm", "-lost.wasm"), "sha256": "0" * 64}}
    config_of(of)["tools"] = {"delete_order": {}}
    running.write_listeners([gateway.listener(of, lost, KEYS)])
    wait_for(lambda: sum(running.proxy.stats("total_listeners_warming").values()), "the new listener to warm")
    assert call(running, "get_order", headers=support()) == (200, None)
    assert call(running, "delete_order", headers=support()) == (200, "not_listed")
    assert len(upstream.calls) == 2


def test_a_gateway_that_starts_with_a_bad_policy_lets_nothing_through(mesh, upstream, codes):
    of = manifests(GATEWAY, EXTENSION)
    config_of(of)["tools"] = {"get_order": "deny"}
    running = mesh(of, codes)
    assert call(running, "get_order", headers=support()) == (503, None)
    assert "the policy is refused" in running.proxy.log()
    assert upstream.heads == []


def test_a_policy_changes_without_losing_counts_and_a_bad_one_changes_nothing(mesh, upstream, codes):
    of = manifests(GATEWAY, EXTENSION)
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


def test_a_route_without_a_policy_is_not_judged(codes):
    """README says so: a new route needs a policy, or the gateway has one."""
    of = manifests(GATEWAY, EXTENSION)
    other = copy.deepcopy(next(one for one in of if one["kind"] == "HTTPRoute"))
    other["metadata"]["name"] = "other"
    judged, free = gateway.routes([*of, other], codes)["virtual_hosts"][0]["routes"]
    name = f"envoy.filters.http.wasm/envoyextensionpolicy/tools/{NAME}/wasm/0"
    assert name in judged["typed_per_filter_config"] and name not in free["typed_per_filter_config"]


def test_the_policy_comes_behind_what_authorizes(codes):
    made = gateway.listener(manifests(GATEWAY, EXTENSION), codes, KEYS)
    chain = made["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    kinds = [one["name"].split("/")[0].rsplit(".", 1)[1] for one in chain]
    assert kinds == ["jwt_authn", "rbac", "wasm", "router"]


def test_a_body_beyond_32_kib_gets_413_without_a_clienttrafficpolicy(mesh, upstream, codes):
    of = manifests(GATEWAY, EXTENSION)
    running = mesh([one for one in of if one["kind"] != "ClientTrafficPolicy"], codes)
    body = rpc.encode(rpc.tools_call("get_order", {"note": "x" * 100_000}))
    headers = [("content-type", "application/json"), ("authorization", support()["authorization"])]
    answer = http1.exchange(
        running.proxy.ports[LISTENER], http1.head(headers=headers, length=len(body)) + body
    )
    assert (answer.status, answer.header("x-mcp-policy")) == (413, None)
    assert upstream.requests == []
