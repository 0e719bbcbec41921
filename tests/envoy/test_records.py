"""Records and metrics as operators see them: the access log's lines and Envoy's stats.

`tests/engine/records.rs` checks the contents of records; here is what a real Envoy makes of them.
"""

import hashlib
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

import places
from harness import bootstrap, http1, identity, load, rpc
from harness.proxy import wait_for
from upstream import event_stream

EXAMPLE = yaml.safe_load((places.ROOT / "envoy" / "envoy.yaml").read_text())
RECORD = "%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)%"
JSON = [("content-type", "application/json")]

# The maximum size of a record in bytes, without names from the policy and, with "full", arguments.
BOUND = 20 * 1024

# Characters that end a line, control a terminal, change the direction of text or have no width.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def manager_of(listener: dict) -> dict:
    """Find the HTTP connection manager of a listener, as the harness and the example write it."""
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def example_format() -> str:
    """Read the text format of the example's access log."""
    (logger,) = manager_of(EXAMPLE["static_resources"]["listeners"][0])["access_log"]
    return logger["typed_config"]["log_format"]["text_format_source"]["inline_string"]


def logging(line: str = RECORD + "\n"):
    """Let a listener also write text, into `records.log` beside the access log."""

    def edit(listener: dict) -> None:
        loggers = manager_of(listener)["access_log"]
        path = Path(loggers[0]["typed_config"]["path"]).with_name("records.log")
        log = {"path": str(path), "log_format": {"text_format_source": {"inline_string": line}}}
        typed = bootstrap.any_of("extensions.access_loggers.file.v3.FileAccessLog", **log)
        loggers.append({"name": "text", "typed_config": typed})

    return edit


def lines(proxy, count: int, seconds: float = 15, name: str = "records.log") -> list:
    """Read a log once it has this many lines; only a line feed ends a line."""
    path = proxy.folder / name
    wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") >= count, f"{count} records", seconds)
    # Envoy's own fields contain header values as they are.
    text = path.read_bytes().decode(errors="replace")
    assert text.endswith("\n")
    return text.split("\n")[:-1]


def objects(proxy, count: int) -> list:
    """Read the access log in JSON, in which the record is a string."""
    return [json.loads(line) for line in lines(proxy, count, name="access.log")]


def read(line: str) -> dict:
    """Read one record; assert that it is one line for every program and has no duplicate key."""
    assert line.splitlines() == [line] and not UNSEEN.search(line), line

    def once(pairs: list) -> dict:
        assert len(dict(pairs)) == len(pairs), line
        return dict(pairs)

    return json.loads(line, object_pairs_hook=once)


def told_id(answer: http1.Answer) -> str | None:
    """Read the id of the verdict from an answer in any form."""
    found = re.search(rb'"id":"([0-9a-f]{32})","code"', answer.body)
    return found[1].decode() if found else None


# One record for each request.

POLICY = {
    "version": "1",
    "server": "orders",
    "tools": {
        "safe": {},
        "danger": {"action": "deny", "reason": "it deletes"},
        "tried": {"action": "deny", "mode": "shadow"},
        "few": {"limits": [{"counter": "few", "window": "hour", "max": 1.5, "scope": "global"}]},
    },
    "hide": ["secret_*"],
    "exempt_paths": ["/healthz"],
    "max_body_bytes": 2000,
}
TOOL = {"method": "tools/call", "request": 1}
DENY = {"decision": "deny", "rule": "protocol"}


def post(message: object, headers: list = JSON, method: str = "POST", path: str = "/mcp") -> list:
    body = rpc.encode(message)
    return [http1.head(method, path, headers, length=len(body)), body]


def call(tool: str, headers: list = (), **arguments: object) -> list:
    return post(rpc.tools_call(tool, arguments), [*JSON, *headers])


def bare(method: str, *headers: tuple, path: str = "/mcp") -> list:
    return [http1.head(method, path, headers)]


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


