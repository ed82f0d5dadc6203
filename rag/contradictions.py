"""What speaks against a claim: facts that its sources don't have, the opposite, another's attribute.

Takes a `Matching`, gives yes or no for each reason. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.matching import Matching, Part, counted, dated
from rag.names import Name
from rag.polarity import Leaning
from rag.reading import HAN, Reading, Term, stem
from rag.synonyms import concept

# Peoples and their countries where one is not the beginning of the other.
_PEOPLES = """
france french|germany german|spain spanish|britain british uk england english
netherlands dutch holland|switzerland swiss|denmark danish|poland polish|sweden swedish
finland finnish|greece greek|wales welsh|scotland scottish scots|ireland irish|thailand thai
america american us usa|europe european eu|turkey turkish|norway norwegian|portugal portuguese
japan japanese|china chinese|russia russian|ussr soviet
"""
_PEOPLE = {
    stem(word): line.split()[0] for line in re.split(r"[|\n]", _PEOPLES.strip()) for word in line.split()
}


def facts_missing(matching: Matching, context: Reading, *, foreign: bool) -> bool:
    """Whether a number, date, code or name of the claim is nowhere in its sources."""
    claim, sources = matching.claim, [*matching.sources, context]
    all_dates = [date for source in sources for date in source.dates]
    numbers = [quantity for source in sources for quantity in source.quantities]
    known_codes = " ".join(source.text for source in sources).casefold()
    return (
        any(not dated(date, all_dates, numbers) for date in claim.dates)
        or any(not counted(number, numbers, all_dates) for number in claim.quantities)
        or any(code.casefold() not in known_codes for code, _, _ in claim.codes)
        or (not foreign and any(not _named(name, sources) for name in claim.names))
    )


def _named(name: Name, sources: Sequence[Reading]) -> bool:
    if HAN.search(name.text):
        return _named_in_han(name, sources)
    if not name.sure:
        return True
    key = stem(name.text)
    keys = {term.key for source in sources for term in source.terms}
    people = _PEOPLE.get(key, key)
    if key in keys or any(_PEOPLE.get(other, other) == people for other in keys):
        return True
    if len(key) >= 4 and any(other[:4] == key[:4] and abs(len(other) - len(key)) <= 3 for other in keys):
        return True
    text = " ".join(source.text for source in sources)
    if name.text.isupper() and name.text.isalpha():  # WHO for World Health Organization
        between = r"[a-z’'-]*\s+(?:(?:of|the|and|for|in)\s+)*"
        return (
            re.search(r"\b" + between.join(name.text), text) is not None
            or name.text.casefold() in text.casefold()
        )
    return name.text.casefold() in text.casefold()


def _named_in_han(name: Name, sources: Sequence[Reading]) -> bool:
    text = " ".join(source.text for source in sources)
    if name.text in text:
        return True
    if name.sure:
        return False
    return any(name.text[i : i + 2] in text for i in range(len(name.text) - 1))


def contradicted(matching: Matching, parts: Sequence[Part]) -> bool:
    """Whether the parts say the opposite: a negation on one side alone, or the other word of a pair."""
    against = 0
    for i, term in enumerate(matching.claim.terms):
        said = [(overlap, mention.flipped) for overlap, mention in _mentions(matching, parts, i, term)]
        if not said:
            continue
        _, flipped = max(said, key=lambda pair: (pair[0], pair[1] == term.flipped))
        if flipped or term.flipped:
            against += 1 if flipped != term.flipped else -1
    for leaning in matching.claim.leanings:
        against += 3 * _leaning_against(matching, parts, leaning)
    return against > 0


def _mentions(matching: Matching, parts: Sequence[Part], i: int, term: Term) -> list[tuple[float, Term]]:
    """Where the parts have a term of the claim, with how much else of the claim stands in that clause."""
    key = concept(term.key)
    found = []
    for part in parts:
        if part.shares[i] < 1:
            continue
        source = matching.sources[part.source]
        for mention in source.terms:
            if part.start <= mention.start < part.end and concept(mention.key) == key:
                found.append((_overlap(matching, source, mention.clause), mention))
    return found


def _overlap(matching: Matching, source: Reading, clause: int) -> float:
    """How much of the claim stands in one clause of a source."""
    start, end = source.clauses[clause]
    keys = {concept(term.key) for term in source.terms if term.clause == clause}
    inside = [quantity for quantity in source.quantities if start <= quantity.start < end]
    days = [date for date in source.dates if start <= date.start < end]
    return (
        sum(term.weight for term in matching.claim.terms if concept(term.key) in keys)
        + 2 * sum(counted(number, inside, days) for number in matching.claim.quantities)
        + 2 * sum(dated(date, days, inside) for date in matching.claim.dates)
    )


def _leaning_against(matching: Matching, parts: Sequence[Part], leaning: Leaning) -> int:
    """1 where the nearest word of the pair is on the other side, -1 on the same side, 0 where none is."""
    said = []
    for part in parts:
        source = matching.sources[part.source]
        for other in source.leanings:
            if part.start <= other.start < part.end and other.pair == leaning.pair:
                said.append(
                    (_overlap(matching, source, source.clause_at(other.start)), other.side == leaning.side)
                )
    if not said:
        return 0
    return -1 if max(said)[1] else 1


def misattributed(matching: Matching, parts: Sequence[Part], context: Reading) -> bool:
    """Whether a number or date of the claim is said only of somebody whom the claim does not name."""
    claim = matching.claim
    ours = {name.text.casefold() for name in claim.names if name.sure}
    facts = range(len(claim.terms), len(matching.weights))
    if not ours:
        return False
    for i in facts:
        bearing = [part for part in matching.parts if part.shares[i] == 1]
        if bearing and all(_of_another(matching, part, ours) for part in bearing):
            return True
    return False


def _of_another(matching: Matching, part: Part, ours: set[str]) -> bool:
    source = matching.sources[part.source]
    theirs = {
        name.text.casefold() for name in source.names if name.sure and part.start <= name.start < part.end
    }
    everywhere = {name.text.casefold() for name in source.names}
    return bool(theirs) and not theirs & ours and bool(everywhere & ours)
