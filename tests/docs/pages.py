"""Reads the committed Markdown: headings, links, and blocks of code."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

import places

ROOT = places.ROOT
# What GitHub renders: CommonMark and tables.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# The comment before a block that no test runs or loads: `<!-- not run: why -->`.
NOT_RUN = re.compile(r"<!-- not run: (?P<why>[^\n]+?) -->")


@dataclass(frozen=True)
class Link:
    """A link or an image of a page."""

    page: Path
    line: int
    target: str
    is_image: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}: {self.target}"


@dataclass(frozen=True)
class Block:
    """A fenced block of code. `why_not` says why no test runs or loads it; None if one does."""

    page: Path
    line: int
    language: str
    text: str
    why_not: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def committed(pattern: str = "*.md") -> list[Path]:
    """List the files of the repository that match a pattern of git, new ones that are not ignored included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()})


def documentation() -> list[Path]:
    """List the README and the pages of the book."""
    return [ROOT / "README.md", *committed("docs/*.md")]


@cache
def tokens(page: Path) -> list[Token]:
    return MARKDOWN.parse(page.read_text())


def inline(page: Path):
    """Yield each inline token of a page with the line at which its block begins."""
    for token in tokens(page):
        if token.type == "inline":
            for child in token.children or []:
                yield token.map[0] + 1, child


def links(page: Path) -> list[Link]:
    found = []
    for line, token in inline(page):
        target = {"link_open": "href", "image": "src"}.get(token.type)
        if target:
            found.append(Link(page, line, str(token.attrs[target]), token.type == "image"))
    return found


def slug(heading: str) -> str:
    """Make the anchor of a heading as GitHub does: its words in lower case, with `-` for each space."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    """List the anchors of a page's headings. Equal headings get `-1`, `-2` and so on."""
    seen: dict[str, int] = {}
    found = set()
    for before, token in zip(tokens(page), tokens(page)[1:], strict=False):
        if before.type == "heading_open":
            text = "".join(child.content for child in token.children if child.type in ("text", "code_inline"))
            anchor = slug(text)
            found.add(f"{anchor}-{seen[anchor]}" if anchor in seen else anchor)
            seen[anchor] = seen.get(anchor, 0) + 1
    return frozenset(found)


def blocks(page: Path) -> list[Block]:
    """List the fenced blocks of a page. A comment `<!-- not run: why -->` belongs to the next block."""
    found, why_not = [], None
    for token in tokens(page):
        if token.type == "html_block" and (comment := NOT_RUN.search(token.content)):
            why_not = comment["why"]
        elif token.type == "fence":
            found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content, why_not))
            why_not = None
        elif token.nesting >= 0 and token.level == 0 and token.type != "inline":
            why_not = None
    return found
