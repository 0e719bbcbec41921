"""Istio: what its proxies serve without the module, with a bad policy, and after changes."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from harness.bootstrap import cluster
from harness.mesh import istio
from harness.mesh.orders import agent, call, listener, manifests, plugin_of, support
from harness.mesh.proxy import Mesh
from harness.proxy import wait_for


@pytest.fixture
def mesh(envoy, tmp_path):
    """Start the Envoy of a gateway, with what istiod and the agent make of manifests."""

    def start(of: list, found: istio.Agent | None = None) -> Mesh:
        extensions = istio.extensions(of, "gateway", agent(of) if found is None else found)
        return Mesh(envoy, tmp_path, [listener(of, "gateway")], extensions=extensions)

    return start


def test_istio_rewrites_every_module_to_a_file_before_envoy_sees_it():
    """Envoy itself passes requests without a decision after an update to a module that it has to fetch."""
    for file in ("istio/sidecar/plugin.yaml", "istio/sidecar/filter.yaml"):
        of = manifests(file)
        [config] = istio.extensions(of, "sidecar", agent(of)).values()
        assert list(config["config"]["vm_config"]["code"]) == ["local"]


@pytest.mark.parametrize("file", ["plugin.yaml", "filter.yaml"])
def test_requests_get_403_until_the_module_can_be_fetched_and_has_its_digest(mesh, upstream, file):
    of = manifests(f"istio/gateway/{file}")
    missing, other = istio.Agent(), agent(of, sha256="0" * 64)
    running = mesh(of, found=missing)
    [name] = istio.extensions(of, "gateway", missing)
    assert call(running, "get_order", headers=support()) == (403, None)
    assert running.push_extension(name, istio.extensions(of, "gateway", other)[name])
    assert call(running, "get_order", headers=support()) == (403, None)
    assert upstream.heads == []
    allowed = [*of, *manifests("istio/gateway/mesh.yaml")]
    assert running.push_listeners([listener(allowed, "gateway")])
    assert running.push_extension(name, istio.extensions(of, "gateway", agent(of))[name])
    assert call(running, "get_order", headers=support()) == (200, None)
    assert running.push_extension(name, istio.extensions(of, "gateway", missing)[name])
    assert call(running, "get_order", headers=support()) == (403, None)
    assert len(upstream.calls) == 1


@pytest.fixture
def silence():
    """A control plane that never answers, as istio-agent while it fetches a module."""
    over = threading.Event()
    handler = grpc.method_handlers_generic_handler(
        "envoy.service.extension.v3.ExtensionConfigDiscoveryService",
        {"StreamExtensionConfigs": grpc.stream_stream_rpc_method_handler(lambda *_: iter(over.wait, True))},
    )
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield cluster("silence", port, http2=True)
    over.set()
    server.stop(None)


def test_a_running_proxy_does_not_judge_until_it_has_fetched_the_module(envoy, tmp_path, silence):
    """README says so. A proxy that starts serves nothing before."""
    before = manifests("istio/gateway/mesh.yaml")
    after = before + manifests("istio/gateway/plugin.yaml")
    running = Mesh(envoy, tmp_path, [listener(before, "gateway")], clusters=[silence])
    waiting = listener(after, "gateway")
    [plugin] = istio.plugins(after, "gateway")
    service = {"envoy_grpc": {"cluster_name": "silence"}}
    source = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [service]}
    for one in waiting["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]:
        if one["name"] == istio.resource(plugin):
            discovery = one["config_discovery"]["config_source"]
            del discovery["ads"]
            discovery["api_config_source"] = source
    running.write_listeners([waiting])
    wait_for(lambda: sum(running.proxy.stats("total_listeners_warming").values()), "the listener to warm")
    assert call(running, "delete_order", headers=support()) == (200, None)
    [(name, config)] = istio.extensions(after, "gateway", agent(after)).items()
    running.write_extension(name, config)
    assert running.push_listeners([listener(after, "gateway")])
    assert call(running, "delete_order", headers=support()) == (200, "not_listed")


def test_a_proxy_that_starts_with_a_bad_policy_lets_nothing_through(mesh, upstream):
    of = manifests("istio/gateway/mesh.yaml", "istio/gateway/plugin.yaml")
    plugin_of(of)["spec"]["pluginConfig"]["tools"] = {"get_order": "deny"}
    running = mesh(of)
    assert call(running, "get_order", headers=support()) == (500, None)
    assert "the policy is refused" in running.proxy.log()
    assert upstream.heads == []


def test_a_policy_changes_without_losing_counts_and_a_bad_one_changes_nothing(mesh, upstream):
    of = manifests("istio/gateway/mesh.yaml", "istio/gateway/plugin.yaml")
    policy = plugin_of(of)["spec"]["pluginConfig"]
    limit = policy["tools"]["refund_order"]["limits"][0]
    limit["max"] = 1
    running = mesh(of)

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
    before = manifests("istio/gateway/mesh.yaml", "istio/gateway/plugin.yaml")
    running = mesh(before)
    assert call(running, "get_order", headers=support()) == (200, None)
    after = copy.deepcopy(before)
    plugin_of(after)["metadata"]["name"] = "another"
    plugin_of(after)["spec"]["pluginConfig"]["tools"] = {}
    [(name, config)] = istio.extensions(after, "gateway", agent(after)).items()
    running.write_extension(name, config)
    assert running.push_listeners([listener(after, "gateway")])
    assert call(running, "get_order", headers=support()) == (200, "not_listed")
    assert len(upstream.calls) == 1
