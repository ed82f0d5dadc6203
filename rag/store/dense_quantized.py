"""Many vectors at a sixteenth of their size: 4 bits for each pair of numbers (product quantisation).

Takes vectors, gives a FAISS index that looks at all of them for a question, at 5 nanoseconds each: lists of
near vectors would be skipped for less, but questions about what the collection hardly holds have their
nearest chunks in half of all lists. What it gives are candidates: whoever searches compares them by the exact
vectors. Knows neither chunks nor databases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# From here on it is quicker than looking at the exact vectors, those of its candidates fetched and compared
# included (`python -m benchmarks.large --sizes`).
QUANTIZED_FROM = 50_000
OUTGROWN = 4  # times the vectors that were there when the codebooks were made: then they are made anew

_TRAINED_ON = 20_000  # vectors; codebooks of 16 entries for each pair of numbers don't gain from more
_PORTION = 20_000  # vectors that are fetched together
_ENTRIES = 16  # of a codebook; it can't be trained on fewer vectors
_BLOCK = 32  # vectors that FAISS packs together
_ROUNDS = 10  # of k-means
_SEED = 7

Fetch = Callable[[np.ndarray], np.ndarray]


def _faiss() -> Any:
    import faiss  # takes a moment; what is not asked need not wait for it

    return faiss


def quantized(dimension: int, ids: np.ndarray, fetch: Fetch) -> Any:
    """A FAISS index of the vectors of `ids`, in that order.

    `fetch(some_ids)` gives vectors, float32 [n, dimension]; each is asked for once or twice, a portion at a
    time, so that they are never all in memory.
    """
    faiss = _faiss()
    pairs = dimension // 2 if dimension % 2 == 0 else dimension
    index = faiss.IndexPQFastScan(dimension, pairs, 4, faiss.METRIC_INNER_PRODUCT, _BLOCK)
    index.pq.cp.niter, index.pq.cp.seed = _ROUNDS, _SEED
    index.pq.cp.min_points_per_centroid = 1  # else it writes a warning to the terminal
    sample = np.random.default_rng(_SEED).choice(ids, min(len(ids), _TRAINED_ON), replace=False)
    vectors = fetch(np.sort(sample))
    index.train(np.resize(vectors, (max(len(vectors), _ENTRIES), dimension)).astype(np.float32))
    for start in range(0, len(ids), _PORTION):
        index.add(np.ascontiguousarray(fetch(ids[start : start + _PORTION]), np.float32))
    return index


def changed(index: Any, kept: np.ndarray, added: np.ndarray) -> Any:
    """Another index: what of `index` is kept (bool, one each) in its order, then the added vectors."""
    faiss = _faiss()
    other = faiss.clone_index(index)
    left = np.flatnonzero(kept)
    if len(left) < len(kept):
        # FAISS lays added codes over what is left of removed ones in a block that is not full: so whole
        # blocks alone are kept, and the rest comes anew. Decoded and encoded again, a code is the same.
        rest = left[len(left) - len(left) % _BLOCK :]
        if len(rest):
            added = np.concatenate([index.reconstruct_batch(rest), added])
        gone = np.ones(len(kept), np.bool_)
        gone[left[: len(left) - len(rest)]] = False
        other.remove_ids(faiss.IDSelectorBitmap(np.packbits(gone, bitorder="little")))
    if len(added):
        other.add(np.ascontiguousarray(added, np.float32))
    return other


def candidates(
    index: Any, query: np.ndarray, count: int, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The positions of the `count` nearest by their codes, nearest first, and the products with their codes.

    Of all that are allowed (bool, one each) where they are no more; those come in no order, without products.
    """
    most = index.ntotal if allowed is None else int(np.count_nonzero(allowed))
    if count >= most:
        return (np.arange(index.ntotal) if allowed is None else np.flatnonzero(allowed)), None
    if count < 1:
        return np.empty(0, np.int64), None
    depth = count if allowed is None else 16 + round(1.5 * count * index.ntotal / most)
    while True:
        depth = min(depth, index.ntotal)
        products, found = index.search(query, depth)
        inside = found[0] >= 0
        if allowed is not None:
            inside[inside] = allowed[found[0][inside]]
        positions: np.ndarray = found[0][inside]
        if len(positions) >= count:
            return positions[:count], products[0][inside][:count]
        if depth == index.ntotal:  # FAISS leaves out what has the least product that its sums can hold
            others = np.ones(index.ntotal, np.bool_) if allowed is None else allowed.copy()
            others[positions] = False
            every: np.ndarray = np.concatenate([positions, np.flatnonzero(others)])
            return every[:count], None
        depth *= 8  # what is allowed is far from the question


def same(index: Any, positions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """For each position whether its code is that of the vector."""
    decoded = index.pq.decode(index.pq.compute_codes(np.ascontiguousarray(vectors, np.float32)))
    equal: np.ndarray = (index.reconstruct_batch(positions) == decoded).all(axis=1)
    return equal
