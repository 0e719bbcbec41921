"""What Envoy Gateway 1.9 makes of manifests: the listener and the routes of a gateway.

The controller fetches a module and serves it to Envoy itself. A filter is disabled in the listener and enabled on the
routes to which its policy is attached. A route whose policy has an error answers 500.
"""

import hashlib
import http.server
import json
import threading
from pathlib import Path

from jsonpath import JSONPatch, finditer

from ..bootstrap import HTTP, any_of

TYPE = "type.googleapis.com/"
STRING = TYPE + "google.protobuf.StringValue"
FILTER_CONFIG = TYPE + "envoy.config.route.v3.FilterConfig"
BUFFER_LIMIT = 32768
UNITS = {"Ki": 2**10, "Mi": 2**20, "k": 10**3, "M": 10**6}


class Modules:
    """The controller's server of modules. `serve` makes a module available; `asked` has the paths that were asked for."""

    def __init__(self) -> None:
        self.content: dict = {}
        self.asked: list = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                found = outer.content.get(self.path)
                self.send_response(200 if found else 503)
                self.send_header("content-length", str(len(found or b"")))
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, *_) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def serve(self, path: Path) -> dict:
        """Make a module available; return where Envoy gets it and its digest."""
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self.content[f"/{digest}.wasm"] = content
        return {"uri": f"http://127.0.0.1:{self.port}/{digest}.wasm", "sha256": digest}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def raw_json(value: object) -> str:
    """Write an object as the API server returns it: keys in order, integers of 64 bits as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def of_kind(manifests: list, kind: str) -> list:
    return [one for one in manifests if one["kind"] == kind]


def attached(policies: list, route: dict) -> list:
    """Return the policies that are attached to a route, or to its gateway."""
    names = {("HTTPRoute", route["metadata"]["name"])}
    names |= {("Gateway", parent["name"]) for parent in route["spec"]["parentRefs"]}
    labels = route["metadata"].get("labels", {}).items()

    def selects(policy: dict) -> bool:
        spec = policy["spec"]
        refs = {(ref["kind"], ref["name"]) for ref in spec.get("targetRefs", [])}
        selectors = [one["matchLabels"].items() for one in spec.get("targetSelectors", [])]
        return bool(refs & names) or any(one <= labels for one in selectors)

    return [policy for policy in policies if selects(policy)]


def wasm_name(policy: dict) -> str:
    of = policy["metadata"]
    return f"envoyextensionpolicy/{of['namespace']}/{of['name']}/wasm/0"


def wasm(policy: dict, code: dict) -> dict:
    """Write the filter of a policy; `code` says where Envoy gets the module."""
    [spec] = policy["spec"]["wasm"]
    uri = {"uri": code["uri"], "cluster": "wasm_cluster", "timeout": "10s"}
    again = {"num_retries": 10, "retry_back_off": {"base_interval": "1s", "max_interval": "30s"}}
    remote = {"http_uri": uri, "sha256": code["sha256"], "retry_policy": again}
    vm = {"vm_id": wasm_name(policy), "runtime": "envoy.wasm.runtime.v8", "code": {"remote": remote}}
    config = {
        "name": spec["name"],
        "root_id": spec["rootID"],
        "configuration": {"@type": STRING, "value": raw_json(spec["config"])},
        "vm_config": vm,
    }
    if spec.get("failOpen"):
        config["fail_open"] = True
    typed = any_of("extensions.filters.http.wasm.v3.Wasm", config=config)
    return {"name": f"envoy.filters.http.wasm/{wasm_name(policy)}", "disabled": True, "typed_config": typed}


def jwt_authn(policies: list, keys: dict) -> list:
    """Write the filter that verifies tokens, with a requirement for each policy."""
    providers, requirements = {}, {}
    for policy in policies:
        names = [f"{policy['metadata']['name']}/{one['name']}" for one in policy["spec"]["jwt"]["providers"]]
        for name, one in zip(names, policy["spec"]["jwt"]["providers"], strict=True):
            providers[name] = provider(one, keys)
        either = [{"provider_name": name} for name in names]
        if policy["spec"]["jwt"].get("optional"):
            either.append({"allow_missing": {}})
        requires = either[0] if len(either) == 1 else {"requires_any": {"requirements": either}}
        requirements[policy["metadata"]["name"]] = requires
    if not providers:
        return []
    kind = "extensions.filters.http.jwt_authn.v3.JwtAuthentication"
    config = any_of(kind, providers=providers, requirement_map=requirements)
    return [{"name": "envoy.filters.http.jwt_authn", "typed_config": config}]


def provider(one: dict, keys: dict) -> dict:
    return {
        "issuer": one["issuer"],
        "audiences": one.get("audiences", []),
        "payload_in_metadata": one["name"],
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "scp"]},
        "local_jwks": {"inline_string": keys[one["remoteJWKS"]["uri"]]},
        "forward": True,
    }


def routes(manifests: list, codes: dict) -> dict:
    """Write the routes. `codes` has what the controller serves, by the name of a policy; without it the route fails."""
    found = []
    for route in of_kind(manifests, "HTTPRoute"):
        policies = attached(of_kind(manifests, "EnvoyExtensionPolicy"), route)
        enabled = {
            f"envoy.filters.http.wasm/{wasm_name(one)}": {"@type": FILTER_CONFIG, "config": {}}
            for one in policies
        }
        for one in attached(of_kind(manifests, "SecurityPolicy"), route):
            kind = "extensions.filters.http.jwt_authn.v3.PerRouteConfig"
            named = any_of(kind, requirement_name=one["metadata"]["name"])
            enabled["envoy.filters.http.jwt_authn"] = named
        for number, rule in enumerate(route["spec"]["rules"]):
            action = {"route": {"cluster": "upstream"}}
            if timeout := rule.get("timeouts", {}).get("request"):
                action["route"]["timeout"] = timeout
            if any(one["metadata"]["name"] not in codes for one in policies):
                action, enabled = {"direct_response": {"status": 500}}, {}
            of = route["metadata"]
            prefix = rule.get("matches", [{}])[0].get("path", {"value": "/"})["value"]
            name = f"httproute/{of['namespace']}/{of['name']}/rule/{number}/match/0/*"
            found.append(
                {"name": name, "match": {"prefix": prefix}, "typed_per_filter_config": enabled, **action}
            )
    return {"virtual_hosts": [{"name": "mcp", "domains": ["*"], "routes": found}]}


def buffer_limit(manifests: list) -> int:
    """Return the most bytes that Envoy buffers for a connection."""
    for policy in of_kind(manifests, "ClientTrafficPolicy"):
        if limit := policy["spec"].get("connection", {}).get("bufferLimit"):
            digits = limit.rstrip("KMik")
            return int(digits) * UNITS.get(limit[len(digits) :], 1)
    return BUFFER_LIMIT


def access_log(manifests: list, path: str) -> list:
    """Write the access logs of an EnvoyProxy, to a file of this path."""
    return [
        {
            "name": "envoy.access_loggers.file",
            "typed_config": any_of(
                "extensions.access_loggers.file.v3.FileAccessLog",
                path=path,
                log_format={"json_format": setting["format"]["json"]},
            ),
        }
        for proxy in of_kind(manifests, "EnvoyProxy")
        for setting in proxy["spec"]["telemetry"]["accessLog"]["settings"]
    ]


def ordered(chain: list, manifests: list) -> list:
    """Move filters as an EnvoyProxy's `filterOrder` says."""
    made = list(chain)
    for proxy in of_kind(manifests, "EnvoyProxy"):
        for move in proxy["spec"].get("filterOrder", []):
            moved = [one for one in made if one["name"].startswith(move["name"])]
            places = [place for place, one in enumerate(made) if one["name"].startswith(move["after"])]
            if moved and places:
                rest = made[: places[-1] + 1], made[places[-1] + 1 :]
                before, behind = ([one for one in part if one not in moved] for part in rest)
                made = [*before, *moved, *behind]
    return made


