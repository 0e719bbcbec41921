"""A real Envoy that reads what a control plane writes: listeners by LDS, clusters by CDS, filters by ECDS, routes by RDS.

A control plane sends all of them over one stream. Here each is a file that Envoy watches.
"""

import hashlib
from pathlib import Path

from .. import bootstrap
from ..bootstrap import any_of, file_source
from ..proxy import Envoy


def file_of(kind: str, name: str) -> str:
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:16]}.yaml"


class Mesh:
    """An Envoy of a mesh. `proxy` is the Envoy; `push_…` replaces what it has, as a control plane does."""

    def __init__(self, start, folder: Path, listeners: list, **more: object) -> None:
        """Start it. `extensions` and `routes` are configurations by name; `clusters` are in the bootstrap, those of
        `services` come from the control plane. One worker is enough to see what is decided."""
        self.folder = folder
        self._version = 0
        self._clusters, self._services = more.pop("clusters", []), more.pop("services", [])
        extensions, routes = more.pop("extensions", {}), more.pop("routes", {})
        for name, config in extensions.items():
            self.write_extension(name, config)
        for name, config in routes.items():
            self.write_routes(name, config)
        self.write_listeners(listeners)
        self.proxy: Envoy = start(None, folder=folder, edit=self._edit, **{"workers": 1, **more})
        self.port, self.url = self.proxy.port, self.proxy.url

    def push_listeners(self, listeners: list) -> bool:
        """Replace all listeners; return whether Envoy accepted them."""
        return self.proxy.pushed(lambda: self.write_listeners(listeners))

    def push_extension(self, name: str, config: dict) -> bool:
        """Replace the configuration of one filter; return whether Envoy accepted it."""
        return self.proxy.pushed(lambda: self.write_extension(name, config))

    def push_routes(self, name: str, config: dict) -> bool:
        """Replace the routes of a listener; return whether Envoy accepted them."""
        return self.proxy.pushed(lambda: self.write_routes(name, config))

    def _edit(self, tree: dict) -> None:
        tree["static_resources"].pop("listeners")
        sources = {"lds": self.folder / "lds.yaml"}
        tree["static_resources"]["clusters"] += self._clusters
        if self._services:
            sources["cds"] = self.folder / "cds.yaml"
            made = [any_of("config.cluster.v3.Cluster", **one) for one in self._services]
            bootstrap.write(sources["cds"], {"version_info": "1", "resources": made})
        tree["dynamic_resources"] = {f"{kind}_config": file_source(path) for kind, path in sources.items()}
        internal = any_of("extensions.bootstrap.internal_listener.v3.InternalListener")
        tree["bootstrap_extensions"] = [{"name": "internal_listener", "typed_config": internal}]

    def _write(self, kind: str, name: str, resource: dict) -> None:
        self._version += 1
        tree = {"version_info": str(self._version), "resources": [resource]}
        bootstrap.write(self.folder / file_of(kind, name), tree)

    def write_routes(self, name: str, config: dict) -> None:
        self._write("rds", name, any_of("config.route.v3.RouteConfiguration", name=name, **config))

    def write_extension(self, name: str, config: dict) -> None:
        resource = any_of("config.core.v3.TypedExtensionConfig", name=name, typed_config=config)
        self._write("ecds", name, resource)

    def write_listeners(self, listeners: list) -> None:
        self._version += 1
        resources = [
            any_of("config.listener.v3.Listener", **self._from_files(listener)) for listener in listeners
        ]
        tree = {"version_info": str(self._version), "resources": resources}
        bootstrap.write(self.folder / "lds.yaml", tree)

    def _from_files(self, node: object, name: str = "") -> object:
        """Replace each source of a control plane by a file; `name` is that of the filter or the routes."""
        if isinstance(node, list):
            return [self._from_files(one, name) for one in node]
        if not isinstance(node, dict):
            return node
        if "ads" in node:
            kind = node["ads"].get("kind", "ecds")
            found = {key: value for key, value in node.items() if key != "ads"}
            return {**found, **file_source(self.folder / file_of(kind, name))}
        name = node.get("route_config_name", node.get("name", name))
        return {key: self._from_files(value, name) for key, value in node.items()}
