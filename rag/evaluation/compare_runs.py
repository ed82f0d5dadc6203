"""Two evaluations of the same questions: what differs, and whether these questions can show that it does.

Takes an old and a new result, gives a `Comparison`. Pairs are questions with the same id and the same words,
both measured; the others are counted. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rag.errors import UsageError
from rag.evaluation.bootstrap import Interval, paired_interval
from rag.evaluation.measures import Measure, measures_of
from rag.evaluation.records import EvalResult, Row

NOTHING_SHOWN = "no difference that this many questions can show"

Outcome = Literal["better", "worse", "mixed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure's means on the paired questions, before and after, and how sure their difference is."""

    measure: str
    words: str
    old: float
    new: float
    interval: Interval
    outcome: str  # "better", "worse", or that neither can be said


@dataclass(frozen=True, slots=True)
class Changed:
    """A question some of whose measures changed: name -> (before, after)."""

    id: str
    question: str
    outcome: Outcome
    measures: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`unpaired`: questions that only one of the runs measured; `settings`: those that differ."""

    paired: int
    unpaired: int
    settings: Mapping[str, tuple[str, str]]
    differences: tuple[Difference, ...]
    changed: tuple[Changed, ...]


def compare(old: EvalResult, new: EvalResult) -> Comparison:
    """What `new` does better or worse than `old`; raises `UsageError` where they share no question."""
    before = {(row.id, row.question): row for row in old.rows if row.measured}
    after = {(row.id, row.question): row for row in new.rows if row.measured}
    pairs = [(before[key], row) for key, row in after.items() if key in before]
    if not pairs:
        raise UsageError(
            "the two runs have no question in common (by id and words): there is nothing to compare"
        )
    of_old = {measure.name for measure in measures_of(old)}
    measures = [measure for measure in measures_of(new) if measure.name in of_old]
    return Comparison(
        paired=len(pairs),
        unpaired=len(before.keys() ^ after.keys()),
        settings=_settings(old, new),
        differences=tuple(found for one in measures if (found := _difference(one, pairs))),
        changed=tuple(one for pair in pairs if (one := _changed(*pair, measures))),
    )


def _settings(old: EvalResult, new: EvalResult) -> dict[str, tuple[str, str]]:
    names = ("mode", "k", "embedder", "model", "judge", "index")
    values = {name: (str(getattr(old, name) or "none"), str(getattr(new, name) or "none")) for name in names}
    return {name: pair for name, pair in values.items() if pair[0] != pair[1]}


def _difference(measure: Measure, pairs: list[tuple[Row, Row]]) -> Difference | None:
    found = [(measure.of(before), measure.of(after)) for before, after in pairs]
    values = [(one, other) for one, other in found if one is not None and other is not None]
    if not values:
        return None
    interval = paired_interval([new - old for old, new in values])
    return Difference(
        measure=measure.name,
        words=measure.words,
        old=sum(old for old, _ in values) / len(values),
        new=sum(new for _, new in values) / len(values),
        interval=interval,
        outcome=_said(interval, measure),
    )


def _said(interval: Interval, measure: Measure) -> str:
    if not interval.changed:
        return "the same on every question"
    if not interval.shown:
        return NOTHING_SHOWN
    return "better" if (interval.difference > 0) == measure.larger_is_better else "worse"


def _changed(before: Row, after: Row, measures: list[Measure]) -> Changed | None:
    changes: dict[str, tuple[float, float]] = {}
    ways: set[bool] = set()
    for measure in measures:
        old, new = measure.of(before), measure.of(after)
        if old is not None and new is not None and old != new:
            changes[measure.name] = old, new
            ways.add((new > old) == measure.larger_is_better)
    if not changes:
        return None
    outcome: Outcome = "mixed" if len(ways) > 1 else "better" if ways == {True} else "worse"
    return Changed(after.id, after.question, outcome, changes)
