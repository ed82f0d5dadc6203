"""How near a clause of a source is to what a claim says: of several mentions, which one is meant.

Takes readings of a claim and of a sentence, gives a number; a word that both have weighs 1. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag.verdicts.matching import counted, dated
from rag.verdicts.opposites import Leaning
from rag.verdicts.reading import Fact, Reading

FACT = 1.5  # what a number or date weighs against a word


@dataclass(frozen=True, slots=True)
class Weighing:
    """What words count that are not in the clause itself, on either side."""

    elsewhere: float  # a word of the claim's other clauses
    before: float  # a word that stands before the clause in its sentence: its subject, often
    after: float = 0.0


SENTENCE = Weighing(elsewhere=0.4, before=0.5)
ROW = Weighing(elsewhere=0.4, before=0.8, after=0.8)  # a table's row is about one thing throughout
OPPOSITE = Weighing(elsewhere=0.1, before=0.25)  # an opposite counts in the very clause


def closeness(
    claim: Reading,
    about: int,
    said: Reading,
    clause: int,
    weighing: Weighing = SENTENCE,
    *,
    besides: Fact | Leaning | None = None,
) -> float:
    """How much of what the claim says in its clause `about` stands in one clause of a sentence.

    `besides` is what is being looked for: it does not count itself.
    """
    words = _words(claim, about, said, clause, weighing, besides)
    return words + FACT * _facts(claim, about, said, clause, weighing, besides)


def clause_of(said: Reading, fact: Fact) -> int:
    """The clause that a fact belongs to; one that holds nothing else ("In 1956, ...") goes with the next."""
    clause = said.clause_at(fact.start)
    alone = not any(term.clause == clause for term in said.terms)
    return min(clause + alone, len(said.clauses) - 1)


def _words(
    claim: Reading, about: int, said: Reading, clause: int, weighing: Weighing, besides: Fact | Leaning | None
) -> float:
    counts: dict[str, float] = {}
    for term in said.terms:
        side = 1.0 if term.clause == clause else weighing.before if term.clause < clause else weighing.after
        counts[term.key] = max(counts.get(term.key, 0.0), side)
    return sum(
        term.weight * (1.0 if term.clause == about else weighing.elsewhere) * counts.get(term.key, 0.0)
        for term in claim.terms
        if not (besides and besides.start < term.end and term.start < besides.end)
    )


def _facts(
    claim: Reading, about: int, said: Reading, clause: int, weighing: Weighing, besides: Fact | Leaning | None
) -> float:
    start, end = said.clauses[clause]
    days = [date for date in said.dates if clause_of(said, date) == clause]
    leading = [date for date in said.dates if clause_of(said, date) < clause][-1:]
    numbers = [number for number in said.quantities if start <= number.start < end]
    found = 0.0
    for date in claim.dates:
        near = 1.0 if clause_of(claim, date) == about else weighing.elsewhere
        if date is not besides:
            found += near * max(dated(date, days, numbers), weighing.before * dated(date, leading, []))
    for number in claim.quantities:
        near = 1.0 if claim.clause_at(number.start) == about else weighing.elsewhere
        if number is not besides:
            found += near * counted(number, numbers, days)
    return found
