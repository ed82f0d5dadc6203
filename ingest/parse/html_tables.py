"""Tables of an HTML tree -> rows of cells.

Tells tables of data from those that only lay a page out, and spreads cells that span columns and rows, so
that every cell stands in its own column. Knows nothing of the page around.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ingest.parse.clean import clean_prose

_MOST_SPANNED = 100  # columns or rows that one cell may span
_LONGEST_CELL = 1000  # characters; a table with longer cells lays out a page


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one width; `header` says whether the first one names the columns, None: unknown."""

    rows: list[list[str]]
    header: bool | None
    caption: str


def read_table(table: Any, hidden: Callable[[Any], bool]) -> Table | None:
    """What a table says; None for one that holds another table, one column or long text."""
    if table.find(".//table") is not None:
        return None
    elements = [
        [cell for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr") if not hidden(row)
    ]
    elements = [row for row in elements if row]
    rows = _spread([[(_text(cell, hidden), cell) for cell in row] for row in elements])
    if not rows or max(map(len, rows)) < 2 or max(len(cell) for row in rows for cell in row) > _LONGEST_CELL:
        return None
    caption = table.find("caption")
    return Table(rows, _has_header(elements), _text(caption, hidden) if caption is not None else "")


def _has_header(elements: list[list[Any]]) -> bool | None:
    """What the markup says of the first row; None where it marks no cell at all."""
    if all(cell.tag == "th" for cell in elements[0]) or elements[0][0].getparent().getparent().tag == "thead":
        return True
    return False if any(cell.tag == "th" for row in elements for cell in row) else None


def _spread(rows: list[list[tuple[str, Any]]]) -> list[list[str]]:
    """Each text into its own column; a cell over several rows is said again in each of them."""
    spread: list[list[str]] = []
    held: dict[int, tuple[str, int]] = {}  # column -> text and how many more rows it reaches into
    for row in rows:
        line: list[str] = []
        coming: dict[int, tuple[str, int]] = {}
        cells = iter(row)
        while True:
            if len(line) in held:
                text, more = held.pop(len(line))
                if more > 1:
                    coming[len(line)] = (text, more - 1)
                line.append(text)
            elif (cell := next(cells, None)) is not None:
                _place(line, coming, *cell)
            else:
                break
        spread.append(line)
        held = coming
    return spread


def _place(line: list[str], coming: dict[int, tuple[str, int]], text: str, cell: Any) -> None:
    down = _number(cell.get("rowspan"))
    for offset in range(_number(cell.get("colspan"))):
        # a name over several columns names each of them; a value is said once
        shown = text if offset == 0 or cell.tag == "th" else ""
        if down > 1:
            coming[len(line)] = (shown, down - 1)
        line.append(shown)


def _number(value: str | None) -> int:
    """A span as its attribute gives it."""
    return min(max(int(value), 1), _MOST_SPANNED) if value and value.strip().isdigit() else 1


def _text(cell: Any, hidden: Callable[[Any], bool]) -> str:
    parts: list[str] = []
    walk = etree.iterwalk(cell, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            if element is not cell:
                parts.append(" " if element.tag in ("p", "div", "li", "br") else "")
                parts.append(element.tail or "")
        elif hidden(element):
            walk.skip_subtree()
        else:
            parts.append(element.text or "")
    return clean_prose("".join(parts))
