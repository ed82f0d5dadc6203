"""How much of a claim's wording the parts of its sources have, and where they leave gaps.

Takes a `Matching` and parts, gives shares and weights. Pure; that a word is found does not say that it is
said of the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.verdicts.matching import Matching, Part
from rag.verdicts.reading import PAIR

FOUND = 0.5  # a word of which the parts have less is not there


def share(matching: Matching, parts: Sequence[Part], terms: Sequence[int], *, facts: bool = False) -> float:
    """How much of these terms of the claim, by weight, the parts have; with `facts`, of its facts too.

    Where terms are pairs of characters they overlap: a character is found when one of its pairs is.
    """
    have: dict[int, float] = {}
    weights: dict[int, float] = {}
    for i in terms:
        term = matching.claim.terms[i]
        places = (term.start,) if term.key.isascii() else range(term.start, term.end)
        for place in places:
            have[place] = max(have.get(place, 0.0), _found(i, parts))
            weights[place] = term.weight
    for i in range(len(matching.claim.terms), len(matching.weights)) if facts else ():
        have[-i], weights[-i] = _found(i, parts), 1.0
    total = sum(weights.values())
    return sum(weights[place] * have[place] for place in have) / total if total else 1.0


def clause_shares(matching: Matching, parts: Sequence[Part]) -> list[float]:
    """For each clause of the claim that says more than a word, what one part and its neighbour have of it.

    Words from all over a text don't make one statement.
    """
    terms = matching.claim.terms
    clauses = [
        [i for i, term in enumerate(terms) if term.clause == c] for c in {term.clause for term in terms}
    ]
    neighbours = {(part.source, part.place): part for part in matching.parts}
    windows = [
        [part, *([other] if (other := neighbours.get((part.source, part.place + step))) else [])]
        for part in parts
        for step in (-1, 1)
    ]
    return [
        max(share(matching, window, clause) for window in windows) for clause in clauses if len(clause) > 1
    ]


def longest_gap(matching: Matching, parts: Sequence[Part]) -> float:
    """The weight of the longest run of the claim's words, one after another, that the parts don't have."""
    longest = run = 0.0
    for i, term in enumerate(matching.claim.terms):
        run = 0.0 if _found(i, parts) > FOUND else run + term.weight
        longest = max(longest, run)
    return longest


def unknown_subject(matching: Matching) -> bool:
    """Whether a sentence without spaces begins with three characters or more that no source has."""
    first = 0.0
    for i, term in enumerate(matching.claim.terms):
        if _found(i, matching.parts) > FOUND:
            break
        first += term.weight
    return matching.claim.unspaced and first >= 2 * PAIR


def _found(i: int, parts: Sequence[Part]) -> float:
    return max(part.shares[i] for part in parts)