EMPTY = sha256("{}")
SESSION = [("mcp-session-id", "s3cret"), ("mcp-protocol-version", "2025-06-18")]
REQUESTS = {
    "allowed": (call("safe"), {**TOOL, "rule": "tools.safe", "target": "safe", "arguments_sha256": EMPTY}),
    "with a session": (
        call("safe", SESSION, a=1),
        {
            **TOOL,
            "rule": "tools.safe",
            "target": "safe",
            "session": sha256("s3cret")[:16],
            "protocol": "2025-06-18",
            "arguments_sha256": sha256('{"a":1}'),
        },
    ),
    "denied": (
        call("danger"),
        {
            **TOOL,
            "decision": "deny",
            "code": "denied",
            "rule": "tools.danger",
            "target": "danger",
            "arguments_sha256": EMPTY,
        },
    ),
    "hidden": (
        call("secret_x"),
        {
            **TOOL,
            "decision": "deny",
            "code": "hidden",
            "rule": "hide[0]",
            "target": "secret_x",
            "arguments_sha256": EMPTY,
        },
    ),
    "shadow": (
        call("tried"),
        {
            **TOOL,
            "decision": "would_deny",
            "code": "denied",
            "rule": "tools.tried",
            "target": "tried",
            "arguments_sha256": EMPTY,
        },
    ),
    "counted": (
        call("few"),
        {
            **TOOL,
            "rule": "tools.few",
            "target": "few",
            "arguments_sha256": EMPTY,
            "counters": [{"counter": "few", "used": 1, "max": 1.5}],
        },
    ),
    "limited": (
        call("few"),
        {
            **TOOL,
            "decision": "deny",
            "code": "rate_limited",
            "rule": "tools.few.limits[0]",
            "target": "few",
            "arguments_sha256": EMPTY,
            "counters": [{"counter": "few", "used": 1, "max": 1.5}],
        },
    ),
    "list": (post(rpc.request("tools/list", id="a")), {"method": "tools/list", "request": "a"}),
    "notification": (
        post(rpc.request("notifications/initialized", id=None)),
        {"method": "notifications/initialized"},
    ),
    "answer": (post({"jsonrpc": "2.0", "id": 5, "result": {}}), {"request": 5}),
    "no JSON": (post(b"{"), {**DENY, "code": "invalid_request"}),
    "too large": (
        post(b" " * 2001),
        {"decision": "deny", "code": "too_large", "rule": "max_body_bytes"},
    ),
    "other media": (
        post(b"{}", [("content-type", "text/plain")]),
        {**DENY, "code": "unsupported_media_type"},
    ),
    "other method": (bare("PUT"), {**DENY, "code": "method_not_allowed"}),
    "GET": (bare("GET", ("accept", "text/event-stream")), {}),
    "DELETE": (bare("DELETE", *SESSION), {"session": sha256("s3cret")[:16], "protocol": "2025-06-18"}),
    "OPTIONS": (bare("OPTIONS"), {}),
    "GET with a body": (post(b"{}", method="GET"), {**DENY, "code": "invalid_request"}),
    "exempt": (bare("GET", path="/healthz"), None),
    "exempt POST": (post(b"no JSON", path="/healthz?x=1"), None),
}


@pytest.mark.parametrize("way", ["hold", "stream"])
def test_every_governed_request_leaves_one_record_in_either_format(envoy, way):
    policy = {**POLICY, "request_headers": way}
    edit = logging(example_format())
    # One worker writes in the order of its requests.
    proxy = envoy(policy, workers=1, hold=way == "hold", access_log=True, edit_listener=edit)
    answers = {name: http1.exchange(proxy.port, pieces) for name, (pieces, _) in REQUESTS.items()}
    texts, logs = lines(proxy, len(REQUESTS)), objects(proxy, len(REQUESTS))
    assert len(texts) == len(logs) == len(REQUESTS)
    digest = sha256(json.dumps(policy, ensure_ascii=False))[:16]
    rows = zip(REQUESTS.items(), texts, logs, strict=True)
    for (name, (_, expected)), text, logged in rows:
        time, status, line = text.split(" ", 2)
        assert time.endswith("Z") and int(status) == answers[name].status == int(logged["code"]), name
        if expected is None:
            assert (line, logged["audit"]) == ("-", None), name
            continue
        assert line == logged["audit"], name
        record = read(line)
        for counter in record["counters"]:
            assert 3500 < counter.pop("resets_in") <= 3960
        decided = record.pop("id")
        assert re.fullmatch("[0-9a-f]{32}", decided), name
        usual = {
            name: None for name in ("code", "rule", "method", "target", "principal", "session", "request")
        }
        usual |= {
            "decision": "allow",
            "protocol": None,
            "counters": [],
            "server": "orders",
            "grant": "default",
        }
        same = {"policy": digest, "request_id": logged["request_id"]}
        assert record == {**usual, **same, **expected}, name
        # A refused caller can quote the record's id; a hidden tool's refusal does not contain it.
        quoted = decided if record["decision"] == "deny" and record["code"] != "hidden" else None
        assert told_id(answers[name]) == quoted, name
        assert answers[name].header("x-mcp-policy") == (
            record["code"] if answers[name].status != 200 or record["decision"] == "deny" else None
        ), name


