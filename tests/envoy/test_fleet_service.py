"""The stand-in for the rate limit service does what Envoy's own `ratelimit` filter expects of a real one."""

from collections import Counter

import pytest

from harness import load, rpc
from harness.bootstrap import any_of
from harness.proxy import wait_for
from harness.records import manager_of
from harness.redis import needs_redis

pytestmark = needs_redis

MAX = 100
OWN_LIMIT = {"dynamic_metadata": {"metadata_key": {"key": "test", "path": [{"key": "limit"}]}}}
CONFIGURED = {"key": "tally", "value": "configured", "rate_limit": {"unit": "day", "requests_per_unit": 3}}


def limited(domain: str = "mcp-policy", **action: object):
    """Edit a listener so that Envoy's own filter asks about a descriptor with the header `x-tally`."""

    def edit(listener: dict) -> None:
        manager = manager_of(listener)
        grpc = {"envoy_grpc": {"cluster_name": "ratelimit"}}
        filter = {
            "domain": domain,
            "failure_mode_deny": True,
            "timeout": "5s",
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
            "rate_limit_service": {"grpc_service": grpc, "transport_api_version": "V3"},
        }
        typed = any_of("extensions.filters.http.ratelimit.v3.RateLimit", **filter)
        value = {"limit": {"requests_per_unit": MAX, "unit": "DAY"}}
        metadata = {"metadata": [{"metadata_namespace": "test", "value": value}]}
        setter = any_of("extensions.filters.http.set_metadata.v3.Config", **metadata)
        manager["http_filters"][:0] = [
            {"name": "envoy.filters.http.set_metadata", "typed_config": setter},
            {"name": "envoy.filters.http.ratelimit", "typed_config": typed},
        ]
        (route,) = manager["route_config"]["virtual_hosts"][0]["routes"]
        tally = {"request_headers": {"header_name": "x-tally", "descriptor_key": "tally"}}
        # Only limits in this form can have `hits_addend`.
        rates = {"rate_limits": [{"actions": [tally], **action}]}
        per_route = any_of("extensions.filters.http.ratelimit.v3.RateLimitPerRoute", **rates)
        route["typed_per_filter_config"] = {"envoy.filters.http.ratelimit": per_route}

    return edit


@pytest.fixture(scope="module")
def ratelimit(ratelimits):
    return ratelimits(domains={"mcp-policy": [CONFIGURED]})


def answers(proxy, tally: str, calls: int) -> list:
    with load.Crowd(proxy.port, calls) as crowd:
        return crowd.call([rpc.tools_call("echo", id=id) for id in range(calls)], [("x-tally", tally)])


def status(proxy, tally: str) -> tuple:
    """Call once; return the status, and what remains of the limit."""
    [answer] = answers(proxy, tally, 1)
    return answer.status, answer.header("x-ratelimit-remaining")


def test_of_400_calls_at_once_exactly_as_many_pass_as_the_descriptor_says(envoy, upstream, ratelimit, redis):
    proxy = envoy(None, edit=ratelimit.cluster(), edit_listener=limited(limit=OWN_LIMIT))
    made = Counter(answer.status for answer in answers(proxy, "crowd", 400))
    assert made == {200: MAX, 429: 300} and len(upstream.calls) == MAX
    # A refused call is added too, as with the reference implementation.
    [(name, count)] = redis.counters().items()
    assert count == 400 and name.startswith("mcp-policy_tally_crowd_")
    assert 86_400 - 60 <= redis.command("TTL", name) < 86_400 + 300


def test_headers_tell_the_limit_what_remains_and_when_the_day_ends(envoy, ratelimit):
    proxy = envoy(None, edit=ratelimit.cluster(), edit_listener=limited(limit=OWN_LIMIT))
    [answer] = answers(proxy, "headers", 1)
    told = [answer.header(f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset")]
    assert told[:2] == [f"{MAX}, {MAX};w=86400", f"{MAX - 1}"] and 0 < int(told[2]) <= 86_400


def test_a_descriptor_without_a_limit_has_the_configured_one_or_none(envoy, ratelimit):
    proxy = envoy(None, edit=ratelimit.cluster(), edit_listener=limited())
    assert [status(proxy, "configured")[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [status(proxy, "other") for _ in range(5)] == [(200, None)] * 5


def test_a_domain_that_is_not_configured_limits_nothing(envoy, ratelimit):
    proxy = envoy(None, edit=ratelimit.cluster(), edit_listener=limited("unknown", limit=OWN_LIMIT))
    assert [status(proxy, "any") for _ in range(3)] == [(200, None)] * 3


def test_a_descriptor_adds_its_own_hits_and_none_if_these_are_0(envoy, ratelimit, redis):
    for hits, expected in ((40, [60, 20, 0]), (0, [MAX, MAX, MAX])):
        edit = limited(limit=OWN_LIMIT, hits_addend={"number": hits})
        proxy = envoy(None, edit=ratelimit.cluster(), edit_listener=edit)
        made = [status(proxy, f"hits-{hits}") for _ in range(3)]
        assert made == [(429 if hits and rest == 0 else 200, str(rest)) for rest in expected]
    added = {name.split("_")[2]: count for name, count in redis.counters().items()}
    assert (added["hits-40"], added["hits-0"]) == (120, 0)


def test_while_redis_cannot_count_every_question_fails(envoy, ratelimit, redis):
    proxy = envoy(None, edit=ratelimit.cluster(), edit_listener=limited(limit=OWN_LIMIT))
    assert status(proxy, "before")[0] == 200
    redis.command("REPLICAOF", "127.0.0.1", 1)
    assert status(proxy, "read only")[0] == 500
    redis.command("REPLICAOF", "NO", "ONE")
    assert status(proxy, "writable")[0] == 200
    redis.kill()
    assert status(proxy, "killed")[0] == 500
    redis.start()
    wait_for(lambda: status(proxy, "started")[0] == 200, "the service to find Redis again")
