"""`rag reembed`: the index's text embedded anew by another model, with a bar while it goes on.

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
    from ingest.reembed import ReembedProgress, ReembedReport


@click.command("reembed")
@click.option(
    "--embedding-model",
    metavar="NAME|PATH",
    help="A sentence-transformers model (RAG_EMBEDDING_MODEL); else the index's own, as it is here now.",
)
@click.option(
    "--query-prefix", metavar="TEXT", help='Put before a question, where the model wants it: "query: ".'
)
@click.option("--passage-prefix", metavar="TEXT", help='The same before a passage: "passage: ".')
@click.option("--index", metavar="DIR", help="The index's folder (RAG_INDEX).")
@click.option("--json", "json_output", is_flag=True, help="One JSON value on standard output.")
def reembed_command(
    embedding_model: str | None,
    query_prefix: str | None,
    passage_prefix: str | None,
    index: str | None,
    json_output: bool,
) -> int:
    """Change an index's embedding model: its text is embedded anew, its documents are not read again.

    Questions go on being answered by the old model until all is done. Ctrl-C keeps what is embedded; the same
    command goes on from there.
    """
    from ingest.reembed import reembed
    from rag.settings import load_settings

    settings = load_settings(
        {
            "embedding_model": embedding_model,
            "query_prefix": query_prefix,
            "passage_prefix": passage_prefix,
            "index": index,
        }
    )
    with stop_on_interrupt() as stop, _bar() as show:
        report = reembed(settings, progress=show, stop=stop)
    if json_output:
        click.echo(as_json(dataclasses.asdict(report)))
    else:
        click.echo(_said(report), err=True)
    return 130 if report.stopped else 0


def _said(report: ReembedReport) -> str:
    before, after = visible(report.before), visible(report.after)
    if report.stopped:
        return (
            f"Stopped; {plural(report.embedded, 'text')} done and kept: the same command goes on from here."
            f" Until then {before} answers."
        )
    if not report.chunks:
        return f"The index is at {after} already; nothing was to be done."
    words = f"{plural(report.chunks, 'chunk')}, {report.embedded} embedded, in {report.seconds:.1f} s"
    cut = (
        f"\n{plural(report.cut, 'text')} longer than the model reads at once: their ends are found by their"
        " words alone. Ingest the documents into another folder (--index) to have them cut anew."
        if report.cut
        else ""
    )
    return f"{before} → {after}: {words}{cut}"


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[ReembedProgress], None] | None]:
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(state: ReembedProgress) -> None:
            bar.update(task, completed=state.done, total=state.total)

        yield show
