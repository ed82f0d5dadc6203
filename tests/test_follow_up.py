"""What a follow-up leans on, by hand; and how rankings for it and for what went before are joined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.records import Hit, Turn
from rag.search.follow_up import ANSWER_CHARACTERS, WEIGHT, Before, Leaning, joined, lean

ENGLISH = [Turn("user", "When was the Eddystone tower built?"), Turn("assistant", "In 1759. [1]")]
CHINESE = [Turn("user", "大运河是什么时候开凿的？"), Turn("assistant", "605年。[1][2]")]


@pytest.mark.parametrize(
    ("history", "question", "leans"),
    [
        (ENGLISH, "How tall is it?", True),
        (ENGLISH, "and how long does that take?", True),
        (ENGLISH, "Why?", True),
        (ENGLISH, "How tall?", True),
        (ENGLISH, "What about the French one?", True),
        (ENGLISH, "And in 1882?", True),
        (ENGLISH, "What happened then?", True),
        (ENGLISH, "Who kept the light in the long winter months?", False),
        (ENGLISH, "Which ship struck the reef that was unlit?", False),
        (ENGLISH, "What is the daymark that never carried a light?", False),
        (ENGLISH, "What does it cost to charter the Sea Pilot?", False),
        (CHINESE, "它有多长？", True),
        (CHINESE, "那需要多久？", True),
        (CHINESE, "为什么？", True),
        (CHINESE, "法国呢？", True),
        (CHINESE, "用了几年？", True),  # points nowhere, and could be about anything
        (CHINESE, "谁发明了活字印刷术？", False),
        ([], "Why?", False),
        ([Turn("assistant", "Ask me.")], "Why?", False),
    ],
)
def test_what_surely_leans(history: list[Turn], question: str, leans: bool) -> None:
    leaning = lean(question, history)
    assert leaning.sure is leans
    answer = {True: "In 1759.", False: "605年。"}[history is ENGLISH]
    assert leaning.text == (f"{history[0].text} {answer} {question}" if leans else question)


def test_a_short_question_may_lean_and_is_asked_as_it_stands() -> None:
    leaning = lean("How many people died?", ENGLISH)
    assert [one.question for one in leaning.before] == [ENGLISH[0].text]
    assert not leaning.sure
    assert leaning.text == "How many people died?"
    assert leaning.context == "When was the Eddystone tower built? In 1759."


def test_a_follow_up_to_a_follow_up_leans_on_both() -> None:
    history = [*ENGLISH, Turn("user", "How tall is it?"), Turn("assistant", "18 m.")]
    leaning = lean("Why?", history)
    assert leaning.text == "When was the Eddystone tower built? How tall is it? 18 m. Why?"
    assert [one.weight for one in leaning.before] == [1.0, 0.5]


def test_what_stood_by_itself_ends_the_chain() -> None:
    history = [*ENGLISH, Turn("user", "When must dogs be on a lead on the cliff path?")]
    assert [one.question for one in lean("Why then?", history).before] == [history[-1].text]


@pytest.mark.parametrize("refusal", ["Not in the documents.", "Not in the 3 documents chosen."])
def test_a_refusal_says_nothing_of_the_subject(refusal: str) -> None:
    history = [Turn("user", "How tall is the tower?"), Turn("assistant", refusal)]
    assert lean("And how old?", history).before == (Before("How tall is the tower?", "", 1.0),)


def test_of_a_long_answer_the_first_sentences() -> None:
    first = "John Smeaton built it. [1]"
    history = [Turn("user", "Who built it?"), Turn("assistant", f"{first} {'On and on it goes. ' * 50}")]
    answer = lean("How tall is it?", history).before[0].answer
    assert answer.startswith("John Smeaton built it. On and on it goes.")
    assert answer.endswith("goes.")
    assert len(answer) <= ANSWER_CHARACTERS
    endless = [Turn("user", "Who built it?"), Turn("assistant", "x" * 5000)]
    assert lean("How tall is it?", endless).before[0].answer == "x" * ANSWER_CHARACTERS


@given(
    st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(max_size=60))),
    st.text(max_size=60),
)
def test_any_conversation_can_be_leaned_on(history: list[Turn], question: str) -> None:
    leaning = lean(question, history)
    assert leaning.text.endswith(question)
    asked = [turn.text for turn in history if turn.role == "user"]
    assert all(one.question in asked for one in leaning.before)
    assert all(0 < one.weight <= 1 for one in leaning.before)


def hit(chunk: int, score: float, whole: float) -> Hit:
    scores = {"dense": score, "trust": 1.0, "whole": whole}
    return Hit(chunk, f"{chunk}.txt", 1, 0, 4, "tide", score, scores)


def test_the_mean_of_the_scores_by_weight() -> None:
    before = (Before("Who?", "", 1.0), Before("When?", "", 0.5))
    leaning = Leaning("How tall is it?", 1.0, True, before)
    own = [hit(1, 0.4, 1.0), hit(2, 0.5, 1.0)]
    ranked = joined(
        leaning, own, [[hit(2, 0.1, 0.0), hit(1, 0.9, 0.0)], [hit(1, 0.2, 0.0), hit(2, 0.2, 0.0)]]
    )
    assert [one.chunk_id for one in ranked] == [1, 2]
    # All of the question stands where the old subject does: the whole weight.
    total = 1 + WEIGHT * 1.5
    assert ranked[0].score == pytest.approx((0.4 + WEIGHT * (0.9 + 0.5 * 0.2)) / total)
    assert ranked[1].score == pytest.approx((0.5 + WEIGHT * (0.1 + 0.5 * 0.2)) / total)
    assert ranked[0].scores["context"] == pytest.approx(WEIGHT * 1.0 / total)


def test_what_stands_elsewhere_alone_is_a_new_subject() -> None:
    bare = Leaning("Which animal was eradicated?", 2.0, False, (Before("Who built the tower?", "", 1.0),))
    tower = [hit(number, 0.2, 0.0) for number in range(1, 6)]
    own = [*tower, hit(6, 0.6, 1.0)]
    said = [[hit(number, 1.0, 1.0) for number in range(1, 6)] + [hit(6, 0.0, 0.0)]]
    assert joined(bare, own, said)[0].chunk_id == 6
    pointing = Leaning("What did it eat?", 2.0, True, bare.before)
    assert joined(pointing, own, said)[0].chunk_id == 1


def test_the_conversations_are_what_they_are_said_to_be() -> None:
    lines = (Path(__file__).parent.parent / "data" / "follow_ups.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len({row["id"] for row in rows}) == len(rows) >= 70
    counts = {language: sum(row["language"] == language for row in rows) for language in ("en", "zh")}
    assert counts == {"en": 40, "zh": 40}
    assert sum(row["part"] == "held" for row in rows) * 3 >= len(rows) - 2
    assert {len(row["history"]) for row in rows} == {1, 2}
