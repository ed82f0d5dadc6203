"""What the columns of a table on a page are called: names of several lines, and those above several columns.

Pure. Takes the rows of a table with the gaps between its columns, and what stands before it in reading order:
names are often set cell by cell, so that their lines come before the table as if they were no part of it. A
name belongs to the column that it stands above; one that stands over the middle of several belongs to each
of them. Gives nothing where that leaves a column of figures without a name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.parse.clean import clean_prose, joined
from ingest.parse.pdf_rows import Row, Segment, in_rows, is_number

YEAR = re.compile(r"(?:19|20)\d\d(?:[-/–]\d\d(?:\d\d)?)?")
_FEWEST_ROWS = 2  # of figures below the names
_HIGHEST = 9.0  # sizes from the first row up to the highest line of a name
_WRAPPED = 1.35  # sizes between the lines of one name
_NEXT = 2.4  # sizes between the lines of names, and
_BELOW = 3.2  # down to the first row
_ASTRAY = 1.5  # sizes between the gaps of two parts of a table
_OFF_CENTRE = 1.5  # sizes between the middle of a name and of the columns that it stands above
_NO_FIGURES = frozenset(("na", "n/a", "n.a.", "x", "nd", "ref.", "ns"))  # in the place of one
_APART, _APART_ALONE = 0.45, 0.65  # sizes between two names on a line; where they are two words
_WIDER = 1.6  # times the least distance between words
_LONGEST_TITLE = 25  # characters of what stands over all columns and is said with each
_LONGEST = 90  # characters of a name with all that stands above it
_CAPTION = re.compile(r"(?:table|figure|fig|tab|tabelle|tableau|abb|exhibit|表|图)\.?\s*[\dIVXA-Z]", re.I)


Extent = tuple[float, float]  # from where to where something reaches


@dataclass(frozen=True, slots=True)
class Header:
    """The columns' names, the segments that they are made of, and how many of the table's rows these fill."""

    names: list[str]
    used: list[Segment]
    rows: int


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a table's columns, and the gaps between these."""

    names: list[str]
    gaps: list[float]

    def go_on(self, rows: Sequence[Row], cells: Sequence[Sequence[str]], gaps: Sequence[float]) -> bool:
        """Whether rows without names of their own are more rows of the table."""
        astray = _ASTRAY * rows[0][0].size
        if len(gaps) != len(self.gaps) or any(
            abs(gap - own) > astray for gap, own in zip(gaps, self.gaps, strict=True)
        ):
            return False
        first = _first_of_figures(cells, _columns_of_figures(cells))
        return first is not None and not any(any(row[1:]) for row in cells[:first])


def header_of(
    before: Sequence[Row], rows: Sequence[Row], cells: Sequence[Sequence[str]], gaps: Sequence[float]
) -> Header | None:
    """The header of a table of figures; None where it has none that is sure."""
    numeric = _columns_of_figures(cells)
    first = _first_of_figures(cells, numeric)
    if first is None:
        return None
    lines = _lines_above(before, rows, first, gaps)
    while lines and all(segment.right < gaps[0] for segment in lines[-1]):  # it heads some rows
        first -= lines[-1][0] is rows[first - 1][0] if first else 0
        lines.pop()
    names = [""] * (len(gaps) + 1)
    columns = _extents(rows[first:], gaps)
    used: list[Segment] = []
    below = None
    for line in reversed(lines):
        pieces = [piece for segment in line for piece in _apart(segment)]
        places = _columns_below(pieces, columns, below)
        if places is None:
            break
        for segment, columns_below in [*zip(pieces, places, strict=True)][::-1]:
            for place in columns_below:
                names[place] = _joined(segment.text, names[place])
        used += line
        below = pieces
    names = [clean_prose(name) for name in names]
    if not all(names[place] for place in numeric) or not _are_names(names):
        return None
    return Header(names, used, first)


def _columns_of_figures(cells: Sequence[Sequence[str]]) -> list[int]:
    """The columns but the first that mostly hold figures; none where these are less than half of them."""
    columns = [list(column) for column in zip(*cells, strict=True)]
    numeric = [
        place
        for place, column in enumerate(columns[1:], 1)
        if sum(map(_is_figure, column)) * 2 > sum(map(bool, column))
    ]
    return numeric if len(numeric) * 2 >= len(columns) - 1 else []


def _first_of_figures(cells: Sequence[Sequence[str]], numeric: Sequence[int]) -> int | None:
    """The first row that has figures where most rows have; None where this is no table of figures."""
    for number, row in enumerate(cells):
        figures = [row[place] for place in numeric if _is_figure(row[place])]
        most = len(figures) * 2 >= sum(map(bool, row[1:]))
        if figures and most and not all(map(YEAR.fullmatch, figures)):
            return number if len(cells) - number >= _FEWEST_ROWS else None
    return None


def _are_figures(line: Row) -> bool:
    figures = [segment.text for segment in line if _is_figure(segment.text)]
    return len(figures) * 2 > len(line) and not all(map(YEAR.fullmatch, figures))


def _is_figure(cell: str) -> bool:
    bare = cell.strip("()*").lower()
    return bare in _NO_FIGURES or (is_number(cell) and bare not in ("%", "$", "€"))


