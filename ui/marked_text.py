"""Text cut into pieces for the screen: an answer at its marks, a page at its headings and cited words.

Takes text with spans over it, gives pieces that join to the same text again (an "uncited" sign is the one
piece without text). Offsets are in characters here, never in the browser's UTF-16 units. Knows nothing
about how pieces look.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rag.records import Citation, Heading, Mark, Sentence, Verdict
from ui.page_table import PageTable

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
    """A stretch of a page's text; `level` is a heading's, 0 elsewhere; `tables` what the text is, if any."""

    text: str
    marked: bool = False
    level: int = 0
    tables: tuple[PageTable, ...] = ()


def answer_pieces(
    text: str, sentences: Sequence[Sentence], citations: Sequence[Citation]
) -> list[AnswerPiece]:
    """A finished answer's text at its marks, an "uncited" sign behind each sentence that has none.

    A mark that names several passages, `[1, 2]`, becomes several pieces, the first of which has its text.
    """
    cuts: list[tuple[int, int, list[AnswerPiece]]] = []
    for sentence in sentences:
        if sentence.verdict == "uncited":
            cuts.append((sentence.end, sentence.end, [AnswerPiece("uncited", "", verdict="uncited")]))
        for mark in sentence.marks:
            cuts.append((mark.start, mark.end, _of_mark(text, mark, citations)))
    return _cut(text, sorted(cuts, key=lambda cut: cut[:2]))


def growing_pieces(text: str, citations: Sequence[Citation], numbers: frozenset[int]) -> list[AnswerPiece]:
    """The same for an answer that is still being written: its sentences are not known yet.

    A mark of one of the passages' `numbers` behind the last checked sentence has no verdict so far; before
    it, what no citation covers is text.
    """
    checked_until = max((citation.answer_end for citation in citations), default=0)
    cuts: list[tuple[int, int, list[AnswerPiece]]] = []
    for match in _MARK.finditer(text):
        named = tuple(number for number in _named(match[0]) if number in numbers)
        pieces = _of_mark(text, Mark(match.start(), match.end(), named), citations)
        if match.start() < checked_until:
            pieces = [piece for piece in pieces if piece.citation is not None]
        if pieces:
            cuts.append((match.start(), match.end(), pieces))
    return _cut(text, cuts)


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


def _cut(text: str, cuts: Sequence[tuple[int, int, list[AnswerPiece]]]) -> list[AnswerPiece]:
    pieces: list[AnswerPiece] = []
    done = 0
    for start, end, at_cut in cuts:
        if done < start:
            pieces.append(AnswerPiece("text", text[done:start]))
        pieces += at_cut
        done = end
    return [*pieces, AnswerPiece("text", text[done:])] if done < len(text) else pieces


def _of_mark(text: str, mark: Mark, citations: Sequence[Citation]) -> list[AnswerPiece]:
    """A piece for each number in a mark, with the citation of the sentence around it where there is one."""
    pieces: list[AnswerPiece] = []
    for number in mark.numbers:
        index = next(
            (
                index
                for index, citation in enumerate(citations)
                if citation.number == number
                and citation.answer_start <= mark.start
                and mark.end <= citation.answer_end
            ),
            None,
        )
        verdict = None if index is None else citations[index].verdict
        words = "" if pieces else text[mark.start : mark.end]
        pieces.append(AnswerPiece("mark", words, number, index, verdict))
    return pieces


def _named(mark: str) -> list[int]:
    """The numbers in a mark, a range written out: `[1-3]` names 1, 2 and 3."""
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(mark):
        numbers += range(int(first), min(int(last), int(first) + 99) + 1) if last else [int(first)]
    return list(dict.fromkeys(numbers))


def _level(headings: Sequence[Heading], at: int) -> int:
    return next((heading.level for heading in headings if heading.start <= at < heading.end), 0)
