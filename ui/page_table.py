"""Rows such as `Region: North | Sales: 120`, as sheets and CSV files are read, back into tables.

Takes lines of a page's text and the cited span, gives tables with columns. A row says its columns' names
itself; a name is one that several rows say, so that a colon in a cell is none. Rows that name no column are
kept as they are. Knows nothing about how a table looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

MOST_LINES = 1_000  # shown at once
_LOOKED_AT = 200  # lines at the page's beginning in which the header of a long table is looked for
BAR, _COLON = " | ", ": "


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line of a page: its number in the file (0: none), and where it starts in the page's text."""

    number: int
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's words; `marked` where any of it was cited."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; a cell for each column, None where it is empty, or one cell across all of them."""

    number: int
    cells: tuple[Cell | None, ...]
    cited: bool


@dataclass(frozen=True, slots=True)
class PageTable:
    """Rows with the same columns. No columns: rows of cells without names, titles and notes among them."""

    columns: tuple[str, ...]
    header: Row | None
    rows: tuple[Row, ...]


@dataclass(slots=True)
class _Growing:
    """A table that rows are still added to: column -> cell for each."""

    columns: list[str] = field(default_factory=list)
    header: Row | None = None
    rows: list[Row | tuple[int, dict[str, Cell]]] = field(default_factory=list)
    plain: list[Row] = field(default_factory=list)
    reached: int = -2  # where the last line in it ends; plain ones don't count

    def done(self) -> PageTable:
        if self.plain:
            return PageTable((), None, tuple(self.plain))
        return PageTable(tuple(self.columns), self.header, tuple(map(self._row, self.rows)))

    def _row(self, row: Row | tuple[int, dict[str, Cell]]) -> Row:
        if isinstance(row, Row):
            return row
        number, cells = row
        return Row(number, tuple(map(cells.get, self.columns)), any(cell.marked for cell in cells.values()))


def page_tables(text: str, lines: Sequence[NumberedLine], start: int, end: int) -> list[PageTable]:
    """The tables that some lines of a page's text are, with the cells in the span marked."""
    above = text[: lines[0].start].split("\n", _LOOKED_AT)[:_LOOKED_AT] if lines else []
    names = _names([*above, *(line.text for line in lines)])
    found = [_Growing(columns=_last_header(above, names))]
    for line in lines:
        if line.text:
            _add(found, line, names, start, end)
    return [table.done() for table in found if table.rows or table.plain or table.header]


def _names(lines: Iterable[str]) -> frozenset[str]:
    """What stands before the colon in cells of several rows, or also alone: in the row of the names."""
    said: Counter[str] = Counter()
    alone: set[str] = set()
    for line in lines:
        parts = line.split(BAR)
        said.update({_name(part) for part in parts})
        alone.update(part.rstrip(": ") for part in parts)
    return frozenset(name for name, count in said.items() if name and (count > 1 or name in alone))


def _name(part: str) -> str:
    name, colon, _ = part.partition(_COLON)
    return name if colon else ""


def _last_header(lines: Sequence[str], names: frozenset[str]) -> list[str]:
    headers = [header for line in lines if (header := _header(line, names))]
    return headers[-1] if headers else []


def _header(line: str, names: frozenset[str]) -> list[str]:
    """The names of the columns, where the line has nothing but them."""
    parts = [part.rstrip(": ") for part in line.split(BAR)]
    enough = len(parts) > 1 or parts[0] in names
    return parts if enough and sum(part in names for part in parts) * 2 >= len(parts) else []


def _add(found: list[_Growing], line: NumberedLine, names: frozenset[str], start: int, end: int) -> None:
    parts = list(_parts(line, start, end))
    header = _header(line.text, names)
    if header:
        cells = tuple(cell for _, cell in parts)
        row = Row(line.number, cells, any(cell.marked for cell in cells))
        found.append(_Growing(columns=header, header=row, reached=line.end))
        return
    columns = next((table.columns for table in reversed(found) if table.columns), [])
    named = _by_column(parts, names, columns)
    if named.keys() & names:
        if found[-1].plain or not named.keys() & set(found[-1].columns):
            found.append(_Growing(columns=[*columns] if named.keys() <= set(columns) else []))
        table = found[-1]
        table.columns[:0] = [""] if "" in named and "" not in table.columns else []
        table.columns += [name for name in named if name not in table.columns]
        table.rows.append((line.number, named))
        table.reached = line.end
        return
    cells = tuple(cell for _, cell in parts)
    row = Row(line.number, cells, any(cell.marked for cell in cells))
    if len(cells) == 1 and found[-1].reached == line.start - 1:
        found[-1].reached = line.end
        found[-1].rows.append(row)  # "Total", or the name of what is below, across the table
        return
    if not found[-1].plain:
        found.append(_Growing())
    found[-1].plain.append(row)


def _by_column(
    parts: Sequence[tuple[str, Cell]], names: frozenset[str], columns: Sequence[str]
) -> dict[str, Cell]:
    """A row's cells by their columns' names; `""` for a first column that has none."""
    named: dict[str, Cell] = {}
    for part, cell in parts:
        name = _name(part)
        if name in names and name not in named:
            named[name] = Cell(cell.text[len(name) + len(_COLON) :], cell.marked)
        elif part in columns and part not in named:  # a cell that says the same as its column's name
            named[part] = cell
        elif named:  # a bar in a cell
            last = next(reversed(named))
            named[last] = Cell(named[last].text + BAR + cell.text, named[last].marked or cell.marked)
        else:
            named[""] = cell
    return named


def _parts(line: NumberedLine, start: int, end: int) -> Iterator[tuple[str, Cell]]:
    offset = line.start
    for part in line.text.split(BAR):
        yield part, Cell(part, start < offset + len(part) and offset < end)
        offset += len(part) + len(BAR)
