"""An RTF document's text put into paragraphs, items, tables and notes as their ends come.

Takes text and the ends of paragraphs, cells, rows and notes, gives a `Page`. Knows none of RTF's words.
"""

from __future__ import annotations

import re

from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose
from rag.records import Page

_LONGEST_CELL = 1000  # characters; a table with longer cells lays out a page
_NUMBERED = re.compile(r"[\w.()]*\w[\w.()]*")


class RtfPage:
    """The page while it grows."""

    def __init__(self) -> None:
        self._page = PageText()
        self._text: list[str] = []
        self._mark: list[str] = []
        self._note: list[str] = []
        self._notes: list[str] = []
        self._cell: list[str] = []
        self._row: list[str] = []
        self._rows: list[list[str]] = []
        self._has_header = False

    @property
    def empty(self) -> bool:
        return self._page.empty

    def page(self) -> Page:
        return self._page.page()

    def add(self, text: str) -> None:
        """Text of the paragraph that is open."""
        self._text.append(text)

    def add_to_mark(self, text: str) -> None:
        """Text of a list item's bullet or number."""
        self._mark.append(text)

    def add_to_note(self, text: str) -> None:
        """Text of the footnote that is open."""
        self._note.append(text)

    def end_note(self) -> None:
        """The footnote is complete; notes stand below the text."""
        self._notes.append(_joined(self._note))

    def end_paragraph(self, level: int | None, *, in_table: bool) -> None:
        """The paragraph is complete; `level` is that of a heading."""
        if in_table:
            self._cell.append(self._words())
            return
        mark, text = _joined(self._mark).strip(), _joined(self._text)
        if self._row or self._rows:
            if not text.strip():
                return  # an empty paragraph among rows
            self._end_table()
        if level:
            self._page.heading(level, f"{mark} {text}")
        elif mark:
            self._page.item(text, mark=mark if _NUMBERED.fullmatch(mark) else "-")
        else:
            self._page.paragraph(text)

    def end_cell(self) -> None:
        """The cell is complete."""
        self._cell.append(self._words())
        self._row.append(" ".join(filter(None, self._cell)))
        self._cell.clear()

    def end_row(self) -> None:
        """The row is complete."""
        if self._row:
            self._rows.append(self._row)
            self._row = []

    def header_row(self) -> None:
        """The row to come is said again on every page, so it names the columns."""
        self._has_header = self._has_header or not self._rows

    def end_document(self) -> None:
        """Nothing comes any more."""
        if any(self._text):
            self.end_paragraph(None, in_table=bool(self._row or self._cell))
        if self._cell:
            self.end_cell()
        self.end_row()
        self._end_table()
        for note in self._notes:
            self._page.paragraph(note)

    def _words(self) -> str:
        """The open paragraph on one line, its mark before it."""
        return clean_prose(f"{_joined(self._mark)} {_joined(self._text)}")

    def _end_table(self) -> None:
        self.end_row()
        rows, self._rows = [row for row in self._rows if any(row)], []
        header, self._has_header = self._has_header, False
        widest = max(map(len, rows), default=0)
        if widest < 2 or any(len(cell) > _LONGEST_CELL for row in rows for cell in row):
            for cell in (cell for row in rows for cell in row):
                self._page.paragraph(cell)
        else:
            self._page.table(rows, header=True if header else None)


def _joined(parts: list[str]) -> str:
    """The text, characters beyond 16 bits whole again; the parts are used up."""
    text = "".join(parts)
    parts.clear()
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
