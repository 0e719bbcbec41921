"""Approvals and shared limits in a mesh: the clusters of `envoy/istio` and `envoy/envoy-gateway`, in a real Envoy.

The approval service is the real one, with TLS. The files of the secret change as in Kubernetes.
"""

import copy
import json

import pytest
import yaml

import places
from harness import identity, rpc
from harness.bootstrap import cluster
from harness.fleet import PATIENT_MS, within_a_day
from harness.mesh import gateway, istio, services
from harness.mesh.orders import FOLDER, KEYS, agent, code, listener, manifests, plugin_of, support
from harness.mesh.proxy import Mesh
from harness.proxy import wait_for
from harness.redis import needs_redis
from harness.service import ROLES, Service

LISTENER = "tools/mcp/https"
HOST = "mcp-approvals.mcp-approvals.svc"
AUTHORITY = identity.Authority("approvals")
READMES = {name: (FOLDER / name / "README.md").read_text() for name in ("istio", "envoy-gateway")}
TARGETS = ("istio", "envoy-gateway")


def told(readme: str, key: str) -> dict:
    """Read the keys of a policy that a README shows, by the first of them."""
    [_, after] = readme.split(f'"{key}": ', 1)
    [block, _] = after.split("```", 1)
    return json.loads(f'{{"{key}": {block}}}')


class OverTls(Service):
    """The service with the TLS of its own, as in Kubernetes."""

    def __init__(self, folder) -> None:
        certificate = AUTHORITY.issue(dns=[HOST])
        (folder / "tls.crt").write_text(certificate.certificate)
        (folder / "tls.key").write_text(certificate.key)
        tls = f'[tls]\ncertificate = "{folder}/tls.crt"\nkey = "{folder}/tls.key"\n'
        super().__init__(folder, config=tls + ROLES)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@pytest.fixture
def service(tmp_path):
    folder = tmp_path / "service"
    folder.mkdir()
    with OverTls(folder) as started:
        yield started


def files(folder, token: str, authority: identity.Authority = AUTHORITY) -> dict:
    """Return the files of the secret that the READMEs create. A test mounts it into its own folder."""
    source = (FOLDER / "approvals" / "approvals-token.yaml").read_text()
    assert source.count(services.MOUNTED) >= 1
    return {
        "approvals-token": token + "\n",
        "approvals-token.yaml": source.replace(services.MOUNTED + "/", f"{folder}/"),
        "ca.crt": authority.pem,
    }


@pytest.fixture
def start(envoy, tmp_path):
    """Start the gateway of a target whose policy has these additional keys, with these additional clusters."""
    modules = gateway.Modules()

    def started(target: str, keys: dict, clusters: list) -> tuple:
        if target == "istio":
            of = manifests("istio/gateway/mesh.yaml", "istio/gateway/plugin.yaml")
            add(plugin_of(of)["spec"]["pluginConfig"], keys)
            extensions = istio.extensions(of, "gateway", agent(of))
            running = Mesh(
                envoy, tmp_path, [listener(of, "gateway")], extensions=extensions, services=clusters
            )
            return running, running.url
        of = manifests("envoy-gateway/gateway.yaml", "envoy-gateway/extension.yaml")
        [policy] = [one for one in of if one["kind"] == "EnvoyExtensionPolicy"]
        add(policy["spec"]["wasm"][0]["config"], keys)
        codes = {policy["metadata"]["name"]: modules.serve(places.MODULE)}
        running = Mesh(
            envoy,
            tmp_path,
            [gateway.listener(of, codes, KEYS)],
            routes={LISTENER: gateway.routes(of, codes)},
            services=[cluster("wasm_cluster", modules), *clusters],
        )
        return running, running.proxy.urls[LISTENER]

    yield started
    modules.stop()


def add(document: dict, keys: dict) -> None:
    """Add keys to a policy; rules replace those of the same tools."""
    document["tools"] = {**document["tools"], **keys.get("tools", {})}
    document.update({key: value for key, value in keys.items() if key != "tools"})


def refund(url: str, amount: int = 1) -> tuple:
    return code(rpc.post(url, rpc.tools_call("refund_order", {"amount": amount}), support()))


def approvals_of(target: str) -> dict:
    """Return the cluster of the approval service in a target's manifests."""
    of = manifests(f"{target}/gateway/approvals.yaml" if target == "istio" else f"{target}/approvals.yaml")
    [found] = istio.clusters(of, "gateway") if target == "istio" else gateway.clusters(of)
    return found


# Approvals.


