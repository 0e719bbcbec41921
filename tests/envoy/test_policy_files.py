"""`mcp-policy check` finds in a file of Envoy's configuration what the filter in a real Envoy finds."""

import json
import subprocess

import pytest
import yaml

import places
from harness.policy import faults

BOOTSTRAP = """\
# Ein Stück Text vor der Konfiguration, 文字
static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          route_config: {name: main}
          http_filters:
          - name: mcp_policy
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                vm_config: {runtime: envoy.wasm.runtime.v8, code: {local: {filename: MODULE}}}
                configuration:
                  "@type": type.googleapis.com/google.protobuf.TYPE
                  value: VALUE
          - name: router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"""

# Scalars whose meaning differs between readers of YAML, or could.
SCALARS = """
    1 -1 +1 0 -0 00 007 -007 017 08 0o17 0x1F 0X1f -0x1F +0x1f 0x 0xg 0b11 1_000 1. .5 1.5 -1.5 +1.5 1e3 1E3
    1e+3 1e400 1e-400 0x1p3 1.2.3 1e e3 0.1 1.00 1d 1,5 1'000 2147483647 2147483648 -2147483648 -2147483649
    0x7fffffff 0x80000000 0xFFFFFFFFFFFFFFFF 017777777777 020000000000 9007199254740993 9223372036854775807
    9223372036854775808 -9223372036854775808 18446744073709551615 12:30 12:30:45 2001-01-01 .inf .Inf -.INF
    .nan .NaN inf nan Infinity true True TRUE tRue false False FALSE yes Yes YES yEs no No NO on On ON oN off
    Off OFF y Y n N ~ null Null NULL nUll nil None -- + . .. = << a-b a:b a#b é 文字 '1' "1" 'yes' "~" "" ''
    'it''s' "\\t\\x41\\u00e9" [] {} [1,yes,"2"] {a:1,"b":2} allow deny
"""
TAGGED = [
    *("!!str 3", '!!int "3"', '!!str "3"', "!!str yes", "! yes", "! 3", "!<!> 3", "!own yes", "!!null x"),
    *("!!str null", "!!str ~", "!!str", "!own", '!!bool "yes"', "!!float 3.5", "!!binary aGk=", "&anchor 5"),
    *("*anchor", "1 # a comment", "a b", "yes no", ""),
]

BAD = """\
version: 1
defualt: "allow"
tools:
  run_agent:
    limits: [{counter: r, window: fortnight, max: -3}]
  'dän_*': {action: no, reason: "it\\tis \\u00e9"}
  "a\\nb": deny
identity: []
max_body_bytes: 0x7fffffff
mode: >-
  two
  lines
server: |
  a line

  and another
"""
# How the text at the place of each of its faults begins.
PLACES = {
    "version": "1",
    "defualt": "defualt",
    "tools.run_agent.limits[0].window": "fortnight",
    "tools.run_agent.limits[0].max": "-3",
    "tools.dän_*.action": "no",
    'tools["a\\nb"]': "deny",
    "max_body_bytes": "0x7fffffff",
    "mode": "two",
}


