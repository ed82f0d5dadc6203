"""The samples asked in a folder and in Milvus, question by question: the same passages, by other scores.

Milvus counts BM25 over segments and with leftovers, and phrases as their words; the fusion of the two
searches takes BM25 in parts of the best, so that little of it is left in the ranking. All 129 questions gave
the first passage the same in 129, all six in 117; here every eighth is asked.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from milvus_server import LiteServer

from ingest.pipeline import ingest
from rag.records import Hit
from rag.search.searcher import Searcher
from rag.settings import Settings
from rag.store.copying import copy_index
from rag.store.open import open_store

DATA = Path(__file__).parent.parent / "data"
QUESTIONS = [json.loads(line) for line in (DATA / "questions.jsonl").read_text("utf-8").splitlines()][::8]

Both = tuple[Searcher, Searcher]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, milvus_server: LiteServer) -> Both:
    """The samples in a folder, and copied from there to Milvus."""
    folder = str(tmp_path_factory.mktemp("samples") / "index")
    report = ingest([DATA / "samples"], Settings(index=folder))
    assert len(report.added) == 20
    local, milvus = open_store(folder), open_store(milvus_server.new_address(), create=True)
    assert copy_index(local, milvus).sources == 20
    return Searcher(local), Searcher(milvus)


def _spans(hits: list[Hit]) -> list[tuple[str, int, int, int]]:
    return [(hit.source, hit.page, hit.start, hit.end) for hit in hits]


def test_the_same_passages(both: Both) -> None:
    """Before they are cut to the question: where one hit differs, others are cut elsewhere."""
    same_first, shared = 0, 0.0
    for question in QUESTIONS:
        local, milvus = (searcher.find(question["question"], k=6).hits for searcher in both)
        there = dict(zip(_spans(local), local, strict=True))
        again = dict(zip(_spans(milvus), milvus, strict=True))
        same_first += _spans(local)[:1] == _spans(milvus)[:1]
        shared += len(there.keys() & again.keys()) / len(local)
        for span in there.keys() & again.keys():
            assert again[span].text == there[span].text
            assert again[span].scores["dense"] == pytest.approx(there[span].scores["dense"], abs=1e-5)
    assert same_first >= len(QUESTIONS) - 1
    assert shared / len(QUESTIONS) > 0.95


@pytest.mark.parametrize("only", ["lighthouses/", "type:pdf", "*.md"])
def test_the_same_passages_of_some_documents(both: Both, only: str) -> None:
    for question in QUESTIONS[:2]:
        local, milvus = (searcher.search(question["question"], k=4, only=only) for searcher in both)
        # two that are close may change places
        assert _spans(local)[0] in _spans(milvus)
        assert _spans(milvus)[0] in _spans(local)
        assert {hit.source for hit in milvus} <= {source.source for source in _chosen(both[1], only)}


def _chosen(searcher: Searcher, only: str) -> list[object]:
    from rag.search.filters import chosen, filters_of

    with searcher.store.snapshot() as snapshot:
        return list(chosen(snapshot.sources(), filters_of(only)))
