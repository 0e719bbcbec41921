"""What is measured: the rows, and the sizes of bodies. Tests of the documents read it, so it imports nothing of Envoy's harness."""

from dataclasses import dataclass

PASS_THROUGH, NATIVE, LUA, NAMES, OURS, FULL, EXT_AUTHZ, EXT_PROC = (
    "pass-through",
    "mcp + rbac",
    "lua",
    "this filter, names only",
    "this filter",
    "this filter, full",
    "ext_authz",
    "ext_proc",
)

# What each row does, as the page says it.
ROWS = {
    PASS_THROUGH: "Envoy's router alone",
    NATIVE: "Envoy's own filters: `mcp` reads the tool's name, `rbac` compares it",
    LUA: "Envoy's `lua`: a script finds the tool's name by a pattern and looks it up in a table",
    NAMES: "a policy with one tool and no limit; the record without a hash of the arguments",
    OURS: "the policy `policies/aipaygen.json`: 106 tools, a limit; the record with a hash of the arguments",
    FULL: "a policy with an API key, a grant, `hide`, a schema, two conditions and two limits; the same record, in an access log",
    EXT_AUTHZ: "Envoy's `ext_authz`: a gRPC service gets headers and body, and allows everything",
    EXT_PROC: "Envoy's `ext_proc`: a gRPC service gets the headers, then the buffered body, and allows everything",
}
# The rows with a service beside Envoy.
ASKING = (EXT_AUTHZ, EXT_PROC)


@dataclass(frozen=True)
class Size:
    """The length of bodies. `rate` is how many calls a second are sent for latencies: a load that every row can carry."""

    words: str
    length: int
    rate: int
    sustain_ms: int


SIZES = (
    Size("250 B", 250, 1_000, 200),
    Size("4 kB", 4_096, 1_000, 200),
    Size("100 kB", 102_400, 200, 250),
    Size("1 MB", 1_000_000, 50, 600),
)
