"""Rows of a table in plain text, told as sentences: each cell with its column's heading.

Takes the text of a page or passage and its lines' spans; gives for each row the words that a person reads
into it. Knows rows with bars or tabs between their cells; pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.verdicts.units import AFTER_A_NUMBER, SCALE_WORDS

Span = tuple[int, int]

LONGEST_CAPTION = 80  # characters; what stands above a table and is longer is a paragraph

_RULE = re.compile(r"[\s|:=+-]*-[\s|:=+-]*")
_UNIT = re.compile(rf"[(（]\s*(?:in\s+|单位[:：]\s*)?((?:{SCALE_WORDS})?\s?(?:{AFTER_A_NUMBER})?)\s*[)）]")
_NAMED_CELL = re.compile(r"([^:]{1,60}): (.+)", re.DOTALL)
_NUMERIC = re.compile(r"[\d.,\s%+-]*\d[\d.,\s%+-]*")


def told_rows(text: str, lines: Sequence[Span]) -> dict[Span, str]:
    """What each table row says; rows of no table, headings and rules are not in it.

    `| Delhi | 28,514,000 |` below `| City | Population |` says "City Delhi; Population 28,514,000", and so
    does `City: Delhi | Population: 28,514,000`.
    """
    told: dict[Span, str] = {}
    heading: list[str] = []
    caption = ""
    for start, end in lines:
        cells = _cells(text[start:end])
        if len(cells) < 2:
            heading, caption = [], text[start:end] if end - start <= LONGEST_CAPTION else ""
        elif _RULE.fullmatch(text[start:end]):
            continue
        elif named := _named(cells):
            told[start, end] = _told(*named, caption)
        elif not heading:
            heading = cells
        else:
            told[start, end] = _told(heading, cells, caption)
    return told


def first_cell(line: str) -> str:
    """The first cell of a row: what the row is about."""
    return _cells(line)[0]


def _cells(line: str) -> list[str]:
    if "|" in line:
        return [cell.strip() for cell in line.strip().strip("|").split("|")]
    return [cell.strip() for cell in line.split("\t")]


def _named(cells: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """Names and values of a row whose cells carry their columns' names, as our parsers write them.

    A cell whose column has no name stands alone, so most cells must have one.
    """
    parts = [_NAMED_CELL.fullmatch(cell) for cell in cells]
    if 2 * sum(part is not None for part in parts) <= len(cells):
        return None
    names = [part[1] if part else "" for part in parts]
    return names, [part[2] if part else cell for part, cell in zip(parts, cells, strict=True)]


def _told(heading: Sequence[str], cells: Sequence[str], caption: str) -> str:
    parts = []
    for i, cell in enumerate(cells):
        above = heading[i] if i < len(heading) else ""
        unit = _UNIT.search(above) or _UNIT.search(caption)
        if unit and unit[1] and _NUMERIC.fullmatch(cell):
            cell = f"{cell} {unit[1]}"
        parts.append(f"{_UNIT.sub('', above).strip()} {cell}".strip())
    if caption:
        parts.insert(0, _UNIT.sub("", caption).strip())
    return "; ".join(parts)
