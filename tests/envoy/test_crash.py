"""What Envoy does if the module crashes."""

from concurrent.futures import ThreadPoolExecutor

from harness import crashing, http1
from harness.records import call, manager_of


def test_a_module_that_crashes_lets_nothing_through(envoy, upstream, tmp_path):
    module = tmp_path / "crashing.wasm"
    module.write_bytes(crashing.module())

    def edit(listener: dict) -> None:
        config = manager_of(listener)["http_filters"][0]["typed_config"]["config"]
        config["vm_config"]["code"]["local"]["filename"] = str(module)

    proxy = envoy({"version": "1", "default": "allow"}, workers=2, edit_listener=edit, folder=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: http1.exchange(proxy.port, call("any")), range(40)))
    assert {answer.status for answer in answers} == {503}
    assert upstream.heads == []
