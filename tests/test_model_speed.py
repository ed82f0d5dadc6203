"""Tokens a second, measured from answers; figures by hand."""

from __future__ import annotations

import dataclasses

from rag.records import Answer, Ledger
from ui.model_speed import ANSWERS_KEPT, Speed, SpeedLog

LEDGER = Ledger(8192, 100, 800, 50, 50, 768, reused=500)
ANSWER = Answer(
    "q",
    "five words in this answer",
    "openchat",
    False,
    (),
    (),
    LEDGER,
    {"read": 10.0, "write": 2.0},
    model="m",
)


def count(text: str) -> int:
    return len(text.split())


def test_one_answer() -> None:
    log = SpeedLog()
    log.add(ANSWER, count)
    # 1,000 of the prompt, 500 of them reused: 500 in 10 s; five words in 2 s
    assert log.of("m") == Speed(1, 50.0, 2.5)
    assert log.of("another") == Speed(0, None, None)


def test_the_median_of_several() -> None:
    log = SpeedLog()
    for seconds in (10.0, 20.0, 5.0):
        log.add(dataclasses.replace(ANSWER, timings={"read": seconds, "write": 2.0}), count)
    assert log.of("m") == Speed(3, 50.0, 2.5)


def test_what_says_nothing_is_not_counted() -> None:
    log = SpeedLog()
    log.add(dataclasses.replace(ANSWER, mode="quotes", ledger=None, model=None), count)
    assert log.of("m").answers == 0
    nearly_all_reused = dataclasses.replace(LEDGER, reused=990)
    log.add(dataclasses.replace(ANSWER, ledger=nearly_all_reused, text="no", timings={"read": 0.01}), count)
    assert log.of("m") == Speed(1, None, None)


def test_only_the_last_answers_count() -> None:
    log = SpeedLog()
    log.add(dataclasses.replace(ANSWER, timings={"read": 1000.0, "write": 1000.0}), count)
    for _ in range(ANSWERS_KEPT):
        log.add(ANSWER, count)
    assert log.of("m") == Speed(ANSWERS_KEPT, 50.0, 2.5)
