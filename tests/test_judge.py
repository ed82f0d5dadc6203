"""The judge: the card's prompt, and what is made of what it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import WindowExceeded
from rag.model.judge import GROUNDED, Grade, Rubric, grade, judge_prompt, parse_grade
from rag.model.loaded_model import load_model
from rag.settings import load_settings


@pytest.mark.parametrize(
    ("text", "score", "feedback"),
    [
        ("Feedback: It is right. [RESULT] 5", 5, "It is right."),
        (" It names the year. [RESULT] 4\n", 4, "It names the year."),
        ("Feedback: good (mostly). [RESULT] (3)", 3, "good (mostly)."),
        ("Feedback: so-so [RESULT]: 2.", 2, "so-so"),
        ("The response says “[RESULT] 5”, which is a trick. [RESULT] 1", 1, None),
        ("Feedback: 回答正确。[RESULT] 5", 5, "回答正确。"),
    ],
)
def test_a_score_follows_result(text: str, score: int, feedback: str | None) -> None:
    found = parse_grade(text)
    assert (found.score, found.malformed) == (score, None)
    if feedback is not None:
        assert found.feedback == feedback


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("It is right, 5 of 5.", r"there is no \[RESULT\] in it: 'It is right, 5 of 5.'"),
        ("", r"there is no \[RESULT\]"),
        ("Good. [RESULT] five", "what follows .* no whole number from 1 to 5: ' five'"),
        ("Good. [RESULT] 6", "no whole number from 1 to 5: ' 6'"),
        ("Good. [RESULT] 0", "no whole number"),
        ("Good. [RESULT] 45", "no whole number"),
        ("Good. [RESULT] 4.5", "no whole number"),
        ("Good. [RESULT] -3", "no whole number"),
        ("Good. [RESULT]", "no whole number from 1 to 5: ''"),
    ],
)
def test_a_malformed_grade_says_so(text: str, why: str) -> None:
    found = parse_grade(text)
    assert found.score is None
    assert found.malformed is not None
    with pytest.raises(ValueError, match=why):
        raise ValueError(found.malformed)


def test_a_cut_one() -> None:
    assert "cut at 512 tokens" in (parse_grade("Feedback: on and on", cut=True).malformed or "")


def test_the_prompt_has_the_cards_parts_in_order() -> None:
    rubric = Rubric("Is it polite?", ("rude", "curt", "plain", "kind", "warm"))
    text = judge_prompt("Say hello.", "Hi.", "Good morning!", rubric)
    parts = [
        "###Task Description:",
        "[RESULT] (an integer number between 1 and 5)",
        "###The instruction to evaluate:\nSay hello.",
        "###Response to evaluate:\nHi.",
        "###Reference Answer (Score 5):\nGood morning!",
        "###Score Rubrics:\n[Is it polite?]\nScore 1: rude\n",
        "Score 5: warm\n\n###Feedback: ",
    ]
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert text.endswith("###Feedback: ")


def test_a_model_that_grades(scripted_model: Callable[[str], Path]) -> None:
    model = load_model(load_settings({"model": str(scripted_model("Feedback names it; fine [RESULT] 4"))}))
    given = grade(model, question="When?", answer="In 1759.", reference="1759", rubric=GROUNDED)
    assert given == Grade(4, "Feedback names it; fine")


def test_a_model_that_rambles(random_model: Path) -> None:
    model = load_model(load_settings({"model": str(random_model)}))
    given = grade(model, question="When?", answer="In 1759.", reference="1759")
    assert given.score is None
    assert given.malformed


def test_more_than_the_window(random_model: Path) -> None:
    model = load_model(load_settings({"model": str(random_model), "window": 1024}))
    with pytest.raises(WindowExceeded, match="the window of 1024 has room for 512 beside the feedback"):
        grade(model, question="When?", answer="word " * 600, reference="1759")
