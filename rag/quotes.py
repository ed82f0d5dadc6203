"""An answer made of the sources' own sentences, for when no model is there.

Takes a question and its hits, gives the sentences that come nearest to answering it, verbatim, each with
its place. Does not write a word of its own; whether the hits answer at all is `rag.evidence`'s to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.embeddings import LocalEmbeddings
from rag.records import Hit
from rag.sentences import spans
from rag.words import content_terms, index_terms

READ_HITS = 5  # hits whose sentences are compared
SHORTEST = 3  # terms; less is a heading or a fragment


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source: `page.text[start:end] == text`."""

    source: str
    page: int
    start: int
    end: int
    text: str
    score: float
    chunk_id: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    hit: Hit
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.hit.text[self.start : self.end]


def quote_answer(
    question: str, hits: Sequence[Hit], embedder: LocalEmbeddings, *, most: int = 3
) -> list[Quote]:
    """The 1 to `most` sentences of `hits` that answer `question` best, the best first.

    A further sentence is quoted only if it scores nearly as well and says something else. No hits, no
    quotes.
    """
    candidates = _candidates(hits[:READ_HITS])
    if not candidates or most < 1:
        return []
    scores = _scores(question, candidates, embedder)
    chosen: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) == most:
            break
        if all(candidates[index].text != candidates[other].text for other in chosen):
            chosen.append(index)
    return [_quote(candidates[index], float(scores[index])) for index in chosen]


def _candidates(hits: Sequence[Hit]) -> list[_Candidate]:
    found = [_Candidate(hit, start, end) for hit in hits for start, end in spans(hit.text)]
    whole = [one for one in found if len(index_terms(one.text).split()) >= SHORTEST]
    return whole or found


def _scores(question: str, candidates: Sequence[_Candidate], embedder: LocalEmbeddings) -> np.ndarray:
    weight = 0.6 * candidates[0].hit.scores.get("trust", 1.0)
    vector = np.asarray(embedder.embed_query(question), np.float32)
    dense = embedder.embed([one.text for one in candidates]) @ vector
    terms = [set(index_terms(one.text).split()) for one in candidates]
    asked = content_terms(question)
    holders = {term: sum(term in some for some in terms) for term in asked}
    worth = {term: float(np.log(1 + len(terms) / count)) if count else 0.0 for term, count in holders.items()}
    keyword = np.array([sum(worth[term] for term in asked if term in some) for some in terms])
    passage = np.array([one.hit.score for one in candidates])
    return weight * deviations(dense) + (1 - weight) * deviations(keyword) + 0.5 * deviations(passage)


def _quote(candidate: _Candidate, score: float) -> Quote:
    hit = candidate.hit
    return Quote(
        source=hit.source,
        page=hit.page,
        start=hit.start + candidate.start,
        end=hit.start + candidate.end,
        text=candidate.text,
        score=score,
        chunk_id=hit.chunk_id,
    )


def deviations(scores: np.ndarray) -> np.ndarray:
    """How many standard deviations each score lies above the mean; all 0 where they do not differ."""
    spread = float(scores.std()) if len(scores) else 0.0
    return (scores - scores.mean()) / spread if spread > 1e-9 else np.zeros(len(scores))
