"""HTML and XHTML of any age -> a Document of one page, as a reader sees it.

Takes the bytes as they are: the encoding is the byte order mark's, the meta element's or guessed. Scripts,
styles, navigation, forms' controls and what is hidden by attribute or inline style are left out; headings,
lists, tables and preformatted text keep their form. Nothing is fetched and no entity but HTML's own is
known, because libxml2's HTML parser has no DTDs. Style sheets are not read.
"""

from __future__ import annotations

import codecs
import re
from typing import Any

from lxml import etree

from ingest.parse.blocks import PageText
from ingest.parse.charsets import codec_named
from ingest.parse.clean import clean, clean_prose, hidden_tags
from ingest.parse.decode import decode
from ingest.parse.html_tables import read_table
from rag.errors import CorruptSource, EmptySource
from rag.records import Document

_LEFT_OUT = frozenset(
    """
    script style noscript template nav svg iframe object embed canvas audio video select button
    textarea label input datalist dialog head title
    """.split()  # noqa: SIM905 (a list of forty quoted words is no easier to read)
)
_BLOCKS = frozenset(
    """
    address article aside blockquote body caption center dd details div dl dt fieldset figcaption
    figure footer form header hr legend li main menu ol p pre section summary table tbody td tfoot
    th thead tr ul
    """.split()  # noqa: SIM905 (a list of forty quoted words is no easier to read)
)
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_LINK_OF_THE_PAGE = re.compile(r"headerlink|\bskip")  # what leads around on the page and is no text of it
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})", re.IGNORECASE)
_BREAK = "\n\n\n"  # a line break among inline text, where white space is one space anyway
_META_BYTES = 4096  # the standard says 1024; generators are wordier


def parse(data: bytes, name: str) -> Document:
    """The text of `data` without its markup."""
    decoded, warning = _decode(data)
    warnings = [warning] if warning else []
    if hidden := hidden_tags(decoded):
        warnings.append(f"{hidden} characters that no screen shows (Unicode tags) were left out")
    root, too_deep = _tree(decoded)
    if too_deep:
        warnings.append(too_deep)
    page = PageText()
    if root is not None:
        _Walk(page).add(root)
    if root is None or page.empty:
        raise EmptySource(
            too_deep or "the page holds no text; if a script writes it, save the page from a browser"
        )
    made = page.page()
    title = clean_prose(root.findtext(".//head/title") or "")
    if not title and made.headings:
        title = made.headings[0].text
    return Document("text/html", (made,), title or None, tuple(warnings))


def add_fragment(page: PageText, markup: str) -> None:
    """Adds what a reader sees of a piece of HTML to a page being put together."""
    root, _ = _tree(markup)
    if root is not None:
        _Walk(page).add(root)


def _decode(data: bytes) -> tuple[str, str | None]:
    head = data[:_META_BYTES]
    named = _META_CHARSET.search(head) or _XML_ENCODING.search(head)
    if named and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = codec_named(named.group(1).decode("ascii")) or "utf-8"
        try:
            # whoever could read the name was reading bytes, so it is not UTF-16
            return data.decode("utf-8" if codec == "utf-16" else codec), None
        except (LookupError, UnicodeDecodeError):
            pass  # the name is wrong; the bytes say more
    return decode(data)


def _tree(markup: str) -> tuple[Any, str | None]:
    """The tree, None for nothing at all, and a warning where libxml2 gave up on the depth."""
    text = clean(markup)
    if not text.strip():
        return None, None
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise CorruptSource(f"the page can't be read as HTML: {error.msg}") from error
    limits = parser.error_log.filter_types([etree.ErrorTypes.ERR_RESOURCE_LIMIT])
    return root, f"not all was read: {limits[0].message}" if limits else None


class _Walk:
    """Goes through a tree without recursion, so that depth is no danger."""

    def __init__(self, page: PageText) -> None:
        self._page = page
        self._inline: list[str] = []
        self._heading = 0
        self._preformatted = 0
        self._in_link = 0

    def add(self, root: Any) -> None:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._leave(element)
                self._inline.append(element.tail or "")
            elif is_hidden(element) or self._enter(element):
                walk.skip_subtree()
            else:
                self._inline.append(element.text or "")
        self._flush()

    def _enter(self, element: Any) -> bool:
        """Begins an element; true if it was dealt with as a whole."""
        tag = element.tag
        if tag in _BLOCKS or tag in _HEADINGS:
            self._flush()
        if tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag == "pre":
            self._preformatted += 1
        elif tag in ("ul", "ol", "menu"):
            self._page.open_list(_start(element) if tag == "ol" else None)
        elif tag == "li":
            self._page.open_item()
        elif tag == "br":
            self._break()
        elif tag == "a":
            self._in_link += 1
        elif tag == "img" and not self._in_link and " " in (element.get("alt") or ""):
            self._inline.append(element.get("alt"))
        elif tag == "table" and (table := read_table(element, is_hidden)):
            self._page.paragraph(table.caption)
            self._page.table(table.rows, header=table.header)
            return True
        return False

    def _leave(self, element: Any) -> None:
        tag = element.tag
        if is_hidden(element):
            return
        if tag in _BLOCKS or tag in _HEADINGS:
            self._flush()
        if tag in _HEADINGS:
            self._heading = 0
        elif tag == "pre":
            self._preformatted -= 1
        elif tag in ("ul", "ol", "menu"):
            self._page.close_list()
        elif tag == "a":
            self._in_link -= 1

    def _break(self) -> None:
        """One line break is a space, two are a paragraph's end, as old pages have it."""
        before = next(
            (part for part in reversed(self._inline) if part.strip(" \t\r\n") or part == _BREAK), ""
        )
        if before == _BREAK and not self._preformatted:
            self._flush()
        else:
            self._inline.append("\n" if self._preformatted else _BREAK)

    def _flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        if self._preformatted:
            self._page.verbatim(text)
        elif self._heading:
            self._page.heading(self._heading, text)
        else:
            self._page.flow(text)


def is_hidden(element: Any) -> bool:
    """Whether a reader never sees this element or anything in it."""
    if element.tag in _LEFT_OUT or not isinstance(element.tag, str):
        return True
    attributes = element.attrib
    return bool(attributes) and (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or attributes.get("role") == "navigation"
        or (element.tag == "a" and bool(_LINK_OF_THE_PAGE.search(attributes.get("class", ""))))
        or bool(_HIDDEN_STYLE.search(attributes.get("style", "")))
    )


def _start(numbered_list: Any) -> int:
    value = (numbered_list.get("start") or "").strip()
    return int(value) if value.isdigit() and len(value) < 10 else 1
