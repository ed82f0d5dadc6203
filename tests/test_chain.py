"""The whole way of a question, over a real index, in quotes and with a model that says a script."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from small_index import PAGES, write_index

import rag
from rag import load_chain, load_retriever
from rag.chain import Chain
from rag.errors import IndexMismatch, IndexMissing, UsageError, WindowExceeded
from rag.model.loaded_model import LoadedModel
from rag.prompt import ABSTENTION
from rag.records import Answer, Cited, Done, Reading, Retrieved, TextDelta
from rag.settings import Settings, load_settings

WHEN = "When was Smeaton's tower finished?"
HOW = "How was Smeaton's tower lit?"
SAYS = "It was lit by 24 candles [1]."


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("chain") / "index")


@pytest.fixture
def quoting(index: Path) -> Chain:
    return load_chain(str(index))


@pytest.fixture
def writing(index: Path, scripted_model: Callable[[str], Path]) -> Chain:
    return load_chain(str(index), str(scripted_model(SAYS)))


def check_spans(answer: Answer) -> None:
    """Every citation's words are on the page that it names, and its sentence is in the answer."""
    for citation in answer.citations:
        page = PAGES[citation.source][citation.page - 1]
        assert page[citation.start : citation.end] == citation.quote
        assert f"[{citation.number}]" in answer.text[citation.answer_start : citation.answer_end]
        passage = answer.passages[citation.number - 1]
        assert (passage.number, passage.source) == (citation.number, citation.source)
    for passage in answer.passages:
        assert PAGES[passage.source][passage.page - 1][passage.start : passage.end] == passage.text


# --- quotes --------------------------------------------------------------------------------------------


def test_quotes(quoting: Chain) -> None:
    answer = quoting.invoke({"question": WHEN})
    assert answer.mode == "quotes"
    assert not answer.abstained
    assert answer.ledger is None
    assert answer.citations[0].quote == "Smeaton's tower was finished in 1759."
    assert answer.text.startswith("Smeaton's tower was finished in 1759. [")
    assert answer.citations[0].verdict == "supported"
    check_spans(answer)


def test_quotes_in_chinese(quoting: Chain) -> None:
    answer = quoting.invoke({"question": "大运河有多长？"})
    assert answer.citations[0].quote == "大运河全长约1794公里。"
    check_spans(answer)


def test_not_in_the_documents(quoting: Chain, writing: Chain) -> None:
    for chain in (quoting, writing):
        answer = chain.invoke({"question": "What is the boiling point of tungsten?"})
        assert answer.abstained
        assert answer.text == ABSTENTION
        assert answer.citations == ()
        assert answer.passages  # the nearest, to look at


def test_an_empty_index_answers_nothing(tmp_path: Path) -> None:
    chain = load_chain(str(write_index(tmp_path / "empty", {})))
    assert chain.invoke({"question": WHEN}).abstained


# --- with a model --------------------------------------------------------------------------------------


def test_a_written_answer(writing: Chain) -> None:
    answer = writing.invoke({"question": HOW})
    assert (answer.text, answer.mode, answer.model) == (SAYS, "openchat", writing.model_name)
    assert len(answer.citations) == 1
    citation = answer.citations[0]
    assert citation.quote == "It was lit by 24 candles."
    assert (citation.source, citation.page, citation.verdict) == ("lights/eddystone.txt", 1, "supported")
    check_spans(answer)
    ledger = answer.ledger
    assert ledger is not None
    assert ledger.prompt + ledger.reserve <= ledger.window
    assert min(ledger.instruction, ledger.passages, ledger.question) > 0
    assert set(answer.timings) >= {"search", "read", "write", "total"}


def test_a_wrong_number_is_unsupported(index: Path, scripted_model: Callable[[str], Path]) -> None:
    model = scripted_model("It was lit by 36 candles [1].")
    answer = load_chain(str(index), str(model)).invoke({"question": HOW})
    assert [citation.verdict for citation in answer.citations] == ["unsupported"]


def test_a_sentence_without_a_mark_is_uncited(index: Path, scripted_model: Callable[[str], Path]) -> None:
    model = scripted_model("Smeaton's tower was finished in 1759.")
    answer = load_chain(str(index), str(model)).invoke({"question": WHEN})
    assert answer.citations == ()
    assert [sentence.verdict for sentence in answer.sentences] == ["uncited"]
    assert not answer.abstained


def test_the_model_abstains(index: Path, scripted_model: Callable[[str], Path]) -> None:
    answer = load_chain(str(index), str(scripted_model(ABSTENTION))).invoke({"question": WHEN})
    assert answer.abstained
    assert (answer.text, answer.citations, answer.sentences) == (ABSTENTION, (), ())


def test_a_mark_that_no_passage_has_cannot_be_written(
    index: Path, scripted_model: Callable[[str], Path]
) -> None:
    """The script wants [9]; the grammar has six passages at most, so something else is written."""
    answer = load_chain(str(index), str(scripted_model("Smeaton's tower [9]"))).invoke({"question": WHEN})
    assert "[9" not in answer.text
    assert answer.text.startswith("Smeaton's tower [")


