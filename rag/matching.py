"""Which parts of the cited texts say which parts of a claim.

Takes the reading of a claim and of its sources; gives every sentence of the sources with, for each thing the
claim says (a term, a number, a date, a code), how much of it is there, and the sentences that together say
most of it. Pure; draws no conclusion.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rag.dates import Date
from rag.quantities import Quantity
from rag.reading import Reading, Term
from rag.synonyms import concept

FACT = 1.5  # what a number, a date or a code weighs against a word
MORE = 0.15  # a further sentence must add this share of the claim to be looked at
MOST_PARTS = 4  # further sentences that one claim may rest on
SHORTEST_PREFIX = 5  # characters that two words share when one is made of the other: construct, construction


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence of one of the sources, with how much of each thing the claim says is in it."""

    source: int
    start: int
    end: int
    shares: tuple[float, ...]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Matching:
    """A claim, its sources, and what of the one is where in the others."""

    claim: Reading
    sources: tuple[Reading, ...]
    weights: tuple[float, ...]  # of the claim's terms, then dates, quantities, codes
    parts: tuple[Part, ...]

    def worth(self, parts: Iterable[Part]) -> float:
        """How much of the claim, by weight, these parts have together."""
        columns = zip(*(part.shares for part in parts), strict=True)
        return math.fsum(weight * max(column) for weight, column in zip(self.weights, columns, strict=False))

    @property
    def total(self) -> float:
        """The weight of all that the claim says."""
        return sum(self.weights)


def match(claim: Reading, sources: Sequence[Reading]) -> Matching:
    """Compares a claim with every sentence of its sources."""
    facts = len(claim.dates) + len(claim.quantities) + len(claim.codes)
    weights = tuple(term.weight for term in claim.terms) + (FACT,) * facts
    parts = tuple(
        _part(claim, source, i, start, end) for i, source in enumerate(sources) for start, end in source.units
    )
    return Matching(claim, tuple(sources), weights, parts)


def _part(claim: Reading, source: Reading, which: int, start: int, end: int) -> Part:
    keys = frozenset(concept(term.key) for term in source.terms if start <= term.start < end)
    found_dates = [date for date in source.dates if start <= date.start < end]
    found_numbers = [quantity for quantity in source.quantities if start <= quantity.start < end]
    found_codes = {code.casefold() for code, place, _ in source.codes if start <= place < end}
    text = source.text[start:end]
    shares = (
        *(share(term, keys, text) for term in claim.terms),
        *(float(dated(date, found_dates, found_numbers)) for date in claim.dates),
        *(float(counted(number, found_numbers, found_dates)) for number in claim.quantities),
        *(float(code.casefold() in found_codes) for code, _, _ in claim.codes),
    )
    return Part(which, start, end, shares, keys)


def best_parts(matching: Matching, likeness: Mapping[tuple[int, int, int], float]) -> list[list[Part]]:
    """For each source the sentence that says most of the claim; two adjoining ones where both are needed."""
    chosen: list[list[Part]] = []
    for which in range(len(matching.sources)):
        parts = [part for part in matching.parts if part.source == which]
        if not parts:
            chosen.append([])
            continue
        worths = [
            matching.worth([part])
            + matching.total * likeness.get((which, part.start, part.end), 0.0) / 2
            - 1e-4 * (part.end - part.start)
            for part in parts
        ]
        best = max(range(len(parts)), key=lambda i: (worths[i], -i))
        beside = [parts[i] for i in (best - 1, best + 1) if 0 <= i < len(parts)]
        other = max(beside, key=lambda part: matching.worth([parts[best], part]), default=parts[best])
        gain = matching.worth([parts[best], other]) - matching.worth([parts[best]])
        pair = sorted([parts[best], other], key=lambda part: part.start)
        chosen.append(pair if gain >= MORE * matching.total else [parts[best]])
    return chosen


def enough_parts(matching: Matching, chosen: Sequence[Part]) -> list[Part]:
    """`chosen`, and other parts for as long as they add something."""
    parts = list(chosen)
    for _ in range(MOST_PARTS):
        have = matching.worth(parts)
        best = max(matching.parts, key=lambda part: matching.worth([*parts, part]), default=None)
        if best is None or matching.worth([*parts, best]) - have < MORE * matching.total:
            break
        parts.append(best)
    return parts


def share(term: Term, keys: frozenset[str], text: str) -> float:
    """How much of a term a sentence has: all of it, a word made of it, or its two characters apart."""
    key = concept(term.key)
    if key in keys:
        return 1.0
    if not key.isascii() and len(key) <= 2:
        return 0.35 if all(character in text for character in key) else 0.0
    if len(key) >= SHORTEST_PREFIX and any(_akin(key, other) for other in keys):
        return 0.9
    return 0.0


def _akin(one: str, other: str) -> bool:
    if one[:4] != other[:4] or len(other) < SHORTEST_PREFIX:
        return False
    same = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return same >= SHORTEST_PREFIX and same >= 0.6 * max(len(one), len(other))


def dated(date: Date, found: Sequence[Date], numbers: Sequence[Quantity]) -> bool:
    """Whether a date is borne out: by one at least as exact, or by its year here and its day there."""
    if any(date.holds(other) for other in found):
        return True
    year_only = date.month is None and date.first == date.last
    if year_only and any(number.value == date.first and not number.unit for number in numbers):
        return True
    if date.first is None or date.month is None:
        return False
    year = any(
        date.first == other.first and date.last == other.last and other.month in (None, date.month)
        for other in found
    )
    day = any((date.month, date.day) == (other.month, other.day) and other.first is None for other in found)
    return year and day


def counted(number: Quantity, found: Sequence[Quantity], dates: Sequence[Date]) -> bool:
    """Whether a number is borne out by another, or by a bare year that is the same number."""
    if any(number.borne_out_by(other) for other in found):
        return True
    return not number.unit and any(
        date.month is None and date.first == date.last == number.value for date in dates
    )
