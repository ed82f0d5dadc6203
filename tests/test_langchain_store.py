"""`FaissStore` against LangChain's standard suite, and what the suite does not ask: durable, exact, honest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from rag.langchain_store import FaissStore


class TestStandard(VectorStoreIntegrationTests):
    """LangChain's suite, sync and async, with nothing opted out."""

    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:  # type: ignore[override]
        with FaissStore(embedding=self.get_embeddings(), path=tmp_path / "store") as store:
            yield store
