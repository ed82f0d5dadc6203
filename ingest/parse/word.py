"""Word's DOCX (and DOCM, DOTX: the same inside) -> a Document of one page; a DOCX has no pages until printed.

Takes the archive's bytes and reads the XML parts itself: headings by style or outline level, lists with
their numbers, tables by rows, formulas in a line, footnotes and endnotes at the end, text boxes where they
are anchored. Deleted and hidden text, comments, tables of contents, headers and footers are left out.
Elements are known by their local names, so that the strict variant of the standard (ISO/IEC 29500) reads the
same. No macro, field or link is followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lxml import etree

from ingest.parse.archive import Archive
from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose, hidden_tags
from ingest.parse.word_math import linear
from ingest.parse.word_styles import Numbering, Styles, child, local, value
from rag.errors import CorruptSource, EmptySource
from rag.records import Document

MAIN_PART = re.compile(r"word/document\d*\.xml")
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_NOT_READ = frozenset(
    ("del", "moveFrom", "Fallback", "sectPr", "pPr", "rPr", "tblPr", "instrText", "delText")
)
_LONGEST_CELL = 1000  # characters; a table with longer cells lays out a page
_MOST_SPANNED = 100  # columns that one cell may span


def parse(data: bytes, name: str) -> Document:
    """The document's text."""
    archive = Archive(data)
    main = next(filter(MAIN_PART.fullmatch, sorted(archive.names)), None)
    if main is None:
        raise CorruptSource("the archive holds no word/document.xml, so it is no Word document")
    folder = main.rpartition("/")[0]
    reader = _Reader(archive, folder)
    reader.add(archive.xml(main))
    for notes in (f"{folder}/footnotes.xml", f"{folder}/endnotes.xml"):
        if notes in archive.names:
            reader.add_notes(archive.xml(notes))
    if reader.page.empty:
        raise EmptySource("the document holds no text; pictures of text need OCR")
    page = reader.page.page()
    title = _title(archive) or reader.title or next((h.text for h in page.headings if h.level == 1), None)
    warnings: tuple[str, ...] = ()
    if reader.hidden:
        warnings = (
            f"{reader.hidden} characters that no screen shows (hidden text, Unicode tags) were left out",
        )
    return Document(MEDIA_TYPE, (page,), title, warnings)


def _title(archive: Archive) -> str | None:
    if "docProps/core.xml" not in archive.names:
        return None
    title = next((e for e in archive.xml("docProps/core.xml").iter() if local(e) == "title"), None)
    return clean_prose(title.text or "") or None if title is not None else None


class _Reader:
    """Goes through the document's elements without recursion."""

    def __init__(self, archive: Archive, folder: str) -> None:
        self.page = PageText()
        self.title: str | None = None
        self.hidden = 0
        self._styles = Styles(_optional(archive, f"{folder}/styles.xml"))
        self._numbering = Numbering(_optional(archive, f"{folder}/numbering.xml"))

    def add(self, root: Any) -> None:
        walk = etree.iterwalk(root, events=("start",))
        for _, element in walk:
            kind = local(element)
            if kind in _NOT_READ:
                walk.skip_subtree()
            elif kind == "p":
                self._add_paragraph(element)  # and on into it, for the text boxes anchored there
            elif kind == "tbl" and (rows := self._data_rows(element)):
                self.page.table([row.cells for row in rows], header=True if rows[0].repeats else None)
                walk.skip_subtree()

    def add_notes(self, root: Any) -> None:
        for note in root:
            if value(note, "type") is None:  # the others are the lines that set notes off
                self.add(note)

    def _add_paragraph(self, paragraph: Any) -> None:
        text = self._text(paragraph)
        if not text.strip():
            return
        style = self._styles.of(paragraph)
        if style.is_contents:
            return
        if style.is_title and self.title is None:
            self.title = clean_prose(text)
        if style.heading:
            self.page.heading(style.heading, text)
        elif style.numbering and (mark := self._numbering.next_mark(*style.numbering)):
            self.page.item(text, mark=mark, depth=style.numbering[1])
        else:
            self.page.paragraph(text)

    def _data_rows(self, table: Any) -> list[_Row]:
        """The rows of a table of data; none for one that only lays out a page."""
        hidden_before = self.hidden
        rows = [self._row(row) for row in _rows_of(table)]
        rows = [row for row in rows if any(row.cells)]
        for above, row in pairwise(rows):
            for column in row.merged:
                if column < len(above.cells):
                    row.cells[column] = above.cells[column]  # a cell over several rows is said in each
        widest = max((len(row.cells) for row in rows), default=0)
        if widest < 2 or any(len(cell) > _LONGEST_CELL for row in rows for cell in row.cells):
            self.hidden = hidden_before  # its paragraphs are read again, one by one
            return []
        return rows

    def _row(self, row: Any) -> _Row:
        cells: list[str] = []
        merged: list[int] = []
        for cell in (element for element in row.iter() if local(element) == "tc" and _owner(element) is row):
            properties = child(cell, "tcPr")
            merge = child(properties, "vMerge")
            if merge is not None and value(merge) != "restart":
                merged.append(len(cells))
            span = value(child(properties, "gridSpan")) or "1"
            cells.append(clean_prose(" ".join(map(self._text, _inside(cell, "p")))))
            cells += [""] * (min(int(span), _MOST_SPANNED) - 1 if span.isdecimal() else 0)
        return _Row(cells, merged, child(child(row, "trPr"), "tblHeader") is not None)

    def _text(self, paragraph: Any) -> str:
        """A paragraph's own words, not those of text boxes anchored in it."""
        parts: list[str] = []
        walk = etree.iterwalk(paragraph, events=("start",))
        for _, element in walk:
            kind = local(element)
            if kind in _NOT_READ or kind == "txbxContent":
                walk.skip_subtree()
            elif kind == "r" and _vanishes(element):
                self.hidden += len("".join(element.itertext()))
                walk.skip_subtree()
            elif kind == "oMath":
                parts.append(linear(element))
                walk.skip_subtree()
            elif kind == "t":
                parts.append(element.text or "")
            elif kind in ("tab", "br", "cr"):
                parts.append(" ")
            elif kind == "noBreakHyphen":
                parts.append("-")
        text = "".join(parts)
        self.hidden += hidden_tags(text)
        return text


@dataclass(frozen=True, slots=True)
class _Row:
    cells: list[str]
    merged: list[int]  # columns that go on from the row above
    repeats: bool  # on every page, so it names the columns


def _optional(archive: Archive, name: str) -> Any:
    return archive.xml(name) if name in archive.names else None


def _rows_of(table: Any) -> Iterator[Any]:
    return (element for element in table.iter() if local(element) == "tr" and _owner(element) is table)


def _owner(element: Any) -> Any:
    """The table of a row, the row of a cell: the nearest ancestor that is no wrapper."""
    parent = element.getparent()
    while parent is not None and local(parent) in ("sdt", "sdtContent", "customXml", "ins", "smartTag"):
        parent = parent.getparent()
    return parent


def _inside(element: Any, kind: str) -> Iterator[Any]:
    return (inner for inner in element.iter() if local(inner) == kind)


def _vanishes(run: Any) -> bool:
    vanish = child(child(run, "rPr"), "vanish")
    return vanish is not None and value(vanish) not in ("0", "false", "off")
