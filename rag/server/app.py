"""OpenAI-compatible HTTP over a chain: models, chat completions, embeddings, health, metrics, OpenAPI.

Takes a chain and a door, gives an ASGI application. A question goes through the chain's one stream of events,
in a line of its own: who comes while the line is full hears 429 at once. Knows neither ports nor processes
(`rag.server.run`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.chain import Chain
from rag.embedding.embeddings import LocalEmbeddings
from rag.errors import ModelBusy, RagError
from rag.records import Done, Event, Queued
from rag.remote.address import is_address
from rag.server import replies
from rag.server.asked import Asked, understood
from rag.server.errors import BadRequest, error_reply, reply_to
from rag.server.guard import BODY_BYTES, Door, Guard
from rag.server.line import Job, Line
from rag.server.metrics import CONTENT_TYPE, Metrics
from rag.server.openapi import document
from rag.server.openapi import page as page_html
from rag.server.requests import ChatRequest, EmbeddingRequest, read_request
from rag.server.stream import EventStream, ended_by_disconnect

OPENCHAT_NAME = "openchat_3.5"  # what OpenChat's own server calls it, whatever the file
QUOTES_NAME = "quotes"  # answers made of the documents' own sentences: no model is set
AT_ONCE_ON_A_SERVER = 8  # a model on a server of its own has a queue, and answers several at once
_EMBEDDED_TOKENS = 4096  # between two looks at whether anybody still wants them; many go quicker together


class Desk:
    """What the routes share: the chain, its names, the lines in front of it and the numbers."""

    def __init__(self, chain: Chain, *, locked: bool) -> None:
        self.chain = chain
        self.locked = locked
        limit = chain.settings.queue
        at_once = min(AT_ONCE_ON_A_SERVER, limit + 1) if is_address(chain.settings.model) else 1
        self.questions = Line("question", limit, at_once=at_once)
        self.embeddings = Line("embedding", limit)
        self.metrics = Metrics()
        for name, line in (("questions", self.questions), ("embeddings", self.embeddings)):
            self.metrics.watch(name, "running", lambda line=line: line.running)  # type: ignore[misc]
            self.metrics.watch(name, "waiting", lambda line=line: line.waiting)  # type: ignore[misc]
        self.started = int(time.time())

    @property
    def embedder(self) -> LocalEmbeddings | None:
        """The index's; None while nothing was ingested, which may come."""
        return self.chain.searcher.embedder

    @property
    def chat_names(self) -> list[str]:
        """What `model` may say of a question; the first is the one that is told."""
        name = self.chain.model_name
        return list(dict.fromkeys([name, OPENCHAT_NAME])) if name else [QUOTES_NAME]

    @property
    def names(self) -> list[str]:
        """All models, the embedder's last."""
        embedder = self.embedder
        return self.chat_names + ([embedder.name] if embedder else [])

    def ask(self, asked: Asked) -> Job[Event]:
        """A question's place in the line; raises `ModelBusy`."""
        try:
            return self.questions.start(lambda stop: asked.events(self.chain, stop))
        except ModelBusy:
            self.metrics.refused("questions")
            raise


def create_app(chain: Chain, door: Door, *, body_bytes: int = BODY_BYTES) -> ASGIApp:
    """The server's application, behind its door."""
    desk = Desk(chain, locked=bool(door.keys))
    routes = [
        Route("/v1/chat/completions", _on(desk, chat), methods=["POST"]),
        Route("/v1/embeddings", _on(desk, embed), methods=["POST"]),
        Route("/v1/models", _on(desk, models), methods=["GET"]),
        Route("/v1/models/{name:path}", _on(desk, one_model), methods=["GET"]),
        Route("/health", _on(desk, health), methods=["GET"]),
        Route("/metrics", _on(desk, metrics), methods=["GET"]),
        Route("/openapi.json", _on(desk, openapi), methods=["GET"]),
        Route("/docs", _on(desk, page), methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_route, RagError: _our_error(desk)})
    app.router.redirect_slashes = False
    return _Counted(Guard(app, door, body_bytes=body_bytes), desk.metrics, [route.path for route in routes])


# --- the routes ---------------------------------------------------------------------------------------


async def chat(request: Request, desk: Desk) -> Response:
    """A question about the documents, answered in one piece or as a stream."""
    asked = understood(await _read(request, ChatRequest), desk.chain.settings)
    if asked.model not in desk.chat_names:
        raise _unknown_model(asked.model, desk.chat_names)
    reply = replies.Reply(desk.chat_names[0], footnotes=asked.footnotes, ignored=asked.ignored)
    job = desk.ask(asked)
    if asked.stream:
        stream = EventStream(job, reply, include_usage=asked.include_usage, answered=desk.metrics.answered)
        await stream.begin(request.receive)
        return stream
    with ended_by_disconnect(job, request.receive):
        async for event in job.items():
            if isinstance(event, Done):
                desk.metrics.answered(event.answer)
                return JSONResponse(reply.whole(event.answer))
    return _nobody_there()


