"""Envoy's configuration: listeners with the filter, the upstream's cluster, the admin port.

Every port is 0 or the upstream's, so any number of tests can run at once.
"""

from pathlib import Path

import yaml

from .options import ACCESS_LOG, Options
from .policy import configuration

TYPE = "type.googleapis.com/envoy."
HTTP = TYPE + "extensions.filters.http."
FILTER = "mcp_policy"


class _Quoting(yaml.SafeDumper):
    """Writes YAML whose strings are all quoted.

    Envoy reads a bare `1e3` as a number, and PyYAML writes the string like that. Quoting every string avoids
    such differences.
    """


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def write(path: Path, tree: dict) -> None:
    """Write a configuration file so that Envoy sees either the old one or the new one.

    Envoy watches for renames into a folder, which is how Kubernetes replaces files too.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(yaml.dump(tree, Dumper=_Quoting, allow_unicode=True, sort_keys=False, width=1000))
    fresh.rename(path)


def any_of(type_url: str, **fields: object) -> dict:
    """Build a typed configuration."""
    return {"@type": TYPE + type_url, **fields}


def address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def file_source(path: Path) -> dict:
    """Load a resource from a file that Envoy watches."""
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def wasm(options: Options, module: Path, policy: object) -> dict:
    """Build the filter's own configuration."""
    config = {
        "name": FILTER,
        "root_id": FILTER,
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "vm_id": options.vm_id,
            "code": {"local": {"filename": str(module)}},
        },
        "configuration": configuration(policy),
        "allow_on_headers_stop_iteration": options.hold,
    }
    if options.failure_policy:
        config["failure_policy"] = options.failure_policy
    return any_of("extensions.filters.http.wasm.v3.Wasm", config=config)


def discovered(name: str, listener: str, folder: Path) -> dict:
    """Build a filter whose configuration comes from a file (ECDS)."""
    discovery = {"config_source": file_source(folder / f"ecds-{listener}.yaml")}
    discovery["type_urls"] = [TYPE + "extensions.filters.http.wasm.v3.Wasm"]
    return {"name": name, "config_discovery": discovery}


def filters(options: Options, listener: str, module: Path, folder: Path) -> list:
    """Build the filter chain: this filter, if there is a policy, and the router."""
    router = {"name": "router", "typed_config": any_of("extensions.filters.http.router.v3.Router")}
    policy = options.listeners[listener]
    if policy is None:
        return [router]
    if options.xds == "ecds":
        return [discovered(FILTER, listener, folder), router]
    return [{"name": FILTER, "typed_config": wasm(options, module, policy)}, router]


def listener(options: Options, name: str, module: Path, folder: Path) -> dict:
    """Build one listener on a port that the kernel chooses."""
    manager = {
        "stat_prefix": name,
        "codec_type": "AUTO",
        "route_config": {
            "name": name,
            "virtual_hosts": [
                {
                    "name": "upstream",
                    "domains": ["*"],
                    # MCP's streams stay open until one side ends them.
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}],
                }
            ],
        },
        "http_filters": filters(options, name, module, folder),
    }
    if options.access_log:
        log = {"path": str(folder / "access.log"), "log_format": {"json_format": ACCESS_LOG}}
        logger = any_of("extensions.access_loggers.file.v3.FileAccessLog", **log)
        manager["access_log"] = [{"name": "file", "typed_config": logger}]
    http = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    built = {
        "name": name,
        "address": address(0),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": any_of(http, **manager)}]}],
    }
    if options.buffer_limit is not None:
        built["per_connection_buffer_limit_bytes"] = options.buffer_limit
    if options.edit_listener:
        options.edit_listener(built)
    return built


def cluster(name: str, place: object, http2: bool = False) -> dict:
    """Build a cluster of one server: anything with a `port`, or the port itself."""
    endpoint = {"endpoint": {"address": address(getattr(place, "port", place))}}
    built = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if http2:
        key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        protocol = {"explicit_http_config": {"http2_protocol_options": {}}}
        built["typed_extension_protocol_options"] = {key: {"@type": "type.googleapis.com/" + key, **protocol}}
    return built


def clusters(options: Options) -> list:
    """Build the upstream's cluster, and the approval service's if there is one."""
    built = [cluster("upstream", options.upstream, options.http2_upstream)]
    if options.approvals is not None:
        built.append(cluster("approvals", options.approvals))
    return built


def write_dynamic(options: Options, module: Path, folder: Path, version: int) -> None:
    """Write the files that Envoy watches with `xds`; without `xds` there are none."""
    if options.xds == "lds":
        listeners = [
            any_of("config.listener.v3.Listener", **listener(options, name, module, folder))
            for name in options.listeners
        ]
        write(folder / "lds.yaml", {"version_info": str(version), "resources": listeners})
    if options.xds == "ecds":
        for name, policy in options.listeners.items():
            extension = {"name": FILTER, "typed_config": wasm(options, module, policy)}
            resource = any_of("config.core.v3.TypedExtensionConfig", **extension)
            write(folder / f"ecds-{name}.yaml", {"version_info": str(version), "resources": [resource]})


def write_bootstrap(options: Options, module: Path, folder: Path) -> Path:
    """Write everything that Envoy reads at its start; return the file for `-c`."""
    write_dynamic(options, module, folder, version=1)
    tree = {
        "node": {"id": "test", "cluster": "test"},
        "admin": {"address": address(0)},
        "static_resources": {"clusters": clusters(options)},
    }
    if options.xds == "lds":
        tree["dynamic_resources"] = {"lds_config": file_source(folder / "lds.yaml")}
    else:
        tree["static_resources"]["listeners"] = [
            listener(options, name, module, folder) for name in options.listeners
        ]
    if options.edit:
        options.edit(tree)
    path = folder / "envoy.yaml"
    write(path, tree)
    return path
