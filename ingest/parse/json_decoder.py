"""JSON text -> its values, each knowing where in the text it begins.

Keys that come twice both stay, and numbers stay as they were written (NaN, too). The standard library's own
scanner tells nobody where it is: objects and lists are walked here, which takes two to four times as long,
and is left out in very long texts. Knows neither lines nor words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined] # typeshed lacks it
from json.scanner import py_make_scanner  # type: ignore[attr-defined] # and this
from typing import Any

MOST_PLACED = 16_000_000  # characters; in longer texts only the records of a list know where they begin


class Items(list[Any]):
    """A list; `places` are where its values begin, if that is known."""

    __slots__ = ("places",)

    def __init__(self, values: Any = ()) -> None:
        super().__init__(values)
        self.places: list[int] = []


class Pairs(list[tuple[str, Any]]):
    """An object: its keys and values in their order; `places` as in a list, those of the values."""

    __slots__ = ("places",)

    def __init__(self, pairs: Any = ()) -> None:
        super().__init__(pairs)
        self.places: list[int] = []


class Number(str):
    """A number as it was written."""

    __slots__ = ()


_Scan = Callable[[str, int], tuple[Any, int]]
_SPACE = re.compile(r"[ \t\r\n]*")


class _Placing(json.JSONDecoder):
    def __init__(self) -> None:
        super().__init__(parse_float=Number, parse_int=Number, parse_constant=Number)
        self.parse_object = _object
        self.parse_array = _array
        self.scan_once = py_make_scanner(self)


def load(text: str) -> Any:
    """The value, without places; `ValueError` or `RecursionError` where it is no JSON that can be read."""
    return _QUICK.decode(text)


def load_placed(text: str) -> Any:
    """As `load`, with places in texts that are not too long."""
    return _decoder(text).decode(text)


def records(text: str) -> Iterator[tuple[Pairs, int]]:
    """The objects of a list, each with its place, so that a long list takes no more memory than a short one.

    `ValueError` when it turns out to be anything but a list of objects, `RecursionError` as for `load`.
    """
    decoder = _decoder(text)
    place = after_space(text, 0)
    if not text.startswith("[", place):
        raise ValueError("is no list")
    while True:
        begun = after_space(text, place + 1)
        if not text.startswith("{", begun):
            raise ValueError("holds what is no object")
        value, place = decoder.raw_decode(text, begun)
        yield value, begun
        place = after_space(text, place)
        if text.startswith("]", place):
            break
        if not text.startswith(",", place):
            raise ValueError("is not well-formed")
    if after_space(text, place + 1) < len(text):
        raise ValueError("has something behind it")


def after_space(text: str, place: int) -> int:
    """Where the next character stands that is none of JSON's spaces."""
    if text[place : place + 1] > " ":
        return place  # mostly
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _decoder(text: str) -> json.JSONDecoder:
    return _PLACING if len(text) <= MOST_PLACED else _QUICK


def _object(state: tuple[str, int], strict: bool, scan: _Scan, *_: Any) -> tuple[Pairs, int]:
    """An object, from behind its brace; called by the standard library's scanner, as `_array` is."""
    text, place = state
    pairs = Pairs()
    place = after_space(text, place)
    if text.startswith("}", place):
        return pairs, place + 1
    while True:
        if not text.startswith('"', place):
            raise JSONDecodeError("Expecting property name enclosed in double quotes", text, place)
        key, place = scanstring(text, place + 1, strict)
        place = after_space(text, place)
        if not text.startswith(":", place):
            raise JSONDecodeError("Expecting ':' delimiter", text, place)
        begun = after_space(text, place + 1)
        value, place = _value(text, begun, scan)
        pairs.append((key, value))
        pairs.places.append(begun)
        place = after_space(text, place)
        if text.startswith("}", place):
            return pairs, place + 1
        if not text.startswith(",", place):
            raise JSONDecodeError("Expecting ',' delimiter", text, place)
        place = after_space(text, place + 1)


def _array(state: tuple[str, int], scan: _Scan) -> tuple[Items, int]:
    text, place = state
    items = Items()
    begun = after_space(text, place)
    if text.startswith("]", begun):
        return items, begun + 1
    while True:
        value, place = _value(text, begun, scan)
        items.append(value)
        items.places.append(begun)
        place = after_space(text, place)
        if text.startswith("]", place):
            return items, place + 1
        if not text.startswith(",", place):
            raise JSONDecodeError("Expecting ',' delimiter", text, place)
        begun = after_space(text, place + 1)


def _value(text: str, place: int, scan: _Scan) -> tuple[Any, int]:
    try:
        return scan(text, place)
    except StopIteration as stopped:
        raise JSONDecodeError("Expecting value", text, stopped.value) from None


_QUICK = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=Number
)
_PLACING = _Placing()
