"""An answer as server-sent events, and what ends one when its client has gone.

Takes a job in the line, gives an HTTP response. Waiting and reading are told in comments, which clients skip
and which keep the connection alive. Nothing is sent before the first event is there: what goes wrong until
then has a status of its own; what goes wrong later is an error event, which OpenAI's clients raise.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rag.errors import RagError
from rag.records import Answer, Done, Event, Queued, Reading, Retrieved, TextDelta
from rag.server.errors import described
from rag.server.line import Job
from rag.server.replies import Reply

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back
]


@contextlib.contextmanager
def ended_by_disconnect(job: Job[Any], receive: Receive) -> Iterator[None]:
    """Ends the job when its client goes, and when the block is left."""
    watcher = watch(job, receive)
    try:
        yield
    finally:
        job.stop.set()
        watcher.cancel()


def watch(job: Job[Any], receive: Receive) -> asyncio.Task[None]:
    """A task that ends the job when its client goes; cancel it when it is done with."""

    async def until_gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            continue
        job.gone = True
        job.stop.set()

    return asyncio.create_task(until_gone())


class EventStream(Response):
    """The stream of one answer; `begin` waits for its first event and raises what went wrong by then."""

    def __init__(
        self,
        job: Job[Event],
        reply: Reply,
        *,
        include_usage: bool,
        answered: Callable[[Answer], None],
    ) -> None:
        super().__init__()
        self._job = job
        self._events = job.items()
        self._first: list[Event] = []
        self._reply = reply
        self._include_usage = include_usage
        self._answered = answered

    async def begin(self, receive: Receive) -> None:
        """Waits until there is something to tell, and watches the client from here on."""
        self._watcher = watch(self._job, receive)
        try:
            async for event in self._events:
                self._first.append(event)
                if not isinstance(event, Retrieved):
                    return
        except BaseException:
            self._end()
            raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            async for data in self._data():
                await send({"type": "http.response.body", "body": data.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._end()

    def _end(self) -> None:
        self._job.stop.set()
        self._watcher.cancel()

    async def _data(self) -> AsyncIterator[str]:
        yield _event(self._reply.piece({"role": "assistant", "content": ""}))
        try:
            for event in self._first:
                for data in self._told(event):
                    yield data
            async for event in self._events:
                for data in self._told(event):
                    yield data
        except RagError as error:
            yield _event(described(error)[1])
        yield "data: [DONE]\n\n"

    def _told(self, event: Event) -> Iterator[str]:
        reply = self._reply
        if isinstance(event, Queued):
            yield f": waiting, {event.position} before you\n\n"
        elif isinstance(event, Reading):
            yield f": reading, {event.done} of {event.total} tokens\n\n"
        elif isinstance(event, TextDelta):
            yield _event(reply.piece({"content": event.text}))
        elif isinstance(event, Done):
            self._answered(event.answer)
            if below := reply.footnotes(event.answer):
                yield _event(reply.piece({"content": below}))
            yield _event(reply.last_piece(event.answer))
            if self._include_usage:
                yield _event(reply.usage_piece(event.answer))


def _event(value: dict[str, Any]) -> str:
    # in ASCII: some clients end a line at U+2028, too
    return f"data: {json.dumps(value, separators=(',', ':'))}\n\n"
