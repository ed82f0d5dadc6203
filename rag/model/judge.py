"""OpenChat as a judge of answers: a grade from 1 to 5 by a rubric, with feedback.

Takes a question, an answer, a reference answer and a rubric, gives a `Grade`. The prompt is the one that the
model cards of OpenChat 3.5 0106 and 1210 show for this (they were trained on the Feedback Collection, arXiv
2310.08491), so another model's grades mean nothing. What the model writes is parsed at `[RESULT]`; where
that fails, the grade says so and has no score. A grade is an opinion of a 7B model: compare runs with it,
don't trust a single one.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from rag.errors import WindowExceeded
from rag.model.llama import Sampling
from rag.model.loaded_model import Model, Usage
from rag.records import TextDelta, Turn
from rag.template import encode_conversation

FEEDBACK_TOKENS = 512

_TASK = """\
###Task Description:
An instruction (might include an Input inside it), a response to evaluate, a reference answer that gets a \
score of 5, and a score rubric representing a evaluation criteria are given.
1. Write a detailed feedback that assess the quality of the response strictly based on the given score \
rubric, not evaluating in general.
2. After writing a feedback, write a score that is an integer between 1 and 5. You should refer to the score \
rubric.
3. The output format should look as follows: "Feedback: (write a feedback for criteria) [RESULT] (an integer \
number between 1 and 5)"
4. Please do not generate any other opening, closing, and explanations."""

_RESULT = re.compile(r"\[RESULT\]")
_SCORE = re.compile(r"\s*[(:]?\s*(-?\d+(?:[.,]\d+)?)")


@dataclass(frozen=True, slots=True)
class Rubric:
    """What is judged, and what each score from 1 to 5 means, lowest first."""

    criterion: str
    scores: tuple[str, str, str, str, str]


# The default: an answer from documents, held against what they say.
GROUNDED = Rubric(
    "Is the answer right and complete when compared with the reference answer, and does it say nothing that "
    "contradicts it?",
    (
        "The answer is wrong, or answers another question.",
        "The answer is mostly wrong, or misses what was asked for.",
        "The answer is partly right, but misses something important or adds something wrong.",
        "The answer is right, but misses a detail or is less exact than the reference answer.",
        "The answer is right, complete and exact.",
    ),
)


@dataclass(frozen=True, slots=True)
class Grade:
    """A judge's opinion; `score` is None where `malformed` says why there is none."""

    score: int | None
    feedback: str
    malformed: str | None = None


def grade(
    model: Model,
    *,
    question: str,
    answer: str,
    reference: str,
    rubric: Rubric = GROUNDED,
    stop: threading.Event | None = None,
) -> Grade:
    """The model's grade for an answer. Raises `WindowExceeded` where the four texts don't fit."""
    turn = Turn("user", judge_prompt(question, answer, reference, rubric))
    ids = encode_conversation([turn], model.tokenize)
    if len(ids) + FEEDBACK_TOKENS > model.window:
        raise WindowExceeded(
            f"question, answer, reference and rubric have {len(ids)} tokens; the window of {model.window} "
            f"has room for {model.window - FEEDBACK_TOKENS} beside the feedback: judge a shorter answer"
        )
    usage = Usage()
    events = model.stream(
        ids, max_tokens=FEEDBACK_TOKENS, sampling=Sampling(temperature=0.0), stop=stop, usage=usage
    )
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return parse_grade(text, cut=usage.cut)


def judge_prompt(question: str, answer: str, reference: str, rubric: Rubric = GROUNDED) -> str:
    """The words of the model card's prompt, to be sent as one user's turn."""
    scores = "\n".join(f"Score {number}: {text}" for number, text in enumerate(rubric.scores, start=1))
    return (
        f"{_TASK}\n\n###The instruction to evaluate:\n{question}\n\n###Response to evaluate:\n{answer}\n\n"
        f"###Reference Answer (Score 5):\n{reference}\n\n"
        f"###Score Rubrics:\n[{rubric.criterion}]\n{scores}\n\n###Feedback: "
    )


def parse_grade(text: str, *, cut: bool = False) -> Grade:
    """What a judge wrote, as a grade: the whole number after the last `[RESULT]`."""
    results = list(_RESULT.finditer(text))
    if not results:
        why = f"it was cut at {FEEDBACK_TOKENS} tokens" if cut else "there is no [RESULT] in it"
        return Grade(None, _feedback(text), f"{why}: {text[-80:]!r}")
    feedback = _feedback(text[: results[-1].start()])
    after = text[results[-1].end() :]
    found = _SCORE.match(after)
    if found is None or found.group(1) not in {"1", "2", "3", "4", "5"}:
        return Grade(None, feedback, f"what follows [RESULT] is no whole number from 1 to 5: {after[:80]!r}")
    return Grade(int(found.group(1)), feedback)


def _feedback(text: str) -> str:
    return text.strip().removeprefix("Feedback:").strip()
