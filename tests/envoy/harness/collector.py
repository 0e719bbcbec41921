"""A stand-in for the OpenTelemetry Collector. It is not the Collector.

It receives logs as the Collector does, with OTLP over gRPC. Then it applies the statements of
`envoy/observability/collector.yaml`, of which it understands only the forms that the file uses; it fails on any other.
So a test shows the attributes that the statements make of a record, and the file remains the only place for them.
"""

import json
import re
from concurrent import futures

import grpc
import yaml
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

import places

CONFIGURATION = places.ROOT / "envoy" / "observability" / "collector.yaml"
TOKEN = re.compile(r'\s*([A-Za-z][\w.]*|"(?:\\.|[^"\\])*"|==|[()\[\],])')

# The values of the enumeration SeverityNumber that the statements use.
NAMES = {"SEVERITY_NUMBER_INFO": 9, "SEVERITY_NUMBER_WARN": 13}
CONVERTERS = {
    # The Collector reads all numbers of JSON as doubles.
    "ParseJSON": lambda text: json.loads(text, parse_int=float),
    "Int": lambda value: None if value is None else int(value),
    "String": lambda value: None if value is None else str(value),
    "IsString": lambda value: isinstance(value, str),
    "IsDouble": lambda value: isinstance(value, float),
    "IsInt": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "IsMatch": lambda value, pattern: isinstance(value, str) and re.search(pattern, value) is not None,
}


class Statement:
    """One statement or condition. It is read when it is applied to a log record."""

    def __init__(self, text: str, log: dict) -> None:
        self._text = text
        self._log = log
        self._tokens = TOKEN.findall(text)
        if TOKEN.sub("", text).strip():
            raise ValueError(f"the stand-in does not understand `{text}`")

    def _take(self, expected: str | None = None) -> str:
        token = self._tokens.pop(0) if self._tokens else "the end"
        if expected not in (None, token):
            raise ValueError(f"the stand-in expects `{expected}`, found `{token}` in `{self._text}`")
        return token

    def _next(self, token: str) -> bool:
        return self._tokens[:1] == [token]

    def _path(self, token: str) -> list:
        """Read a path to a part of the log record, as the keys that lead to it."""
        root, _, rest = token.partition(".")
        if root != "log" or rest not in self._log:
            raise ValueError(f"the stand-in does not know `{token}` in `{self._text}`")
        keys = [rest]
        while self._next("["):
            self._take("[")
            keys.append(json.loads(self._take()))
            self._take("]")
        return keys

    def _value(self) -> object:
        token = self._take()
        if token.startswith('"'):
            return json.loads(token)
        if token in NAMES:
            return NAMES[token]
        if self._next("("):
            return CONVERTERS[token](*self._arguments())
        value = self._log
        for key in self._path(token):
            value = value.get(key)
        return value

    def _arguments(self) -> list:
        self._take("(")
        found = [self._value()]
        while self._next(","):
            self._take(",")
            found.append(self._value())
        self._take(")")
        return found

    def holds(self) -> bool:
        """Evaluate a condition."""
        value = self._value()
        if self._next("=="):
            self._take("==")
            value = value == self._value()
        assert not self._tokens and isinstance(value, bool), self._text
        return value

    def apply(self) -> None:
        """Carry out a statement without its `where`."""
        editor = self._take()
        self._take("(")
        *path, last = self._path(self._take())
        self._take(",")
        value = self._value()
        if editor == "merge_maps":
            self._take(",")
            assert self._value() == "upsert", self._text
        elif editor != "set":
            raise ValueError(f"the stand-in does not know `{editor}`")
        self._take(")")
        assert not self._tokens, self._text
        place = self._log
        for key in path:
            place = place[key]
        if editor == "merge_maps":
            place[last].update(value)
        elif value is not None:
            place[last] = value


def transform(log: dict, configuration: dict) -> dict:
    """Apply the statements to a log record: its `body`, `attributes` and `severity_number`."""
    log = {**log, "cache": {}}
    for group in configuration["processors"]["transform/mcp_policy"]["log_statements"]:
        conditions = group.get("conditions", [])
        if not conditions or any(Statement(text, log).holds() for text in conditions):
            for text in group["statements"]:
                statement, _, where = text.partition(" where ")
                if not where or Statement(where, log).holds():
                    Statement(statement, log).apply()
    del log["cache"]
    return log


def plain(attributes) -> dict:
    return {pair.key: pair.value.string_value for pair in attributes}


class Collector(logs_service_pb2_grpc.LogsServiceServicer):
    """Listens on `port`. `logs` are the records with their attributes, `resources` what sent them."""

    def __init__(self) -> None:
        self.logs: list = []
        self.resources: list = []
        self._configuration = yaml.safe_load(CONFIGURATION.read_text())

    def Export(self, request, context):  # noqa: N802 - the name that gRPC calls
        for resource in request.resource_logs:
            self.resources.append(plain(resource.resource.attributes))
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    log = {"body": record.body.string_value, "attributes": plain(record.attributes)}
                    self.logs.append(transform({**log, "severity_number": 0}, self._configuration))
        return logs_service_pb2.ExportLogsServiceResponse()

    def __enter__(self) -> "Collector":
        self._server = grpc.server(futures.ThreadPoolExecutor(1))
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.stop(None).wait()
