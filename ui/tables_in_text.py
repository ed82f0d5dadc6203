"""Tables within running text, as Word, Markdown, web pages and PDFs have them, back into tables.

Takes a page's pieces and its text, where a table's rows are lines such as `Name: Ann | Age: 7`; gives the
pieces with each such table in one of its own. No letter is lost: a table's piece has its text too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ui.marked_text import PagePiece
from ui.page_table import BAR, NumberedLine, page_tables

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FEWEST_ROWS = 2
_MOST_CELLS = 12  # more are dots that lead to a page's number, or a line drawn with bars


def with_tables(pieces: Sequence[PagePiece], low: int, text: str, start: int, end: int) -> list[PagePiece]:
    """The pieces, which are `text` from `low` on, with tables; cells from `start` to `end` are marked."""
    high = low + sum(len(piece.text) for piece in pieces)
    runs = list(_runs(text, low, high))
    found: list[PagePiece] = []
    offset = low
    for piece in pieces:
        at, offset = offset, offset + len(piece.text)
        for first, last in runs:
            if last <= at or first >= offset:
                continue
            if at < first:
                found.append(replace(piece, text=text[at:first]))
            if at <= first:
                found.append(_table(text[first:last], start - first, end - first))
            at = min(last, offset)
        if at < offset:
            found.append(replace(piece, text=text[at:offset]))
    return found


def _runs(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Where lines with cells follow each other: from the first one's beginning to the end of the last."""
    rows, begun, offset = 0, low, low
    for line in [*_LINE.findall(text[low:high]), ""]:
        whole = offset == 0 or text[offset - 1] == "\n"
        if whole and BAR in line and line.count(BAR) < _MOST_CELLS:
            begun = begun if rows else offset
            rows += 1
        else:
            if rows >= _FEWEST_ROWS:
                yield begun, offset
            rows = 0
        offset += len(line)


def _table(text: str, start: int, end: int) -> PagePiece:
    lines, offset = [], 0
    for line in text.split("\n"):
        lines.append(NumberedLine(0, offset, line))
        offset += len(line) + 1
    return PagePiece(text, marked=False, level=0, tables=tuple(page_tables(text, lines, start, end)))