def _lines_above(before: Sequence[Row], rows: Sequence[Row], first: int, gaps: Sequence[float]) -> list[Row]:
    """The lines that may hold names, from the top down."""
    top = rows[first][0]
    left = min(segment.left for row in rows[first:] for segment in row) - top.size
    right = max(segment.right for row in rows[first:] for segment in row) + 2 * top.size
    found = [segment for row in rows[:first] for segment in row]
    for row in reversed(before):
        inside = all(
            segment.left > left
            and segment.right < right
            and 0 < segment.baseline - top.baseline < _HIGHEST * top.size
            and not (segment.left < gaps[0] - segment.size and segment.right > gaps[0] + segment.size)
            and not _CAPTION.match(segment.text)
            for segment in row
        )
        if not inside:
            break
        found += row
    lines: list[Row] = []
    below, most = top.baseline, _BELOW
    for line in reversed(in_rows(found)):
        if line[0].baseline - below > most * line[0].size:
            break
        if not (line[0].right < gaps[0] and _are_figures(line[1:])):
            lines.insert(0, line)
        below, most = max(segment.baseline for segment in line), _NEXT
    return lines


def _extents(rows: Sequence[Row], gaps: Sequence[float]) -> list[Extent]:
    """From where to where each column's cells reach, but for what runs over a gap."""
    edges = [float("-inf"), *gaps, float("inf")]
    extents: list[Extent] = []
    for low, high in pairwise(edges):
        inside = [one for row in rows for one in row if low < (one.left + one.right) / 2 < high]
        left = max((low, min((one.left for one in inside), default=low)))
        extents.append((left, min((high, max((one.right for one in inside), default=high)))))
    return extents


def _columns_below(line: Row, columns: Sequence[Extent], below: Row | None) -> list[list[int]] | None:
    """The columns that each segment of a line of names stands above; None where that is not sure.

    A line with fewer names than there are columns, apart from the line below it, is neither the beginning of
    some names nor shared out.
    """
    alone = [_own_columns(segment, columns) for segment in line]
    filled = {place for segment in below or () for place in _own_columns(segment, columns)}
    above = [at for at, own in enumerate(alone) if own != [0]]
    begun = [at for at in above if len(alone[at]) > 1 or alone[at][0] not in filled]
    free = [place for place in range(1, len(columns)) if place not in filled]
    if not free or begun == above:
        begun, free = above, list(range(1, len(columns)))
    # else: beside the beginnings of names that go on below, or nothing but these
    shared = _shared([line[at] for at in begun], columns, free)
    if shared is not None and len(shared) == 1 and len(line[begun[0]].text) > _LONGEST_TITLE:
        return None  # it is above the whole table, and would be said with every cell
    if shared is not None:
        for at, own in zip(begun, shared, strict=True):
            alone[at] = _without_others(own, filled)
    elif below is not None and len({place for own in alone for place in own} - {0}) < len(columns) - 1:
        step = min(one.baseline for one in line) - max(one.baseline for one in below)
        return alone if step < _WRAPPED * below[0].size else None
    return alone


def _without_others(places: list[int], filled: set[int]) -> list[int]:
    """Of columns that share a name, those at either end whose own names reach up to it have none of it."""
    if sum(place in filled for place in places) * 2 >= len(places):
        return places
    inner = [place for place in places if place not in filled]
    return list(range(inner[0], inner[-1] + 1))


def _apart(segment: Segment) -> list[Segment]:
    """A line of names cut where they are but a little farther apart than its words are."""
    gaps = [after.left - word.right for word, after in pairwise(segment.words)]
    wide = max(_APART, _WIDER * min(gaps) / segment.size) if len(gaps) > 1 else _APART_ALONE
    parts = [[segment.words[0]]]
    for gap, word in zip(gaps, segment.words[1:], strict=True):
        if gap > wide * segment.size:
            parts.append([])
        parts[-1].append(word)
    return [Segment.of(part) for part in parts]


def _own_columns(segment: Segment, columns: Sequence[Extent]) -> list[int]:
    """The columns whose cells it stands above, or else the nearest."""
    middle = (segment.left + segment.right) / 2
    first = int(segment.left > columns[1][0] - segment.size or middle > columns[1][0])
    over = [
        place
        for place, (left, right) in list(enumerate(columns))[first:]
        if segment.left < (left + right) / 2 < segment.right or left <= middle <= right
    ]
    return over or [min(range(len(columns)), key=lambda place: abs(sum(columns[place]) / 2 - middle))]


def _shared(
    line: Sequence[Segment], columns: Sequence[Extent], free: Sequence[int]
) -> list[list[int]] | None:
    """For a line of names above several columns each, which these are: all that are free are shared out.

    They are shared out so that the names stand over the middles of their columns as well as can be.
    """
    if not line or len(line) >= len(free):
        return None
    # by how many columns are given away: how far the worst name is off its middle, and what each was given
    best: dict[int, tuple[float, list[list[int]]]] = {0: (0.0, [])}
    for segment in line:
        found: dict[int, tuple[float, list[list[int]]]] = {}
        for begun, (worst, given) in best.items():
            for end in range(begun + 1, len(free) + 1):
                middle = (columns[free[begun]][0] + columns[free[end - 1]][1]) / 2
                off = max(worst, abs((segment.left + segment.right) / 2 - middle) / segment.size)
                if off <= _OFF_CENTRE and (end not in found or off < found[end][0]):
                    found[end] = off, [*given, list(free[begun:end])]
        best = found
    return best[len(free)][1] if len(free) in best else None


def _are_names(names: Sequence[str]) -> bool:
    given = list(filter(None, names))
    return (
        len(set(given)) > 1
        and sum(is_number(name) and not YEAR.fullmatch(name) for name in given) * 2 < len(given)
        and max(map(len, given)) <= _LONGEST
    )


def _joined(name: str, more: str) -> str:
    if name.endswith("\u00ad"):
        return name[:-1] + more
    if name.endswith("-") and more[:1].islower():
        return name[:-1] + more
    return joined(name, more)
