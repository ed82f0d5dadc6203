"""Rows of a sheet or a CSV file -> a page's text, one line for each row of the file, empty ones included.

Takes rows in order, each a list of cells as a person sees them; gives lines such as `Region: North | Sales:
120`, so that a row says by itself what it says, and row n is line n of the text. Which row names the columns
is found table by table: titles may stand above it, and several tables below one another. Holds some dozens
of rows at a time. Does not know where the rows come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from ingest.parse.clean import clean_prose
from ingest.parse.column_names import could_be_names, is_name, is_value
from rag.errors import ParserFailed
from rag.records import Heading, Page

MOST_ROWS = 1_048_576  # of a sheet, in every spreadsheet program
MOST_COLUMNS = 16_384
MOST_MEGACHARACTERS = 200  # of one page's text
_LOOKED_AT = 30  # rows at a table's beginning, to find the one that names its columns
_HIGHEST_HEADER = 10  # that row is one of the first so many
_LONGEST_TITLE = 120
_LEAST_FILLED = 0.6  # of the table's width; a row with fewer cells is a title or a note
_MOSTLY = 0.7  # of the cells below a name that tells itself from them by being none of their kind

Merge = tuple[int, int, int, int]  # first row (from 1), first column (from 0), last row, last column


@dataclass(slots=True)
class _Row:
    number: int
    cells: list[str]
    bold: bool = False

    @property
    def filled(self) -> list[int]:
        return [column for column, cell in enumerate(self.cells) if cell]


@dataclass(slots=True)
class _Merges:
    """Merged cells by the row that they begin in, and those that reach into the present row."""

    starting: dict[int, list[Merge]] = field(default_factory=dict)
    open: dict[int, tuple[int, str]] = field(default_factory=dict)  # column -> last row, what it says


class Grid:
    """One sheet's rows on their way to a page.

    `header_rows` are numbers of rows that the file itself says are headers. `merges` of columns make a header
    span them; `merges` of rows say their value in each. `likely_header`: the first row is one unless
    something speaks against it, as in CSV files.
    """

    def __init__(
        self,
        *,
        header_rows: Collection[int] = (),
        merges: Iterable[Merge] = (),
        likely_header: bool = False,
    ) -> None:
        self._header_rows = header_rows
        self._likely = likely_header
        self._merges = _Merges()
        for merge in merges:
            self.merge(merge)
        self._names: list[str] = []
        self._values: set[int] = set()  # columns of the present table that hold numbers or dates
        self._waiting: list[_Row] = []
        self._decided = False
        self._reached = 0  # the last row that came
        self._written = 0  # the last row in the text
        self._pieces: list[str] = []
        self._lines: list[str] = []
        self._length = 0
        self._titles: list[Heading] = []  # lines of the block before that has nothing but them
        self._headings: list[Heading] = []

    def merge(self, merge: Merge) -> None:
        """Cells that are merged; told before the row that they begin in."""
        self._merges.starting.setdefault(merge[0], []).append(merge)

    def add(self, number: int, cells: Sequence[str], *, bold: bool = False) -> None:
        """The row of that number, counted from 1; rows that are left out are empty. `bold`: all its cells."""
        if sum(map(len, cells)) > MOST_MEGACHARACTERS << 20:
            raise _too_large()
        cleaned = list(map(cell_text, cells))
        if not any(cleaned):
            return
        if self._merges.starting or self._merges.open:
            self._spread(number, cleaned)
        if number > self._reached + 1:
            self._end_block()
        self._reached = number
        row = _Row(number, cleaned, bold)
        if self._decided and number not in self._header_rows:
            self._write_row(row)
            return
        if self._decided:
            self._end_block()
        self._waiting.append(row)
        if len(self._waiting) >= _LOOKED_AT:
            self._decide()

    def page(self, number: int, *, label: str | None = None) -> Page:
        """What was added, as a page; a label is also its outermost heading, though no line of it."""
        self._end_block()
        self._pack()
        headings = [Heading(1, 0, 0, label)] if label else []
        return Page(number, "\n".join(self._pieces), (*headings, *self._headings), label)

    @property
    def rows(self) -> int:
        """The last row that had anything in it; the page has as many lines."""
        return self._reached

    # --- tables -------------------------------------------------------------------------------------

    def _end_block(self) -> None:
        if self._waiting:
            self._decide()
        self._decided = False

    def _decide(self) -> None:
        """Which of the waiting rows names the columns, if any; then they are written."""
        rows, self._waiting, self._decided = self._waiting, [], True
        header = self._header_of(rows)
        if header is None:
            if not self._goes_on(rows[0]):
                self._names, self._values = [], set()
            self._write_plain(rows) if not self._names else self._write_rows(rows)
            return
        titles = [*self._write_titles(rows[:header])] or self._titles
        self._headings += titles
        self._titles = []
        levels = self._levels(rows, header)
        self._names = self._joined_names(rows[header : header + levels])
        self._values = _value_columns(rows[header + levels :])
        for row in rows[header : header + levels]:
            self._write(row.number, _bare(row.cells))
        self._write_rows(rows[header + levels :])

    def _header_of(self, rows: Sequence[_Row]) -> int | None:
        for place, row in enumerate(rows):
            if row.number in self._header_rows:
                return place
        width = max(len(row.filled) for row in rows)
        if width < 2 or len(rows) < 2:
            return None
        before = 0
        for place, row in enumerate(rows[: min(_HIGHEST_HEADER, len(rows) - 1)]):
            levels = self._levels(rows, place)
            filled = len(row.filled)
            if levels > 1:
                filled += sum(end - start for start, end in self._spans(row.number))
            if filled >= max(2, _LEAST_FILLED * width) and filled > before:
                if self._names_columns(row, rows[place + levels :], width):
                    return place
                if filled == width:
                    return None  # the first whole row is data
            before = max(before, filled)
        return None

    def _names_columns(self, row: _Row, below: Sequence[_Row], width: int) -> bool:
        """Whether its cells read like names, and unlike what stands below them."""
        names = [row.cells[column] for column in row.filled]
        if not could_be_names(names):
            return False
        if row.bold and not below[0].bold:
            return True
        others = [other.cells for other in below if other.cells != row.cells]  # some repeat it on each page
        for column in row.filled:
            cells = [cells[column] for cells in others if column < len(cells) and cells[column]]
            if sum(is_value(cell) for cell in cells) > _MOSTLY * len(cells):
                return True
            if row.cells[column] in cells:
                return False  # a name would not come again as a value
        return (self._likely and not self._names) or (width > 2 and len(below) > 1)

    def _levels(self, rows: Sequence[_Row], header: int) -> int:
        """How many rows the header has: two where cells of the first span columns that the next one names."""
        first = rows[header]
        spans = self._spans(first.number)
        if not spans or header + 1 >= len(rows) - 1 or rows[header + 1].number != first.number + 1:
            return 1
        below = rows[header + 1].cells
        spanned = {column for start, end in spans for column in range(start, min(end + 1, len(below)))}
        named = [cell for column, cell in enumerate(below) if column in spanned]
        others = [column for column in first.filled if column not in spanned and column < len(below)]
        if any(below[column] not in ("", first.cells[column]) for column in others):
            return 1  # what stands beside the merged cells names nothing, so this is a title
        return 2 if named and all(map(is_name, named)) else 1

    def _spans(self, number: int) -> list[tuple[int, int]]:
        """The columns, first and last, that cells of that row span."""
        found: list[tuple[int, int]] = []
        for _, start, last, end in sorted(self._merges.starting.get(number, ())):
            if end > start and last == number and (not found or start > found[-1][1]):
                found.append((start, end))  # those that overlap others are no program's
        return found

    def _joined_names(self, rows: Sequence[_Row]) -> list[str]:
        width = max(len(row.cells) for row in rows)
        names = [""] * width
        for row in rows:
            said = [*row.cells, *[""] * (width - len(row.cells))]
            for start, end in self._spans(row.number):
                for column in range(start + 1, min(end + 1, width)):
                    said[column] = said[column] or said[start]
            for column, name in enumerate(said):
                if name and name != names[column]:
                    names[column] = f"{names[column]} {name}".strip()
        return [name.rstrip(": ") for name in names]

    def _goes_on(self, row: _Row) -> bool:
        """Whether a row after a gap belongs to the table above the gap."""
        filled = row.filled
        if len(filled) < 2 or filled[-1] >= len(self._names):
            return False
        values = {column for column in filled if is_value(row.cells[column])}
        return bool(values & self._values) or not (self._values or values)

    def _spread(self, number: int, cells: list[str]) -> None:
        """Says in each row what one cell says for several; such a cell reaches over rows that have others."""
        kept = self._merges.open
        for column in [column for column, (last, _) in kept.items() if last < number]:
            del kept[column]
        for column, (_, said) in kept.items():
            if column >= len(cells):
                cells += [""] * (column + 1 - len(cells))
            cells[column] = cells[column] or said
        for _, column, last, _ in self._merges.starting.get(number, ()):
            if last > number and column < len(cells) and cells[column]:
                kept[column] = (last, cells[column])

    # --- lines --------------------------------------------------------------------------------------

    def _write_plain(self, rows: Sequence[_Row]) -> None:
        """Rows of no table, without names; short lines alone may be the title of what comes next."""
        alone = self._write_titles(rows) if all(len(row.filled) == 1 for row in rows) else None
        if alone is None:
            for row in rows:
                self._write(row.number, _bare(row.cells))
        self._titles = alone or []

    def _write_titles(self, rows: Sequence[_Row]) -> list[Heading]:
        titles: list[Heading] = []
        for row in rows:
            line = _bare(row.cells)
            start = self._write(row.number, line)
            if len(row.filled) == 1 and len(line) <= _LONGEST_TITLE and not is_value(line):
                titles.append(Heading(min(2 + len(titles), 6), start, start + len(line), line))
        return titles

    def _write_rows(self, rows: Sequence[_Row]) -> None:
        for row in rows:
            self._write_row(row)

    def _write_row(self, row: _Row) -> None:
        names, cells = self._names, row.cells
        if not names or cells == names or (len(names) > 2 and row.filled == [0]):
            self._write(row.number, _bare(cells))  # a header once more, or the title of what is below
            return
        parts = []
        for column, cell in enumerate(cells):
            if cell:
                name = names[column] if column < len(names) else ""
                parts.append(f"{name}: {cell}" if name and name != cell else cell)
        self._write(row.number, " | ".join(parts))

    def _write(self, number: int, line: str) -> int:
        """Puts the row's line where it belongs; returns where that starts in the text."""
        if gap := number - self._written - 1:
            self._lines.append("\n" * (gap - 1))
            self._length += gap
        start = self._length
        self._lines.append(line)
        self._length += len(line) + 1
        self._written = number
        if self._length > MOST_MEGACHARACTERS << 20:
            raise _too_large()
        if len(self._lines) > 10_000:
            self._pack()
        return start

    def _pack(self) -> None:
        """Makes one string of many, which takes less memory."""
        if self._lines:
            self._pieces.append("\n".join(self._lines))
            self._lines = []


def cell_text(text: str) -> str:
    """A cell on one line, clean."""
    if text.isascii() and text.isprintable() and "  " not in text and "..." not in text:
        return text.strip()
    return clean_prose(text)


def _too_large() -> ParserFailed:
    return ParserFailed(
        f"gives more than {MOST_MEGACHARACTERS} million characters; split the table to read it"
    )


def _bare(cells: Sequence[str]) -> str:
    return " | ".join(filter(None, cells))


def _value_columns(rows: Sequence[_Row]) -> set[int]:
    return {column for row in rows for column in row.filled if is_value(row.cells[column])}
