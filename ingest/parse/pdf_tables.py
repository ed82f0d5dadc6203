"""Rows of a page -> its lines; where rows stand in columns they are a table, and each says what it says.

Pure: takes rows of segments in reading order, gives `Line`s. Columns are the gaps that run down through
nearly all rows of a stretch. A cell that goes on below is put together where the first column says so.
Ruled lines are not looked at. In tables of figures the columns' names may have several lines
(`ingest.parse.pdf_headers`); in others the first row names them only where it is set apart from the rest: in
bold, or on a coloured ground.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from ingest.parse.blocks import table_lines
from ingest.parse.clean import clean_prose, joined
from ingest.parse.pdf_headers import YEAR, Header, Names, header_of
from ingest.parse.pdf_lines import Line
from ingest.parse.pdf_rows import Row, in_rows, is_number, without_leaders
from ingest.parse.pdf_words import Box
from ingest.parse.wrapped import ITEM

_FEWEST_ROWS = 3
_MOST_BETWEEN = 3  # rows of one segment, between those of several
_MOST_ABOVE = 3  # rows of a table, of which one may name its columns
_MOST_BETWEEN_PARTS = 4  # rows between two parts of one table: a title over some rows, a page's head or foot
_CLOSE = 0.7  # times the usual distance between rows
_FARTHEST = 3.5  # sizes between the rows of one table
_COVERED = 0.1  # of the rows may run over the gap between two columns
_NARROWEST = 0.4  # sizes, of such a gap
_FILLED = 0.3  # of the rows have something in each column
_LONGEST = 60  # characters in a cell, on average: longer ones are running text side by side
_HIGHEST_GROUND = 6  # sizes, of the coloured ground of one row
_TIGHT = 1.25  # times the least distance between rows: below nearer ones a cell may go on


Grounds = Callable[[], Sequence[Box]]  # asked where nothing else tells, since pages draw a lot


def lines_of(rows: Sequence[Row]) -> list[Line]:
    """Every row as a line; those of tables are marked."""
    return lines_after(rows, None)[0]


def lines_after(
    rows: Sequence[Row], known: Names | None, grounds: Grounds = tuple
) -> tuple[list[Line], Names | None]:
    """As `lines_of`, for a page after another, with what the page after it needs to know.

    `known` are the names of the table that the page before ends with: a table at the top, in the same columns
    and without names of its own, goes on with them. `grounds` gives where the page is coloured.
    """
    rows = [without_leaders(row) for row in rows]
    lines: list[Line] = []
    done = 0
    names = known
    for start, end in _stretches(rows):
        if start - done > _MOST_BETWEEN_PARTS:
            names = None  # what stands so far below is another table
        inside = in_rows([segment for row in rows[start:end] for segment in row])
        table, used, names = _table(inside, rows[done:start], names, grounds)
        if table is None:
            continue  # it may hold the names of the next
        lines += [_running(row) for row in rows[done:start] if not all(id(one) in used for one in row)]
        lines += table
        done = end
    lines += map(_running, rows[done:])
    ends = done and len(rows) - done <= _MOST_BETWEEN_PARTS
    return [line for line in lines if line.text], names if ends else None


def _stretches(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """From where to where rows of several segments follow each other, single ones between them allowed."""
    start = last = None
    several = 0
    for place, row in enumerate(rows):
        step = rows[place - 1][0].baseline - row[0].baseline if place else 0.0
        near = -row[0].size < step < _FARTHEST * row[0].size
        if start is not None and last is not None and (not near or place - last > _MOST_BETWEEN):
            if several >= _FEWEST_ROWS:
                yield start, last + 1
            start, several = None, 0
        if len(row) > 1 and (_has_figures(row) or not _is_mono(row)):
            start = place if start is None else start
            last, several = place, several + 1
    if start is not None and last is not None and several >= _FEWEST_ROWS:
        yield start, last + 1


def _is_mono(row: Row) -> bool:
    """Whether it may be code, whose lines are kept."""
    return all(word.style.mono for segment in row for word in segment.words)


def _has_figures(row: Row) -> bool:
    """Whether this is hardly anything else, as it is in typewritten tables."""
    return len(row) > _FEWEST_ROWS and sum(is_number(segment.text) for segment in row) >= len(row) - 1


def _table(
    rows: Sequence[Row], before: Sequence[Row], known: Names | None, grounds: Grounds
) -> tuple[list[Line] | None, set[int], Names | None]:
    """The stretch as a table's lines, None where it is none; the ids of what is in its names; the names."""
    several = [row for row in rows if len(row) > 1]
    gaps = _gaps(several) if len(several) >= _FEWEST_ROWS else []
    if not gaps:
        return None, set(), None
    cells = [_cells(row, gaps) for row in rows]
    full = [row for row, there in zip(cells, rows, strict=True) if len(there) > 1]
    columns = list(zip(*full, strict=True))
    if any(sum(map(bool, column)) < _FILLED * len(full) for column in columns):
        return None, set(), None
    lengths = [len(cell) for column in columns for cell in column if cell]
    if sum(lengths) > _LONGEST * len(lengths) or _is_list(columns[0]):
        return None, set(), None
    header = header_of(before, rows, cells, gaps)
    if header is None and known is not None and known.go_on(rows, cells, gaps):
        header = Header(known.names, [], 0)
    if header is None:
        return _by_itself(rows, cells, grounds), set(), None
    rows_of_groups, texts = _grouped(rows[header.rows :], cells[header.rows :])
    written = table_lines([header.names, *texts], header=True)
    lines = [_line(text, row, in_table=True) for text, row in zip(written, rows_of_groups, strict=True)]
    used = set(map(id, header.used))
    above = [row for row in rows[: header.rows] if not all(id(segment) in used for segment in row)]
    over = [_line(" | ".join(one.text for one in row), row, in_table=True) for row in above]
    return [*over, *lines], used, Names(header.names, gaps)


