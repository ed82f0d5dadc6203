"""Text cut into pieces for the screen: an answer at its marks, a page at its headings and cited words.

Takes text with spans over it, gives pieces that join to the same text again (an "uncited" sign is the one
piece without text). Offsets are in characters here, never in the browser's UTF-16 units. Knows nothing
about how pieces look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rag.records import Citation, Heading, Verdict
from rag.sentences import spans

MOST_CHARACTERS = 120_000  # of a page shown at once; a plain text file of a megabyte is one page
_MARK = re.compile(r"\[\s*\d{1,3}(?:\s*[,;、，；–-]\s*\d{1,3})*\s*\]")
_NUMBERS = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """Running text, a mark, or the sign behind a sentence that cites nothing.

    `citation` is the place in the answer's citations, None while the sentence is not yet checked.
    """

    kind: Literal["text", "mark", "uncited"]
    text: str
    number: int | None = None
    citation: int | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class PagePiece:
    """A stretch of a page's text; `level` is a heading's, 0 elsewhere."""

    text: str
    marked: bool = False
    level: int = 0


def answer_pieces(
    text: str, citations: Sequence[Citation], numbers: frozenset[int], *, ended: bool, checked: bool
) -> list[AnswerPiece]:
    """The answer's text at its marks; `[1, 2]` becomes two. Other brackets stay text.

    `numbers` are the passages'; a mark of theirs behind the last checked sentence has no verdict yet, unless
    the answer `ended`. With `checked`, a finished sentence that no citation covers gets an "uncited" sign.
    """
    pieces: list[AnswerPiece] = []
    judged_until = len(text) if ended else max((citation.answer_end for citation in citations), default=0)
    signs = _uncited_ends(text, citations) if ended and checked else []
    done = 0
    for match in _MARK.finditer(text):
        marks = _resolved(match, citations)
        if not marks and match.start() >= judged_until:
            marks = [AnswerPiece("mark", "", number) for number in _named(match[0]) if number in numbers]
        if not marks:
            continue
        pieces += _plain(text, done, match.start(), signs)
        first, *rest = marks
        pieces.append(AnswerPiece("mark", match[0], first.number, first.citation, first.verdict))
        pieces += rest
        done = match.end()
    return [*pieces, *_plain(text, done, len(text), signs)]


def page_pieces(text: str, start: int, end: int, headings: Sequence[Heading] = ()) -> list[PagePiece]:
    """The page's text, the span from `start` to `end` marked; an empty span marks nothing.

    >>> [piece.marked for piece in page_pieces("one two three", 4, 7)]
    [False, True, False]
    """
    low, high = window(len(text), start)
    cuts = {low, high}
    cuts.update(at for at in (start, end) if low < at < high)
    for heading in headings:
        cuts.update(at for at in (heading.start, heading.end) if low < at < high)
    edges = sorted(cuts)
    return [
        PagePiece(text[left:right], start <= left < right <= end, _level(headings, left))
        for left, right in pairwise(edges)
    ]


def window(length: int, start: int) -> tuple[int, int]:
    """Which part of a text of this length is shown when the cited words begin at `start`."""
    if length <= MOST_CHARACTERS:
        return 0, length
    low = max(0, min(start - MOST_CHARACTERS // 2, length - MOST_CHARACTERS))
    return low, low + MOST_CHARACTERS


def _plain(text: str, start: int, end: int, signs: Sequence[int]) -> Iterator[AnswerPiece]:
    for sign in signs:
        if start < sign <= end:
            yield AnswerPiece("text", text[start:sign])
            yield AnswerPiece("uncited", "", verdict="uncited")
            start = sign
    if start < end:
        yield AnswerPiece("text", text[start:end])


def _resolved(match: re.Match[str], citations: Sequence[Citation]) -> list[AnswerPiece]:
    """The marks of one pair of brackets that a citation of the sentence around it stands for."""
    found = []
    for number in _named(match[0]):
        for index, citation in enumerate(citations):
            inside = citation.answer_start <= match.start() and match.end() <= citation.answer_end
            if citation.number == number and inside:
                found.append(AnswerPiece("mark", "", number, index, citation.verdict))
                break
    return found


def _named(mark: str) -> list[int]:
    """The numbers in a mark, a range written out: `[1-3]` names 1, 2 and 3."""
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(mark):
        numbers += range(int(first), min(int(last), int(first) + 99) + 1) if last else [int(first)]
    return list(dict.fromkeys(numbers))


def _uncited_ends(text: str, citations: Sequence[Citation]) -> list[int]:
    """Where the sentences end that no citation covers; marks count as spaces when sentences are found."""
    plain = _MARK.sub(lambda match: " " * len(match[0]), text)
    return [
        end
        for start, end in spans(plain)
        if any(character.isalnum() for character in plain[start:end])
        and not any(cited.answer_start < end and start < cited.answer_end for cited in citations)
    ]


def _level(headings: Sequence[Heading], at: int) -> int:
    return next((heading.level for heading in headings if heading.start <= at < heading.end), 0)
