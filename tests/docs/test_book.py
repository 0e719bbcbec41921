"""The web site of the pages: links to files of the repository that are not part of it."""

import importlib.util
import json

import pages

SPEC = importlib.util.spec_from_file_location("book", pages.ROOT / "release" / "book.py")
book = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(book)

# Without a repository, and with one.
LINKS = [
    ("[`envoy/envoy.yaml`](../envoy/envoy.yaml)", "`envoy/envoy.yaml`", "blob/HEAD/envoy/envoy.yaml"),
    ("[`envoy/istio/`](../envoy/istio/README.md)", "`envoy/istio/`", "blob/HEAD/envoy/istio/README.md"),
    (
        "[for\nIstio](../envoy/istio/README.md#limits)",
        "for\nIstio (`envoy/istio/README.md`)",
        "blob/HEAD/envoy/istio/README.md#limits",
    ),
    ("[Limits](limits.md#windows)", "[Limits](limits.md#windows)", "(limits.md#windows)"),
]


def built(text: str, repository: str | None) -> str:
    html = {"git-repository-url": repository} if repository else {}
    chapter = {"content": text, "sub_items": []}
    source = [{"config": {"output": {"html": html}}}, {"items": [{"Chapter": chapter}, "Separator"]}]
    return json.loads(book.preprocess(json.dumps(source)))["items"][0]["Chapter"]["content"]


def test_a_link_out_of_the_site_leads_to_the_repository_or_becomes_the_name_of_the_file():
    for link, alone, there in LINKS:
        assert built(f"See {link}.", None) == f"See {alone}."
        assert there in built(f"See {link}.", "https://git.example/a/b/")


def test_the_site_names_no_repository_that_does_not_exist():
    assert "git-repository-url =" not in (pages.ROOT / "docs" / "book.toml").read_text()
