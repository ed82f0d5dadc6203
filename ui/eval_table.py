"""An evaluation on the terminal: its table, its failures, and what differs from an earlier one.

Takes results and comparisons, gives rich tables and lines. Measures nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from rag.evaluation.compare_runs import Changed, Comparison, Difference
from rag.evaluation.measures import (
    STAGES,
    Mean,
    Measure,
    failures,
    groups,
    mean,
    measures_of,
    seconds,
    verdicts,
)
from rag.evaluation.records import EvalResult, Row
from ui.terminal import VERDICT_SIGNS, one_line, plural, visible

_MOST_GROUPS = 8  # columns: all, and the largest languages
_MOST_NAMED = 20
_FOUND_SHOWN = 3
_STAGE_WORDS = {"search": "search", "first_word": "until the first word", "whole": "whole answer"}


def measures_table(result: EvalResult) -> Table:
    """A row for each measure that applies to any question, a column for each language."""
    named = dict(sorted(groups(result.rows).items(), key=lambda item: -len(item[1]))[:_MOST_GROUPS])
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name, rows in named.items():
        table.add_column(Text(f"{one_line(name, 20)} ({len(rows)})"), justify="right", no_wrap=True)
    for measure in measures_of(result):
        means = [mean(measure, rows) for rows in named.values()]
        if any(means):
            cells = [_mean_cell(measure, found) for found in means]
            table.add_row(measure.words, *cells)
    for stage in STAGES:
        times = [seconds(rows, stage) for rows in named.values()]
        if any(times):
            cells = [f"{_time(one[0])}, {_time(one[1])}" if one else "" for one in times]
            table.add_row(f"{_STAGE_WORDS[stage]}: median, 95 % within", *cells)
    return table


def note_lines(result: EvalResult) -> list[str]:
    """What the table does not say: verdicts, grades, and what was not measured, by name."""
    rows = result.rows
    lines = []
    if counts := verdicts(rows):
        said = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
        lines.append(f"sentences of the answers: {said}")
    if malformed := [row for row in rows if row.malformed is not None]:
        lines.append(f"no grade in what the judge wrote: {_ids(malformed)}")
    if cut := [row for row in rows if row.cut]:
        lines.append(f"cut at the reserve of tokens (RAG_RESERVE): {_ids(cut)}")
    if lacking := [row for row in rows if row.words_not_on_page]:
        lines.append(f"expected words that don't stand on their page, which counts whole: {_ids(lacking)}")
    if errors := [row for row in rows if row.error]:
        lines.append(f"{plural(len(errors), 'question')} ended in an error: {_ids(errors)}")
        lines.append(f"  {errors[0].id}: {errors[0].error}")
    if unmeasured := [row for row in rows if not row.measured]:
        lines.append(f"not measured, {len(unmeasured)} of {plural(len(rows), 'question')}:")
        lines += [f"  {row.id}: {'; '.join(row.problems)}" for row in unmeasured[:_MOST_NAMED]]
        if len(unmeasured) > _MOST_NAMED:
            lines.append(f"  and {len(unmeasured) - _MOST_NAMED} more (all are in --json)")
    elsewhere = [row for row in rows if row.measured and row.problems]
    lines += [f"{row.id}, one of its places: {'; '.join(row.problems)}" for row in elsewhere[:_MOST_NAMED]]
    if result.ended:
        lines.append(f"PARTIAL: {result.ended}; the numbers are of these alone")
    return [visible(line) for line in lines]


def failed_lines(result: EvalResult) -> list[str]:
    """Each question that failed: why, what was expected, and what was found or said instead."""
    lines: list[str] = []
    count = 0
    for row in result.rows:
        wrong = failures(row, result.k)
        if wrong and row.measured:
            count += 1
            lines += ["", *_failed(row, wrong)]
    return [f"{plural(count, 'question')} of {len(result.rows)} failed", *lines]


def comparison_table(comparison: Comparison, measures: Sequence[Measure]) -> Table:
    """A row for each measure that both runs have."""
    kinds = {measure.name: measure for measure in measures}
    table = Table(box=None, pad_edge=False)
    for heading in ("", "before", "now", "difference", "95 % interval"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    table.add_column("")
    for one in comparison.differences:
        table.add_row(*_difference_cells(one, kinds[one.measure]))
    return table


def comparison_lines(comparison: Comparison) -> list[str]:
    """What else differs: the settings, the questions of one run alone, and which got better or worse."""
    lines = [f"{name}: {old} → {new}" for name, (old, new) in comparison.settings.items()]
    if comparison.unpaired:
        lines.append(f"{plural(comparison.unpaired, 'question')} measured in one of the two runs only")
    for outcome in ("better", "worse", "mixed"):
        changed = [one for one in comparison.changed if one.outcome == outcome]
        if changed:
            lines.append(f"{outcome}: {plural(len(changed), 'question')}")
            lines += [f"  {_changed(one)}" for one in changed[:_MOST_NAMED]]
            if len(changed) > _MOST_NAMED:
                lines.append(f"  and {len(changed) - _MOST_NAMED} more (all are in --json)")
    return [visible(line) for line in lines]


def _mean_cell(measure: Measure, found: Mean | None) -> str:
    if found is None:
        return ""
    value = _value(measure, found.value)
    return (
        f"{value}  {found.total:.0f}/{found.count}"
        if measure.kind == "yes or no"
        else f"{value}  of {found.count}"
    )


def _value(measure: Measure, value: float, *, sign: str = "") -> str:
    return f"{value:{sign}.2f}" if measure.kind == "number" else f"{100 * value:{sign}.1f} %"


def _difference_cells(one: Difference, measure: Measure) -> Iterator[str]:
    yield one.words
    yield _value(measure, one.old)
    yield _value(measure, one.new)
    yield _value(measure, one.interval.difference, sign="+")
    yield f"{_value(measure, one.interval.low, sign='+')} to {_value(measure, one.interval.high, sign='+')}"
    yield one.outcome


def _changed(one: Changed) -> str:
    values = ", ".join(f"{name} {old:.2g} → {new:.2g}" for name, (old, new) in one.measures.items())
    return f"{one.id}: {one_line(one.question, 80)} ({values})"


def _failed(row: Row, wrong: list[str]) -> Iterator[str]:
    yield f"{one_line(row.id, 40)}: {one_line(row.question)}"
    yield f"  {one_line('; '.join(wrong))}"
    for expected in row.expected:
        page = f", page {expected.page}" if expected.page else ""
        words = f": “{one_line(expected.answer, 120)}”" if expected.answer else ""
        yield f"  expected  {visible(expected.source)}{page}{words}"
    if not row.expected:
        yield "  expected  no document answers"
    for found in row.found[:_FOUND_SHOWN]:
        sign = "✓" if found.right else " "
        where = f"{visible(found.source)}, {visible(found.place or f'page {found.page}')}"
        yield f"  found   {sign} {found.score:6.3f}  {where}: “{one_line(found.excerpt, 100)}”"
    if row.answer:
        yield f"  answer    “{one_line(row.answer, 240)}”"
    for cited in row.citations:
        sign = VERDICT_SIGNS[cited.verdict]
        yield f"  cited     [{cited.number}] {sign} {visible(cited.source)}, page {cited.page}"


def _ids(rows: Sequence[Row]) -> str:
    shown = ", ".join(row.id for row in rows[:_MOST_NAMED])
    return shown + (f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else "")


def _time(value: float) -> str:
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"
