"""JSON -> a Document of one page, as readable lines.

A value is a line with the keys that lead to it (`address.city: Paris`), an object of a list a row of its
keys and values, and what has much below it a heading. Each knows its line in the file. What is no JSON after
all (comments, a file cut off) is read line by line as it stands, with a warning.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose
from ingest.parse.code import line_by_line
from ingest.parse.decode import decode_told
from ingest.parse.json_decoder import Pairs, load_placed, records
from ingest.parse.json_lines import read_lines
from ingest.parse.json_values import Line, is_records, lines, places_in, row
from rag.errors import CorruptSource, EmptySource
from rag.records import Document, LineMark, Page

MEDIA_TYPE = "application/json"
LONGEST_ROW = 2000  # characters; a record that is longer gets a line for each value
_DEEPEST_HEADING = 3
_FEW = 3  # values, which need no heading
_LINE_END = re.compile(r"\r\n?|\n")
_TITLES = ("title", "name")


def parse(data: bytes, name: str) -> Document:
    """The values of `data` in words."""
    decoded, warnings = decode_told(data)
    if not decoded.strip("\ufeff \t\r\n\0"):
        raise EmptySource("the file holds no text")
    page, title = _JsonPage(decoded), None
    try:
        if not page.add_table():
            title = page.add(load_placed(decoded))
        made = page.page()
    except RecursionError as error:
        raise CorruptSource("the JSON is nested too deeply to be read") from error
    except ValueError as error:
        made, told = _no_json(decoded, error)
        warnings.append(told)
    if not made.text:
        raise EmptySource("the JSON holds no value")
    return Document(MEDIA_TYPE, (made,), title, tuple(warnings))


def _no_json(text: str, error: ValueError) -> tuple[Page, str]:
    """One value a line, though it is named otherwise, or else what is written there."""
    made, bad = read_lines(text)
    told = "it is one JSON value a line, so it was read as JSON lines"
    if bad:
        made = line_by_line(text)
        told = f"it is not valid JSON ({error}), so its lines were read as they are"
    return Page(1, made, lines=(LineMark(0, 1),)), told


class _JsonPage:
    """The page of one JSON text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [found.end() for found in _LINE_END.finditer(text)]
        self._page = PageText()

    def page(self) -> Page:
        return self._page.page()

    def add_table(self) -> bool:
        """Adds the rows of a list of objects; False, and nothing is added, for any other JSON."""
        try:
            rows = _rows(records(self._text), "")
        except ValueError:
            return False
        self._add_lines(rows)
        return True

    def add(self, value: Any) -> str | None:
        """Adds any other value; gives what it calls itself."""
        if isinstance(value, Pairs):
            self._add_object(value, "", 1, 0)
        else:
            self._add_lines(lines(value))
        return _title(value)

    def _add_object(self, pairs: Pairs, path: str, level: int, place: int) -> None:
        """First what is said in a line or few, then each larger part below its heading."""
        larger: list[tuple[str, Any, int]] = []
        said: list[Line] = []
        for (key, value), begun in zip(pairs, places_in(pairs, place), strict=True):
            here = f"{path}.{clean_prose(key)}" if path else clean_prose(key)
            if level <= _DEEPEST_HEADING and (is_records(value) or _is_large(value)):
                larger.append((here, value, begun))
            else:
                said += lines(value, here, begun)
        self._add_lines(said)
        for here, value, begun in larger:
            self._page.heading(level, here, line=self._line(begun))
            if isinstance(value, Pairs):
                self._add_object(value, here, level + 1, begun)
            else:
                self._add_lines(_rows(zip(value, places_in(value, begun), strict=True), here))

    def _add_lines(self, found: Sequence[Line]) -> None:
        found = [line for line in found if line.text]  # of an empty record nothing is said
        marks: list[LineMark] = []
        length = 0
        for line in found:
            marks += [LineMark(length + start, self._line(place)) for start, place in line.places]
            length += len(line.text) + 1
        self._page.verbatim("\n".join(line.text for line in found), lines=marks)

    def _line(self, place: int) -> int:
        return bisect_right(self._ends, place) + 1


def _is_large(value: Any) -> bool:
    return isinstance(value, Pairs) and (
        len(value) > _FEW or any(isinstance(inner, list) for _, inner in value)
    )


def _rows(found: Iterable[tuple[Any, int]], path: str) -> list[Line]:
    """A line for each record, or for each of its values where one line would be too long."""
    rows: list[Line] = []
    for number, (record, place) in enumerate(found):
        whole = row(record, place)
        rows += [whole] if len(whole.text) <= LONGEST_ROW else lines(record, f"{path}[{number}]", place)
    return rows


def _title(value: Any) -> str | None:
    """What the value calls itself."""
    if not isinstance(value, Pairs):
        return None
    named = {key: inner for key, inner in value if key in _TITLES and type(inner) is str}
    return next((clean_prose(named[key])[:200] for key in _TITLES if named.get(key)), None)
