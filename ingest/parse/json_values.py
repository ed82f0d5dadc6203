"""JSON text -> its values, and values -> lines that say by themselves what they say: `address.city: Paris`.

Keys that come twice both stay, numbers stay as they were written (NaN, too), and depth is no danger to what
walks through them. Long lists of numbers and packed data are named, not shown. Knows no files or pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ingest.parse.clean import clean_prose

MOST_NUMBERS = 100  # of a list; longer ones are vectors or outlines, which nobody asks for in words
_FLATTEST = 5  # lists in lists; what GeoJSON nests for a shape is less
_LONGEST_PATH = 200  # characters; a key is said again for everything below it
_PACKED = re.compile(r"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/_=\s-]+")
_SHORTEST_PACKED = 500
_SPACES_OF_WORDS = 20  # text has a space at least once in so many characters


class Pairs(list[tuple[str, Any]]):
    """An object: its keys and values in their order."""


class Number(str):
    """A number as it was written."""

    __slots__ = ()


_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=Number
)
_SPACE = re.compile(r"[ \t\r\n]*")


def load(text: str) -> Any:
    """The value; `ValueError` or `RecursionError` where it is no JSON that can be read."""
    return _DECODER.decode(text)


def records(text: str) -> Iterator[Pairs]:
    """The objects of a list, one after the other, so that a long list takes no more memory than a short one.

    `ValueError` when it turns out to be anything but a list of objects, `RecursionError` as for `load`.
    """
    place = _after_space(text, 0)
    if not text.startswith("[", place):
        raise ValueError("is no list")
    while True:
        place = _after_space(text, place + 1)
        if not text.startswith("{", place):
            raise ValueError("holds what is no object")
        value, place = _DECODER.raw_decode(text, place)
        yield value
        place = _after_space(text, place)
        if text.startswith("]", place):
            break
        if not text.startswith(",", place):
            raise ValueError("is not well-formed")
    if _after_space(text, place + 1) < len(text):
        raise ValueError("has something behind it")


def row(value: Any) -> str:
    """A record on one line: `name: Ann | address.city: Paris`; what is empty is left out."""
    cells = ((path, words) for path, words in leaves(value) if words not in ("", "null"))
    return " | ".join(f"{path}: {words}" if path else words for path, words in cells)


def lines(value: Any, path: str = "") -> list[str]:
    """A line for everything that has a value."""
    return [f"{path}: {words}" if path else words for path, words in leaves(value, path)]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value with the path of keys that leads to it, in order; lists of plain values are one."""
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Pairs) and value:
            waiting += [(_below(path, _step(key)), inner) for key, inner in reversed(value)]
        elif not isinstance(value, list):
            yield path, scalar(value)
        elif (words := _listed(value)) is not None:
            yield path, words
        else:
            waiting += [(_below(path, f"[{place}]"), value[place]) for place in reversed(range(len(value)))]


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


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


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