def _by_itself(rows: Sequence[Row], cells: Sequence[Sequence[str]], grounds: Grounds) -> list[Line]:
    """The lines of a table whose names are in a row like the others, if it has any."""
    rows_of_groups, texts = _grouped(rows, cells)
    named = next(
        (
            n
            for n in range(_MOST_ABOVE)  # below the first a coloured row is one that is meant to be seen
            if _is_header(rows_of_groups[n:], texts[n:], tuple if n else grounds)
        ),
        None,
    )
    above = [" | ".join(filter(None, text)) for text in texts[:named]] if named else []
    written = table_lines(texts[named or 0 :], header=named is not None)
    first = len(above) + (named is not None)
    lines = zip([*above, *written], [*rows_of_groups[: len(above)], *rows_of_groups[first:]], strict=True)
    return [_line(text, row, in_table=True) for text, row in lines]


def _grouped(rows: Sequence[Row], cells: Sequence[Sequence[str]]) -> tuple[list[Row], list[list[str]]]:
    """The rows of the table, put together from those of the page, and their cells."""
    groups = _together(rows, cells)
    together = [
        ([segment for place in group for segment in rows[place]], _joined_cells([cells[at] for at in group]))
        for group in groups
    ]
    together = [(row, text) for row, text in together if any(map(clean_prose, text))]
    return [row for row, _ in together], [text for _, text in together]


def _gaps(rows: Sequence[Row]) -> list[float]:
    """The middle of each gap that runs down between the segments of nearly all rows."""
    size = median(segment.size for row in rows for segment in row)
    edges = sorted(
        (at, step) for row in rows for segment in row for at, step in ((segment.left, 1), (segment.right, -1))
    )
    gaps: list[float] = []
    covered, most = 0, _COVERED * len(rows)
    widest, middle = 0.0, 0.0  # of the pieces that a few rows which run over it cut the gap into
    for (at, step), (after, _) in pairwise(edges):
        covered += step
        if covered <= most and after - at > widest:
            widest, middle = after - at, (at + after) / 2
        elif covered > most:
            gaps += [middle] if widest > _NARROWEST * size and _parts(rows, middle) else []
            widest = 0.0
    return gaps


def _parts(rows: Sequence[Row], gap: float) -> bool:
    """Whether most rows have something on both sides."""
    return sum(row[0].left < gap < row[-1].right for row in rows) > len(rows) / 2


