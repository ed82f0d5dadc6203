"""Drafts of questions: kept where the answer stands in the passage, whatever the model writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_index import PAGES, write_index

from rag.errors import UsageError, WindowExceeded
from rag.evaluation.draft_questions import draft
from rag.evaluation.question_file import Expected, question_line, read_questions
from rag.model.loaded_model import Model, load_model
from rag.settings import load_settings
from rag.store.local_store import LocalStore
from rag.store.open import open_store

LIT = '{"question":"How was it lit?","answer": "24 candles"}'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    opened = open_store(write_index(tmp_path_factory.mktemp("draft") / "index"))
    yield opened
    opened.close()


@pytest.fixture
def says(scripted_model: Callable[[str], Path]) -> Callable[[str], Model]:
    return lambda text: load_model(load_settings({"model": str(scripted_model(text))}))


def test_a_draft_is_a_question_that_its_passage_answers(
    store: LocalStore, says: Callable[[str], Model], tmp_path: Path
) -> None:
    drafts = draft(says(LIT), store, 5)
    # Of the passages long enough, one says "24 candles"; to the others the same draft is no use.
    (question,) = drafts.questions
    assert question.question == "How was it lit?"
    assert question.expected == (Expected("lights/eddystone.txt", 1, "24 candles"),)
    assert question.note.startswith("a draft by script-")
    long_enough = sum(
        len(part) >= 60 for texts in PAGES.values() for text in texts for part in text.split("\n\n")
    )
    assert long_enough == 3
    assert drafts.dropped == {"has an answer that does not stand in its passage": long_enough - 1}
    (tmp_path / "drafts.jsonl").write_text(question_line(question) + "\n")
    assert read_questions(tmp_path / "drafts.jsonl") == drafts.questions


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            '{"question":"Who? 24 candles","answer": "lit"}',
            "has an answer that does not stand in its passage",
        ),
        ('{"question":"Was it lit by many?","answer": "by"}', "gives its answer away"),
    ],
)
def test_what_is_no_use(store: LocalStore, says: Callable[[str], Model], text: str, why: str) -> None:
    drafts = draft(says(text), store, 4)
    assert why in drafts.dropped


def test_the_same_question_again_is_dropped(tmp_path: Path, says: Callable[[str], Model]) -> None:
    pages = {
        f"{name}.txt": [f"In {name} the tower stood on a rock for years. It was lit by 24 candles."]
        for name in "ab"
    }
    with open_store(write_index(tmp_path / "index", pages)).snapshot() as snapshot:
        assert snapshot.chunk_count == 2
    drafts = draft(says(LIT), open_store(tmp_path / "index"), 2)
    assert (len(drafts.questions), drafts.dropped) == (1, {"was asked already": 1})


def test_a_model_that_rambles_gives_none(store: LocalStore, random_model: Path) -> None:
    drafts = draft(load_model(load_settings({"model": str(random_model)})), store, 1)
    assert drafts.questions == ()
    assert sum(drafts.dropped.values()) == 3  # the passages that there are


def test_the_shortest_json_asks_nothing(store: LocalStore, json_model: Path) -> None:
    drafts = draft(load_model(load_settings({"model": str(json_model)})), store, 1)
    assert (drafts.questions, drafts.dropped) == ((), {"asks nothing": 3})


def test_stopped(store: LocalStore, random_model: Path) -> None:
    stop = threading.Event()
    stop.set()
    drafts = draft(load_model(load_settings({"model": str(random_model)})), store, 2, stop=stop)
    assert (drafts.questions, drafts.dropped, drafts.stopped) == ((), {}, True)


def test_every_source_has_its_turn(tmp_path: Path, json_model: Path) -> None:
    part = "These are the words of a passage that is long enough to be asked about, number "
    pages = {"long.txt": ["\n\n".join(f"{part}{n}." for n in range(20))], "short.txt": [part + "one."]}
    seen: list[str] = []
    model = load_model(load_settings({"model": str(json_model)}))
    draft(
        model,
        open_store(write_index(tmp_path / "index", pages)),
        1,
        progress=lambda *shown: seen.append(shown[2]),
    )
    assert sorted(seen[:2]) == ["long.txt", "short.txt"]
    assert len(seen) == 3  # two of the long one, which is all its share of four


def test_wrong_calls(store: LocalStore, random_model: Path) -> None:
    with pytest.raises(UsageError, match="0 questions were asked for; the least is 1"):
        draft(load_model(load_settings({"model": str(random_model)})), store, 0)
    with pytest.raises(WindowExceeded, match="the window of 300 has room for 44 beside the draft"):
        draft(load_model(load_settings({"model": str(random_model), "window": 300})), store, 1)
