"""Nearest vectors by inner product: a FAISS index over chunk ids, and the file that caches it.

Takes ids and float32 vectors, gives ids and scores. Knows nothing of databases: whoever calls says which
ids there are now, and hands over the vectors of the new ones. A `DenseIndex` never changes once it is
made, so any number of threads may search it; `moved_to` gives another that shares the large part.

The file is ours: a header with a checksum of what follows, then the ids, then FAISS's own bytes. FAISS
loads an index with flipped bits without a word, so it never sees bytes that were not verified first.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC = b"RAGDENSE"
FORMAT = 1
# magic, format, dimension, generation, stamp, count of vectors, last id, bytes of the body, their BLAKE2b
_HEADER = struct.Struct("<8sIIQ16sQQQ32s")
_HEADER_CHECKSUM_BYTES = 16
_BODY_STARTS = _HEADER.size + _HEADER_CHECKSUM_BYTES
_READ_BYTES = 1 << 20

# What changed since the large part was built is searched beside it, until it is more than this many
# vectors and more than this share of all: then it is worth the copy to make them one again.
FOLD_LEAST = 2_048
FOLD_SHARE = 0.05

Fetch = Callable[[np.ndarray], np.ndarray]
_NO_IDS = np.empty(0, np.int64)


class DenseFileError(Exception):
    """The cache file is not one of ours, or its bytes changed; it can be made anew."""


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


# --- the file ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DenseHeader:
    """What a cache file says of itself."""

    dimension: int
    generation: int
    stamp: bytes
    count: int
    last_id: int  # 0 when there is none
    body_bytes: int
    body_digest: bytes


def read_header(path: Path) -> DenseHeader:
    """The verified header of a cache file.

    Raises `FileNotFoundError`, or `DenseFileError` when the file is not one of ours or damaged.
    """
    with open(path, "rb") as file:
        return _parsed_header(file.read(_BODY_STARTS))


def _parsed_header(beginning: bytes) -> DenseHeader:
    if len(beginning) < _BODY_STARTS or not beginning.startswith(MAGIC):
        raise DenseFileError("it does not begin like one of our vector files")
    packed, checksum = beginning[: _HEADER.size], beginning[_HEADER.size :]
    if blake2b(packed, digest_size=_HEADER_CHECKSUM_BYTES).digest() != checksum:
        raise DenseFileError("its header has changed")
    _, version, *rest = _HEADER.unpack(packed)
    if version != FORMAT:
        raise DenseFileError(f"its format is {version}; this program reads {FORMAT}")
    return DenseHeader(*rest)


def read_dense_file(path: Path) -> DenseIndex:
    """The index in a cache file, after every byte of it was verified; raises as `read_header` does."""
    with open(path, "rb") as file:
        header = _parsed_header(file.read(_BODY_STARTS))
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes != _BODY_STARTS + header.body_bytes or header.body_bytes < 8 * header.count:
            raise DenseFileError(f"it has {size_bytes} bytes, not {_BODY_STARTS + header.body_bytes}")
        # Not mapped into memory: a file that shrinks meanwhile would be a signal instead of an error.
        digest = blake2b(digest_size=32)
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
        if digest.digest() != header.body_digest:
            raise DenseFileError("its content has changed")
        file.seek(_BODY_STARTS)
        return _loaded(header, file)


def _loaded(header: DenseHeader, file: BinaryIO) -> DenseIndex:
    faiss = _faiss()
    ids = np.frombuffer(file.read(8 * header.count), "<i8").astype(np.int64)
    try:
        index = faiss.read_index(faiss.PyCallbackIOReader(file.read, _READ_BYTES))
    except RuntimeError as error:
        raise DenseFileError(f"FAISS cannot read it ({error})") from error
    if (index.ntotal, index.d) != (header.count, header.dimension):
        raise DenseFileError(f"it holds {index.ntotal} vectors of {index.d}, not what its header says")
    return DenseIndex(
        header.dimension,
        header.generation,
        header.stamp,
        _Segment(index, ids),
        None,
        _nothing(header.dimension),
    )


def write_dense_file(path: Path, dense: DenseIndex) -> None:
    """Replaces the cache file in one step: whoever reads it sees the old one or the new one, whole.

    Raises `OSError` (a full disk, a read-only folder); the old file is then as it was. The name that is
    written to first is fixed and locked, so that a killed process leaves one file behind at most and
    two processes do not write into each other's.
    """
    unfinished = path.with_name(path.name + ".new")
    with os.fdopen(_locked(unfinished), "r+b") as file:
        try:
            _write(file, dense.folded())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)  # half a file is of no use, and takes space
            raise
    sync_folder(path.parent)


def _write(file: BinaryIO, dense: DenseIndex) -> None:
    file.truncate(0)
    file.write(bytes(_BODY_STARTS))
    digest, body_bytes = _write_body(file, dense)
    packed = _HEADER.pack(
        *(MAGIC, FORMAT, dense.dimension, dense.generation, dense.stamp),
        *(len(dense.large.ids), dense.last_id, body_bytes, digest),
    )
    file.seek(0)
    file.write(packed + blake2b(packed, digest_size=_HEADER_CHECKSUM_BYTES).digest())
    file.flush()
    os.fsync(file.fileno())


def _locked(path: Path) -> int:
    """A descriptor of the file at `path`, which no other process holds the lock of."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # While we waited, whoever held it may have renamed it to the real name.
        try:
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _write_body(file: BinaryIO, dense: DenseIndex) -> tuple[bytes, int]:
    faiss = _faiss()
    digest = blake2b(digest_size=32)
    count = 0
    failed: list[OSError] = []

    def write(piece: bytes) -> int:
        nonlocal count
        digest.update(piece)
        count += len(piece)
        try:
            return int(file.write(piece))
        except OSError as error:  # FAISS would turn it into an error that has lost its number
            failed.append(error)
            return 0

    write(dense.large.ids.astype("<i8").tobytes())
    try:
        faiss.write_index(dense.large.index, faiss.PyCallbackIOWriter(write, _READ_BYTES))
    except RuntimeError:
        if not failed:
            raise
    if failed:
        raise failed[0]
    return digest.digest(), count


def sync_folder(directory: Path) -> None:
    """Makes the names in a folder outlast a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
