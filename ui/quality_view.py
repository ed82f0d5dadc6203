"""What the screen shows of an evaluation: its measures by language, its notes, and each question that failed.

Takes an `Evaluation`, gives plain data for the component and the plot. Measures nothing itself, and knows
nothing about Streamlit.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from rag.evaluation.measures import STAGES, Mean, Measure, failures, groups, mean, measures_of, seconds
from rag.evaluation.records import EvalResult, Row
from ui.eval_table import note_lines
from ui.evaluation import Evaluation
from ui.terminal import one_line, plural, visible

MOST_GROUPS = 6  # columns: all, and the largest languages
_STAGES = {"search": "search", "first_word": "until the first word", "whole": "whole answer"}


def evaluation_data(evaluation: Evaluation) -> dict[str, Any]:
    """All of it: what is under way, or what came of it."""
    result = evaluation.result
    return {
        "going": _going(evaluation) if evaluation.going else None,
        "error": None if evaluation.error is None else visible(evaluation.error),
        "result": None if result is None else _result(result, evaluation.name),
    }


def plot(result: EvalResult) -> dict[str, list[Any]]:
    """Each measure that is a share, in per cent: its name, and a column for each group of questions."""
    named = _groups(result)
    columns: dict[str, list[Any]] = {
        "measure": [],
        **{_column(name, rows): [] for name, rows in named.items()},
    }
    for measure in measures_of(result):
        means = [mean(measure, rows) for rows in named.values()]
        if measure.kind == "number" or not any(means):
            continue
        columns["measure"].append(measure.name)
        for (name, rows), found in zip(named.items(), means, strict=True):
            columns[_column(name, rows)].append(None if found is None else round(100 * found.value, 1))
    return columns


def failed_data(result: EvalResult) -> dict[str, Any]:
    """The questions that failed, each with what was expected and what was found instead."""
    failed = failed_rows(result)
    words = f"{plural(len(failed), 'question')} failed" if failed else "No question failed"
    return {"words": words, "rows": [_failed(row, result.k) for row in failed]}


def failed_rows(result: EvalResult) -> list[Row]:
    """The questions that were measured and failed, in the file's order."""
    return [row for row in result.rows if row.measured and failures(row, result.k)]


def _going(evaluation: Evaluation) -> dict[str, Any]:
    if evaluation.progress is None:
        return {"words": "Beginning", "far": " ", "share": None, "stopping": evaluation.stopping}
    done, total, question = evaluation.progress
    return {
        "words": one_line(question, 160),
        "far": f"{done:,} of {plural(total, 'question')}",
        "share": done / max(1, total),
        "stopping": evaluation.stopping,
    }


def _result(result: EvalResult, name: str) -> dict[str, Any]:
    measured = sum(row.measured for row in result.rows)
    model = one_line(PurePosixPath(result.model).name, 80) if result.model else ""
    how = {"search": "search alone", "quotes": "answers in quotes", "model": f"answers by {model}"}
    named = _groups(result)
    return {
        "head": f"{measured} of {plural(result.asked, 'question')} measured",
        "under": f"{one_line(name, 120)}; {how[result.mode]}",
        "columns": [_column(group, rows) for group, rows in named.items()],
        "rows": _measure_rows(result, named),
        "notes": note_lines(result),
    }


def _groups(result: EvalResult) -> dict[str, list[Row]]:
    by_size = sorted(groups(result.rows).items(), key=lambda item: -len(item[1]))
    return dict(by_size[:MOST_GROUPS])


def _column(name: str, rows: list[Row]) -> str:
    return f"{one_line(name, 20)} ({len(rows)})"


def _measure_rows(result: EvalResult, named: dict[str, list[Row]]) -> list[dict[str, Any]]:
    lines = []
    for measure in measures_of(result):
        means = [mean(measure, rows) for rows in named.values()]
        if any(means):
            cells = [_cell(measure, found) for found in means]
            lines.append({"words": measure.words, "name": measure.name, "cells": cells})
    for stage in STAGES:
        times = [seconds(rows, stage) for rows in named.values()]
        if any(times):
            cells = [f"{_time(one[0])}, {_time(one[1])}" if one else "" for one in times]
            lines.append({"words": f"{_STAGES[stage]}: median, 95 % within", "name": "", "cells": cells})
    return lines


def _cell(measure: Measure, found: Mean | None) -> str:
    if found is None:
        return ""
    return f"{found.value:.2f}" if measure.kind == "number" else f"{100 * found.value:.1f} %"


def _failed(row: Row, k: int) -> dict[str, Any]:
    return {
        "id": one_line(row.id, 60),
        "question": one_line(row.question, 400),
        "wrong": one_line("; ".join(failures(row, k))),
        "expected": [
            {
                "place": ", ".join(
                    filter(None, [visible(one.source), f"page {one.page}" if one.page else ""])
                ),
                "words": one_line(one.answer or "", 300),
            }
            for one in row.expected
        ],
        "found": [
            {
                "place": f"{visible(one.source)}, {visible(one.place or f'page {one.page}')}",
                "words": one_line(one.excerpt, 300),
                "right": one.right,
            }
            for one in row.found
        ],
        "answer": one_line(row.answer, 1200) if row.answer else "",
    }


def _time(value: float) -> str:
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"
