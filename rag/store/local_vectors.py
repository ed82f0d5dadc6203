"""The ids of a local index's chunks, and their vectors.

Takes a `Database`, gives arrays; each vector's row is verified first. Knows nothing of FAISS.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.store.local_database import Database, damaged
from rag.store.local_rows import portions, selected


def chunk_ids(database: Database, *, after: int = 0) -> np.ndarray:
    """The ids of all chunks, or of those after one, sorted."""
    if after:
        rows = database.each("SELECT id FROM chunk WHERE id > ?", (after,))
    else:
        # The index on (document, position) holds the ids too, and is far smaller than the table.
        rows = database.each("SELECT id FROM chunk INDEXED BY chunk_by_position")
    return np.sort(np.fromiter((row[0] for row in rows), np.int64))


def chunk_ids_by_document(database: Database) -> np.ndarray:
    """The ids of all chunks, sorted, from each document's first: a document's follow one another.

    A look-up for each document, where `chunk_ids` reads a row for each chunk. Whoever calls compares their
    count with the state's.
    """
    rows = database.rows(
        "SELECT chunk.id, document.chunks FROM document CROSS JOIN chunk INDEXED BY chunk_by_position"
        " ON chunk.document = document.id AND chunk.position = 0"
    )
    first, count = np.array(rows, np.int64).reshape(-1, 2).T
    before = np.cumsum(count) - count
    ids: np.ndarray = np.arange(count.sum()) + np.repeat(first - before, count)
    return np.sort(ids, kind="stable")  # quick where they are in order already


def chunk_ids_in(database: Database, documents: Sequence[int]) -> np.ndarray:
    """The ids of these documents' chunks, sorted."""
    found = [np.empty(0, np.int64)]
    for some in portions(documents):
        statement = (
            "SELECT id FROM chunk INDEXED BY chunk_by_position"
            f" WHERE document IN ({', '.join('?' * len(some))})"
        )
        found.append(np.fromiter((row[0] for row in database.each(statement, some)), np.int64))
    return np.sort(np.concatenate(found))


# --- vectors ----------------------------------------------------------------------------------------


def read_vectors(database: Database, identifiers: Sequence[int], dimension: int) -> np.ndarray:
    """The vectors of these chunks, in that order: float32 [n, dimension]."""
    wanted = list(dict.fromkeys(map(int, identifiers)))
    stored: dict[int, bytes] = {}
    for some in portions(wanted):
        condition = f"WHERE chunk IN ({', '.join('?' * len(some))})"
        stored.update((row[0], row[2]) for row in selected(database, "vector", condition, *some))
    if len(stored) != len(wanted):
        raise damaged(database.directory, f"{len(wanted) - len(stored)} of {len(wanted)} vectors are gone")
    for one in stored.values():
        if len(one) != 4 * dimension:
            as_vector(database, one, dimension)
    matrix = np.frombuffer(b"".join([stored[one] for one in wanted]), "<f4").astype(np.float32)
    matrix = matrix.reshape(len(wanted), dimension)
    if len(wanted) == len(identifiers):
        return matrix
    places = {identifier: number for number, identifier in enumerate(wanted)}
    return matrix[[places[int(identifier)] for identifier in identifiers]]


def as_vector(database: Database, stored: bytes, dimension: int) -> np.ndarray:
    """A stored vector: little-endian float32."""
    vector = np.frombuffer(stored, "<f4")
    if len(vector) != dimension:
        raise damaged(database.directory, f"a vector has {len(vector)} numbers, the others {dimension}")
    return vector
