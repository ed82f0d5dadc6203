"""What every HTTP request passes before a route sees it: Host, Origin, key, and the body's size.

Takes an ASGI application and the names and keys that it answers to, gives one that is guarded. In this order:
a Host that is not ours is 421 (DNS rebinding), a page of another origin is 403, a wrong key is 401 before a
byte of the body is read, a body over the limit is 413, one that does not come is 408. WebSockets are refused.
Does not know the routes, but for those that are open to all.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import UsageError
from rag.server.errors import error_reply

BODY_BYTES = 1024 * 1024
BODY_SECONDS = 30.0
_DRAINED_BODIES = 8  # a client hears why it is refused only when it was let speak; so much of it is dropped
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in: names that a Host header may have, and the keys; without keys, everybody."""

    hosts: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False  # a Host that is an IP address cannot be somebody's name for us
    keys: tuple[str, ...] = ()
    open_paths: frozenset[str] = frozenset({"/health"})


def door_for(host: str, *, keys: Collection[str] = (), names: Collection[str] = ()) -> Door:
    """The door of a server that listens on `host`; `names` are further ones that it is called by.

    Raises `UsageError` for a wider bind than loopback without a key, and for a key that no header can carry.
    """
    for key in keys:
        if not key or not key.isprintable() or " " in key:
            raise UsageError("an API key is empty, or holds spaces or control characters; take another one")
    if not is_loopback(host) and not keys:
        raise UsageError(
            f"the address {host} is reached from other machines, and no key is set: set RAG_API_KEYS or "
            "--api-keys, or listen on 127.0.0.1"
        )
    hosts = LOOPBACK_NAMES | {host.lower(), *(name.lower() for name in names)}
    return Door(frozenset(hosts), any_address=not is_loopback(host), keys=tuple(keys))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


class Guard:
    """The ASGI application in front of `app`."""

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        *,
        body_bytes: int = BODY_BYTES,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._door = door
        self._digests = [hashlib.sha256(key.encode()).digest() for key in door.keys]
        self._body_bytes = body_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refused(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            body = await asyncio.wait_for(self._body(scope, receive), self._body_seconds)
        except TimeoutError:
            message = f"the request's body did not come within {self._body_seconds:g} seconds"
            await error_reply(408, message, close=True)(scope, receive, send)
            return
        if body is None:
            message = f"the request's body is over {self._body_bytes:,} bytes: send less"
            await error_reply(413, message, code="body_too_large", close=True)(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)

    def _refused(self, scope: Scope) -> ASGIApp | None:
        """The answer to one who may not come in; the body is not looked at."""
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or not self._is_ours(_name_in(hosts[0])):
            return error_reply(421, "this server is not called by that Host", code="host", close=True)
        for origin in _values(scope, b"origin"):
            if _host_of(origin) != hosts[0].lower():
                return error_reply(403, "pages of other origins may not ask here", code="origin", close=True)
        if scope["path"] in self._door.open_paths or not self._digests:
            return None
        if not self._knows(_values(scope, b"authorization")):
            return error_reply(
                401,
                "a key is needed: Authorization: Bearer KEY, one of the server's --api-keys",
                kind="authentication_error",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
                close=True,
            )
        return None

    def _is_ours(self, name: str) -> bool:
        return name in self._door.hosts or (self._door.any_address and _is_address(name))

    def _knows(self, authorizations: list[str]) -> bool:
        """Bytes are compared, by their hashes, each with every key: time tells neither length nor place."""
        if len(authorizations) != 1:
            return False
        scheme, _, given = authorizations[0].partition(" ")
        digest = hashlib.sha256(given.strip().encode("latin-1")).digest()
        found = [hmac.compare_digest(digest, known) for known in self._digests]
        return scheme.lower() == "bearer" and any(found)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, counted as it comes; None where there is more of it than may be."""
        body = bytearray()
        dropped = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)
            body += message.get("body", b"")
            if len(body) > self._body_bytes:
                dropped += len(body)
                body = bytearray(self._body_bytes + 1)
            more = message.get("more_body", False)
            if not more or dropped > _DRAINED_BODIES * self._body_bytes:
                return None if dropped else bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` for the application: the body in one piece, then what the client does next."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _name_in(host: str) -> str:
    """The name or address of a Host header, without its port; "" where it is no such header."""
    name, bracket, port = host.rpartition("]") if host.startswith("[") else host.partition(":")
    if bracket == "]":
        return name[1:].lower() if port == "" or (port[0] == ":" and port[1:].isdecimal()) else ""
    return name.lower() if not bracket or port.isdecimal() else ""


def _host_of(origin: str) -> str | None:
    """Host and port of an origin of a web page, as its Host header has them; None for any other."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
