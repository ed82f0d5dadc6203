"""What ODT, ODS and ODP have in common: the archive, its styles, and text as paragraphs, lists and tables.

Takes an archive, gives its title, its content's root and what its styles say; `TextReader` adds the text of
any element to a page. Refuses what is protected by a password. Comments, deleted text and tables of contents
are left out, hidden text is left out and counted. Knows neither documents, sheets nor slides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose, hidden_tags
from ingest.parse.open_xml import titled, whole
from ingest.parse.word_styles import child, local, value
from rag.errors import CorruptSource, EncryptedSource

CONTENT = "content.xml"
_MANIFEST = "META-INF/manifest.xml"
_LEFT_OUT = frozenset(
    (
        "tracked-changes", "annotation", "annotation-end", "table-of-content", "illustration-index",
        "table-index", "object-index", "user-index", "alphabetical-index", "sequence-decls", "forms",
        "ruby-text", "note-citation", "script", "desc", "title", "variable-decls", "user-field-decls",
    )
)  # fmt: skip
_APART = frozenset(
    ("note", "frame", "text-box", "custom-shape", "g", "table")
)  # stands in a paragraph, is none
_LONGEST_CELL = 1000  # characters; a table with longer cells lays out a page
_MOST_REPEATED = 100  # spaces, columns
_DEEPEST_STYLE = 20


def opened(archive: Archive) -> None:
    """Raises `EncryptedSource` or `CorruptSource` where the archive's content can't be read."""
    if _MANIFEST in archive.names and b"encryption-data" in archive.read(_MANIFEST):
        raise EncryptedSource(
            "the document is protected by a password; save a copy without one and ingest that"
        )
    if CONTENT not in archive.names:
        raise CorruptSource(f"the archive holds no {CONTENT}, so it is no OpenDocument file")


def meta_title(archive: Archive) -> str | None:
    """The title in the document's properties."""
    if "meta.xml" not in archive.names:
        return None
    return titled(archive, "meta.xml")


def body_of(root: Any, kind: str) -> Any:
    """The element `office:text`, `office:spreadsheet` or `office:presentation`."""
    body = child(child(root, "body"), kind)
    if body is None:
        raise CorruptSource(f"{CONTENT} in the file holds no office:{kind}")
    return body


@dataclass(slots=True)
class Styles:
    """What the styles say that matters here, by their names."""

    hidden: set[str] = field(default_factory=set)  # of text, and of tables and slides that are not shown
    numbered: dict[str, dict[int, int]] = field(default_factory=dict)  # list style -> level -> first number
    titles: set[str] = field(default_factory=lambda: {"Title"})

    def add(self, root: Any) -> None:
        """The styles in `content.xml` or `styles.xml`."""
        for element in root.iter("{*}style", "{*}list-style"):
            name = value(element, "name") or ""
            if local(element) == "list-style":
                self.numbered[name] = {
                    level: whole(value(kind, "start-value"), 1)
                    for kind in element
                    if local(kind) == "list-level-style-number"
                    and value(kind, "num-format")
                    and (level := whole(value(kind, "level"), 0))
                }
                continue
            if value(element, "parent-style-name") in self.titles:
                self.titles.add(name)
            if any(_hides(properties) for properties in element):
                self.hidden.add(name)


def _hides(properties: Any) -> bool:
    return value(properties, "display") in ("none", "false") or value(properties, "visibility") == "hidden"


