"""`rag eval`: how well search and answers do on the user's own questions, and drafts of such questions.

Takes arguments, gives tables and files; as in `ui.cli`, errors become one line and an exit status there.
Ctrl-C keeps what was measured, and says that it is a part. Exit status 3: some questions ended in an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag.errors import UsageError
from ui.interrupt import stop_on_interrupt
from ui.terminal import one_line, plural, visible

if TYPE_CHECKING:
    from rag.evaluation.compare_runs import Comparison
    from rag.evaluation.records import EvalResult
    from rag.settings import Settings

_NAME_WIDTH = 40

Show = Callable[[int, int, str], None]


@click.command("eval")
@click.argument("questions", metavar="[QUESTIONS.jsonl]", required=False, type=click.Path())
@click.option(
    "--mode",
    type=click.Choice(["search", "quotes", "model"]),
    help="What is measured; else model where one is set, and quotes without.",
)
@click.option("-k", type=click.IntRange(1, 1000), help="How many hits count (else the setting passages).")
@click.option("--judge", is_flag=True, help="The model grades each answer from 1 to 5; needs one.")
@click.option("--failed", is_flag=True, help="List the questions that failed, with what was found instead.")
@click.option("--json", "json_path", metavar="FILE", help="Write all rows to FILE; - is standard output.")
@click.option("--against", metavar="OLD.json", help="Compare with an earlier run's --json FILE.")
@click.option(
    "--make", "count", metavar="N", type=click.IntRange(1, 10_000), help="Draft N questions instead."
)
@click.option("-o", "output", metavar="FILE", help="Where the drafts go; else to standard output.")
@click.option("--only", multiple=True, metavar="FILTER", help="Ask these documents alone, as in rag ask.")
@click.option("--index", metavar="DIR", help="The index's folder (RAG_INDEX).")
@click.option("--model", metavar="PATH|URL", help="An OpenChat 3.5 GGUF file, or a server (RAG_MODEL).")
def eval_command(
    questions: str | None,
    mode: str | None,
    k: int | None,
    judge: bool,
    failed: bool,
    json_path: str | None,
    against: str | None,
    count: int | None,
    output: str | None,
    only: tuple[str, ...],
    index: str | None,
    model: str | None,
) -> int:
    """Measure search and answers on your own questions; with --make, draft some.

    QUESTIONS.jsonl has one question a line: {"question": "...", "source": "a.pdf", "page": 3, "answer":
    "..."}; page and answer may be left out; source is null when no document answers.
    """
    from rag.settings import load_settings

    settings = load_settings({"index": index, "model": model})
    if count is not None:
        if questions or mode or judge or failed or json_path or against or only:
            raise UsageError(
                "--make drafts questions and measures nothing: it goes with -o, --index, --model"
            )
        return _make(settings, count, output)
    if questions is None or output:
        raise UsageError("`rag eval QUESTIONS.jsonl` measures; `rag eval --make N -o FILE` drafts questions")
    settings = _in_mode(settings, mode, judge)
    old = _read_result(against) if against else None  # before the work, and before --json may write there
    _check_writable(json_path)
    with stop_on_interrupt() as stop:
        result = _evaluated(
            settings, questions, stop, mode=mode, k=k or settings.passages, judge=judge, only=only
        )
    comparison = _compared(old, result) if old else None
    _print(result, comparison, failed=failed, err=json_path == "-")
    if json_path:
        _write(json_path, _json(result, comparison))
    return 130 if stop.is_set() else _status(result)


# --- measuring -----------------------------------------------------------------------------------------


def _in_mode(settings: Settings, mode: str | None, judge: bool) -> Settings:
    """Raises `UsageError` for what can't be: a model that is not set, a judge of no answers."""
    if judge and mode == "search":
        raise UsageError("--judge grades answers, and --mode search gives none: --mode quotes or model")
    if settings.model is None and (mode == "model" or judge):
        what = "--judge" if judge else "--mode model"
        raise UsageError(
            f"{what} needs a model, and none is set: `rag model pull`, or name one with --model or RAG_MODEL"
        )
    return settings


def _status(result: EvalResult) -> int:
    if result.ended or not any(row.measured for row in result.rows):
        return 1
    return 3 if any(row.error for row in result.rows) else 0


