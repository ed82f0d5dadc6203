"""Measures of hand-made rows, worked out by hand, and what two runs of them differ by."""

from __future__ import annotations

import dataclasses
import json

import pytest

from rag.errors import UsageError
from rag.evaluation.compare_runs import NOTHING_SHOWN, compare
from rag.evaluation.measures import failures, groups, mean, measures_of, seconds, summary, verdicts
from rag.evaluation.question_file import Expected
from rag.evaluation.records import FORMAT, EvalResult, Found, Row, result_from_json

HERE = (Expected("a.pdf", 1, "1759"),)

# Eight questions: five that the documents answer, two that they don't, one that can't be measured.
ROWS = (
    Row("q1", "one", "en", expected=HERE, rank=1, page_known=True, page_rank=1, character_recall=1.0,
        abstained=False, answer="1759 [1]", contains=True, cites_right_page=True,
        verdicts={"supported": 2}, grade=5, seconds={"search": 0.1, "first_word": 1.0, "whole": 2.0}),
    Row("q2", "two", "en", expected=HERE, rank=3, page_known=True, page_rank=1, character_recall=0.5,
        abstained=False, answer="1760 [1]", contains=False, cites_right_page=True,
        verdicts={"supported": 1, "unsupported": 1, "uncited": 2}, grade=2,
        seconds={"search": 0.2, "first_word": 2.0, "whole": 3.0}),
    Row("q3", "drei", "de", expected=HERE, rank=6, page_known=True, page_rank=4, character_recall=0.0,
        abstained=True, answer="Not in the documents.", contains=False, cites_right_page=False,
        malformed="there is no [RESULT] in it", seconds={"search": 0.3, "first_word": 0.3, "whole": 0.3}),
    Row("q4", "vier", "de", expected=HERE, page_known=True, error="the model's server is gone"),
    Row("q5", "fünf", "de", expected=(Expected("a.pdf"),), rank=2, abstained=False, answer="?",
        verdicts={"weak": 1}),
    Row("q6", "six", "en", abstained=True, answer="Not in the documents."),
    Row("q7", "seven", "en", abstained=False, answer="Yes [1].", verdicts={"supported": 1}),
    Row("q8", "eight", "en", expected=HERE, problems=("there is no source 'a.pdf'",), measured=False, rank=1),
)  # fmt: skip
RESULT = EvalResult(mode="model", k=6, asked=8, rows=ROWS, model="small", judge="small")

# name: (mean, of how many)
BY_HAND = {
    "recall@1": (1 / 5, 5),
    "recall@3": (3 / 5, 5),
    "recall@5": (3 / 5, 5),
    "recall@6": (4 / 5, 5),
    "mrr@6": ((1 + 1 / 3 + 1 / 6 + 0 + 1 / 2) / 5, 5),
    "page@1": (2 / 4, 4),
    "page@3": (2 / 4, 4),
    "page@5": (3 / 4, 4),
    "characters@6": (0.5, 3),
    "refused": (1 / 4, 4),
    "answered": (1 / 2, 2),
    "contains": (1 / 3, 3),
    "cites": (2 / 3, 3),
    "supported": ((1 + 1 / 4 + 0 + 1) / 4, 4),
    "grade": (3.5, 2),
}


def test_every_measure_by_hand() -> None:
    found = {measure.name: mean(measure, ROWS) for measure in measures_of(RESULT)}
    assert found.keys() == BY_HAND.keys()
    for name, (value, count) in BY_HAND.items():
        one = found[name]
        assert one is not None
        assert (one.value, one.count) == (pytest.approx(value), count), name


def test_seconds_by_hand() -> None:
    assert seconds(ROWS, "search") == pytest.approx((0.2, 0.29))  # of 0.1, 0.2, 0.3: 0.2 + 0.9 of the way
    assert seconds(ROWS, "whole") == pytest.approx((2.0, 2.9))
    assert seconds(ROWS[3:], "search") is None


def test_verdicts_and_groups() -> None:
    assert verdicts(ROWS) == {"supported": 4, "unsupported": 1, "uncited": 2, "weak": 1}
    assert {name: len(rows) for name, rows in groups(ROWS).items()} == {"all": 8, "de": 3, "en": 5}
    assert list(groups(ROWS[:2])) == ["all"]


def test_the_summary_holds_the_same_numbers() -> None:
    numbers = json.loads(RESULT.as_json({"summary": summary(RESULT)}))["summary"]
    assert numbers["all"]["measures"]["grade"] == {"mean": 3.5, "questions": 2}
    assert numbers["de"]["measures"]["recall@3"] == {"mean": pytest.approx(1 / 3), "questions": 3}
    assert numbers["all"]["malformed_grades"] == 1
    assert numbers["all"]["seconds"]["first_word"]["median"] == 1.0


