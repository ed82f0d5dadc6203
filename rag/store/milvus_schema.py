"""The two collections of an index in Milvus, and the terms that its full-text search is given.

Takes a client, gives it our collections; knows them from others' by their fields. Knows no record.

- `NAME_sources` holds rows of several kinds, one key each: places, documents, pages, text, failures, and the
  few that say who is writing. Milvus wants a vector in every collection, so each has one that says nothing.
- `NAME_chunks` holds what is searched: vectors, and terms for Milvus's BM25.

Terms are those of `rag.text.words`, spelt with the letters a to y and digits alone, so that every analyzer of
Milvus's and milvus-lite's takes each as one word: any other character is `z`, its number in hexadecimal and
`z`; a z itself is `zz`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymilvus import MilvusClient

SOURCES, CHUNKS = "_sources", "_chunks"
FORMAT = 1  # of what stands in the rows
POSITION_BITS = 21  # of a chunk's id: its place in its document; the rest is the document's version
VERSION_BITS = 42
MOST_BYTES = 65_535  # in one of Milvus's texts
TEXT_CHARACTERS = 10_000  # of a page in one row: JSON makes up to 6 bytes of each
NOTHING = [0.0, 0.0]
BM25 = {"bm25_k1": 1.2, "bm25_b": 0.75}  # as in SQLite's FTS5

ROW_FIELDS = ("key", "kind", "version", "source", "address", "content", "body", "checksum")
CHUNK_FIELDS = ("id", "version", "digest", "body", "checksum")
_TEXTS = {"key": 128, "kind": 16, "source": 32, "address": 32, "content": 64, "body": MOST_BYTES}
_OUTSIDE = re.compile("[^a-y0-9]")
_EMPTY = "z"  # no term is spelt so; full-text search wants a word in every row


def spelt(terms: str) -> str:
    """Terms with spaces between them, as Milvus is given them: `index_terms("café x")` is `cafe x`."""
    return " ".join(_OUTSIDE.sub(_code, term) for term in terms.split())


def _code(found: re.Match[str]) -> str:
    return "zz" if found[0] == "z" else f"z{ord(found[0]):x}z"


def searched_text(terms: str, names: str) -> str:
    """What full-text search is given for a chunk: its own terms, then those of what its files are called.

    What does not fit Milvus's longest text is left out at the end.
    """
    own = _cut(spelt(terms) or _EMPTY, MOST_BYTES)
    named = _cut(spelt(names), MOST_BYTES - len(own) - 1)
    return f"{own} {named}" if named else own


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most, 0)].rpartition(" ")[0]


def sources_schema() -> Any:
    """The fields of `NAME_sources`."""
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    for name, length in {**_TEXTS, "checksum": 32}.items():
        schema.add_field(name, DataType.VARCHAR, max_length=length, is_primary=name == "key")
    schema.add_field("version", DataType.INT64)
    schema.add_field("nothing", DataType.FLOAT_VECTOR, dim=len(NOTHING))
    return schema


def chunks_schema(dimension: int) -> Any:
    """The fields of `NAME_chunks`, and the function that makes BM25's vectors of the terms."""
    from pymilvus import DataType, Function, FunctionType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("version", DataType.INT64)
    schema.add_field("digest", DataType.VARCHAR, max_length=32)
    schema.add_field("body", DataType.VARCHAR, max_length=MOST_BYTES)
    schema.add_field("checksum", DataType.VARCHAR, max_length=32)
    schema.add_field(
        "terms",
        DataType.VARCHAR,
        max_length=MOST_BYTES,
        enable_analyzer=True,
        analyzer_params={"tokenizer": "standard"},
    )
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_function(
        Function(
            name="bm25",
            function_type=FunctionType.BM25,
            input_field_names=["terms"],
            output_field_names=["sparse"],
        )
    )
    return schema


def sources_indexes(client: MilvusClient) -> Any:
    """What `NAME_sources` is looked up by."""
    indexes = client.prepare_index_params()
    indexes.add_index(field_name="nothing", index_type="FLAT", metric_type="L2")
    for name in ("kind", "version", "source", "address", "content"):
        indexes.add_index(field_name=name, index_type="INVERTED")
    return indexes


def chunks_indexes(client: MilvusClient) -> Any:
    """What `NAME_chunks` is searched and looked up by."""
    indexes = client.prepare_index_params()
    indexes.add_index(field_name="vector", index_type="AUTOINDEX", metric_type="IP")
    indexes.add_index(
        field_name="sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=BM25
    )
    for name in ("version", "digest"):
        indexes.add_index(field_name=name, index_type="INVERTED")
    return indexes


def field_names(schema: Any) -> set[str]:
    """The names of a schema's fields."""
    return {field.name for field in schema.fields}
