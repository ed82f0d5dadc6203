"""A bar on standard error for work that is counted in bytes: downloading, hashing.

Gives the function that `rag.model_files.pulling` reports to. On a terminal it is a bar with speed and time
left, gone when the work is done; elsewhere (a log) a line for each tenth. Work of under a tenth of a second
shows nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ui.terminal import one_line, size

if TYPE_CHECKING:
    from rich.progress import Progress

    from rag.model_files.records import OnProgress

_QUIET_SECONDS = 0.1
_TENTHS = 10


@contextmanager
def transfer_bar() -> Iterator[OnProgress]:
    """Shows what is reported as `(stage, bytes done, bytes in all)` while the block runs."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    with _rich_progress() as progress:
        yield _Bar(progress)


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.stage = ""
        self.begun = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if time.monotonic() - self.begun < _QUIET_SECONDS:
            return
        if stage != self.stage:
            # A new task, so that the speed is this stage's alone.
            for task in self.progress.task_ids:
                self.progress.remove_task(task)
            self.progress.add_task(one_line(stage, 60), completed=done, total=total or None)
            self.stage = stage
        else:
            self.progress.update(self.progress.task_ids[0], completed=done, total=total or None)


class _Lines:
    def __init__(self) -> None:
        self.shown = ("", -1)
        self.begun = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if time.monotonic() - self.begun < _QUIET_SECONDS:
            return
        shown = (stage, _TENTHS * done // total if total else 0)
        if shown != self.shown:
            self.shown = shown
            amount = f": {size(done)} of {size(total)}" if total else ""
            click.echo(f"{one_line(stage)}{amount}", err=True)


def _rich_progress() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
