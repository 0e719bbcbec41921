"""The MCP conformance suite through the filter, under a policy that allows everything.

The server passes what 2025-11-25 requires, and much of 2026-07-28, without Envoy; whatever
passes there and fails here is the filter's doing.
"""

import pytest

from harness import conformance

ALLOW_ALL = {"version": "1", "default": "allow"}


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_the_suite_passes_as_it_does_without_envoy(envoy, everything, tmp_path, revision):
    proxy = envoy(ALLOW_ALL, upstream=everything)
    direct = conformance.required(everything.url, revision, tmp_path / "direct")
    through = conformance.required(proxy.url, revision, tmp_path / "through")
    assert through == direct


def test_all_that_2025_11_25_requires_passes(envoy, everything, tmp_path):
    proxy = envoy(ALLOW_ALL, upstream=everything)
    through = conformance.required(proxy.url, "2025-11-25", tmp_path)
    assert len(through) == 30
    assert {name: checks for name, checks in through.items() if checks[1]} == {}
