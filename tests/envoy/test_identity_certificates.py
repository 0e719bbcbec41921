"""Certificates that Envoy's TLS has verified."""

import pytest

from harness import identity, rpc
from harness.callers import (
    ALLOWED,
    CALL,
    CLIENTS,
    NO_GRANT,
    SERVER,
    UNAUTHENTICATED,
    outcome,
    over_tls,
    post,
    record,
    save_certificates,
    tools,
)
from harness.identity import by_name, verifying

pytestmark = pytest.mark.usefixtures("no_secret_in_any_output")


# The subject as Envoy writes it: RFC 2253, the last part first, and non-ASCII characters as bytes.
SUBJECT = r"CN=bot,O=Gr\C3\B6\C3\9Fe\, AG,C=DE"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return save_certificates(tmp_path_factory.mktemp("certificates"))


# The subject as Envoy writes it: RFC 2253, the last part first, and non-ASCII characters as bytes.
SUBJECT = r"CN=bot,O=Gr\C3\B6\C3\9Fe\, AG,C=DE"


@pytest.fixture(scope="module")
def tls(module_envoy):
    def document(name: str, *grants: dict) -> dict:
        found = {"version": "1", "default": "allow", "identity": [{"mtls": name}]}
        return {**found, "grants": [*grants, {"name": "rest", "match": [{"mtls": "spiffe://corp/x"}]}]}

    ci = {"name": "ci", "match": [{"mtls": "spiffe://corp/ci/*"}], "tools": {"echo": {}}}
    documents = {
        "tls_uri": document("uri_san", ci),
        "tls_dns": document("dns_san", {"name": "web", "match": [{"mtls": "web.example"}]}),
        "tls_subject": document("subject", {"name": "bot", "match": [{"mtls": SUBJECT}]}),
        "tls_required": document("uri_san", ci),
        "tls_no_authority": document("uri_san", ci),
        "tls_untrusted": document("uri_san", ci),
        "plain": document("uri_san", ci),
    }
    asked = verifying(tls=identity.server_tls(SERVER, CLIENTS, False))
    edits = {
        **dict.fromkeys(("tls_uri", "tls_dns", "tls_subject"), asked),
        "tls_required": verifying(tls=identity.server_tls(SERVER, CLIENTS, True)),
        "tls_no_authority": verifying(tls=identity.server_tls(SERVER, None, True)),
        "tls_untrusted": verifying(
            tls=identity.server_tls(SERVER, CLIENTS, False, trust_chain_verification="ACCEPT_UNTRUSTED")
        ),
    }
    return module_envoy(documents["plain"], also=documents, edit_listener=by_name(**edits), access_log=True)


@pytest.mark.parametrize(
    ("listener", "certificate", "expected"),
    [
        ("tls_uri", "ci", ALLOWED),
        ("tls_uri", "ci first", ALLOWED),
        ("tls_uri", "ci second", ALLOWED),  # as `rest`
        ("tls_uri", "not ci", NO_GRANT),
        ("tls_uri", "ci in another case", NO_GRANT),
        ("tls_uri", "ci elsewhere", UNAUTHENTICATED),
        ("tls_uri", "web", UNAUTHENTICATED),
        ("tls_uri", "somebody", UNAUTHENTICATED),
        ("tls_uri", None, UNAUTHENTICATED),
        ("tls_uri", "stranger", None),
        ("tls_uri", "of long ago", None),
        ("tls_uri", "signed by itself", None),
        ("tls_dns", "web", ALLOWED),
        ("tls_dns", "ci second", ALLOWED),
        ("tls_dns", "ci first", NO_GRANT),
        ("tls_dns", "web by its common name", UNAUTHENTICATED),
        ("tls_dns", None, UNAUTHENTICATED),
        ("tls_subject", "somebody", ALLOWED),
        ("tls_subject", "web by its common name", NO_GRANT),
        ("tls_subject", None, UNAUTHENTICATED),
        ("tls_required", "ci", ALLOWED),
        ("tls_required", None, None),
        ("tls_required", "stranger", None),
        # Without an authority Envoy requests a certificate but verifies none.
        ("tls_no_authority", "ci", UNAUTHENTICATED),
        ("tls_no_authority", "stranger", UNAUTHENTICATED),
    ],
)
def test_a_certificate_names_the_caller_if_its_authority_is_trusted(
    tls, certificates, listener, certificate, expected
):
    answer = over_tls(tls, listener, certificates[certificate])
    assert (answer and outcome(answer)) == expected


def test_a_certificate_has_its_own_list(tls, certificates):
    listed = rpc.request("tools/list")
    assert tools(over_tls(tls, "tls_uri", certificates["ci"], listed)) == ["echo"]
    assert tools(over_tls(tls, "tls_uri", certificates["ci second"], listed)) == ["echo", "add", "danger"]
    refused = over_tls(tls, "tls_uri", certificates["ci"], rpc.tools_call("danger"))
    assert record(tls, refused)["principal"] == "spiffe://corp/ci/builder"


def test_a_forged_certificate_header_is_ignored(tls, certificates):
    forged = {"x-forwarded-client-cert": "URI=spiffe://corp/ci/builder"}
    assert outcome(post(tls, CALL, forged, "plain")) == UNAUTHENTICATED
    assert outcome(over_tls(tls, "tls_uri", None, headers=forged)) == UNAUTHENTICATED
    assert outcome(over_tls(tls, "tls_uri", certificates["not ci"], headers=forged)) == NO_GRANT


def test_accept_untrusted_makes_a_strangers_certificate_look_valid(tls, certificates):
    """Why docs/identity.md forbids `ACCEPT_UNTRUSTED`: a stranger's certificate looks like any other."""
    assert outcome(over_tls(tls, "tls_untrusted", certificates["stranger"])) == ALLOWED
    assert outcome(over_tls(tls, "tls_untrusted", None)) == UNAUTHENTICATED
