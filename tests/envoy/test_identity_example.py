"""The example `envoy/identity.yaml` with three teams, and real sessions through it."""

import functools
import json

import httpx
import pytest

import clients
import places
from harness import examples, identity, policy, rpc, servers
from harness.callers import (
    ALLOWED,
    CLIENTS,
    FORGER,
    NO_GRANT,
    RS256,
    SERVER,
    SERVERS,
    UNAUTHENTICATED,
    answers,
    outcome,
    over_tls,
    post,
    save_certificates,
    secret,
    sent,
    token,
    url,
)
from harness.identity import bearer, sha256

pytestmark = pytest.mark.usefixtures("no_secret_in_any_output")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return save_certificates(tmp_path_factory.mktemp("certificates"))


OPERATIONS = CLIENTS.issue(uris=["spiffe://corp.example/operations/anna"])
TEAM_KEY = identity.api_key()
sent.add(TEAM_KEY)
EXAMPLE = places.ROOT / "envoy" / "identity.yaml"
GRANTS = places.ROOT / "policies" / "grants.json"


def example(document: dict | None = None, port: int = 8000):
    """Return an edit that replaces a bootstrap by the example, with the test's own issuer and certificates."""
    text = EXAMPLE.read_text().replace("https://issuer.example", RS256.name)
    return examples.edit_to(text, "tls", {8000: port}, identity.files(SERVER, CLIENTS, RS256), document)


def team_policy() -> dict:
    """The policy of three teams, with a key that the test knows."""
    document = json.loads(policy.read(GRANTS))
    [described] = next(grant for grant in document["grants"] if grant["name"] == "nightly")["match"]
    described["api_key_sha256"] = sha256(TEAM_KEY)
    return document


def test_the_example_runs_unchanged(envoy, upstream, certificates, tmp_path):
    proxy = envoy({}, edit=example(port=upstream.port))
    mine = OPERATIONS.save(tmp_path)
    for certificate, headers, expected in [
        (mine, {}, ALLOWED),
        (None, bearer(token(sub="anna@corp.example", team="analysts")), ALLOWED),
        (None, bearer(token(sub="anna@corp.example", team="others")), NO_GRANT),
        (None, {}, UNAUTHENTICATED),
        (None, {"x-api-key": "made up"}, NO_GRANT),
        (None, bearer(secret(FORGER.token(sub="anna@corp.example", team="analysts"))), (401, None)),
        (certificates["stranger"], {}, None),
    ]:
        answer = over_tls(proxy, "tls", certificate, rpc.tools_call("get_weather"), headers)
        assert (answer and outcome(answer)) == expected
    # The caller's credentials do not reach the server.
    assert [
        name
        for request in upstream.requests
        for name, _ in request.headers
        if name in ("authorization", "x-api-key")
    ] == []


@pytest.fixture(scope="module")
def teams(module_envoy, tmp_path_factory):
    """The example with the policy of three teams, in front of AiPayGen's tools."""
    started = {}
    with servers.catalog(tmp_path_factory.mktemp("catalog")) as catalog:
        for client in (clients.PYTHON_1, clients.PYTHON_2):
            started[client] = module_envoy({}, edit=example(team_policy(), catalog.port))
        yield started


RUN = ["call", "run_agent", {"agent_id": "a", "task": "sum"}]
LOOK_UP = ["call", "research", {"topic": "proxies"}]
SEARCH = ["call", "web_search", {"query": "proxies"}]
DELETE = ["call", "delete_agent", {"agent_id": "a"}]


@pytest.mark.parametrize("client", [clients.PYTHON_1, clients.PYTHON_2], ids=str)
def test_each_team_sees_its_own_tools_and_has_its_own_budget(teams, tmp_path, client):
    authority = tmp_path / "authority.pem"
    authority.write_text(SERVERS.pem)
    common = {"authority": str(authority)}
    credentials = [
        {**common, "certificate": str(OPERATIONS.save(tmp_path))},
        {**common, "headers": bearer(token(sub="anna@corp.example", team="analysts"))},
        {**common, "headers": {"x-api-key": TEAM_KEY}},
    ]
    steps = [["list"], *[RUN] * 11, DELETE, *[LOOK_UP, SEARCH] * 3]
    address = url(teams[client], "tls")
    reports = clients.run(client, *((address, steps, one) for one in credentials))
    listed, run, deleted, looked_up = {}, {}, {}, {}
    for team, report in zip(("operations", "analysts", "nightly"), reports, strict=True):
        assert report.get("closed"), report
        saw = report["saw"]
        answers.append(json.dumps(saw))
        listed[team] = set(saw[0]["tools"])
        run[team], [deleted[team]], looked_up[team] = (
            [code(one) for one in part] for part in (saw[1:12], saw[12:13], saw[13:])
        )
    document = json.loads(policy.read(GRANTS))
    reading = {tool for tool in catalog() if tool.startswith("get_")}
    assert listed == {
        "operations": reading | {"research", "web_search", "run_agent"},
        "analysts": reading | {"research", "web_search", "run_agent"},
        "nightly": {"get_agent_runs", "run_agent"},
    }
    # Each team has its own runs: 10 by the document, or fewer by its grant.
    assert {team: codes.count(None) for team, codes in run.items()} == {
        "operations": 10,
        "analysts": 3,
        "nightly": 2,
    }
    for codes in run.values():
        assert set(codes[codes.count(None) :]) == {"rate_limited"}
    assert deleted == {"operations": "denied", "analysts": "denied", "nightly": "denied"}
    # Two tools share one budget: the document's, or less by the grant.
    assert looked_up == {
        "operations": [None] * 6,
        "analysts": [None] * 5 + ["rate_limited"],
        "nightly": ["not_listed"] * 6,
    }
    assert document["tools"]["research"] == document["tools"]["web_search"]


def code(saw: dict) -> str | None:
    decision = saw["result"]["decision"]
    return decision and decision["code"]


def catalog() -> list:
    return [tool["name"] for tool in json.loads(places.AIPAYGEN_TOOLS.read_text())["tools"]]


def test_teams_share_the_global_budget(envoy, upstream):
    document = team_policy()
    document["grants"][1]["tools"]["research"] = {}
    proxy = envoy({}, edit=example(document, upstream.port))
    sub = functools.partial(token, team="analysts")
    with httpx.Client(verify=identity.client_tls(SERVERS)) as client:
        ask = functools.partial(post, proxy, rpc.tools_call("research"), listener="tls", client=client)
        seen = [outcome(ask(bearer(sub(sub=f"{number % 2}@corp.example")))) for number in range(20)]
        team = bearer(token(sub="otto@corp.example", team="operations"))
        seen += [outcome(ask(team)) for _ in range(22)]
    assert seen == [ALLOWED] * 40 + [(200, "rate_limited")] * 2