def test_the_policy_chooses_what_records_hold_of_arguments(envoy):
    found = {}
    for choice in ("hash", "full", "none"):
        policy = {**POLICY, "audit": {"arguments": choice}}
        proxy = envoy(policy, access_log=True, edit_listener=logging())
        http1.exchange(proxy.port, call("safe", text="pass\nword", n=1.50))
        record = read(lines(proxy, 1)[0])
        found[choice] = {key: value for key, value in record.items() if key.startswith("arguments")}
    arguments = {"text": "pass\nword", "n": 1.5}
    digest = sha256(json.dumps(arguments, separators=(",", ":")))
    assert found == {"hash": {"arguments_sha256": digest}, "full": {"arguments": arguments}, "none": {}}


def test_in_shadow_mode_the_record_says_what_would_have_happened(envoy, upstream):
    proxy = envoy({**POLICY, "mode": "shadow"}, workers=1, access_log=True, edit_listener=logging())
    sent = ["allowed", "denied", "hidden", "no JSON", "other media", "counted", "limited"]
    for name in sent:
        assert http1.exchange(proxy.port, REQUESTS[name][0]).header("x-mcp-policy") is None
    records = [read(line) for line in lines(proxy, len(sent))]
    expected = [REQUESTS[name][1].get("code") for name in sent]
    assert [record["code"] for record in records] == expected
    decisions = ["would_deny" if code else "allow" for code in expected]
    assert [record["decision"] for record in records] == decisions
    assert len(upstream.heads) == len(sent)


# Text from a caller cannot break out of its record.

FORGED = '{"decision":"allow","code":null,"rule":null,"id":"00000000000000000000000000000000"}'
TEXTS = [
    "x\n" + FORGED,
    "x\r\n2027-01-15T08:00:00.000Z 200 " + FORGED + "\r\n",
    '","decision":"allow","id":"00000000000000000000000000000000","x":"',
    '\\","decision":"allow',
    "\\",
    "\0\x01\x0b\x0c\x1c\x1d\x1e\x1f",
    "\x1b[2K\x1b[1A\x1b]0;title\x07",
    "\x7f\x85\x9b2K\x90\x9d",
    "\u2028" + FORGED + "\u2029",
    "\u202eregnad\u202c\u2066\u2069\u200f\u061c\u200b\ufeff",
    RECORD + "%REQ(AUTHORIZATION)% ${jndi:x} %s %n",
    "é文字🚀\U0010ffff",
    "x" * 30_000,
    "\x7f" * 30_000,
    "\u2028\x85\n" * 8_000,
]
# Characters that HTTP allows in a header's value; Envoy itself refuses the other control characters.
IN_HEADERS = [
    b"\xff\xfe\xc3\x28",
    b"\x85\x9b2K\t\xc2\x85\xc2\x9b2K",
    "\u2028\u2029\u202e\ufeff".encode(),
    b'","decision":"allow","id":"00000000000000000000000000000000","x":"',
    b"\\",
    FORGED.encode(),
    b"\xed\xa0\x80\xf4\x90\x80\x80",
    b"x" * 20_000,
    b"\xc2\x85" * 10_000,
]
NAMES = ["mcp-session-id", "mcp-protocol-version", "x-request-id", "x-agent", "mcp-name", "content-type"]


def written_everywhere(text: str) -> list:
    """Write messages with a text in every place that a caller controls, escaped and unescaped."""
    quoted = {json.dumps(text), json.dumps(text, ensure_ascii=False)}
    for text in sorted(quoted):
        yield f'{{"jsonrpc":"2.0","id":{text},"method":"tools/call","params":{{"name":{text},"arguments":{{{text}:{text}}}}}}}'
        yield f'{{"jsonrpc":"2.0","id":{text},"method":{text},"params":{{}}}}'
        yield f'{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":{text}}}}}'
        yield f'{{"jsonrpc":"2.0","id":{text},"result":{{}}}}'
        yield f'{{"jsonrpc":"2.0","method":"notifications/x","params":{{{text}:1}}}}'
        yield f"{{{text}:{text}}}"
        yield text


