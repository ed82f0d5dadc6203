"""The measures of an evaluation: each makes a number of a row, or says that it does not apply to it.

Takes rows, gives means with how many rows they rest on, quantiles of seconds, counts of verdicts, and in
words what is wrong with a row. Pure; asks nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rag.evaluation.records import EvalResult, Row
from rag.records import Verdict

RANKS = (1, 3, 5)
STAGES = ("search", "first_word", "whole")


@dataclass(frozen=True, slots=True)
class Measure:
    """A number for each row to which it applies; yes is 1, no is 0, a share is between them."""

    name: str
    words: str
    of: Callable[[Row], float | None]
    larger_is_better: bool = True
    kind: Literal["yes or no", "share", "number"] = "yes or no"


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over `count` rows, and their sum: for yes or no, how many said yes."""

    value: float
    count: int
    total: float


def measures_of(result: EvalResult) -> list[Measure]:
    """All measures that can apply to a run, in the order in which they are shown."""
    k, depth = result.k, result.depth
    found = [
        Measure(
            f"recall@{n}", f"right passage in the first {n}" if n > 1 else "right passage first", _within(n)
        )
        for n in sorted({*RANKS, k})
    ]
    pages = [
        Measure(f"page@{n}", f"right page in the first {n}" if n > 1 else "right page first", _page_within(n))
        for n in RANKS
    ]
    return [
        *found,
        Measure(f"mrr@{depth}", f"mean reciprocal rank (MRR, of {depth})", _reciprocal_rank, kind="number"),
        *pages,
        Measure(
            f"characters@{k}",
            f"characters that answer, in the first {k}",
            lambda row: row.character_recall,
            kind="share",
        ),
        Measure("refused", "refused with grounds", _refused, larger_is_better=False),
        Measure("answered", "answered without grounds", _answered, larger_is_better=False),
        Measure("contains", "the answer has the expected words", lambda row: _number(row.contains)),
        Measure("cites", "the answer cites the right page", lambda row: _number(row.cites_right_page)),
        Measure("supported", "sentences that are supported", _supported, kind="share"),
        Measure("grade", "the judge's grade (1 to 5)", lambda row: _number(row.grade), kind="number"),
    ]


def mean(measure: Measure, rows: Iterable[Row]) -> Mean | None:
    """A measure's mean over the rows to which it applies; None when it applies to none."""
    values = [value for row in rows if row.measured and (value := measure.of(row)) is not None]
    return Mean(sum(values) / len(values), len(values), sum(values)) if values else None


def seconds(rows: Iterable[Row], stage: str) -> tuple[float, float] | None:
    """Median and 95th percentile (between neighbours, linearly) of a stage of `STAGES`; None without any."""
    values = [row.seconds[stage] for row in rows if stage in row.seconds]
    if not values:
        return None
    median, high = np.percentile(values, [50, 95])
    return float(median), float(high)


def verdicts(rows: Iterable[Row]) -> Counter[Verdict]:
    """How many sentences of all answers got which verdict."""
    return sum((Counter(row.verdicts) for row in rows), Counter[Verdict]())


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by their questions' language, when there are several; "all" comes first."""
    by_language: dict[str, list[Row]] = {}
    for row in rows:
        by_language.setdefault(row.language or "no language", []).append(row)
    return {"all": list(rows)} | (dict(sorted(by_language.items())) if len(by_language) > 1 else {})


def summary(result: EvalResult) -> dict[str, Any]:
    """All of a run's numbers by group of rows, plain: what `--json` puts before the rows."""
    return {
        name: {
            "questions": len(rows),
            "measures": {
                one.name: {"mean": value.value, "questions": value.count}
                for one in measures_of(result)
                if (value := mean(one, rows))
            },
            "verdicts": dict(verdicts(rows)),
            "malformed_grades": sum(row.malformed is not None for row in rows),
            "seconds": {
                stage: {"median": found[0], "p95": found[1]}
                for stage in STAGES
                if (found := seconds(rows, stage))
            },
        }
        for name, rows in groups(result.rows).items()
    }


def failures(row: Row, k: int) -> list[str]:
    """What went wrong with a question, in words; [] when nothing did."""
    if not row.measured:
        return list(row.problems)
    wrong = [f"no answer: {row.error}"] if row.error else []
    if row.answerable and (row.rank is None or row.rank > k):
        at = f"; its page is at {row.page_rank}" if row.page_rank else ""
        wrong.append(f"what answers is not among the first {k}{at}")
    if _refused(row):
        wrong.append("refused, though the documents answer it")
    elif row.contains is False:
        wrong.append("the answer lacks the expected words")
    if _answered(row):
        wrong.append("answered, though no document does")
    if row.cites_right_page is False and not row.abstained:
        wrong.append("the answer does not cite the right page")
    if row.verdicts.get("unsupported"):
        wrong.append(f"{row.verdicts['unsupported']} of its sentences unsupported")
    return wrong


def _within(n: int) -> Callable[[Row], float | None]:
    return lambda row: float(row.rank is not None and row.rank <= n) if row.answerable else None


def _page_within(n: int) -> Callable[[Row], float | None]:
    return lambda row: float(row.page_rank is not None and row.page_rank <= n) if row.page_known else None


def _reciprocal_rank(row: Row) -> float | None:
    if not row.answerable:
        return None
    return 1 / row.rank if row.rank else 0.0


def _refused(row: Row) -> float | None:
    return _number(row.abstained) if row.answerable else None


def _answered(row: Row) -> float | None:
    return None if row.answerable or row.abstained is None else float(not row.abstained)


def _supported(row: Row) -> float | None:
    count = sum(row.verdicts.values())
    return row.verdicts.get("supported", 0) / count if count else None


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
