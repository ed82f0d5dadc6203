"""CSV and TSV of any dialect and encoding -> a Document of one page: line n of it is row n of the file.

What separates the cells is found from the content: the character that divides the first rows into equally
many cells that look like cells, so that `1,5;2,5` are two numbers. A row is a record: a cell's own line ends
become spaces. Rows need not be equally long. Knows nothing of what the cells mean.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.parse.clean import hidden_tags
from ingest.parse.decode import decode
from ingest.parse.grid import MOST_COLUMNS, Grid
from rag.errors import CorruptSource, EmptySource
from rag.records import Document

_DELIMITERS = "\t;|,"  # of equals the first: a comma is also a decimal point
_SAMPLE_CHARACTERS = 1 << 16
_SAMPLE_ROWS = 200
_LONGEST_CELL = 1 << 20  # characters; a longer one comes of a quotation mark that is never closed
_END = "\x1eend\x1e"  # a row of its own, unless a quotation mark before it is never closed
_DECIMAL = re.compile(r"[-+]?\d{1,3}(?:[.\s']?\d{3})*,\d+\s?[%€]?|[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
# A first row of quoted cells alone: what stands between them divides, whatever stands in them.
_CELL = r'"(?:[^"]|"")*+"'
_ALL_QUOTED = re.compile(rf"{_CELL}([{re.escape(_DELIMITERS)}]){_CELL}(?:\1{_CELL})*(?:\r?\n|\Z)")
_TOLD = re.compile(r'"?sep=(.)"?\s*')  # the first line of what Excel shall read


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    escaped: bool = False  # a quotation mark inside of quotation marks has a backslash before it
    quoted: bool = True


def parse(data: bytes, name: str) -> Document:
    """The table in `data`, decoded and divided into rows and cells."""
    text, warning = decode(data)
    warnings = [warning] if warning else []
    if hidden := hidden_tags(text):
        warnings.append(f"{hidden} characters that no screen shows (Unicode tags) were left out")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removeprefix("\ufeff")
    dialect = _dialect(text[:_SAMPLE_CHARACTERS])
    try:
        grid = _filled(text, dialect)
    except csv.Error:
        grid = _filled(text, _Dialect(dialect.delimiter, quoted=False))
        warnings.append(
            "a quotation mark is never closed, so quotation marks were read as any other character"
        )
    if not grid.rows:
        raise EmptySource("the file holds no cell with anything in it")
    is_tabbed = name.lower().endswith((".tsv", ".tab"))
    media_type = "text/tab-separated-values" if is_tabbed else "text/csv"
    return Document(media_type, (grid.page(1),), None, tuple(warnings))


def _filled(text: str, dialect: _Dialect) -> Grid:
    grid = Grid(likely_header=True)
    cells: list[str] = []
    for number, cells in enumerate(_rows(text, dialect), 1):
        if cells == [_END]:
            break
        if len(cells) > MOST_COLUMNS:
            raise CorruptSource(f"row {number} has {len(cells)} cells; no more than {MOST_COLUMNS} are read")
        if number > 1 or len(cells) > 2 or not _TOLD.fullmatch(dialect.delimiter.join(cells)):
            grid.add(number, cells)
    if cells != [_END]:
        raise csv.Error("the last quotation mark is never closed")
    return grid


def _rows(text: str, dialect: _Dialect) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    return csv.reader(
        _lines(text),
        delimiter=dialect.delimiter,
        doublequote=not dialect.escaped,
        escapechar="\\" if dialect.escaped else None,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        skipinitialspace=True,
    )


def _lines(text: str) -> Iterator[str]:
    """Lines with their ends; nothing else ends one, whatever `splitlines` thinks. The last is `_END`."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start : end + 1]
        start = end + 1
    if start < len(text):
        yield text[start:] + "\n"
    yield _END


# --- the dialect ----------------------------------------------------------------------------------


def _dialect(sample: str) -> _Dialect:
    """How the file that begins with this sample is written."""
    escaped = '\\"' in sample and '""' not in sample.replace(',""', "").replace(';""', "")
    if told := _TOLD.match(sample):
        return _Dialect(told[1], escaped)
    if quoted := _ALL_QUOTED.match(sample):
        return _Dialect(quoted[1], escaped)
    best = max(_DELIMITERS, key=lambda delimiter: _fitness(sample, _Dialect(delimiter, escaped)))
    return _Dialect(best, escaped)


def _fitness(sample: str, dialect: _Dialect) -> tuple[float, int]:
    """How well a delimiter divides the sample: the share of rows alike and of cells in order, the width."""
    rows: list[list[str]] = []
    try:
        for row in _rows(sample, dialect):
            rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                break
    except csv.Error:
        return (0.0, 0)
    if rows[-1:] == [[_END]]:
        rows.pop()
    if len(rows) > 1 and len(sample) == _SAMPLE_CHARACTERS:
        rows.pop()  # it is cut
    widths = Counter(len(row) for row in rows if row)
    if not widths:
        return (0.0, 0)
    width, count = max(widths.items(), key=lambda found: (found[1], found[0]))
    if width < 2:
        return (0.0, 1)
    cells = [cell for row in rows for cell in row if cell]
    others = _DELIMITERS.replace(dialect.delimiter, "")
    clean = sum(not _divisible(cell, others) for cell in cells) / max(1, len(cells))
    return (round(clean * count / widths.total(), 2), width)


def _divisible(cell: str, delimiters: str) -> bool:
    """Whether another delimiter stands in the cell as it stands between cells: without a space after it."""
    return any(
        place + 1 < len(cell) and not cell[place + 1].isspace() and not _DECIMAL.fullmatch(cell.strip())
        for delimiter in delimiters
        if (place := cell.find(delimiter)) >= 0
    )
