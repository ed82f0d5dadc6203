"""Which parts of the cited texts say which parts of a claim.

Takes the reading of a claim and its sources' sentences; gives every sentence with, for each thing the claim
says (a term, a date, a number, a code), how much of it is there, and the sentences that together say most of
it. Pure; draws no conclusion.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rag.verdicts.dates import Date
from rag.verdicts.quantities import Quantity
from rag.verdicts.reading import Reading, Term, Unit, read
from rag.verdicts.units import UNITS

FACT = 1.5  # what a number, a date or a code weighs against a word
MORE = 0.15  # a further sentence must add this share of the claim to be looked at
MOST_PARTS = 4  # further sentences that one claim may rest on
SHORTEST_PREFIX = 5  # characters that two words share when one is made of the other: construct, construction
LONG = 240  # characters; of a longer sentence only the clauses that count are quoted
LONG_UNSPACED = 90
TIGHT = 1e-4  # what a character of a quote costs: of two that say the same, the shorter

_SEMICOLONS = re.compile(r"[;；](?=\s|[^\x00-\x7f])")
_COMMAS = re.compile(r"[,;](?=\s)|[，；]")
_LOOSE_ENDS = " \n\t,;，；"


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence of one of the sources, with how much of each thing the claim says is in it."""

    source: int
    place: int  # its number among all sentences of all sources, in reading order
    unit: Unit
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """A claim, and what of it is where in its sources."""

    claim: Reading
    weights: tuple[float, ...]  # of the claim's terms, then dates, quantities, codes
    parts: tuple[Part, ...]

    def worth(self, parts: Iterable[Part]) -> float:
        """How much of the claim, by weight, these parts have together."""
        columns = zip(*(part.shares for part in parts), strict=True)
        return math.fsum(weight * max(column) for weight, column in zip(self.weights, columns, strict=False))

    @property
    def total(self) -> float:
        """The weight of all that the claim says."""
        return math.fsum(self.weights)


def match(claim: Reading, sources: Sequence[Sequence[Unit]], known: frozenset[str] = frozenset()) -> Matching:
    """Compares a claim with every sentence of its sources; `known` keys, a heading's, go with each."""
    facts = len(claim.dates) + len(claim.quantities) + len(claim.codes)
    weights = tuple(term.weight for term in claim.terms) + (FACT,) * facts
    found = [(which, unit) for which, units in enumerate(sources) for unit in units]
    parts = [
        Part(which, place, unit, _shares(claim, unit, known)) for place, (which, unit) in enumerate(found)
    ]
    return Matching(claim, weights, tuple(parts))


def _shares(claim: Reading, unit: Unit, known: frozenset[str] = frozenset()) -> tuple[float, ...]:
    said = unit.reading
    text = said.text.casefold()
    sides = {(leaning.pair, leaning.side) for leaning in said.leanings}
    # "fell" is found in "decreased", "not open" in "closed"
    leaning_alike = [leaning for leaning in claim.leanings if (leaning.pair, leaning.side) in sides]

    def found(term: Term) -> float:
        alike = any(word.start < term.end and term.start < word.end for word in leaning_alike)
        return 1.0 if alike or term.key in known else share(term, said)

    return (
        *(found(term) for term in claim.terms),
        *(float(dated(date, said.dates, said.quantities)) for date in claim.dates),
        *(float(counted(number, said.quantities, said.dates)) for number in claim.quantities),
        *(float(code.casefold() in text) for code, _, _ in claim.codes),
    )


def best_parts(matching: Matching, source: int, likeness: Mapping[int, float]) -> list[Part]:
    """The sentence of a source that says most of the claim; two adjoining ones where both are needed."""
    parts = [part for part in matching.parts if part.source == source]
    if not parts:
        return []
    worths = [
        matching.worth([part])
        + matching.total * likeness.get(part.place, 0.0) / 2
        - TIGHT * (part.unit.end - part.unit.start)
        for part in parts
    ]
    best = max(range(len(parts)), key=lambda i: (worths[i], -i))
    beside = [parts[i] for i in (best - 1, best + 1) if 0 <= i < len(parts)]
    other = max(beside, key=lambda part: matching.worth([parts[best], part]), default=parts[best])
    gain = matching.worth([parts[best], other]) - matching.worth([parts[best]])
    pair = sorted([parts[best], other], key=lambda part: part.place)
    return pair if gain >= MORE * matching.total else [parts[best]]


def marked(matching: Matching, parts: Sequence[Part]) -> tuple[int, int]:
    """The span of the words to quote: the parts, without clauses of a long sentence that add nothing."""
    if not parts:
        return 0, 0
    start, end = parts[0].unit.start, parts[-1].unit.end
    if len(parts) > 1 or parts[0].unit.row:
        return start, end
    text = parts[0].unit.reading.text
    border = _COMMAS if len(text) > (LONG_UNSPACED if matching.claim.unspaced else LONG) else _SEMICOLONS
    ends = [match.end() for match in border.finditer(text)]
    cuts = [0, *(cut for cut in ends if cut < len(text)), len(text)]
    full = matching.worth(parts)
    while len(cuts) > 2 and _worth_of(matching, text[cuts[1] : cuts[-1]]) >= full:
        del cuts[0]
    while len(cuts) > 2 and _worth_of(matching, text[cuts[0] : cuts[-2]]) >= full:
        del cuts[-1]
    chosen = text[cuts[0] : cuts[-1]]
    first = start + cuts[0] + len(chosen) - len(chosen.lstrip())
    return first, start + cuts[0] + len(chosen.rstrip(_LOOSE_ENDS if cuts[-1] < len(text) else None))


def _worth_of(matching: Matching, text: str) -> float:
    shares = _shares(matching.claim, Unit(0, len(text), read(text), row=False))
    return math.fsum(weight * part for weight, part in zip(matching.weights, shares, strict=True))


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


def share(term: Term, said: Reading) -> float:
    """How much of a term a sentence has: all of it, a word made of it, or its two characters apart."""
    key = term.key
    if key in said.keys:
        return 1.0
    if len(key) <= 2 and not key.isascii():
        return 0.35 if all(character in said.text for character in key) else 0.0
    if len(key) >= SHORTEST_PREFIX and any(_akin(key, other) for other in said.keys):
        return 0.9
    return 0.0


def _akin(one: str, other: str) -> bool:
    if one[:4] != other[:4] or len(other) < SHORTEST_PREFIX:
        return False
    shorter, longer = sorted((len(one), len(other)))
    same = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    return same >= SHORTEST_PREFIX and same >= 0.6 * longer


def dated(date: Date, found: Sequence[Date], numbers: Sequence[Quantity]) -> bool:
    """Whether a date is borne out: by one at least as exact, or by its year here and its day there."""
    if any(date.holds(other) for other in found):
        return True
    year_only = date.month is None and date.first == date.last
    if year_only and any(
        number.value == date.first and number.unit in (None, UNITS["年"]) for number in numbers
    ):
        return True  # 400年 can be the year 400, and four hundred years
    if date.first is None or date.month is None:
        return False
    year = any(
        (date.first, date.last) == (other.first, other.last) and other.month in (None, date.month)
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
