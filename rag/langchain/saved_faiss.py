"""Brings an index that langchain-community's `FAISS.save_local` wrote into a `FaissStore`.

Takes a folder with `index.faiss` and `index.pkl` and the embedding that made them, gives a store with the
same texts, metadata, ids and vectors. Nothing is unpickled (see `rag.langchain.plain_pickle`), and the
vectors are read by their published layout, not by FAISS, which trusts what a file says of itself. The folder
is left as it is.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.embedding.identity import unit_rows
from rag.errors import IndexDamaged, IndexInvalid, IndexMismatch, IndexMissing, UsageError
from rag.langchain.documents import metadata_text
from rag.langchain.faiss_store import FaissStore
from rag.langchain.plain_pickle import NotPlain, Thing, read_plain

MOST_MEGABYTES = 16_384  # of a file: it is read into memory
LARGEST_DIMENSION = 65_536
SAMPLES = 8  # documents that are embedded again, to see that it is the same embedding
LEAST_COSINE = 0.95  # of one of them with its saved vector; rounding costs 0.001
MOST_TIMES = (
    20  # what the texts and metadata may be of the file's size: a pickle can say a text a million times
)

_DOCSTORES = frozenset(
    f"{package}.docstore.in_memory.InMemoryDocstore"
    for package in ("langchain_community", "langchain", "langchain_classic")
)
_DOCUMENTS = frozenset(
    {
        "langchain_core.documents.base.Document",
        "langchain_core.documents.Document",
        "langchain.schema.document.Document",
        "langchain.schema.Document",
        "langchain.docstore.document.Document",
    }
)
# faiss/impl/index_write.cpp, write_index_header: dimension, count, two fillers, trained, metric
_HEADER = struct.Struct("<4siqqq?i")
_FLAT = (b"IxF2", b"IxFI", b"IxFl")


@dataclass(frozen=True, slots=True)
class SavedDocument:
    """A document as LangChain saved it."""

    id: str
    text: str
    metadata: dict[str, Any]


def import_saved_faiss(
    folder: str | Path,
    *,
    path: str | Path,
    embedding: Embeddings,
    index_name: str = "index",
    reembed: bool = False,
) -> FaissStore:
    """The store at `path` with what `FAISS.save_local(folder, index_name)` saved.

    Example: `import_saved_faiss("faiss_index", path="my-documents", embedding=LocalEmbeddings())`

    All of it is added in one step; done twice, it is there once. With `reembed` the saved vectors are not
    looked at and the texts are embedded again: for another embedding, or an index that is not flat. Scores
    are cosines afterwards, whatever measure the index had.

    Raises `IndexMissing`, `IndexInvalid` (anything in `index.pkl` beside plain values and LangChain's
    documents, by name; nothing of it is run), `IndexDamaged` (the two files don't belong together) and
    `IndexMismatch` (another embedding made the vectors).
    """
    folder = Path(folder).expanduser()
    if not index_name or "/" in index_name or "\0" in index_name:
        raise UsageError(f"index_name is {index_name!r}; it is the files' name without .faiss and .pkl")
    documents = read_documents(folder / f"{index_name}.pkl")
    once = {document.id: document for document in documents}
    if reembed:
        documents = list(once.values())
    texts = [document.text for document in documents]
    metadatas = [document.metadata for document in documents]
    ids = [document.id for document in documents]
    if reembed:
        return FaissStore.from_texts(texts, embedding, metadatas, ids=ids, path=path)
    vectors = read_vectors(folder / f"{index_name}.faiss")
    if len(vectors) != len(documents):
        raise IndexDamaged(
            f"{str(folder)!r} holds {len(vectors)} vectors and {len(documents)} documents: its two files were"
            " not saved together; restore both from one copy, or give reembed=True to embed the texts again"
        )
    if len(once) != len(documents):
        raise IndexDamaged(
            f"{str(folder)!r} has {len(documents)} vectors of {len(once)} documents (LangChain lost some that"
            " were added without ids among others with); give reembed=True to bring over those that are there"
        )
    _require_same(documents, vectors, embedding, folder)
    store = FaissStore(embedding, path)
    store.add_embeddings(zip(texts, vectors, strict=True), metadatas, ids=ids)
    return store


# --- the documents --------------------------------------------------------------------------------------


def read_documents(path: Path) -> list[SavedDocument]:
    """The documents in a saved `index.pkl`, in the order of their vectors; raises as `import_saved_faiss`."""
    data = _bytes(path)
    try:
        saved = read_plain(data, _DOCSTORES | _DOCUMENTS)
    except NotPlain as error:
        raise IndexInvalid(
            f"{str(path)!r} {error}: it is not what FAISS.save_local writes of documents with plain metadata;"
            " nothing of it was run. If it is yours, save it again with metadata of text and numbers alone"
        ) from None
    docstore, order = _parts(saved, path)
    limit = MOST_TIMES * len(data) + 1_000_000
    documents = []
    for place in range(len(order)):
        identifier = order.get(place)
        document = _document(identifier, docstore, path)
        limit -= len(document.text) + len(metadata_text(document.metadata, whose=f"document {identifier!r}"))
        if limit < 0:
            raise IndexInvalid(
                f"{str(path)!r} has {len(data)} bytes and says more than {MOST_TIMES} times as much: it was"
                " not saved by LangChain"
            )
        documents.append(document)
    return documents


def _parts(saved: Any, path: Path) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The documents by id, and the ids by the place of their vectors."""
    if isinstance(saved, tuple) and len(saved) == 2:
        docstore, order = saved
        if isinstance(docstore, Thing) and docstore.name in _DOCSTORES and isinstance(docstore.state, dict):
            documents = docstore.state.get("_dict")
            if isinstance(documents, dict) and isinstance(order, dict):
                return documents, order
    raise IndexInvalid(
        f"{str(path)!r} holds something else than FAISS.save_local writes (documents and their places); name"
        " the folder that was given to save_local"
    )


def _document(identifier: Any, docstore: dict[Any, Any], path: Path) -> SavedDocument:
    found = docstore.get(identifier) if isinstance(identifier, str | None) else None
    fields = found.state if isinstance(found, Thing) and found.name in _DOCUMENTS else None
    fields = fields.get("__dict__") if isinstance(fields, dict) else None
    text = fields.get("page_content") if isinstance(fields, dict) else None
    metadata = fields.get("metadata") if isinstance(fields, dict) else None
    if not isinstance(text, str) or not isinstance(metadata, dict):
        name = identifier[:100] if isinstance(identifier, str) else type(identifier).__name__
        raise IndexInvalid(f"{str(path)!r} has no whole document {name!r} (text and metadata); save it again")
    if identifier is None:  # LangChain's, when some documents came with ids and others without
        identifier = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return SavedDocument(identifier, text, metadata)


# --- the vectors ----------------------------------------------------------------------------------------


def read_vectors(path: Path) -> np.ndarray:
    """The vectors of a flat FAISS index in a file: float32 [n, dimension]."""
    data = _bytes(path)
    name = repr(str(path))
    if data[:4] not in _FLAT:
        raise IndexInvalid(
            f"{name} begins with {data[:4]!r}, which is no flat FAISS index; only those are read, which is"
            " what LangChain makes unless told otherwise: give reembed=True to embed the texts again"
        )
    try:
        _, dimension, count, _, _, trained, metric = _HEADER.unpack_from(data)
        at = _HEADER.size + (4 if metric > 1 else 0)  # some measures have an argument
        (numbers,) = struct.unpack_from("<Q", data, at)
    except struct.error:
        raise IndexDamaged(
            f"{name} has {len(data)} bytes, fewer than its header; restore a whole copy"
        ) from None
    at += 8
    if (
        not 0 < dimension <= LARGEST_DIMENSION
        or count < 0
        or numbers != count * dimension
        or at + 4 * numbers != len(data)
        or not trained
    ):
        raise IndexDamaged(
            f"{name} has {len(data)} bytes and says that it holds {count} vectors of {dimension} numbers,"
            " which does not fit; restore a whole copy"
        )
    vectors = np.frombuffer(data, "<f4", offset=at).reshape(count, dimension)
    if not np.isfinite(vectors).all():
        raise IndexDamaged(f"{name} holds numbers that are infinite or none; restore a whole copy")
    return vectors


def _require_same(
    documents: Sequence[SavedDocument], vectors: np.ndarray, embedding: Embeddings, folder: Path
) -> None:
    """Some texts embedded again: neither a wrong embedding nor two files of different days would be seen."""
    if not documents:
        return
    places = sorted({round(place) for place in np.linspace(0, len(documents) - 1, SAMPLES)})
    given = unit_rows(embedding.embed_documents([documents[place].text for place in places]), len(places))
    if given.shape[1] != vectors.shape[1]:
        raise IndexMismatch(
            f"the vectors in {str(folder)!r} have {vectors.shape[1]} numbers and those of the given embedding"
            f" {given.shape[1]}: give the embedding that made them, or reembed=True"
        )
    saved = unit_rows(vectors[places], len(places))
    for place, one, other in zip(places, given, saved, strict=True):
        cosine = float(one @ other)
        if cosine < LEAST_COSINE and (one.any() or other.any()):
            raise IndexMismatch(
                f"vector {place} in {str(folder)!r} is not what the given embedding makes of its text (their"
                f" cosine is {cosine:.2f}): give the embedding that made it, or reembed=True to embed the"
                " texts again"
            )


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise FileNotFoundError
        if path.stat().st_size > MOST_MEGABYTES << 20:
            raise UsageError(
                f"{str(path)!r} has {path.stat().st_size >> 20} MB; the most is {MOST_MEGABYTES} MB: add its"
                " texts to a FaissStore in parts"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise IndexMissing(
            f"there is no file {str(path)!r}; name the folder that was given to FAISS.save_local"
        ) from None
    except OSError as error:
        raise IndexInvalid(f"{str(path)!r} can't be read: {os.strerror(error.errno or 0)}") from error
