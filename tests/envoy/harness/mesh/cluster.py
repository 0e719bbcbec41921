"""Stand-ins for the programs that a README calls: each does what can be done without a cluster.

`kubectl apply` checks the manifests as the API server does, and `kubectl patch` that the patch can be read. `docker` checks
the image's recipe and the file that goes into it. `helm` reads its values, and needs a version for an upgrade. All other
commands print what a test has prepared for them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import places

PROGRAMS = ("kubectl", "docker", "helm")
BLOCK = re.compile(r"^( *)```console\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def commands(readme: Path) -> list:
    """Collect the commands of a README: lines that begin with `$`, and the lines that continue them."""
    found = []
    for indent, block in BLOCK.findall(readme.read_text()):
        for line in (line.removeprefix(indent) for line in block.splitlines()):
            if line.startswith("$ "):
                found.append(line[2:])
            elif found and (found[-1].endswith("\\") or found[-1].rstrip().endswith("|")):
                found[-1] += "\n" + line
    return found


class Shell:
    """Runs the commands of a README in a copy of the folder `envoy`, in one shell, with stand-ins."""

    def __init__(self, folder: Path, readme: Path) -> None:
        self.root = folder / "checkout"
        inside = readme.parent.relative_to(places.ROOT)
        shutil.copytree(places.ROOT / "envoy", self.root / "envoy")
        module = self.root / "target" / "wasm32-wasip1" / "release"
        module.mkdir(parents=True)
        shutil.copy(places.MODULE, module / "mcp_policy_filter.wasm")
        self.folder = self.root / inside
        self._programs = folder / "programs"
        self._programs.mkdir()
        (self._programs / "mcp-policy").symlink_to(places.POLICY_TOOL)
        for name in PROGRAMS:
            script = self._programs / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -m harness.mesh.cluster {name} "$@"\n')
            script.chmod(0o755)

    def run(self, script: str, answers: dict) -> subprocess.CompletedProcess:
        """Run commands; `answers` is what commands print, by words that they contain, such as `kubectl logs`."""
        path = f"{self._programs}{os.pathsep}{os.environ['PATH']}"
        python = os.pathsep.join([str(places.HERE), str(places.ROOT / "tests" / "envoy")])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": python, "ANSWERS": json.dumps(answers)}
        return subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )


def main(program: str, arguments: list) -> str | None:
    """Do what a program does; return what is wrong."""
    for words, text in json.loads(os.environ["ANSWERS"]).items():
        if set(words.split()) <= {program, *arguments}:
            print(text, end="")
    named = [Path(value) for value in files(arguments, "-f", "--values", "--patch-file", "-k")]
    secrets = [one.removeprefix("--from-file=").split("=")[-1] for one in arguments if "--from-file=" in one]
    missing = [str(file) for file in [*named, *map(Path, secrets)] if not file.exists()]
    if missing:
        return f"no such file: {missing}"
    match program, arguments:
        case "kubectl", ["apply", "-k", folder]:
            return None if Path(folder, "kustomization.yaml").exists() else f"no kustomization in {folder}"
        case "kubectl", ["apply" | "delete", *_]:
            return refusal(named)
        case "kubectl", ["-n", _, "patch", _, _, *options]:
            return unreadable(options)
        case "helm", ["upgrade", *options] if "--version" not in options:
            return "an upgrade without a version installs the newest"
        case "docker", ["buildx", "build", *options]:
            return image(sys.stdin.read(), Path(options[-1]))
    return None


def files(arguments: list, *options: str) -> list:
    """Return the values of options."""
    return [value for key, value in zip(arguments, arguments[1:], strict=False) if key in options]


def unreadable(options: list) -> str | None:
    """Say why a patch cannot be read."""
    import yaml

    texts = [*files(options, "--patch"), *(Path(name).read_text() for name in files(options, "--patch-file"))]
    read = [yaml.safe_load(text) for text in texts]
    return None if len(read) == 1 and "spec" in read[0] else f"no patch: {options}"


def refusal(named: list) -> str | None:
    import yaml

    from . import crds

    found = [
        f"{file} {one.get('kind')}: {wrong}"
        for file in named
        for one in yaml.safe_load_all(file.read_text())
        for wrong in crds.wrong(one)
    ]
    return "\n".join(found) or None


def image(recipe: str, context: Path) -> str | None:
    lines = recipe.splitlines()
    if lines[0] != "FROM scratch" or len(lines) != 2 or not lines[1].endswith(" /plugin.wasm"):
        return f"no image of a module: {recipe}"
    source = context / lines[1].split()[1]
    return None if source.read_bytes()[:4] == b"\0asm" else f"{source} is no module"


if __name__ == "__main__":
    wrong = main(sys.argv[1], sys.argv[2:])
    if wrong:
        sys.exit(wrong)
