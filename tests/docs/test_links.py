"""Links and pictures of all committed Markdown lead somewhere, the table of contents is complete, and the files that pages for
engineers name exist."""

import re

import pytest

import pages
from pages import ROOT, Link

OUTSIDE = re.compile(r"^(https?|mailto):")
# A file in the text of a page. The folders in front can be left out.
FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(rs|py|sh|json|toml|ya?ml|md)")
# Names that stand for any file.
ANY = {"foo.rs", "mod.rs"}


def dead(link: Link) -> str | None:
    """Say why a link leads nowhere on GitHub; None if it leads somewhere."""
    if OUTSIDE.match(link.target):
        return None
    path, _, anchor = link.target.partition("#")
    to = (link.page.parent / path).resolve() if path else link.page
    if not to.is_relative_to(ROOT) or not to.exists():
        return "there is no such file"
    if not any(file == to or file.is_relative_to(to) for file in pages.committed("*")):
        return "the file is not committed"
    if anchor and (to.suffix != ".md" or anchor not in pages.anchors(to)):
        return "there is no such heading"
    return None


@pytest.mark.parametrize("page", pages.committed(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_of_a_page_leads_somewhere(page):
    found = {str(link): dead(link) for link in pages.links(page)}
    assert not {link: why for link, why in found.items() if why}


@pytest.mark.parametrize("page", pages.committed(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_reference_in_brackets_is_defined(page):
    """CommonMark shows `[a][b]` as text if nothing defines `b`."""
    texts = [token.content for _, token in pages.inline(page) if token.type == "text"]
    assert not [text for text in texts if re.search(r"\]\[|\]\(", text)]


def test_pictures_have_a_description():
    found = [
        (str(page.relative_to(ROOT)), token.attrs["src"])
        for page in pages.committed()
        for _, token in pages.inline(page)
        if token.type == "image" and not token.content.strip()
    ]
    assert not found


def test_the_table_of_contents_has_every_page_once():
    docs = ROOT / "docs"
    listed = [link.target for link in pages.links(docs / "SUMMARY.md")]
    written = [str(page.relative_to(docs)) for page in pages.committed("docs/*.md")]
    assert sorted(listed) == sorted(name for name in written if name != "SUMMARY.md")


def test_the_readme_leads_to_every_page():
    linked = {link.target.partition("#")[0] for link in pages.links(ROOT / "README.md")}
    written = {str(page.relative_to(ROOT)) for page in pages.committed("docs/*.md")}
    assert written - linked == {"docs/README.md", "docs/SUMMARY.md"}


def test_the_readme_is_read_in_three_minutes():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 180


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Limits across proxies", "limits-across-proxies"),
        ("`check`", "check"),
        ("What a client sees, and why?", "what-a-client-sees-and-why"),
        ("In Istio and Envoy Gateway (1.9)", "in-istio-and-envoy-gateway-19"),
        ("`max_body_bytes` – large bodies", "max_body_bytes--large-bodies"),
    ],
)
def test_anchors_are_those_of_github(heading, anchor):
    assert pages.slug(heading.replace("`", "")) == anchor


def test_make_targets_that_pages_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (str(page.relative_to(ROOT)), target)
        for page in pages.committed()
        for target in re.findall(r"(?:`|\$ |&& )make ([a-z][a-z-]*)", page.read_text())
    }
    assert len(named) > 10
    assert not {found for found in named if found[1] not in targets}


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "DESIGN.md"])
def test_every_file_that_a_page_for_engineers_names_exists(name):
    spans = {token.content for _, token in pages.inline(ROOT / name) if token.type == "code_inline"}
    files = {span for span in spans if FILE.fullmatch(span)} - ANY
    committed = [f"/{path.relative_to(ROOT)}" for path in pages.committed("*")]
    assert len(files) > 20
    assert not [file for file in sorted(files) if not any(path.endswith(f"/{file}") for path in committed)]
