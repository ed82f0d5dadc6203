"""Chunks as rows of an index in Milvus, and back, each verified before anything is made of it.

Takes chunks with their vectors, gives rows, and the other way. A row's checksum stands for its vector, too.
An id is a version and the chunk's place in it: ids are never given twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from rag.records import Chunk, LineMark
from rag.store.local_schema import row_checksum, text_digest
from rag.store.milvus_database import MilvusDatabase, Row
from rag.store.milvus_rows import damaged
from rag.store.milvus_schema import CHUNK_FIELDS, POSITION_BITS

_MOST_HEADINGS_BYTES = 60_000  # of a chunk; its row holds little else


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk without its text, which is its page's; `names` stands for the names that it is found by."""

    id: int
    version: int
    page: int
    start: int
    end: int
    headings: tuple[str, ...]
    line: int
    text: str  # digest, in hex
    vector: str  # digest, in hex
    names: str
    embedded: str  # digest of what was embedded, in hex
    lines: tuple[LineMark, ...] = ()

    @property
    def position(self) -> int:
        """Its place among the document's chunks."""
        return self.id & ((1 << POSITION_BITS) - 1)


def chunk_id(version: int, position: int) -> int:
    """Ids are never given twice: the version is new each time, and the position is within it."""
    return version << POSITION_BITS | position


def version_of(chunk: int) -> int:
    """The version that a chunk's id is of."""
    return chunk >> POSITION_BITS


def chunk_row(
    version: int,
    position: int,
    chunk: Chunk,
    vector: np.ndarray,
    embedded: bytes,
    terms: str,
    names: str,
) -> Row:
    """The row of a chunk; `terms`: its search text, `names`: what stands for the names in it."""
    body = {
        "page": int(chunk.page),
        "start": int(chunk.start),
        "end": int(chunk.end),
        "headings": _that_fit(chunk.headings),
        "line": int(chunk.line),
        "text": text_digest(chunk.text).hex(),
        "vector": vector_digest(vector),
        "names": names,
    }
    if chunk.lines:
        body["lines"] = chunk.lines
    made: Row = {
        "id": chunk_id(version, position),
        "version": version,
        "digest": embedded.hex(),
        "body": json.dumps(body, ensure_ascii=False),
        "terms": terms,
        "vector": vector.tolist(),
    }
    return rechecked(made)


def rechecked(made: Row) -> Row:
    """The row of a chunk with the checksum that goes with it."""
    return made | {"checksum": _chunk_checksum(made)}


def _that_fit(headings: Sequence[str]) -> list[str]:
    """Headings are searched, not quoted: of absurdly long ones the innermost are left out."""
    kept = list(headings)
    while len(json.dumps(kept, ensure_ascii=False).encode()) > _MOST_HEADINGS_BYTES:
        kept.pop()
    return kept


def _chunk_checksum(made: Row) -> str:
    return row_checksum("chunk", [made[name] for name in CHUNK_FIELDS[:-1]]).hex()


def as_chunk(database: MilvusDatabase, found: Row) -> ChunkRow:
    """A verified row as a record."""
    if _chunk_checksum(found) != found["checksum"]:
        raise damaged(database, f"chunk {found['id']} has changed")
    body = json.loads(found["body"])
    body["headings"] = tuple(body["headings"])
    body["lines"] = tuple(LineMark(*mark) for mark in body.get("lines", ()))
    return ChunkRow(id=int(found["id"]), version=int(found["version"]), embedded=found["digest"], **body)


def vector_digest(vector: np.ndarray) -> str:
    """16 bytes of BLAKE2b of a vector's float32 numbers, in hex."""
    return blake2b(np.asarray(vector, "<f4").tobytes(), digest_size=16).hexdigest()


def as_vector(database: MilvusDatabase, chunk: ChunkRow, found: Row) -> np.ndarray:
    """A chunk's verified vector: float32 [dimension]."""
    vector = np.asarray(found["vector"], np.float32)
    if vector_digest(vector) != chunk.vector:
        raise damaged(database, f"the vector of chunk {chunk.id} has changed")
    return vector