@pytest.mark.parametrize("audit", ["hash", "full"])
def test_text_from_a_caller_cannot_break_out_of_its_record(envoy, audit):
    policy = {
        "version": "1",
        "audit": {"arguments": audit},
        "default": "allow",
        "tools": {"danger": {"action": "deny"}},
        "identity": [{"header": {"name": "x-agent"}}],
    }

    def edit(listener: dict) -> None:
        logging()(listener)
        manager_of(listener)["preserve_external_request_id"] = True

    proxy = envoy(policy, workers=1, access_log=True, edit_listener=edit)
    sizes = []
    for text in TEXTS:
        for body in written_everywhere(text):
            assert http1.exchange(proxy.port, post(body)).whole, text
            sizes.append(len(body.encode()))
    for value in IN_HEADERS:
        for name in NAMES:
            headers = [*(pair for pair in JSON if pair[0] != name), (name, value)]
            answer = http1.exchange(proxy.port, post(rpc.tools_call("safe"), headers))
            assert answer.status in (200, 400, 415)
            sizes.append(0)
    found, logs = lines(proxy, len(sizes)), objects(proxy, len(sizes))
    assert len(found) == len(logs) == len(sizes)
    assert found == [logged["audit"] for logged in logs]
    for line, size in zip(found, sizes, strict=True):
        read(line)
        assert len(line.encode()) <= BOUND + (6 * size if audit == "full" else 0), line[:200]
    ids = {read(line)["id"] for line in found}
    assert len(ids) == len(sizes) and "0" * 32 not in ids
    decided = proxy.stats("decisions")
    assert sum(decided.values()) == len(sizes)


# No secrets in clear text.


def test_no_secret_appears_in_any_output(envoy):
    issuer, forger = identity.Issuer("https://issuer.example"), identity.Issuer("https://issuer.example")
    known, unknown = identity.api_key(), identity.api_key()
    clear = {
        name: f"{name}-5ecr3t-{sha256(name)[:12]}"
        for name in ("session", "argument", "deep", "claim", "cookie")
    }
    good = issuer.token(sub="ci@corp.example", private=clear["claim"])
    bad = forger.token(sub="root@corp.example", private=clear["claim"])
    secrets = {**clear, "known key": known, "unknown key": unknown}
    for name, token in [("good", good), ("bad", bad)]:
        secrets |= {
            f"{name} token's {part}": text
            for part, text in zip(("payload", "signature"), token.split(".")[1:], strict=True)
        }

    limits = [{"counter": "spend", "window": "hour", "max": 5, "amount": "args.amount"}]
    tools = {
        "safe": {},
        "danger": {"action": "deny"},
        "strict": {
            "arguments": {"type": "object", "properties": {"text": {"type": "string", "pattern": "^[a-z]$"}}}
        },
        "guarded": {"deny_if": [{"path": "args.text", "op": "contains", "value": "5ecr3t"}]},
        "pay": {"limits": limits},
    }
    by_key = {
        "version": "1",
        "tools": tools,
        "identity": [{"api_key": {"header": "authorization", "scheme": "Bearer"}}],
        "grants": [{"name": "bot", "match": [{"api_key_sha256": identity.sha256(known)}]}],
    }
    sources = [{"jwt": {"metadata": identity.METADATA, "payload": identity.PAYLOAD, "claim": "sub"}}]
    by_token = {
        "version": "1",
        "tools": tools,
        "identity": sources,
        "grants": [{"name": "ci", "match": [{"jwt": "ci@*"}]}],
    }
    verify = identity.verifying(identity.jwt_authn([issuer], failed_ok=True))

    def edit(listener: dict) -> None:
        logging()(listener)
        if listener["name"] in ("token", "shadow"):
            verify(listener)

    also = {
        "token": by_token,
        "none": {**by_key, "audit": {"arguments": "none"}},
        "shadow": {**by_token, "mode": "shadow"},
    }
    proxy = envoy(by_key, also=also, access_log=True, edit_listener=edit)
    proxy.post("/logging?wasm=trace")

    arguments = {
        "text": clear["argument"],
        "amount": clear["argument"],
        "more": [{"deep": clear["deep"]}],
        clear["deep"]: 1,
    }
    bodies = [rpc.encode(rpc.tools_call(tool, arguments)) for tool in [*tools, "unlisted"]]
    bodies += [
        rpc.encode(rpc.request("prompts/get", {"name": "p", "arguments": arguments})),
        bodies[0][:-9],
        bodies[0].replace(b'"text"', b'"more"'),
        b"[" + bodies[0] + b"]",
    ]
    out, count = b"", 0
    for listener, credentials in [
        ("main", [known, unknown]),
        ("none", [known]),
        ("token", [good, bad, known]),
        ("shadow", [good, bad]),
    ]:
        for credential in credentials:
            headers = [
                *JSON,
                ("authorization", f"Bearer {credential}"),
                ("mcp-session-id", clear["session"]),
                ("cookie", clear["cookie"]),
            ]
            for body in bodies:
                answer = http1.exchange(proxy.ports[listener], post(body, headers))
                out += repr(answer.headers).encode() + answer.body
                count += 1
            for method in ("GET", "DELETE", "PUT"):
                out += http1.exchange(proxy.ports[listener], bare(method, *headers[1:])).body
                count += 1
    records = lines(proxy, count)
    outputs = {
        "answers": out.decode(),
        "records": "\n".join(records),
        "access log": "\n".join(lines(proxy, count, name="access.log")),
        "Envoy's log": proxy.log(),
        **{
            path: proxy.get(path)
            for path in ("/stats", "/stats/prometheus", "/config_dump", "/clusters", "/listeners")
        },
    }
    # The search does find what is there.
    decisions = {read(line)["principal"] for line in records}
    assert decisions == {
        "ci@corp.example",
        f"sha256:{identity.sha256(known)[:16]}",
        f"sha256:{identity.sha256(unknown)[:16]}",
        None,
    }
    assert "[wasm]" in outputs["Envoy's log"] and "not_listed" in outputs["/stats"]
    assert "deny_if" in outputs["/config_dump"]
    for name, secret in secrets.items():
        for place, output in outputs.items():
            assert secret not in output, f"the {name} in {place}"
    # Nor may the full digest of a key appear, because it could be mistaken for one.
    assert identity.sha256(known) not in outputs["records"]


