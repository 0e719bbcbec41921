"""What every kustomize base of this repository must be: complete, valid, and without rights."""

import subprocess
from pathlib import Path

import yaml

import places


class Base:
    """A folder with a kustomize base, and a README about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        self.resources = [
            found
            for name in self.kustomization["resources"]
            for found in yaml.safe_load_all((folder / name).read_text())
        ]

    def one(self, kind: str, name: str | None = None) -> dict:
        """Return the only resource of a kind, or the only one of them with a name."""
        [found] = [
            resource
            for resource in self.resources
            if resource["kind"] == kind and name in (None, resource["metadata"]["name"])
        ]
        return found

    def check_complete(self, *pods: dict) -> None:
        """Check that kustomize finds every file, and replaces every name that the pods have."""
        generated = {made["name"]: made["files"] for made in self.kustomization["configMapGenerator"]}
        named = {*self.kustomization["resources"], *(name for files in generated.values() for name in files)}
        there = {path.name for path in self.folder.iterdir()} - {"README.md", "kustomization.yaml"}
        assert named == there
        images = [container["image"] for pod in pods for container in pod["containers"]]
        assert [image["name"] for image in self.kustomization["images"]] == images
        mounted = [
            volume["configMap"]["name"] for pod in pods for volume in pod["volumes"] if "configMap" in volume
        ]
        assert set(mounted) == set(generated)
        assert self.one("Namespace")["metadata"]["name"] == self.kustomization["namespace"]

    def check_valid(self, name: str, scratch: Path) -> None:
        """Check that Kubernetes accepts a file, and would not accept it with an unknown key."""
        done = validated(self.folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
        documents = list(yaml.safe_load_all((self.folder / name).read_text()))
        documents[-1].setdefault("spec", {})["replicaas"] = 2
        (scratch / name).write_text(yaml.safe_dump_all(documents))
        assert validated(scratch / name).returncode != 0

    def check_rights(self, pod: dict) -> None:
        """Check that a pod is unprivileged, and that its base contains no secret."""
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = {**pod["securityContext"], **container["securityContext"]}
            assert security["runAsNonRoot"] and security["runAsUser"] > 0
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "Secret" not in [resource["kind"] for resource in self.resources]


def validated(path: Path) -> subprocess.CompletedProcess:
    """Check a file against the schemas of Kubernetes, which refuse unknown fields."""
    command = [places.manifest_checker("kubernetes-validate"), "--strict", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
