"""JSON -> a Document of one page, as readable lines.

A value is a line with the keys that lead to it (`address.city: Paris`), an object of a list a row of its
keys and values, and what has much below it a heading. What is no JSON after all (comments, a file cut off)
is read line by line as it stands, with a warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingest.parse.blocks import PageText
from ingest.parse.clean import clean_prose
from ingest.parse.code import line_by_line
from ingest.parse.decode import decode_told
from ingest.parse.json_lines import read_lines
from ingest.parse.json_values import Pairs, is_records, lines, load, records, row
from rag.errors import CorruptSource, EmptySource
from rag.records import Document, Page

MEDIA_TYPE = "application/json"
LONGEST_ROW = 2000  # characters; a record that is longer gets a line for each value
_DEEPEST_HEADING = 3
_FEW = 3  # values, which need no heading
_TITLES = ("title", "name")


def parse(data: bytes, name: str) -> Document:
    """The values of `data` in words."""
    decoded, warnings = decode_told(data)
    if not decoded.strip("\ufeff \t\r\n\0"):
        raise EmptySource("the file holds no text")
    title = None
    try:
        page, title = _table(decoded) or _page(load(decoded))
    except RecursionError as error:
        raise CorruptSource("the JSON is nested too deeply to be read") from error
    except ValueError as error:
        page, told = _no_json(decoded, error)
        warnings.append(told)
    if not page.text:
        raise EmptySource("the JSON holds no value")
    return Document(MEDIA_TYPE, (page,), title, tuple(warnings))


def _no_json(text: str, error: ValueError) -> tuple[Page, str]:
    """One value a line, though it is named otherwise, or else what is written there."""
    made, bad = read_lines(text)
    if bad == 0:
        return Page(1, made), "it is one JSON value a line, so it was read as JSON lines"
    return Page(1, line_by_line(text)), f"it is not valid JSON ({error}), so its lines were read as they are"


def _table(text: str) -> tuple[Page, None] | None:
    """The page of a list of objects; None for any other JSON."""
    try:
        rows = _rows(records(text), "")
    except ValueError:
        return None
    page = PageText()
    page.verbatim("\n".join(rows))
    return page.page(), None


def _page(value: Any) -> tuple[Page, str | None]:
    page = PageText()
    if isinstance(value, Pairs):
        _add_object(page, value, "", 1)
    else:
        page.verbatim("\n".join(lines(value)))
    return page.page(), _title(value)


def _add_object(page: PageText, pairs: Pairs, path: str, level: int) -> None:
    """First what is said in a line or few, then each larger part below its heading."""
    larger: list[tuple[str, Any]] = []
    said: list[str] = []
    for key, value in pairs:
        here = f"{path}.{clean_prose(key)}" if path else clean_prose(key)
        if level <= _DEEPEST_HEADING and (is_records(value) or _is_large(value)):
            larger.append((here, value))
        else:
            said += lines(value, here)
    page.verbatim("\n".join(said))
    for here, value in larger:
        page.heading(level, here)
        if isinstance(value, Pairs):
            _add_object(page, value, here, level + 1)
        else:
            page.verbatim("\n".join(_rows(value, here)))


def _is_large(value: Any) -> bool:
    return isinstance(value, Pairs) and (
        len(value) > _FEW or any(isinstance(inner, list) for _, inner in value)
    )


def _rows(found: Iterable[Any], path: str) -> list[str]:
    """A line for each record, or for each of its values where one line would be too long."""
    rows: list[str] = []
    for place, record in enumerate(found):
        whole = row(record)
        rows += [whole] if len(whole) <= LONGEST_ROW else lines(record, f"{path}[{place}]")
    return rows


def _title(value: Any) -> str | None:
    """What the value calls itself."""
    if not isinstance(value, Pairs):
        return None
    named = {key: inner for key, inner in value if key in _TITLES and type(inner) is str}
    return next((clean_prose(named[key])[:200] for key in _TITLES if named.get(key)), None)