class TextReader:
    """Adds text to a page; notes are kept until `add_notes`."""

    def __init__(self, styles: Styles, page: PageText) -> None:
        self.page = page
        self.hidden = 0
        self.title: str | None = None
        self._styles = styles
        self._notes: list[Any] = []
        self._counts: dict[str, int] = {}

    def add(self, element: Any, *, list_style: str = "", depth: int = 0) -> None:
        """What the element holds: paragraphs, headings, lists, tables, boxes."""
        for inner in element:
            kind = local(inner)
            if kind in _LEFT_OUT or (kind == "section" and value(inner, "display") == "none"):
                continue
            if kind in ("p", "h"):
                self._add_paragraph(inner)
            elif kind == "list":
                self._add_list(inner, list_style, depth)
            elif kind == "table":
                self._add_table(inner)
            elif kind == "note":
                self._notes.append(inner)
            else:
                self.add(inner, list_style=list_style, depth=depth)

    def add_notes(self) -> None:
        """The footnotes and endnotes met so far."""
        notes, self._notes = self._notes, []
        for note in notes:
            if (body := child(note, "note-body")) is not None:
                self.add(body)

    def text(self, paragraph: Any) -> str:
        """A paragraph's own words, on one line."""
        text = "".join(self._pieces(paragraph))
        self.hidden += hidden_tags(text)
        return text

    def cell_text(self, cell: Any) -> str:
        """All words in a table's cell, on one line."""
        paragraphs = (inner for inner in cell.iter("{*}p", "{*}h") if not _in_comment(inner, cell))
        return clean_prose(" ".join(map(self.text, paragraphs)))

    def _pieces(self, element: Any) -> Iterator[str]:
        if value(element, "style-name") in self._styles.hidden or local(element) == "hidden-text":
            self.hidden += len("".join(element.itertext()))
            return
        yield element.text or ""
        for inner in element:
            kind = local(inner)
            if kind == "s":
                yield " " * min(whole(value(inner, "c"), 1), _MOST_REPEATED)
            elif kind in ("tab", "line-break"):
                yield " "
            elif kind not in _LEFT_OUT and kind not in _APART:
                yield from self._pieces(inner)
            yield inner.tail or ""

    def _add_paragraph(self, paragraph: Any) -> None:
        text = self.text(paragraph)
        is_title = value(paragraph, "style-name") in self._styles.titles
        if is_title and self.title is None and text.strip():
            self.title = clean_prose(text)
        if local(paragraph) == "h" or is_title:
            self.page.heading(whole(value(paragraph, "outline-level"), 1), text)
        else:
            self.page.flow(text)
        for inner in paragraph.iter():
            if local(inner) in _APART and _holder(inner, paragraph) is paragraph:
                self._add_apart(inner)

    def _add_apart(self, element: Any) -> None:
        if local(element) == "note":
            self._notes.append(element)
        elif local(element) == "table":
            self._add_table(element)
        else:
            self.add(element)

    def _add_list(self, element: Any, style: str, depth: int) -> None:
        style = value(element, "style-name") or style
        first = self._styles.numbered.get(style, {}).get(depth + 1)
        if first is not None and value(element, "continue-numbering") == "true":
            first = self._counts.get(style, first)
        self.page.open_list(first)
        for item in element:
            if local(item) == "list-item":
                self.page.open_item()
                first = first + 1 if first is not None else None
            self.add(item, list_style=style, depth=depth + 1)
        if first is not None:
            self._counts[style] = first
        self.page.close_list()

    def _add_table(self, table: Any) -> None:
        hidden_before = self.hidden
        rows = table_rows(table, self.cell_text)
        widest = max((len(row) for row in rows), default=0)
        if widest < 2 or any(len(cell) > _LONGEST_CELL for row in rows for cell in row):
            self.hidden = hidden_before  # its paragraphs are read again, one by one
            for cell in table.iter("{*}table-cell"):
                if _table_of(cell) is table:
                    self.add(cell)
            return
        has_header = next(table.iter("{*}table-header-rows"), None) is not None
        self.page.table(rows, header=True if has_header and len(rows) > 1 else None)


def table_rows(table: Any, text_of: Any) -> list[list[str]]:
    """The rows of a table in a text or on a slide; a cell over several rows is said in each."""
    rows: list[list[str]] = []
    open_cells: dict[int, tuple[int, str]] = {}  # column -> how many rows it goes on for, what it says
    for row in table.iter("{*}table-row"):
        if _table_of(row) is not table:
            continue
        cells: list[str] = []
        for cell in row:
            kind = local(cell)
            repeated = _count(cell, "number-columns-repeated")
            if kind == "covered-table-cell":
                for _ in range(repeated):
                    left, said = open_cells.get(len(cells), (0, ""))
                    open_cells[len(cells)] = (left - 1, said)
                    cells.append(said if left > 0 else "")
            elif kind == "table-cell":
                text = text_of(cell)
                open_cells[len(cells)] = (_count(cell, "number-rows-spanned") - 1, text)
                cells += [text] * repeated
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            rows.append(cells)
    return rows


def _count(element: Any, name: str) -> int:
    return max(1, min(whole(value(element, name), 1), _MOST_REPEATED))


def _table_of(element: Any) -> Any:
    """The table that a row or cell belongs to."""
    return next((above for above in element.iterancestors() if local(above) == "table"), None)


def _holder(element: Any, outermost: Any) -> Any:
    """The nearest element above that stands by itself: a box, a note, or the paragraph itself."""
    above = element.getparent()
    while above is not outermost and local(above) not in _APART and local(above) not in _LEFT_OUT:
        above = above.getparent()
    return above


def _in_comment(element: Any, outermost: Any) -> bool:
    above = element.getparent()
    while above is not outermost:
        if local(above) in _LEFT_OUT:
            return True
        above = above.getparent()
    return False
