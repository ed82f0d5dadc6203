"""Where a text can be cut: its sentences, its lines, and the best place inside either.

Pure; offsets count in the whole text. Knows neither tokens nor pages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rag.text.sentences import spans

PARAGRAPH, LINE, SENTENCE = 3, 2, 1  # how well a text is cut before a unit
_PAUSES, _WIDE_PAUSES = ",;:)\n", "，；、：）」』】"  # inside a sentence it is cut after these at best


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of a part of a text."""
    return ((start + begin, start + stop) for begin, stop in spans(text[start:end]))


def lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The lines that have anything in them, without the spaces around them."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        begin = lstrip(text, start, stop)
        if begin < stop:
            yield begin, rstrip(text, begin, stop)
        start = stop + 1


def boundary(text: str, start: int, end: int) -> int:
    """How well a text is cut between two units."""
    count = text.count("\n", start, end)
    return PARAGRAPH if count > 1 else LINE if count else SENTENCE


def good_break(text: str, start: int, stop: int, end: int) -> int:
    """The best place to cut at `stop` or a little before: after a pause, else a word, else a character."""
    if stop >= end:
        return end
    near = range(stop, start + max(1, (stop - start) * 3 // 4) - 1, -1)
    for fits in (_is_pause, _is_gap, _is_border):
        for place in near:
            if fits(text[place - 1], text[place]):
                return place
    return stop


def _is_pause(before: str, after: str) -> bool:
    return before in _WIDE_PAUSES or (before in _PAUSES and after.isspace())


def _is_gap(before: str, after: str) -> bool:
    return before.isspace() or after.isspace()


def _is_border(_before: str, after: str) -> bool:
    return not unicodedata.combining(after)


def rstrip(text: str, start: int, end: int) -> int:
    """Where a part of a text ends without the spaces behind it."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def lstrip(text: str, start: int, end: int) -> int:
    """Where a part of a text begins without the spaces before it."""
    while start < end and text[start].isspace():
        start += 1
    return start
