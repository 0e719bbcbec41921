"""Istio: the manifests in `envoy/istio/`, as the Envoy of a sidecar and of a gateway gets them."""

import copy

import httpx
import pytest
import yaml

import places
from harness import identity, rpc, runs
from harness.mesh import istio
from harness.mesh.proxy import Mesh

FOLDER = places.ROOT / "envoy" / "istio"
SPIFFE = "spiffe://cluster.local/ns/agents/sa/"
MESH_CA, SERVER_CA = identity.Authority("mesh"), identity.Authority("server")
SERVER = SERVER_CA.issue(dns=["localhost"], ips=["127.0.0.1"])
LOGIN = identity.Issuer("https://login.corp.example", audience="https://mcp.corp.example/mcp")
PARTNER = identity.Issuer("https://partner.example", audience="https://mcp.corp.example/mcp")
KEYS = {f"{issuer.name}/keys": issuer.jwks() for issuer in (LOGIN, PARTNER)}


def manifests(*names: str) -> list:
    """Read files of the folder."""
    return [one for name in names for one in yaml.safe_load_all((FOLDER / name).read_text())]


def agent(of: list, sha256: str | None = None) -> istio.Agent:
    """Return an agent that can fetch what manifests name; `sha256` is the digest that it finds there."""
    found = istio.Agent()
    for one in of:
        if one["kind"] == "WasmPlugin":
            digest = sha256 or one["spec"].get("sha256", "")
            found.modules[one["spec"]["url"]] = (digest, str(runs.module()))
    for value in istio.patches(of, "sidecar", "EXTENSION_CONFIG") + istio.patches(of, "gateway", "EXTENSION_CONFIG"):
        remote = value["typed_config"]["config"]["vm_config"]["code"]["remote"]
        found.modules[remote["http_uri"]["uri"]] = (sha256 or remote["sha256"], str(runs.module()))
    return found


def listener(of: list, proxy: str, tls: dict | None = None) -> dict:
    """Write the listener of a sidecar or a gateway."""
    chain = {"filters": [istio.manager(istio.filters(of, proxy, KEYS))]}
    if tls:
        chain["transport_socket"] = tls
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": "main", "address": address, "filter_chains": [chain]}


@pytest.fixture
def mesh(envoy, tmp_path):
    """Start the Envoy of a proxy, with what istiod and the agent make of manifests."""

    def start(of: list, proxy: str, found: istio.Agent | None = None, tls: dict | None = None) -> Mesh:
        extensions = istio.extensions(of, proxy, agent(of) if found is None else found)
        return Mesh(envoy, tmp_path, [listener(of, proxy, tls)], extensions=extensions)

    return start


def plugin_of(of: list) -> dict:
    return next(one for one in of if one["kind"] == "WasmPlugin")


def code(answer) -> tuple:
    """Return an answer's status, and the code of the policy's refusal."""
    return answer.status_code, answer.headers.get("x-mcp-policy")


def call(mesh: Mesh, tool: str, arguments: dict | None = None, headers: dict | None = None) -> tuple:
    return code(rpc.post(mesh.url, rpc.tools_call(tool, arguments), headers))


def support(**claims: object) -> dict:
    claims = {"sub": "a", "team": "support", "scope": "openid mcp:orders", **claims}
    return identity.bearer(LOGIN.token(**claims))


# A sidecar.


@pytest.fixture
def workloads(tmp_path) -> dict:
    """Save the certificates that the mesh has issued to service accounts."""
    names = ("support", "reports", "stranger")
    return {name: MESH_CA.issue(uris=[SPIFFE + name]).save(tmp_path) for name in names}


def strict() -> dict:
    """Write a sidecar's side of mutual TLS in the mode STRICT."""
    return identity.server_tls(SERVER, MESH_CA, True)


def call_as(mesh: Mesh, certificate, tool: str, arguments: dict | None = None) -> tuple | None:
    """Call a tool over mutual TLS; return None if there was no connection."""
    with httpx.Client(verify=identity.client_tls(SERVER_CA, certificate)) as client:
        url = f"https://localhost:{mesh.port}/mcp"
        try:
            return code(rpc.post(url, rpc.tools_call(tool, arguments), client=client))
        except httpx.TransportError:
            return None


