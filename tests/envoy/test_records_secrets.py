"""No secrets appear in clear text in any output."""

from harness import http1, identity, rpc
from harness.records import JSON, RECORD, SHADOW_RECORD, bare, lines, logging, post, read, sha256


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
        logging((SHADOW_RECORD if listener["name"] == "shadow" else RECORD) + "\n")(listener)
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