# A hundred thousand records.

CALLS, MAX, CALLERS, WORKERS = 100_000, 5_000, 64, 4


def answering_itself(listener: dict) -> None:
    """Distribute connections evenly over the workers, and let Envoy answer allowed calls itself."""
    logging()(listener)
    del manager_of(listener)["access_log"][0]
    listener["connection_balance_config"] = {"exact_balance": {}}
    (route,) = manager_of(listener)["route_config"]["virtual_hosts"][0]["routes"]
    del route["route"]
    route["direct_response"] = {"status": 200}


@pytest.mark.timeout(600)
def test_a_hundred_thousand_requests_leave_as_many_complete_records(envoy):
    limits = [{"counter": "all", "window": "hour", "max": MAX, "scope": "global"}]
    policy = {"version": "1", "tools": {"few": {"limits": limits}}}
    proxy = envoy(policy, workers=WORKERS, access_log=True, edit_listener=answering_itself)
    begun = time.monotonic()
    refused = {}
    with load.Crowd(proxy.port, CALLERS) as crowd:
        for first in range(0, CALLS, CALLERS):
            ids = range(first, min(first + CALLERS, CALLS))
            answers = crowd.call([rpc.tools_call("few", id=id) for id in ids])
            for id, answer in zip(ids, answers, strict=True):
                assert answer.status == 200 and answer.whole
                if answer.header("x-mcp-policy"):
                    refused[told_id(answer)] = id
    sent = time.monotonic()
    records = [read(line) for line in lines(proxy, CALLS, 60)]
    assert len(records) == CALLS
    assert {record["request"] for record in records} == set(range(CALLS))
    assert len({record["id"] for record in records}) == CALLS
    assert refused == {record["id"]: record["request"] for record in records if record["decision"] == "deny"}

    used = {decision: [] for decision in ("allow", "deny")}
    for record in records:
        (counter,) = record["counters"]
        assert (counter["counter"], counter["max"]) == ("all", MAX)
        used[record["decision"]].append(counter["used"])
    assert sorted(used["allow"]) == list(range(1, MAX + 1))
    assert Counter(used["deny"]) == {MAX: CALLS - MAX}
    shares = proxy.stats(r"^listener\..*\.worker_\d+\.downstream_cx_total$")
    assert len(shares) == WORKERS and all(shares.values()), shares
    stats = proxy.stats("mcp_policy")
    decided = {
        name.rpartition("decisions.")[2]: value for name, value in stats.items() if "decisions" in name
    }
    assert decided == {"decision.allow.code.none": MAX, "decision.deny.code.rate_limited": CALLS - MAX}
    retries = stats.get("wasmcustom.mcp_policy.counters.retries", 0)
    print(f"{CALLS / (sent - begun):.0f} requests a second, {retries} retries")


