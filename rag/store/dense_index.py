"""Nearest vectors by inner product: a FAISS index over chunk ids.

Takes ids and float32 vectors, gives ids and scores. Knows nothing of databases: whoever calls says which
ids there are now, and hands over the vectors of the new ones. A `DenseIndex` never changes once it is
made, so any number of threads may search it; `moved_to` gives another that shares the large part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

# What changed since the large part was built is searched beside it, until it is more than this many
# vectors and more than this share of all: then it is worth the copy to make them one again.
FOLD_LEAST = 2_048
FOLD_SHARE = 0.05

Fetch = Callable[[np.ndarray], np.ndarray]
_NO_IDS = np.empty(0, np.int64)


class _Segment(NamedTuple):
    index: Any  # faiss.IndexFlatIP
    ids: np.ndarray  # int64, sorted; ids[n] is the chunk of FAISS's position n


@dataclass(frozen=True, slots=True)
class DenseIndex:
    """The vectors of one generation: a large part, less what is hidden in it, and a small fresh part."""

    dimension: int
    generation: int
    stamp: bytes
    large: _Segment
    shown: np.ndarray | None  # bool, one for each of the large part's; None when all are shown
    fresh: _Segment

    @classmethod
    def empty(cls, dimension: int) -> DenseIndex:
        """An index of no vectors, of no generation."""
        segment = _nothing(dimension)
        return cls(dimension, 0, bytes(16), segment, None, segment)

    @classmethod
    def of(cls, index: Any, ids: np.ndarray, *, generation: int, stamp: bytes) -> DenseIndex:
        """An index made of FAISS's (flat, inner product) and the sorted chunk ids of its positions."""
        return cls(index.d, generation, stamp, _Segment(index, ids), None, _nothing(index.d))

    @property
    def ids(self) -> np.ndarray:
        """The chunk ids that a search can give, sorted."""
        large = self.large.ids if self.shown is None else self.large.ids[self.shown]
        return np.sort(np.concatenate([large, self.fresh.ids])) if len(self.fresh.ids) else large

    @property
    def last_id(self) -> int:
        """The largest id; 0 when there is none."""
        return int(self.ids[-1]) if len(self.ids) else 0

    def search(
        self, vector: np.ndarray, k: int, *, among: np.ndarray | None = None
    ) -> list[tuple[int, float]]:
        """The k ids with the largest inner products, best first, ids breaking ties.

        `among`: sorted int64; only these are looked at.
        """
        query = np.ascontiguousarray(vector, np.float32).reshape(1, self.dimension)
        found = [
            *_search(self.large, query, k, _mask(self.large.ids, self.shown, among)),
            *_search(self.fresh, query, k, _mask(self.fresh.ids, None, among)),
        ]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def moved_to(self, ids: np.ndarray, fetch: Fetch, *, generation: int, stamp: bytes) -> DenseIndex:
        """The index of another generation, which holds exactly `ids` (sorted, int64).

        `fetch(some_ids)` gives the vectors, float32 [n, dimension], of ids that are not here yet.
        """
        shown = _members(self.large.ids, ids)
        kept = _members(self.fresh.ids, ids)
        present = np.concatenate([self.large.ids[shown], self.fresh.ids[kept]])
        added = np.setdiff1d(ids, present, assume_unique=True)
        hidden = len(shown) - int(np.count_nonzero(shown))
        beside = int(np.count_nonzero(kept)) + len(added)
        pieces = [
            (self.fresh.ids[kept], _stored(self.fresh.index)[kept]),
            (added, fetch(added) if len(added) else np.empty((0, self.dimension), np.float32)),
        ]
        if hidden + beside > max(FOLD_LEAST, FOLD_SHARE * len(ids)) or not len(self.large.ids):
            pieces.insert(0, (self.large.ids[shown], _stored(self.large.index)[shown]))
            large, all_shown = _joined(self.dimension, pieces), None
            fresh = _nothing(self.dimension)
        else:
            large, all_shown = self.large, shown if hidden else None
            fresh = _joined(self.dimension, pieces)
        return DenseIndex(self.dimension, generation, stamp, large, all_shown, fresh)

    def folded(self) -> DenseIndex:
        """The same with nothing hidden and nothing beside the large part."""
        if self.shown is None and not len(self.fresh.ids):
            return self
        shown = slice(None) if self.shown is None else self.shown
        pieces = [
            (self.large.ids[shown], _stored(self.large.index)[shown]),
            (self.fresh.ids, _stored(self.fresh.index)),
        ]
        nothing = _nothing(self.dimension)
        large = _joined(self.dimension, pieces)
        return DenseIndex(self.dimension, self.generation, self.stamp, large, None, nothing)

    def vectors(self) -> np.ndarray:
        """The vectors in the order of `ids`; a copy."""
        return np.array(_stored(self.folded().large.index))


def _faiss() -> Any:
    import faiss  # takes a moment; what is not asked need not wait for it

    return faiss


def _segment(dimension: int, ids: np.ndarray, vectors: np.ndarray) -> _Segment:
    faiss = _faiss()
    index = faiss.IndexFlatIP(dimension)
    if len(ids):
        index.add(np.ascontiguousarray(vectors, np.float32))
    return _Segment(index, ids)


def _nothing(dimension: int) -> _Segment:
    return _segment(dimension, _NO_IDS, np.empty((0, dimension), np.float32))


def _joined(dimension: int, pieces: list[tuple[np.ndarray, np.ndarray]]) -> _Segment:
    ids = np.concatenate([piece[0] for piece in pieces])
    vectors = np.concatenate([piece[1] for piece in pieces])
    if len(ids) > 1 and not bool(np.all(ids[1:] > ids[:-1])):
        order = np.argsort(ids)
        ids, vectors = ids[order], vectors[order]
    return _segment(dimension, ids, vectors)


def _stored(index: Any) -> np.ndarray:
    """FAISS's own memory as a matrix; valid as long as the index is."""
    faiss = _faiss()
    if not index.ntotal:
        return np.empty((0, index.d), np.float32)
    flat: np.ndarray = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
    return flat.reshape(index.ntotal, index.d)


def _members(ids: np.ndarray, of: np.ndarray) -> np.ndarray:
    """For each of `ids` whether it is in `of`; both sorted."""
    if not len(of):
        return np.zeros(len(ids), np.bool_)
    positions = np.minimum(np.searchsorted(of, ids), len(of) - 1)
    found: np.ndarray = of[positions] == ids
    return found


def _mask(ids: np.ndarray, shown: np.ndarray | None, among: np.ndarray | None) -> np.ndarray | None:
    """Which positions may be found; None when all of them may."""
    if among is None or not len(ids):
        return shown
    mask = np.zeros(len(ids), np.bool_)
    positions = np.searchsorted(ids, among)
    inside = positions < len(ids)
    positions, wanted = positions[inside], among[inside]
    mask[positions[ids[positions] == wanted]] = True
    return mask if shown is None else mask & shown


def _search(segment: _Segment, query: np.ndarray, k: int, mask: np.ndarray | None) -> list[tuple[int, float]]:
    faiss = _faiss()
    most = len(segment.ids) if mask is None else int(np.count_nonzero(mask))
    if min(k, most) < 1:
        return []
    parameters = None
    if mask is not None:
        selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        parameters = faiss.SearchParameters(sel=selector)
    scores, positions = segment.index.search(query, min(k, most), params=parameters)
    return [
        (int(segment.ids[position]), float(score))
        for position, score in zip(positions[0], scores[0], strict=True)
        if position >= 0
    ]
