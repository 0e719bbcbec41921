"""The examples in `envoy/istio` and `envoy/envoy-gateway`: a server of orders, its callers, and what fetches its module."""

import yaml

import places

from .. import identity, rpc, runs
from . import istio

FOLDER = places.ROOT / "envoy"
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
    for value in istio.patches(of, "sidecar", "EXTENSION_CONFIG") + istio.patches(
        of, "gateway", "EXTENSION_CONFIG"
    ):
        remote = value["typed_config"]["config"]["vm_config"]["code"]["remote"]
        found.modules[remote["http_uri"]["uri"]] = (sha256 or remote["sha256"], str(runs.module()))
    return found


def listener(of: list, proxy: str, tls: dict | None = None, log: list = ()) -> dict:
    """Write the listener of a sidecar or a gateway."""
    chain = {"filters": [istio.manager(istio.filters(of, proxy, KEYS), log)]}
    if tls:
        chain["transport_socket"] = tls
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    return {"name": "main", "address": address, "filter_chains": [chain]}


def plugin_of(of: list) -> dict:
    return next(one for one in of if one["kind"] == "WasmPlugin")


def code(answer) -> tuple:
    """Return an answer's status, and the code of the policy's refusal."""
    return answer.status_code, answer.headers.get("x-mcp-policy")


def call(mesh, tool: str, arguments: dict | None = None, headers: dict | None = None) -> tuple:
    return code(rpc.post(mesh.url, rpc.tools_call(tool, arguments), headers))


def support(**claims: object) -> dict:
    claims = {"sub": "a", "team": "support", "scope": "openid mcp:orders", **claims}
    return identity.bearer(LOGIN.token(**claims))