def _evaluated(
    settings: Settings,
    path: str,
    stop: threading.Event,
    *,
    mode: str | None,
    k: int,
    judge: bool,
    only: tuple[str, ...],
) -> EvalResult:
    from rag.evaluation.question_file import read_questions

    questions = read_questions(path)
    from rag.chain import load_chain
    from rag.evaluation.evaluate import evaluate
    from rag.model.loaded_model import load_model
    from rag.search.searcher import load_searcher

    grader = load_model(settings) if judge else None
    if mode == "quotes":
        settings = dataclasses.replace(settings, model=None)
    subject = load_searcher(settings=settings) if mode == "search" else load_chain(settings=settings)
    with subject, _bar() as show:
        return evaluate(subject, questions, k=k, only=only, judge=grader, stop=stop, progress=show)


def _print(result: EvalResult, comparison: Comparison | None, *, failed: bool, err: bool) -> None:
    from rich.console import Console

    from rag.evaluation.measures import measures_of
    from ui import eval_table

    stream = sys.stderr if err else sys.stdout
    console = Console(file=stream, width=None if stream.isatty() else 200)
    measured = sum(row.measured for row in result.rows)
    answers = {"search": "search alone", "quotes": "answers in quotes", "model": f"answers by {result.model}"}
    head = f"{measured} of {plural(result.asked, 'question')} measured; {answers[result.mode]}"
    click.echo(visible(head), file=stream)
    console.print(eval_table.measures_table(result))
    lines = eval_table.note_lines(result)
    if failed:
        lines += ["", *eval_table.failed_lines(result)]
    if lines:
        click.echo("\n".join(lines), file=stream)
    if comparison:
        click.echo(
            f"\nagainst the earlier run, {plural(comparison.paired, 'question')} in both:", file=stream
        )
        console.print(eval_table.comparison_table(comparison, measures_of(result)))
        click.echo("\n".join(eval_table.comparison_lines(comparison)), file=stream)


def _read_result(path: str) -> EvalResult:
    from rag.evaluation.records import result_from_json

    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path!r} can't be read ({error}); name what `rag eval --json` wrote") from error
    return result_from_json(text, path)


def _compared(old: EvalResult, result: EvalResult) -> Comparison | None:
    """The comparison; none where nothing was measured, which the notes say already."""
    from rag.evaluation.compare_runs import compare

    return compare(old, result) if any(row.measured for row in result.rows) else None


def _json(result: EvalResult, comparison: Comparison | None) -> str:
    from rag.evaluation.measures import summary

    compared = {"comparison": dataclasses.asdict(comparison)} if comparison else {}
    return result.as_json({"summary": summary(result), **compared})


# --- drafting ------------------------------------------------------------------------------------------


def _make(settings: Settings, count: int, output: str | None) -> int:
    if settings.model is None:
        raise UsageError(
            "--make needs a model that writes the questions, and none is set: `rag model pull`, or name one"
            " with --model or RAG_MODEL"
        )
    if output and output != "-" and Path(output).exists():
        raise UsageError(f"{output!r} is there already; name a new file, so that no questions are lost")
    _check_writable(output)
    from rag.evaluation.draft_questions import draft
    from rag.evaluation.question_file import question_line
    from rag.model.loaded_model import load_model
    from rag.store.open import open_store

    store = open_store(settings.index)
    try:
        with stop_on_interrupt() as stop, _bar() as show:
            drafts = draft(load_model(settings), store, count, stop=stop, progress=show)
    finally:
        store.close()
    if drafts.questions:
        _write(output or "-", "".join(question_line(one) + "\n" for one in drafts.questions))
    dropped = "".join(f"; {number} dropped: it {why}" for why, number in drafts.dropped.items())
    warning = " They are drafts: read each before you measure by it." if drafts.questions else ""
    click.echo(f"{len(drafts.questions)} of {plural(count, 'question')} drafted{dropped}.{warning}", err=True)
    if drafts.stopped:
        click.echo("Stopped; the drafts so far are kept.", err=True)
        return 130
    return 0 if drafts.questions else 1


# --- both ----------------------------------------------------------------------------------------------


def _check_writable(path: str | None) -> None:
    """Says before the work what would fail after it."""
    if path and path != "-" and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
        raise UsageError(f"{path!r} can't be written: name a file in a folder that is there")


def _write(path: str, text: str) -> None:
    if path == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path!r} can't be written ({error.strerror}); name another file") from error


@contextlib.contextmanager
def _bar() -> Iterator[Show | None]:
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", name="loading", total=None)

        def show(done: int, total: int, name: str) -> None:
            progress.update(
                task, completed=done, total=total, name=one_line(name, _NAME_WIDTH).ljust(_NAME_WIDTH)
            )

        yield show
