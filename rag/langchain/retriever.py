"""The search as a LangChain retriever.

Takes a question, gives LangChain documents whose metadata say where the text stands. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from rag.errors import UsageError
from rag.search.filters import filters_of
from rag.search.searcher import Searcher, load_searcher


class RagRetriever(BaseRetriever):
    """The index's search behind `BaseRetriever`.

    Documents come best first; metadata: `source`, `place` (in words: "page 3", "sheet Budget, rows 2–9"),
    `page` (from 1), `label`, `line`, `start` and `end` (characters of the page's text), `score`, `headings`,
    `media_type`. `only` confines it to some documents (see `rag.search.filters`), here or for one call:
    `retriever.invoke("When?", only=["type:pdf"])`.
    """

    k: int = 5
    only: tuple[str, ...] = ()
    _searcher: Searcher = PrivateAttr()

    def __init__(self, searcher: Searcher, *, k: int = 5, only: str | Sequence[str] = ()) -> None:
        super().__init__(k=k, only=filters_of(only))  # type: ignore[call-arg]
        self._searcher = searcher

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        only: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        count = self.k if k is None else k
        filters = self.only if only is None else only
        return [
            Document(
                page_content=hit.text,
                id=str(hit.chunk_id),
                metadata={
                    "source": hit.source,
                    "place": hit.place,
                    "page": hit.page,
                    "label": hit.label,
                    "line": hit.line,
                    "start": hit.start,
                    "end": hit.end,
                    "score": hit.score,
                    "headings": list(hit.headings),
                    "media_type": hit.media_type,
                },
            )
            for hit in self._searcher.search(query, k=count, only=filters)
        ]


def load_retriever(index: str | None = None, k: int = 5, *, only: str | Sequence[str] = ()) -> RagRetriever:
    """A retriever over the index at `index`, or the one that the settings name; `only` as in `RagRetriever`.

    Example: `load_retriever("my-index").invoke("When was it built?")[0].metadata["source"]`
    """
    if k < 1:
        raise UsageError(f"k is {k}; a retriever gives at least 1 document")
    return RagRetriever(load_searcher(index), k=k, only=only)
