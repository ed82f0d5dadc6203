"""Finds what repeats at the top or bottom of a PDF's pages: titles, dates, page numbers.

Pure: takes every page's lines with their places, gives them without these. Only the two outermost lines at
each edge are looked at. Of the numbers in them only those may differ from page to page that count the
pages, so that a total at the foot of each page of a bill stays.
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
_NUMBER_MARK = "\0"
_ROMAN = re.compile(r"[ivxlc]+")
_TOKEN = re.compile(r"[^\W_]+")


def without_running_heads(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages' lines without the running heads and feet."""
    edges = [_edge_lines(page) for page in pages]
    numbering = _numbering(edges)
    shapes = [[_shape(line, number, numbering) for line in lines] for number, lines in enumerate(edges)]
    counts = Counter(shape for page_shapes in shapes for shape in set(page_shapes))
    heights = Counter(
        height
        for lines, page_shapes in zip(edges, shapes, strict=True)
        for height in {
            _height(line)
            for line, shape in zip(lines, page_shapes, strict=True)
            if counts[shape] >= _FEWEST or _NUMBER_MARK in shape
        }
    )
    most, some = max(_FEWEST, _MOST_PAGES * len(pages)), max(_FEWEST, _SOME_PAGES * len(pages))
    kept: list[list[Line]] = []
    for page, lines, page_shapes in zip(pages, edges, shapes, strict=True):
        gone = set()
        for line, shape in zip(lines, page_shapes, strict=True):
            in_band = sum(heights[_height(line) + near] for near in (-1, 0, 1)) >= some
            heads = counts[shape] >= some or _NUMBER_MARK in shape
            if counts[shape] >= most or (in_band and heads) or _PAGE_OF_PAGES.fullmatch(line.text.lower()):
                gone.add(id(line))
        kept.append([line for line in page if id(line) not in gone])
    return kept


def _numbering(edges: Sequence[Sequence[Line]]) -> frozenset[int]:
    """By how much page numbers differ from the pages' places in the file; several where they begin anew."""
    offsets = Counter(
        offset
        for number, lines in enumerate(edges)
        for offset in {
            int(token) - number for line in lines for token in _TOKEN.findall(line.text) if _is_number(token)
        }
    )
    least = max(_FEWEST, _NUMBERED_PAGES * len(edges))
    return frozenset(offset for offset, count in offsets.items() if count >= least)


def _edge_lines(page: Sequence[Line]) -> list[Line]:
    """The lines at the highest and the lowest heights of the page."""
    heights = sorted({_height(line) for line in page})
    outer = {*heights[:_EDGE_HEIGHTS], *heights[-_EDGE_HEIGHTS:]}
    return [line for line in page if _height(line) in outer]


def _height(line: Line) -> int:
    return round(line.baseline / _SAME_HEIGHT_POINTS)


def _shape(line: Line, number: int, numbering: frozenset[int]) -> str:
    """A line's words with a mark in place of the page's number."""

    def marked(token: re.Match[str]) -> str:
        word = token.group().lower()
        counts = _is_number(word) and int(word) - number in numbering
        return _NUMBER_MARK if counts or (word == line.text.lower() and _ROMAN.fullmatch(word)) else word

    return _TOKEN.sub(marked, line.text)


def _is_number(token: str) -> bool:
    return token.isdecimal() and len(token) < 5
