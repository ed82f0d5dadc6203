"""Excel's XLS and XLSB, the binary workbooks -> a Document with a page for each sheet, as `sheets` makes it.

Read by calamine, which gives values without their formats: dates are dates, but a percentage shows as the
fraction that it is, which a warning says. It takes as much memory as a sheet's last row and column claim; the
sandbox ends it where that is too much. Cells without a stored result are empty.
"""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from ingest.parse.archive import Archive
from ingest.parse.clean import clean_prose
from ingest.parse.grid import Grid
from ingest.parse.number_formats import general
from ingest.parse.recognise import is_zip
from rag.errors import CorruptSource, EmptySource, EncryptedSource
from rag.records import Document, Page

XLS = "application/vnd.ms-excel"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
_MIDNIGHT = time()

Value = int | float | str | bool | time | date | datetime | timedelta


def parse(data: bytes, name: str) -> Document:
    """The workbook's sheets, in their order."""
    if is_zip(data):
        _count_unpacked(data)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        pages, hidden, has_fractions = _read(workbook)
    except PasswordError as error:
        raise EncryptedSource(
            "the workbook is protected by a password; save a copy without one and ingest that"
        ) from error
    except (CalamineError, ValueError, OSError) as error:
        raise CorruptSource(f"the workbook is damaged: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what PyO3 makes of a panic; no `Exception`
            raise
        raise CorruptSource(f"the workbook is damaged: {error}") from None
    if not any(page.text for page in pages):
        raise EmptySource("the workbook's sheets hold no cell with anything in it")
    warnings = [f"hidden sheets were read, too: {', '.join(hidden)}"] if hidden else []
    if has_fractions:
        warnings.append(
            "numbers of this old kind of workbook are read without their formats: 7.5 % shows as 0.075; "
            "saved as .xlsx, it is read as it is seen"
        )
    return Document(XLSB if is_zip(data) else XLS, tuple(pages), None, tuple(warnings))


def _count_unpacked(data: bytes) -> None:
    """Raises `ParserFailed` where more comes out of the archive than may; calamine does not count."""
    archive = Archive(data)
    for member in archive.names:
        with archive.stream(member) as stream:
            while stream.read():
                pass


def _read(workbook: CalamineWorkbook) -> tuple[list[Page], list[str], bool]:
    """The pages, the hidden sheets' names, and whether any number is no whole one."""
    pages: list[Page] = []
    hidden: list[str] = []
    has_fractions = False
    for place, about in enumerate(workbook.sheets_metadata):
        if about.typ != SheetTypeEnum.WorkSheet:
            continue
        grid, fractions = _filled(workbook.get_sheet_by_index(place))
        name = clean_prose(about.name)
        pages.append(grid.page(len(pages) + 1, label=name or None))
        has_fractions = has_fractions or fractions
        if about.visible != SheetVisibleEnum.Visible and pages[-1].text:
            hidden.append(name)
    return pages, hidden, has_fractions


def _filled(sheet: CalamineSheet) -> tuple[Grid, bool]:
    merges = [
        (first[0] + 1, first[1], last[0] + 1, last[1]) for first, last in sheet.merged_cell_ranges or ()
    ]
    grid, has_fractions = Grid(merges=merges), False
    for number, row in enumerate(sheet.iter_rows(), 1):
        has_fractions = has_fractions or any(isinstance(cell, float) and cell % 1 for cell in row)
        grid.add(number, list(map(_shown, row)))
    return grid, has_fractions


def _shown(cell: Value) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return general(cell)
    if isinstance(cell, datetime):
        return _clock(cell.isoformat(" ")) if cell.time() != _MIDNIGHT else cell.date().isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return _clock(f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}")
    return _clock(cell.isoformat()) if isinstance(cell, time) else cell.isoformat()


def _clock(written: str) -> str:
    """Without a fraction of a second, and without seconds where they are none."""
    return written.partition(".")[0].removesuffix(":00") if written.count(":") == 2 else written
