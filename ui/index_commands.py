"""`rag index copy`: an index into another place, from a folder to Milvus or back, with a bar meanwhile.

Takes arguments, gives a line on standard error; as in `ui.cli`, errors become one line and an exit status
there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from ui.interrupt import stop_on_interrupt
from ui.terminal import as_json, plural, visible

if TYPE_CHECKING:
    from rag.store.copying import CopyProgress, CopyReport


@click.group("index")
def index_group() -> None:
    """Do something with a whole index."""


@index_group.command("copy")
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--json", "json_output", is_flag=True, help="One JSON value on standard output.")
def copy_command(origin: str, target: str, json_output: bool) -> int:
    """Copy an index; each is a folder, a milvus-lite file (x.db) or a Milvus (http://HOST:PORT/NAME).

    Nothing is parsed or embedded again. Another index is never written over. Ctrl-C keeps what is copied; the
    same command goes on from there.
    """
    from rag.store.copying import copy_index
    from rag.store.open import open_store

    with contextlib.ExitStack() as opened:
        from_store = open_store(origin)
        opened.callback(from_store.close)
        to_store = open_store(target, create=True)
        opened.callback(to_store.close)
        stop, show = opened.enter_context(stop_on_interrupt()), opened.enter_context(_bar())
        report = copy_index(from_store, to_store, progress=show, stop=stop)
    if json_output:
        click.echo(as_json(dataclasses.asdict(report)))
    else:
        click.echo(_said(report, origin, target), err=True)
    return 130 if report.stopped else 0


def _said(report: CopyReport, origin: str, target: str) -> str:
    words = f"{plural(report.sources, 'source')} of {visible(origin)} in {visible(target)}"
    if report.before:
        words += f", {report.before} there before"
    words += f", {plural(report.chunks, 'chunk')} copied in {report.seconds:.1f} s"
    return f"Stopped; {words}: the same command goes on from here." if report.stopped else words


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[CopyProgress], None] | None]:
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("copying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(state: CopyProgress) -> None:
            bar.update(task, completed=state.done, total=state.total)

        yield show
