"""What a text says, in pieces that can be compared with another text's.

Takes a text, gives a `Reading`: the terms that carry meaning, numbers, dates, names, codes and leanings, each
with its place; and for a passage the readings of its sentences and table rows. Pure; compares nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rag.text.sentences import spans
from rag.text.stopwords import STOP_WORDS
from rag.text.words import index_terms
from rag.verdicts.dates import Date, dates
from rag.verdicts.names import Name, names
from rag.verdicts.negation import clauses, negated, negations
from rag.verdicts.opposites import Leaning, leanings
from rag.verdicts.quantities import Quantity, codes, quantities
from rag.verdicts.synonyms import concept
from rag.verdicts.tables import first_cell, told_rows

Span = tuple[int, int]
Fact = Date | Quantity

# What an answer says about its passages rather than with them.
_TALK = "according document documents passage text source states stated mentions says described just neither"
# Verbs that say hardly anything themselves: which of them is used is style.
_LIGHT_VERBS = (
    "come came go goes went take took taken get got give gave given make made put let become became occur"
)
_LIGHT_VERBS += " happen place part"
LIGHT = 0.4  # what such a word weighs
_WORD = re.compile(r"[^\W\d_\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff]+(?:['’](?:s|t|re|ve|ll|d)?)?")
_LETTERS = re.compile(r"[^\W\d_]+")
HAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3]+")
# Particles, pronouns, prepositions: between them stand the words.
_HAN_FUNCTION = re.compile(
    "这款|那款|这座|那座|这家|这项|根据|其中|以及|因此|所以|但是|而且|并且|由于|关于|对于|通过|进行|目前|已经|曾经|大约|文中"
    "|资料|文档|提到|指出|显示|一个|一座|一种|一些|这个|这种|这些|那个"
    "|该|的|了|在|是|和|与|及|也|都|而|且|并|或|等|由|被|把|将|对|从|向|于|为|以"
    "|没有|没|未|不|无|非|之|其|它|他|她|们|这|那|有|就|还|又|则|所|着|过|地|得|很|最|约|共|个"
)
PAIR = 0.5  # the weight of two neighbouring characters; a word of two has three such pairs around it at most


@dataclass(frozen=True, slots=True)
class Term:
    """A concept, by its stem; in scripts without spaces, two neighbouring characters."""

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
    terms: tuple[Term, ...]
    dates: tuple[Date, ...]
    quantities: tuple[Quantity, ...]
    names: tuple[Name, ...]
    codes: tuple[tuple[str, int, int], ...]
    leanings: tuple[Leaning, ...]
    clauses: tuple[Span, ...]
    negated: tuple[bool, ...]  # for each clause, whether an odd number of negations stands in it
    keys: frozenset[str]
    unspaced: bool  # written in Han, kana or Hangul for the most part

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Dates, then numbers."""
        return (*self.dates, *self.quantities)

    def clause_at(self, place: int) -> int:
        """The number of the clause that holds a place."""
        return min(sum(end <= place for _, end in self.clauses), len(self.clauses) - 1)


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, list item or table row of a passage: its place there, and what it says."""

    start: int
    end: int
    reading: Reading
    row: bool
    name: str = ""  # of a row: its first cell


@lru_cache(maxsize=256)
def units(passage: str) -> tuple[Unit, ...]:
    """The sentences and rows of a passage; an answer comes back to the same ones, so they are kept."""
    lines = spans(passage)
    rows = told_rows(passage, lines)
    return tuple(
        Unit(start, end, read(rows[start, end]), row=True, name=first_cell(passage[start:end]))
        if (start, end) in rows
        else Unit(start, end, read(passage[start:end]), row=False)
        for start, end in lines
    )


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Reads one sentence."""
    found_dates = dates(text)
    rest = _blanked(text, [(date.start, date.end) for date in found_dates])
    found_quantities = quantities(rest)
    wordy = _blanked(rest, [(quantity.start, quantity.end) for quantity in found_quantities])
    places = [(date.start, date.end) for date in found_dates]
    places += [(quantity.start, quantity.end) for quantity in found_quantities]
    bounds = clauses(text, places)
    denials = tuple(negations(text[start:end]) % 2 == 1 for start, end in bounds)
    terms = tuple(_terms(wordy, bounds, negated(text), denials))
    han = sum(len(run) for run in HAN.findall(text))
    letters = sum(len(run) for run in _LETTERS.findall(text))
    return Reading(
        text=text,
        terms=terms,
        dates=tuple(found_dates),
        quantities=tuple(found_quantities),
        names=tuple(names(text)),
        codes=tuple(codes(text)),
        leanings=tuple(leanings(text)),
        clauses=tuple(bounds),
        negated=denials,
        keys=frozenset(term.key for term in terms),
        unspaced=han > 0.3 * letters,
    )


def _blanked(text: str, places: Iterable[Span]) -> str:
    for start, end in places:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _terms(text: str, bounds: list[Span], reached: list[Span], denials: tuple[bool, ...]) -> list[Term]:
    found = []
    for start, end, key, weight in sorted([*_words(text), *_pairs(text)]):
        clause = min(sum(border <= start for _, border in bounds), len(bounds) - 1)
        # "not without" denies nothing, whichever word either of the two reaches
        flipped = denials[clause] and sum(a <= start < b for a, b in reached) % 2 == 1
        found.append(Term(key, start, end, weight, clause, flipped))
    return found


def _words(text: str) -> list[tuple[int, int, str, float]]:
    found = []
    for match in _WORD.finditer(text):
        word = re.sub(r"['’].*$", "", match[0])
        if len(word) < 2 or word.casefold() in STOP_WORDS["en"]:
            continue
        key = stem(word)
        if key and key not in _talk():
            weight = LIGHT if key in _light() else 1.0
            found.append((match.start(), match.end(), concept(key), weight))
    return found


def _pairs(text: str) -> list[tuple[int, int, str, float]]:
    bare = _HAN_FUNCTION.sub(lambda match: " " * len(match[0]), text)
    found = []
    for run in HAN.finditer(bare):
        if len(run[0]) == 1:
            found.append((run.start(), run.end(), run[0], PAIR / 2))
        for i in range(run.start(), run.end() - 1):
            found.append((i, i + 2, concept(bare[i : i + 2]), PAIR))
    return found


@lru_cache(maxsize=1)
def _talk() -> frozenset[str]:
    return frozenset(stem(word) for word in _TALK.split())


@lru_cache(maxsize=1)
def _light() -> frozenset[str]:
    return frozenset(stem(verb) for verb in _LIGHT_VERBS.split())


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """The keyword index's stem of one word."""
    return index_terms(word).split(" ", 1)[0]