def _cells(row: Row, gaps: Sequence[float]) -> list[str]:
    """A row's text by columns; a segment that runs over a gap stands where it begins."""
    cells = [""] * (len(gaps) + 1)
    for segment in row:
        column = bisect_right(gaps, segment.left + segment.size / 2)
        cells[column] = joined(cells[column], segment.text)
    return cells


def _is_list(column: Sequence[str]) -> bool:
    """Whether these are the marks of a list's items."""
    return sum(bool(ITEM.match(cell + " x")) and len(cell) < 5 for cell in column) > len(column) / 2


def _together(rows: Sequence[Row], cells: Sequence[Sequence[str]]) -> list[list[int]]:
    """Which rows of the page make one row of the table.

    Those without a first cell go with the one above, and those that stand closer than others do: cells of
    one line beside cells of two or three, set at half their height.
    """
    steps = [above[0].baseline - row[0].baseline for above, row in pairwise(rows)] or [0.0]
    usual = median(steps)
    least = min((step for step in steps if step > _CLOSE * usual), default=usual)
    groups: list[list[int]] = []
    for place, row in enumerate(cells):
        goes_on = place > 0 and not row[0] and steps[place - 1] < _TIGHT * least
        close = place > 0 and steps[place - 1] < _CLOSE * usual
        if close or (goes_on and not is_number(next(filter(None, row), ""))):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _joined_cells(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = list(rows[0])
    for row in rows[1:]:
        cells = [_joined(cell, more) for cell, more in zip(cells, row, strict=True)]
    return cells


def _joined(cell: str, more: str) -> str:
    return cell[:-1] + more if cell.endswith("\u00ad") and more else joined(cell, more)


def _is_header(rows: Sequence[Row], texts: Sequence[Sequence[str]], grounds: Grounds) -> bool:
    """Whether the first row names the columns: a name for each, in bold, on a ground, or above numbers."""
    if len(texts) < _FEWEST_ROWS:
        return False
    first, below = texts[0], texts[1:]
    if not all(first[1:]) or len(set(first)) < len(first) or YEAR.fullmatch(first[0]):
        return False
    if any(len(cell) > _LONGEST or (is_number(cell) and not YEAR.fullmatch(cell)) for cell in first):
        return False
    if any(YEAR.fullmatch(cell) for row in below for cell in row[1:]):
        return False  # a row of years among others
    if _bold(rows[0]) and sum(map(_bold, rows[1:])) < len(below) / 3:
        return True
    columns = zip(*below, strict=True)
    if sum(sum(map(is_number, column)) * 2 > len(column) for column in columns) * 2 >= len(first):
        return True
    boxes = grounds()
    return _on_ground(rows[0], boxes) and sum(_on_ground(row, boxes) for row in rows[1:]) < len(below) / 3


def _bold(row: Row) -> bool:
    return all(word.style.bold for segment in row for word in segment.words)


def _on_ground(row: Row, boxes: Sequence[Box]) -> bool:
    """Whether all of a row is on a coloured ground that is a row's and not the page's."""
    return all(
        any(
            box[0] <= segment.left
            and segment.right <= box[2]
            and box[1] <= segment.baseline <= box[3] <= box[1] + _HIGHEST_GROUND * segment.size
            for box in boxes
        )
        for segment in row
    )


def _running(row: Row) -> Line:
    """A row of running text, gaps and all, as one line."""
    return _line(" ".join(filter(None, (segment.text for segment in row))), row)


def _line(text: str, row: Row, *, in_table: bool = False) -> Line:
    words = [word for segment in row for word in segment.words]
    total = sum(len(word.text) for word in words)
    longest = max(row, key=lambda segment: sum(len(word.text) for word in segment.words))
    return Line(
        text,
        left=row[0].left,
        baseline=longest.baseline,
        size=_usual_size(row),
        bold=sum(len(word.text) for word in words if word.style.bold) * 2 > total,
        mono=all(word.style.mono for word in words),
        in_table=in_table,
    )


def _usual_size(row: Row) -> float:
    sizes: dict[float, int] = {}
    for segment in row:
        for word in segment.words:
            sizes[word.style.size] = sizes.get(word.style.size, 0) + len(word.text)
    return max(sizes, key=lambda size: sizes[size])
