"""An ingest on the terminal: a bar while it runs, and what came of it.

Takes settings and paths, gives the pipeline's reports and lines of text, once or for as long as folders are
followed. The bar is drawn on standard error, and only where that is a terminal.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ingest import pipeline
from ingest.pipeline import Report
from rag.errors import UsageError
from rag.records import Failure
from rag.settings import Settings
from ui.terminal import one_line, plural, visible

_NAME_WIDTH = 40
_MOST_NAMES = 20  # of unchanged or added files nobody wants to read hundreds


@contextmanager
def shown_progress(*, bar: bool) -> Iterator[Callable[[pipeline.Progress], None] | None]:
    """What is to be called with an ingest's progress; a bar on standard error where `bar` is true."""
    if not bar:
        yield None
        return
    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[counts]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", name="looking", counts="", total=None)

        def show(state: pipeline.Progress) -> None:
            progress.update(
                task,
                total=state.files_total,
                completed=state.files_done,
                name=one_line(state.source, _NAME_WIDTH).ljust(_NAME_WIDTH),
                counts=progress_words(state),
            )

        yield show


def progress_words(state: pipeline.Progress) -> str:
    """How far it is: files, pages, chunks, how many a second, and the time left."""
    words = [f"page {state.page[0]} of {state.page[1]}"] if state.page else []
    words.append(f"{state.files_done:,} of {plural(state.files_total, 'file')}")
    words += [plural(state.pages, "page"), plural(state.chunks, "chunk")]
    if state.chunks_per_second is not None:
        words.append(f"{state.chunks_per_second:.0f}/s")
    if state.seconds_left is not None:
        words.append(f"{_time(state.seconds_left)} left")
    return ", ".join(words)


def run_ingest(
    settings: Settings, paths: Sequence[str], *, stop: threading.Event, retry: bool, bar: bool
) -> Report:
    """Runs the pipeline once."""
    with shown_progress(bar=bar) as progress:
        return pipeline.ingest(paths, settings, progress=progress, stop=stop, retry=retry)


def follow(
    settings: Settings,
    paths: Sequence[str],
    *,
    stop: threading.Event,
    retry: bool,
    told: Callable[[Report, Sequence[Failure]], None],
    say: Callable[[str], None],
) -> None:
    """Ingests the folders now and after every change, until `stop` is set; a line is said of each.

    `told` is given each report, and those of its failures that the one before did not have.
    """
    from ingest import watch

    known: set[Failure] = set()

    def tell(report: Report) -> None:
        failed = [one for one in report.failed if one not in known]
        told(report, failed)
        news = change_line(report, failed)
        known.clear()
        known.update(report.failed)
        if news:
            say(f"{datetime.now():%H:%M:%S}  {news}")

    say(f"following {', '.join(map(visible, paths))}; Ctrl-C ends it")
    watch.follow(paths, settings, told=tell, waiting=say, stop=stop, retry=retry)


def change_line(report: Report, failed: Sequence[Failure]) -> str | None:
    """What an ingest did, on one line; None when it did nothing. `failed`: those not told before."""
    words = []
    for what in ("added", "updated", "moved", "removed"):
        names: tuple[str, ...] = getattr(report, what)
        if names:
            words.append(f"{what} {_some(names, most=3)}")
    if failed:
        words.append(f"failed {', '.join(f'{one.source} ({one.reason})' for one in failed[:3])}")
        words[-1] += f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    if not words:
        return None
    counts = f"{plural(report.chunks, 'chunk')}, {report.embedded} embedded, in {report.seconds:.1f} s"
    return visible("; ".join([*words, counts])).replace("\n", "\\n")


def append_log(path: Path, failed: Sequence[Failure], warnings: Sequence[Failure]) -> None:
    """Adds what failed or was not read whole to a file, a JSON object a line.

    Raises `UsageError` where it can't be written.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entries = [("failed", one) for one in failed] + [("noticed", one) for one in warnings]
    lines = (
        json.dumps({"time": now, "what": what, "source": one.source, "reason": one.reason})
        for what, one in entries
    )
    try:
        with open(path, "a", encoding="utf-8", opener=_private) as log:
            log.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise UsageError(f"--log {str(path)!r} can't be written: {error.strerror}; name another") from error


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
    rate = f", {report.chunks / report.seconds:.0f}/s" if report.chunks and report.seconds else ""
    pages = f"{plural(report.pages, 'page')}, " if report.pages else ""
    lines.append(
        f"{pages}{plural(report.chunks, 'chunk')} stored, {report.embedded} embedded, "
        f"in {report.seconds:.1f} s{rate}"
    )
    return lines


def _some(names: Sequence[str], *, most: int = _MOST_NAMES) -> str:
    shown = ", ".join(visible(name) for name in names[:most])
    more = len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # names of files are nobody else's business
