"""Whether cited words bear a sentence out, and which of them do.

Takes a sentence of an answer and the texts that it cites; gives "supported", "weak" or "unsupported" and, in
each text, the sentence or two (or the table row) that bear it out or come nearest. Numbers, dates, names and
negation must be found there; the rest is judged by shared words and, where the caller gives a measure of
likeness, by that. Pure; does not know where the texts come from nor what model wrote the sentence.

- supported: everything the sentence says is in the cited words
- weak: the same subject, nothing against it, but not all of it was found
- unsupported: a number, date or name that is not there, the opposite of what is there, or another subject

What it can't see: a contradiction in other words than a number, date, name, negation or listed opposite; a
wrong relation between right words ("A hired B" for "B hired A", unless a comparison says it); an inference,
even a right one. A sentence in another script than the passage shares no words with it: when its numbers,
dates and Latin names agree it is weak, never supported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from rag.contradictions import contradicted, facts_missing, misattributed
from rag.matching import Matching, Part, best_parts, enough_parts, match
from rag.reading import Reading, read

Similarity = Callable[[str, Sequence[str]], Sequence[float]]
Span = tuple[int, int]
Judged = Literal["supported", "weak", "unsupported"]


class Judgement(NamedTuple):
    """The verdict, and for each cited text the span of the words that it rests on."""

    verdict: Judged
    spans: tuple[Span, ...]


# Calibrated on data/verdicts.jsonl (`python -m benchmarks.verdicts`).
SUPPORTED_SHARE = 0.7  # of the sentence's words that must be found
SUPPORTED_CLAUSE = 0.5  # and of those in each of its clauses
SUPPORTED_LIKE = 0.8  # or, with this likeness, half of them
WEAK_SHARE = 0.3
WEAK_LIKE = 0.55


def judge(
    sentence: str, passages: Sequence[str], context: str = "", *, similarity: Similarity | None = None
) -> Judgement:
    """Checks `sentence` (its marks taken out) against all of `passages` together.

    `context` is what is known about them besides, headings and file names: a name may be found there.
    `similarity(sentence, candidates)` gives a cosine for each candidate. The spans are in the passages'
    order, each in its own passage's characters.
    """
    claim = read(sentence)
    matching = match(claim, [read(passage) for passage in passages])
    likeness = _likeness(matching, similarity)
    best = best_parts(matching, likeness)
    spans = tuple(
        (min(p.start for p in parts), max(p.end for p in parts)) if parts else (0, 0) for parts in best
    )
    parts = enough_parts(matching, [part for chosen in best for part in chosen])
    like = max((likeness.get((part.source, part.start, part.end), 0.0) for part in parts), default=0.0)
    return Judgement(_verdict(matching, parts, read(context), like), spans)


def _likeness(matching: Matching, similarity: Similarity | None) -> dict[tuple[int, int, int], float]:
    """The likeness of each sentence of the sources; empty where nobody measures it."""
    if similarity is None or matching.claim.unspaced or not matching.parts:
        return {}
    texts = [matching.sources[part.source].text[part.start : part.end] for part in matching.parts]
    places = [(part.source, part.start, part.end) for part in matching.parts]
    return dict(zip(places, map(float, similarity(matching.claim.text, texts)), strict=True))


def _verdict(matching: Matching, parts: Sequence[Part], context: Reading, like: float) -> Judged:
    claim = matching.claim
    if not parts or not (claim.terms or matching.total):
        return "unsupported"
    foreign = claim.unspaced != any(matching.sources[part.source].unspaced for part in parts)
    if facts_missing(matching, context, foreign=foreign):
        return "unsupported"
    if foreign:
        return "weak"
    if contradicted(matching, parts) or misattributed(matching, parts, context):
        return "unsupported"
    words = len(claim.terms)
    share = _share(matching, parts, range(words))
    by_clause = [
        _share(matching, parts, [i for i in range(words) if claim.terms[i].clause == clause])
        for clause in {term.clause for term in claim.terms}
    ]
    full = share >= SUPPORTED_SHARE and min(by_clause, default=1.0) >= SUPPORTED_CLAUSE
    if full or (like >= SUPPORTED_LIKE and share >= SUPPORTED_SHARE - 0.2):
        return "supported"
    return "weak" if share >= WEAK_SHARE or like >= WEAK_LIKE else "unsupported"


def _share(matching: Matching, parts: Sequence[Part], terms: Sequence[int]) -> float:
    """How much of these terms of the claim, by weight, the parts have."""
    total = sum(matching.weights[i] for i in terms)
    have = sum(matching.weights[i] * max(part.shares[i] for part in parts) for i in terms)
    return have / total if total else 1.0
