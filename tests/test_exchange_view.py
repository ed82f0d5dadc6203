"""What the screen says at each stage of an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.records import Answer, Citation, Ledger, Mark, Passage, Reading, Sentence
from ui.conversation import Exchange, Progress
from ui.exchange_view import EXCERPT_CHARACTERS, best_words, exchange_data, listed, short_name

PDF = Passage(1, "lights/tower.pdf", 3, 0, 26, "The tower was lit in 1759.", 1.0, place="page 3")
NOTE = Passage(2, "notes.md", 1, 0, 9, "x" * 500, 0.5)
CITATION = Citation(1, PDF.source, 3, 14, 25, "lit in 1759", "supported", 0, 16, place="page 3")
ANSWER = Answer(
    question="When?",
    text="Lit in 1759. [1]",
    mode="openchat",
    abstained=False,
    citations=(CITATION,),
    passages=(PDF, NOTE),
    ledger=Ledger(8192, 100, 2000, 0, 45, 768),
    timings={},
    sentences=(Sentence(0, 16, (1,), "supported", (Mark(13, 16, (1,)),)),),
    model="openchat.gguf",
)
DONE = Progress("done", (PDF, NOTE), ANSWER.text, (CITATION,), answer=ANSWER)


def exchange(progress: Progress) -> Exchange:
    made = Exchange(1, "When?")
    made.progress = progress
    return made


@pytest.mark.parametrize(
    ("progress", "words", "share"),
    [
        (Progress("waiting"), "Waiting for the answer above", None),
        (Progress("searching"), "Searching the documents", None),
        (Progress("searching", (PDF,)), "Reading the passages", None),
        (Progress("queued", (PDF,), ahead=2), "Waiting for the model; 2 answers before this one", None),
        (
            Progress("reading", (PDF,), reading=Reading(512, 2048, 11.6)),
            "The model reads the passages: 512 of 2,048 tokens, about 12 s left",
            0.25,
        ),
        (
            Progress("reading", (PDF,), reading=Reading(2000, 2048, None)),
            "The model reads the passages: 2,000 of 2,048 tokens",
            2000 / 2048,
        ),
        (Progress("writing", (PDF,), "It"), "Writing", None),
    ],
)
def test_what_is_going_on(progress: Progress, words: str, share: float | None) -> None:
    data = exchange_data(exchange(progress))
    assert data["going"] == {"words": words, "share": share, "stopping": False}
    assert (data["live"], data["foot"]) == (True, None)


def test_the_first_question_waits_for_the_models() -> None:
    going = exchange_data(exchange(Progress("searching")), loading=True)["going"]
    assert going["words"] == "Loading the models; this happens once"


def test_the_passages_are_there_before_the_first_word_and_folded_after_it() -> None:
    data = exchange_data(exchange(Progress("searching", (PDF, NOTE))))
    assert data["found"] == "2 passages found in 2 sources"
    assert data["passages"][0] == {
        "source": "lights/tower.pdf",
        "name": "tower.pdf",
        "page": "page 3",
        "excerpt": "The tower was lit in 1759.",
    }
    assert data["passages"][1]["page"] == ""
    assert len(data["passages"][1]["excerpt"]) == EXCERPT_CHARACTERS
    assert not data["folded"]
    assert exchange_data(exchange(Progress("writing", (PDF,), "It")))["folded"]


def test_a_written_answer() -> None:
    done = exchange(DONE)
    done.seconds = 12.34
    data = exchange_data(done, opened=0)
    assert data["label"] == {"words": "Answer by OpenChat", "none": False}
    assert data["foot"] == "openchat.gguf · 12.3 s"
    assert data["window"]["words"] == "2,145 of 8,192 tokens read"
    assert (data["going"], data["trouble"], data["opened"]) == (None, None, 0)
    text, mark = data["pieces"]
    assert text["text"] == "Lit in 1759. "
    assert (mark["number"], mark["citation"], mark["verdict"]) == (1, 0, "supported")
    assert mark["title"] == "Citation 1, supported: tower.pdf, page 3"
    [row] = data["citations"]
    assert (row["number"], row["name"], row["page"]) == (1, "tower.pdf", "page 3")
    assert (row["quote"], row["verdict"]) == ("lit in 1759", "supported")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mode": "quotes", "model": None}, "Quotes from the documents"),
        ({"stopped": True}, "Answer by OpenChat, stopped"),
        ({"cut": True}, "Answer by OpenChat, cut at the end of its reserve"),
    ],
)
def test_how_an_answer_was_made(changed: dict[str, object], words: str) -> None:
    data = exchange_data(exchange(replace(DONE, answer=replace(ANSWER, **changed))))
    assert data["label"]["words"] == words


def test_an_abstention_shows_what_came_nearest() -> None:
    answer = replace(ANSWER, text="Not in the documents.", abstained=True, citations=(), sentences=())
    data = exchange_data(exchange(Progress("done", (PDF,), answer.text, answer=answer)))
    assert data["label"] == {"words": "Not in the documents", "none": True}
    assert data["found"] == "Nearest, but not an answer"
    assert not data["folded"]
    assert (data["pieces"], data["citations"]) == ([], [])


def test_a_failure_is_said_and_what_was_there_stays() -> None:
    failed = Progress("failed", (PDF,), "Half of", error="the model's queue is full; ask again")
    data = exchange_data(exchange(failed))
    assert data["trouble"] == "the model's queue is full; ask again"
    assert data["pieces"][0]["text"] == "Half of"


def test_stopped_before_there_was_anything() -> None:
    stopped = exchange(Progress("done"))
    stopped.stop()
    assert exchange_data(stopped)["foot"] == "Stopped"


def test_the_same_citation_is_listed_once_and_every_mark_leads_to_it() -> None:
    again = replace(CITATION, answer_start=17, answer_end=33)
    other = replace(CITATION, start=0, end=9, quote="The tower")
    assert listed([CITATION, other, again]) == [0, 1]
    sentences = (
        ANSWER.sentences[0],
        Sentence(17, 33, (1,), "supported", (Mark(30, 33, (1,)),)),
    )
    answer = replace(ANSWER, text="Lit in 1759. [1] Lit in 1759. [1]", sentences=sentences)
    data = exchange_data(exchange(Progress("done", (PDF,), answer.text, (CITATION, again), answer=answer)))
    assert [piece["citation"] for piece in data["pieces"] if piece["kind"] == "mark"] == [0, 0]
    assert len(data["citations"]) == 1


def test_names_in_words() -> None:
    assert short_name("a/b/c\x1b[1m.pdf") == "c\\x1b[1m.pdf"


@pytest.mark.parametrize(
    ("question", "text", "words"),
    [
        (
            "When was the lamp lit?",
            "Oak and stone. The lamp was lit in May. Then it rained.",
            "The lamp was lit",
        ),
        ("运河全长多少公里？", "大运河很古老。运河全长约1794公里。", "运河全长约1794公里。"),
        ("Who won?", "Oak and stone. The lamp was lit.", "Oak and stone."),
        ("When?", "", ""),
    ],
)
def test_a_passage_is_shown_from_its_best_sentence_on(question: str, text: str, words: str) -> None:
    assert best_words(question, text).startswith(words)
