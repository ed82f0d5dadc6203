"""Where a quote stands among the letters of a page, and the boxes of lines around those letters.

Pure. The index keeps cleaned text: spaces, hyphens and ligatures normalised, columns' names before cells,
lines put in order. So words are compared by their letters and digits alone, a table's row without the names
it was given too, and a quote that is torn on the page is found in pieces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from ingest.parse.clean import AS_IDEOGRAPHS

LEAST_PIECE = 8  # letters; shorter ones of a torn quote would be found anywhere
PIECES_WITHIN = 2  # quote lengths around its longest piece, in which the other pieces are looked for
_AIR = 0.08  # of a line's height, above and below its ink
_CELL_END = " | "
_COLUMN_NAME = re.compile(r"\A[^:]{1,60}: ")

Box4 = tuple[float, float, float, float]  # left, top, right, bottom


def fold(text: str) -> str:
    """Letters and digits only, compatibility forms and accents taken apart, radicals as ideographs, no case.

    Ligatures, soft hyphens, hyphenated line ends and spaces then make no difference.

    >>> fold("The ﬁrst co-\\u00adoperation")
    'thefirstcooperation'
    """
    return "".join(
        character
        for character in unicodedata.normalize("NFKD", text.translate(AS_IDEOGRAPHS)).casefold()
        if character.isalnum()
    )


def found_spans(letters: str, quote: str, *, near: float) -> tuple[list[tuple[int, int]], float]:
    """Where the quote stands in the page's folded letters, and how much of it does, 0 to 1."""
    wanted = [fold(quote)]
    if _CELL_END in quote:  # `Column: cell | Column: cell`: the names stand elsewhere, if they do
        cells = re.split(rf"{re.escape(_CELL_END)}|\n", quote)
        wanted.append(fold(" ".join(_COLUMN_NAME.sub("", cell) for cell in cells)))
    best: tuple[list[tuple[int, int]], float] = ([], 0.0)
    for letters_wanted in filter(None, wanted):
        spans = find_spans(letters, letters_wanted, near=near)
        found = sum(end - start for start, end in spans) / len(letters_wanted)
        if found > best[1]:
            best = spans, found
    return best


def find_spans(letters: str, wanted: str, *, near: float) -> list[tuple[int, int]]:
    """Where `wanted` stands in `letters`: one span, or several where something stands between its parts.

    Pieces under `LEAST_PIECE` letters are not looked for on their own. Both strings are folded.
    """
    if not wanted:
        return []
    starts = list(_occurrences(letters, wanted))
    if starts:
        target = near * len(letters)
        start = min(starts, key=lambda at: abs(at - target))
        return [(start, start + len(wanted))]
    matcher = SequenceMatcher(None, letters, wanted, autojunk=False)
    spans: list[tuple[int, int]] = []
    first, last = 0, len(letters)
    open_parts = [(0, len(wanted))]
    while open_parts:
        low, high = open_parts.pop()
        match = matcher.find_longest_match(first, last, low, high)
        if match.size < LEAST_PIECE:
            continue
        if not spans:  # the longest piece comes first; the others stand around it
            first = max(0, match.a - PIECES_WITHIN * len(wanted))
            last = min(len(letters), match.a + match.size + PIECES_WITHIN * len(wanted))
        spans.append((match.a, match.a + match.size))
        open_parts += [(low, match.b), (match.b + match.size, high)]
    return _joined(spans)


def _occurrences(letters: str, wanted: str) -> Iterator[int]:
    at = letters.find(wanted)
    while at >= 0:
        yield at
        at = letters.find(wanted, at + 1)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted, with overlapping and touching ones made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def merge_lines(
    rectangles: Iterator[Box4],
) -> list[Box4]:
    """One rectangle per line of text, from its characters' ones in reading order.

    A character is on the line before it when their heights overlap by half and it does not stand far
    to the left of the line (then it begins the next column).
    """
    lines: list[Box4] = []
    for left, top, right, bottom in rectangles:
        if right - left <= 0 or bottom - top <= 0:
            continue  # a space or a line break
        if lines:
            line = lines[-1]
            shared = min(bottom, line[3]) - max(top, line[1])
            least = min(bottom - top, line[3] - line[1])
            if shared > least / 2 and left > line[0] - least and left < line[2] + 4 * least:
                lines[-1] = (
                    min(left, line[0]),
                    min(top, line[1]),
                    max(right, line[2]),
                    max(bottom, line[3]),
                )
                continue
        lines.append((left, top, right, bottom))
    return lines


def trimmed(line: Box4, inks: Sequence[Box4]) -> Box4:
    """`line` as high as the ink in it and a little air, for many fonts claim more than the lines are apart.

    Such a box would lie over the words above and below, as if they were quoted too.
    """
    within = [
        ink
        for ink in inks
        if line[0] <= (ink[0] + ink[2]) / 2 <= line[2] and line[1] <= (ink[1] + ink[3]) / 2 <= line[3]
    ]
    if not within:
        return line
    air = _AIR * (line[3] - line[1])
    top = max(line[1], min(ink[1] for ink in within) - air)
    bottom = min(line[3], max(ink[3] for ink in within) + air)
    return line[0], top, line[2], bottom
