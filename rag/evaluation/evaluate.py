"""How well a search, or a chain, does on somebody's own questions.

Takes a `Searcher` or a `Chain` and questions, gives an `EvalResult` with a row for each. A question whose
document is not in the index is named as such, not counted as a miss. What counts as right is
`rag.evaluation.targets`'s to say, what it comes to on average `rag.evaluation.measures`'s. Does not print.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rag.chain import Chain
from rag.errors import ModelBusy, ModelFailed, UsageError, WindowExceeded
from rag.evaluation.question_file import Question
from rag.evaluation.records import CitedPlace, EvalResult, Found, Row
from rag.evaluation.targets import Target, targets_of
from rag.evidence import answers
from rag.model.judge import grade
from rag.model.loaded_model import Model
from rag.records import Answer, Done, Hit, TextDelta
from rag.search.filters import filters_of
from rag.search.searcher import Searcher
from rag.text.expected_text import says

FAILURES_IN_A_ROW = 3  # of the model, after which no further question is asked
EXCERPT = 160  # characters of a hit that a row keeps

Progress = Callable[[int, int, str], None]


def evaluate(
    subject: Chain | Searcher,
    questions: Sequence[Question],
    *,
    k: int = 6,
    only: str | Sequence[str] = (),
    judge: Model | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> EvalResult:
    """Asks `subject` each question: a searcher is searched, a chain answers as well.

    `only` are filters, for all of them (see `rag.search.filters`). With `judge`, that model grades answers
    whose words are expected. Setting `stop` ends it where it is, and keeps the rows of the questions before.
    `progress` gets (done, of how many, the question that is next).

    Example: `evaluate(load_chain("my-index"), read_questions("questions.jsonl"))`
    """
    if k < 1:
        raise UsageError(f"k is {k}; at least 1 hit is looked at")
    if judge is not None and isinstance(subject, Searcher):
        raise UsageError("a search gives no answers that a judge could grade; give a chain")
    asking = _Asking(subject, k, judge, stop or threading.Event(), filters_of(only))
    targets = targets_of(asking.searcher.store, [question.expected for question in questions])
    rows: list[Row] = []
    ended = None
    for question, target in zip(questions, targets, strict=True):
        if progress:
            progress(len(rows), len(questions), question.question)
        row = asking.row(question, target)
        if row is None:
            ended = f"stopped after {len(rows)} of {len(questions)} questions"
            break
        rows.append(row)
        if asking.failures == FAILURES_IN_A_ROW:
            ended = f"ended after {len(rows)} of {len(questions)} questions: {row.error or row.malformed}"
            break
    return _result(asking, questions, rows, ended)


# --- asking --------------------------------------------------------------------------------------------


class _Asking:
    """What is asked, and how often in a row its model has failed."""

    def __init__(
        self,
        subject: Chain | Searcher,
        k: int,
        judge: Model | None,
        stop: threading.Event,
        only: tuple[str, ...],
    ) -> None:
        self.chain = subject if isinstance(subject, Chain) else None
        self.searcher = subject if isinstance(subject, Searcher) else subject.searcher
        self.k = k
        self.depth = max(k, 5)
        self.judge = judge
        self.stop = stop
        self.only = only
        self.failures = 0
        first = "a first search, so that loading the embedder is in nobody's time"
        self.searcher.search(first, k=1, only=only)

    def row(self, question: Question, target: Target) -> Row | None:
        """A question's row; None when it was stopped on the way."""
        row = Row(
            id=question.id,
            question=question.question,
            language=question.language,
            kind=question.kind,
            expected=question.expected,
            problems=target.problems,
            measured=target.measured,
            words_not_on_page=target.words_not_on_page,
        )
        if self.stop.is_set():
            return None
        if not target.measured:
            return row
        if self.chain is None:
            return self._searched(row, target)
        failures = self.failures
        asked = self._answered(self.chain, row, target)
        if asked is None:
            return None
        row = self._searched(asked, target)
        row = self._graded(row) if self.judge and row.answer is not None else row
        if self.failures == failures:
            self.failures = 0
        return None if self.stop.is_set() else row

    def _searched(self, row: Row, target: Target) -> Row:
        """With what the search finds, and in a search alone, whether it is grounds for an answer."""
        begun = time.perf_counter()
        result = self.searcher.find(row.question, k=self.depth, only=self.only)
        hits = result.hits
        taken = time.perf_counter() - begun
        right = [target.is_right(hit) for hit in hits]
        on_page = [target.on_page(hit) for hit in hits]
        row = dataclasses.replace(
            row,
            found=tuple(_found(hit, is_right) for hit, is_right in zip(hits, right, strict=True)),
            rank=right.index(True) + 1 if any(right) else None,
            page_known=bool(target.pages),
            page_rank=on_page.index(True) + 1 if any(on_page) else None,
            character_recall=target.character_recall(hits[: self.k]),
        )
        if self.chain:
            return row
        grounds = answers(row.question, result.nearest, result.among)
        return dataclasses.replace(row, abstained=not grounds, seconds={"search": taken})

    def _answered(self, chain: Chain, row: Row, target: Target) -> Row | None:
        """With the chain's answer; None when it was stopped on the way."""
        begun, first = time.perf_counter(), None
        answer: Answer | None = None
        try:
            for event in chain.events(row.question, only=self.only, stop=self.stop):
                if isinstance(event, TextDelta) and first is None:
                    first = time.perf_counter() - begun
                if isinstance(event, Done):
                    answer = event.answer
        except (WindowExceeded, ModelFailed, ModelBusy) as error:
            # This question's misfortune, or the model's: the row says so, and the next is asked.
            self.failures += not isinstance(error, WindowExceeded)
            return dataclasses.replace(row, error=str(error))
        whole = time.perf_counter() - begun
        if answer is None or answer.stopped:
            return None
        seconds = {"search": answer.timings["search"], "whole": whole}
        if first is not None:
            seconds["first_word"] = first
        return _with_answer(dataclasses.replace(row, seconds=seconds), answer, target)

    def _graded(self, row: Row) -> Row:
        """With the judge's grade, where words are expected that the answer can be held against."""
        reference = next((one.answer for one in row.expected if one.answer), None)
        if reference is None or self.judge is None:
            return row
        try:
            given = grade(
                self.judge,
                question=row.question,
                answer=row.answer or "",
                reference=reference,
                stop=self.stop,
            )
        except (WindowExceeded, ModelFailed, ModelBusy) as error:
            self.failures += not isinstance(error, WindowExceeded)
            return dataclasses.replace(row, malformed=str(error))
        return dataclasses.replace(row, grade=given.score, feedback=given.feedback, malformed=given.malformed)


