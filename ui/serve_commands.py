"""`rag serve` and `rag mcp`: the doors for other programs.

Takes arguments, serves until Ctrl-C; as in `ui.cli`, errors become one line and an exit status there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from rag.errors import UsageError

_OPTIONS = (
    click.option("--index", metavar="DIR", help="The index's folder (RAG_INDEX)."),
    click.option("--model", metavar="PATH|URL", help="An OpenChat 3.5 GGUF file, or a server (RAG_MODEL)."),
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        help="The address to listen on; one that other machines reach needs a key.",
    ),
    click.option(
        "--api-keys",
        "keys",
        metavar="KEY...",
        multiple=True,
        help="Keys that are let in; better in RAG_API_KEYS, where no list of processes shows them.",
    ),
    click.option(
        "--name",
        "names",
        multiple=True,
        help="A further name that clients call this machine by (their Host).",
    ),
    click.argument("more_keys", metavar="", nargs=-1),  # --api-keys K1 K2, as OpenChat's own server has it
)


def _door_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("serve")
@click.option("--port", default=18888, show_default=True, type=click.IntRange(0, 65535))
@_door_options
def serve_command(
    port: int,
    index: str | None,
    model: str | None,
    host: str,
    keys: tuple[str, ...],
    names: tuple[str, ...],
    more_keys: tuple[str, ...],
) -> None:
    """Answer OpenAI's clients over HTTP: chat completions, embeddings, models.

    The page /docs says what is taken; /health and /metrics are for whoever runs it.
    """
    from rag.chain import load_chain
    from rag.server.app import create_app
    from rag.server.guard import door_for
    from rag.server.run import address_of, keys_from, listen, serve
    from rag.settings import load_settings

    door = door_for(host, keys=keys_from(_all_keys(keys, more_keys)), names=names)
    with (
        listen(host, port) as bound,
        load_chain(settings=load_settings({"index": index, "model": model})) as chain,
    ):
        address = address_of(bound)
        ready = partial(click.echo, f"openchat-rag serves at {address}/v1 (Ctrl-C ends it)")
        serve(create_app(chain, door), bound, ready)


def _all_keys(keys: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    if more and not keys:
        raise UsageError(f"{more[0]!r} is not understood; keys come after --api-keys")
    return keys + more


@click.command("mcp")
@click.option("--http", "over_http", is_flag=True, help="Listen for streamable HTTP rather than on stdio.")
@click.option("--port", default=18889, show_default=True, type=click.IntRange(0, 65535))
@_door_options
def mcp_command(
    over_http: bool,
    port: int,
    index: str | None,
    model: str | None,
    host: str,
    keys: tuple[str, ...],
    names: tuple[str, ...],
    more_keys: tuple[str, ...],
) -> None:
    """Let MCP clients search, ask, list the documents and read their pages.

    Without --http it speaks on standard input and output, as the client that starts it expects.
    """
    from rag.settings import load_settings

    try:
        from rag.server.mcp_server import Documents, create_mcp, http_app
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise UsageError("rag mcp needs the MCP SDK: pip install 'openchat-rag[mcp]'") from None
    from rag.server.guard import door_for
    from rag.server.run import address_of, keys_from, listen, serve

    settings = load_settings({"index": index, "model": model})
    if not over_http:
        with Documents(settings) as documents:
            create_mcp(documents).run("stdio")
        return
    door = door_for(host, keys=keys_from(_all_keys(keys, more_keys)), names=names)
    with listen(host, port) as bound, Documents(settings) as documents:
        ready = partial(click.echo, f"openchat-rag speaks MCP at {address_of(bound)}/mcp (Ctrl-C ends it)")
        serve(http_app(create_mcp(documents), door), bound, ready, lifespan=True)
