"""Whether cited words say the opposite of a claim: negation, opposites, comparisons and directions reversed.

Takes a `Matching` and the parts that the claim rests on; gives yes or no. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.verdicts.closeness import OPPOSITE, closeness
from rag.verdicts.comparisons import compared, superseded, turned_round
from rag.verdicts.matching import Matching, Part
from rag.verdicts.negation import not_until
from rag.verdicts.opposites import Leaning
from rag.verdicts.reading import Reading, Term

ABOUT_IT = 0.8  # how close an opposite word's clause must be to the claim's; one word weighs 1
ABOUT_IT_UNSPACED = 0.7
SAME_CLAIM = 0.4  # of the claim's words must stand around a word that is opposed or denied
AS_NEAR = 0.75  # of the nearest mention: then what speaks for the claim counts
DENIED = 0.5  # the weight of words that must be negated on one side alone: half a word is a name
_SAYS_WHEN = re.compile(
    r"\b(?:until|till|after|before|(?<!at )once|when|only|first|then|later|eventually|finally|from|since)\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class _Answering:
    """A word of the sources of the same pair of opposites: how near, and whether it agrees."""

    near: float
    agrees: bool
    by_negation: bool  # one of the two is negated, so that "not open" answers "closed"


@dataclass(frozen=True, slots=True)
class _Mention:
    """A word of the claim in the sources."""

    near: float
    agrees: bool  # negated on both sides, or on neither
    flipped: bool
    denied: bool  # its clause denies something, if not this word


def contradicted(matching: Matching, parts: Sequence[Part]) -> bool:
    """Whether the parts say the opposite of the claim."""
    claim = matching.claim
    comparisons: dict[str, bool] = {}
    for part in parts:
        said = part.unit.reading
        if turned_round(claim, said) or superseded(claim, said):
            return True
        comparisons |= compared(claim, said)
    if not all(comparisons.values()):
        return True
    answers = [
        answer
        for leaning in claim.leanings
        if leaning.pair not in comparisons
        if (answer := _answer(claim, parts, leaning)) is not None
    ]
    if any(not answer.agrees for answer in answers):
        return True
    accounted_for = any(answer.by_negation for answer in answers)
    return not accounted_for and _denied(claim, parts) >= DENIED


def condition_left_out(claim: Reading, parts: Sequence[Part]) -> bool:
    """Whether the parts say that something was not so until something else, and the claim that it was so.

    "They believed him at once", of those who did not until he had shown it. A claim that names a word or a
    number of the condition, or says when, is judged by that.
    """
    if any(claim.negated) or _SAYS_WHEN.search(claim.text):
        return False
    claimed = {term.key for term in claim.terms}
    for part in parts:
        said = part.unit.reading
        for denied, condition in not_until(said.text):
            named = _keys(said, condition) & claimed or set(_DIGITS.findall(said.text, *condition)) & set(
                _DIGITS.findall(claim.text)
            )
            if _keys(said, denied) & claimed and not named:
                return True
    return False


def _keys(reading: Reading, span: tuple[int, int]) -> set[str]:
    return {term.key for term in reading.terms if span[0] <= term.start < span[1]}


def _answer(claim: Reading, parts: Sequence[Part], leaning: Leaning) -> _Answering | None:
    """The nearest word of the same pair; None where none stands in a clause about the same."""
    about = claim.clause_at(leaning.start)
    answers = []
    for part in parts:
        said = part.unit.reading
        for other in said.leanings:
            if other.pair == leaning.pair:
                clause = said.clause_at(other.start)
                near = closeness(claim, about, said, clause, OPPOSITE, besides=leaning)
                agrees = other.side == leaning.side
                answers.append(_Answering(near, agrees, agrees and other.flipped != leaning.flipped))
    around = sum(
        term.weight
        for term in claim.terms
        if term.clause == about and not (leaning.start < term.end and term.start < leaning.end)
    )
    least = max(ABOUT_IT_UNSPACED if claim.unspaced else ABOUT_IT, SAME_CLAIM * around)
    near_enough = [answer for answer in answers if answer.near >= least]
    return max(near_enough, key=lambda answer: (answer.near, answer.agrees), default=None)


def _denied(claim: Reading, parts: Sequence[Part]) -> float:
    """How many more of the claim's words are negated on one side alone than on both."""
    named = {place for name in claim.names for place in range(name.start, name.end)}
    least = SAME_CLAIM * sum(term.weight for term in claim.terms)
    against = 0.0
    unheard = _denials_of_the_unheard(claim, parts)
    for term in claim.terms:
        if term.flipped and term.clause in unheard:
            continue
        mention = _mention(claim, parts, term)
        if mention is None or mention.near < least or not (mention.flipped or term.flipped):
            continue
        weight = term.weight / 2 if term.start in named else term.weight  # names are rarely denied
        # Where both deny something, that the negations reach differently far is style.
        both = mention.denied and claim.negated[term.clause]
        against += -weight if mention.agrees or both else weight
    return against


def _denials_of_the_unheard(claim: Reading, parts: Sequence[Part]) -> set[int]:
    """The claim's clauses that deny something the parts don't speak of: "never interrupted" for "always"."""
    first = {term.clause: i for i, term in reversed([*enumerate(claim.terms)]) if term.flipped}
    return {clause for clause, i in first.items() if max(part.shares[i] for part in parts) == 0}


def _mention(claim: Reading, parts: Sequence[Part], term: Term) -> _Mention | None:
    mentions = [
        _Mention(
            closeness(claim, term.clause, part.unit.reading, other.clause),
            other.flipped == term.flipped,
            other.flipped,
            part.unit.reading.negated[other.clause],
        )
        for part in parts
        for other in part.unit.reading.terms
        if other.key == term.key
    ]
    nearest = max((mention.near for mention in mentions), default=0.0)
    near = [mention for mention in mentions if mention.near >= AS_NEAR * nearest]
    return max(near, key=lambda mention: (mention.agrees, mention.near), default=None)
