"""The two searches of an index in Milvus: by vectors, and by Milvus's BM25.

Takes a `View`, gives chunk ids with scores. Milvus also finds what a broken-off or replaced write left
behind; that is passed over here, and asked about again without it. Knows no text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import numpy as np

from rag.errors import UsageError
from rag.store.milvus_database import MOST_FOUND, listed
from rag.store.milvus_schema import POSITION_BITS, spelt
from rag.store.milvus_view import View

_MOST_LEFT_OUT = 2_000  # versions named in one filter
_EXPRESSION = re.compile(r'"[^"]+"(?: OR "[^"]+")*')
_BEGINNING = re.compile(r'"([^" ]+)" \*')

# k and a condition -> (chunk id, version, score), the best k
_Finder = Callable[[int, str], list[tuple[int, int, float]]]


def by_vector(view: View, vector: np.ndarray, k: int, among: np.ndarray | None) -> list[tuple[int, float]]:
    """The chunks with the largest inner products, best first."""
    wanted = np.asarray(vector, np.float32).tolist()

    def find(count: int, condition: str) -> list[tuple[int, int, float]]:
        return view.database.search("vector", wanted, count, condition, {"metric_type": "IP"})

    return _current(view, find, k, among)


def by_words(view: View, match: str, k: int, among: np.ndarray | None) -> list[tuple[int, float]]:
    """The chunks with the largest BM25, best first; `match` as `rag.text.words.match_query` makes it.

    A phrase counts as its words, in any order, but not where these are numbers alone: of "1 000" neither is
    what was asked for. Of a single character of a script without spaces, the chunks
    with words that begin with it, in no order: full-text search knows whole words only.
    """
    beginning = _BEGINNING.fullmatch(match)
    if beginning:
        return _current(view, _finder_of_beginnings(view, spelt(beginning[1])), k, among)
    if not _EXPRESSION.fullmatch(match):
        raise UsageError(
            f"{match[:80]!r} is not a keyword query (quoted terms with OR between them);"
            " make one with rag.text.words.match_query"
        )
    text = spelt(" ".join(words_of(match)))

    def find(count: int, condition: str) -> list[tuple[int, int, float]]:
        found = view.database.search("sparse", text, count, condition, {"metric_type": "BM25"})
        # milvus-lite says how far, below zero, where Milvus says how near
        return [(chunk, version, abs(score)) for chunk, version, score in found]

    return _current(view, find, k, among)


def words_of(match: str) -> list[str]:
    """The words that full-text search is asked for; numbers in a phrase are the groups of one: 1 000."""
    terms: list[str] = re.findall('"([^"]+)"', match)
    counted = [one for one in terms if " " not in one or not one.replace(" ", "").isdecimal()]
    return list(dict.fromkeys(" ".join(counted).split()))


def _finder_of_beginnings(view: View, spelling: str) -> _Finder:
    wanted = f'(terms like "{spelling}%" or terms like "% {spelling}%")'

    def find(count: int, condition: str) -> list[tuple[int, int, float]]:
        both = f"{wanted} and {condition}" if condition else wanted
        rows = view.database.query(view.database.chunks, both, ["id", "version"], count)
        return [(int(row["id"]), int(row["version"]), 1.0) for row in rows]

    return find


def _current(view: View, find: _Finder, k: int, among: np.ndarray | None) -> list[tuple[int, float]]:
    """The k best of what is current and allowed; asks again while leftovers stand in the way."""
    if k < 1 or (among is not None and not len(among)):
        return []
    allowed = None if among is None else np.unique(np.asarray(among, np.int64) >> POSITION_BITS).tolist()
    left_out: set[int] = set()
    count = min(k, MOST_FOUND)
    while True:
        raw = find(count, _condition(allowed, left_out))
        current = view.current({version for _, version, _ in raw})
        kept = [(chunk, score) for chunk, version, score in raw if version in current]
        if among is not None:
            inside = np.isin(np.array([chunk for chunk, _ in kept], np.int64), among)
            kept = [one for one, is_inside in zip(kept, inside, strict=True) if is_inside]
        gone = {version for _, version, _ in raw} - current
        if len(kept) >= k or len(raw) < count or (count == MOST_FOUND and not gone):
            return sorted(kept, key=lambda hit: (-hit[1], hit[0]))[:k]
        if not gone or len(left_out) >= _MOST_LEFT_OUT:
            count = min(count * 4, MOST_FOUND)
        left_out |= gone


def _condition(allowed: list[int] | None, left_out: Collection[int]) -> str:
    if allowed is not None:
        return f"version in {listed([one for one in allowed if one not in left_out])}"
    return f"version not in {listed(sorted(left_out)[:_MOST_LEFT_OUT])}" if left_out else ""
