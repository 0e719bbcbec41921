"""The MCP conformance suite through the filter, under a policy that allows everything.

The server passes what 2025-11-25 requires, and much of 2026-07-28, without Envoy; whatever
passes there and fails here is the filter's doing.
"""

from harness import conformance

ALLOW_ALL = {"version": "1", "default": "allow"}

# The suite sends these two without the uri that the filter judges them by, to see them unknown to
# a server of 2026-07-28: refused as unusable (-32602) before the server could say so (-32601).
WITHOUT_URI = {
    "sep-2575-http-server-method-not-found-404-resources-subscribe",
    "sep-2575-http-server-method-not-found-404-resources-unsubscribe",
}


def failed(results: dict) -> set:
    return set().union(*results.values())


def test_all_that_2025_11_25_requires_passes(envoy, everything, tmp_path):
    proxy = envoy(ALLOW_ALL, upstream=everything)
    through = conformance.required(proxy.url, "2025-11-25", tmp_path / "through")
    assert len(through) == 30
    assert failed(through) == set()


def test_of_2026_07_28_passes_what_passes_without_envoy(envoy, everything, tmp_path):
    proxy = envoy(ALLOW_ALL, upstream=everything)
    direct = conformance.required(everything.url, "2026-07-28", tmp_path / "direct")
    through = conformance.required(proxy.url, "2026-07-28", tmp_path / "through")
    assert through.keys() == direct.keys()
    assert failed(through) - failed(direct) - WITHOUT_URI == set()
