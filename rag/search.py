"""A question to hits: dense and keyword search in one generation of the index, fused.

Takes a snapshot, an embedder and a question, gives hits, best first, each with what its score was made of.
Knows neither the prompt nor the model; where the chunks came from is the store's affair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rag.embeddings import LocalEmbeddings
from rag.fusion import fused, trust
from rag.local_snapshot import Snapshot
from rag.records import Hit, Turn
from rag.wording import rarity, share, worded
from rag.words import content_terms, match_query, term_set

CANDIDATES = 30  # of each leg; the right chunk was further down in both in 2 of 1,000 questions
FEW_TERMS = 2  # a question with no more content terms than this leans on the one before
SAME_TEXT = 0.9  # share of terms in common (Jaccard) from which two hits say the same


def search(
    snapshot: Snapshot,
    embedder: LocalEmbeddings,
    question: str,
    *,
    k: int,
    history: Sequence[Turn] = (),
) -> list[Hit]:
    """The `k` best chunks for `question`, best first, none of them twice in other words.

    A follow-up with few words of its own is searched together with the question before it. Hits carry
    in `scores`: `dense` (cosine), `keyword` (BM25), `whole` and `sentence` (the share of the question's
    wording that the chunk and its best sentence hold) and `trust` (how far the dense leg was listened to);
    `score` is what `rag.fusion` makes of them. An empty question or an empty index gives no hits.
    """
    query = standalone(question, history)
    if not query.strip() or k < 1 or not snapshot.chunk_count:
        return []
    vector = np.asarray(embedder.embed_query(query), np.float32)
    depth = max(CANDIDATES, 2 * k)
    dense = dict(snapshot.dense(vector, depth))
    keyword = dict(snapshot.keywords(match_query(query), depth))
    missing = [chunk for chunk in keyword if chunk not in dense]
    if missing:
        dense |= zip(missing, (snapshot.vectors(missing) @ vector).tolist(), strict=True)
    hits = [
        dataclasses.replace(
            hit, scores={"dense": dense[hit.chunk_id], "keyword": keyword.get(hit.chunk_id, 0.0)}
        )
        for hit in snapshot.hits(sorted(dense))
    ]
    return _distinct(scored(hits, query, trust(embedder.readable_share(query))))[:k]


def scored(hits: Sequence[Hit], question: str, dense_trust: float) -> list[Hit]:
    """Candidates with `dense` and `keyword` scores, fused and best first; equals by chunk id."""
    contexts = [_context(hit.headings, hit.source) for hit in hits]
    sentences = [[one.terms for one in worded(hit.text)] for hit in hits]
    holdings = [context.union(*terms) for context, terms in zip(contexts, sentences, strict=True)]
    rarities = rarity(content_terms(question, characters=True), holdings)
    whole = [share(rarities, held) for held in holdings]
    sentence = [
        max((share(rarities, one | context) for one in terms), default=0.0)
        for context, terms in zip(contexts, sentences, strict=True)
    ]
    scores = fused(
        np.array([hit.scores["dense"] for hit in hits]),
        np.array([hit.scores["keyword"] for hit in hits]),
        np.array(whole),
        np.array(sentence),
        dense_trust=dense_trust,
    )
    done = [
        dataclasses.replace(
            hit,
            score=float(score),
            scores={**hit.scores, "whole": of_whole, "sentence": of_sentence, "trust": dense_trust},
        )
        for hit, score, of_whole, of_sentence in zip(hits, scores, whole, sentence, strict=True)
    ]
    return sorted(done, key=lambda hit: (-hit.score, hit.chunk_id))


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it is searched: a follow-up with the words of the question before it."""
    before = [turn.text for turn in history if turn.role == "user"]
    if not before or len(content_terms(question)) > FEW_TERMS:
        return question
    return f"{before[-1]} {question}"


@lru_cache(maxsize=1024)
def _context(headings: tuple[str, ...], source: str) -> frozenset[str]:
    """The terms of what stands over a chunk: they bear on every sentence of it."""
    return term_set("\n".join((source, *headings)))


def _distinct(hits: Sequence[Hit]) -> list[Hit]:
    """The hits without those that say the same as a better one."""
    chosen: list[tuple[Hit, frozenset[str]]] = []
    for hit in hits:
        terms = frozenset[str]().union(*(one.terms for one in worded(hit.text)))
        if not any(len(terms & other) >= SAME_TEXT * len(terms | other) for _, other in chosen):
            chosen.append((hit, terms))
    return [hit for hit, _ in chosen]
