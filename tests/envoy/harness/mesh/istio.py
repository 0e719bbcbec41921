"""What Istio 1.30 makes of manifests: the configuration that the Envoy of a sidecar, a gateway or a waypoint gets.

istiod writes listeners whose filters are discovered, and the configuration of these filters. istio-agent fetches the
modules and rewrites the configuration, before Envoy sees it. Istio's own filters are left out: a stock Envoy does not
have them.
"""

import json
import re
from dataclasses import dataclass, field

from ..bootstrap import HTTP, any_of

WASM = HTTP + "wasm.v3.Wasm"
RBAC = HTTP + "rbac.v3.RBAC"
TYPE = "type.googleapis.com/google.protobuf."
# istiod turns a WasmPlugin into a TrafficExtension of this name.
TRANSLATED = "~istio-translated-wasmplugin"
MODES = {"sidecar": "SERVER", "waypoint": "SERVER", "gateway": "CLIENT"}
CONTEXTS = {"sidecar": "SIDECAR_INBOUND", "gateway": "GATEWAY"}


@dataclass
class Agent:
    """istio-agent, with the modules that it can fetch: their digest and path by URL."""

    modules: dict = field(default_factory=dict)

    def fetch(self, url: str, sha256: str) -> str | None:
        """Return the path of a module, or None if it cannot be fetched or has another digest."""
        digest, path = self.modules.get(url, (None, None))
        return path if not sha256 or sha256 == digest else None

    def rewrite(self, config: dict) -> dict:
        """Rewrite the configuration of a filter: to a local file, or to one that refuses everything."""
        code = config["config"]["vm_config"]["code"]
        if "remote" not in code:
            return config
        remote = code["remote"]
        path = self.fetch(remote["http_uri"]["uri"], remote.get("sha256", ""))
        if path is None:
            if config["config"].get("failure_policy") == "FAIL_OPEN":
                return {"@type": RBAC, "rules_stat_prefix": "wasm-default-allow"}
            return {"@type": RBAC, "rules": {}, "rules_stat_prefix": "wasm-default-deny"}
        vm = {**config["config"]["vm_config"], "code": {"local": {"filename": path}}}
        return {**config, "config": {**config["config"], "vm_config": vm}}


def number(value: float) -> str:
    """Write a double as Go's encoding/json does."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if 1e-6 <= abs(value) < 1e21:
        return f"{value:.20f}".rstrip("0") if "e" in text else text
    return re.sub(r"e([+-])0(\d)$", r"e\1\2", text)


def struct_json(value: object) -> str:
    """Write a `Struct` as istiod does: keys in order, numbers as doubles, and what HTML could read escaped."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{struct_json(key)}:{struct_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(struct_json, value)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(float(value))
    text = json.dumps(value, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def applies(plugin: dict, proxy: str) -> bool:
    """Tell whether a plugin that selects a proxy applies to its traffic."""
    match = plugin["spec"].get("match", [])
    # A waypoint's listener has no port of its own, so a match with ports never applies there.
    return not match or any(
        one.get("mode", "CLIENT_AND_SERVER") in ("CLIENT_AND_SERVER", MODES[proxy])
        and not (proxy == "waypoint" and one.get("ports"))
        for one in match
    )


def resource(plugin: dict) -> str:
    """Return the name under which Envoy discovers a plugin."""
    of = plugin["metadata"]
    return f"extensions.istio.io/trafficextension/{of['namespace']}.{of['name']}{TRANSLATED}"


def wasm(plugin: dict) -> dict:
    """Write the configuration of a plugin's filter."""
    spec, of = plugin["spec"], plugin["metadata"]
    url = spec["url"] if "://" in spec["url"] else "oci://" + spec["url"]
    uri = {"uri": url, "timeout": "30s", "cluster": "_"}
    code = {"remote": {"http_uri": uri, "sha256": spec.get("sha256", "")}}
    if url.startswith("file://"):
        code = {"local": {"filename": url.removeprefix("file://")}}
    strategy = spec.get("failStrategy", "FAIL_CLOSE")
    config = {
        "name": f"{of['namespace']}.{of['name']}{TRANSLATED}",
        "root_id": spec["pluginName"],
        "configuration": {"@type": TYPE + "StringValue", "value": struct_json(spec["pluginConfig"])},
        "failure_policy": {"FAIL_CLOSE": "FAIL_CLOSED"}.get(strategy, strategy),
        "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": code},
    }
    return {"@type": WASM, "config": config}


def discovered(name: str) -> dict:
    source = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    return {"name": name, "config_discovery": {"config_source": source, "type_urls": [WASM, RBAC]}}


def patches(manifests: list, proxy: str, kind: str) -> list:
    """Return the values of the patches of EnvoyFilters that apply to a proxy."""
    return [
        patch["patch"]["value"]
        for manifest in manifests
        if manifest["kind"] == "EnvoyFilter"
        for patch in manifest["spec"]["configPatches"]
        if patch["applyTo"] == kind and patch["match"]["context"] == CONTEXTS.get(proxy)
    ]


# The contexts in which istiod adds clusters to a proxy.
CLUSTERS = {
    "sidecar": ("SIDECAR_OUTBOUND", "SIDECAR_INBOUND"),
    "gateway": ("GATEWAY",),
    "waypoint": ("SIDECAR_INBOUND",),
}


