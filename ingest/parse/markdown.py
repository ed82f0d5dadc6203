"""Markdown (CommonMark with tables) -> a Document of one page, as a reader sees it.

Links are their words, emphasis its words, comments and images nothing; headings, lists, tables and code
keep their form. HTML blocks go through the HTML parser. Front matter's lines stay, its title is the
document's. Does not fetch anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.parse.blocks import PageText
from ingest.parse.clean import clean, clean_prose, joined
from ingest.parse.decode import decode_told
from ingest.parse.html import add_fragment
from rag.errors import EmptySource
from rag.records import Document

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_DEEPEST = 100  # levels of tokens; a list takes two
_TITLE = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE | re.IGNORECASE)


def parse(data: bytes, name: str) -> Document:
    """The text of `data` without its markup."""
    decoded, warnings = decode_told(data)
    text = clean(decoded)
    page, title = PageText(), None
    if front := _FRONT_MATTER.match(text):
        page.verbatim(front.group(1))
        title = clean_prose(found.group(2)) if (found := _TITLE.search(front.group(1))) else None
        text = text[front.end() :]
    if warning := add_markdown(page, text):
        warnings.append(warning)
    if page.empty:
        raise EmptySource("the file holds no text")
    made = page.page()
    if title is None and made.headings and made.headings[0].level == 1:
        title = made.headings[0].text
    return Document("text/markdown", (made,), title, tuple(warnings))


def add_markdown(page: PageText, text: str) -> str | None:
    """Adds what a reader sees of some Markdown to a page being put together; gives a warning or None."""
    tokens = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table").parse(text)
    if max((token.level for token in tokens), default=0) > _DEEPEST - 4:  # it drops what lies deeper
        page.verbatim(text)
        return f"lists or quotes are nested deeper than {_DEEPEST // 2}; it was read as plain text"
    _Renderer(page).add(tokens)
    return None


class _Renderer:
    """Walks block tokens in order and tells the page what they are."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._rows: list[list[str]] | None = None
        self._heading = 0

    def add(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            match token.type:
                case "heading_open":
                    self._heading = int(token.tag[1:])
                case "inline":
                    self._add_inline(_inline_text(token))
                case "fence" | "code_block":
                    self._page.verbatim(token.content)
                case "html_block":
                    add_fragment(self._page, token.content)
                case "bullet_list_open":
                    self._page.open_list()
                case "ordered_list_open":
                    self._page.open_list(int(token.attrs.get("start", 1)))
                case "bullet_list_close" | "ordered_list_close":
                    self._page.close_list()
                case "list_item_open":
                    self._page.open_item()
                case "table_open":
                    self._rows = []
                case "tr_open" if self._rows is not None:
                    self._rows.append([])
                case "table_close":
                    self._page.table(self._rows or [], header=True)
                    self._rows = None

    def _add_inline(self, text: str) -> None:
        if self._rows is not None:
            self._rows[-1].append(text)
        elif self._heading:
            self._page.heading(self._heading, text)
            self._heading = 0
        else:
            self._page.flow(text)


def _inline_text(token: Token) -> str:
    """What is read: the words of links, emphasis and code, and of images that are no link's badge."""
    text, line, links = "", "", 0
    for child in token.children or ():
        match child.type:
            case "text" | "code_inline":
                line += child.content
            case "softbreak" | "hardbreak":
                text, line = joined(text, line), ""
            case "html_inline" if child.content.startswith(("<br", "<BR")):
                line += " "
            case "link_open":
                links += 1
            case "link_close":
                links -= 1
            case "image" if not links and " " in child.content:
                line += child.content
    return joined(text, line)
