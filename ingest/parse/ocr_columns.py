"""Lines found in a picture -> the same lines in reading order: columns of running text one after the other.

Pure: takes where lines stand on a page that is straight, gives the order. A column of a table is none of
running text: its rows are read across. Works from the top down: as many rows as leave one gap free between
them are two columns, and each of these may be two again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_FEWEST_LINES = 4  # in a column
_LEAST_WIDTH = 7.0  # heights of a line, by half of a column's lines: else it is a table's
_LEAST_GAP = 0.4  # heights of a usual line, between two columns
_DEEPEST = 4  # cuts inside each other
_MOST_ROWS = 400  # of a picture with more, nothing is known about its order but the rows


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a line stands, in pixels from the upper left corner; `number` says which one it is."""

    number: int
    left: float
    right: float
    middle: float
    height: float


Row = list[Placed]


def reading_order(lines: Sequence[Placed]) -> list[int]:
    """The lines' numbers in reading order."""
    return [line.number for line in _ordered(lines, 0)]


def _ordered(lines: Sequence[Placed], depth: int) -> list[Placed]:
    rows = _rows(lines)
    if depth == _DEEPEST or len(rows) > _MOST_ROWS:
        return [line for row in rows for line in row]
    found: list[Placed] = []
    first = 0
    while first < len(rows):
        after, gap = _columns(rows, first)
        if gap is None:
            found += rows[first]
            first += 1
            continue
        together = [line for row in rows[first:after] for line in row]
        found += _ordered([line for line in together if line.left < gap], depth + 1)
        found += _ordered([line for line in together if line.left >= gap], depth + 1)
        first = after
    return found


def _rows(lines: Sequence[Placed]) -> list[Row]:
    """Lines beside each other, from the top down, each row from left to right."""
    rows: list[Row] = []
    for line in sorted(lines, key=lambda line: line.middle):
        if rows and line.middle - rows[-1][0].middle < 0.5 * min(line.height, rows[-1][0].height):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _columns(rows: Sequence[Row], first: int) -> tuple[int, float | None]:
    """How far the rows from the first one on are two columns, and where these meet; None where they don't."""
    start = min(line.left for row in rows for line in row)
    end = max(line.right for row in rows for line in row)
    free = [(start, end)]
    most = max(
        map(len, rows[first : first + _FEWEST_LINES])
    )  # beside each other: more is where a table begins
    least = _LEAST_GAP * median(line.height for row in rows for line in row)
    after = first
    while after < len(rows) and len(rows[after]) <= most:
        rest = [gap for gap in _without(free, rows[after]) if gap[1] - gap[0] > least]
        if not rest:
            break
        free = rest
        after += 1
    together = [line for row in rows[first:after] for line in row]
    for left, right in sorted(free, key=lambda gap: gap[0] - gap[1]):
        if _is_text([line for line in together if line.right <= right]) and _is_text(
            [line for line in together if line.left >= left]
        ):
            return after, (left + right) / 2
    return after, None


def _without(free: Sequence[tuple[float, float]], row: Row) -> list[tuple[float, float]]:
    """What the row's lines leave of the gaps."""
    rest = list(free)
    for line in row:
        rest = [
            part
            for left, right in rest
            for part in ((left, min(right, line.left)), (max(left, line.right), right))
            if part[0] < part[1]
        ]
    return rest


def _is_text(column: Sequence[Placed]) -> bool:
    if len(column) < _FEWEST_LINES:
        return False
    return median((line.right - line.left) / line.height for line in column) >= _LEAST_WIDTH
