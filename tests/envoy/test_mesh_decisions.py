"""The table of decisions in the forms in which Istio and Envoy Gateway hand a policy to Envoy.

Neither can hold headers back by itself, so `request_headers` is `stream` and Envoy's flag is missing. Each document has
a listener; `test_decisions.py` explains the rest.
"""

import json
import subprocess

import pytest
from test_decisions import TOPICS, Case, Table, apart

import places
from harness.mesh import gateway, istio

FORMS = {"istio": istio.struct_json, "gateway": gateway.raw_json}
TARGETS = {"istio": "istio-wasmplugin", "gateway": "envoy-gateway"}
# Each form keeps integers below this as they are: a double, and what Kubernetes keeps.
LARGEST = {"istio": 2**53, "gateway": 2**63}


def numbers(document: object) -> list:
    """Collect all numbers of a document."""
    if isinstance(document, dict | list):
        values = document.values() if isinstance(document, dict) else document
        return [number for value in values for number in numbers(value)]
    return [document] if isinstance(document, int | float) and not isinstance(document, bool) else []


def keeps(form: str, document: dict) -> bool:
    """Tell whether a form keeps every number of a document."""
    return all(abs(number) < LARGEST[form] for number in numbers(document))


DOCUMENTS = {name: document for _, documents in TOPICS.values() for name, document in documents.items()}
CHANGED = [
    (form, name) for form in FORMS for name, document in DOCUMENTS.items() if not keeps(form, document)
]


def as_a_mesh_does(listener: dict) -> None:
    """Give a listener's policy the form of its control plane, and only the flags that this sets."""
    apart(listener)
    form = listener["name"].split("/")[0]
    if form not in FORMS:
        return
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    [config] = [
        one["typed_config"]["config"] for one in manager["http_filters"] if one["name"] == "mcp_policy"
    ]
    document = {**json.loads(config["configuration"]["value"]), "request_headers": "stream"}
    config["configuration"]["value"] = FORMS[form](document)
    del config["allow_on_headers_stop_iteration"]
    if form == "gateway":
        del config["failure_policy"]
    # Small tables of counters stay apart from all others, as in the table itself.
    if "counters" not in document:
        config["vm_config"]["vm_id"] = "" if form == "istio" else "envoyextensionpolicy/tools/table/wasm/0"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("form", FORMS)
def test_every_case_is_decided_as_it_is_without_a_mesh(envoy, upstream, form):
    """One test for each form: several at once would each start an Envoy with all listeners."""
    kept = {f"{form}/{name}": document for name, document in DOCUMENTS.items() if keeps(form, document)}
    table = Table(envoy, upstream, kept, as_a_mesh_does)
    wrong = []
    for topic, (cases, _) in TOPICS.items():
        upstream.clear()
        moved = [Case(case.name, case.steps, f"{form}/{case.listener}") for case in cases]
        wrong += table.judge(topic, [case for case in moved if case.listener in kept])
    assert not wrong, f"{len(wrong)} requests:\n" + "\n".join(wrong)


@pytest.mark.parametrize("form, name", CHANGED)
def test_a_policy_whose_numbers_would_change_is_not_rendered(form, name):
    command = [places.POLICY_TOOL, "render", "-", "--for", TARGETS[form], "--attach", "Gateway/mcp"]
    command += ["--module", "oci://registry.example/mcp-policy-filter:0.1.0"]
    done = subprocess.run(
        command, input=json.dumps(DOCUMENTS[name]), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and "is beyond 2^53" in done.stderr, done.stderr
