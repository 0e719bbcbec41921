"""The listeners of a waypoint, and a stand-in for the ztunnels of its callers.

A ztunnel opens a tunnel to the waypoint: CONNECT over HTTP/2 and mutual TLS, with the certificate of its workload. The
waypoint ends the tunnel, keeps the caller's SPIFFE id as filter state, and sends what is inside to its inner listener.
"""

from pathlib import Path

from .. import identity
from ..bootstrap import any_of
from . import istio

PEER = "io.istio.peer_principal"
ROUTER = {"name": "router", "typed_config": any_of("extensions.filters.http.router.v3.Router")}
HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def listeners(chain: list, socket: Path, server: identity.Certificate, mesh: identity.Authority) -> list:
    """Write the listener that ends tunnels, at a Unix socket, and the inner one with the chain of filters."""
    outer = {
        "name": "connect_terminate",
        "address": {"pipe": {"path": str(socket)}},
        "filter_chains": [
            {"transport_socket": identity.server_tls(server, mesh, True), "filters": [terminate()]}
        ],
    }
    inner = {
        "name": "main_internal",
        "internal_listener": {},
        "filter_chains": [{"filters": [istio.manager(chain)]}],
    }
    return [outer, inner]


def terminate() -> dict:
    """Write the connection manager that ends tunnels."""
    source = {"text_format_source": {"inline_string": "%DOWNSTREAM_PEER_URI_SAN%"}}
    # Istio's own Envoy has a factory of its own for this, which adds a hash to the string.
    state = {"object_key": PEER, "factory_key": "envoy.string", "format_string": source}
    keep = any_of(
        "extensions.filters.http.set_filter_state.v3.Config",
        on_request_headers=[{**state, "shared_with_upstream": "ONCE"}],
    )
    connect = {"cluster": "main_internal"}
    connect["upgrade_configs"] = [{"upgrade_type": "CONNECT", "connect_config": {}}]
    host = {
        "name": "default",
        "domains": ["*"],
        "routes": [{"match": {"connect_matcher": {}}, "route": connect}],
    }
    config = any_of(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="connect_terminate",
        route_config={"name": "default", "virtual_hosts": [host]},
        http_filters=[{"name": "connect_authority", "typed_config": keep}, ROUTER],
        http2_protocol_options={"allow_connect": True},
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        stream_idle_timeout="0s",
    )
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def clusters(socket: Path, server: identity.Authority, callers: dict) -> list:
    """Write the cluster of the inner listener, and that of the tunnel of each caller."""
    plain = any_of("extensions.transport_sockets.raw_buffer.v3.RawBuffer")
    wrapped = any_of(
        "extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
        transport_socket={"name": "raw_buffer", "typed_config": plain},
    )
    address = {"envoy_internal_address": {"server_listener_name": "main_internal"}}
    inner = {
        **cluster("main_internal", address),
        "transport_socket": {"name": "internal", "typed_config": wrapped},
    }
    return [inner, *(tunnel(name, socket, server, one) for name, one in callers.items())]


def cluster(name: str, address: dict) -> dict:
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [endpoint]},
    }


def tunnel(name: str, socket: Path, server: identity.Authority, own: identity.Certificate) -> dict:
    chain = {
        "certificate_chain": {"inline_string": own.certificate},
        "private_key": {"inline_string": own.key},
    }
    common = {
        "tls_certificates": [chain],
        "validation_context": {"trusted_ca": {"inline_string": server.pem}},
    }
    tls = any_of("extensions.transport_sockets.tls.v3.UpstreamTlsContext", common_tls_context=common)
    protocol = {
        "@type": f"type.googleapis.com/{HTTP2}",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return {
        **cluster(f"tunnel-{name}", {"pipe": {"path": str(socket)}}),
        "transport_socket": {"name": "tls", "typed_config": tls},
        "typed_extension_protocol_options": {HTTP2: protocol},
    }


def ztunnel(name: str) -> dict:
    """Write the listener that a caller's requests enter, on a port of its own."""
    config = any_of(
        "extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=name,
        cluster=f"tunnel-{name}",
        tunneling_config={"hostname": "orders.tools.svc.cluster.local:8000"},
    )
    chain = {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": config}]}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": name, "address": address, "filter_chains": [chain]}
