"""JSON's values -> lines that say by themselves what they say: `address.city: Paris`.

Depth is no danger to what walks through the values. Long lists of numbers and packed data are named, not
shown. Where a value began goes along with its words. Knows no files or pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ingest.parse.clean import clean_prose
from ingest.parse.json_decoder import Number, Pairs

MOST_NUMBERS = 100  # of a list; longer ones are vectors or outlines, which nobody asks for in words
_FLATTEST = 5  # lists in lists; what GeoJSON nests for a shape is less
_LONGEST_PATH = 200  # characters; a key is said again for everything below it
_PACKED = re.compile(r"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/_=\s-]+")
_SHORTEST_PACKED = 500
_SPACES_OF_WORDS = 20  # text has a space at least once in so many characters


class Line(NamedTuple):
    """Words for one line of a page; `places`: from which character on they stand at which one of the JSON."""

    text: str
    places: tuple[tuple[int, int], ...]


def row(value: Any, place: int = 0) -> Line:
    """A record on one line: `name: Ann | address.city: Paris`; what is empty is left out."""
    cells, places, length = [], [], 0
    for path, words, begun in leaves(value, place=place):
        if words not in ("", "null"):
            cells.append(f"{path}: {words}" if path else words)
            places.append((length, begun))
            length += len(cells[-1]) + len(" | ")
    return Line(" | ".join(cells), tuple(places))


def lines(value: Any, path: str = "", place: int = 0) -> list[Line]:
    """A line for everything that has a value; `place` is where it begins."""
    return [
        Line(f"{path}: {words}".rstrip() if path else words, ((0, begun),))
        for path, words, begun in leaves(value, path, place)
    ]


def leaves(value: Any, path: str = "", place: int = 0) -> Iterator[tuple[str, str, int]]:
    """Every value with the path of keys that leads to it and its place, in order.

    A list of plain values is one. Where a value does not know its place, it has the one of what it is in.
    """
    waiting = [(path, value, place)]
    while waiting:
        path, value, place = waiting.pop()
        if isinstance(value, Pairs) and value:
            placed = zip(value, places_in(value, place), strict=True)
            waiting += [(_below(path, _step(key)), inner, at) for (key, inner), at in [*placed][::-1]]
        elif not isinstance(value, list):
            yield path, scalar(value), place
        elif (words := _listed(value)) is not None:
            yield path, words, places_in(value, place)[0] if value else place
        else:
            numbered = zip(range(len(value)), value, places_in(value, place), strict=True)
            waiting += [(_below(path, f"[{number}]"), inner, at) for number, inner, at in [*numbered][::-1]]


def places_in(value: list[Any], place: int) -> list[int]:
    """Where the values of a list or object begin, or else where it begins itself."""
    return getattr(value, "places", None) or [place] * len(value)


def scalar(value: Any) -> str:
    """A value that is neither object nor list, in words."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, Number):
        return str(value)
    text = str(value)
    if len(text) >= _SHORTEST_PACKED and _is_packed(text):
        return f"({len(text)} characters of packed data)"
    return clean_prose(text)


def is_records(value: Any) -> bool:
    """Whether it is a list of objects, as a table would be written."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, Pairs) for one in value)


@lru_cache(maxsize=1024)
def _step(key: str) -> str:
    """A key as it stands in a path; records have the same ones over and over."""
    return f".{clean_prose(key)}"


def _below(path: str, step: str) -> str:
    longer = path + step if path else step.removeprefix(".")
    return longer if len(longer) <= _LONGEST_PATH else "…" + longer[1 - _LONGEST_PATH :]


def _listed(value: list[Any]) -> str | None:
    """A list of plain values on one line, or of numbers however nested; None for any other."""
    if isinstance(value, Pairs):
        return ""
    if not any(isinstance(one, list) for one in value):
        if len(value) <= MOST_NUMBERS or not all(isinstance(one, Number) for one in value):
            return ", ".join(map(scalar, value))
        return ", ".join(map(str, value[: MOST_NUMBERS // 5])) + f", … ({len(value)} numbers)"
    numbers = _numbers(value)
    if numbers is None:
        return None
    return ", ".join(numbers) if len(numbers) <= MOST_NUMBERS else f"({len(numbers)} numbers)"


def _numbers(value: list[Any]) -> list[str] | None:
    """All numbers of nested lists that hold nothing else; None where they do."""
    level: list[Any] = value
    for _ in range(_FLATTEST):
        if any(isinstance(one, Pairs) or not isinstance(one, Number | list) for one in level):
            return None
        if not any(isinstance(one, list) for one in level):
            return [str(one) for one in level]
        level = [inner for one in level for inner in (one if isinstance(one, list) else (one,))]
    return None


def _is_packed(text: str) -> bool:
    return bool(_PACKED.fullmatch(text)) and text.count(" ") * _SPACES_OF_WORDS < len(text)
