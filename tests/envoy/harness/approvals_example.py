"""The example of approvals, `envoy/approvals.yaml`, with a test's own ports and files."""

import httpx

import places

from . import examples, rpc

EXAMPLE = places.ROOT / "envoy" / "approvals.yaml"
POINTER = places.ROOT / "envoy" / "approvals" / "approvals-token.yaml"
TOKEN = "token-of-envoy"
CALL = rpc.tools_call("run_agent", {"agent_id": "agent-1"})


def uncommented(text: str) -> str:
    """Enable the example's second cluster, as its comment says."""
    begun = text.index("    # - name: approvals_mtls")
    ended = (text + "\n").index("\n\n", begun)
    lines = text[begun:ended].split("\n")
    assert all(line.startswith("    # ") for line in lines)
    block = "\n".join(line.replace("# ", "", 1) for line in lines)
    text = text[:begun] + block + text[ended:]
    assert text.count("cluster: approvals\n") == 1
    return text.replace("cluster: approvals\n", "cluster: approvals_mtls\n")


def save(folder, token: str) -> None:
    """Move a file with the token into the folder, as the example requires."""
    (folder / "new").write_text(token)
    (folder / "new").rename(folder / "approvals-token")


def example(ports: dict, folder, token: str | None = TOKEN, files: dict | None = None, mtls: bool = False):
    """Return an edit that replaces a bootstrap by the example, with other ports and files.

    The token and the file that points at it are in the folder.
    """
    (folder / POINTER.name).write_text(POINTER.read_text().replace("/etc/mcp-policy", str(folder)))
    if token is not None:
        save(folder, token)
    text = EXAMPLE.read_text()
    for place in ("path: /etc/mcp-policy/approvals-token.yaml", "path: /etc/mcp-policy }"):
        assert text.count(place) == 1
        text = text.replace(place, place.replace("/etc/mcp-policy", str(folder)))
    return examples.edit_to(uncommented(text) if mtls else text, "main", ports, files or {})


def call(proxy, message: object = CALL) -> httpx.Response:
    return rpc.post(proxy.url, message)


def policy_of(tree: object) -> dict:
    """Return the policy of the example."""
    if isinstance(tree, dict):
        if tree.get("@type", "").endswith("google.protobuf.Struct"):
            return tree["value"]
        tree = list(tree.values())
    found = [policy_of(one) for one in tree if isinstance(one, (dict, list))]
    return next((one for one in found if one), {})
