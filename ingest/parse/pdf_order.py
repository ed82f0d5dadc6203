"""Words of a page -> what stands on its lines, in reading order: down one column, then down the next.

Pure: takes words with their places, gives rows of segments. The order of the page's own content is kept as
long as it goes down the columns; where it jumps about, or goes across two columns of running text, rows are
put in order by where they stand. Does not know what is a table, a paragraph or a heading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from statistics import median

from ingest.parse.pdf_rows import Row, Segment, in_rows, is_number
from ingest.parse.pdf_words import Word

_SAME_LINE = 0.5  # sizes between the baselines of words on one line: indices and exponents are on it
_WIDE_GAP = 0.9  # sizes between two words that belong to different columns
_NUMBERS_GAP = 0.45  # the same beside a number: columns of figures stand closer
_MIDDLE = (0.2, 0.8)  # of the text's width, between which two columns meet
_STEP = 2.0  # points between the places at which columns may meet
_MOST_CROSSING = 0.3  # of a page's rows may run over the gap between two columns
_FEWEST_LINES = 6  # in a column of running text
_LEAST_FILLED = 0.6  # of a column's width, by its lines, and the
_LEAST_CHARACTERS = 18  # in them: else it is a table's column
_MOST_RETURNS = 0.1  # of the rows may stand above the one before: more, and the content's order is none
_FEWEST_RETURNS = 3
_DEEPEST = 3  # cuts into columns, inside each other


def rows_in_order(words: Sequence[Word], *, by_place: bool = False) -> list[Row]:
    """What stands on one line each, in reading order.

    `by_place`: the content's order is known to be nobody's, as on a form that was filled in.
    """
    rows = [_split(line) for line in _visual_lines(words)]
    columns = _in_columns(rows, 0)
    if columns is not None:
        return columns
    return in_rows(_segments(rows)) if by_place or _is_jumbled(rows) else rows


def _visual_lines(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Words that follow each other in the content and on the page."""
    line: list[Word] = []
    for word in words:
        if line and not _follows(line[-1], word):
            yield line
            line = []
        line.append(word)
    if line:
        yield line


def _follows(word: Word, after: Word) -> bool:
    size = max(word.style.size, after.style.size)
    if abs(word.baseline - after.baseline) > _SAME_LINE * size or word.style.quarter != after.style.quarter:
        return False
    return after.left > word.right - size / 2 or (after.left < word.left and _is_rtl(word) and _is_rtl(after))


def _is_rtl(word: Word) -> bool:
    """Hebrew, Arabic and their neighbours, or digits and signs, which stand among them."""
    return all("\u0590" <= c <= "\u08ff" or "\ufb1d" <= c <= "\ufefc" or not c.isalpha() for c in word.text)


def _split(line: Sequence[Word]) -> Row:
    """A line cut at its wide gaps."""
    parts = [[line[0]]]
    for word, after in pairwise(line):
        gaps = (after.left - word.right) / min(word.style.size, after.style.size)
        if gaps > _NUMBERS_GAP and (gaps > _WIDE_GAP or is_number(word.text) or is_number(after.text)):
            parts.append([])
        parts[-1].append(after)
    return [Segment.of(part) for part in parts]


def _segments(rows: Sequence[Row]) -> list[Segment]:
    return [segment for row in rows for segment in row]


def _is_jumbled(rows: Sequence[Row]) -> bool:
    """Whether the content goes up again too often for its order to be anyone's."""
    returns = sum(
        after[0].baseline > row[0].baseline + row[0].size
        and after[0].left < row[-1].right
        and row[0].left < after[-1].right
        for row, after in pairwise(rows)
    )
    return returns > max(_FEWEST_RETURNS, _MOST_RETURNS * len(rows))


# --- columns ------------------------------------------------------------------------------------------


