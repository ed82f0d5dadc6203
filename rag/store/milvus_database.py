"""The two collections of one index in Milvus, read and written row by row.

Takes an address, gives rows of plain values. Every call has a time limit, every read sees all that was
written before it; Milvus's errors become ours here. Does not know what the rows mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag.errors import IndexInvalid, RagError, StoreError
from rag.store.milvus_address import MilvusAddress
from rag.store.milvus_client import connected, release_lite
from rag.store.milvus_errors import client_exceptions, explain, milvus_exception
from rag.store.milvus_schema import (
    CHUNKS,
    SOURCES,
    chunks_indexes,
    chunks_schema,
    field_names,
    sources_indexes,
    sources_schema,
)

if TYPE_CHECKING:
    from pymilvus import MilvusClient

CONNECT_SECONDS = 10.0
CALL_SECONDS = 60.0  # for one call; a search takes milliseconds
LOOKED_UP_TOGETHER = 500  # keys or numbers in one filter
MOST_FOUND = 16_384  # by one search or query; Milvus's own limit
BATCH_ROWS = 1_000
BATCH_BYTES = 8_000_000  # in one call, well below the 64 MB that servers take

Row = dict[str, Any]


class MilvusDatabase:
    """Our two collections at an address. Many threads may use it at once."""

    def __init__(self, address: MilvusAddress) -> None:
        self.address = address
        self.name = address.shown
        self.sources = address.name + SOURCES
        self.chunks = address.name + CHUNKS
        self._client: MilvusClient | None = None
        with self.explained():
            self._client = connected(address, seconds=CONNECT_SECONDS)

    @property
    def client(self) -> MilvusClient:
        if self._client is None:
            raise StoreError(f"index {self.name!r} was closed; open it again")
        return self._client

    # --- collections --------------------------------------------------------------------------------

    def holds_index(self) -> bool:
        """Whether our collections are there; `IndexInvalid` when others have their names."""
        return self._is_ours(self.sources, field_names(sources_schema()))

    def has_chunks(self) -> bool:
        """Whether anything was ever ingested."""
        return self._is_ours(self.chunks, field_names(chunks_schema(1)))

    def _is_ours(self, collection: str, wanted: set[str]) -> bool:
        with self.explained():
            if not self.client.has_collection(collection, timeout=CALL_SECONDS):
                return False
            found = self.client.describe_collection(collection, timeout=CALL_SECONDS)
        if {field["name"] for field in found["fields"]} != wanted:
            raise IndexInvalid(
                f"{self.name!r}: the collection {collection!r} there is not one of our indexes (it has other "
                f"fields); nothing was written to it; name another with --index {self.address.uri}/NAME"
            )
        return True

    def dimension(self) -> int:
        """How many numbers the vectors have."""
        with self.explained():
            found = self.client.describe_collection(self.chunks, timeout=CALL_SECONDS)
        return next(int(one["params"]["dim"]) for one in found["fields"] if one["name"] == "vector")

    def create_sources(self) -> None:
        """Makes what an index without documents consists of; another machine may do so at the same time."""
        self._create(self.sources, sources_schema())
        self.make_ready()

    def create_chunks(self, dimension: int) -> None:
        """Makes what vectors of that many numbers are kept in; what is there of another kind is dropped."""
        if self.has_chunks() and self.dimension() != dimension:
            with self.explained():
                self.client.drop_collection(self.chunks, timeout=CALL_SECONDS)
        self._create(self.chunks, chunks_schema(dimension))
        self.make_ready()

    def _create(self, collection: str, schema: Any) -> None:
        with self.explained():
            try:
                if not self.client.has_collection(collection, timeout=CALL_SECONDS):
                    self.client.create_collection(
                        collection,
                        schema=schema,
                        consistency_level="Strong",
                        num_shards=1,
                        timeout=CALL_SECONDS,
                    )
            except milvus_exception():
                if not self.client.has_collection(collection, timeout=CALL_SECONDS):
                    raise  # else another machine was quicker

    def make_ready(self) -> None:
        """Gives the collections the indexes that they lack, if their making was broken off; loads them."""
        self._make_ready(self.sources, sources_indexes(self.client))
        if self.has_chunks():
            self._make_ready(self.chunks, chunks_indexes(self.client))

    def _make_ready(self, collection: str, indexes: Any) -> None:
        with self.explained():
            there = self.client.list_indexes(collection, timeout=CALL_SECONDS)
            missing = self.client.prepare_index_params()
            missing.extend(one for one in indexes if one.field_name not in there)
            if missing:
                self.client.create_index(collection, missing, timeout=CALL_SECONDS, sync=False)
            self.client.load_collection(collection, timeout=CALL_SECONDS)

    # --- reading ------------------------------------------------------------------------------------

    def query(
        self, collection: str, condition: str, fields: Sequence[str], limit: int = MOST_FOUND
    ) -> list[Row]:
        """The rows for which a condition holds, at most `limit` of them."""
        with self.explained():
            found = self.client.query(
                collection,
                filter=condition,
                output_fields=list(fields),
                limit=limit,
                consistency_level="Strong",
                timeout=CALL_SECONDS,
            )
        return [dict(row) for row in found]

    def each(self, collection: str, condition: str, fields: Sequence[str]) -> Iterator[Row]:
        """All rows for which a condition holds, a few at a time where they are many."""
        few = self.query(collection, condition, fields, BATCH_ROWS)
        if len(few) < BATCH_ROWS:
            yield from few
            return
        with self.explained():
            walk = self.client.query_iterator(
                collection,
                batch_size=BATCH_ROWS,
                filter=condition,
                output_fields=list(fields),
                consistency_level="Strong",
                timeout=CALL_SECONDS,
            )
        try:
            while True:
                with self.explained():
                    rows = walk.next()
                if not rows:
                    return
                yield from (dict(row) for row in rows)
        finally:
            walk.close()

    def count(self, collection: str, condition: str) -> int:
        """How many rows a condition holds for."""
        return int(self.query(collection, condition, ["count(*)"])[0]["count(*)"])

    def among(
        self, collection: str, field: str, values: Sequence[int] | Sequence[str], fields: Sequence[str]
    ) -> Iterator[Row]:
        """The rows whose field has one of these values: numbers, or text without quotes and backslashes."""
        for start in range(0, len(values), LOOKED_UP_TOGETHER):
            some = values[start : start + LOOKED_UP_TOGETHER]
            yield from self.each(collection, f"{field} in {listed(some)}", fields)

    def search(
        self, field: str, wanted: Any, k: int, condition: str, parameters: Mapping[str, Any]
    ) -> list[tuple[int, int, float]]:
        """The chunks nearest to a vector or a text: (id, version, what Milvus says how near)."""
        with self.explained():
            found = self.client.search(
                self.chunks,
                data=[wanted],
                anns_field=field,
                limit=k,
                filter=condition,
                output_fields=["version"],
                search_params=dict(parameters),
                consistency_level="Strong",
                timeout=CALL_SECONDS,
            )
        return [(int(one["id"]), int(one["entity"]["version"]), float(one["distance"])) for one in found[0]]

    # --- writing ------------------------------------------------------------------------------------

    def upsert(self, collection: str, rows: Sequence[Row]) -> None:
        """Puts rows in, each in the place of the one that has its key; one row is done or not done."""
        for batch in _batches(rows):
            with self.explained():
                self.client.upsert(collection, data=batch, timeout=CALL_SECONDS)

    def delete(self, collection: str, condition: str) -> None:
        """Takes the rows out for which a condition holds."""
        with self.explained():
            self.client.delete(collection, filter=condition, timeout=CALL_SECONDS)

    # --- the rest -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Lets go of the connection; the last one to a milvus-lite file lets other processes open it."""
        client, self._client = self._client, None
        if client is None:
            return
        client.close()
        if self.address.lite:
            release_lite(self.address.uri)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns Milvus's errors into ours: what happened to the index at the address, and the cure."""
        try:
            yield
        except RagError:
            raise
        except Exception as error:
            if not isinstance(error, client_exceptions()):
                raise
            raise explain(error, self.name, CALL_SECONDS) from error


def listed(values: Sequence[int] | Sequence[str]) -> str:
    """Values as Milvus's filters want them: `[1, 2]`, `["a", "b"]`."""
    return "[" + ", ".join(str(one) if isinstance(one, int) else f'"{one}"' for one in values) + "]"


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        weight = sum(len(value) * 4 for value in row.values() if isinstance(value, str | list))
        if batch and (len(batch) == BATCH_ROWS or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch
