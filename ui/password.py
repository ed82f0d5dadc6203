"""The password in front of the page, where other machines can reach it.

Takes an ASGI application and a password, gives one that answers nobody who has not said it: no page, file or
WebSocket. Whoever says it has a cookie that holds until this process or their browser ends. Wrong guesses
slow down the next ones, from the same address and from all together. Encrypts nothing: a password that
crosses a network needs TLS in front of this.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import UsageError

VARIABLE = "RAG_UI_PASSWORD"
SHORTEST = 10
COOKIE = "openchat_rag_door"
FREE_GUESSES, WAIT_SECONDS = 5, 30.0  # from one address
MOST_GUESSES, SPAN_SECONDS = 60, 600.0  # from all of them
_MOST_ADDRESSES = 4096
_BODY_BYTES = 4096
_FORM = Path(__file__).with_name("password.html").read_text("utf-8")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
}


def require_long(password: str) -> None:
    """Raises `UsageError` for a password that is soon guessed."""
    if len(password) < SHORTEST:
        raise UsageError(f"the password has {len(password)} characters; give one of at least {SHORTEST}")


class Guesses:
    """Wrong ones, by address and by time; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._all: list[float] = []

    def wait(self, address: str) -> float:
        """Seconds until a guess from there is looked at; 0: at once."""
        now = self._clock()
        count, last = self._wrong.get(address, (0, 0.0))
        own = last + WAIT_SECONDS - now if count >= FREE_GUESSES else 0.0
        self._all = [at for at in self._all if now - at < SPAN_SECONDS]
        everybody = self._all[-MOST_GUESSES] + SPAN_SECONDS - now if len(self._all) >= MOST_GUESSES else 0.0
        return max(own, everybody, 0.0)

    def wrong(self, address: str) -> None:
        """One more from there."""
        count, _ = self._wrong.pop(address, (0, 0.0))
        self._wrong[address] = (count + 1, self._clock())
        self._all.append(self._clock())
        while len(self._wrong) > _MOST_ADDRESSES:
            self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        """All is forgiven."""
        self._wrong.pop(address, None)


class PasswordDoor:
    """The ASGI application in front of `app`."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app = app
        self._digest = _digest(password)
        self._pass = secrets.token_urlsafe(32)  # what the cookie of this process says
        self._guesses = Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] in ("http", "websocket") and self._knows(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = await self._asked(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _knows(self, scope: Scope) -> bool:
        given = HTTPConnection(scope).cookies.get(COOKIE, "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._pass.encode())

    async def _asked(self, request: Request) -> Response:
        """The form; behind a right password, the way in."""
        if request.method != "POST":
            return _form(401)
        origin = urlsplit(request.headers.get("origin") or "").netloc
        if origin and origin != request.headers.get("host"):
            return _form(403, "Pages of other origins may not ask here.")
        address = request.client.host if request.client else ""
        if wait := self._guesses.wait(address):
            words = f"Too many wrong passwords. Try again in {wait:.0f} seconds."
            return _form(429, words, {"Retry-After": f"{wait:.0f}"})
        given = await _password_in(request)
        if given is None or not hmac.compare_digest(_digest(given), self._digest):
            self._guesses.wrong(address)
            return _form(401, "That is not the password.")
        self._guesses.right(address)
        inside = RedirectResponse("/", 303, headers=_HEADERS)
        secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        inside.set_cookie(COOKIE, self._pass, httponly=True, samesite="strict", secure=secure)
        return inside


async def _password_in(request: Request) -> str | None:
    """The form's field; None where the body is no such form, or larger than one."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _BODY_BYTES:
            return None
    values = parse_qs(body.decode("utf-8", "replace")).get("password", [])
    return values[0] if len(values) == 1 else None


def _form(status: int, words: str = "", headers: dict[str, str] | None = None) -> HTMLResponse:
    said = f'<p class="said" role="alert">{html.escape(words)}</p>' if words else ""
    return HTMLResponse(_FORM.replace("<!-- said -->", said), status, {**_HEADERS, **(headers or {})})


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
