"""Whether hits answer a question at all, or the documents do not speak of it: one number, one bound.

Takes a question and the hits that a search gave, gives how much speaks for their answering it. Knows
neither index nor model; reads the words of the question and of the hits, and the hits' cosines.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.records import Hit
from rag.words import content_terms, index_terms

CONSIDERED = 5  # hits; one further down never is the only one to answer
ENOUGH = 0.42  # with a dense leg that reads the question; see `bound`
ENOUGH_WORDS = 0.25  # of the question's terms, where the keyword leg stands alone


def answers(question: str, hits: Sequence[Hit]) -> bool:
    """Whether `hits` are grounds for an answer; False means: not in the documents."""
    if not hits:
        return False
    trust = _trust(hits)
    return evidence(question, hits) >= trust * ENOUGH + (1 - trust) * ENOUGH_WORDS


def evidence(question: str, hits: Sequence[Hit]) -> float:
    """From 0 to 1: the mean of the best cosine and the best share of the question's terms in one hit.

    Where the dense leg cannot read the question, its cosine counts for less, down to nothing.
    """
    terms = content_terms(question)
    if not terms or not hits:
        return 0.0
    considered = hits[:CONSIDERED]
    covered = 0.0
    for hit in considered:
        there = set(index_terms(" ".join((*hit.headings, hit.text))).split())
        covered = max(covered, sum(term in there for term in terms) / len(terms))
    cosine = max(hit.scores.get("dense", 0.0) for hit in considered)
    trust = _trust(hits)
    return (covered + trust * cosine) / (1 + trust)


def _trust(hits: Sequence[Hit]) -> float:
    return min(1.0, hits[0].scores.get("trust", 1.0))
