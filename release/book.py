#!/usr/bin/env python3
"""Builds the pages in docs/ as a web site: `book.py MDBOOK [REPOSITORY]`.

Fails if mdBook warns, or if a link within the site leads nowhere. mdBook runs this file as its preprocessor, too
(`book.py preprocess`): links such as `../envoy/envoy.yaml` lead out of the site, so they become links to the repository
at `git-repository-url`. Without a repository they become text that names the file.
"""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "target" / "book"
OUT_OF_DOCS = re.compile(r"\[(?P<text>[^\[\]]+)\]\(\.\./(?P<file>[^)\s#]+)(?P<heading>#[^)\s]*)?\)")


def preprocess(source: str) -> str:
    """Answer mdBook: take its context and its book, and return the book with links to the repository."""
    context, book = json.loads(source)
    repository = context["config"]["output"]["html"].get("git-repository-url")

    def outside(link: re.Match) -> str:
        text, file = link["text"], link["file"]
        if repository:
            return f"[{text}]({repository.rstrip('/')}/blob/HEAD/{file}{link['heading'] or ''})"
        is_named = file.removesuffix("README.md").rstrip("/") in text
        return text if is_named else f"{text} (`{file}`)"

    def visit(items: list) -> None:
        for item in items:
            if isinstance(item, dict) and (chapter := item.get("Chapter")):
                chapter["content"] = OUT_OF_DOCS.sub(outside, chapter["content"])
                visit(chapter["sub_items"])

    visit(book["items"])
    return json.dumps(book)


class Page(HTMLParser):
    """The ids and the links of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value)
            elif value and (name == "src" or (name == "href" and tag != "base")):
                self.links.append(value)


def dead_links(site: Path) -> list[str]:
    """List the links of a site to its own files, and to headings in them, that lead nowhere."""
    pages = {file: Page(file) for file in site.rglob("*.html")}
    dead = []
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            to = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            lost = parts.fragment and to in pages and unquote(parts.fragment) not in pages[to].ids
            if not to.exists() or lost:
                dead.append(f"{file.relative_to(site)}: {link}")
    return dead


def build(mdbook: str, repository: str | None) -> int:
    """Build the site. Return the exit code."""
    chosen = {"MDBOOK_OUTPUT__HTML__GIT_REPOSITORY_URL": repository} if repository else {}
    done = subprocess.run(
        [mdbook, "build", ROOT / "docs"],
        env={**os.environ, **chosen},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0 or re.search(r"\b(WARN|ERROR)\b", done.stdout):
        print(done.stdout, file=sys.stderr)
        return 1
    if dead := dead_links(BUILT):
        print("these links lead nowhere:", *dead, sep="\n  ", file=sys.stderr)
        return 1
    print(f"{BUILT.relative_to(ROOT)}/index.html: {len(list(BUILT.glob('*.html')))} pages")
    return 0


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["preprocess"]:
        # mdBook first asks whether the preprocessor supports its output (`supports html`): it supports each.
        if arguments[1:2] != ["supports"]:
            print(preprocess(sys.stdin.read()))
        return 0
    return build(arguments[0], arguments[1] if arguments[1:] and arguments[1] else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
