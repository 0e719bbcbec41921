"""The manifests of mcp-approvals for Kubernetes: valid, unprivileged, and with arguments that the service accepts."""

import re
import subprocess

import httpx
import pytest
import yaml

import places
from harness import identity
from harness.service import Service

FOLDER = places.ROOT / "envoy" / "approvals" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
RESOURCES = [
    found for name in KUSTOMIZATION["resources"] for found in yaml.safe_load_all((FOLDER / name).read_text())
]


def one(kind: str) -> dict:
    """Return the only resource of a kind."""
    [found] = [resource for resource in RESOURCES if resource["kind"] == kind]
    return found


POD = one("Deployment")["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]


def check(path) -> subprocess.CompletedProcess:
    """Check a file against the schemas of Kubernetes, which refuse unknown fields."""
    command = [places.manifest_checker("kubernetes-validate"), "--strict", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_kustomize_finds_every_file():
    named = {*KUSTOMIZATION["resources"], *KUSTOMIZATION["configMapGenerator"][0]["files"]}
    there = {path.name for path in FOLDER.iterdir()} - {"README.md", "kustomization.yaml"}
    assert named == there
    # Kustomize replaces only what has these names.
    assert [image["name"] for image in KUSTOMIZATION["images"]] == [CONTAINER["image"]]
    assert [made["name"] for made in KUSTOMIZATION["configMapGenerator"]] == [
        volume["configMap"]["name"] for volume in POD["volumes"] if "configMap" in volume
    ]
    assert one("Namespace")["metadata"]["name"] == KUSTOMIZATION["namespace"]


@pytest.mark.parametrize("name", KUSTOMIZATION["resources"])
def test_kubernetes_accepts_the_manifests_and_no_others(name, tmp_path):
    done = check(FOLDER / name)
    assert done.returncode == 0, done.stdout + done.stderr
    documents = list(yaml.safe_load_all((FOLDER / name).read_text()))
    documents[-1].setdefault("spec", {})["replicaas"] = 2
    (tmp_path / name).write_text(yaml.safe_dump_all(documents))
    assert check(tmp_path / name).returncode != 0


def test_the_pod_has_no_rights_and_no_secret_in_clear():
    assert POD["automountServiceAccountToken"] is False
    security = {**POD["securityContext"], **CONTAINER["securityContext"]}
    assert security["runAsNonRoot"] and security["runAsUser"] == 65532
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert all("value" not in variable for variable in CONTAINER["env"])
    assert "Secret" not in [resource["kind"] for resource in RESOURCES]
    # Octal numbers in YAML 1.2 have another form than in 1.1.
    assert [volume["secret"]["defaultMode"] for volume in POD["volumes"] if "secret" in volume] == [0o440]


def test_everything_selects_the_pods():
    labels = one("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one("Service")["spec"]["selector"],
        one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(one(kind)["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")),
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

    for name in KUSTOMIZATION["configMapGenerator"][0]["files"]:
        (mounted["configuration"] / name).write_text(outside((FOLDER / name).read_text()))
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
    assert f'listen = "0.0.0.0:{port["containerPort"]}"' in (FOLDER / "mcp-approvals.toml").read_text()
    [offered] = one("Service")["spec"]["ports"]
    [allowed] = one("NetworkPolicy")["spec"]["ingress"][0]["ports"]
    assert offered["targetPort"] == allowed["port"] == port["name"]
