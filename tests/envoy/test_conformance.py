"""The MCP conformance suite through the filter, under a policy that allows everything.

Without Envoy the server passes everything that 2025-11-25 requires, and much of 2026-07-28. So a check that
passes there and fails here fails because of the filter.
"""

from harness import conformance

ALLOW_ALL = {"version": "1", "default": "allow"}

# The suite sends these two without a URI and expects a 2026-07-28 server not to know them (-32601). The
# filter needs the URI to judge them, and refuses them first as unusable (-32602).
WITHOUT_URI = {
    "sep-2575-http-server-method-not-found-404-resources-subscribe",
    "sep-2575-http-server-method-not-found-404-resources-unsubscribe",
}


def failed(results: dict) -> set:
    return set().union(*results.values())


def test_all_required_checks_of_2025_11_25_pass(envoy, everything, tmp_path):
    proxy = envoy(ALLOW_ALL, upstream=everything)
    through = conformance.required(proxy.url, "2025-11-25", tmp_path / "through")
    assert len(through) == 30
    assert failed(through) == set()


def test_the_checks_of_2026_07_28_that_pass_without_envoy_pass(envoy, everything, tmp_path):
    proxy = envoy(ALLOW_ALL, upstream=everything)
    direct = conformance.required(everything.url, "2026-07-28", tmp_path / "direct")
    through = conformance.required(proxy.url, "2026-07-28", tmp_path / "through")
    assert through.keys() == direct.keys()
    assert failed(through) - failed(direct) - WITHOUT_URI == set()