def validate(path) -> subprocess.CompletedProcess:
    """Let Envoy check a configuration without serving it; this loads the module and the policy too."""
    command = [places.envoy_binary(), "--mode", "validate", "--disable-hot-restart", "-c", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def check(path) -> tuple:
    """Run `mcp-policy check`; return its exit code and the errors."""
    if not places.POLICY_TOOL.exists():
        pytest.fail(f"there is no {places.POLICY_TOOL.name}; cargo build -p mcp-policy")
    command = [places.POLICY_TOOL, "check", "--format", "json", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    listed = json.loads(done.stdout)["diagnostics"]
    return done.returncode, [entry for entry in listed if entry["severity"] == "error"]


@pytest.fixture
def both(tmp_path):
    """Return the faults that the filter logs in a real Envoy, and those that the tool finds in the same file."""

    def ask(text: str, suffix: str = "yaml") -> tuple:
        path = tmp_path / f"envoy.{suffix}"
        path.write_bytes(text.replace("MODULE", str(places.MODULE)).encode())
        envoy = validate(path)
        told = faults(envoy.stderr)
        assert told or envoy.returncode == 0, envoy.stderr[-2000:]
        code, errors = check(path)
        assert code == (3 if told else 0), errors
        return sorted(told), sorted(f"{entry['path']}: {entry['message']}" for entry in errors), errors

    return ask


def indented(text: str, spaces: int) -> str:
    return text.replace("\n", "\n" + " " * spaces)


def structure(document: str) -> str:
    return BOOTSTRAP.replace("TYPE", "Struct").replace("VALUE", "\n" + indented("\n" + document.rstrip(), 20))


def string(scalar: str) -> str:
    return BOOTSTRAP.replace("TYPE", "StringValue").replace("VALUE", scalar)


def test_every_scalar_of_yaml_means_what_it_means_to_envoy(both):
    methods = [f"  m{index}: {scalar}" for index, scalar in enumerate(SCALARS.split() + TAGGED)]
    told, found, _ = both(structure('version: "1"\nmethods:\n' + "\n".join(methods)))
    assert found == told
    # All are faults but `allow` and `deny`.
    assert len(told) == len(methods) - 2, told


@pytest.mark.parametrize("change", ["", "\r\n", "\ufeff"], ids=["plain", "CRLF", "BOM"])
def test_a_bad_struct_has_the_faults_that_the_filter_logs(both, change):
    text = structure(BAD)
    text = text.replace("\n", change) if change == "\r\n" else change + text
    told, found, errors = both(text)
    assert found == told
    begins = {error["path"]: text.splitlines()[error["line"] - 1][error["column"] - 1 :] for error in errors}
    assert begins.keys() == PLACES.keys()
    for path, begin in begins.items():
        assert begin.startswith(PLACES[path]), (path, begin)


@pytest.mark.parametrize(
    "scalar",
    [
        '\'{"version": 1, "defualt": 1}\'',
        '"{\\"version\\": \\x31, \\n \\u0022defualt\\": 1}"',
        '|\n  {\n    "version": 1,\n    "defualt": 1\n  }',
        '>-\n  {\n  "version": 1,\n\n    "defualt": 1\n  }',
    ],
    ids=["single quotes", "double quotes", "literal", "folded"],
)
def test_a_bad_string_has_the_faults_that_the_filter_logs(both, scalar):
    text = string(indented(scalar, 18))
    told, found, errors = both(text)
    assert found == told and len(told) == 2, told
    for error in errors:
        line = text.splitlines()[error["line"] - 1]
        assert line[error["column"] - 1 :].startswith(("1", "\\x31", '"defualt', "\\u0022defualt")), error


@pytest.mark.parametrize(
    "kind, value, told, expected",
    [
        ("StringValue", '{version: "1"}', "no such field: 'version'", "must be a string"),
        ("BytesValue", "'{'", "base64", "must be base64"),
        ("Struct", '[{version: "1"}]', "expected '{'", "must be an object"),
        ("Struct", '{version: "1", "a": [}', "yaml-cpp: error", "must be YAML"),
        ("Struct", '{version: "1", ? [a] : 1}', "bad conversion", "a key must be a string"),
        ("Struct", '{version: "1", a: *nothing}', "the referenced anchor is not defined", "must be YAML"),
    ],
)
def test_what_envoy_itself_refuses_is_an_error(tmp_path, kind, value, told, expected):
    path = tmp_path / "envoy.yaml"
    text = BOOTSTRAP.replace("TYPE", kind).replace("VALUE", value)
    path.write_text(text.replace("MODULE", str(places.MODULE)))
    envoy = validate(path)
    assert envoy.returncode != 0 and not faults(envoy.stderr)
    assert told in " ".join(envoy.stderr.split()), envoy.stderr[-2000:]
    code, errors = check(path)
    assert code == 3 and [error["message"].startswith(expected) for error in errors] == [True], errors


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_the_numbers_of_a_json_file_are_told_as_envoy_reads_them(both, suffix):
    value = '{"version": 1.0, "max_body_bytes": 9007199254740993, "mode": 0.1, "default": 1e3, "server": 12345678901}'
    flow = BOOTSTRAP.replace("TYPE", "Struct").replace("VALUE", value)
    if suffix == "json":
        flow = json_of(flow, value)
    told, found, _ = both(flow, suffix)
    assert found == told and len(told) >= 4, told


def json_of(text: str, value: str) -> str:
    """Write the configuration as JSON, with the policy's own text."""
    tree = yaml.safe_load(text.replace(value, '"VALUE"'))
    return json.dumps(tree).replace('"VALUE"', value)
