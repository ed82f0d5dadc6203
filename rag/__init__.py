"""Talk with your own documents: what other programs import.

    from rag import ChatOpenChat, FaissStore, LocalEmbeddings, load_chain, load_retriever

A question's way through this package, in the order of its modules: `store` opens the index, `search` finds
hits, `prompt` makes token ids of them, `openchat` runs the model, `citations` and `verdicts` check what it
wrote, `quotes` answers where there is no model, `chain` is all of it in one stream. Beside that way,
`langchain_store` keeps other pipelines' documents, and `saved_faiss` brings over what they had
(docs/langchain.md). Names load on first use, so importing `rag` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.chain import Chain, load_chain
    from rag.embeddings import LocalEmbeddings
    from rag.langchain_store import FaissStore
    from rag.openchat import ChatOpenChat
    from rag.retriever import RagRetriever, load_retriever
    from rag.saved_faiss import import_saved_faiss

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
    "ChatOpenChat": "rag.openchat",
    "FaissStore": "rag.langchain_store",
    "LocalEmbeddings": "rag.embeddings",
    "RagRetriever": "rag.retriever",
    "import_saved_faiss": "rag.saved_faiss",
    "load_chain": "rag.chain",
    "load_retriever": "rag.retriever",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
