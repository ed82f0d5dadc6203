"""The command `rag`.

Takes arguments, gives text on standard output, messages on standard error, and exit statuses: 0 done,
1 nothing could be done, 2 wrong usage, 3 some files failed and the rest is in, 130 stopped by Ctrl-C.
Heavy imports happen inside the commands: `rag --help` loads neither torch, faiss, streamlit nor langchain.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.errors import RagError, UsageError
from ui.eval_commands import eval_command
from ui.index_commands import index_group
from ui.interrupt import stop_on_interrupt
from ui.model_commands import model
from ui.reembed_command import reembed_command
from ui.serve_commands import mcp_command, serve_command
from ui.terminal import (
    as_json,
    citation_lines,
    hit_lines,
    ledger_lines,
    nearest_lines,
    plural,
    source_rows,
    visible,
)

if TYPE_CHECKING:
    from ingest.report import Report
    from rag.records import Answer, Event, Failure
    from rag.settings import Settings

NO_MODEL = (
    "Quotes: no model is set, so these are the documents' own sentences. For written answers: rag model pull "
    "(a file of OpenChat 3.5, once), or name one that you have with --model or RAG_MODEL."
)

_index_option = click.option(
    "--index", metavar="DIR|URL", help="The index's folder, or a Milvus: http://HOST:19530 (RAG_INDEX)."
)
_model_option = click.option(
    "--model",
    metavar="PATH|URL",
    help="An OpenChat 3.5 GGUF file, or a server: http://HOST:PORT/v1 (RAG_MODEL).",
)
_only_option = click.option(
    "--only",
    multiple=True,
    metavar="FILTER",
    help="Ask these documents alone: a name or pattern, folder/, type:pdf, after:2024-01, before:, date:; "
    "again for more. Of one kind: any of them; of different kinds: all.",
)
_json_option = click.option("--json", "json_output", is_flag=True, help="One JSON value on standard output.")


def main() -> None:
    """The entry point of the `rag` command."""
    sys.exit(_guarded(lambda: cli.main(standalone_mode=False)))


def _guarded(run: Callable[[], Any]) -> int:
    """Runs a command; errors become one line on standard error and an exit status."""
    try:
        status = run()
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.UsageError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return 1
    except UsageError as error:
        click.echo(f"rag: {visible(str(error))}", err=True)
        return 2
    except RagError as error:
        click.echo(f"rag: {visible(str(error))}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("rag: stopped", err=True)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # `rag sources | head` is no error; nobody reads what would be said about it
        return 0
    return status if isinstance(status, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(importlib.metadata.version("openchat-rag"), prog_name="rag")
def cli() -> None:
    """Talk with your own documents, on your own machine."""


def _settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turns the options that are settings into `settings`, the command's first argument."""

    @wraps(function)
    def command(
        index: str | None = None,
        model: str | None = None,
        password_file: str | None = None,
        ray: str | None = None,
        **options: Any,
    ) -> Any:
        from rag.settings import load_settings

        flags = {"index": index, "model": model, "password_file": password_file, "ray": ray}
        return function(load_settings(flags), **options)

    return command


@cli.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--retry", is_flag=True, help="Try the files again that could not be read before.")
@click.option("--watch", is_flag=True, help="Go on: read again whenever the folders change, until Ctrl-C.")
@click.option("--log", metavar="FILE", help="Add what failed to this file, a JSON object a line.")
@click.option("--password-file", metavar="FILE", help="Passwords to try on PDFs and archives, one a line.")
@click.option("--ray", metavar="HOST:PORT", help="Parse and embed on this Ray cluster (RAG_RAY).")
@_index_option
@_json_option
@_settings
def ingest(
    settings: Settings, paths: tuple[str, ...], retry: bool, watch: bool, log: str | None, json_output: bool
) -> int:
    """Read files and folders into the index; again for what is new, changed, moved or gone.

    What a .ragignore names (gitignore's rules, in any folder) is left out, as are hidden files and links that
    lead out of the folder; the report says how many.
    """
    from ui.ingest_progress import append_log, follow, report_lines, run_ingest

    def told(report: Report, failed: Sequence[Failure]) -> None:
        if log:
            append_log(Path(log), failed, report.warnings)
        if json_output:
            click.echo(as_json(report.as_dict(), indent=None if watch else 2))

    with stop_on_interrupt() as stop:
        if watch:
            follow(settings, paths, stop=stop, retry=retry, told=told, say=partial(click.echo, err=True))
            return 0
        report = run_ingest(settings, paths, stop=stop, retry=retry, bar=sys.stderr.isatty())
    told(report, report.failed)
    if not json_output:
        for line in report_lines(report):
            click.echo(line, err=True)
    if stop.is_set():
        click.echo("Stopped. What is done is kept; the same command goes on from here.", err=True)
        return 130
    if report.failed:
        return 3 if report.readable else 1
    if not report.readable and not report.removed:
        click.echo(f"rag: nothing to read in {', '.join(map(visible, paths))}", err=True)
        return 1
    return 0


