"""LangChain's standard suites for the parts that other tests don't run them for: nothing is opted out.

`FaissStore` has its suite in test_langchain_store.py, `ChatOpenChat` its two in test_openchat.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import EmbeddingsIntegrationTests, RetrieversIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests
from small_index import write_index

from rag import LocalEmbeddings, RagRetriever
from rag.search.searcher import load_searcher


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("standard") / "index")


class TestRetriever(RetrieversIntegrationTests):
    """The search over an index."""

    _index = ""

    @pytest.fixture(autouse=True)
    def _made(self, index: Path) -> None:
        type(self)._index = str(index)

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return RagRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"searcher": load_searcher(self._index)}

    @property
    def retriever_query_example(self) -> str:
        return "When was Smeaton's tower on the Eddystone rocks finished?"


class BundledEmbeddings:
    """What both suites are told about the embeddings."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return LocalEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {}


class TestEmbeddingsUnit(BundledEmbeddings, EmbeddingsUnitTests):
    """Nothing is embedded. No key and no address is read from the environment, so none is tested."""


class TestEmbeddings(BundledEmbeddings, EmbeddingsIntegrationTests):
    """The bundled model embeds, sync and async."""
