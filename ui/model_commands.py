"""`rag model`: which model files there are, bringing one here, checking it, choosing it.

Takes arguments, gives text; as in `ui.cli`, errors become one line and an exit status there. Ctrl-C stops a
download, and the same command goes on where it was.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rag.errors import UsageError
from ui.terminal import as_json, one_line, size, visible

if TYPE_CHECKING:
    from rich.table import Table

    from rag.model_files.listing import ListedFile, Listing

_HERE = {
    "verified": "verified",
    "recorded": "here",
    "changed": "changed since verified",
    "unknown": "here, not verified",
    "absent": "",
}


@click.group()
def model() -> None:
    """The model's files: which there are, get one, check it, choose it."""


@model.command("list")
@click.option("--json", "json_output", is_flag=True, help="One JSON value on standard output.")
def list_command(json_output: bool) -> None:
    """Show the files: which fit, which are here."""
    from rag.model_files.listing import list_models

    listing = list_models(_model_in_use())
    if json_output:
        click.echo(as_json(listing))
        return
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 200).print(_table(listing))
    click.echo("\n".join(visible(line) for line in _summary(listing)))


@model.command()
@click.argument("name", required=False)
def pull(name: str | None) -> int:
    """Download a file and verify it.

    NAME is a published file's name, or short: Q4_K_M, 1210.Q5_K_M. Without it, the best recommended one that
    fits this machine. Ctrl-C stops; the same command goes on from there.
    """
    from rag.model_files.pulling import pull as pull_file
    from ui.transfer_bar import transfer_bar

    _warn_if_too_large(name)
    try:
        with transfer_bar() as on_progress:
            pulled = pull_file(name, on_progress=on_progress)
    except KeyboardInterrupt:
        click.echo("Stopped. What came is kept; the same command goes on from here.", err=True)
        return 130
    what = "is here and verified" if pulled.downloaded else "was here already, and is verified"
    click.echo(f"{visible(str(pulled.path))} {what}: sha256 {pulled.sha256}")
    if pulled.made_default:
        click.echo("It is the default model now.", err=True)
    elif _model_in_use() != str(pulled.path):
        click.echo(f"`rag model use {visible(pulled.path.name)}` makes it the default model.", err=True)
    return 0


@model.command()
@click.argument("name", metavar="[NAME|PATH]", required=False)
def verify(name: str | None) -> None:
    """Check that a file is whole.

    Its sha256 is compared with the published one, or the one recorded at its first use. Without a NAME, the
    model in use.
    """
    from rag.model_files.pulling import verify as verify_file
    from ui.transfer_bar import transfer_bar

    name = name or _model_in_use()
    if name is None:
        raise UsageError("no model is in use: name the file, as `rag model list` shows it")
    with transfer_bar() as on_progress:
        verified = verify_file(name, on_progress=on_progress)
    click.echo(
        f"{visible(str(verified.path))} is whole: sha256 {verified.sha256}, {visible(verified.against)}"
    )


@model.command()
@click.argument("name", metavar="[NAME|PATH]", required=False)
@click.option("--none", "no_model", is_flag=True, help="No default model: answers are quotes.")
def use(name: str | None, no_model: bool) -> None:
    """Make a file the default model.

    It is used where neither --model nor RAG_MODEL nor rag.toml names another.
    """
    from rag.model_files.pulling import use as use_file
    from rag.model_files.pulling import use_none
    from ui.transfer_bar import transfer_bar

    if (name is None) != no_model:
        raise UsageError("`rag model use` takes either a file's name or path, or --none")
    if name is None:
        use_none()
        click.echo("There is no default model now.", err=True)
        return
    with transfer_bar() as on_progress:
        chosen = use_file(name, on_progress=on_progress)
    click.echo(f"{visible(str(chosen.path))} is the default model now.", err=True)
    if chosen.replaced_since:
        click.echo(
            f"Its bytes are not those recorded on {chosen.replaced_since[:10]}; the new ones are recorded.",
            err=True,
        )
    in_use = _model_in_use()
    if in_use is not None and in_use != str(chosen.path):
        click.echo(f"But RAG_MODEL or rag.toml names {visible(in_use)}, which comes first.", err=True)


def _warn_if_too_large(name: str | None) -> None:
    from rag.model_files.listing import machine_memory_bytes
    from rag.model_files.published import published

    file, memory = published(name or ""), machine_memory_bytes()
    if file and not file.fits(memory):
        click.echo(
            f"{file.name} needs {file.memory_bytes / 1e9:.2f} GB of memory, and this machine has"
            f" {memory / 1e9:.2f} GB: it may be slow, or not load at all.",
            err=True,
        )


def _model_in_use() -> str | None:
    """The model that the settings name, or the default one."""
    from rag.model_files.records import default_model
    from rag.settings import load_settings

    return load_settings().model or default_model()


def _table(listing: Listing) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("file", no_wrap=True)
    for heading in ("size", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("fits", "here", "advice"):
        table.add_column(heading)
    for file in listing.files:
        table.add_row(*(Text(cell) for cell in _cells(file)))
    return table


def _cells(file: ListedFile) -> tuple[str, ...]:
    sign = ("→" if file.in_use else " ") + ("★" if file.recommended else " ")
    if file.state == "part":
        here = f"{100 * file.here_bytes // file.size_bytes} % of it"
    else:
        here = _HERE[file.state]
    if file.state == "absent" and file.in_use:
        here = "missing"
    known = file.published
    return (
        sign,
        one_line(file.name, 80),
        _gigabytes(file.size_bytes),
        _gigabytes(known.memory_bytes) if known else "?",
        {True: "yes", False: "no", None: "?"}[file.fits],
        here,
        known.advice if known else "not a published file",
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 10_000_000 or count == 0 else size(count)


def _summary(listing: Listing) -> list[str]:
    lines = [
        "",
        f"This machine has {listing.memory_bytes / 1e9:.1f} GB of memory, of which"
        f" {listing.reserved_bytes / 1e9:.1f} GB are kept for the system and the embedding model.",
    ]
    if listing.recommended:
        lines.append(f"★ `rag model pull` gets the best one that fits: {listing.recommended}")
    else:
        lines.append("None of the recommended files fits; `rag model pull NAME` gets another.")
    lines.append(
        f"→ in use: {listing.in_use}" if listing.in_use else "No model is in use: answers are quotes."
    )
    lines.append(f"Files are kept in {listing.folder}")
    return lines
