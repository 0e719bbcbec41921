"""What Envoy does if the module crashes."""

from concurrent.futures import ThreadPoolExecutor

from harness import crashing, http1, rewritten
from harness.records import call


def test_a_module_that_crashes_lets_nothing_through(envoy, upstream, tmp_path):
    edit = rewritten.loading(crashing.module(), tmp_path)
    proxy = envoy({"version": "1", "default": "allow"}, workers=2, edit_listener=edit, folder=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: http1.exchange(proxy.port, call("any")), range(40)))
    assert {answer.status for answer in answers} == {503}
    assert upstream.heads == []
