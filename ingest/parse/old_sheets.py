"""Excel's XLS and XLSB, the binary workbooks -> a Document with a page for each sheet, as `sheets` makes it.

Read by calamine, which gives values without their formats: dates are dates, but a percentage shows as the
fraction that it is, which a warning says. It takes as much memory as a sheet's last row and column claim; the
sandbox ends it where that is too much. Cells without a stored result are empty.
"""

from __future__ import annotations

import importlib
import io
import struct
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
from ingest.parse.decode import looks_like_text
from ingest.parse.grid import Grid
from ingest.parse.number_formats import general
from ingest.parse.recognise import HEAD_BYTES, OLE, is_zip
from rag.errors import CorruptSource, EmptySource, EncryptedSource
from rag.records import Document, Page

XLS = "application/vnd.ms-excel"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
_MIDNIGHT = time()
_PROTECTED = "the workbook is protected by a password; save a copy without one and ingest that"
_BEGINNING = b"\x09\x08\x10\x00\x00\x06\x05\x00"  # of the stream with the sheets' names ([MS-XLS] 2.4.21)
_FILE_PASS = 0x2F  # the record that says how the rest is encrypted ([MS-XLS] 2.4.117)
_LOOKED_AT = 50  # records; that one is among the first

Value = int | float | str | bool | time | date | datetime | timedelta


def parse(data: bytes, name: str) -> Document:
    """The workbook's sheets, in their order; a table that is only named .xls is read as what it is."""
    if is_zip(data):
        _count_unpacked(data)
    elif not data.startswith(OLE):
        return _misnamed(data, name)
    elif _is_protected(data):
        raise EncryptedSource(_PROTECTED)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        pages, hidden, has_fractions = _read(workbook)
    except PasswordError as error:
        raise EncryptedSource(_PROTECTED) from error
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


def _misnamed(data: bytes, name: str) -> Document:
    """What many a web site calls .xls: a page with a table, or a text with tabs."""
    if not looks_like_text(data[:HEAD_BYTES]) or data.startswith((b"MIME-Version", b"<?xml")):
        raise CorruptSource(f"named .xls, but it is none: it begins with {data[:16]!r}; save it as .xlsx")
    read = importlib.import_module(
        "ingest.parse.html" if data.lstrip()[:1] == b"<" else "ingest.parse.delimited"
    )
    document: Document = read.parse(data, name)
    return document


def _is_protected(data: bytes) -> bool:
    """Whether the record of a password stands among the first of the workbook's stream."""
    place = data.find(_BEGINNING)
    for _ in range(_LOOKED_AT):
        if place < 0 or place + 4 > len(data):
            return False
        kind, size = struct.unpack_from("<HH", data, place)
        if kind == _FILE_PASS:
            return True
        place += 4 + size
    return False


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