# Metrics.

METRICS = {
    "version": "1",
    "hide": ["add"],
    "tools": {
        "echo": {},
        "danger": {"action": "deny"},
        "tried": {"action": "deny", "mode": "shadow"},
        "own": {"limits": [{"counter": "own", "window": "hour", "max": 1, "scope": "session"}]},
        # A call charges all of its limits together: with more limits, more writes can be lost to other
        # workers.
        "busy": {
            "limits": [
                {"counter": f"busy-{n}", "window": "hour", "max": 10**9, "scope": "global"} for n in range(20)
            ]
        },
    },
    "counters": {"capacity": 1},
    "exempt_paths": ["/healthz"],
}


def tagging(tree: dict) -> None:
    """Extract labels from names as the example does."""
    tree["stats_config"] = EXAMPLE["stats_config"]


def metrics(proxy) -> Counter:
    """Scrape the filter's metrics: values by name and labels."""
    found = Counter()
    for family in text_string_to_metric_families(proxy.get("/stats/prometheus")):
        for sample in family.samples:
            if family.name.startswith("mcp_policy_"):
                labels = ",".join(f"{name[4:]}={value}" for name, value in sorted(sample.labels.items()))
                name = family.name.removeprefix("mcp_policy_")
                found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


def decided(decision: str, code: str = "none") -> str:
    return f"decisions{{code={code},decision={decision}}}"


def refused_for(cause: str, code: str = "invalid_request") -> dict:
    return {decided("deny", code): 1, f"strict_refusals{{cause={cause}}}": 1}


LIST = post(rpc.request("tools/list"))
UNREADABLE = event_stream({"jsonrpc": "2.0", "id": 1, "result": {"tools": "none"}})
DUPLICATE = b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}'
SPELLED = b'{"jsonrpc":"2.0","id":1,"method":"ping","Method":"ping"}'
MOVES = {
    "allowed": (call("echo"), {decided("allow"): 1}),
    "denied": (call("danger"), {decided("deny", "denied"): 1}),
    "unlisted": (call("other"), {decided("deny", "not_listed"): 1}),
    "shadow": (call("tried"), {decided("would_deny", "denied"): 1}),
    "GET": (bare("GET"), {decided("allow"): 1}),
    "exempt": (bare("GET", path="/healthz"), {}),
    "PUT": (bare("PUT"), {decided("deny", "method_not_allowed"): 1}),
    "no JSON": (post(b"{"), refused_for("malformed")),
    "batch": (post(b"[]"), refused_for("batch")),
    "a key twice": (post(DUPLICATE), refused_for("duplicate_key")),
    "another spelling": (post(SPELLED), refused_for("key_spelling")),
    "no message": (post(b"{}"), refused_for("message")),
    "no name": (post(rpc.request("tools/call", {})), refused_for("params")),
    "headers": (call("echo", [("mcp-name", "x")]), refused_for("headers", "headers_disagree")),
    "media": (
        post(b"{}", [("content-type", "text/plain")]),
        refused_for("media_type", "unsupported_media_type"),
    ),
    "a session": (call("own", [("mcp-session-id", "a")]), {decided("allow"): 1}),
    "the same again": (call("own", [("mcp-session-id", "a")]), {decided("deny", "rate_limited"): 1}),
    "one too many": (
        call("own", [("mcp-session-id", "b")]),
        {decided("deny", "limiter_unavailable"): 1, "counters_unavailable{why=full}": 1},
    ),
    "a list": (LIST, {decided("allow"): 1, "lists_removed": 2}),
}


