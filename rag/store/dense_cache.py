"""The one `DenseIndex` that a process keeps, brought to whatever generation a snapshot is of.

Takes a snapshot's database and state, gives an index that holds exactly that snapshot's chunks. The
file beside the database saves reading all vectors at the start; missing, stale or damaged it is no more
than lost time, since everything in it is in the database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import numpy as np

from rag.errors import StoreError
from rag.store.dense_file import DenseFileError, read_dense_file, read_header, write_dense_file
from rag.store.dense_index import FOLD_LEAST, FOLD_SHARE, DenseIndex
from rag.store.local_database import Database
from rag.store.local_rows import State
from rag.store.local_vectors import chunk_ids, chunk_ids_by_document, read_vectors

CACHE_NAME = "vectors.faiss"
SMALL_BYTES = 64 << 20  # a file up to this size is written in a moment, whenever it is old
_log = logging.getLogger(__name__)


class DenseCache:
    """Keeps one index in memory for all threads of a process.

    `newest_stamp(generation)` looks a commit's stamp up in the newest state of the database: only what
    was made from this database's past may be brought up to date by comparing ids, since ids mean the
    same in both. (A log that lost its end to a flipped bit may give the same ids to other chunks.)
    """

    def __init__(self, path: Path, *, writable: bool, newest_stamp: Callable[[int], bytes | None]) -> None:
        self.path = path
        self._writable = writable
        self._newest_stamp = newest_stamp
        self._lock = Lock()
        self._kept: DenseIndex | None = None
        self._file_read = False

    def forget(self) -> None:
        """Drops what is kept: the database is another one now."""
        with self._lock:
            self._kept, self._file_read = None, False

    def at(self, database: Database, state: State, dimension: int) -> DenseIndex:
        """The index of exactly the chunks that this snapshot holds."""
        with self._lock:
            worth_writing = self._read_file_once(state)
            self._take_newer_file(state)
            dense = self._moved(database, state, dimension)
            if self._kept is None or state.chunks_generation >= self._kept.generation:
                self._kept = dense
            if worth_writing and self._writable:
                self._write_if_possible(dense)
            return dense

    def worth_writing(self, state: State, dimension: int) -> bool:
        """Whether the file lacks so much, or is so small, that it should be written anew."""
        try:
            header = read_header(self.path)
        except (OSError, DenseFileError):
            return True
        if header.stamp == state.chunks_stamp:
            return False
        if self._newest_stamp(header.generation) != header.stamp or header.dimension != dimension:
            return True
        drift = _drift(state, header.count, header.last_id)
        return header.body_bytes < SMALL_BYTES or drift > FOLD_SHARE * state.chunks

    def write(self, dense: DenseIndex) -> None:
        """Brings the file to this index's generation; raises `StoreError` when it cannot be written."""
        if not self._file_is_of(dense):
            self._replace(dense)

    def _replace(self, dense: DenseIndex) -> None:
        try:
            write_dense_file(self.path, dense)
        except OSError as error:
            raise StoreError(
                f"the vector cache {str(self.path)!r} could not be written: {error.strerror};"
                " nothing was lost, it is made from the database when it is needed; free some space"
            ) from error

    def _file_is_of(self, dense: DenseIndex) -> bool:
        try:
            return read_header(self.path).stamp == dense.stamp
        except (FileNotFoundError, DenseFileError):
            return False

    def _write_if_possible(self, dense: DenseIndex) -> None:
        try:
            self._replace(dense)
        except StoreError as error:
            _log.warning("%s", error)  # the answer does not depend on it

    def _read_file_once(self, state: State) -> bool:
        """Loads the file, the first time; true when it is worth writing again."""
        if self._file_read or not state.chunks:
            return False
        self._file_read = True
        try:
            dense = read_dense_file(self.path)
        except FileNotFoundError:
            return True
        except (DenseFileError, OSError) as error:
            _log.warning("the vector cache %r is made anew: %s", str(self.path), error)
            return True
        if self._newest_stamp(dense.generation) != dense.stamp:
            _log.warning("the vector cache %r is made anew: it is not of this database", str(self.path))
            return True
        self._kept = dense
        return abs(len(dense.ids) - state.chunks) > FOLD_LEAST

    def _take_newer_file(self, state: State) -> None:
        """Where much has changed since, takes what another process made of it, not to make it too."""
        kept = self._kept
        if kept is None or state.chunks_generation <= kept.generation:
            return
        if _drift(state, len(kept.ids), kept.last_id) <= max(FOLD_LEAST, FOLD_SHARE * state.chunks):
            return
        try:
            header = read_header(self.path)
            if kept.generation < header.generation and self._newest_stamp(header.generation) == header.stamp:
                self._kept = read_dense_file(self.path)
        except (DenseFileError, OSError):
            return  # what is kept will do, and whoever opens the index next reports the file

    def _moved(self, database: Database, state: State, dimension: int) -> DenseIndex:
        kept = self._kept
        if kept is not None and (kept.stamp, kept.dimension) == (state.chunks_stamp, dimension):
            return kept
        if self._newest_stamp(state.chunks_generation) != state.chunks_stamp:
            kept = None  # a snapshot from before all vectors were changed: the same ids, other vectors
        elif kept is None or kept.dimension != dimension or self._newest_stamp(kept.generation) != kept.stamp:
            kept = self._kept = None
        kept = kept or DenseIndex.empty(dimension)
        return kept.moved_to(
            _present_ids(database, state, kept),
            lambda ids: read_vectors(database, ids.tolist(), dimension),
            generation=state.chunks_generation,
            stamp=state.chunks_stamp,
            quantize=True,
        )


def _drift(state: State, count: int, last_id: int) -> int:
    """How many chunks came and went since there were `count` and the last was `last_id`."""
    added = state.next_chunk - 1 - last_id
    return added + max(0, count + added - state.chunks)


def _present_ids(database: Database, state: State, kept: DenseIndex) -> np.ndarray:
    """The snapshot's chunk ids, without reading those that are known where nothing was removed."""
    if state.chunks_generation > kept.generation:
        known = kept.ids
        added = chunk_ids(database, after=int(known[-1]) if len(known) else 0)
        if len(known) + len(added) == state.chunks:
            return np.concatenate([known, added])
    ids = chunk_ids_by_document(database)
    return ids if len(ids) == state.chunks else chunk_ids(database)
