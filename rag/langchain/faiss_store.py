"""A LangChain `VectorStore` that is a folder on this machine: durable, without pickle, safe to be killed.

Takes LangChain documents and any `Embeddings`, gives the nearest documents with their cosines. What is kept
and how is `rag.langchain.document_folder`'s; a filter is `rag.langchain.metadata_filter`'s. Knows neither
files nor chunks.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.runnables.config import run_in_executor
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from rag.embedding.embeddings import LocalEmbeddings
from rag.embedding.identity import (
    PROBE,
    EmbeddingIdentity,
    identity_from_text,
    identity_of,
    require_same,
    unit_rows,
)
from rag.errors import UsageError
from rag.langchain.document_folder import DocumentFolder
from rag.langchain.documents import Kept, as_document, as_kept, valid_text
from rag.langchain.metadata_filter import Filter, wanted_by

TEXTS_AT_A_TIME = 1_024  # given to the embedding: its rows of Python floats take 20 times what is kept

_Found = tuple[Document, float, np.ndarray]


class FaissStore(VectorStore):
    """Documents and their vectors in the folder `path`; without one, in a temporary folder of its own.

    Example: `FaissStore(embedding=LocalEmbeddings(), path="my-documents").add_texts(["A text."])`

    Ids are given or made up; adding an id again replaces its document. Each call that adds or deletes is
    done or not done when the process is killed, whole. Scores are cosines, larger is nearer; relevance scores
    are the same with what is below 0 as 0. `filter` is a dictionary or a function of the metadata (see
    `rag.langchain.metadata_filter`) and looks at all documents, however far. Metadata are what JSON can hold.

    Several threads and processes may use a folder at once. The embedding that made it is noted in it: another
    one's vectors are refused, even of the same dimension.
    """

    def __init__(self, embedding: Embeddings, path: str | Path | None = None) -> None:
        if not isinstance(embedding, Embeddings):
            raise UsageError(
                f"embedding is {type(embedding).__name__}; it must be a LangChain Embeddings, such as"
                " rag.LocalEmbeddings()"
            )
        if path is not None and not str(path).strip():
            raise UsageError("the store's path is empty; give a folder's path")
        self.embedding = embedding
        folder = Path(tempfile.mkdtemp(prefix="faiss-store-") if path is None else path).expanduser()
        self._folder = DocumentFolder(folder)
        self._delete_temporary = (
            None if path is not None else weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        )
        self._identity: EmbeddingIdentity | None = None
        self._accepted: str | None = None

    @property
    def embeddings(self) -> Embeddings:
        """The embedding."""
        return self.embedding

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return self._folder.directory

    def __len__(self) -> int:
        return self._folder.state().documents

    def __bool__(self) -> bool:
        return True  # an empty store is a store

    def __enter__(self) -> FaissStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the folder; a temporary one is deleted."""
        self._folder.close()
        if self._delete_temporary:
            self._delete_temporary()

    def check(self) -> list[str]:
        """What is wrong with what is kept, in words; [] means sound. Reads all of it."""
        return self._folder.check()

    # --- adding and deleting ----------------------------------------------------------------------

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: Sequence[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Adds texts, or replaces those that have their ids; gives the ids. On an error none is added."""
        _no_others(kwargs)
        documents = as_kept(list(texts), metadatas, ids)
        if documents:
            identity = self._own_identity()
            self._put(documents, self._rows([document.text for document in documents]), identity)
        return [document.key for document in documents]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: Sequence[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """`add_texts` with the embedding's own asynchronous method."""
        _no_others(kwargs)
        documents = as_kept(list(texts), metadatas, ids)
        if documents:
            identity = await self._aown_identity()
            pieces = [
                unit_rows(await self.embedding.aembed_documents(some), len(some))
                for some in _portions([document.text for document in documents])
            ]
            await run_in_executor(None, self._put, documents, np.concatenate(pieces), identity)
        return [document.key for document in documents]

    def add_embeddings(
        self,
        text_embeddings: Iterable[tuple[str, Sequence[float]]],
        metadatas: Sequence[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
    ) -> list[str]:
        """Adds texts whose vectors the same embedding made before."""
        texts, vectors = (
            zip(*text_embeddings, strict=True) if (text_embeddings := [*text_embeddings]) else ((), ())
        )
        documents = as_kept(list(texts), metadatas, ids)
        if documents:
            self._put(documents, unit_rows(vectors, len(documents)), self._own_identity())
        return [document.key for document in documents]

    def delete(self, ids: Sequence[str] | None = None, **kwargs: Any) -> bool:
        """Deletes the documents of these ids, or all for None; an id that is not there is passed over."""
        _no_others(kwargs)
        if isinstance(ids, str):
            raise UsageError(f"ids are a list of texts, not one: write delete([{ids!r}])")
        self._folder.remove(None if ids is None else [valid_text(one, "an id") for one in ids])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents of these ids, in that order; one that is not there is left out."""
        return [as_document(kept) for kept in self._folder.get([valid_text(one, "an id") for one in ids])]

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: str | Path | None = None,
        **kwargs: Any,
    ) -> FaissStore:
        """The store at `path` with these texts added to what is there."""
        _no_others(kwargs)
        store = cls(embedding, path)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: str | Path | None = None,
        **kwargs: Any,
    ) -> FaissStore:
        """`from_texts` with the embedding's own asynchronous method."""
        _no_others(kwargs)
        store = await run_in_executor(None, cls, embedding, path)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    # --- searching --------------------------------------------------------------------------------

    def similarity_search(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """The k documents nearest to the query, nearest first."""
        return [
            document for document, _ in self.similarity_search_with_score(query, k, filter=filter, **kwargs)
        ]

    async def asimilarity_search(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """`similarity_search` with the embedding's own asynchronous method."""
        found = await self.asimilarity_search_with_score(query, k, filter=filter, **kwargs)
        return [document for document, _ in found]

    def similarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The k nearest documents with their cosines to the query, from -1 to 1."""
        vector = self.embedding.embed_query(query)
        return self.similarity_search_with_score_by_vector(vector, k, filter=filter, **kwargs)

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """`similarity_search_with_score` with the embedding's own asynchronous method."""
        vector = await self.embedding.aembed_query(query)
        await self._aown_identity()
        return await run_in_executor(
            None, self.similarity_search_with_score_by_vector, vector, k, filter=filter, **kwargs
        )

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """The k documents nearest to a vector."""
        found = self.similarity_search_with_score_by_vector(embedding, k, filter=filter, **kwargs)
        return [document for document, _ in found]

    def similarity_search_with_score_by_vector(
        self, embedding: Sequence[float], k: int = 4, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The k documents nearest to a vector, with their cosines."""
        _no_others(kwargs)
        return [(document, score) for document, score, _ in self._search(embedding, k, filter)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """k of the `fetch_k` nearest documents, near the query and far from each other."""
        vector = self.embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(
            vector, k, fetch_k, lambda_mult, filter=filter, **kwargs
        )

    async def amax_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """`max_marginal_relevance_search` with the embedding's own asynchronous method."""
        vector = await self.embedding.aembed_query(query)
        await self._aown_identity()
        search = self.max_marginal_relevance_search_by_vector
        return await run_in_executor(None, search, vector, k, fetch_k, lambda_mult, filter=filter, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """The same for a vector; `lambda_mult` from 0, most different, to 1, nearest."""
        _no_others(kwargs)
        if not 0 <= lambda_mult <= 1:
            raise UsageError(f"lambda_mult is {lambda_mult}; it goes from 0 (most different) to 1 (nearest)")
        found = self._search(embedding, max(k, fetch_k), filter)
        query = unit_rows([embedding], 1)[0]
        chosen = maximal_marginal_relevance(query, [row.tolist() for _, _, row in found], lambda_mult, k)
        return [found[place][0] for place in chosen]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda cosine: min(1.0, max(0.0, cosine))

    def _search(self, embedding: Sequence[float], k: int, filter: Filter | None) -> list[_Found]:
        if k < 1:
            raise UsageError(f"k is {k}; a search gives at least 1 document")
        wanted = None if filter is None else wanted_by(filter)
        vector = unit_rows([embedding], 1)[0]
        meaning = self._folder.state().meaning
        if meaning is None:
            return []
        self._require(meaning, self._own_identity(), len(vector))
        found = self._folder.search(vector, k, wanted=wanted)
        # rounding puts the cosine of a text with itself at 1.0000001
        return [(as_document(kept), min(1.0, max(-1.0, score)), row) for kept, score, row in found]

    # --- the embedding ----------------------------------------------------------------------------

    def _rows(self, texts: list[str]) -> np.ndarray:
        if isinstance(self.embedding, LocalEmbeddings):
            return self.embedding.embed(texts)  # all at once is quickest, and its rows are what is kept
        pieces = [unit_rows(self.embedding.embed_documents(some), len(some)) for some in _portions(texts)]
        return np.concatenate(pieces)

    def _own_identity(self) -> EmbeddingIdentity:
        if self._identity is None:
            self._identity = identity_of(self.embedding, self._rows([PROBE])[0])
        return self._identity

    async def _aown_identity(self) -> EmbeddingIdentity:
        if self._identity is None:
            row = unit_rows(await self.embedding.aembed_documents([PROBE]), 1)[0]
            self._identity = identity_of(self.embedding, row)
        return self._identity

    def _require(self, meaning: str, given: EmbeddingIdentity, dimension: int) -> str:
        """What made the vectors that are kept; raises unless it is this embedding, of this dimension."""
        if meaning != self._accepted:
            require_same(identity_from_text(meaning), given, where=f"the store {str(self.path)!r}")
            self._accepted = meaning
        if dimension != given.dimension:
            raise UsageError(
                f"a vector of {dimension} numbers is none of {given}'s; use the store's embedding"
            )
        return meaning

    def _put(self, documents: list[Kept], rows: np.ndarray, identity: EmbeddingIdentity) -> None:
        own = identity.as_text()
        last = {document.key: place for place, document in enumerate(documents)}  # of an id given twice
        places = sorted(last.values())
        self._folder.put(
            [documents[place] for place in places],
            rows[places],
            meaning=lambda noted: self._require(noted or own, identity, rows.shape[1]),
        )


def _no_others(kwargs: dict[str, Any]) -> None:
    """LangChain's `fetch_k` beside a filter and `index`'s `batch_size` are not needed, and are let pass."""
    unknown = sorted(set(kwargs) - {"fetch_k", "batch_size"})
    if unknown:
        raise UsageError(f"FaissStore does not know {', '.join(unknown)}; see help(rag.FaissStore)")


def _portions(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), TEXTS_AT_A_TIME):
        yield texts[start : start + TEXTS_AT_A_TIME]
