"""Istio: the manifests in `envoy/istio/`, as the Envoy of a sidecar and of a gateway gets them."""

import copy
import re

import httpx
import pytest

from harness import identity, rpc
from harness.mesh import istio
from harness.mesh.orders import (
    FOLDER,
    LOGIN,
    MESH_CA,
    PARTNER,
    SERVER,
    SERVER_CA,
    SPIFFE,
    agent,
    call,
    code,
    listener,
    manifests,
    plugin_of,
    support,
)
from harness.mesh.proxy import Mesh
from harness.proxy import wait_for

# A sidecar.


@pytest.fixture
def workloads(tmp_path) -> dict:
    """Save the certificates that the mesh has issued to service accounts."""
    names = ("support", "reports", "stranger")
    return {name: MESH_CA.issue(uris=[SPIFFE + name]).save(tmp_path) for name in names}


def call_as(mesh: Mesh, certificate, tool: str, arguments: dict | None = None) -> tuple | None:
    """Call a tool over mutual TLS; return None if there was no connection."""
    with httpx.Client(verify=identity.client_tls(SERVER_CA, certificate)) as client:
        url = f"https://localhost:{mesh.port}/mcp"
        try:
            return code(rpc.post(url, rpc.tools_call(tool, arguments), client=client))
        except httpx.TransportError:
            return None


@pytest.mark.parametrize("file", ["plugin.yaml", "filter.yaml"])
def test_a_sidecar_judges_by_the_spiffe_id_of_the_caller(envoy, upstream, tmp_path, workloads, file):
    of = manifests("istio/sidecar/mesh.yaml", f"istio/sidecar/{file}")
    # As with PeerAuthentication in the mode STRICT.
    strict = listener(of, "sidecar", identity.server_tls(SERVER, MESH_CA, True))
    extensions = istio.extensions(of, "sidecar", agent(of))
    running = Mesh(envoy, tmp_path, [strict], extensions=extensions)
    assert call_as(running, workloads["support"], "refund_order", {"amount": 100}) == (200, None)
    assert call_as(running, workloads["support"], "refund_order", {"amount": 101}) == (
        200,
        "condition_failed",
    )
    assert call_as(running, workloads["support"], "delete_order") == (200, "not_listed")
    assert call_as(running, workloads["reports"], "get_order") == (200, None)
    assert call_as(running, workloads["reports"], "refund_order", {"amount": 1}) == (200, "not_listed")
    assert call_as(running, workloads["stranger"], "get_order") == (403, "no_grant")
    assert call_as(running, None, "get_order") is None
    assert [request.json()["params"]["name"] for request in upstream.calls] == ["refund_order", "get_order"]
    assert len(upstream.requests) == 2
    if file == "filter.yaml":
        assert len(upstream.heads) == 2


# A gateway.


@pytest.fixture(scope="module", params=["plugin.yaml", "filter.yaml"])
def gateway(request, module_envoy, tmp_path_factory) -> Mesh:
    """The Envoy of a gateway that logs records."""
    of, folder = (
        manifests("istio/gateway/mesh.yaml", f"istio/gateway/{request.param}"),
        tmp_path_factory.mktemp("mesh"),
    )
    [values] = manifests("istio/records-values.yaml")
    [provider] = values["meshConfig"]["extensionProviders"]
    log = istio.access_log(provider, str(folder / "access.log"))
    extensions = istio.extensions(of, "gateway", agent(of))
    return Mesh(module_envoy, folder, [listener(of, "gateway", log=log)], extensions=extensions)


def test_a_gateway_judges_by_the_token_that_istio_has_verified(gateway, module_upstream):
    module_upstream.clear()
    assert call(gateway, "refund_order", {"amount": 1}, support()) == (200, None)
    assert call(gateway, "refund_order", {"amount": 1}, support(team="reports")) == (200, "not_listed")
    assert call(gateway, "get_order", headers=support(team="reports")) == (200, None)
    assert call(gateway, "get_order", headers=support(scope="openid")) == (403, "no_grant")
    assert call(gateway, "get_order", headers=support(team="others")) == (403, "no_grant")
    assert call(gateway, "get_order") == (401, "unauthenticated")
    forged = identity.Issuer(LOGIN.name, audience=LOGIN.audience)
    token = forged.token(sub="a", team="support", scope="mcp:orders")
    assert call(gateway, "get_order", headers=identity.bearer(token)) == (401, None)
    assert len(module_upstream.calls) == 2


