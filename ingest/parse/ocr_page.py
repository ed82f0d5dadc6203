"""What was read in a picture -> its lines in reading order, and where its words stand.

Takes pictures; gives the same records that a PDF's page gives, so that columns, tables, running heads,
headings and hyphens are dealt with there, once. Words are laid straight first: a page that was put in askew
has no rows otherwise. Their places are the picture's own, as it was given.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from ingest.parse.clean import clean
from ingest.parse.ocr import Box, ReadLine, ReadPicture, read_picture
from ingest.parse.ocr_columns import Placed, reading_order
from ingest.parse.pdf_lines import Line
from ingest.parse.pdf_order import rows_in_order
from ingest.parse.pdf_tables import lines_of
from ingest.parse.pdf_words import Style, Word
from rag.records import PlacedWord

if TYPE_CHECKING:
    from PIL import Image

_POINTS = 72
_BOX_TO_SIZE = 0.74  # of a line's box is its font's size, as measured on scans of known fonts
_BASELINE = 0.25  # of the box is below the baseline
_SAME_SIZE = 0.25  # boxes differ so much within one text: a line without tall letters has a lower one


@dataclass(frozen=True, slots=True)
class PictureText:
    """The text in a picture as lines in reading order, and its words' places on it."""

    lines: list[Line]
    words: tuple[PlacedWord, ...]


def picture_text(image: Image.Image, dpi: float) -> PictureText:
    """What is written in a picture; `dpi` says how many of its pixels are an inch."""
    read = read_picture(image)
    return PictureText(lines_in(read, dpi), tuple(placed_words(read)))


def placed_words(read: ReadPicture) -> Iterator[PlacedWord]:
    """Each word, and each character of scripts without spaces by itself, in reading order."""
    width, height = (read.height, read.width) if read.quarters % 2 else (read.width, read.height)
    for line in in_reading_order(read):
        for text, *ends in _tokens(line, wide_apart=True):
            left, top, right, bottom = zip(*map(read.as_given, ends), strict=True)
            yield PlacedWord(
                clean(text),
                *(_share(min(edge), size) for edge, size in ((left, width), (top, height))),
                *(_share(max(edge), size) for edge, size in ((right, width), (bottom, height))),
            )


def _share(edge: float, size: int) -> int:
    return min(10_000, max(0, round(10_000 * edge / size)))


def lines_in(read: ReadPicture, dpi: float) -> list[Line]:
    """What was read, in order: columns one after the other, tables by row, notes in the margin last."""
    ordered = in_reading_order(read)
    upright = [line for line in ordered if not line.on_end]
    found = lines_of(rows_in_order(list(_words(upright, read, dpi))))
    beside = [Line(clean(line.text).strip(), 0.0, -1000.0, 0.1) for line in ordered if line.on_end]
    return [*found, *(line for line in beside if line.text)]


def in_reading_order(read: ReadPicture) -> list[ReadLine]:
    """The lines as one reads: down each column, and those in the margin last."""
    lines, skew = [line for line in read.lines if not line.on_end], read.skew
    placed = []
    for number, line in enumerate(lines):
        first, *_, last = [box for box in (line.boxes[0], *line.boxes) if box[2]]
        left, bottom = _straight(first, skew)
        right = _straight(last, skew)[0] + last[2] - last[0]
        placed.append(Placed(number, left, right, bottom - line.height / 2, line.height))
    beside = [line for line in read.lines if line.on_end]
    return [lines[number] for number in reading_order(placed)] + beside


def _words(lines: Sequence[ReadLine], read: ReadPicture, dpi: float) -> Iterator[Word]:
    usual = median(line.height for line in lines) if lines else 0.0
    points = _POINTS / dpi
    for line in lines:
        near = abs(line.height - usual) <= _SAME_SIZE * usual
        style = Style((usual if near else line.height) * _BOX_TO_SIZE * points)
        below = _BASELINE * line.height
        level = median(_straight(box, read.skew)[1] for box in line.boxes if box[2])
        for text, first, last in _tokens(line):
            left = _straight(first, read.skew)[0] * points
            right = (_straight(last, read.skew)[0] + last[2] - last[0]) * points
            yield Word(text, left, right, (read.height - level + below) * points, style)


def _tokens(line: ReadLine, *, wide_apart: bool = False) -> Iterator[tuple[str, Box, Box]]:
    """The pieces between the spaces of a line, each with its first and its last character's box.

    `wide_apart`: characters as wide as they are high, as ideographs are, are pieces of their own.
    """
    start: int | None = None
    for place, character in enumerate([*line.text, " "]):
        alone = wide_apart and unicodedata.east_asian_width(character) in "WF"
        if start is not None and (alone or character.isspace()):
            yield line.text[start:place], line.boxes[start], line.boxes[place - 1]
            start = None
        if alone:
            yield character, line.boxes[place], line.boxes[place]
        elif not character.isspace():
            start = place if start is None else start


def _straight(box: Box, skew: float) -> tuple[float, float]:
    """Where the box's lower left corner stands once the page is turned straight."""
    left, _, _, bottom = box
    return left * math.cos(skew) + bottom * math.sin(skew), bottom * math.cos(skew) - left * math.sin(skew)
