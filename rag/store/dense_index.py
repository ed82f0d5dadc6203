"""Nearest vectors by inner product: a FAISS index over chunk ids.

Takes ids and float32 vectors, gives ids and scores. Knows nothing of databases: whoever calls says which
ids there are now, and hands over the vectors of the new ones. A `DenseIndex` never changes once it is
made, so any number of threads may search it; `moved_to` gives another that shares the large part. That part
is all the vectors, or where they are many, short codes of them (see `dense_quantized`); what came since is
beside it, whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rag.store import dense_quantized
from rag.store.dense_quantized import Fetch

# What changed since the large part was built is searched beside it, until it is more than this many
# vectors and more than this share of all: then it is worth the copy to make them one again.
FOLD_LEAST = 2_048
FOLD_SHARE = 0.02

# Of the nearest by their codes, so many may be compared by their vectors (`python -m benchmarks.large` prints
# how near that comes to comparing all).
_COMPARED_TIMES, _COMPARED_LEAST = 7, 200
# So many of them in any case, or twice as many as are asked for; then those alone that are not further from
# the k-th than the codes may be off, in standard deviations of what they were off by.
_COMPARED_FIRST, _OFF_AT_MOST = 64, 5.0
# Of so few chunks all vectors are compared: as quick as looking for them among all codes.
_COMPARED_ALL = 2_000
_NO_IDS = np.empty(0, np.int64)


class _Segment(NamedTuple):
    index: Any  # faiss.IndexFlatIP; of a quantised one faiss.IndexPQFastScan
    ids: np.ndarray  # int64, sorted; ids[n] is the chunk of FAISS's position n
    trained_at: int = 0  # how many vectors there were when the codebooks were made; 0 of a flat one


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
    def of(cls, index: Any, ids: np.ndarray, *, trained_at: int, generation: int, stamp: bytes) -> DenseIndex:
        """An index made of FAISS's and the sorted chunk ids of its positions.

        `trained_at`: how many vectors there were when its codebooks were made; 0 of an index that is flat.
        """
        return cls(index.d, generation, stamp, _Segment(index, ids, trained_at), None, _nothing(index.d))

    @property
    def ids(self) -> np.ndarray:
        """The chunk ids that a search can give, sorted."""
        large = self.large.ids if self.shown is None else self.large.ids[self.shown]
        # Stable, since that sort is quick where all or nearly all is in order already.
        return (
            np.sort(np.concatenate([large, self.fresh.ids]), kind="stable") if len(self.fresh.ids) else large
        )

    @property
    def last_id(self) -> int:
        """The largest id; 0 when there is none."""
        ids = self.ids
        return int(ids[-1]) if len(ids) else 0

    def search(
        self, vector: np.ndarray, k: int, *, among: np.ndarray | None = None, fetch: Fetch | None = None
    ) -> list[tuple[int, float]]:
        """The k ids with the largest inner products, best first, ids breaking ties.

        `among`: sorted int64; only these are looked at. `fetch(some_ids)` gives vectors, float32
        [n, dimension]; an index of codes (`moved_to`) needs it.
        """
        query = np.ascontiguousarray(vector, np.float32).reshape(1, self.dimension)
        mask = _mask(self.large.ids, self.shown, among)
        if self.large.trained_at:
            found = _compared(self.large, query, k, mask, fetch)
        else:
            found = _search(self.large, query, k, mask)
        found += _search(self.fresh, query, k, _mask(self.fresh.ids, None, among))
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[: max(0, k)]

    def moved_to(
        self, ids: np.ndarray, fetch: Fetch, *, generation: int, stamp: bytes, quantize: bool = False
    ) -> DenseIndex:
        """The index of another generation, which holds exactly `ids` (sorted, int64).

        `fetch(some_ids)` gives the vectors, float32 [n, dimension], of ids that are not here yet. With
        `quantize`, a large part of `QUANTIZED_FROM` vectors or more is kept as codes; when their codebooks
        are made, `fetch` is asked for all vectors.
        """
        shown = _members(self.large.ids, ids)
        kept = _members(self.fresh.ids, ids)
        present = np.concatenate([self.large.ids[shown], self.fresh.ids[kept]])
        # What is present is among `ids`: where it is as many, nothing was added.
        all_here = len(present) == len(ids)
        added = _NO_IDS if all_here else np.setdiff1d(ids, present, assume_unique=True)
        hidden = len(shown) - int(np.count_nonzero(shown))
        beside = int(np.count_nonzero(kept)) + len(added)
        fold = hidden + beside > max(FOLD_LEAST, FOLD_SHARE * len(ids)) or not len(self.large.ids)
        if fold and self._new_codebooks(len(ids), quantize):
            large = _Segment(dense_quantized.quantized(self.dimension, ids, fetch), ids, len(ids))
            return DenseIndex(self.dimension, generation, stamp, large, None, _nothing(self.dimension))
        pieces = [
            (self.fresh.ids[kept], _stored(self.fresh.index)[kept]),
            (added, fetch(added) if len(added) else np.empty((0, self.dimension), np.float32)),
        ]
        fresh = _joined(self.dimension, pieces)
        moved = DenseIndex(self.dimension, generation, stamp, self.large, shown if hidden else None, fresh)
        return moved.folded() if fold else moved

    def _new_codebooks(self, count: int, quantize: bool) -> bool:
        """Whether so many vectors are to be quantised by codebooks that are made for them."""
        if not self.large.trained_at:
            return quantize and count >= dense_quantized.QUANTIZED_FROM
        return count >= dense_quantized.OUTGROWN * self.large.trained_at

    def folded(self) -> DenseIndex:
        """The same with nothing hidden and nothing beside the large part."""
        if self.shown is None and not len(self.fresh.ids):
            return self
        shown = np.ones(len(self.large.ids), np.bool_) if self.shown is None else self.shown
        if self.large.trained_at:
            large = _quantized_with(self.large, shown, self.fresh)
        else:
            here = (self.large.ids[shown], _stored(self.large.index)[shown])
            large = _joined(self.dimension, [here, (self.fresh.ids, _stored(self.fresh.index))])
        return DenseIndex(self.dimension, self.generation, self.stamp, large, None, _nothing(self.dimension))

    def same(self, ids: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """For each of the ids, which must be here, whether what is kept is that vector: bool [n]."""
        large = self.folded().large
        positions = np.searchsorted(large.ids, ids)
        if large.trained_at:
            return dense_quantized.same(large.index, positions, vectors)
        equal: np.ndarray = (_stored(large.index)[positions] == vectors).all(axis=1)
        return equal


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


def _quantized_with(large: _Segment, shown: np.ndarray, fresh: _Segment) -> _Segment:
    """Codes of those of `large` that are shown, and of the fresh ones."""
    ids = np.concatenate([large.ids[shown], fresh.ids])
    index, vectors = large.index, _stored(fresh.index)
    if len(ids) > 1 and not bool(np.all(ids[1:] > ids[:-1])):  # back to an older generation
        order = np.argsort(ids)
        decoded = index.reconstruct_batch(np.flatnonzero(shown))
        ids, vectors = ids[order], np.concatenate([decoded, vectors])[order]
        shown = np.zeros(len(shown), np.bool_)
    return _Segment(dense_quantized.changed(index, shown, vectors), ids, large.trained_at)


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
    parameters = None if mask is None else faiss.SearchParameters(sel=_selector(mask))
    return _found(segment, *segment.index.search(query, min(k, most), params=parameters))


def _selector(mask: np.ndarray) -> Any:
    return _faiss().IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def _found(segment: _Segment, scores: np.ndarray, positions: np.ndarray) -> list[tuple[int, float]]:
    return [
        (int(segment.ids[position]), float(score))
        for position, score in zip(positions[0], scores[0], strict=True)
        if position >= 0
    ]


def _compared(
    segment: _Segment, query: np.ndarray, k: int, mask: np.ndarray | None, fetch: Fetch | None
) -> list[tuple[int, float]]:
    """The nearest by their codes, with the products of their vectors."""
    if fetch is None:
        raise ValueError("an index of codes has no vectors to compare; search it with `fetch`")
    by_code = None
    if mask is not None and np.count_nonzero(mask) <= _COMPARED_ALL:
        positions = np.flatnonzero(mask)
    else:
        count = max(_COMPARED_TIMES * k, _COMPARED_LEAST) if k > 0 else 0
        positions, by_code = dense_quantized.candidates(segment.index, query, count, mask)
    ids = segment.ids[positions]
    if not len(ids) or k < 1:
        return []
    first = len(ids) if by_code is None else max(_COMPARED_FIRST, 2 * k)
    found = _products(ids[:first], query, fetch)
    if by_code is not None and len(ids) > first:
        found += _products(ids[first : _worth_comparing(by_code, found, k)], query, fetch)
    return [*zip(ids.tolist(), found, strict=False)]


def _products(ids: np.ndarray, query: np.ndarray, fetch: Fetch) -> list[float]:
    """The ids' vectors times the query, in that order; they are fetched as they lie on disk."""
    if not len(ids):
        return []
    order = np.argsort(ids)
    products = np.empty(len(ids), np.float32)
    products[order] = fetch(ids[order]) @ query[0]
    found: list[float] = products.tolist()
    return found


def _worth_comparing(by_code: np.ndarray, products: list[float], k: int) -> int:
    """How many, nearest by code first, may be among the k nearest, seeing how far the codes were off."""
    off = np.array(products) - by_code[: len(products)]
    kth = np.partition(np.array(products), -k)[-k]
    least = kth - off.mean() - _OFF_AT_MOST * off.std()
    return int(np.searchsorted(-by_code, -least, side="right"))