def test_the_claims_of_another_issuer_are_not_those_that_a_grant_names(gateway, module_upstream):
    module_upstream.clear()
    token = PARTNER.token(sub="a", team="support", scope="mcp:orders")
    assert call(gateway, "get_order", headers=identity.bearer(token)) == (403, "no_grant")
    assert module_upstream.requests == []


def test_a_request_without_a_token_learns_where_to_get_one(gateway):
    answer = rpc.post(gateway.url, rpc.tools_call("get_order"))
    assert (
        "https://mcp.corp.example/.well-known/oauth-protected-resource/mcp"
        in answer.headers["www-authenticate"]
    )


def test_the_log_has_the_records(gateway):
    def records() -> set:
        lines = gateway.proxy.access_log(2)
        return {(line["status"], one["decision"], one["target"]) for line in lines for one in line["mcp"]}

    call(gateway, "get_order", headers=support())
    call(gateway, "delete_order", headers=support())
    expected = {(200, "allow", "get_order"), (200, "deny", "delete_order")}
    wait_for(lambda: expected <= records(), "both records")


def test_the_log_has_the_records_of_a_policy_in_shadow_mode(envoy, tmp_path):
    of = manifests("istio/gateway/mesh.yaml", "istio/gateway/plugin.yaml")
    plugin_of(of)["spec"]["pluginConfig"]["mode"] = "shadow"
    [values] = manifests("istio/records-values.yaml")
    [provider] = values["meshConfig"]["extensionProviders"]
    log = istio.access_log(provider, str(tmp_path / "access.log"))
    extensions = istio.extensions(of, "gateway", agent(of))
    running = Mesh(envoy, tmp_path, [listener(of, "gateway", log=log)], extensions=extensions)
    assert call(running, "delete_order", headers=support()) == (200, None)
    [line] = running.proxy.access_log()
    assert line["mcp"] == [] and [one["decision"] for one in line["shadow"]] == ["would_deny"]


def test_the_metrics_have_the_names_that_the_readme_shows(gateway):
    def names(text: str) -> set:
        lines = [line for line in text.splitlines() if line.startswith("wasmcustom.mcp_policy.")]
        return {re.sub(r"version\.[0-9.]+\.server", "version.server", line.split(":")[0]) for line in lines}

    shown = names((FOLDER / "istio" / "README.md").read_text())
    assert len(shown) == 2 and shown <= names(gateway.proxy.get("/stats?filter=mcp_policy"))


def test_plugins_of_one_proxy_count_together_if_their_servers_have_one_name(envoy, tmp_path):
    """No plugin of Istio has a `vm_id`, so all share one memory."""
    [of] = manifests("istio/gateway/plugin.yaml")
    policy = {"version": "1", "server": "orders", "request_headers": "stream", "tools": {"get_*": "few"}}
    policy["rules"] = {"few": {"limits": [{"counter": "c", "window": "day", "max": 1}]}}
    plugins = {}
    for name, server in (("main", "orders"), ("same", "orders"), ("other", "stock")):
        plugins[name] = copy.deepcopy(of)
        plugins[name]["metadata"]["name"] = name
        plugins[name]["spec"]["pluginConfig"] = {**policy, "server": server}
    extensions = istio.extensions([*plugins.values()], "gateway", agent([*plugins.values()]))
    all_of = [{**listener([plugin], "gateway"), "name": name} for name, plugin in plugins.items()]
    urls = Mesh(envoy, tmp_path, all_of, extensions=extensions).proxy.urls
    made = {name: code(rpc.post(urls[name], rpc.tools_call("get_order"))) for name in plugins}
    assert made == {"main": (200, None), "same": (200, "rate_limited"), "other": (200, None)}
