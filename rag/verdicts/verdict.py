"""Whether cited words bear a sentence out, and which of them do.

Takes a sentence of an answer and the texts that it cites; gives "supported", "weak" or "unsupported" and, in
each text, the sentence or two (or the table row) that bear it out or come nearest. Numbers, dates, names and
negation must be found there; the rest is judged by shared words and, where the caller gives a measure of
likeness, by that. Pure; does not know where the texts come from nor what model wrote the sentence.

- supported: everything the sentence says is in the cited words
- weak: the same subject, nothing against it, but not all of it was found
- unsupported: a number, date or name that is not there, the opposite of what is there, or another subject

What it can't see: a contradiction in other words than a number, date, name, negation or listed opposite; a
wrong relation between right words of one sentence ("Smith hired Jones" for "Jones hired Smith", unless it is
a comparison); a name in a script that does not mark names, when nothing else gives it away; an inference,
even a right one. Free paraphrase is often only weak. A sentence in another script than its passages shares no
words with them: when its numbers, dates and codes agree it is weak, never supported.

On cases that nobody had seen when they were judged it is right about three times in four; in the last two
rounds of them 6 of 65 wrong sentences were called supported and 4 of 75 right ones unsupported
(`python -m benchmarks.verdicts`). Likeness by the bundled embedder changes next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from rag.verdicts.attribution import across_rows, misattributed
from rag.verdicts.binding import bound
from rag.verdicts.contradictions import condition_left_out, contradicted
from rag.verdicts.coverage import clause_shares, longest_gap, share, unknown_subject
from rag.verdicts.facts import missing
from rag.verdicts.matching import Matching, Part, best_parts, enough_parts, marked, match
from rag.verdicts.reading import Reading, read, units
from rag.verdicts.substitution import Swapped, swapped

Similarity = Callable[[str, Sequence[str]], Sequence[float]]
Span = tuple[int, int]
Judged = Literal["supported", "weak", "unsupported"]


class Judgement(NamedTuple):
    """The verdict, and for each cited text the span of the words that it rests on."""

    verdict: Judged
    spans: tuple[Span, ...]


# Calibrated on data/verdicts.jsonl (`python -m benchmarks.verdicts`).
SUPPORTED_SHARE = 0.6  # of the sentence's words, numbers and dates that must be found
SUPPORTED_SHARE_OF_FEW = 0.7  # where there are no more than FEW of them
FEW = 3
SUPPORTED_CLAUSE = 0.5  # and of the words in each of its clauses
SUPPORTED_LIKE = 0.8  # with this likeness fewer will do
SUPPORTED_SHARE_LIKE = 0.4
LONGEST_GAP = 1.5  # words of the sentence, one after another, that need not be found
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
    sources = [units(passage) for passage in passages]
    besides = read(context)
    matching = match(claim, sources, besides.keys)
    likeness = _likeness(matching, similarity)
    best = [best_parts(matching, i, likeness) for i in range(len(sources))]
    spans = tuple(marked(matching, parts) for parts in best)
    parts = enough_parts(matching, [part for chosen in best for part in chosen])
    like = max((likeness.get(part.place, 0.0) for part in parts), default=0.0)
    return Judgement(_verdict(matching, parts, besides, like), spans)


def _likeness(matching: Matching, similarity: Similarity | None) -> dict[int, float]:
    """The likeness of each sentence of the sources; empty where nobody measures it."""
    if similarity is None or matching.claim.unspaced or not matching.parts:
        return {}
    texts = [part.unit.reading.text for part in matching.parts]
    return dict(enumerate(map(float, similarity(matching.claim.text, texts))))


def _verdict(matching: Matching, parts: Sequence[Part], context: Reading, like: float) -> Judged:
    claim = matching.claim
    if not parts or not matching.total:
        return "unsupported"
    swap = _swapped(matching, parts)
    if objection(matching, parts, context, swap):
        return "unsupported"
    if _foreign(matching):
        return "weak"
    found = share(matching, parts, range(len(claim.terms)), facts=True)
    clauses = clause_shares(matching, parts)
    doubtful = (
        swap == "doubtful"
        or longest_gap(matching, parts) > LONGEST_GAP
        or unknown_subject(matching)
        or _only_opposite(matching, parts)
        or condition_left_out(claim, parts)
        or not bound(matching, parts, context)
    )
    least = SUPPORTED_SHARE if len(matching.weights) > FEW else SUPPORTED_SHARE_OF_FEW
    full = found >= least and min(clauses, default=1.0) >= SUPPORTED_CLAUSE
    if not doubtful and (full or (like >= SUPPORTED_LIKE and found >= SUPPORTED_SHARE_LIKE)):
        return "supported"
    partly = found >= WEAK_SHARE or max(clauses, default=0.0) >= SUPPORTED_CLAUSE or like >= WEAK_LIKE
    return "weak" if partly else "unsupported"


def objection(matching: Matching, parts: Sequence[Part], context: Reading, swap: Swapped) -> str:
    """What speaks against the claim, in words; "" where nothing does."""
    foreign = _foreign(matching)
    absent = missing(
        matching.claim, [*(part.unit.reading for part in matching.parts), context], foreign=foreign
    )
    if absent:
        return f"not there: {', '.join(absent)}"
    if foreign:
        return ""
    if contradicted(matching, parts):
        return "the opposite"
    if swap == "wrong" or misattributed(matching) or across_rows(matching):
        return "of another"
    return ""


def _foreign(matching: Matching) -> bool:
    """Whether no source is in the claim's script."""
    return all(part.unit.reading.unspaced != matching.claim.unspaced for part in matching.parts)


def _swapped(matching: Matching, parts: Sequence[Part]) -> Swapped:
    part = max(parts, key=lambda part: (matching.worth([part]), -part.place))
    earlier = [other.unit.reading for other in matching.parts[: part.place] if other.source == part.source]
    everything = "\n".join(other.unit.reading.text for other in matching.parts)
    return swapped(matching.claim, part.unit.reading, earlier, everything)


def _only_opposite(matching: Matching, parts: Sequence[Part]) -> bool:
    """Whether the parts have the other word of one of the claim's pairs of opposites, and not this one."""
    said = {(word.pair, word.side) for part in parts for word in part.unit.reading.leanings}
    return any(
        (word.pair, word.side) not in said and (word.pair, -word.side) in said
        for word in matching.claim.leanings
    )
