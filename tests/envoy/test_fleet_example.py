"""The example `envoy/fleet`: two Envoys with its configuration, and the service with its domain."""

import subprocess
from collections import Counter

import pytest
import yaml

import places
from harness import examples, runs
from harness.approvals import code
from harness.fleet import PATIENT_MS, call, within_a_day
from harness.redis import needs_redis

FOLDER = places.ROOT / "envoy" / "fleet"
EXAMPLE = (FOLDER / "envoy.yaml").read_text()
KEY = [("x-api-key", "a-key-for-tests")]


def example_policy() -> dict:
    """Read the policy, and give the service more time than it needs on a busy machine."""
    [plugin] = examples.plugins(yaml.safe_load(EXAMPLE))
    policy = plugin["configuration"]["value"]
    policy["shared_limits"]["timeout_ms"] = PATIENT_MS
    return policy


@pytest.fixture(scope="module")
def ports(module_envoy, module_upstream, ratelimits):
    """The ports of two Envoys."""
    within_a_day()
    ratelimit = ratelimits(config=FOLDER / "ratelimit")
    servers = {8000: module_upstream.port, 8081: ratelimit.port}
    edit = examples.edit_to(EXAMPLE, "mcp", servers, {}, example_policy())
    return [module_envoy({}, edit=edit).ports["mcp"] for _ in range(2)]


@needs_redis
def test_both_envoys_have_one_budget(ports, module_upstream):
    assert code(call(ports[0], "buy", {"offer": "a", "amount": 1})) == "unauthenticated"
    made = Counter(code(call(port, "run_agent", headers=KEY)) for _ in range(15) for port in ports)
    assert made == {"allowed": 20, "rate_limited": 10} and len(module_upstream.calls) == 20
    assert not any(name == "x-api-key" for sent in module_upstream.requests for name, _ in sent.headers)
    spent = [(ports[0], 300.01), (ports[1], 199.995), (ports[1], 199.99), (ports[0], 0.01)]
    made = [code(call(port, "buy", {"offer": "a", "amount": amount}, KEY)) for port, amount in spent]
    assert made == ["allowed", "arguments_invalid", "allowed", "rate_limited"]
    assert [code(call(port, "search_offers", headers=KEY)) for port in ports] == ["allowed"] * 2


def test_compose_accepts_the_file():
    try:
        compose = runs.compose()
    except RuntimeError as missing:
        pytest.skip(str(missing))
    done = subprocess.run(
        [*compose, "--file", FOLDER / "docker-compose.yaml", "config"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
