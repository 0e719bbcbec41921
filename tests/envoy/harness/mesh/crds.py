"""Checks manifests as the Kubernetes API server checks custom resources.

The schemas are those of the released versions in `tests/data/`. The server adds defaults, prunes nothing here, and
refuses unknown fields, values that do not fit, and objects for which a rule in CEL does not hold.
"""

import copy
import functools
import json

import jsonschema

import places

from . import cel

DATA = places.ROOT / "tests" / "data"
FILES = ("istio-1.30.3-crds.json", "envoy-gateway-1.9.0-crds.json", "gateway-api-1.6.1-crds.json")
# Kinds of Kubernetes itself, which no custom resource defines.
CORE = {"v1 Service", "v1 ConfigMap", "v1 Namespace", "networking.k8s.io/v1 NetworkPolicy"}
RULES = "x-kubernetes-validations"
OPEN = "x-kubernetes-preserve-unknown-fields"


@functools.cache
def schemas() -> dict:
    """Read the schemas by `apiVersion kind`."""
    return {kind: schema for file in FILES for kind, schema in json.loads((DATA / file).read_text()).items()}


def rules(schema: object) -> set:
    """Collect all rules in CEL below a schema."""
    if isinstance(schema, list):
        return {rule for one in schema for rule in rules(one)}
    if not isinstance(schema, dict):
        return set()
    own = {rule["rule"] for rule in schema.get(RULES, [])}
    return own | {rule for value in schema.values() for rule in rules(value)}


def wrong(manifest: object) -> list:
    """Describe all that is wrong with a manifest; an empty list means that it can be applied."""
    if not isinstance(manifest, dict) or not {"apiVersion", "kind", "metadata"} <= manifest.keys():
        return [f"no object of Kubernetes: {str(manifest)[:100]}"]
    kind = f"{manifest['apiVersion']} {manifest['kind']}"
    if kind in CORE:
        return []
    if kind not in schemas():
        return [f"unknown kind `{kind}`"]
    schema = schemas()[kind]
    complete = defaulted(schema, manifest)
    found = jsonschema.Draft7Validator(closed(schema)).iter_errors(complete)
    told = [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found]
    return told or [f"{path}: {message}" for path, message in broken(schema, complete, "")]


def closed(schema: object) -> object:
    """Return a schema that refuses fields which it does not name, outside `metadata`."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    if "properties" in schema:
        known = {name: closed(value) for name, value in schema["properties"].items()}
        made["properties"] = known
        if "spec" in known:
            known.update({"apiVersion": {}, "kind": {}, "metadata": {"required": ["name"]}})
        if not schema.get(OPEN) and "additionalProperties" not in schema:
            made["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if key in schema:
            made[key] = closed(schema[key])
    if schema.get("nullable") and "type" in schema:
        made["type"] = [schema["type"], "null"]
    return made


def defaulted(schema: dict, value: object) -> object:
    """Return a value with the defaults of its schema."""
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), one) for one in value]
    if not isinstance(value, dict):
        return value
    known, more = schema.get("properties", {}), schema.get("additionalProperties")
    made = {
        name: defaulted(known.get(name) or (more if isinstance(more, dict) else {}), one)
        for name, one in value.items()
    }
    for name, one in known.items():
        if name not in made and "default" in one:
            made[name] = copy.deepcopy(one["default"])
    return made


def broken(schema: dict, value: object, path: str) -> list:
    """Evaluate the rules of a schema and of all below it; return the paths and messages of those that do not hold."""
    found = []
    for rule in schema.get(RULES, []):
        if not cel.holds(rule["rule"], value):
            found.append((path, rule.get("message", rule["rule"])))
    if isinstance(value, list):
        for place, one in enumerate(value):
            found += broken(schema.get("items", {}), one, f"{path}[{place}]")
    if isinstance(value, dict):
        known, more = schema.get("properties", {}), schema.get("additionalProperties")
        for name, one in value.items():
            below = known.get(name) or (more if isinstance(more, dict) else {})
            found += broken(below, one, f"{path}.{name}".lstrip("."))
    return found
