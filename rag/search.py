"""A question to hits: dense and keyword search in one generation of the index, fused.

Takes a snapshot, an embedder and a question, gives hits, best first, each with both legs' scores. Knows
neither the prompt nor the model; where the chunks came from is the store's affair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from rag.embeddings import LocalEmbeddings
from rag.fusion import Fused, dense_weight, fuse
from rag.local_snapshot import Snapshot
from rag.records import Hit, Turn
from rag.words import content_terms, index_terms, match_query

CANDIDATES = 1000  # of each leg; an index with no more chunks is scored whole
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
    in `scores`: `dense` (cosine), `keyword` (BM25), `dense_deviations`, `keyword_deviations` (above the
    mean of what was looked at) and `dense_weight`; `score` is their weighted sum. An empty question or an
    empty index gives no hits.
    """
    query = standalone(question, history)
    if not query.strip() or k < 1 or not snapshot.chunk_count:
        return []
    weight = dense_weight(embedder.readable_share(query))
    vector = np.asarray(embedder.embed_query(query), np.float32)
    depth = max(CANDIDATES, 4 * k)
    keyword = dict(snapshot.keywords(match_query(query), depth))
    dense = dict(snapshot.dense(vector, depth))
    missing = [chunk for chunk in keyword if chunk not in dense]
    if missing:
        dense |= zip(missing, (snapshot.vectors(missing) @ vector).tolist(), strict=True)
    return _distinct(snapshot, fuse(dense, keyword, dense_weight=weight), weight, k)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it is searched: a follow-up with the words of the question before it."""
    before = [turn.text for turn in history if turn.role == "user"]
    if not before or len(content_terms(question)) > FEW_TERMS:
        return question
    return f"{before[-1]} {question}"


def _distinct(snapshot: Snapshot, fused: list[Fused], weight: float, k: int) -> list[Hit]:
    chosen: list[Hit] = []
    seen: list[frozenset[str]] = []
    for begin in range(0, len(fused), 2 * k):
        some = fused[begin : begin + 2 * k]
        for one, hit in zip(some, snapshot.hits([one.chunk_id for one in some]), strict=True):
            terms = frozenset(index_terms(hit.text).split())
            if any(_alike(terms, other) for other in seen):
                continue
            chosen.append(_scored(hit, one, weight))
            seen.append(terms)
            if len(chosen) == k:
                return chosen
    return chosen


def _alike(some: frozenset[str], others: frozenset[str]) -> bool:
    return len(some & others) >= SAME_TEXT * max(1, len(some | others))


def _scored(hit: Hit, fused: Fused, weight: float) -> Hit:
    scores = {
        "dense": fused.dense,
        "keyword": fused.keyword,
        "dense_deviations": fused.dense_deviations,
        "keyword_deviations": fused.keyword_deviations,
        "dense_weight": weight,
    }
    return dataclasses.replace(hit, score=fused.score, scores=scores)