@pytest.mark.parametrize("file", ["plugin.yaml", "filter.yaml"])
def test_a_sidecar_judges_by_the_spiffe_id_of_the_caller(mesh, upstream, workloads, file):
    of = manifests("sidecar/mesh.yaml", f"sidecar/{file}")
    running = mesh(of, "sidecar", tls=strict())
    assert call_as(running, workloads["support"], "refund_order", {"amount": 100}) == (200, None)
    assert call_as(running, workloads["support"], "refund_order", {"amount": 101}) == (200, "condition_failed")
    assert call_as(running, workloads["support"], "delete_order") == (200, "not_listed")
    assert call_as(running, workloads["reports"], "get_order") == (200, None)
    assert call_as(running, workloads["reports"], "refund_order", {"amount": 1}) == (200, "not_listed")
    assert call_as(running, workloads["stranger"], "get_order") == (403, "no_grant")
    assert call_as(running, None, "get_order") is None
    assert [request.json()["params"]["name"] for request in upstream.calls] == ["refund_order", "get_order"]


def test_no_refused_call_reaches_the_server_complete_and_with_an_envoyfilter_no_part_of_it(envoy, upstream, workloads, tmp_path_factory):
    for file in ("plugin.yaml", "filter.yaml"):
        upstream.clear()
        of = manifests(f"sidecar/{file}")
        extensions = istio.extensions(of, "sidecar", agent(of))
        folder = tmp_path_factory.mktemp("mesh")
        running = Mesh(envoy, folder, [listener(of, "sidecar", strict())], extensions=extensions)
        assert call_as(running, workloads["support"], "delete_order") == (200, "not_listed")
        assert upstream.requests == []
        if file == "filter.yaml":
            assert upstream.heads == []


def test_istio_rewrites_every_module_to_a_file_before_envoy_sees_it():
    """Envoy itself passes requests without a decision after an update to a module that it has to fetch."""
    for file in ("sidecar/plugin.yaml", "sidecar/filter.yaml"):
        of = manifests(file)
        [config] = istio.extensions(of, "sidecar", agent(of)).values()
        assert list(config["config"]["vm_config"]["code"]) == ["local"]


# What is not there, and what changes.


@pytest.mark.parametrize("file", ["plugin.yaml", "filter.yaml"])
def test_requests_get_403_until_the_module_can_be_fetched_and_has_its_digest(mesh, upstream, file):
    of = manifests(f"gateway/{file}")
    missing, other = istio.Agent(), agent(of, sha256="0" * 64)
    running = mesh(of, "gateway", found=missing)
    [name] = istio.extensions(of, "gateway", missing)
    assert call(running, "get_order", headers=support()) == (403, None)
    assert running.push_extension(name, istio.extensions(of, "gateway", other)[name])
    assert call(running, "get_order", headers=support()) == (403, None)
    assert upstream.heads == []
    allowed = [*of, *manifests("gateway/mesh.yaml")]
    assert running.push_listeners([listener(allowed, "gateway")])
    assert running.push_extension(name, istio.extensions(of, "gateway", agent(of))[name])
    assert call(running, "get_order", headers=support()) == (200, None)
    assert running.push_extension(name, istio.extensions(of, "gateway", missing)[name])
    assert call(running, "get_order", headers=support()) == (403, None)
    assert len(upstream.calls) == 1


def test_a_policy_changes_without_losing_counts_and_a_bad_one_changes_nothing(mesh, upstream):
    of = manifests("gateway/mesh.yaml", "gateway/plugin.yaml")
    policy = plugin_of(of)["spec"]["pluginConfig"]
    limit = policy["tools"]["refund_order"]["limits"][0]
    limit["max"] = 1
    running = mesh(of, "gateway")

    def refund() -> tuple:
        return call(running, "refund_order", {"amount": 1}, support())

    def push() -> bool:
        [(name, config)] = istio.extensions(of, "gateway", agent(of)).items()
        return running.push_extension(name, config)

    assert [refund(), refund()] == [(200, None), (200, "rate_limited")]
    limit["max"] = 2
    assert push()
    assert [refund(), refund()] == [(200, None), (200, "rate_limited")]
    limit["max"] = -1
    assert not push()
    assert refund() == (200, "rate_limited")
    assert "tools.refund_order.limits[0].max: must be a positive number" in running.proxy.log()
    assert len(upstream.calls) == 2


