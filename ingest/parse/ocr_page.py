"""What was read in a picture -> its lines in reading order, and a page of paragraphs.

Takes pictures; gives the same records that a PDF's page gives, so that columns, tables, running heads,
headings and hyphens are dealt with there, once. Words are laid straight first: a page that was put in askew
has no rows otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING

from ingest.parse.clean import clean
from ingest.parse.ocr import Box, ReadLine, ReadPicture, read_picture
from ingest.parse.ocr_columns import Placed, reading_order
from ingest.parse.pdf_lines import Line
from ingest.parse.pdf_order import rows_in_order
from ingest.parse.pdf_tables import lines_of
from ingest.parse.pdf_words import Style, Word

if TYPE_CHECKING:
    from PIL import Image

_POINTS = 72
_BOX_TO_SIZE = 0.74  # of a line's box is its font's size, as measured on scans of known fonts
_BASELINE = 0.25  # of the box is below the baseline
_SAME_SIZE = 0.25  # boxes differ so much within one text: a line without tall letters has a lower one


def picture_lines(image: Image.Image, dpi: float) -> list[Line]:
    """The text in a picture as lines in reading order; `dpi` says how many of its pixels are an inch."""
    return lines_in(read_picture(image), dpi)


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


def _tokens(line: ReadLine) -> Iterator[tuple[str, Box, Box]]:
    """The pieces between the spaces of a line, each with its first and its last character's box."""
    start: int | None = None
    for place, character in enumerate([*line.text, " "]):
        if not character.isspace():
            start = place if start is None else start
        elif start is not None:
            yield line.text[start:place], line.boxes[start], line.boxes[place - 1]
            start = None


def _straight(box: Box, skew: float) -> tuple[float, float]:
    """Where the box's lower left corner stands once the page is turned straight."""
    left, _, _, bottom = box
    return left * math.cos(skew) + bottom * math.sin(skew), bottom * math.cos(skew) - left * math.sin(skew)