# --- one stream ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["quoting", "writing"])
def test_the_order_of_events(which: str, request: pytest.FixtureRequest) -> None:
    chain: Chain = request.getfixturevalue(which)
    events = list(chain.stream({"question": WHEN}))
    assert isinstance(events[0], Retrieved)
    assert isinstance(events[-1], Done)
    answer = events[-1].answer
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert tuple(event.citation for event in events if isinstance(event, Cited)) == answer.citations
    first_text = next(place for place, event in enumerate(events) if isinstance(event, TextDelta))
    assert all(place < first_text for place, event in enumerate(events) if isinstance(event, Reading))
    without_times = dataclasses.replace(answer, timings={}, ledger=None)
    assert without_times == dataclasses.replace(chain.invoke({"question": WHEN}), timings={}, ledger=None)


def test_asynchronously(writing: Chain) -> None:
    async def run() -> list[Any]:
        return [event async for event in writing.astream({"question": WHEN})]

    events = asyncio.run(run())
    assert isinstance(events[-1], Done)
    assert events[-1].answer.text == SAYS
    assert asyncio.run(writing.ainvoke({"question": WHEN})).text == SAYS


async def test_an_answer_that_is_cancelled_stops_the_model(
    index: Path, slow_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = load_chain(str(index), str(slow_model))
    model = chain._model
    assert isinstance(model, LoadedModel)
    loop, piece = asyncio.get_running_loop(), model.engine.piece
    task = asyncio.create_task(chain.ainvoke({"question": WHEN}))
    tokens = []

    def counting(token: int) -> bytes:
        tokens.append(token)
        if len(tokens) == 3:
            loop.call_soon_threadsafe(task.cancel)
        return piece(token)

    monkeypatch.setattr(model.engine, "piece", counting)
    with pytest.raises(asyncio.CancelledError):
        await task
    while len(model.queue):
        await asyncio.sleep(0.01)
    assert 3 <= len(tokens) < chain.settings.reserve // 2


def test_stop_keeps_what_is_there(index: Path, random_model: Path) -> None:
    chain = load_chain(str(index), str(random_model))
    stop = threading.Event()
    text = ""
    for event in chain.events(WHEN, stop=stop):
        if isinstance(event, TextDelta):
            text += event.text
            if len(text) > 40:
                stop.set()
    assert isinstance(event, Done)
    assert event.answer.stopped
    assert event.answer.text
    assert event.answer.text in text.strip()
    assert chain.invoke({"question": WHEN}).text  # and the next question works


def test_history_is_read_and_borrowed_from(writing: Chain, quoting: Chain) -> None:
    history = [HumanMessage(WHEN), AIMessage("In 1759 [1].")]
    answer = writing.invoke({"question": "And why was it taken down?", "history": history})
    assert answer.ledger is not None
    assert answer.ledger.history > 0
    follow_up = quoting.invoke({"question": "And how was it lit?", "history": history})
    assert "It was lit by 24 candles." in follow_up.text


def test_other_questions_on_the_same_passages_do_not_read_them_again(index: Path, random_model: Path) -> None:
    settings = load_settings({"index": str(index), "model": str(random_model), "reserve": 5, "passages": 4})
    chain = load_chain(settings=settings)
    asked = ["When was Smeaton's tower finished?", "How was Smeaton's tower lit?", "Who finished the tower?"]
    answers = [chain.invoke({"question": question}) for question in asked]
    shared = 0
    for before, after in itertools.pairwise(answers):
        assert before.ledger is not None
        assert after.ledger is not None
        texts = [passage.text for passage in before.passages]
        same = 0
        while same < len(texts) and texts[: same + 1] == [p.text for p in after.passages[: same + 1]]:
            same += 1
        shared += same
        if same == len(texts) == len(after.passages):
            assert after.ledger.reused >= after.ledger.passages
    assert shared > 0
    alone = load_chain(settings=dataclasses.replace(settings, window=8000)).invoke({"question": asked[-1]})
    if [p.text for p in alone.passages] == [p.text for p in answers[-1].passages]:
        assert alone.text == answers[-1].text


def test_sampling_follows_the_settings(index: Path, random_model: Path) -> None:
    def text(**given: Any) -> str:
        flags = {"index": str(index), "model": str(random_model), "reserve": 12, **given}
        return load_chain(settings=load_settings(flags)).invoke({"question": WHEN}).text

    card = {"temperature": 0.7, "repeat_penalty": 1.1, "top_p": 0.95, "top_k": 40}
    assert text(**card, seed=1) == text(**card, seed=1) != text(**card, seed=2)
    assert text() == text(seed=2)  # greedy
    assert text(temperature=5.0, top_k=1) == text()


def test_the_cut_answer_says_so(index: Path, random_model: Path) -> None:
    settings = load_settings({"index": str(index), "model": str(random_model), "reserve": 5})
    answer = load_chain(settings=settings).invoke({"question": WHEN})
    assert answer.cut


# --- in other programs, and in the wrong hands ---------------------------------------------------------


def test_the_retriever(index: Path) -> None:
    documents = load_retriever(str(index), k=2).invoke(WHEN)
    assert len(documents) == 2
    best = documents[0]
    assert best.metadata["source"] == "lights/eddystone.txt"
    page = PAGES[best.metadata["source"]][best.metadata["page"] - 1]
    assert page[best.metadata["start"] : best.metadata["end"]] == best.page_content
    assert isinstance(best.metadata["score"], float)
    assert (best.metadata["place"], best.metadata["label"], best.metadata["line"]) == ("", None, 0)


def test_the_chain_is_a_runnable(quoting: Chain) -> None:
    from langchain_core.runnables import RunnableLambda

    pipeline = quoting | RunnableLambda(lambda answer: answer.citations[0].source)
    assert pipeline.invoke({"question": WHEN}) == "lights/eddystone.txt"
    assert pipeline.batch([{"question": WHEN}, {"question": "Why does bread rise?"}]) == [
        "lights/eddystone.txt",
        "bread.md",
    ]


def test_the_exported_names_are_exactly_those_meant() -> None:
    assert dir(rag) == [
        "Chain",
        "ChatOpenChat",
        "FaissStore",
        "LocalEmbeddings",
        "RagRetriever",
        "import_saved_faiss",
        "load_chain",
        "load_retriever",
    ]
    for name in rag.__all__:
        assert getattr(rag, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'rag' has no attribute 'nothing'"):
        _ = rag.nothing


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"question": "  "}, "the question is empty"),
        ({"query": "x"}, r'the chain takes \{"question"'),
        ("x", r'the chain takes \{"question"'),
        ({"question": "x", "k": 3}, r"question, history and only, not \['k'\]"),
    ],
)
def test_wrong_input(quoting: Chain, given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        quoting.invoke(given)


def test_no_index(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"there is no index at .*nowhere"):
        load_chain(str(tmp_path / "nowhere"))


def test_a_question_longer_than_the_window(writing: Chain) -> None:
    with pytest.raises(WindowExceeded, match=r"the question has \d+ tokens"):
        writing.invoke({"question": "When was Smeaton's tower finished, " * 2000})
    assert writing.invoke({"question": WHEN}).text == SAYS


def test_another_embedder_than_the_indexs(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.embedding.embeddings.BUNDLED_REVISION", "another")
    with pytest.raises(
        IndexMismatch, match=r"made with all-MiniLM-L6-v2 at revision 1110a24.*here it is another"
    ):
        load_chain(settings=Settings(index=str(index))).invoke({"question": WHEN})


# --- filters -------------------------------------------------------------------------------------------


def test_an_answer_from_chosen_documents_alone(quoting: Chain) -> None:
    answer = quoting.invoke({"question": WHEN, "only": ["lights/"]})
    assert answer.citations[0].quote == "Smeaton's tower was finished in 1759."
    assert {passage.source for passage in answer.passages} == {"lights/eddystone.txt"}
    assert quoting.invoke({"question": WHEN, "only": "eddystone.txt"}).text == answer.text


def test_an_abstention_says_where_was_looked(quoting: Chain, writing: Chain) -> None:
    for chain in (quoting, writing):
        answer = chain.invoke({"question": WHEN, "only": ["bread.md", "运河.txt"]})
        assert answer.text == "Not in the 2 documents chosen."
        assert answer.abstained
        assert {passage.source for passage in answer.passages} <= {"bread.md", "运河.txt"}
        streamed = list(chain.stream({"question": WHEN, "only": "bread.md"}))
        assert TextDelta("Not in the one document chosen.") in streamed


def test_a_model_that_abstains_says_where_was_looked(
    index: Path, scripted_model: Callable[[str], Path]
) -> None:
    with load_chain(str(index), str(scripted_model("Not in the documents."))) as chain:
        answer = chain.invoke({"question": WHEN, "only": "lights/"})
        assert (answer.text, answer.abstained) == ("Not in the one document chosen.", True)
        assert chain.invoke({"question": WHEN}).text == "Not in the documents."


def test_filters_that_are_wrong(quoting: Chain) -> None:
    with pytest.raises(UsageError, match=r"no document matches 'bread.mx'; did you mean 'bread.md'\?"):
        quoting.invoke({"question": WHEN, "only": ["bread.mx"]})
    with pytest.raises(UsageError, match="filters are strings like 'type:pdf'"):
        quoting.invoke({"question": WHEN, "only": {"type": "pdf"}})


def test_the_retriever_with_filters(index: Path) -> None:
    retriever = load_retriever(str(index), only="lights/")
    assert {found.metadata["source"] for found in retriever.invoke(WHEN)} == {"lights/eddystone.txt"}
    once = retriever.invoke(WHEN, only=["bread.md"])
    assert {found.metadata["source"] for found in once} == {"bread.md"}
    everywhere = retriever.invoke(WHEN, only=())
    assert len({found.metadata["source"] for found in everywhere}) > 1