def _in_columns(rows: Sequence[Row], depth: int) -> list[Row] | None:
    """The rows with each column's one after the other; None where there is one column."""
    segments = _segments(rows)
    gutter = _gutter(segments) if depth < _DEEPEST else None
    if gutter is None:
        return None
    sides = [_side(segment, gutter) for segment in segments]
    back = sum(before > 0 > after for before, after in pairwise(side for side in sides if side))
    if back * 2 <= min(sides.count(-1), sides.count(1)):
        return list(_cut(rows, gutter))  # the content goes down each column, or each cell, by itself
    found: list[Row] = []
    left: list[Row] = []
    right: list[Row] = []
    for row in [*in_rows(segments), []]:
        at = [_side(segment, gutter) for segment in row]
        if not row or 0 in at:
            found += _in_columns(left, depth + 1) or left
            found += _in_columns(right, depth + 1) or right
            found += [row] if row else []
            left, right = [], []
            continue
        for rows_there, side in ((left, -1), (right, 1)):
            there = [segment for segment, where in zip(row, at, strict=True) if where == side]
            rows_there += [there] if there else []
    return found


def _cut(rows: Sequence[Row], gutter: float) -> Iterator[Row]:
    """Rows that stand in two columns at once made two."""
    for row in rows:
        sides = {_side(segment, gutter) for segment in row}
        if sides == {-1, 1}:
            yield [segment for segment in row if _side(segment, gutter) < 0]
            yield [segment for segment in row if _side(segment, gutter) > 0]
        else:
            yield row


def _side(segment: Segment, gutter: float) -> int:
    """-1 left of it, 1 right of it, 0 across; a line that is a little too long is not across."""
    if segment.right <= gutter + segment.size:
        return -1
    return 1 if segment.left >= gutter - segment.size else 0


def _gutter(segments: Sequence[Segment]) -> float | None:
    """Where two columns of running text meet, if they do."""
    if len(segments) < 2 * _FEWEST_LINES:
        return None
    start, end = min(s.left for s in segments), max(s.right for s in segments)
    lowest, highest = (start + share * (end - start) for share in _MIDDLE)
    changes = [0] * (int((highest - lowest) / _STEP) + 2)
    for segment in segments:
        first = max(0, int((segment.left - lowest) / _STEP) + 1)
        after = max(0, int((segment.right - lowest) / _STEP) + 1)
        if first < after and first < len(changes):
            changes[first] += 1
            changes[min(after, len(changes) - 1)] -= 1
    crossed = list(accumulate(changes[:-1]))
    least = min(crossed, default=len(segments))
    if least > _MOST_CROSSING * len(segments):
        return None
    best = max(_stretches(crossed, least), key=len)
    gutter = lowest + _STEP * best[len(best) // 2]
    left = [segment for segment in segments if segment.right <= gutter]
    right = [segment for segment in segments if segment.left >= gutter]
    if not (_is_running_text(left) and _is_running_text(right)):
        return None
    top = min(max(segment.baseline for segment in column) for column in (left, right))
    bottom = max(min(segment.baseline for segment in column) for column in (left, right))
    return gutter if top - bottom > _FEWEST_LINES * median(s.size for s in segments) else None


def _stretches(crossed: Sequence[int], least: int) -> list[list[int]]:
    """Places next to each other that the fewest segments cross."""
    found: list[list[int]] = [[]]
    for place, count in enumerate(crossed):
        if count == least:
            found[-1].append(place)
        elif found[-1]:
            found.append([])
    return found


def _is_running_text(column: Sequence[Segment]) -> bool:
    """Whether most of its lines are as wide as the column, and made of words."""
    if len(column) < _FEWEST_LINES:
        return False
    width = max(s.right for s in column) - min(s.left for s in column)
    characters = [sum(len(word.text) + 1 for word in segment.words) for segment in column]
    filled = median(segment.right - segment.left for segment in column)
    return filled > _LEAST_FILLED * width and median(characters) >= _LEAST_CHARACTERS
