"""Excel's XLSX (and XLSM, XLTX, XLTM: the same inside) -> a Document with a page for each sheet.

Line n of a page is row n of its sheet, and each cell says what a person sees in it: percentages, amounts,
dates (in ISO form), the result that was stored with a formula, the note of a cell behind it. Hidden sheets
are read, too, and named in a warning. Rows are read as they come, so that a sheet of a million rows takes
little memory and one that only claims to be large takes none. Formulas are not worked out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.grid import MOST_COLUMNS, MOST_ROWS, Grid
from ingest.parse.number_formats import shown
from ingest.parse.open_xml import core_title, runs, unescaped, whole
from ingest.parse.streamed_xml import elements
from ingest.parse.word_styles import child
from ingest.parse.workbook import Layout, Sheet, Workbook, column_of, read_layout, read_workbook
from rag.errors import CorruptSource, EmptySource, SourceError
from rag.records import Document, Page

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STREAMED_MEGABYTES = 2048  # of rows that are read and let go
MOST_LINES = 4 * MOST_ROWS  # of all sheets; a single cell in the last row makes a sheet that long
_SHORT = 15  # digits; so many are exact
_MIDNIGHT = re.compile(r"T00:00(?::00(?:\.0+)?)?Z?$")


@dataclass(slots=True)
class _Met:
    """What is worth a warning."""

    uncomputed: int = 0
    lines: int = 0


def parse(data: bytes, name: str) -> Document:
    """The workbook's sheets, in their order."""
    archive, streamed = Archive(data), Archive(data, unpacked_megabytes=STREAMED_MEGABYTES)
    workbook = read_workbook(archive, streamed)
    met = _Met()
    warnings: list[str] = []
    pages: list[Page] = []
    failures: list[SourceError] = []
    for sheet in workbook.sheets:
        grid = Grid()
        try:
            grid = _read_sheet(archive, streamed, workbook, sheet, met, warnings)
        except CorruptSource as error:
            failures.append(error)
            warnings.append(f"sheet {sheet.name} was not read: {error}")
        pages.append(grid.page(len(pages) + 1, label=sheet.name))
    if not any(page.text for page in pages):
        raise (
            failures[0] if failures else EmptySource("the workbook's sheets hold no cell with anything in it")
        )
    hidden = [sheet.name for sheet in workbook.sheets if sheet.hidden]
    if hidden:
        warnings.append(f"hidden sheets were read, too: {', '.join(hidden)}")
    if met.uncomputed:
        warnings.append(
            f"{met.uncomputed} formulas are stored without a result and show as formulas; "
            "a spreadsheet program that opens and saves the file adds the results"
        )
    return Document(MEDIA_TYPE, tuple(pages), core_title(archive), tuple(warnings))


def _read_sheet(
    archive: Archive, streamed: Archive, workbook: Workbook, sheet: Sheet, met: _Met, warnings: list[str]
) -> Grid:
    if sheet.part is None:
        raise CorruptSource("its part is missing from the file")
    layout = read_layout(archive, streamed, sheet.part)
    grid = Grid(header_rows=layout.header_rows, merges=layout.merges)
    reader = _Cells(workbook, layout, met)
    most = min(MOST_ROWS, MOST_LINES - met.lines)
    reached = 0
    for row in elements(streamed, sheet.part, "row"):
        number = max(whole(row.get("r"), 0), reached + 1)
        if number > most:
            warnings.append(
                f"sheet {sheet.name}: rows from {number} on were left out; no more than {MOST_ROWS} rows "
                f"of a sheet and {MOST_LINES} of a workbook are read"
            )
            break
        reached = number
        cells, bold = reader.of(row)
        grid.add(number, cells, bold=bold)
    met.lines += grid.rows
    return grid


class _Cells:
    """Reads the cells of one sheet's rows; what is done for each cell is kept short, there are millions."""

    def __init__(self, workbook: Workbook, layout: Layout, met: _Met) -> None:
        self._workbook = workbook
        self._notes = layout.notes
        self._met = met
        self._columns: dict[str, int] = {}
        codes = workbook.formats or ["General"]
        self._general = {str(style) for style, code in enumerate(codes) if code == "General"}
        self._bold = {str(style) for style, bold in enumerate(workbook.bold) if bold}

    def of(self, row: Any) -> tuple[list[str], bool]:
        """What the row's cells show, from column A on, and whether all of it is bold."""
        cells: list[str] = []
        plain, column = False, -1
        namespace = row.tag[: -len("row")]
        cell_tag, stored_tag = f"{namespace}c", f"{namespace}v"
        for cell in row:
            if cell.tag != cell_tag:
                continue
            reference = cell.get("r", "")
            column = self._column(reference, column + 1)
            text = self._text(cell, cell.find(stored_tag))
            if self._notes and (note := self._notes.get(reference)):
                text = f"{text} (note: {note})".strip()
            if not text or column >= MOST_COLUMNS:
                continue
            if column >= len(cells):
                cells += [""] * (column + 1 - len(cells))
            cells[column] = text
            plain = plain or cell.get("s", "0") not in self._bold
        return cells, not plain

    def _column(self, reference: str, following: int) -> int:
        """The cell's column, from 0; one that doesn't say stands behind the one before it."""
        letters = reference.rstrip("0123456789")
        if letters not in self._columns:
            known = letters.isascii() and letters.isalpha() and len(letters) <= len("XFD")
            if not known:
                return following
            self._columns[letters] = column_of(letters)
        return self._columns[letters]

    def _text(self, cell: Any, stored: Any) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = child(cell, "is")
            return "" if inline is None else runs(inline)
        if stored is None:
            return self._formula(cell)
        said: str = stored.text or ""
        if kind == "n":
            return self._number(said, cell.get("s", "0"))
        if kind == "s":
            place, known = whole(said.strip(), -1), self._workbook.strings
            return known[place] if 0 <= place < len(known) else ""
        if kind == "b":
            return "TRUE" if said.strip() in ("1", "true") else "FALSE"
        if kind == "d":
            return _MIDNIGHT.sub("", said).replace("T", " ")
        return unescaped(said)

    def _number(self, said: str, style: str) -> str:
        if style in self._general and len(said) < _SHORT and said.isdigit() and said.isascii():
            return said.lstrip("0") or "0"
        place, formats = whole(style, 0), self._workbook.formats
        code = formats[place] if place < len(formats) else "General"
        try:
            return shown(float(said), code, from_1904=self._workbook.from_1904)
        except (ValueError, OverflowError):
            return said  # no number after all: "1.#QNAN", or nothing

    def _formula(self, cell: Any) -> str:
        formula = child(cell, "f")
        if formula is None:
            return ""
        self._met.uncomputed += 1
        return f"={formula.text}" if formula.text else ""
