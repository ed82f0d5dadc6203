"""The search over one index, with the embedder that the index was made with.

Takes a question, gives hits. What is stored in the index says which embedder that is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import IndexMismatch, UsageError
from rag.records import Hit, IndexMeta, Turn
from rag.search.filters import chosen, filters_of
from rag.search.reranker import Reranker
from rag.search.run_on import with_rest
from rag.search.search import Scope, SearchResult, find
from rag.settings import Settings, load_settings
from rag.store.contract import Snapshot, Store
from rag.store.open import open_store

SCOPES_KEPT = 16


class Searcher:
    """A store and the embedder that its index was made with."""

    def __init__(self, store: Store, *, reranker: Reranker | None = None) -> None:
        self.store = store
        self.reranker = reranker
        self._loading = threading.Lock()
        self._loaded: tuple[IndexMeta, LocalEmbeddings] | None = None
        self._scopes: OrderedDict[tuple[int, tuple[str, ...]], Scope] = OrderedDict()

    def search(
        self, question: str, *, k: int, history: Sequence[Turn] = (), only: str | Sequence[str] = ()
    ) -> list[Hit]:
        """The passages that another program is to read, best first; `UsageError` for an empty question.

        At most `k`, cut so that more of what bears on the question is in them: fewer characters than `k`
        chunks have where one place answers, up to half as many again where many come near
        (`rag.search.windows`). With a reranker they are the chunks that it chose.
        `only` confines it to some documents (see `rag.search.filters`): `only=["type:pdf",
        "folder:contracts"]`; `UsageError` for a filter that no document matches.
        """
        return self.find(question, k=k, history=history, only=only, cut=True).hits

    def find(
        self,
        question: str,
        *,
        k: int,
        history: Sequence[Turn] = (),
        only: str | Sequence[str] = (),
        cut: bool = False,
        whole: int = 0,
        halves: bool = False,
    ) -> SearchResult:
        """The `k` best chunks with what the search says besides; with `cut` the passages of `search`.

        Of these, the best `whole` chunks are not shortened. With `halves`, the other halves of sentences that
        a page break cuts stand beside the hits, as more of them (see `rag.search.run_on`): to be read, not to
        be measured.
        """
        if not question.strip():
            raise UsageError("the question is empty; ask in a few words")
        with self.store.snapshot() as snapshot:
            scope = self._scope(snapshot, filters_of(only))
            meta = snapshot.meta()
            if meta is None:
                return SearchResult([], [], [], scope.documents if scope else None)
            embedder = self._embedder_for(meta)
            result = find(
                snapshot,
                embedder,
                question,
                k=k,
                history=history,
                scope=scope,
                reranker=self.reranker,
                cut=cut,
                whole=whole,
            )
            return replace(result, hits=with_rest(snapshot, result.hits)) if halves else result

    def _scope(self, snapshot: Snapshot, only: tuple[str, ...]) -> Scope | None:
        """What the filters leave of this generation; the last few are kept, for the next question."""
        if not only:
            return None
        key = (snapshot.generation, only)
        with self._loading:
            if key in self._scopes:
                self._scopes.move_to_end(key)
                return self._scopes[key]
        sources = chosen(snapshot.sources(), only)
        locations = frozenset(source.location for source in sources)
        ids = snapshot.chunks_in({source.content_hash for source in sources})
        scope = Scope(len(sources), locations, ids)
        with self._loading:
            self._scopes[key] = scope
            while len(self._scopes) > SCOPES_KEPT:
                self._scopes.popitem(last=False)
        return scope

    @property
    def embedder(self) -> LocalEmbeddings | None:
        """The index's own embedder; None while nothing was ingested."""
        meta = self.store.meta()
        return self._embedder_for(meta) if meta else None

    def _embedder_for(self, meta: IndexMeta) -> LocalEmbeddings:
        """What is stored in the index wins over the settings; another revision of it is refused."""
        with self._loading:
            if self._loaded is None or self._loaded[0] != meta:
                embedder = LocalEmbeddings(
                    meta.embedding_model, query_prefix=meta.query_prefix, passage_prefix=meta.passage_prefix
                )
                if embedder.revision != meta.embedding_revision:
                    raise IndexMismatch(
                        f"the index was made with {meta.embedding_model} at revision "
                        f"{meta.embedding_revision}, and here it is {embedder.revision}: get the former "
                        f"again, or embed the text anew: rag reembed --index {self.store.name}"
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
    settings = settings or load_settings({"index": index})
    reranker = Reranker(settings.reranker) if settings.reranker else None
    return Searcher(open_store(settings.index), reranker=reranker)
