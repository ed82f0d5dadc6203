"""OpenDocument's ODS (and OTS) -> a Document with a page for each sheet.

Line n of a page is row n of its sheet, and each cell says what a person sees in it; dates are in ISO form.
Hidden sheets are read, too, and named in a warning. Rows are read as they come, so that a sheet which repeats
an empty row a million times takes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose
from ingest.parse.grid import MOST_COLUMNS, MOST_ROWS, Grid
from ingest.parse.open_document import CONTENT, Styles, TextReader, meta_title, opened
from ingest.parse.open_text import hidden_warning
from ingest.parse.open_xml import whole
from ingest.parse.sheets import MOST_LINES, STREAMED_MEGABYTES
from ingest.parse.streamed_xml import elements
from ingest.parse.word_styles import child, local, value
from rag.errors import CorruptSource, EmptySource
from rag.records import Document, Page

MEDIA_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_ROWS_OF = ("table-header-rows", "table-rows", "table-row-group")
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_SECONDS = re.compile(r"(T\d\d:\d\d)(?::00(?:\.0+)?)?Z?$")


@dataclass(slots=True)
class _Sheet:
    name: str
    header_rows: set[int] = field(default_factory=set)
    grid: Grid = field(init=False)
    row: int = 0  # the last one that came

    def __post_init__(self) -> None:
        self.grid = Grid(header_rows=self.header_rows)


def parse(data: bytes, name: str) -> Document:
    """The workbook's sheets, in their order."""
    archive, streamed = Archive(data), Archive(data, unpacked_megabytes=STREAMED_MEGABYTES)
    opened(archive)
    reader = _Sheets(archive)
    for element in elements(streamed, CONTENT, "table-row", "table"):
        if local(element) == "table":
            reader.end_table(element)
        else:
            reader.add_row(element)
    if not any(page.text for page in reader.pages):
        raise EmptySource("the workbook's sheets hold no cell with anything in it")
    if reader.hidden:
        reader.warnings.append(f"hidden sheets were read, too: {', '.join(reader.hidden)}")
    warnings = (*reader.warnings, *hidden_warning(reader.text.hidden))
    return Document(MEDIA_TYPE, tuple(reader.pages), meta_title(archive), warnings)


class _Sheets:
    """The sheets of one file while its rows come."""

    def __init__(self, archive: Archive) -> None:
        self.pages: list[Page] = []
        self.warnings: list[str] = []
        self.hidden: list[str] = []
        self._styles = Styles()
        if "styles.xml" in archive.names:
            self._styles.add(archive.xml("styles.xml"))
        self.text = TextReader(self._styles, PageText())
        self._sheet: _Sheet | None = None
        self._lines = 0

    def add_row(self, row: Any) -> None:
        """The row of a sheet; one of a table that lies in a cell is read with the cell."""
        table = _sheet_of(row)
        if table is None:
            return
        sheet = self._sheet or self._begin(table)
        repeated = _number(row, "number-rows-repeated")
        cells = self._cells(row, sheet)
        first, sheet.row = sheet.row + 1, sheet.row + repeated
        if not any(cells):
            return
        last = min(sheet.row, MOST_ROWS, MOST_LINES - self._lines)
        if last < sheet.row and not any(sheet.name in warning for warning in self.warnings):
            self.warnings.append(
                f"sheet {sheet.name}: rows from {max(first, last + 1)} on were left out; no more than "
                f"{MOST_ROWS} rows of a sheet and {MOST_LINES} of a workbook are read"
            )
        if local(row.getparent()) == "table-header-rows":
            sheet.header_rows.clear()
            sheet.header_rows.add(first)
        for number in range(first, last + 1):
            sheet.grid.add(number, cells)

    def end_table(self, table: Any) -> None:
        """Makes a page of the sheet that ends here."""
        if local(table.getparent()) != "spreadsheet":
            return
        sheet = self._sheet or self._begin(table)
        self._sheet = None
        self._lines += sheet.grid.rows
        if value(table, "style-name") in self._styles.hidden:
            self.hidden.append(sheet.name)
        self.pages.append(sheet.grid.page(len(self.pages) + 1, label=sheet.name))

    def _begin(self, table: Any) -> _Sheet:
        if not self.pages:
            self._styles.add(table.getroottree().getroot())  # what stands before the first sheet
        name = clean_prose(value(table, "name") or "") or f"Sheet {len(self.pages) + 1}"
        self._sheet = _Sheet(name)
        return self._sheet

    def _cells(self, row: Any, sheet: _Sheet) -> list[str]:
        cells: list[str] = []
        column = 0
        for cell in row:
            if cell.tag not in _CELLS:
                continue
            repeated = _number(cell, "number-columns-repeated")
            text = self._shown(cell) if cell.tag == _CELLS[0] else ""
            if text and column < MOST_COLUMNS:
                cells += [""] * (column - len(cells)) + [text] * min(repeated, MOST_COLUMNS - column)
                down, across = _number(cell, "number-rows-spanned"), _number(cell, "number-columns-spanned")
                if max(down, across) > 1:
                    sheet.grid.merge((sheet.row + 1, column, sheet.row + down, column + across - 1))
            column += repeated
        return cells

    def _shown(self, cell: Any) -> str:
        if not len(cell):
            return clean_prose(cell.get(f"{_OFFICE}value") or cell.get(f"{_OFFICE}string-value") or "")
        kind = cell.get(f"{_OFFICE}value-type")
        text = self.text.cell_text(cell)
        if kind == "date" and (date := value(cell, "date-value")):
            text = _SECONDS.sub(r"\1", date.removesuffix("T00:00:00")).replace("T", " ")
        elif kind is not None and not text:
            text = clean_prose(value(cell, "value") or value(cell, "string-value") or "")
        if (comment := child(cell, "annotation")) is not None:
            note = " ".join(self.text.text(inner) for inner in comment if local(inner) in ("p", "list"))
            text = clean_prose(f"{text} (note: {note})") if note.strip() else text
        return text


def _sheet_of(row: Any) -> Any:
    """The sheet that a row belongs to; None for a row of a table in a cell."""
    above = row.getparent()
    while above is not None and local(above) in _ROWS_OF:
        above = above.getparent()
    if above is None or local(above) != "table":
        raise CorruptSource(f"{CONTENT} in the file has a row outside of any table")
    return above if local(above.getparent()) == "spreadsheet" else None


def _number(element: Any, name: str) -> int:
    return max(1, whole(element.get(f"{_TABLE}{name}"), 1))
