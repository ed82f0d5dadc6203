"""Conversations that are kept: what comes back, what a killed program leaves, who may read the file."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ModelBusy, StoreError, UsageError
from rag.records import Answer, Citation, Cited, Done, Event, Ledger, Passage, Retrieved, TextDelta, Turn
from ui.conversation import Conversation, Exchange, Progress
from ui.history import History
from ui.kept_exchange import as_text, from_text

TEXT = "The tower was lit in 1759 by 24 candles."
PASSAGE = Passage(1, "tower.pdf", 3, 100, 100 + len(TEXT), TEXT, 0.5, headings=("灯塔",), place="page 3")
CITATION = Citation(1, "tower.pdf", 3, 100, 125, "The tower was lit in 1759", "supported", 0, 29)
LEDGER = Ledger(8192, 100, 200, 0, 12, 768, reused=3)


def answer(question: str, text: str, *, stopped: bool = False) -> Answer:
    return Answer(
        question, text, "openchat", False, (CITATION,), (PASSAGE,), LEDGER, {"total": 1.5}, stopped=stopped
    )


def events(
    question: str, history: Sequence[Turn], stop: threading.Event, *, only: tuple[str, ...] = ()
) -> Iterator[Event]:
    if question == "busy":
        raise ModelBusy("8 questions wait already")
    yield Retrieved((PASSAGE,))
    yield TextDelta("It was lit")
    yield TextDelta(" in 1759 [1].")
    yield Cited(CITATION)
    yield Done(answer(question, "It was lit in 1759 [1]."))


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History(tmp_path / "data" / "conversations.sqlite")
    yield history
    history.close()


def kept(history: History, place: str = "/index") -> Conversation:
    keeper = history.begin(place)
    return Conversation(events, id=keeper.id, keep=keeper)


def ask(conversation: Conversation, *questions: str) -> list[Exchange]:
    exchanges = [conversation.ask(question) for question in questions]
    assert all(exchange.wait(10) for exchange in exchanges)
    assert conversation.unkept is None
    return exchanges


def test_what_was_asked_and_answered_comes_back(history: History) -> None:
    conversation = kept(history)
    exchanges = ask(conversation, "When was it lit?", "busy")
    again = History(history.path)
    [listed] = again.listed("/index")
    assert (listed.id, listed.title) == (conversation.id, "When was it lit?")
    loaded = again.load(listed.id)
    assert [one.question for one in loaded.exchanges] == ["When was it lit?", "busy"]
    assert [one.progress for one in loaded.exchanges] == [one.progress for one in exchanges]
    assert loaded.exchanges[0].progress.answer == answer("When was it lit?", "It was lit in 1759 [1].")
    assert loaded.exchanges[1].progress.error == "8 questions wait already"
    again.close()


def test_a_conversation_taken_up_again_has_its_turns(history: History) -> None:
    first = kept(history)
    ask(first, "When was it lit?")
    assert first.id is not None
    seen: list[Sequence[Turn]] = []

    def listening(
        question: str, turns: Sequence[Turn], stop: threading.Event, *, only: tuple[str, ...] = ()
    ) -> Iterator[Event]:
        seen.append(turns)
        yield Done(answer(question, "By candles [1]."))

    loaded = history.load(first.id)
    before = [Exchange.ended(one.number, one.question, one.progress, one.seconds) for one in loaded.exchanges]
    second = Conversation(listening, id=first.id, keep=history.go_on("/index", first.id), exchanges=before)
    ask(second, "By what?")
    assert seen == [[Turn("user", "When was it lit?"), Turn("assistant", "It was lit in 1759 [1].")]]
    assert [one.question for one in history.load(first.id).exchanges] == ["When was it lit?", "By what?"]
    assert len(history.listed("/index")) == 1


KILLED = """
import os, sys, threading
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from test_history import PASSAGE, History, Conversation, Retrieved, TextDelta
seen = threading.Event()

def events(question, history, stop, *, only=()):
    yield Retrieved((PASSAGE,))
    yield TextDelta("It was lit in 1759 [1]. It was ")
    yield TextDelta("built of gran")
    seen.set()
    threading.Event().wait()

