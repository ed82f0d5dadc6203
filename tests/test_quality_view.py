"""Evaluations on the page: in a thread, stopped, failed in words, and what is shown of their rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from rag.errors import UsageError
from rag.evaluation.question_file import Expected
from rag.evaluation.records import EvalMode, EvalResult, Found, Row
from ui.evaluation import Evaluation
from ui.quality_view import evaluation_data, failed_data, plot

WRONG = Found("b.md", 2, 0, 5, 0.5, False, "section “B”", "other words")
RIGHT = Found("a.pdf", 1, 0, 5, 0.9, True, "page 1", "the words")


def row(name: str, *, rank: int | None, language: str, found: tuple[Found, ...]) -> Row:
    return Row(
        name,
        f"question {name}",
        language=language,
        expected=(Expected("a.pdf", 1, "the words"),),
        found=found,
        rank=rank,
        page_known=True,
        page_rank=rank,
        abstained=False,
        seconds={"search": 0.25},
    )


RESULT = EvalResult(
    "search",
    2,
    3,
    (
        row("one", rank=1, language="en", found=(RIGHT, WRONG)),
        row("two", rank=None, language="en", found=(WRONG,)),
        row("三", rank=2, language="zh", found=(WRONG, RIGHT)),
    ),
)
Note = Callable[[int, int, str], None]


def ran(measured: Callable[[Path, EvalMode, threading.Event, Note], EvalResult]) -> Evaluation:
    evaluation = Evaluation(measured)
    evaluation.start(Path("/q/mine.jsonl"), "search")
    assert evaluation.wait(10)
    return evaluation


def test_the_table() -> None:
    shown = evaluation_data(ran(lambda *_: RESULT))["result"]
    assert (shown["head"], shown["under"]) == ("3 of 3 questions measured", "mine.jsonl; search alone")
    assert shown["columns"] == ["all (3)", "en (2)", "zh (1)"]
    cells = {one["name"]: one["cells"] for one in shown["rows"] if one["name"]}
    assert cells["recall@1"] == ["33.3 %", "50.0 %", "0.0 %"]
    assert cells["recall@2"] == ["66.7 %", "50.0 %", "100.0 %"]
    assert cells["mrr@5"] == ["0.50", "0.50", "0.50"]  # (1 + 0 + 1/2) / 3, (1 + 0) / 2, 1/2
    assert shown["rows"][-1]["cells"] == ["250 ms, 250 ms"] * 3


def test_the_plot_has_the_shares_alone() -> None:
    columns = plot(RESULT)
    assert columns["measure"][:3] == ["recall@1", "recall@2", "recall@3"]
    assert "mrr@5" not in columns["measure"]
    assert columns["en (2)"][:3] == [50.0, 50.0, 50.0]
    assert all(len(column) == len(columns["measure"]) for column in columns.values())


def test_a_failed_question_says_what_was_found_instead() -> None:
    shown = failed_data(RESULT)
    assert shown["words"] == "1 question failed"
    [failed] = shown["rows"]
    assert failed["question"] == "question two"
    assert failed["wrong"] == "what answers is not among the first 2"
    assert failed["expected"] == [{"place": "a.pdf, page 1", "words": "the words"}]
    assert failed["found"] == [{"place": "b.md, section “B”", "words": "other words", "right": False}]


def test_while_it_goes_on_and_when_it_is_stopped() -> None:
    reached = threading.Event()

    def measured(path: Path, mode: EvalMode, stop: threading.Event, note: Note) -> EvalResult:
        note(1, 4, "the second question")
        reached.set()
        assert stop.wait(10)
        return EvalResult(mode, 2, 4, RESULT.rows[:1], ended="stopped after 1 of 4 questions")

    evaluation = Evaluation(measured)
    evaluation.start(Path("/q/mine.jsonl"), "quotes")
    evaluation.start(Path("/q/other.jsonl"), "quotes")  # one at a time
    assert reached.wait(10)
    going = evaluation_data(evaluation)["going"]
    assert (going["words"], going["far"], going["share"]) == ("the second question", "1 of 4 questions", 0.25)
    evaluation.stop()
    assert evaluation.wait(10)
    shown = evaluation_data(evaluation)
    assert shown["going"] is None
    assert any("stopped after 1 of 4" in line for line in shown["result"]["notes"])


def test_what_goes_wrong_is_said_in_words() -> None:
    def measured(path: Path, mode: EvalMode, stop: threading.Event, note: Note) -> EvalResult:
        raise UsageError("mine.jsonl, line 3: there is no \x1b question")

    assert evaluation_data(ran(measured))["error"] == "mine.jsonl, line 3: there is no \\x1b question"
