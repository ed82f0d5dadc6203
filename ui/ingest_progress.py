"""An ingest on the terminal: a bar while it runs, and what came of it.

Takes settings and paths, gives the pipeline's report and lines of text. The bar is drawn on standard error,
and only where that is a terminal.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ingest import pipeline
from ingest.pipeline import Report
from rag.settings import Settings
from ui.terminal import one_line, plural, visible

_NAME_WIDTH = 40
_MOST_NAMES = 20  # of unchanged or added files nobody wants to read hundreds


def run_ingest(
    settings: Settings, paths: Sequence[str], *, stop: threading.Event, retry: bool, bar: bool
) -> Report:
    """Runs the pipeline, with a bar on standard error where `bar` is true."""
    if not bar:
        return pipeline.ingest(paths, settings, stop=stop, retry=retry)
    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", name="looking", counts="", total=None)

        def show(state: pipeline.Progress) -> None:
            left = "" if state.seconds_left is None else f", {_time(state.seconds_left)} left"
            progress.update(
                task,
                total=state.files_total,
                completed=state.files_done,
                name=one_line(state.source, _NAME_WIDTH).ljust(_NAME_WIDTH),
                counts=f"{state.files_done} of {plural(state.files_total, 'file')}, "
                f"{plural(state.chunks, 'chunk')}{left}",
            )

        return pipeline.ingest(paths, settings, progress=show, stop=stop, retry=retry)


def report_lines(report: Report) -> list[str]:
    """The report as a table: what was done with how many files, the names, and the failures' reasons."""
    lines = []
    for what in ("added", "updated", "moved", "removed", "unchanged"):
        names: tuple[str, ...] = getattr(report, what)
        if names:
            lines.append(f"{what:<10}{len(names):>6}  {'' if what == 'unchanged' else _some(names)}".rstrip())
    if report.failed:
        lines.append(f"{'failed':<10}{len(report.failed):>6}")
        lines += [f"{'':<18}{visible(one.source)}: {visible(one.reason)}" for one in report.failed]
    if report.warnings:
        lines.append(f"{'noticed':<10}{len(report.warnings):>6}")
        lines += [f"{'':<18}{visible(one.source)}: {visible(one.reason)}" for one in report.warnings]
    if report.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(report.left_out.items()))
        lines.append(f"{'left out':<10}{sum(report.left_out.values()):>6}  {reasons}")
    lines.append(
        f"{plural(report.chunks, 'chunk')} stored, {report.embedded} embedded, in {report.seconds:.1f} s"
    )
    return lines


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(visible(name) for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"
