"""Finds the headings among a PDF's lines: by the outline where there is one, else by how they are set.

Pure: takes outline entries and lines, gives lines marked with their level. An entry whose words are not on
its page is left out; its page is then found by its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.parse.layout import MarkedLine, Measures
from ingest.parse.pdf_lines import Line

_LARGER = 1.15  # times the running text: a heading's size
_LONGEST = 120  # characters
_MOST_LINES = 3  # that a heading may take
_MOST_SIZES = 4  # larger sizes that count as levels of their own
_NOT_IN_WORDS = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"(?:chapter|section|part|appendix|§)?[\dIVXLC]*[A-Z]?[\d]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a PDF's outline; pages count from 1."""

    title: str
    page: int
    level: int


def mark_by_outline(pages: Sequence[Sequence[Line]], entries: Sequence[Entry]) -> list[list[MarkedLine]]:
    """Every page's lines, those marked that an entry of the outline names."""
    by_page: dict[int, list[Entry]] = {}
    for entry in entries:
        by_page.setdefault(entry.page, []).append(entry)
    return [_mark_page(page, by_page.get(number, ())) for number, page in enumerate(pages, 1)]


def mark_by_size(pages: Sequence[Sequence[Line]], usual: Measures) -> list[list[MarkedLine]]:
    """Every page's lines, those marked that are set larger than the running text, or bold and alone."""
    sizes = sorted(
        {
            round(line.size)
            for page in pages
            for line in page
            if _is_title(line) and line.size > _LARGER * usual.size
        },
        reverse=True,
    )
    levels = {size: min(place, _MOST_SIZES) for place, size in enumerate(sizes, 1)}
    bold_level = max(levels.values(), default=0) + 1
    bold_text = sum(len(line.text) for page in pages for line in page if line.bold)
    all_text = sum(len(line.text) for page in pages for line in page)
    mostly_bold = bold_text * 4 > all_text
    return [_mark_by_size(page, usual, levels, None if mostly_bold else bold_level) for page in pages]


def _mark_by_size(
    page: Sequence[Line], usual: Measures, levels: dict[int, int], bold_level: int | None
) -> list[MarkedLine]:
    marked: list[MarkedLine] = []
    for place, line in enumerate(page):
        level = None
        if _is_title(line) and line.size > _LARGER * usual.size:
            level = levels[round(line.size)]
        elif bold_level is not None and _is_bold_title(
            page, place, usual, below_heading=_ends_in_heading(marked)
        ):
            level = bold_level
        marked.append(MarkedLine(line, level))
    return marked


def _ends_in_heading(marked: Sequence[MarkedLine]) -> bool:
    return bool(marked) and marked[-1].level is not None


def _is_bold_title(page: Sequence[Line], place: int, usual: Measures, *, below_heading: bool) -> bool:
    """Whether a bold line of the usual size stands alone and introduces running text."""
    line = page[place]
    if not (line.bold and _is_title(line) and line.size >= 0.95 * usual.size and line.text[-1] not in ".:;,"):
        return False
    if place and not below_heading:
        gap = page[place - 1].baseline - line.baseline
        if 0 < gap <= 1.1 * usual.leading * usual.size:
            return False
    below = page[place + 1] if place + 1 < len(page) else None
    return below is not None and not below.bold and len(below.text) > usual.characters / 2


def _is_title(line: Line) -> bool:
    return (
        not line.in_table
        and 1 < len(line.text) <= _LONGEST
        and sum(map(str.isalpha, line.text)) > 0.4 * len(line.text)
    )


def _mark_page(page: Sequence[Line], entries: Sequence[Entry]) -> list[MarkedLine]:
    levels: dict[int, int] = {}
    words = [_words(line.text) for line in page]
    for entry in entries:
        found = _find(words, _words(entry.title), levels)
        levels.update(dict.fromkeys(found, entry.level))
    return [MarkedLine(line, levels.get(place)) for place, line in enumerate(page)]


def _find(words: Sequence[str], title: str, taken: dict[int, int]) -> range:
    """Which lines say this title and nothing else, a number before it aside."""
    if not title:
        return range(0)
    for start in range(len(words)):
        said = ""
        for end in range(start, min(start + _MOST_LINES, len(words))):
            if end in taken:
                break
            said += words[end]
            if said.endswith(title) and _NUMBER.fullmatch(said.removesuffix(title).upper()):
                return range(start, end + 1)
            if len(said) > len(title) + 12:
                break
    return range(0)


def _words(text: str) -> str:
    return _NOT_IN_WORDS.sub("", text).casefold()
