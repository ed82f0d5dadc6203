"""Evaluations of a small real index, in a search, in quotes and with models that say a script."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_index import PAGES, write_index

from rag.chain import Chain
from rag.errors import UsageError
from rag.evaluation.evaluate import FAILURES_IN_A_ROW, evaluate
from rag.evaluation.measures import mean, measures_of
from rag.evaluation.question_file import Expected, Question
from rag.evaluation.records import EvalResult, Row, result_from_json
from rag.model.loaded_model import load_model
from rag.prompt import ABSTENTION
from rag.records import Place
from rag.search.searcher import Searcher, load_searcher
from rag.settings import load_settings
from rag.store.open import open_store

TOWER = "lights/eddystone.txt"
WHEN = Question("when", "When was Smeaton's tower finished?", (Expected(TOWER, 1, "finished in 1759"),), "en")
HOW = Question("how", "How was Smeaton's tower lit?", (Expected(TOWER, 1, "24 candles"),), "en")
LONG = Question("long", "大运河有多长？", (Expected("运河.txt", 1, "1794公里"),), "zh")
# Nothing on the page says this, and the page is another than the one that is found.
ELSEWHERE = Question("elsewhere", HOW.question, (Expected("bread.md", 1, "by gas"),), "en")
OFF = Question("off", "What is the boiling point of tungsten?", (), "en", kind="off_topic")
NEAR = Question("near", "How was Smeaton's tower painted?", (), "en", kind="near_miss")
GONE = Question("gone", "What is a quoin?", (Expected("gone.pdf", 1),), "en")
ALL = (WHEN, HOW, LONG, ELSEWHERE, OFF, NEAR, GONE)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("evaluate") / "index")


@pytest.fixture(scope="module")
def searcher(index: Path) -> Iterator[Searcher]:
    with load_searcher(str(index)) as opened:
        yield opened


def rows(result: EvalResult) -> dict[str, Row]:
    return {row.id: row for row in result.rows}


def means(result: EvalResult) -> dict[str, tuple[float, int]]:
    found = {one.name: mean(one, result.rows) for one in measures_of(result)}
    return {name: (value.value, value.count) for name, value in found.items() if value}


# --- a search ------------------------------------------------------------------------------------------


def test_a_search_by_hand(searcher: Searcher) -> None:
    result = evaluate(searcher, ALL, k=2)
    assert (result.mode, result.asked, result.ended, result.model) == ("search", 7, None, None)
    assert [row.id for row in result.rows] == [question.id for question in ALL]
    found = rows(result)
    # The three answers stand in the chunk that holds the question's words; it comes first.
    assert {name: found[name].rank for name in ("when", "how", "long")} == {"when": 1, "how": 1, "long": 1}
    assert found["when"].found[0].excerpt.startswith("Smeaton's tower was finished in 1759.")
    assert [one.right for one in found["when"].found].index(True) == 0
    assert found["when"].character_recall == 1.0
    assert (found["when"].abstained, found["off"].abstained) == (False, True)
    assert all(set(row.seconds) == {"search"} for row in result.rows if row.measured)
    assert result_from_json(result.as_json(), "result") == result


def test_its_means_by_hand(searcher: Searcher) -> None:
    # ELSEWHERE's page has two chunks; where the first of them comes is what its hits say, so it is left out.
    found = means(evaluate(searcher, [WHEN, HOW, LONG, OFF, NEAR, GONE], k=2))
    assert found == {
        "recall@1": (1.0, 3),
        "recall@2": (1.0, 3),
        "recall@3": (1.0, 3),
        "recall@5": (1.0, 3),
        "mrr@5": (1.0, 3),
        "page@1": (1.0, 3),
        "page@3": (1.0, 3),
        "page@5": (1.0, 3),
        "characters@2": (1.0, 3),
        "refused": (0.0, 3),
        "answered": (0.5, 2),  # NEAR shares its words with the tower's chunk, OFF with none
    }


def test_ranks_are_those_of_the_search(searcher: Searcher) -> None:
    row = rows(evaluate(searcher, [ELSEWHERE]))["elsewhere"]
    sources = [hit.source for hit in searcher.search(ELSEWHERE.question, k=6)]
    assert [one.source for one in row.found] == sources
    assert row.rank == row.page_rank == sources.index("bread.md") + 1
    assert row.rank > 1
    assert row.words_not_on_page
    assert row.character_recall is None


def test_a_document_that_is_not_there_is_no_miss(searcher: Searcher) -> None:
    page = Question("page", "What is a quoin?", (Expected(TOWER, 3),))
    half = Question("half", WHEN.question, (Expected("gone.pdf", 1), *WHEN.expected))
    result = evaluate(searcher, [GONE, page, half])
    found = rows(result)
    assert not found["gone"].measured
    assert "there is no source 'gone.pdf' in the index" in found["gone"].problems[0]
    assert found["page"].problems == (f"{TOWER!r} has 2 pages; there is no page 3",)
    assert (found["half"].measured, found["half"].rank, len(found["half"].problems)) == (True, 1, 1)
    assert means(result)["recall@1"] == (1.0, 1)


def test_without_a_page_any_passage_of_the_document_counts(searcher: Searcher) -> None:
    without = dataclasses.replace(WHEN, expected=(Expected(TOWER),))
    row = rows(evaluate(searcher, [without]))["when"]
    tower = [one.source == TOWER for one in row.found]
    assert [one.right for one in row.found] == tower
    assert sum(tower) == 3
    assert (row.page_known, row.page_rank, row.character_recall) == (False, None, None)


def test_words_over_a_chunks_end_are_recalled_in_part(searcher: Searcher) -> None:
    words = "south of Plymouth.\n\nSmeaton's tower was finished"
    across = dataclasses.replace(WHEN, expected=(Expected(TOWER, 1, words),))
    row = rows(evaluate(searcher, [across], k=1))["when"]
    # The first hit is the second paragraph: it holds what stands after the empty line.
    after = len("Smeaton's tower was finished")
    assert row.character_recall == pytest.approx(after / len(words))
    assert row.rank == 1


def test_the_same_file_in_another_place_is_as_good(tmp_path: Path) -> None:
    index = write_index(tmp_path / "index")
    store = open_store(index)
    data = "\f".join(PAGES["bread.md"]).encode()
    digest = hashlib.sha256(data).hexdigest()
    with store.writer() as writer, store.snapshot() as snapshot:
        assert snapshot.find("bread.md").content_hash == digest
        writer.link(Place("/docs", "a/copy.md", b"/docs/a/copy.md", digest, len(data), 1))
    store.close()
    asked = "Why does bread rise?"
    questions = [
        Question(name, asked, (Expected(name, 1, "carbon dioxide"),)) for name in ("bread.md", "a/copy.md")
    ]
    with load_searcher(str(index)) as searcher:
        assert [row.rank for row in evaluate(searcher, questions).rows] == [1, 1]


def test_wrong_calls(searcher: Searcher, random_model: Path) -> None:
    with pytest.raises(UsageError, match="k is 0; at least 1"):
        evaluate(searcher, ALL, k=0)
    with pytest.raises(UsageError, match="gives no answers that a judge could grade"):
        evaluate(searcher, ALL, judge=load_model(load_settings({"model": str(random_model)})))


# --- answers -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quoting(searcher: Searcher) -> Chain:
    return Chain(searcher, None, load_settings({"model": None}))


def test_quotes_by_hand(quoting: Chain) -> None:
    result = evaluate(quoting, [WHEN, HOW, LONG, ELSEWHERE, OFF, GONE])
    found = rows(result)
    assert result.mode == "quotes"
    assert (found["when"].contains, found["when"].cites_right_page) == (True, True)
    assert (found["long"].contains, found["long"].verdicts["supported"] >= 1) == (True, True)
    assert (found["elsewhere"].contains, found["elsewhere"].cites_right_page) == (False, False)
    assert (found["off"].abstained, found["off"].answer, found["off"].contains) == (True, ABSTENTION, None)
    assert found["gone"].answer is None
    for name in ("when", "off"):
        times = found[name].seconds
        assert 0 < times["search"] <= times["first_word"] <= times["whole"]
    assert means(result)["contains"] == (0.75, 4)
    assert means(result)["cites"] == (0.75, 4)
    assert result_from_json(result.as_json(), "result") == result


@pytest.fixture
def says(searcher: Searcher, scripted_model: Callable[[str], Path]) -> Callable[[str], Chain]:
    """A chain whose model answers everything with these words."""

    def chain(text: str) -> Chain:
        settings = load_settings({"model": str(scripted_model(text))})
        return Chain(searcher, load_model(settings), settings)

    return chain


def test_a_model_by_hand(says: Callable[[str], Chain]) -> None:
    writing = says("It was lit by 24 candles [1].")
    result = evaluate(writing, [HOW, WHEN, OFF, NEAR])
    found = rows(result)
    assert (result.mode, result.model) == ("model", writing.model_name)
    # It says "24 candles [1]" to all that the gate lets through; [1] is the best hit, the tower's chunk.
    assert found["how"].answer == "It was lit by 24 candles [1]."
    assert (found["how"].contains, found["when"].contains) == (True, False)
    assert (found["how"].cites_right_page, found["when"].cites_right_page) == (True, True)
    assert found["how"].verdicts == {"supported": 1}
    assert found["how"].citations[0].right
    assert (found["off"].abstained, found["near"].abstained) == (True, False)
    numbers = means(result)
    assert (numbers["contains"], numbers["answered"], numbers["refused"]) == ((0.5, 2), (0.5, 2), (0.0, 2))


def test_verdicts_are_counted_by_sentence(says: Callable[[str], Chain]) -> None:
    row = evaluate(says("It was lit by 36 candles [1]. Many said so"), [HOW]).rows[0]
    assert row.verdicts == {"unsupported": 1, "uncited": 1}
    assert row.contains is False


def test_a_model_that_refuses(says: Callable[[str], Chain]) -> None:
    result = evaluate(says(ABSTENTION), [HOW, OFF])
    assert [row.abstained for row in result.rows] == [True, True]
    assert result.rows[0].cites_right_page is False
    assert (means(result)["refused"], means(result)["answered"]) == ((1.0, 1), (0.0, 1))


def test_the_judge(quoting: Chain, scripted_model: Callable[[str], Path], random_model: Path) -> None:
    judging = load_model(load_settings({"model": str(scripted_model("Feedback names it; fine [RESULT] 4"))}))
    rambling = load_model(load_settings({"model": str(random_model)}))
    graded = evaluate(quoting, [HOW, OFF], judge=judging)
    malformed = evaluate(quoting, [HOW], judge=rambling)
    assert [(row.grade, row.malformed) for row in graded.rows] == [(4, None), (None, None)]
    assert graded.rows[0].feedback == "Feedback names it; fine"
    assert (graded.judge, means(graded)["grade"]) == (judging.name, (4.0, 1))
    assert malformed.rows[0].grade is None
    assert malformed.rows[0].malformed
    assert "grade" not in means(malformed)


# --- what goes wrong -----------------------------------------------------------------------------------


def test_stopped_between_questions(searcher: Searcher) -> None:
    stop = threading.Event()
    seen = []

    def progress(done: int, total: int, question: str) -> None:
        seen.append((done, total, question))
        if done == 2:
            stop.set()

    result = evaluate(searcher, ALL, stop=stop, progress=progress)
    assert seen == [(n, 7, ALL[n].question) for n in range(3)]
    assert [row.id for row in result.rows] == ["when", "how"]
    assert result.ended == "stopped after 2 of 7 questions"


def test_stopped_in_the_middle_of_an_answer(searcher: Searcher, random_model: Path) -> None:
    stop = threading.Event()
    settings = load_settings({"model": str(random_model)})
    chain = Chain(searcher, load_model(settings), settings)
    timer = threading.Timer(0.3, stop.set)  # 768 tokens take longer

    def progress(done: int, _total: int, _question: str) -> None:
        if done == 1:
            timer.start()

    result = evaluate(chain, [OFF, HOW, WHEN], stop=stop, progress=progress)
    timer.join()
    assert [row.id for row in result.rows] == ["off"]
    assert result.ended == "stopped after 1 of 3 questions"


def test_a_question_that_is_too_long_is_that_questions_error(searcher: Searcher, random_model: Path) -> None:
    settings = load_settings({"model": str(random_model), "window": 512, "reserve": 8})
    long = dataclasses.replace(HOW, id="too long", question=HOW.question * 60)
    result = evaluate(Chain(searcher, load_model(settings), settings), [long, HOW])
    assert "the window of 512 has room for" in (result.rows[0].error or "")
    assert result.rows[0].rank == 1  # what the search found is kept
    assert (result.rows[0].abstained, result.rows[1].error, result.ended) == (None, None, None)


def test_a_server_that_is_gone_ends_it(searcher: Searcher, free_port: int) -> None:
    questions = [dataclasses.replace(HOW, id=str(n)) for n in range(5)]
    settings = load_settings({"model": f"http://127.0.0.1:{free_port}/v1"})
    result = evaluate(Chain(searcher, load_model(settings), settings), questions)
    assert len(result.rows) == FAILURES_IN_A_ROW
    assert all(row.error and row.rank == 1 for row in result.rows)
    assert (result.ended or "").startswith(f"ended after 3 of 5 questions: {result.rows[-1].error}")


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
