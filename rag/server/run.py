"""A server's process: an address, a port, uvicorn.

Takes an ASGI application, serves it until Ctrl-C or SIGTERM. Who still waits for an answer then is let go,
and their generation ends. Logs no request: paths, questions and keys stay where they are.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

from rag.errors import UsageError

PORT = 18888  # as OpenChat's own server
KEYS_VARIABLE = "RAG_API_KEYS"
_GRACE_SECONDS = 3  # for answers that are almost done


def keys_from(given: Sequence[str]) -> tuple[str, ...]:
    """The keys of the command line, or else of `RAG_API_KEYS`; commas and spaces are between them."""
    text = ",".join(given) or os.environ.get(KEYS_VARIABLE, "")
    return tuple(key for key in re.split(r"[\s,]+", text) if key)


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound; raises `UsageError` for a port that is taken or an address that is not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(
            f"the address {host!r} can't be used ({error.strerror}); name another with --host"
        ) from None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise UsageError(
            f"port {port} of {host} can't be used ({error.strerror}); name another one with --port"
        ) from None
    return bound


def address_of(bound: socket.socket) -> str:
    """`http://127.0.0.1:18888`."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"


def serve(app: ASGIApp, bound: socket.socket, ready: Callable[[], None], *, lifespan: bool = False) -> None:
    """Serves on a bound socket until a signal ends it; `ready` is called when it answers."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on" if lifespan else "off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _Server(config, ready).run(sockets=[bound])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
