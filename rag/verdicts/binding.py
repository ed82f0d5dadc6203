"""Whether the words of a claim stand together in its sources, not each in a sentence about another thing.

Takes a `Matching` and the parts that the claim rests on. Each clause of the claim must be said by one
sentence; what that lacks may come from the one that its pronoun points back to, from the passage's subject,
or from a heading. "Brindley surveyed the canal" is not bound by "Brindley carried one over the river. The
other canal was surveyed by Smeaton." Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.verdicts.matching import Matching, Part
from rag.verdicts.reading import LIGHT, Reading

FOUND = 0.5  # a term of which a sentence has less is not there
LEAST = 1.0  # the weight of a clause that says something by itself
LOOSE = 1.0  # the weight of words, neither names nor the clause's first, that may stand in another sentence
NEAR = 2  # sentences away
TOPIC = 0.5  # a word in this share of all sentences is what they are about
SUBJECT = 40  # characters at a sentence's head in which its subject stands
SUBJECT_UNSPACED = 8
NAME = 20  # characters between the beginnings of two words of one name

_PRONOUN = re.compile(r"\b(?:it|he|she|they|its|his|her|their|this|these|those|both|them)\b", re.IGNORECASE)
_DEFINITE = re.compile(
    r"\b[Tt]he (?:[a-z]+ ){1,2}(?:was|is|were|are|has|had|can|will|took|began|opened|ended|[a-z]+ed)\b"
)
_DATED = re.compile(r"\W*(?:\d+|.{0,4}[一二三四五六七八九十元])年")  # 元丰二年，被贬: of whom goes unsaid
_MARKS = " \n\t-*•·—“《（(0123456789.、"
_HAN_PRONOUN = re.compile("[它他她其该此这]")


def bound(matching: Matching, parts: Sequence[Part], context: Reading) -> bool:
    """Whether one sentence, with what it points back to, says each clause of the claim."""
    clauses = {term.clause for term in matching.claim.terms}
    return all(_clause_bound(matching, parts, clause, context) for clause in clauses)


def _clause_bound(matching: Matching, parts: Sequence[Part], clause: int, context: Reading) -> bool:
    claim = matching.claim
    terms = [i for i, term in enumerate(claim.terms) if term.clause == clause and term.weight > LIGHT]
    if sum(matching.weights[i] for i in terms) < LEAST:
        return True
    main = _main(matching, parts, clause, terms)
    loose = 0.0
    for i in terms:
        if main.shares[i] >= FOUND or not _elsewhere(matching, i, main):
            continue
        if claim.terms[i].key in context.keys or _is_topic(matching, i) or _pointed_at(matching, main, i):
            continue
        if _rest_of_name(matching, main, i):
            continue
        if _named(claim, i) or i == terms[0]:
            return False
        if claim.unspaced and not _elsewhere(matching, i, main, within=NEAR):
            return False
        loose += claim.terms[i].weight
    return loose <= LOOSE


def _main(matching: Matching, parts: Sequence[Part], clause: int, terms: Sequence[int]) -> Part:
    """The sentence that says the clause: the one with its numbers and dates, and then most of its words."""
    claim = matching.claim
    facts = [
        len(claim.terms) + i for i, fact in enumerate(claim.facts) if claim.clause_at(fact.start) == clause
    ]
    return max(
        parts,
        key=lambda part: (
            sum(part.shares[i] for i in facts),
            sum(matching.weights[i] * part.shares[i] for i in terms),
            part.shares[terms[0]] >= FOUND,
            -part.place,
        ),
    )


def _elsewhere(matching: Matching, i: int, main: Part, *, within: int | None = None) -> bool:
    return any(
        part.shares[i] >= FOUND
        for part in matching.parts
        if part is not main and (within is None or abs(part.place - main.place) <= within)
    )


def _is_topic(matching: Matching, i: int) -> bool:
    having = sum(part.shares[i] >= FOUND for part in matching.parts)
    return having >= 3 and having >= TOPIC * len(matching.parts)


def _named(claim: Reading, i: int) -> bool:
    term = claim.terms[i]
    return any(name.sure and name.start <= term.start < name.end for name in claim.names)


def _pointed_at(matching: Matching, main: Part, i: int) -> bool:
    """Whether a pronoun in the sentence, or "the building", can mean an earlier sentence's word."""
    earlier = [part for part in matching.parts if part.source == main.source and part.place < main.place]
    if main.unit.row or not earlier:
        return False
    if matching.claim.unspaced:
        return _pointed_at_unspaced(matching, main, earlier, i)
    text = main.unit.reading.text
    if _PRONOUN.search(text):
        subjects = [part for part in earlier if _subject_names(part.unit.reading)]
        meant = [*subjects[-1:], *([] if _named(matching.claim, i) else earlier[-2:])]
        if any(part.shares[i] >= FOUND for part in meant):
            return True
    if _strangers(matching.claim, main.unit.reading):
        return False
    topic = earlier[0].shares[i] >= FOUND and _in_subject(matching, earlier[0], i)
    return topic or (_DEFINITE.search(text) is not None and any(part.shares[i] >= FOUND for part in earlier))


def _subject_names(said: Reading) -> bool:
    return any(name.sure and name.start < SUBJECT for name in said.names)


def _strangers(claim: Reading, said: Reading) -> bool:
    """Whether a sentence names somebody or something that the claim does not."""
    ours = {name.text.casefold() for name in claim.names}
    return any(name.sure and name.text.casefold() not in ours for name in said.names)


def _in_subject(matching: Matching, part: Part, i: int) -> bool:
    key = matching.claim.terms[i].key
    head = SUBJECT_UNSPACED if matching.claim.unspaced else SUBJECT
    return any(term.key == key and term.start < head for term in part.unit.reading.terms)


def _pointed_at_unspaced(matching: Matching, main: Part, earlier: Sequence[Part], i: int) -> bool:
    """The same where hardly anything points: 桥全长64米 goes on about the 赵州桥 of the beginning."""
    said = main.unit.reading
    head = said.text.lstrip(_MARKS)[: 2 * SUBJECT_UNSPACED]
    if _HAN_PRONOUN.search(head) and any(part.shares[i] >= FOUND for part in earlier[-2:]):
        return True
    opening = earlier[0].unit.reading.text[: 2 * SUBJECT_UNSPACED]
    goes_on = _DATED.match(said.text) is not None or (bool(head) and head[0] in opening)
    return goes_on and _in_subject(matching, earlier[0], i)


def _rest_of_name(matching: Matching, main: Part, i: int) -> bool:
    """Whether the sentence has the rest of a name: "the canal" for "the Suez Canal", 电站 for 三峡电站."""
    claim = matching.claim
    if claim.unspaced:
        end = claim.terms[i].end
        return main.unit.reading.text.lstrip(_MARKS).startswith(claim.text[end : end + 2])
    if not _named(claim, i):
        return False
    return any(
        0 <= j < len(claim.terms)
        and j != i
        and _named(claim, j)
        and main.shares[j] >= FOUND
        and abs(claim.terms[j].start - claim.terms[i].start) < NAME
        for j in range(i - 2, i + 3)
    )