def test_every_metric_changes_when_it_should(envoy, upstream):
    proxy = envoy(METRICS, workers=WORKERS, edit=tagging, xds="ecds")
    before = metrics(proxy)
    # The main thread and every worker load the policy, some more than once.
    assert before.pop("configuration_accepted") > WORKERS and before == {"counters_capacity": 1}
    before = metrics(proxy)
    for name, (pieces, expected) in MOVES.items():
        http1.exchange(proxy.port, pieces)
        after = metrics(proxy)
        assert after - before == expected, name
        before = after

    upstream.answer = UNREADABLE
    http1.exchange(proxy.port, LIST)
    assert metrics(proxy) - before == {decided("allow"): 1, "lists_unreadable": 1}

    before = metrics(proxy)
    assert not proxy.update({"version": "2"})
    assert metrics(proxy) - before == {"configuration_refused": 1}
    before = metrics(proxy)
    assert proxy.update({**METRICS, "counters": {"capacity": 5}})
    wait_for(lambda: metrics(proxy)["counters_capacity"] == 5, "the capacity of the new policy")
    assert (metrics(proxy) - before)["configuration_accepted"] > WORKERS


def test_a_write_lost_to_another_worker_is_counted_as_a_retry(envoy):
    proxy = envoy(METRICS, workers=WORKERS, edit=tagging, access_log=True, edit_listener=answering_itself)
    with load.Crowd(proxy.port, 400) as crowd:

        def overtaken() -> bool:
            crowd.call([rpc.tools_call("busy")] * 400)
            return metrics(proxy)["counters_retries"] > 0

        wait_for(overtaken, "one write overtaken by another", 60)


README = (places.ROOT / "README.md").read_text()
QUERIES = re.findall(r"^\| `mcp_policy_(\w+)`.*\| `([^`]+)` \|$", README, re.MULTILINE)


def test_the_readme_names_every_metric():
    source = "".join(path.read_text() for path in (places.ROOT / "src" / "envoy").glob("*.rs"))
    names = re.findall(r'"mcp_policy\.([a-z_]+(?:\.[a-z_]+)??)(?:\.[a-z]+\.\{.*|)"', source)
    told = [re.sub(r"\.(decision|cause|why)$", "", name).replace(".", "_") for name in names]
    assert set(told) == {name for name, _ in QUERIES}


class Prometheus:
    """A real Prometheus that scrapes an Envoy."""

    def __init__(self, proxy, folder: Path) -> None:
        target = {"targets": [proxy.admin.removeprefix("http://")]}
        job = {"job_name": "envoy", "metrics_path": "/stats/prometheus", "static_configs": [target]}
        config = folder / "prometheus.yml"
        config.write_text(yaml.dump({"global": {"scrape_interval": "500ms"}, "scrape_configs": [job]}))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        files = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        command = ["prometheus", *files, f"--web.listen-address={self._address}"]
        with open(folder / "prometheus.log", "wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, query: str) -> list:
        """Run a query; return nothing while Prometheus starts."""
        url = f"http://{self._address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            assert error.code == 503, f"{query}: {error.read().decode()}"
        except OSError:
            pass
        return []

    def wait(self, query: str) -> None:
        wait_for(lambda: self.ask(query), f"an answer to {query}", 60)


@pytest.mark.skipif(
    not shutil.which("prometheus"), reason="there is no prometheus (apt-get install prometheus)"
)
def test_prometheus_answers_the_queries_of_the_readme(envoy, upstream, tmp_path):
    proxy = envoy(METRICS, workers=WORKERS, edit=tagging, xds="ecds")
    # A single call is not interrupted by other workers.
    moving = {name: query for name, query in QUERIES if name != "counters_retries"}
    with Prometheus(proxy, tmp_path) as prometheus:
        # A change is visible only after two scrapes.
        for query in (*(f"mcp_policy_{name}" for name in moving), *moving.values()):
            if query in ("mcp_policy_decisions", moving["decisions"]):
                for pieces, _ in MOVES.values():
                    http1.exchange(proxy.port, pieces)
                upstream.answer = UNREADABLE
                http1.exchange(proxy.port, LIST)
                upstream.answer = None
                # Envoy does not check again what it has already refused.
                assert not proxy.update({"version": "2", "description": query})
            prometheus.wait(query)
        assert prometheus.ask(dict(QUERIES)["counters_retries"]) == []