history = History(Path(sys.argv[1]))
keeper = history.begin("/index")
Conversation(events, id=keeper.id, keep=keeper).ask("When was it lit?")
seen.wait(30)
os.kill(os.getpid(), 9)
"""


def test_a_killed_program_loses_nothing_that_was_shown(tmp_path: Path) -> None:
    tests = Path(__file__).parent
    script = KILLED.format(root=str(tests.parent), tests=str(tests))
    path = tmp_path / "conversations.sqlite"
    process = subprocess.run([sys.executable, "-c", script, str(path)], timeout=60, check=False)
    assert process.returncode == -9
    history = History(path)
    [listed] = history.listed("/index")
    [exchange] = history.load(listed.id).exchanges
    progress = exchange.progress
    assert (progress.stage, progress.passages) == ("done", (PASSAGE,))
    assert progress.text == "It was lit in 1759 [1]. It was built of gran"
    assert progress.answer is not None
    assert progress.answer.stopped
    assert [(one.number, one.source, one.answer_end) for one in progress.citations] == [(1, "tower.pdf", 23)]
    assert progress.citations[0].verdict == "supported"
    history.close()


def test_a_question_that_nothing_was_written_to_is_kept_as_stopped(history: History) -> None:
    keeper = history.begin("/index")
    keeper(1, "When?", Progress("queued", (PASSAGE,)), None)
    [exchange] = history.load(keeper.id).exchanges
    assert (exchange.progress.stage, exchange.progress.answer) == ("done", None)
    assert Exchange.ended(1, "When?", exchange.progress, None).stopping


def test_only_its_owner_reads_it(history: History) -> None:
    ask(kept(history), "When was it lit?")
    names = sorted(path.name for path in history.path.parent.iterdir())
    assert names == ["conversations.sqlite", "conversations.sqlite-shm", "conversations.sqlite-wal"]
    for path in history.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.path.parent.stat().st_mode) == 0o700


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "conversations.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"can't be kept in .*conversations\.sqlite \(Too many levels"):
        History(tmp_path / "conversations.sqlite")


def test_each_index_has_its_own(history: History) -> None:
    ask(kept(history, "/one"), "first")
    ask(kept(history, "/two"), "second")
    assert [one.title for one in history.listed("/one")] == ["first"]
    assert history.listed("/three") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", ["长城 STRASSE", "lighthouse"]),
        ("LIGHT", ["lighthouse"]),
        ("straße", ["长城 STRASSE"]),
        ("长城", ["长城 STRASSE"]),
        ("lit in 1759", ["长城 STRASSE", "lighthouse"]),
        ("%", []),
        ("' OR 1=1 --", []),
    ],
)
def test_search_in_titles_questions_and_answers(history: History, wanted: str, found: list[str]) -> None:
    ask(kept(history), "lighthouse")
    ask(kept(history), "长城 STRASSE")
    assert [one.title for one in history.listed("/index", wanted)] == found


def test_a_title_of_ones_own_is_searched_too(history: History) -> None:
    conversation = kept(history)
    ask(conversation, "When was it lit?")
    assert conversation.id is not None
    history.rename(conversation.id, "  Eddystone \n notes ")
    assert [one.title for one in history.listed("/index", "eddystone")] == ["Eddystone notes"]
    with pytest.raises(UsageError, match="the title is empty"):
        history.rename(conversation.id, " \n")


def test_what_was_removed_is_gone_and_stays_gone(history: History) -> None:
    keeper = history.begin("/index")
    keeper(1, "the secret question", Progress("writing", (), "the secret answer"), None)
    history.remove(keeper.id)
    keeper(1, "the secret question", Progress("writing", (), "the secret answer goes on"), None)
    keeper(1, "the secret question", Progress("failed", error="ended"), None)
    keeper(2, "another secret", Progress(), None)
    assert history.listed("/index") == []
    with pytest.raises(UsageError, match="was removed"):
        history.load(keeper.id)
    history.close()  # the log of changes goes into the file
    assert b"secret" not in history.path.read_bytes()


def test_a_newer_format_is_refused_and_left_alone(history: History) -> None:
    history._database.execute("PRAGMA user_version = 2")
    history.close()
    with pytest.raises(StoreError, match="has format 2, and this version reads 1: update"):
        History(history.path)


def test_a_file_that_is_no_database_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "conversations.sqlite"
    path.write_text("mine " * 1000)
    with pytest.raises(StoreError, match=r"file is not a database.*move that file away"):
        History(path)
    assert path.read_text() == "mine " * 1000


def test_a_damaged_record_is_said_in_words(history: History) -> None:
    conversation = kept(history)
    ask(conversation, "When was it lit?")
    history._database.execute('UPDATE exchange SET record = \'{"stage": "dancing"}\'')
    assert conversation.id is not None
    with pytest.raises(StoreError, match=r"what was kept of 'When was it lit\?' can't be read \(stage: "):
        history.load(conversation.id)


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX's")
def test_an_answer_that_can_not_be_kept_goes_on_and_says_so(history: History) -> None:
    conversation = kept(history)
    history._database.execute("PRAGMA query_only = ON")
    exchange = conversation.ask("When was it lit?")
    assert exchange.wait(10)
    assert exchange.progress.text == "It was lit in 1759 [1]."
    assert conversation.unkept is not None
    assert "readonly database" in conversation.unkept
    assert "free the disk" in conversation.unkept


def test_two_processes_may_write(history: History) -> None:
    other = sqlite3.connect(history.path)
    other.execute("BEGIN IMMEDIATE")
    done = threading.Event()
    conversation = kept(history)
    worker = threading.Thread(target=lambda: (ask(conversation, "When was it lit?"), done.set()))
    worker.start()
    assert not done.wait(0.2)
    other.commit()
    worker.join(10)
    assert done.is_set()
    assert len(history.listed("/index")) == 1
    other.close()


printable = st.text(st.characters(exclude_categories=["Cs"]))


@given(question=printable, text=printable, quote=printable, error=st.none() | printable)
def test_every_text_comes_back_as_it_was(question: str, text: str, quote: str, error: str | None) -> None:
    done = Answer(
        question, text, "quotes", False, (), (Passage(1, quote, 1, 0, 3, quote, 1.0),), None, {"total": 0.1}
    )
    for progress in (
        Progress("done", done.passages, text, (), answer=done),
        Progress("failed", (), text, error=error),
    ):
        assert from_text(as_text(progress), progress.text, question) == progress
