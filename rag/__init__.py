"""Talk with your own documents: what other programs import.

    from rag import ChatOpenChat, FaissStore, LocalEmbeddings, load_chain, load_retriever

A question's way through this package: `store` opens the index, `search` finds hits, `prompt` makes token ids
of them, `model` runs OpenChat (`remote` asks one on a server), `citations` and `verdicts` check what it
wrote, `quotes` and `quoted_answer` answer where there is no model, `chain` is all of it in one stream.
Beside that way: `embedding` makes vectors, `model_files` brings the model here, `evaluation` measures,
`server` lets other programs ask, and `langchain` keeps other pipelines' documents and brings over what they
had (docs/langchain.md). Names load on first use, so importing `rag` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.chain import Chain, load_chain
    from rag.embedding.embeddings import LocalEmbeddings
    from rag.langchain.faiss_store import FaissStore
    from rag.langchain.retriever import RagRetriever, load_retriever
    from rag.langchain.saved_faiss import import_saved_faiss
    from rag.model.openchat import ChatOpenChat

__all__ = [
    "Chain",
    "ChatOpenChat",
    "FaissStore",
    "LocalEmbeddings",
    "RagRetriever",
    "import_saved_faiss",
    "load_chain",
    "load_retriever",
]

_HOMES = {
    "Chain": "rag.chain",
    "ChatOpenChat": "rag.model.openchat",
    "FaissStore": "rag.langchain.faiss_store",
    "LocalEmbeddings": "rag.embedding.embeddings",
    "RagRetriever": "rag.langchain.retriever",
    "import_saved_faiss": "rag.langchain.saved_faiss",
    "load_chain": "rag.chain",
    "load_retriever": "rag.langchain.retriever",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