@cli.command()
@click.argument("question")
@click.option("-v", "--verbose", is_flag=True, help="Show the token ledger and the timings as well.")
@_only_option
@_index_option
@_model_option
@_json_option
@_settings
def ask(settings: Settings, question: str, verbose: bool, only: tuple[str, ...], json_output: bool) -> int:
    """Ask a question; the answer streams, then its citations are listed."""
    from rag.chain import load_chain

    with load_chain(settings=settings) as chain, stop_on_interrupt() as stop:
        events = chain.events(question, only=only, stop=stop)
        answer = _shown(events, quiet=json_output)
    if json_output:
        click.echo(as_json(answer))
    else:
        _echo_answer_end(answer, verbose)
    return 130 if answer.stopped else 0


@cli.command()
@click.argument("question")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, 1000), help="How many hits.")
@_only_option
@_index_option
@_json_option
@_settings
def search(settings: Settings, question: str, k: int, only: tuple[str, ...], json_output: bool) -> None:
    """Show the passages found for a question, with their scores."""
    from rag.search.searcher import load_searcher

    with load_searcher(settings=settings) as searcher:
        hits = searcher.search(question, k=k, only=only)
    if json_output:
        click.echo(as_json(hits))
    else:
        click.echo("\n".join(hit_lines(hits)) if hits else "Nothing found.")


@cli.command()
@_index_option
@_json_option
@_settings
def sources(settings: Settings, json_output: bool) -> None:
    """List what is in the index."""
    from rag.store.open import open_store

    store = open_store(settings.index)
    with store.snapshot() as snapshot:
        found = snapshot.sources()
    store.close()
    if json_output:
        click.echo(as_json(found))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("source", "type", "pages", "chunks", "read", box=None, pad_edge=False)
    for row in source_rows(found):
        table.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    click.echo(plural(len(found), "source"))


@cli.command()
@click.argument("names", metavar="SOURCE...", nargs=-1, required=True)
@_index_option
@_settings
def remove(settings: Settings, names: tuple[str, ...]) -> None:
    """Take sources out of the index; the files stay where they are."""
    from rag.model.state_cache import forget_states
    from rag.store.open import open_store

    store = open_store(settings.index)
    with store.writer(wait_seconds=10) as writer:
        with store.snapshot() as snapshot:
            found = [snapshot.find(name) for name in names]
        writer.remove([source.location for source in found])
    store.close()
    forget_states()
    for source in found:
        click.echo(f"removed {visible(source.source)}", err=True)


@cli.command()
@_index_option
@_model_option
@_json_option
@_settings
def doctor(settings: Settings, json_output: bool) -> int:
    """Say what is installed, which model and index are used, and what to do about what is missing."""
    from ui.doctor import examine

    findings = examine(settings)
    if json_output:
        click.echo(as_json(findings))
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            sign = "ok" if finding.ok else "!!"
            click.echo(f"{sign}  {finding.subject:<{width}}  {visible(finding.state)}")
            if finding.cure:
                click.echo(f"    {'':<{width}}  → {finding.cure}")
    return 0 if all(finding.ok for finding in findings) else 1


@cli.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; one that other machines reach needs a password in RAG_UI_PASSWORD.",
)
@_index_option
@_model_option
@_settings
def ui(settings: Settings, port: int, host: str) -> int:
    """Open the chat in the browser; on this machine only, unless told otherwise with a password."""
    from ui.launch import run

    return run(settings, port=port, address=host)


cli.add_command(model)
cli.add_command(eval_command)
cli.add_command(reembed_command)
cli.add_command(index_group)
cli.add_command(serve_command)
cli.add_command(mcp_command)


# --- what several commands share ----------------------------------------------------------------------


def _shown(events: Iterator[Event], *, quiet: bool) -> Answer:
    """Prints the answer as it comes; while the model waits or reads, a line on standard error says so."""
    from rag.records import Done, Queued, Reading, TextDelta

    live = sys.stderr.isatty() and not quiet
    for event in events:
        if isinstance(event, Done):
            if not quiet:
                click.echo()
            return event.answer
        if isinstance(event, TextDelta) and not quiet:
            _status("", live)
            click.echo(visible(event.text), nl=False)
        elif isinstance(event, Queued):
            _status(f"waiting for the model, {event.position} before you", live)
        elif isinstance(event, Reading):
            left = "" if event.seconds_left is None else f", {event.seconds_left:.0f} s left"
            done = event.done == event.total
            _status("" if done else f"reading: {event.done} of {event.total} tokens{left}", live)
    raise AssertionError("the stream ended without its last event")


def _status(line: str, live: bool) -> None:
    if live:
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)


def _echo_answer_end(answer: Answer, verbose: bool) -> None:
    if answer.abstained and answer.passages:
        click.echo("\nNearest, but not an answer:")
        click.echo("\n".join(nearest_lines(answer)))
    elif answer.citations:
        click.echo()
        click.echo("\n".join(citation_lines(answer.citations)))
    if answer.stopped:
        click.echo("Stopped; the text so far is kept.", err=True)
    if answer.cut:
        click.echo("The answer was cut at its reserve of tokens (RAG_RESERVE sets it).", err=True)
    if answer.mode == "quotes":
        click.echo(f"\n{NO_MODEL}", err=True)
    if verbose:
        lines = ledger_lines(answer.ledger) if answer.ledger else []
        timings = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in answer.timings.items())
        click.echo("\n".join(["", *lines, timings]), err=True)


if __name__ == "__main__":
    main()
