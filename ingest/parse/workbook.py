"""What an XLSX workbook says besides its cells: sheets in order, number formats, shared strings, notes.

Takes the archive, gives plain records. Knows neither rows nor pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ingest.parse.archive import Archive
from ingest.parse.clean import clean_prose
from ingest.parse.grid import Merge
from ingest.parse.number_formats import BUILT_IN
from ingest.parse.open_xml import related, relations, runs, whole
from ingest.parse.streamed_xml import elements, mentions
from ingest.parse.word_styles import child, local, value
from rag.errors import CorruptSource, ParserFailed

MAIN_PART = re.compile(r"xl/workbook\d*\.xml")
SHARED_MEGACHARACTERS = 128  # of text in the table of shared strings
MOST_MERGES = 100_000
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_THREAD = re.compile(r"\[Threaded comment\].*?Comment:\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of the workbook; `part` is None where its cells are missing from the archive."""

    name: str
    hidden: bool
    part: str | None


@dataclass(frozen=True, slots=True)
class Workbook:
    """The sheets, and how to read their cells; `formats` and `bold` by the number of a cell's style."""

    sheets: list[Sheet]
    formats: list[str]
    bold: list[bool]
    strings: list[str]
    from_1904: bool


@dataclass(slots=True)
class Layout:
    """What a sheet says of its rows outside of them."""

    merges: list[Merge] = field(default_factory=list)
    header_rows: set[int] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)


def read_workbook(archive: Archive, streamed: Archive) -> Workbook:
    """The workbook in an archive; `streamed` is the same with a higher limit, for what is not held."""
    main = next(filter(MAIN_PART.fullmatch, sorted(archive.names)), None)
    if main is None:
        raise CorruptSource("the archive holds no xl/workbook.xml, so it is no workbook")
    root, leads = archive.xml(main), relations(archive, main)
    sheets: list[Sheet] = []
    for element in root.iter():
        if local(element) == "sheet":
            leads_to = value(element, "id") or ""
            relation = leads.get(leads_to)
            if not leads_to or (relation is not None and relation.kind not in ("worksheet", "dialogsheet")):
                continue  # a sheet that is one chart, or a program of macros
            part = relation.path if relation is not None and relation.path in archive.names else None
            name = clean_prose(value(element, "name") or "") or f"Sheet {len(sheets) + 1}"
            sheets.append(Sheet(name, value(element, "state") in ("hidden", "veryHidden"), part))
    formats, bold = _styles(archive, related(archive, main, "styles"))
    strings = _strings(streamed, related(archive, main, "sharedStrings"))
    from_1904 = value(child(root, "workbookPr"), "date1904") in ("1", "true", "on")
    return Workbook(sheets, formats, bold, strings, from_1904)


def read_layout(archive: Archive, streamed: Archive, part: str) -> Layout:
    """What stands around the cells of the sheet in that part, and in the parts that go with it."""
    layout = Layout()
    if mentions(streamed, part, b"mergeCell", b"autoFilter"):
        for element in elements(streamed, part, "row", "mergeCell", "autoFilter"):
            area = span(value(element, "ref") or "")
            if area is not None and local(element) == "mergeCell" and len(layout.merges) < MOST_MERGES:
                layout.merges.append(area)
            elif area is not None and local(element) == "autoFilter":
                layout.header_rows.add(area[0])
    for table in related(archive, part, "table"):
        root = archive.xml(table)
        area = span(value(root, "ref") or "")
        if area is not None and value(root, "headerRowCount") != "0":
            layout.header_rows.add(area[0])
    for comments in related(archive, part, "comments"):
        for comment in archive.xml(comments).iter():
            if local(comment) == "comment" and (note := _THREAD.sub("", runs(comment)).strip()):
                layout.notes[value(comment, "ref") or ""] = note
    return layout


def column_of(letters: str) -> int:
    """The number of a column, from 0: "A" is 0, "AA" is 26."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def span(area: str) -> Merge | None:
    """The first and last row and column of "B2:D7"; None where it is no such thing."""
    corners = [_CELL.fullmatch(corner) for corner in area.split(":")]
    if not 1 <= len(corners) <= 2 or corners[0] is None or corners[-1] is None:
        return None
    first, last = corners[0], corners[-1]
    return int(first[2]), column_of(first[1]), int(last[2]), column_of(last[1])


def _styles(archive: Archive, parts: list[str]) -> tuple[list[str], list[bool]]:
    if not parts:
        return [], []
    root = archive.xml(parts[0])
    codes = dict(BUILT_IN)
    for element in _children(root, "numFmts"):
        codes[whole(value(element, "numFmtId"), 0)] = value(element, "formatCode") or "General"
    fonts = [
        value(child(font, "b")) not in (None, "0", "false") or _is_set(font)
        for font in _children(root, "fonts")
    ]
    formats, bold = [], []
    for style in _children(root, "cellXfs"):
        font = whole(value(style, "fontId"), len(fonts))
        formats.append(codes.get(whole(value(style, "numFmtId"), 0), "General"))
        bold.append(font < len(fonts) and fonts[font])
    return formats, bold


def _is_set(font: Any) -> bool:
    mark = child(font, "b")
    return mark is not None and value(mark) is None


def _children(root: Any, name: str) -> list[Any]:
    found = child(root, name)
    return [] if found is None else list(found)


def _strings(archive: Archive, parts: list[str]) -> list[str]:
    strings: list[str] = []
    left = SHARED_MEGACHARACTERS << 20
    for part in parts[:1]:
        for item in elements(archive, part, "si"):
            strings.append(runs(item))
            left -= len(strings[-1]) + 8  # what even an empty one takes
            if left < 0:
                raise ParserFailed(
                    f"has more than {SHARED_MEGACHARACTERS} million characters in its cells; "
                    "split the workbook to read it"
                )
    return strings