@pytest.mark.parametrize("target", TARGETS)
def test_a_gateway_asks_the_approval_service_with_the_token_of_the_secret(
    start, service, upstream, tmp_path, target
):
    folder = tmp_path / "secret"
    secret = services.Secret(folder, files(folder, service.token))
    keys = told(READMES[target], "approvals")
    running, url = start(target, keys, [services.at(approvals_of(target), service.port, folder)])
    assert refund(url) == (200, "approval_required")
    [asked] = [event for event in service.events() if event["event"] == "asked"]
    service.decide(asked["approval"], "approve", service.shell("anna"))
    assert refund(url) == (200, None)
    assert len(upstream.calls) == 1
    # A new token, as the READMEs replace it.
    fresh = service.command("caller", "envoy").split()[-1]
    secret.replace(files(folder, fresh))
    wait_for(
        lambda: sum(running.proxy.stats("sds.approvals_token.update_success").values()) >= 2, "the token"
    )
    service.command("caller", "envoy", "--revoke-older")
    assert refund(url, 2) == (200, "approval_required")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("fault", ["token", "authority", "secret", "cluster"])
def test_without_a_valid_token_certificate_or_cluster_the_call_is_refused(
    start, service, upstream, tmp_path, target, fault
):
    folder = tmp_path / "secret"
    token = "wrong" if fault == "token" else service.token
    authority = identity.Authority("other") if fault == "authority" else AUTHORITY
    services.Secret(folder, {} if fault == "secret" else files(folder, token, authority))
    clusters = [services.at(approvals_of(target), service.port, folder)]
    _, url = start(target, told(READMES[target], "approvals"), [] if fault == "cluster" else clusters)
    assert refund(url) == (200, "approval_unavailable")
    assert upstream.calls == []


def test_all_proxies_get_the_same_cluster():
    found = [approvals_of(target) for target in TARGETS]
    for proxy in ("sidecar", "waypoint"):
        of = manifests(f"istio/{proxy}/approvals.yaml")
        found += istio.clusters(of, proxy)
        other = {"sidecar": "waypoint", "waypoint": "gateway"}[proxy]
        assert istio.clusters(of, other) == []
    assert len(found) == 4 and all(one == found[0] for one in found)


def test_the_manifests_name_the_service_of_the_kustomize_base():
    kustomization = yaml.safe_load((FOLDER / "approvals" / "kubernetes" / "kustomization.yaml").read_text())
    service = yaml.safe_load((FOLDER / "approvals" / "kubernetes" / "service.yaml").read_text())
    host = f"{service['metadata']['name']}.{kustomization['namespace']}.svc"
    [port] = service["spec"]["ports"]
    [endpoint] = approvals_of("istio")["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {
        "address": f"{host}.cluster.local",
        "port_value": port["port"],
    }
    assert host == HOST
    for target in TARGETS:
        assert told(READMES[target], "approvals")["approvals"]["authority"] == HOST


# Shared limits.


def outbound(name: str, port: int) -> dict:
    """Write the cluster that istiod makes of a Service whose port is of gRPC."""
    return cluster(name, port, http2=True)


def base() -> tuple:
    """Return the Service of the rate limit service, and its namespace."""
    folder = FOLDER / "fleet" / "kubernetes"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return next(yaml.safe_load_all((folder / "ratelimit.yaml").read_text())), kustomization["namespace"]


@needs_redis
@pytest.mark.parametrize("target", TARGETS)
def test_a_gateway_asks_the_rate_limit_service(start, ratelimits, upstream, target):
    within_a_day()
    ratelimit = ratelimits(config=FOLDER / "fleet" / "ratelimit")
    keys = told(READMES[target], "shared_limits")
    if target == "istio":
        clusters = [outbound(keys["shared_limits"]["cluster"], ratelimit.port)]
    else:
        [found] = gateway.clusters(manifests("envoy-gateway/ratelimit.yaml"))
        clusters = [services.at(found, ratelimit.port)]
    keys = copy.deepcopy(keys)
    keys["server"] = f"orders-{target}"
    keys["shared_limits"]["timeout_ms"] = PATIENT_MS
    limit = {"counter": "refunds", "window": "day", "max": 2, "type": "calendar", "shared": True}
    keys["tools"] = {"refund_order": {"limits": [{**limit, "scope": "grant"}]}}
    _, url = start(target, keys, clusters)
    assert [refund(url) for _ in range(3)] == [(200, None), (200, None), (200, "rate_limited")]
    assert len(upstream.calls) == 2


def test_the_readmes_name_the_rate_limit_service_of_the_kustomize_base():
    service, namespace = base()
    host = f"{service['metadata']['name']}.{namespace}.svc"
    [port] = service["spec"]["ports"]
    assert port["appProtocol"] == "grpc" and port["name"].startswith("grpc")
    # Istio gives a Service without an address a cluster that sends the filter's questions nowhere.
    assert "clusterIP" not in service["spec"]
    of_istio = told(READMES["istio"], "shared_limits")["shared_limits"]
    assert of_istio == {
        "cluster": f"outbound|{port['port']}||{host}.cluster.local",
        "authority": f"{host}.cluster.local",
    }
    of_gateway = told(READMES["envoy-gateway"], "shared_limits")["shared_limits"]
    [found] = gateway.clusters(manifests("envoy-gateway/ratelimit.yaml"))
    [endpoint] = found["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {
        "address": f"{host}.cluster.local",
        "port_value": port["port"],
    }
    assert of_gateway == {"cluster": found["name"], "authority": host}