async def embed(request: Request, desk: Desk) -> Response:
    """Vectors of texts, by the model that the index was made with."""
    asked = await _read(request, EmbeddingRequest)
    embedder = desk.embedder
    if embedder is None or asked.model != embedder.name:
        raise _unknown_model(asked.model, desk.names[len(desk.chat_names) :])
    if asked.dimensions not in (None, embedder.dimension):
        message = f"dimensions is {asked.dimensions}; {embedder.name} has {embedder.dimension}"
        raise BadRequest(message, param="dimensions")
    try:
        job = desk.embeddings.start(lambda stop: _vectors(embedder, asked, stop))
    except ModelBusy:
        desk.metrics.refused("embeddings")
        raise
    done: list[tuple[np.ndarray, int]] = []
    with ended_by_disconnect(job, request.receive):
        async for item in job.items():
            if not isinstance(item, Queued):
                done.append(item)
    if job.gone:
        return _nobody_there()
    vectors = np.concatenate([rows for rows, _ in done])
    body = await asyncio.to_thread(  # thousands of numbers would keep the other clients waiting
        replies.embeddings,
        vectors,
        model=embedder.name,
        tokens=sum(count for _, count in done),
        base64_wanted=asked.encoding_format == "base64",
    )
    return Response(body, media_type="application/json")


async def models(_request: Request, desk: Desk) -> Response:
    """The names that `model` may have."""
    data = [replies.Model(id=name, created=desk.started) for name in desk.names]
    return JSONResponse(replies.Models(data=data).model_dump())


async def one_model(request: Request, desk: Desk) -> Response:
    """One of them."""
    name = request.path_params["name"]
    if name not in desk.names:
        raise _unknown_model(name, desk.names)
    return JSONResponse(replies.Model(id=name, created=desk.started).model_dump())


async def health(_request: Request, desk: Desk) -> Response:
    """Whether the index can be read; open to all, and says nothing else."""
    await asyncio.to_thread(desk.chain.store.meta)
    return JSONResponse({"status": "ok"})


async def metrics(_request: Request, desk: Desk) -> Response:
    """Prometheus' text."""
    return Response(desk.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


async def openapi(_request: Request, desk: Desk) -> Response:
    """The OpenAPI document."""
    return JSONResponse(document(locked=desk.locked))


async def page(_request: Request, desk: Desk) -> Response:
    """The same for people: one page that loads nothing from elsewhere."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return HTMLResponse(page_html(), headers={"Content-Security-Policy": policy})


# --- what they share ----------------------------------------------------------------------------------


def _on(
    desk: Desk, route: Callable[[Request, Desk], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await route(request, desk)

    return endpoint


async def _read(request: Request, kind: type[Any]) -> Any:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != "application/json":
        raise BadRequest("the body's Content-Type is to be application/json", status=415)
    return read_request(kind, await request.body())


def _vectors(
    embedder: LocalEmbeddings, asked: EmbeddingRequest, stop: Any
) -> Iterator[tuple[np.ndarray, int]]:
    texts = asked.texts()
    counts = embedder.count_all(texts)
    longest = max(counts)
    if longest > embedder.max_tokens and not asked.truncate:
        raise BadRequest(
            f"a text has {longest} tokens; {embedder.name} reads {embedder.max_tokens}: send shorter ones, "
            'or "truncate": true',
            param="input",
            code="context_length_exceeded",
        )
    some: list[str] = []
    tokens = 0
    for place, (text, count) in enumerate(zip(texts, counts, strict=True), start=1):
        some.append(text)
        tokens += count
        if tokens >= _EMBEDDED_TOKENS or place == len(texts):
            if stop.is_set():
                return
            yield embedder.embed(some), tokens
            some, tokens = [], 0


def _unknown_model(name: str, known: list[str]) -> BadRequest:
    message = f"there is no model {name!r} here; known: {', '.join(known) or 'none yet'}"
    return BadRequest(message, param="model", code="model_not_found", status=404)


def _nobody_there() -> Response:
    """To a client that has gone: 499 as nginx has it, for the numbers."""
    return error_reply(499, "the client has gone")


def _our_error(desk: Desk) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        assert isinstance(error, RagError)
        line = desk.embeddings if request.url.path == "/v1/embeddings" else desk.questions
        return reply_to(error, retry_seconds=line.retry_seconds())

    return handle


def _no_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_reply(error.status_code, str(error.detail), headers=error.headers)


class _Counted:
    """Counts each request by its route and status, whoever answered it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: list[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    def _route(self, path: str) -> str:
        """As it is declared; all that we don't have are one."""
        if path in self._routes:
            return path
        return "/v1/models/{name}" if path.startswith("/v1/models/") else "other"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requested(self._route(scope["path"]), message["status"])
            await send(message)

        await self._app(scope, receive, counted)