def test_what_failed_in_words() -> None:
    assert [failures(row, 6) for row in ROWS] == [
        [],
        [
            "the answer lacks the expected words",
            "1 of its sentences unsupported",
        ],
        ["refused, though the documents answer it"],
        ["no answer: the model's server is gone", "what answers is not among the first 6"],
        [],
        [],
        ["answered, though no document does"],
        ["there is no source 'a.pdf'"],
    ]
    assert failures(ROWS[2], 5)[0] == "what answers is not among the first 5; its page is at 4"


# --- to JSON and back ----------------------------------------------------------------------------------


def test_a_result_and_its_json() -> None:
    found = (Found("a.pdf", 1, 0, 9, 0.123456789, True, "page 1", "words \x1b[31m ü"),)
    result = dataclasses.replace(RESULT, rows=(dataclasses.replace(ROWS[0], found=found), *ROWS[1:]))
    text = result.as_json({"summary": summary(result)})
    assert json.loads(text)["format"] == FORMAT == 1
    assert result_from_json(text, "old.json") == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "old.json is not JSON; name a file that `rag eval --json FILE` wrote"),
        ("[1]", "old.json is no result of an evaluation; name"),
        ('{"format": "1"}', "old.json is no result of an evaluation"),
        ('{"format": 2}', "old.json has format 2; this version reads 1: make it again"),
        (
            '{"format": 1, "mode": "quotes", "k": 6, "asked": 1}',
            "old.json: rows: Field required; make it again",
        ),
        ('{"format": 1, "mode": "x", "k": 6, "asked": 1, "rows": []}', "old.json: mode: Input should be"),
        (
            '{"format": 1, "mode": "quotes", "k": 6, "asked": 1, "rows": [{"id": "", "question": 7}]}',
            "old.json: rows.0.question: Input should be a valid string",
        ),
    ],
)
def test_what_is_no_result(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        result_from_json(text, "old.json")


# --- two runs ------------------------------------------------------------------------------------------


def run(ranks: list[int | None], *, k: int = 6, **others: object) -> EvalResult:
    rows = tuple(
        Row(f"q{n}", f"question {n}", expected=HERE, rank=rank, abstained=False)
        for n, rank in enumerate(ranks)
    )
    return EvalResult(mode="quotes", k=k, asked=len(rows), rows=rows, **others)  # type: ignore[arg-type]


def test_better_and_worse_by_hand() -> None:
    # 40 questions: 12 go from second to first, 2 from first to nowhere
    old = run([2] * 12 + [1] * 28)
    new = run([1] * 12 + [None] * 2 + [1] * 26, model=None)
    found = compare(old, new)
    by_name = {one.measure: one for one in found.differences}
    first, five = by_name["recall@1"], by_name["recall@5"]
    assert (first.old, first.new, first.interval.difference) == pytest.approx((28 / 40, 38 / 40, 10 / 40))
    assert (first.interval.count, first.interval.changed, first.outcome) == (40, 14, "better")
    assert first.interval.low > 0
    assert (five.old, five.new) == (1.0, 38 / 40)
    assert (five.interval.changed, five.outcome) == (2, NOTHING_SHOWN)
    assert by_name["refused"].outcome == "the same on every question"
    assert [one.outcome for one in found.changed] == ["better"] * 12 + ["worse"] * 2
    assert found.changed[0].measures == {"recall@1": (0, 1), "mrr@6": (0.5, 1)}
    assert (found.paired, found.unpaired, found.settings) == (40, 0, {})


def test_a_small_number_is_better_where_it_is() -> None:
    old = run([1] * 30)
    new = dataclasses.replace(old, rows=tuple(dataclasses.replace(row, abstained=True) for row in old.rows))
    refused = {one.measure: one for one in compare(old, new).differences}["refused"]
    assert (refused.interval.difference, refused.outcome) == (1.0, "worse")
    assert {one.measure: one for one in compare(new, old).differences}["refused"].outcome == "better"


def test_one_up_and_one_down_is_mixed() -> None:
    old = run([2])
    new = dataclasses.replace(old, rows=(dataclasses.replace(old.rows[0], rank=1, abstained=True),))
    assert [one.outcome for one in compare(old, new).changed] == ["mixed"]


def test_only_the_same_questions_are_compared() -> None:
    old = run([1, 1, 1])
    rows = (
        dataclasses.replace(old.rows[0], question="other words"),
        old.rows[1],
        dataclasses.replace(old.rows[2], measured=False),
    )
    found = compare(old, dataclasses.replace(old, rows=rows, k=10, embedder="other"))
    assert (found.paired, found.unpaired) == (1, 3)
    assert found.settings == {"k": ("6", "10"), "embedder": ("none", "other")}
    assert not {"recall@6", "recall@10", "mrr@6", "mrr@10"} & {one.measure for one in found.differences}
    with pytest.raises(UsageError, match="no question in common"):
        compare(old, dataclasses.replace(old, rows=rows[:1]))