def listener(manifests: list, codes: dict, keys: dict, log: str = "/dev/null", suffix: str = "") -> dict:
    """Write the listener of the gateway's only listener, with the patches of EnvoyPatchPolicies. TLS is left out.

    The access log goes to the file `log`. That of HTTP/3, of which only the filters are right, has the suffix `-quic`.
    """
    [gateway] = of_kind(manifests, "Gateway")
    of = gateway["metadata"]
    name = f"{of['namespace']}/{of['name']}/{gateway['spec']['listeners'][0]['name']}{suffix}"
    policies = of_kind(manifests, "EnvoyExtensionPolicy")
    authorization = any_of("extensions.filters.http.rbac.v3.RBAC")
    chain = [
        *jwt_authn(of_kind(manifests, "SecurityPolicy"), keys),
        *(wasm(one, codes[one["metadata"]["name"]]) for one in policies if one["metadata"]["name"] in codes),
        {"name": "envoy.filters.http.rbac", "disabled": True, "typed_config": authorization},
        {"name": "envoy.filters.http.router", "typed_config": {"@type": HTTP + "router.v3.Router"}},
    ]
    source = {"ads": {"kind": "rds"}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    manager = any_of(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="https-10443",
        rds={"config_source": source, "route_config_name": name},
        http_filters=ordered(chain, manifests),
        access_log=access_log(manifests, log),
        merge_slashes=True,
        normalize_path=True,
        path_with_escaped_slashes_action="UNESCAPE_AND_REDIRECT",
        use_remote_address=True,
        common_http_protocol_options={"headers_with_underscores_action": "REJECT_REQUEST"},
    )
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    made = {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": filters}],
        "per_connection_buffer_limit_bytes": buffer_limit(manifests),
    }
    return patched(made, manifests)


CLUSTER = TYPE + "envoy.config.cluster.v3.Cluster"


def clusters(manifests: list) -> list:
    """Return the clusters that EnvoyPatchPolicies add."""
    operations = [
        (patch["type"], patch["operation"])
        for policy in of_kind(manifests, "EnvoyPatchPolicy")
        for patch in policy["spec"]["jsonPatches"]
    ]
    return [
        operation["value"]
        for kind, operation in operations
        if kind == CLUSTER
        and operation["op"] == "add"
        and not operation.get("path")
        and "jsonPath" not in operation
    ]


def patched(made: dict, manifests: list) -> dict:
    """Apply the patches of a listener; a patch that finds nothing is an error, and changes nothing."""
    for policy in of_kind(manifests, "EnvoyPatchPolicy"):
        for patch in policy["spec"]["jsonPatches"]:
            if patch["name"] != made["name"]:
                continue
            operation = patch["operation"]
            for match in finditer("$" + operation["jsonPath"].removeprefix("$"), made):
                pointer = str(match.pointer()) + operation["path"]
                made = JSONPatch().add(pointer, operation["value"]).apply(made)
    return made
