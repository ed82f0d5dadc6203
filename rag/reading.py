"""What a text says, in pieces that can be compared with another text's.

Takes a text, gives a `Reading`: its sentences, the terms that carry meaning, numbers, dates, names, codes
and leanings, each with its place. Pure; compares nothing itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rag.dates import Date, dates
from rag.names import Name, names
from rag.polarity import Leaning, clauses, leanings, negated
from rag.quantities import Quantity, codes, quantities
from rag.sentences import spans
from rag.stopwords import STOP_WORDS
from rag.words import index_terms

Span = tuple[int, int]

# What an answer says about its passages rather than with them.
_TALK = frozenset({"according", "document", "passage", "text", "source", "state", "mention", "describ"})
_WORD = re.compile(r"[^\W\d_\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff]+(?:['’](?:s|t|re|ve|ll|d)?)?")
HAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3]+")
# Particles, pronouns, prepositions: between them stand the words.
_HAN_FUNCTION = re.compile(
    "根据|其中|以及|因此|所以|但是|而且|并且|由于|关于|对于|通过|进行|目前|已经|曾经|大约|文中"
    "|资料|文档|提到|指出|显示|一个|一座|一种|一些|这个|这种|这些|那个"
    "|该|的|了|在|是|和|与|及|也|都|而|且|并|或|等|由|被|把|将|对|从|向|于|为|以|之|其|它|他|她|们|这|那|有|就|还|又|则|所|着|过|地|得|很|最|约|共|个"
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word's stem, or two neighbouring characters of a script without spaces."""

    key: str
    start: int
    end: int
    weight: float
    clause: int  # which of the text's clauses it stands in
    flipped: bool  # a negation reaches it


@dataclass(frozen=True, slots=True)
class Reading:
    """A text and what was found in it."""

    text: str
    units: tuple[Span, ...]  # sentences, table rows, list items
    terms: tuple[Term, ...]
    dates: tuple[Date, ...]
    quantities: tuple[Quantity, ...]
    names: tuple[Name, ...]
    codes: tuple[tuple[str, int, int], ...]
    leanings: tuple[Leaning, ...]
    clauses: tuple[Span, ...]
    unspaced: bool  # written in Han, kana or Hangul for the most part

    def clause_at(self, place: int) -> int:
        """The number of the clause that holds a place."""
        return sum(end <= place for _, end in self.clauses)


@lru_cache(maxsize=512)
def read(text: str) -> Reading:
    """Reads a text; an answer's sentences come back to the same passages, so readings are kept."""
    found_dates = dates(text)
    rest = _blanked(text, [(date.start, date.end) for date in found_dates])
    found_quantities = quantities(rest)
    bounds = clauses(text)
    reached = negated(text)
    wordy = _blanked(rest, [(quantity.start, quantity.end) for quantity in found_quantities])
    han = sum(len(run) for run in HAN.findall(text))
    return Reading(
        text=text,
        units=tuple(spans(text)),
        terms=tuple(_terms(wordy, bounds, reached)),
        dates=tuple(found_dates),
        quantities=tuple(found_quantities),
        names=tuple(names(text)),
        codes=tuple(codes(text)),
        leanings=tuple(leanings(text)),
        clauses=tuple(bounds),
        unspaced=han * 2 > sum(character.isalpha() for character in text) * 0.6,
    )


def _blanked(text: str, places: list[Span]) -> str:
    for start, end in places:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _terms(text: str, bounds: list[Span], reached: list[Span]) -> list[Term]:
    found = []
    for start, end, key, weight in sorted([*_words(text), *_pairs(text)]):
        clause = sum(border <= start for _, border in bounds)
        flipped = sum(a <= start < b for a, b in reached) % 2 == 1
        found.append(Term(key, start, end, weight, clause, flipped))
    return found


def _words(text: str) -> list[tuple[int, int, str, float]]:
    found = []
    for match in _WORD.finditer(text):
        word = re.sub(r"['’].*$", "", match[0])
        if word.casefold() in STOP_WORDS["en"] or len(word) < 2:
            continue
        key = stem(word)
        if key and key not in _TALK:
            found.append((match.start(), match.end(), key, 1.0))
    return found


def _pairs(text: str) -> list[tuple[int, int, str, float]]:
    bare = _HAN_FUNCTION.sub(lambda match: " " * len(match[0]), text)
    found = []
    for run in HAN.finditer(bare):
        if len(run[0]) == 1:
            found.append((run.start(), run.end(), run[0], 0.25))
        for i in range(run.start(), run.end() - 1):
            found.append((i, i + 2, bare[i : i + 2], 0.5))
    return found


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """The keyword index's stem of one word."""
    return index_terms(word).split(" ", 1)[0]