def clusters(manifests: list, proxy: str) -> list:
    """Return the clusters that EnvoyFilters add to a proxy."""
    return [
        patch["patch"]["value"]
        for manifest in manifests
        if manifest["kind"] == "EnvoyFilter"
        # A selector never applies to a waypoint.
        and (proxy != "waypoint" or "targetRefs" in manifest["spec"])
        for patch in manifest["spec"]["configPatches"]
        if (patch["applyTo"], patch["patch"]["operation"]) == ("CLUSTER", "ADD")
        and patch["match"]["context"] in CLUSTERS[proxy]
    ]


def plugins(manifests: list, proxy: str) -> list:
    """Return the plugins that apply to a proxy, in their order."""
    found = [one for one in manifests if one["kind"] == "WasmPlugin" and applies(one, proxy)]
    return sorted(found, key=lambda one: -one["spec"].get("priority", -(2**31)))


def extensions(manifests: list, proxy: str, agent: Agent) -> dict:
    """Write the configurations that Envoy discovers, by name, as the agent passes them on."""
    found = {resource(plugin): wasm(plugin) for plugin in plugins(manifests, proxy)}
    added = patches(manifests, proxy, "EXTENSION_CONFIG")
    found.update({value["name"]: value["typed_config"] for value in added})
    return {name: agent.rewrite(config) for name, config in found.items()}


def filters(manifests: list, proxy: str, keys: dict) -> list:
    """Write the chain of HTTP filters. `keys` has the JWKS of issuers by their URI."""
    phases = {phase: [] for phase in ("AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE")}
    for plugin in plugins(manifests, proxy):
        phases[plugin["spec"].get("phase", "UNSPECIFIED_PHASE")].append(discovered(resource(plugin)))
    before = [*phases["AUTHN"], *jwt_authn(manifests, keys), *phases["AUTHZ"]]
    last = phases["STATS"] + phases["UNSPECIFIED_PHASE"]
    common = [
        {
            "name": "istio.grpc_stats",
            "typed_config": any_of("extensions.filters.http.grpc_stats.v3.FilterConfig"),
        },
        {"name": "envoy.filters.http.fault", "typed_config": {"@type": HTTP + "fault.v3.HTTPFault"}},
        {"name": "envoy.filters.http.cors", "typed_config": {"@type": HTTP + "cors.v3.Cors"}},
    ]
    made = [*before, *common, *last] if proxy == "waypoint" else [*before, *last, *common]
    inserted = patches(manifests, proxy, "HTTP_FILTER")
    return [*made, *inserted, {"name": "router", "typed_config": {"@type": HTTP + "router.v3.Router"}}]


def jwt_authn(manifests: list, keys: dict) -> list:
    """Write the filter of all RequestAuthentications: a token is optional, but one that is there must be good."""
    rules = [
        rule
        for one in manifests
        if one["kind"] == "RequestAuthentication"
        for rule in one["spec"]["jwtRules"]
    ]
    if not rules:
        return []
    providers = {f"origins-{place}": provider(rule, keys) for place, rule in enumerate(rules)}
    every = [
        {"requires_any": {"requirements": [{"provider_name": name}, {"allow_missing": {}}]}}
        for name in providers
    ]
    requires = every[0]
    if len(every) > 1:
        either = [{"provider_name": name} for name in providers]
        requires = {"requires_any": {"requirements": [*either, {"requires_all": {"requirements": every}}]}}
    config = any_of(
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers=providers,
        rules=[{"match": {"prefix": "/"}, "requires": requires}],
        bypass_cors_preflight=True,
    )
    return [{"name": "envoy.filters.http.jwt_authn", "typed_config": config}]


def provider(rule: dict, keys: dict) -> dict:
    return {
        "issuer": rule["issuer"],
        "audiences": rule.get("audiences", []),
        "local_jwks": {"inline_string": rule.get("jwks") or keys[rule["jwksUri"]]},
        "forward": rule.get("forwardOriginalToken", False),
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {
            "space_delimited_claims": ["scope", "permission", *rule.get("spaceDelimitedClaims", [])]
        },
    }


def access_log(provider: dict, path: str) -> list:
    """Write the access log of an extension provider, to a file of this path."""
    of = provider["envoyFileAccessLog"]
    text = {"text_format_source": {"inline_string": of["logFormat"]["text"]}}
    form = {**text, "omit_empty_values": of.get("omitEmptyValues", False)}
    log = any_of("extensions.access_loggers.file.v3.FileAccessLog", path=path, log_format=form)
    return [{"name": "envoy.access_loggers.file", "typed_config": log}]


def manager(chain: list, log: list = ()) -> dict:
    """Write the connection manager of a listener."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}
    host = {"name": "inbound|http|8000", "domains": ["*"], "routes": [route]}
    config = any_of(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="inbound_0.0.0.0_8000;",
        route_config={"name": "inbound|8000||", "virtual_hosts": [host]},
        http_filters=chain,
        access_log=list(log),
        normalize_path=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        stream_idle_timeout="0s",
        upgrade_configs=[{"upgrade_type": "websocket"}],
    )
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}
