"""Istio's ambient mode: the manifests in `envoy/istio/waypoint`, as the Envoy of a waypoint gets them."""

import pytest

from harness import rpc
from harness.mesh import istio, waypoint
from harness.mesh.orders import MESH_CA, SERVER, SERVER_CA, SPIFFE, agent, code, manifests, plugin_of
from harness.mesh.proxy import Mesh

CALLERS = {name: MESH_CA.issue(uris=[SPIFFE + name]) for name in ("support", "reports", "stranger")}


@pytest.fixture
def start(envoy, tmp_path, tmp_path_factory):
    """Start a waypoint and the ztunnels of callers."""

    def started(of: list, callers: dict) -> Mesh:
        # The path of a Unix socket has at most 107 bytes.
        socket = tmp_path_factory.getbasetemp() / f"{tmp_path.name[-16:]}.sock"
        made = [*waypoint.listeners(istio.filters(of, "waypoint", {}), socket, SERVER, MESH_CA)]
        made += [waypoint.ztunnel(name) for name in callers]
        return Mesh(
            envoy,
            tmp_path,
            made,
            extensions=istio.extensions(of, "waypoint", agent(of)),
            clusters=waypoint.clusters(socket, SERVER_CA, callers),
        )

    return started


def call_as(mesh: Mesh, caller: str, tool: str, arguments: dict | None = None, **headers: str) -> tuple:
    return code(rpc.post(mesh.proxy.urls[caller], rpc.tools_call(tool, arguments), headers))


def test_a_waypoint_judges_by_the_spiffe_id_at_the_end_of_the_tunnel(start, upstream):
    running = start(manifests("istio/waypoint/plugin.yaml"), CALLERS)
    assert call_as(running, "support", "refund_order", {"amount": 100}) == (200, None)
    assert call_as(running, "support", "refund_order", {"amount": 101}) == (200, "condition_failed")
    assert call_as(running, "reports", "get_order") == (200, None)
    assert call_as(running, "reports", "refund_order", {"amount": 1}) == (200, "not_listed")
    assert call_as(running, "stranger", "get_order") == (403, "no_grant")
    claimed = {waypoint.PEER: SPIFFE + "support", "x-forwarded-client-cert": f"URI={SPIFFE}support"}
    assert call_as(running, "stranger", "get_order", **claimed) == (403, "no_grant")
    assert [request.json()["params"]["name"] for request in upstream.calls] == ["refund_order", "get_order"]


def test_a_policy_for_certificates_finds_none_at_a_waypoint(start, upstream):
    of = manifests("istio/sidecar/plugin.yaml")
    running = start(of, {"support": CALLERS["support"]})
    assert call_as(running, "support", "get_order") == (401, "unauthenticated")
    assert upstream.heads == []


def test_a_plugin_for_a_port_never_applies_to_a_waypoint():
    of = manifests("istio/waypoint/plugin.yaml")
    plugin_of(of)["spec"]["match"] = [{"mode": "SERVER", "ports": [{"number": 8000}]}]
    assert istio.extensions(of, "waypoint", agent(of)) == {}
    assert len(istio.extensions(of, "sidecar", agent(of))) == 1
