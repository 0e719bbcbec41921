"""The manifests of mcp-approvals for Kubernetes: valid, unprivileged, and with arguments that the service accepts."""

import re

import httpx
import pytest

import places
from harness import identity
from harness.kustomized import Base
from harness.service import Service

BASE = Base(places.ROOT / "envoy" / "approvals" / "kubernetes")
POD = BASE.one("Deployment")["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]


def test_kustomize_finds_every_file_and_replaces_every_name():
    BASE.check_complete(POD)


@pytest.mark.parametrize("name", BASE.kustomization["resources"])
def test_kubernetes_accepts_the_manifests_and_no_others(name, tmp_path):
    BASE.check_valid(name, tmp_path)


def test_the_pod_has_no_rights_and_no_secret_in_clear():
    BASE.check_rights(POD)
    assert POD["securityContext"]["runAsUser"] == 65532, "the user of the image"
    assert all("value" not in variable for variable in CONTAINER["env"])
    # Octal numbers in YAML 1.2 have another form than in 1.1.
    assert [volume["secret"]["defaultMode"] for volume in POD["volumes"] if "secret" in volume] == [0o440]


def test_everything_selects_the_pods():
    labels = BASE.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        BASE.one("Service")["spec"]["selector"],
        BASE.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(
            BASE.one(kind)["spec"]["selector"]["matchLabels"]
            for kind in ("Deployment", "PodDisruptionBudget")
        ),
        *(spread["labelSelector"]["matchLabels"] for spread in POD["topologySpreadConstraints"]),
    ]
    assert selectors == [labels] * 5


class InPod(Service):
    """The service with the arguments, the environment and the files of the pod."""

    def _database_options(self) -> list:
        return []


@pytest.fixture
def pod(tmp_path, postgres, monkeypatch):
    """A running service whose mounts are folders of the test."""
    authority = identity.Authority("test")
    mounted = {"configuration": tmp_path / "configuration", "tls": tmp_path / "tls"}
    for folder in mounted.values():
        folder.mkdir()
    certificate = authority.issue(dns=["mcp-approvals.mcp-approvals.svc"])
    (mounted["tls"] / "tls.crt").write_text(certificate.certificate)
    (mounted["tls"] / "tls.key").write_text(certificate.key)

    def outside(text: str) -> str:
        for mount in CONTAINER["volumeMounts"]:
            text = re.sub(f"{re.escape(mount['mountPath'])}(?=/)", str(mounted[mount["name"]]), text)
        return text

    for name in BASE.kustomization["configMapGenerator"][0]["files"]:
        (mounted["configuration"] / name).write_text(outside((BASE.folder / name).read_text()))
    [variable] = CONTAINER["env"]
    assert variable["valueFrom"]["secretKeyRef"]["key"] == "url"
    monkeypatch.setenv(variable["name"], postgres.database("kubernetes"))
    assert CONTAINER["args"][0] == "serve"
    with InPod(tmp_path, arguments=[outside(word) for word in CONTAINER["args"][1:]]) as started:
        yield started


def test_the_service_starts_as_in_the_pod_and_answers_the_probes(pod, postgres):
    def probed(name: str) -> int:
        probe = CONTAINER[name]["httpGet"]
        url = f"{probe['scheme'].lower()}://127.0.0.1:{pod.port}{probe['path']}"
        return httpx.get(url, verify=False, timeout=30).status_code

    probes = ["startupProbe", "livenessProbe", "readinessProbe"]
    assert [probed(name) for name in probes] == [200, 200, 200]
    postgres.end()
    try:
        assert [probed(name) for name in probes] == [200, 200, 503]
    finally:
        postgres.start()
    assert POD["terminationGracePeriodSeconds"] > 10
    assert pod.stop() == 0


def test_the_ports_of_the_manifests_are_the_port_of_the_configuration():
    [port] = CONTAINER["ports"]
    assert f'listen = "0.0.0.0:{port["containerPort"]}"' in (BASE.folder / "mcp-approvals.toml").read_text()
    [offered] = BASE.one("Service")["spec"]["ports"]
    [allowed] = BASE.one("NetworkPolicy")["spec"]["ingress"][0]["ports"]
    assert offered["targetPort"] == allowed["port"] == port["name"]
