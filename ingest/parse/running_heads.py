"""Finds what repeats at the top or bottom of a PDF's pages: titles, dates, page numbers.

Pure: takes every page's lines with their places, gives them without these. Only the two outermost lines at
each edge are looked at; digits count as equal, so that "Page 3 of 9" repeats. A document of one or two
pages is left alone: nothing repeats there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ingest.parse.pdf_lines import Line

_EDGE_HEIGHTS = 2  # lines at the top, and as many at the bottom
_FEWEST = 3  # times that something must repeat
_MOST_PAGES = 0.5  # of the pages have it: a running head
_SOME_PAGES = 0.15  # of the pages have it, at the height of running heads: a chapter's
_NUMBERED_PAGES = 0.3  # of the pages count on from one to the next at an edge: page numbers
_SAME_HEIGHT_POINTS = 2.0
_PAGE_OF_PAGES = re.compile(
    r"page \d+(?: of \d+)?|[-–—] ?\d+ ?[-–—]|第 ?\d+ ?页(?:.{0,3}共 ?\d+ ?页)?|seite \d+(?: von \d+)?"
)
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)


def without_running_heads(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages' lines without the running heads and feet."""
    edges = [_edge_lines(page) for page in pages]
    counts = Counter(shape for lines in edges for shape in {_shape(line) for line in lines})
    offsets = Counter(
        offset for n, lines in enumerate(edges) for offset in {o for line in lines for o in _offsets(line, n)}
    )
    most, some = max(_FEWEST, _MOST_PAGES * len(pages)), max(_FEWEST, _SOME_PAGES * len(pages))
    numbering = {
        offset for offset, count in offsets.items() if count >= max(_FEWEST, _NUMBERED_PAGES * len(pages))
    }
    heights = Counter(
        height
        for n, lines in enumerate(edges)
        for height in {
            _height(line)
            for line in lines
            if counts[_shape(line)] >= _FEWEST or numbering.intersection(_offsets(line, n))
        }
    )
    kept: list[list[Line]] = []
    for number, (page, lines) in enumerate(zip(pages, edges, strict=True)):
        gone = set()
        for line in lines:
            count = counts[_shape(line)]
            in_band = sum(heights[_height(line) + near] for near in (-1, 0, 1)) >= some
            numbered = bool(numbering.intersection(_offsets(line, number))) or _is_page_number(line)
            if (
                _PAGE_OF_PAGES.fullmatch(line.text.lower())
                or count >= most
                or (in_band and (count >= some or numbered))
            ):
                gone.add(id(line))
        kept.append([line for line in page if id(line) not in gone])
    return kept


def _edge_lines(page: Sequence[Line]) -> list[Line]:
    """The lines at the highest and the lowest heights of the page."""
    heights = sorted({_height(line) for line in page})
    outer = {*heights[:_EDGE_HEIGHTS], *heights[-_EDGE_HEIGHTS:]}
    return [line for line in page if _height(line) in outer]


def _height(line: Line) -> int:
    return round(line.baseline / _SAME_HEIGHT_POINTS)


def _shape(line: Line) -> str:
    return _NUMBER.sub("#", line.text.lower())


def _offsets(line: Line, index: int) -> set[int]:
    """How far the first and the last number on a line are from the page's place in the file."""
    tokens = line.text.split()
    return {int(token) - index for token in (tokens[0], tokens[-1]) if token.isdecimal() and len(token) < 5}


def _is_page_number(line: Line) -> bool:
    return not any(character.isalpha() for character in _shape(line))
