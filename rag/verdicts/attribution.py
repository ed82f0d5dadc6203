"""Whether a number, a date or a cell that a claim says of one thing is said of another in its sources.

Takes a `Matching`; finds numbers and dates that stand with another's words, and claims that mix a table's
rows. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rag.verdicts.closeness import ROW, SENTENCE, clause_of, closeness
from rag.verdicts.dates import Date
from rag.verdicts.matching import Matching, Part, counted
from rag.verdicts.quantities import Quantity
from rag.verdicts.reading import Fact, Reading, read

CLEARLY = 0.75  # how much closer a rival must be; one word weighs 1
CLEARLY_UNSPACED = 0.5  # one pair of characters
COLUMN = 0.15  # in the same row, where the words of all columns count for each
COUNTED = 12  # characters between a number and what it counts


@dataclass(frozen=True, slots=True)
class _Mention:
    """A number or date in one of the sources, and how near its clause is to the claim's."""

    fact: Fact
    part: Part
    near: float


def misattributed(matching: Matching) -> bool:
    """Whether a number or date of the claim stands, in the sources, with something else."""
    return any(_of_another(matching, fact) for fact in matching.claim.facts)


def across_rows(matching: Matching) -> bool:
    """Whether a claim about one row of a table says what only other rows say.

    The row is the only one whose first cell's words are all in the claim.
    """
    claim = matching.claim
    rows = [part for part in matching.parts if part.unit.row]
    named = [row for row in rows if 0 < len(name := read(row.unit.name).keys) == len(name & claim.keys)]
    if len(named) != 1:
        return False
    outside = [part for part in matching.parts if not part.unit.row]
    return any(
        term.weight >= 0.5
        and named[0].shares[i] < 0.5
        and all(part.shares[i] < 1 for part in outside)
        and any(row.shares[i] == 1 for row in rows)
        for i, term in enumerate(claim.terms)
    )


def _of_another(matching: Matching, fact: Fact) -> bool:
    claim = matching.claim
    mentions = list(_mentions(matching, fact))
    ours = [mention for mention in mentions if _bears(fact, mention.fact)]
    rivals = [mention for mention in mentions if not _borne(claim, mention.fact)]
    if not ours:
        return False
    meant = max(ours, key=lambda mention: mention.near)
    margin = CLEARLY_UNSPACED if claim.unspaced else CLEARLY
    for rival in rivals:
        same_row = rival.part is meant.part and meant.part.unit.row
        if rival.near >= meant.near + (COLUMN if same_row else margin):
            return True
    beside = [mention.fact for mention in rivals if mention.part is meant.part]
    beside += [
        number
        for number in meant.part.unit.reading.quantities
        if isinstance(fact, Quantity) and fact.measure and fact.measure == number.measure
        if not _borne(claim, number)
    ]
    return any(_left_for(claim, fact, meant, rival) for rival in beside)


def _mentions(matching: Matching, fact: Fact) -> Iterator[_Mention]:
    """What in the sources bears the fact out or could be meant instead."""
    claim = matching.claim
    about = clause_of(claim, fact)
    for part in matching.parts:
        said = part.unit.reading
        weighing = ROW if part.unit.row else SENTENCE
        for other in _alike(fact, claim, part):
            near = closeness(claim, about, said, clause_of(said, other), weighing, besides=fact)
            yield _Mention(other, part, near)


def _alike(fact: Fact, claim: Reading, part: Part) -> Iterator[Fact]:
    """Dates for a date; for a number those that bear it out, of its unit, or counting the same."""
    said = part.unit.reading
    if isinstance(fact, Date):
        yield from (date for date in said.dates if fact.holds(date) or fact.clashes(date))
        yield from (number for number in said.quantities if _bears(fact, number))
        return
    yield from (date for date in said.dates if _bears(fact, date))
    for number in said.quantities:
        same_unit = number.unit is not None and number.unit == fact.unit
        bare = not number.unit and not fact.unit
        same_thing = part.unit.row or _counted_thing(fact, claim) == _counted_thing(number, said)
        if _bears(fact, number) or same_unit or (bare and same_thing):
            yield number


def _borne(claim: Reading, other: Fact) -> bool:
    """Whether the claim states this number or date too: then it is no rival."""
    return any(_bears(mine, other) for mine in claim.facts)


def _bears(fact: Fact, other: Fact) -> bool:
    if isinstance(fact, Date):
        return fact.holds(other) if isinstance(other, Date) else counted(other, [], [fact])
    return fact.borne_out_by(other) if isinstance(other, Quantity) else counted(fact, [], [other])


def _counted_thing(number: Quantity, said: Reading) -> str:
    """The word after a number: 12 bridges are not 12 tunnels."""
    following = (term.key for term in said.terms if number.end <= term.start <= number.end + COUNTED)
    return next(following, "")


def _left_for(claim: Reading, fact: Fact, meant: _Mention, rival: Fact) -> bool:
    """Whether a word of the claim stands only behind the number that bears it out, with a rival.

    "An LFP cell lasts 3,000 cycles, whereas an NMC cell lasts 1,000": 3,000 is not NMC's.
    """
    said = meant.part.unit.reading
    here, there = clause_of(said, meant.fact), clause_of(said, rival)
    if there <= here:
        return False
    upto = {term.key for term in said.terms if term.clause <= here}
    behind = {term.key for term in said.terms if term.clause == there}
    about = claim.clause_at(fact.start)
    return any(
        term.key in behind and term.key not in upto
        for term in claim.terms
        if term.clause == about and term.start < fact.start and term.weight >= 0.5
    )
