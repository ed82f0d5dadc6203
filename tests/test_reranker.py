"""The reranker with a tiny cross-encoder on disk: order, scores, the gate, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import small_models
from small_index import write_index

from rag.chain import load_chain
from rag.errors import EmbeddingError
from rag.evidence import answers
from rag.records import Hit
from rag.search.reranker import BEHIND, Reranker, reranked
from rag.search.searcher import Searcher, load_searcher
from rag.settings import Settings, load_settings

WHEN = "When was Smeaton's tower finished?"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_models.write_cross_encoder(tmp_path_factory.mktemp("reranker") / "model")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("reranked") / "index")


@pytest.fixture(scope="module")
def searcher(index: Path, model: Path) -> Iterator[Searcher]:
    with load_searcher(settings=Settings(index=str(index), reranker=str(model))) as searcher:
        yield searcher


def reference(model: Path, question: str, texts: list[str]) -> np.ndarray:
    """The model by transformers alone: pairs one by one, the logit through a sigmoid."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(model))
    network = AutoModelForSequenceClassification.from_pretrained(str(model)).eval()
    with torch.inference_mode():
        logits = [
            network(
                **tokenizer(
                    question, text, truncation=True, max_length=small_models.LONGEST, return_tensors="pt"
                )
            ).logits.item()
            for text in texts
        ]
    return 1 / (1 + np.exp(-np.array(logits)))


def test_scores_are_the_models_own(model: Path) -> None:
    texts = ["a tower", " ", "the sea " * 100, "灯塔 \ud800", "bread"]
    scores = Reranker(str(model)).scores("when?", texts)
    expected = reference(model, "when?", [text.replace("\ud800", "?") for text in texts])
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert np.ptp(scores) > 0.01, "the model tells nothing apart, so that the test says nothing"
    assert Reranker(str(model)).scores("when?", []).shape == (0,)


def test_the_first_are_reordered_and_the_rest_stays_behind(model: Path) -> None:
    hits = [
        Hit(number, "a.txt", 1, 0, 1, text, 1.5 - number / 10, {"dense": 0.5}, ("Head", "Sub"))
        for number, text in enumerate(["one tower", "two", "three seas", "four", "five"])
    ]
    found = reranked(hits, "when?", Reranker(str(model)), first=3)
    scores = reference(model, "when?", [f"Head > Sub\n{hit.text}" for hit in hits[:3]])
    expected = sorted(range(3), key=lambda number: -scores[number])
    assert [hit.chunk_id for hit in found] == [*expected, 3, 4]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert found[0].scores["rerank"] == found[0].score == pytest.approx(scores[expected[0]], abs=1e-5)
    assert found[0].scores["fused"] == hits[expected[0]].score
    assert found[0].scores["dense"] == 0.5
    assert found[3].score == hits[3].score - BEHIND
    assert "rerank" not in found[3].scores


def test_a_search_is_reordered(searcher: Searcher, index: Path, model: Path) -> None:
    hits = searcher.search(WHEN, k=10)
    with load_searcher(str(index)) as plain:
        before = plain.search(WHEN, k=10)
    assert {hit.chunk_id for hit in hits} == {hit.chunk_id for hit in before}
    assert [hit.chunk_id for hit in hits] != [hit.chunk_id for hit in before]
    texts = {hit.chunk_id: hit.text for hit in hits}
    scores = dict(zip(texts, reference(model, WHEN, list(texts.values())), strict=True))
    assert [hit.chunk_id for hit in hits] == sorted(texts, key=lambda chunk: -scores[chunk])


def test_the_gate_reads_what_was_found_before_reranking(searcher: Searcher, index: Path) -> None:
    with load_searcher(str(index)) as plain:
        before = plain.search(WHEN, k=1)
    result = searcher.find(WHEN, k=1)
    assert [hit.chunk_id for hit in result.nearest] == [before[0].chunk_id]
    assert result.hits[0].chunk_id != before[0].chunk_id
    assert answers(WHEN, result.nearest, result.among)
    assert not answers(WHEN, result.hits, result.among), (
        "a model of random weights puts first what does not answer"
    )


def test_a_chain_with_a_reranker_answers_and_abstains(
    index: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_RERANKER", str(model))
    settings = load_settings({"index": str(index)})
    assert settings.reranker == str(model)
    with load_chain(settings=settings) as chain:
        answer = chain.invoke({"question": WHEN})
        assert not answer.abstained
        assert answer.citations
        assert chain.invoke({"question": "Who won the football match in Madrid on Sunday?"}).abstained


def test_a_name_that_is_not_here_is_not_downloaded() -> None:
    with pytest.raises(EmbeddingError, match=r"'no-one/nothing' is neither.*`hf download no-one/nothing`"):
        Reranker("no-one/nothing").scores("a", ["b"])
    with pytest.raises(EmbeddingError, match=r"reranker 'a b c' is neither a folder"):
        Reranker("a b c").scores("a", ["b"])


def test_weights_in_a_pickle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(EmbeddingError, match=r"reranker .*pytorch_model\.bin, which can run code"):
        Reranker(str(tmp_path)).scores("a", ["b"])


def test_what_has_not_learnt_to_rank_is_refused(tmp_path: Path) -> None:
    folder = small_models.write_encoder(tmp_path / "encoder")
    with pytest.raises(EmbeddingError, match="is a BertModel, which has not learnt to rank; name a"):
        Reranker(str(folder)).scores("a", ["b"])
    three = small_models.write_cross_encoder(tmp_path / "three", labels=3)
    with pytest.raises(EmbeddingError, match="gives 3 numbers for a passage, a reranker gives 1"):
        Reranker(str(three)).scores("a", ["b"])


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    folder = small_models.write_cross_encoder(tmp_path / "model")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Evil", "AutoModelForSequenceClassification": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "evil"}))
    with pytest.raises(EmbeddingError, match="can't be loaded"):
        Reranker(str(folder)).scores("a", ["b"])
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="can't be loaded"):
        Reranker(str(tmp_path)).scores("a", ["b"])


def test_doctor_tries_it(model: Path, index: Path) -> None:
    from ui.doctor import examine

    def said(reranker: str) -> tuple[bool, str]:
        found = examine(Settings(index=str(index), reranker=reranker))
        (one,) = (finding for finding in found if finding.subject == "reranker")
        return one.ok, one.state

    assert said(str(model)) == (True, str(model))
    ok, state = said("no-one/nothing")
    assert not ok
    assert "reranker 'no-one/nothing' is neither a folder" in state
