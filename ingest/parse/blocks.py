"""Puts a page's text together from headings, paragraphs, list items, tables and code, and keeps offsets.

Takes pieces of text in reading order, gives a `Page`. Blocks are a blank line apart, list items and table
rows a line; a paragraph is one line, so a sentence never has a line end in it. Who adds a text may say which
lines of the file it was; these go along. Knows no format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.parse.clean import clean_lines, clean_prose
from rag.records import Heading, LineMark, Page

DEEPEST_LEVEL = 6
_DEEPEST_LIST = 6  # levels that are indented
_LONGEST_HEADER_CELL = 60  # characters; a cell that is longer is no column's name
_NUMERIC = re.compile(r"[\s\d.,:%+\-–—/()€$£¥]*")


class PageText:
    """One page being put together."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._lines: list[LineMark] = []
        self._group: str | None = None
        self._lists: list[int | None] = []  # the next number of each open list; None: bullets
        self._mark = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was added that can be read."""
        return not self._parts

    def heading(self, level: int, text: str, *, line: int = 0) -> None:
        """A heading on a line of its own; nothing is added for an empty one."""
        cleaned = clean_prose(text)
        if cleaned:
            start = self._add(cleaned, lines=(LineMark(0, line),) if line else ())
            kept = min(max(level, 1), DEEPEST_LEVEL)
            self._headings.append(Heading(kept, start, start + len(cleaned), cleaned))

    def paragraph(self, text: str, *, lines: Sequence[LineMark] = ()) -> None:
        """Running text, made one line."""
        cleaned = clean_prose(text)
        self._add(cleaned, lines=_kept(lines, text, cleaned))

    def open_list(self, first_number: int | None = None) -> None:
        """The items to come are numbered from `first_number`, or have bullets."""
        self._lists.append(first_number)

    def open_item(self) -> None:
        """The next text added by `flow` begins an item of the innermost open list."""
        number = self._lists[-1] if self._lists else None
        self._mark = "-" if number is None else f"{number}."
        if number is not None:
            self._lists[-1] = number + 1

    def close_list(self) -> None:
        """Ends the innermost list."""
        self._mark = ""
        if self._lists:
            self._lists.pop()
        if not self._lists:
            self._group = None  # what comes next is another list

    def flow(self, text: str) -> None:
        """A paragraph, or the item that `open_item` announced."""
        if self._mark and text.strip():
            self.item(text, mark=self._mark, depth=max(0, min(len(self._lists), _DEEPEST_LIST) - 1))
            self._mark = ""
        else:
            self.paragraph(text)

    def item(self, text: str, *, mark: str = "-", depth: int = 0, lines: Sequence[LineMark] = ()) -> None:
        """A list item on a line of its own, directly below the one before."""
        cleaned = clean_prose(text)
        if cleaned:
            before = "  " * depth + f"{mark} "
            moved = [LineMark(start + len(before), line) for start, line in _kept(lines, text, cleaned)]
            moved[:1] = [LineMark(0, first.line) for first in moved[:1]]
            self._add(before + cleaned, group="list", lines=moved)

    def verbatim(self, text: str, *, lines: Sequence[LineMark] = ()) -> None:
        """Text whose lines and spaces matter, such as code."""
        cleaned = clean_lines(text)
        self._add(cleaned, lines=_kept(lines, text, cleaned))

    def table(self, rows: Sequence[Sequence[str]], *, header: bool | None = None) -> None:
        """One line a row, each cell with its column's name before it where the first row names them."""
        self._group = None
        for line in table_lines(rows, header=header):
            self._add(line, group="table")
        self._group = None

    def page(self, number: int = 1, *, label: str | None = None) -> Page:
        """What was added, as a page."""
        return Page(number, "".join(self._parts), tuple(self._headings), label, lines=tuple(self._lines))

    def _add(self, text: str, *, group: str | None = None, lines: Sequence[LineMark] = ()) -> int:
        """Appends a block, on the next line if it goes with the one before; returns where it starts."""
        if not text:
            return self._length
        if self._parts:
            self._parts.append("\n" if group is not None and group == self._group else "\n\n")
            self._length += len(self._parts[-1])
        self._group = group
        self._parts.append(text)
        start, self._length = self._length, self._length + len(text)
        self._lines += [LineMark(start + offset, line) for offset, line in lines]
        return start


def _kept(lines: Sequence[LineMark], text: str, cleaned: str) -> Sequence[LineMark]:
    """Those of a text's lines that hold for what cleaning left of it; without any change, all."""
    return lines if text == cleaned else [LineMark(0, mark.line) for mark in lines[:1]]


def table_lines(rows: Sequence[Sequence[str]], *, header: bool | None = None) -> list[str]:
    """Each row as `Column: cell | Column: cell`, so that a row says by itself what it says.

    `header` says whether the first row names the columns; None: it does if it looks so. Without names, the
    cells alone, `cell | cell`. Empty cells are left out.
    """
    cleaned = [[clean_prose(cell) for cell in row] for row in rows]
    cleaned = [row for row in cleaned if any(row)]
    if not cleaned:
        return []
    names: list[str] = []
    if header or (header is None and _names_columns(cleaned)):
        names, cleaned = cleaned[0], cleaned[1:]
        if not cleaned:
            return [" | ".join(filter(None, names))]
    return [" | ".join(_cells(names, row)) for row in cleaned]


def _cells(names: Sequence[str], row: Sequence[str]) -> list[str]:
    cells = []
    for column, cell in enumerate(row):
        name = names[column] if column < len(names) else ""
        if cell:
            cells.append(f"{name.rstrip(':')}: {cell}" if name and name != cell else cell)
    return cells


def _names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row reads like names: several, short, all different, none of them a number."""
    first = rows[0]
    return (
        len(rows) > 1
        and len(first) > 1
        and all(cell and len(cell) <= _LONGEST_HEADER_CELL for cell in first)
        and len(set(first)) == len(first)
        and not any(_NUMERIC.fullmatch(cell) for cell in first)
    )
