"""A question to hits: dense and keyword search in one generation of the index, fused.

Takes a snapshot, an embedder and a question, gives hits, best first, each with what its score was made of.
Knows neither the prompt nor the model; where the chunks came from is the store's affair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

import numpy as np

from rag.embedding.embeddings import LocalEmbeddings
from rag.records import Hit, Turn
from rag.search.follow_up import joined, lean
from rag.search.fusion import familiarity, fused, trust
from rag.search.reranker import Reranker, reranked
from rag.search.windows import reading_order, windows
from rag.store.contract import Snapshot
from rag.text.wording import context_terms, held_terms, is_title, rarity, sentences, share, terms_of
from rag.text.words import content_terms, match_query
from rag.verdicts.verdict import judge

CANDIDATES = 30  # of each leg; to paragraphs, 4 of 1,000 questions at most had the right one further down
SAME_TEXT = 0.9  # share of terms in common (Jaccard) from which two hits may say the same


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search is confined to: so many files, where they are, and the sorted ids of their chunks."""

    documents: int
    locations: frozenset[bytes]
    chunk_ids: np.ndarray  # int64


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found. `hits` come best first; `nearest` are the best before any reranking.

    Whether there are grounds for an answer is read off `nearest`: that bound was measured on them.
    `among` is all that the two searches found.
    `documents` says how many files were searched, where not all were.
    """

    hits: list[Hit]
    nearest: list[Hit]
    among: list[Hit]
    documents: int | None = None


def search(
    snapshot: Snapshot,
    embedder: LocalEmbeddings,
    question: str,
    *,
    k: int,
    history: Sequence[Turn] = (),
) -> list[Hit]:
    """The hits of `find` in all of the index."""
    return find(snapshot, embedder, question, k=k, history=history).hits


def find(
    snapshot: Snapshot,
    embedder: LocalEmbeddings,
    question: str,
    *,
    k: int,
    history: Sequence[Turn] = (),
    scope: Scope | None = None,
    reranker: Reranker | None = None,
    cut: bool = False,
    whole: int = 0,
) -> SearchResult:
    """The `k` best chunks for `question`, best first, none that says the same as a better one.

    A follow-up is searched together with what it leans on. Hits carry in `scores`: `dense` (cosine, on the
    bundled model's scale), `keyword` (BM25), `whole` and `sentence` (the share of the question's wording that
    the chunk and its best sentence hold), `trust` (how far its cosine was listened to) and, of a
    follow-up, `context` (what the chunk has to do with what was said before); `score` is what
    `rag.search.fusion` and `rag.search.follow_up` make of them, or with a reranker what that says. An empty
    question or an empty index gives no hits. With a `scope`, both legs look at its chunks alone. With `cut`,
    and no reranker, `hits` are not chunks but what bears on the question in and beside them
    (`rag.search.windows`); the best `whole` of them are not shortened.
    """
    documents = scope.documents if scope else None
    if not question.strip() or k < 1:
        return SearchResult([], [], [], documents)
    leaning = lean(question, history)
    depth = max(CANDIDATES, 2 * k)
    asked = [question, *(one.text for one in leaning.before)]
    legs = [_legs(snapshot, embedder, text, depth, scope) for text in asked]
    chunks = sorted(set().union(*(leg.dense.keys() | leg.keyword.keys() for leg in legs)))
    if not chunks:
        return SearchResult([], [], [], documents)
    hits = snapshot.hits(chunks, places=scope.locations if scope else None)
    own, *before = [_scored_legs(snapshot, embedder, hits, leg) for leg in legs]
    ranked = joined(leaning, own, before) if before else own
    nearest = _distinct(ranked, leaning.text, k)
    if reranker is None:
        if not cut:
            return SearchResult(nearest, nearest, ranked, documents)
        ordered = _distinct(reading_order(ranked), leaning.text, 2 * k)
        places = scope.locations if scope else None
        passages = windows(snapshot, leaning.text, ordered, k, whole=whole, places=places)
        return SearchResult(passages, nearest, ranked, documents)
    again = reranked(ranked, leaning.text, reranker, first=depth)
    return SearchResult(_distinct(again, leaning.text, k), nearest, ranked, documents)


@dataclass(frozen=True, slots=True)
class _Legs:
    """What the two searches found for a text, by chunk."""

    text: str
    vector: np.ndarray
    dense: dict[int, float]
    keyword: dict[int, float]


def _legs(snapshot: Snapshot, embedder: LocalEmbeddings, text: str, depth: int, scope: Scope | None) -> _Legs:
    among = scope.chunk_ids if scope else None
    vector = np.asarray(embedder.embed_query(text), np.float32)
    dense = dict(snapshot.dense(vector, depth, among=among))
    return _Legs(text, vector, dense, dict(snapshot.keywords(match_query(text), depth, among=among)))


def _scored_legs(
    snapshot: Snapshot, embedder: LocalEmbeddings, hits: Sequence[Hit], legs: _Legs
) -> list[Hit]:
    """The hits scored for the text of these legs, best first."""
    dense = dict(legs.dense)
    missing = [hit.chunk_id for hit in hits if hit.chunk_id not in dense]
    if missing:
        dense |= zip(missing, (snapshot.vectors(missing) @ legs.vector).tolist(), strict=True)
    cosines = embedder.scaled(np.array([dense[hit.chunk_id] for hit in hits]))
    with_legs = [
        dataclasses.replace(
            hit, scores={"dense": float(cosine), "keyword": legs.keyword.get(hit.chunk_id, 0.0)}
        )
        for hit, cosine in zip(hits, cosines, strict=True)
    ]
    asked = embedder.readable_share(legs.text)
    trusts = [trust(min(asked, embedder.readable_share(hit.text))) for hit in hits]
    language = familiarity(
        _known_share(embedder, [hit for hit, own in zip(hits, trusts, strict=True) if own])
    )
    trusts = [own * language for own in trusts]
    return scored(with_legs, legs.text, trusts)


def _known_share(embedder: LocalEmbeddings, hits: Sequence[Hit]) -> float:
    """How many of the long words in such hits the embedder knows; one hit with many names decides nothing."""
    shares = [share for hit in hits if (share := embedder.known_share(hit.text)) is not None]
    return median(shares) if shares else 1.0


def scored(hits: Sequence[Hit], question: str, dense_trust: Sequence[float]) -> list[Hit]:
    """Candidates with `dense` and `keyword` scores, fused and best first; equals by chunk id.

    `dense_trust`: how far the cosine of each is listened to; the less readable of two texts decides.
    """
    contexts = [context_terms(hit) for hit in hits]
    units = [[one.terms for one in sentences(hit)] for hit in hits]
    holdings = [held_terms(hit) for hit in hits]
    rarities = rarity(content_terms(question, characters=True), holdings)
    whole = [share(rarities, held) for held in holdings]
    titles = _titles(hits)
    sentence = [
        0.0 if hit.chunk_id in titles else max((share(rarities, one | context) for one in terms), default=0.0)
        for hit, context, terms in zip(hits, contexts, units, strict=True)
    ]
    # A title answers nothing, and BM25 likes it for being short.
    scores = fused(
        np.array([hit.scores["dense"] for hit in hits]),
        np.array([hit.scores["keyword"] for hit in hits]),
        np.array(whole),
        np.array(sentence),
        dense_trust=np.array(dense_trust),
    )
    done = [
        dataclasses.replace(
            hit,
            score=float(score),
            scores={**hit.scores, "whole": of_whole, "sentence": of_sentence, "trust": of_dense},
        )
        for hit, score, of_whole, of_sentence, of_dense in zip(
            hits, scores, whole, sentence, dense_trust, strict=True
        )
    ]
    return sorted(done, key=lambda hit: (-hit.score, hit.chunk_id))


def _titles(hits: Sequence[Hit]) -> frozenset[int]:
    """The chunks that are nothing but a title of others, in whose heading path it is."""
    over = {(hit.source, heading) for hit in hits for heading in hit.headings}
    return frozenset(
        hit.chunk_id
        for hit in hits
        if any((hit.source, heading.text) in over for heading in hit.inside) and is_title(hit)
    )


def _distinct(hits: Sequence[Hit], question: str, k: int) -> list[Hit]:
    """The first `k` hits that do not say the same as a better one.

    The next version of a contract has nearly all words in common with the last: where what bears on the
    question is denied by the other (another number, a "not"), both are hits.
    """

    @cache
    def rarities() -> Mapping[str, float]:  # wanted where two hits have most words in common, which is seldom
        return rarity(content_terms(question, characters=True), [terms_of(hit) for hit in hits])

    chosen: list[tuple[Hit, frozenset[str]]] = []
    for hit in hits:
        if len(chosen) == k:
            break
        own = terms_of(hit)
        if not any(
            len(own & others) >= SAME_TEXT * len(own | others)
            and _bears_out(hit, other, rarities())
            and _bears_out(other, hit, rarities())
            for other, others in chosen
        ):
            chosen.append((hit, own))
    return [hit for hit, _ in chosen]


def _bears_out(hit: Hit, other: Hit, rarities: Mapping[str, float]) -> bool:
    """Whether `hit` says what is said in `other` where it bears most on the question, and beside that."""
    units = sentences(other)
    shares = [share(rarities, one.terms) for one in units]
    best = shares.index(max(shares)) if shares else 0
    said = [other.text[one.start : one.end] for one in units[max(0, best - 1) : best + 2]]
    return all(
        sentence in hit.text or judge(sentence, [hit.text]).verdict != "unsupported" for sentence in said
    )
