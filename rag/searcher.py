"""The search over one index, with the embedder that the index was made with.

Takes a question, gives hits. What is stored in the index says which embedder that is.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from rag.embeddings import LocalEmbeddings
from rag.errors import IndexMismatch, UsageError
from rag.local_store import LocalStore
from rag.records import Hit, IndexMeta, Turn
from rag.search import search
from rag.settings import Settings, load_settings
from rag.store import open_store


class Searcher:
    """A store and the embedder that its index was made with."""

    def __init__(self, store: LocalStore) -> None:
        self.store = store
        self._loading = threading.Lock()
        self._loaded: tuple[IndexMeta, LocalEmbeddings] | None = None

    def search(self, question: str, *, k: int, history: Sequence[Turn] = ()) -> list[Hit]:
        """The `k` best hits, best first; raises `UsageError` for an empty question."""
        if not question.strip():
            raise UsageError("the question is empty; ask in a few words")
        with self.store.snapshot() as snapshot:
            meta = snapshot.meta()
            if meta is None:
                return []
            return search(snapshot, self._embedder_for(meta), question, k=k, history=history)

    @property
    def embedder(self) -> LocalEmbeddings | None:
        """The index's own embedder; None while nothing was ingested."""
        meta = self.store.meta()
        return self._embedder_for(meta) if meta else None

    def _embedder_for(self, meta: IndexMeta) -> LocalEmbeddings:
        """What is stored in the index wins over the settings; another revision of it is refused."""
        with self._loading:
            if self._loaded is None or self._loaded[0] != meta:
                embedder = LocalEmbeddings(meta.embedding_model)
                if embedder.revision != meta.embedding_revision:
                    raise IndexMismatch(
                        f"the index was made with {meta.embedding_model} at revision "
                        f"{meta.embedding_revision}, and here it is {embedder.revision}: make the index "
                        "again in another folder (rag ingest --index DIR)"
                    )
                self._loaded = (meta, embedder)
            return self._loaded[1]

    def close(self) -> None:
        """Closes the store."""
        self.store.close()

    def __enter__(self) -> Searcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load_searcher(index: str | None = None, *, settings: Settings | None = None) -> Searcher:
    """The search over the index at `index` (or of the settings); raises what `open_store` raises."""
    return Searcher(open_store((settings or load_settings({"index": index})).index))
