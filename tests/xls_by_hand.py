"""XLS and XLSB files written record by record, as [MS-XLS], [MS-CFB] and [MS-XLSB] describe them."""

from __future__ import annotations

import struct

from docx_by_hand import archive
from pptx_by_hand import lead, relations

Cell = str | float | bool
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512
DATED = 1  # the number of the style that shows days


def xls(*rows: list[Cell], hidden: int = 0, password: bool = False, style: int = 0) -> bytes:
    """A workbook with a sheet named Costs; numbers have that style."""
    beginning = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0xDBB, 0x7CC, 0, 6))
    if password:
        beginning += _record(0x2F, b"\1\0" * 26)
    styles = b"".join(_record(0xE0, struct.pack("<HHH14x", 0, form, 0)) for form in (0, 14))
    end = _record(0x0A)
    name = b"Costs"
    listed = struct.pack("<BBBB", hidden, 0, len(name), 0) + name
    start = len(beginning) + len(styles) + 4 + 4 + len(listed) + len(end)
    stream = beginning + styles + _record(0x85, struct.pack("<I", start) + listed) + end
    stream += _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0xDBB, 0x7CC, 0, 6))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            stream += _cell(number, column, cell, style)
    return compound(stream + end)


def _cell(row: int, column: int, cell: Cell, style: int) -> bytes:
    if isinstance(cell, bool):
        return _record(0x205, struct.pack("<HHHBB", row, column, 0, cell, 0))
    if isinstance(cell, str):
        written = cell.encode("utf-16-le")
        return _record(0x204, struct.pack("<HHHHB", row, column, 0, len(cell), 1) + written)
    return _record(0x203, struct.pack("<HHHd", row, column, style, cell))


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def compound(stream: bytes, name: str = "Workbook") -> bytes:
    """A compound file with one stream."""
    stream = stream.ljust(max(4096, -(-len(stream) // _SECTOR) * _SECTOR), b"\0")
    sectors = len(stream) // _SECTOR
    chain = [_TABLE, _END, *range(3, 2 + sectors), _END]
    table = struct.pack("<128I", *chain, *[_FREE] * (128 - len(chain)))
    header = (
        _OLE
        + bytes(16)
        + struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    )
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    root = _entry("Root Entry", 5, child=1, start=_END, size=0)
    return (
        header
        + table
        + (root + _entry(name, 2, child=_FREE, start=2, size=len(stream))).ljust(512, b"\0")
        + stream
    )


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    written = name.encode("utf-16-le")
    return (
        written.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(written) + 2, kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )


def xlsb(*cells: tuple[int, int, Cell], filler: bytes = b"") -> bytes:
    """A workbook with these cells (row, column, what it holds) in a sheet named Costs."""
    book = _binary(131) + _binary(143)
    book += (
        _binary(156, struct.pack("<II", 0, 1) + _wide("r1") + _wide("Costs")) + _binary(144) + _binary(132)
    )
    sheet = _binary(129) + _binary(148, struct.pack("<IIII", 0, 9, 0, 9)) + _binary(145)
    reached = -1
    for row, column, cell in cells:
        if row != reached:
            sheet += _binary(0, struct.pack("<III", row, 0, 0) + bytes(5))
            reached = row
        place = struct.pack("<II", column, 0)
        sheet += (
            _binary(6, place + _wide(cell))
            if isinstance(cell, str)
            else _binary(5, place + struct.pack("<d", cell))
        )
    sheet += _binary(146) + _binary(130)
    leads = relations(lead("r1", "worksheet", "worksheets/sheet1.bin"))
    return archive(
        {
            "xl/workbook.bin": book,
            "xl/_rels/workbook.bin.rels": leads.encode(),
            "xl/worksheets/sheet1.bin": sheet + filler,
        }
    )


def _binary(kind: int, body: bytes = b"") -> bytes:
    number = bytes((kind,)) if kind < 128 else bytes((kind & 0x7F | 0x80, kind >> 7))
    return number + bytes((len(body) & 0x7F | 0x80, len(body) >> 7)) + body


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")
