"""Talk with your own documents: what other programs import.

    from rag import ChatOpenChat, load_chain, load_retriever

A question's way through this package, in the order of its modules: `store` opens the index, `search` finds
hits, `prompt` makes token ids of them, `openchat` runs the model, `citations` and `verdicts` check what it
wrote, `quotes` answers where there is no model, `chain` is all of it in one stream. Names load on first use,
so importing `rag` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.chain import Chain, load_chain
    from rag.embeddings import LocalEmbeddings
    from rag.openchat import ChatOpenChat
    from rag.retriever import RagRetriever, load_retriever

__all__ = ["Chain", "ChatOpenChat", "LocalEmbeddings", "RagRetriever", "load_chain", "load_retriever"]

_HOMES = {
    "Chain": "rag.chain",
    "ChatOpenChat": "rag.openchat",
    "LocalEmbeddings": "rag.embeddings",
    "RagRetriever": "rag.retriever",
    "load_chain": "rag.chain",
    "load_retriever": "rag.retriever",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
