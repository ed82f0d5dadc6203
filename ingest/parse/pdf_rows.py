"""What stands on one line of a page: words, cut into segments where the gaps between them are wide.

Pure records. A row of running text has one segment, a row of a table has one for each cell that is filled,
and where two columns stand side by side a row has one for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.parse.clean import clean, collapse, joined
from ingest.parse.pdf_words import Word

_NUMBER_SIGNS = frozenset("0123456789.,:%+-–—−/()€$£¥* ")
_DOTS = frozenset(". …")
_FEWEST_DOTS = 4  # on one line, of those that lead from a title to its page
_NARROW = 0.12  # sizes: what stands nearer is one word, set by two commands


@dataclass(slots=True)
class Segment:
    """Words on one line without a wide gap between them."""

    words: list[Word]
    left: float
    right: float
    baseline: float
    size: float

    @classmethod
    def of(cls, words: list[Word]) -> Segment:
        """The words' segment; where they stand and how large they are, most of the text says."""
        longest = words[0] if len(words) == 1 else max(words, key=lambda word: len(word.text))
        right = max(word.right for word in words)
        return cls(words, words[0].left, right, longest.baseline, longest.style.size)

    @property
    def text(self) -> str:
        """The words with what comes between them, cleaned; a soft hyphen at the end is the typesetter's."""
        text = ""
        before: Word | None = None
        for word in self.words:
            said = word.text
            if before is None:
                text = said
            elif word.after_break and word.left - before.right < _NARROW * word.style.size:
                text += said
            else:
                text = joined(text, said)
            before = word
        kept = collapse(clean(text))
        return kept + "\u00ad" if kept and text.endswith("\u00ad") else kept


Row = list[Segment]


def in_rows(segments: Sequence[Segment]) -> list[Row]:
    """Segments put on lines by where they stand, from the top down, each from left to right."""
    rows: list[Row] = []
    for segment in sorted(segments, key=lambda segment: -segment.baseline):
        above = rows[-1][0] if rows else None
        if above and above.baseline - segment.baseline < min(above.size, segment.size) / 2:
            rows[-1].append(segment)
        else:
            rows.append([segment])
    for row in rows:
        row.sort(key=lambda segment: segment.left)
    return rows


def without_leaders(row: Row) -> Row:
    """The row without the dots that lead from one of its cells to the next, and are no cells themselves."""
    dots = sum(word.text.count(".") for segment in row for word in segment.words if _leads(word))
    if len(row) < 2 or dots < _FEWEST_DOTS:
        return row
    kept = [[word for word in segment.words if not _leads(word)] for segment in row]
    return [Segment.of(words) for words in kept if words] or row


def _leads(word: Word) -> bool:
    return set(word.text) <= _DOTS


def is_number(cell: str) -> bool:
    """Whether this is a figure: digits with signs, currencies and the like."""
    return bool(cell) and set(cell) <= _NUMBER_SIGNS
