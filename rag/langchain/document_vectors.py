"""The vectors of a folder of documents: read from its database, and kept as one `DenseIndex` in memory.

Takes an open database inside a read transaction, gives an index of exactly the documents that it holds. The
file beside the database saves reading all vectors at the start; missing, stale or damaged it is no more
than lost time, since everything in it is in the database. Does not know what the documents are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag.errors import IndexDamaged
from rag.langchain.document_schema import State, stamp_of, verified
from rag.store.dense_cache import CACHE_NAME
from rag.store.dense_file import DenseFileError, read_dense_file, write_dense_file
from rag.store.dense_index import FOLD_LEAST, FOLD_SHARE, DenseIndex
from rag.store.local_database import Database

VALUES_AT_A_TIME = 500  # in one `IN (...)`
_log = logging.getLogger(__name__)
_Value = TypeVar("_Value")


class VectorCache:
    """Keeps the index that was asked for last. Used by one thread at a time."""

    def __init__(self, directory: Path, *, writable: bool) -> None:
        self._path = directory / CACHE_NAME
        self._writable = writable
        self._kept: DenseIndex | None = None

    def at(self, database: Database, state: State, dimension: int) -> DenseIndex:
        """The index of exactly the documents that there are now; brings the file along when it lacks much."""
        kept = self._kept
        if kept is not None and kept.stamp == state.stamp:
            return kept
        if kept is None or stamp_of(database, kept.generation) != kept.stamp:
            kept = self._from_file(database, dimension)
        ids = np.fromiter((row[0] for row in database.each("SELECT document FROM vector")), np.int64)
        ids.sort()
        if len(ids) != state.documents:
            raise IndexDamaged(f"there are {len(ids)} vectors of {state.documents} documents")
        lacking = len(ids) - len(np.intersect1d(kept.ids, ids, assume_unique=True))
        dense = self._kept = kept.moved_to(
            ids,
            lambda some: read_vectors(database, some.tolist(), dimension),
            generation=state.generation,
            stamp=state.stamp,
        )
        if self._writable and lacking > max(FOLD_LEAST, FOLD_SHARE * len(ids)):
            self._write_file(dense)
        return dense

    def _from_file(self, database: Database, dimension: int) -> DenseIndex:
        try:
            dense = read_dense_file(self._path)
        except FileNotFoundError:
            return DenseIndex.empty(dimension)
        except (DenseFileError, OSError) as error:
            _log.warning("the vector cache %r is made anew: %s", str(self._path), error)
            return DenseIndex.empty(dimension)
        if dense.dimension != dimension or stamp_of(database, dense.generation) != dense.stamp:
            return DenseIndex.empty(dimension)  # of another past
        return dense

    def _write_file(self, dense: DenseIndex) -> None:
        try:
            write_dense_file(self._path, dense)
        except OSError as error:
            # Everything is in the database; a cache that is missing costs time, not data.
            _log.warning("the vector cache %r was not written: %s", str(self._path), error.strerror)


def read_vectors(database: Database, ids: Sequence[int], dimension: int) -> np.ndarray:
    """The vectors of these documents, in that order: float32 [n, dimension]."""
    places = {identifier: place for place, identifier in enumerate(ids)}
    matrix = np.zeros((len(places), dimension), np.float32)
    count = 0
    for some in portions(list(places)):
        marks = ", ".join("?" * len(some))
        for row in database.rows(f"SELECT * FROM vector WHERE document IN ({marks})", some):
            identifier, stored = verified(database, "vector", row)
            vector = np.frombuffer(stored, "<f4")
            if len(vector) != dimension:
                raise IndexDamaged(f"a vector has {len(vector)} numbers, the others {dimension}")
            matrix[places[identifier]] = vector
            count += 1
    if count != len(places):
        raise IndexDamaged(f"{len(places) - count} of {len(places)} vectors are gone")
    return matrix


def portions(values: Sequence[_Value]) -> Iterator[list[_Value]]:
    """The values, as many at a time as go into one query."""
    for start in range(0, len(values), VALUES_AT_A_TIME):
        yield [*values[start : start + VALUES_AT_A_TIME]]