def test_a_plugin_that_is_replaced_by_another_takes_over(mesh, upstream):
    before = manifests("gateway/mesh.yaml", "gateway/plugin.yaml")
    running = mesh(before, "gateway")
    assert call(running, "get_order", headers=support()) == (200, None)
    after = copy.deepcopy(before)
    plugin_of(after)["metadata"]["name"] = "another"
    plugin_of(after)["spec"]["pluginConfig"]["tools"] = {}
    [(name, config)] = istio.extensions(after, "gateway", agent(after)).items()
    running._write_extension(name, config)
    assert running.push_listeners([listener(after, "gateway")])
    assert call(running, "get_order", headers=support()) == (200, "not_listed")
    assert len(upstream.calls) == 1


# A gateway.


@pytest.mark.parametrize("file", ["plugin.yaml", "filter.yaml"])
def test_a_gateway_judges_by_the_token_that_istio_has_verified(mesh, upstream, file):
    running = mesh(manifests("gateway/mesh.yaml", f"gateway/{file}"), "gateway")
    assert call(running, "refund_order", {"amount": 1}, support()) == (200, None)
    assert call(running, "refund_order", {"amount": 1}, support(team="reports")) == (200, "not_listed")
    assert call(running, "get_order", headers=support(team="reports")) == (200, None)
    assert call(running, "get_order", headers=support(scope="openid")) == (403, "no_grant")
    assert call(running, "get_order", headers=support(team="others")) == (403, "no_grant")
    assert call(running, "get_order") == (401, "unauthenticated")
    forged = identity.Issuer(LOGIN.name, audience=LOGIN.audience)
    token = forged.token(sub="a", team="support", scope="mcp:orders")
    assert call(running, "get_order", headers=identity.bearer(token)) == (401, None)
    assert len(upstream.calls) == 2


def test_the_claims_of_another_issuer_are_not_those_that_a_grant_names(mesh, upstream):
    running = mesh(manifests("gateway/mesh.yaml", "gateway/plugin.yaml"), "gateway")
    token = PARTNER.token(sub="a", team="support", scope="mcp:orders")
    assert call(running, "get_order", headers=identity.bearer(token)) == (403, "no_grant")
    assert upstream.heads == []


def test_a_request_without_a_token_learns_where_to_get_one(mesh):
    running = mesh(manifests("gateway/mesh.yaml", "gateway/plugin.yaml"), "gateway")
    answer = rpc.post(running.url, rpc.tools_call("get_order"))
    assert "https://mcp.corp.example/.well-known/oauth-protected-resource/mcp" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("server, refused", [("orders", True), ("stock", False)])
def test_plugins_of_one_proxy_count_together_if_their_servers_have_one_name(envoy, tmp_path, server, refused):
    """No plugin of Istio has a `vm_id`, so all share one memory."""
    of = manifests("gateway/plugin.yaml")
    policy = {"version": "1", "server": "orders", "request_headers": "stream", "tools": {"get_*": "few"}}
    policy["rules"] = {"few": {"limits": [{"counter": "c", "window": "day", "max": 1}]}}
    plugin_of(of)["spec"]["pluginConfig"] = policy
    other = copy.deepcopy(of)
    plugin_of(other)["metadata"]["name"] = "other"
    plugin_of(other)["spec"]["pluginConfig"]["server"] = server
    extensions = {**istio.extensions(of, "gateway", agent(of)), **istio.extensions(other, "gateway", agent(of))}
    both = [listener(of, "gateway"), {**listener(other, "gateway"), "name": "other"}]
    running = Mesh(envoy, tmp_path, both, extensions=extensions)
    assert call(running, "get_order") == (200, None)
    answer = rpc.post(running.proxy.urls["other"], rpc.tools_call("get_order"))
    assert code(answer) == (200, "rate_limited" if refused else None)
