"""Answers in threads: what is drawn at any moment, stopping, waiting in line, failing in words."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from rag.errors import ModelBusy
from rag.records import (
    Answer,
    Citation,
    Cited,
    Done,
    Event,
    Passage,
    Queued,
    Reading,
    Retrieved,
    TextDelta,
    Turn,
)
from ui.conversation import Conversation, Progress, advance

PASSAGE = Passage(1, "a.pdf", 2, 0, 5, "words", 1.0)
CITATION = Citation(1, "a.pdf", 2, 0, 5, "words", "supported", 0, 9)


def answer(question: str, text: str, *, stopped: bool = False) -> Answer:
    return Answer(question, text, "quotes", False, (CITATION,), (PASSAGE,), None, {}, stopped=stopped)


class ScriptedChain:
    """Answers "echo: question"; holds at `gate` before the last word; records what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[Turn]]] = []
        self.only: list[tuple[str, ...]] = []
        self.gate = threading.Event()
        self.gate.set()

    def events(
        self, question: str, history: Sequence[Turn], stop: threading.Event, *, only: tuple[str, ...] = ()
    ) -> Iterator[Event]:
        self.asked.append((question, list(history)))
        self.only.append(only)
        if question == "busy":
            raise ModelBusy("8 questions wait already, the limit is 8; ask again in a minute")
        if question == "broken":
            raise ZeroDivisionError
        yield Retrieved((PASSAGE,))
        yield TextDelta("echo: ")
        while not self.gate.wait(0.01):
            if stop.is_set():
                yield Done(answer(question, "echo:", stopped=True))
                return
        yield TextDelta(question)
        yield Cited(CITATION)
        yield Done(answer(question, f"echo: {question}"))


def test_progress_event_by_event() -> None:
    reading = Reading(10, 20, 1.5)
    done = Done(answer("q", "text"))
    progress = Progress()
    stages = []
    for event in (
        Retrieved((PASSAGE,)),
        Queued(2),
        reading,
        TextDelta("te"),
        TextDelta("xt"),
        Cited(CITATION),
        done,
    ):
        progress = advance(progress, event)
        stages.append(progress.stage)
    assert stages == ["searching", "queued", "reading", "writing", "writing", "writing", "done"]
    assert (progress.ahead, progress.reading, progress.text) == (2, reading, "text")
    assert (progress.passages, progress.citations, progress.answer) == ((PASSAGE,), (CITATION,), done.answer)


def test_an_answer_and_its_follow_up() -> None:
    chain = ScriptedChain()
    conversation = Conversation(chain.events)
    first = conversation.ask("one")
    assert first.wait(5)
    assert first.progress.text == "echo: one"
    assert first.seconds is not None
    second = conversation.ask("two")
    assert second.wait(5)
    assert chain.asked == [("one", []), ("two", [Turn("user", "one"), Turn("assistant", "echo: one")])]
    assert not conversation.busy


def test_a_question_asked_meanwhile_waits_and_knows_the_answer_before_it() -> None:
    chain = ScriptedChain()
    chain.gate.clear()
    conversation = Conversation(chain.events)
    first, second = conversation.ask("one"), conversation.ask("two")
    assert not second.wait(0.15)
    assert second.progress.stage == "waiting"
    assert conversation.busy
    chain.gate.set()
    assert second.wait(5)
    assert first.progress.ended
    assert chain.asked[1] == ("two", [Turn("user", "one"), Turn("assistant", "echo: one")])


def test_stopping_keeps_what_is_there() -> None:
    chain = ScriptedChain()
    chain.gate.clear()
    conversation = Conversation(chain.events)
    exchange = conversation.ask("one")
    waiting = conversation.ask("two")
    conversation.stop()
    assert exchange.wait(5)
    assert waiting.wait(5)
    assert exchange.progress.text == "echo:"
    assert exchange.progress.answer is not None
    assert exchange.progress.answer.stopped
    assert (waiting.progress.stage, waiting.progress.answer) == ("done", None)
    assert [question for question, _ in chain.asked] == ["one"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("busy", "8 questions wait already, the limit is 8; ask again in a minute"),
        ("broken", "Something failed inside (ZeroDivisionError); the terminal has the details."),
    ],
)
def test_errors_become_words_and_the_conversation_goes_on(
    question: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    chain = ScriptedChain()
    conversation = Conversation(chain.events)
    failed = conversation.ask(question)
    assert failed.wait(5)
    assert (failed.progress.stage, failed.progress.error) == ("failed", words)
    assert ("Traceback" in caplog.text) == (question == "broken")
    assert conversation.ask("one").wait(5)
    assert chain.asked[1] == ("one", [])  # a failed exchange is no history


def test_a_stream_without_an_end_is_an_error() -> None:
    def events(
        question: str, history: Sequence[Turn], stop: threading.Event, *, only: tuple[str, ...] = ()
    ) -> Iterator[Event]:
        yield TextDelta("half")

    exchange = Conversation(events).ask("one")
    assert exchange.wait(5)
    assert exchange.progress.error == "The answer ended too early; ask again."
    assert exchange.progress.text == "half"


def test_a_question_goes_with_its_filters() -> None:
    chain = ScriptedChain()
    conversation = Conversation(chain.events)
    first = conversation.ask("one", only=("type:pdf", "folder:/docs/a"))
    second = conversation.ask("two")
    assert second.wait(5)
    assert (first.only, second.only) == (("type:pdf", "folder:/docs/a"), ())
    assert chain.only == [("type:pdf", "folder:/docs/a"), ()]