def _with_answer(row: Row, answer: Answer, target: Target) -> Row:
    words = [one.answer for one in row.expected if one.answer]
    citations = tuple(
        CitedPlace(one.number, one.source, one.page, one.quote, one.verdict, target.on_page(one))
        for one in answer.citations
    )
    return dataclasses.replace(
        row,
        abstained=answer.abstained,
        answer=answer.text,
        contains=any(says(answer.text, one) for one in words) if words else None,
        cites_right_page=any(one.right for one in citations) if target.pages else None,
        citations=citations,
        verdicts=dict(Counter(sentence.verdict for sentence in answer.sentences)),
        cut=answer.cut,
    )


def _found(hit: Hit, right: bool) -> Found:
    excerpt = " ".join(hit.text.split())[:EXCERPT]
    return Found(hit.source, hit.page, hit.start, hit.end, hit.score, right, hit.place, excerpt)


def _result(
    asking: _Asking, questions: Sequence[Question], rows: Sequence[Row], ended: str | None
) -> EvalResult:
    meta = asking.searcher.store.meta()
    model = asking.chain.model_name if asking.chain else None
    return EvalResult(
        mode="search" if asking.chain is None else "model" if model else "quotes",
        k=asking.k,
        asked=len(questions),
        rows=tuple(rows),
        ended=ended,
        index=asking.searcher.store.name,
        embedder=f"{meta.embedding_model} {meta.embedding_revision}" if meta else "",
        model=model,
        judge=asking.judge.name if asking.judge else None,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
