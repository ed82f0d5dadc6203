"""A question to hits: dense and keyword search in one generation of the index, fused.

Takes a snapshot, an embedder and a question, gives hits, best first, each with what its score was made of.
Knows neither the prompt nor the model; where the chunks came from is the store's affair.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rag.embeddings import LocalEmbeddings
from rag.fusion import fused, trust
from rag.local_snapshot import Snapshot
from rag.records import Hit, Turn
from rag.wording import rarity, share, worded
from rag.words import content_terms, has_content, is_character, is_pair, match_query, term_set

CANDIDATES = 30  # of each leg; to paragraphs, 4 of 1,000 questions at most had the right one further down
FEW_WORDS = 4  # a question with more words of its own can be searched by itself
CHARACTERS_A_WORD = 2  # in Chinese and Japanese, on average
LONGEST_CHAIN = 3  # questions that a follow-up is searched with
SAME_TEXT = 0.9  # share of terms in common (Jaccard) from which two hits say the same

_POINTS_BACK = re.compile(
    r"^\W*(?:and|but|or|also|so|then|what about|how about|what else|why|really|und|aber|et|mais|y|pero)\b"
    r"|\b(?:its?|they|them|theirs?|this|these|those|he|him|his|she|hers?|there|ones?|same|such)\b"
    r"|\bthat\b(?! (?:is|was|are|were|has|had|have|can|could|will|would)\b)"  # not "the reef that was unlit"
    r"|^\W*\w+ \w+\W*$"  # "How tall?"
    r"|^\W*(?:那|还有|还|然后|另外|为什么|而)|[它他她]|[这那此该其](?![里儿])|同样|呢\W*$|それ|これ|その|この|彼",
    re.IGNORECASE,
)


def search(
    snapshot: Snapshot,
    embedder: LocalEmbeddings,
    question: str,
    *,
    k: int,
    history: Sequence[Turn] = (),
) -> list[Hit]:
    """The `k` best chunks for `question`, best first, none of them twice in other words.

    A follow-up is searched together with the question that it leans on. Hits carry in `scores`: `dense`
    (cosine, on the bundled model's scale), `keyword` (BM25), `whole` and `sentence` (the share of the
    question's wording that the chunk and its best sentence hold) and `trust` (how far the dense leg was
    listened to); `score` is what `rag.fusion` makes of them. An empty question or an empty index gives no
    hits.
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
    hits = snapshot.hits(sorted(dense))
    cosines = embedder.scaled(np.array([dense[hit.chunk_id] for hit in hits]))
    hits = [
        dataclasses.replace(hit, scores={"dense": float(cosine), "keyword": keyword.get(hit.chunk_id, 0.0)})
        for hit, cosine in zip(hits, cosines, strict=True)
    ]
    return _distinct(scored(hits, query, trust(embedder.readable_share(query))), k)


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
    """The question as it is searched: a follow-up comes with the questions that it leans on before it.

    A short question leans on the one before when it points back ("it", "that", 它), goes on ("and ...?",
    还有) or has no word of its own ("why?"). `standalone("How tall is it?", [Turn("user", "When was the
    Eddystone tower built?"), ...])` is `"When was the Eddystone tower built? How tall is it?"`.
    """
    asked = [turn.text for turn in history if turn.role == "user"]
    chain = [question]
    for before in reversed(asked[-LONGEST_CHAIN:]):
        if not _leans(chain[0]):
            break
        chain.insert(0, before)
    return " ".join(chain)


def _leans(question: str) -> bool:
    terms = content_terms(question, characters=True)
    characters = sum(is_character(term) for term in terms)
    words = sum(not is_pair(term) for term in terms) - characters + characters / CHARACTERS_A_WORD
    if words > FEW_WORDS:
        return False
    return bool(_POINTS_BACK.search(question)) or not has_content(question)


@lru_cache(maxsize=1024)
def _context(headings: tuple[str, ...], source: str) -> frozenset[str]:
    """The terms of what stands over a chunk: they bear on every sentence of it."""
    return term_set("\n".join((source, *headings)))


def _distinct(hits: Sequence[Hit], k: int) -> list[Hit]:
    """The first `k` hits that do not say the same as a better one."""
    chosen: list[Hit] = []
    seen: list[frozenset[str]] = []
    for hit in hits:
        if len(chosen) == k:
            break
        terms = frozenset[str]().union(*(one.terms for one in worded(hit.text)))
        if not any(len(terms & other) >= SAME_TEXT * len(terms | other) for other in seen):
            chosen.append(hit)
            seen.append(terms)
    return chosen
