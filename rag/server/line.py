"""The line of requests in front of what only one can use at a time, and the threads that serve it.

Takes work as a function that gives items, gives them to an event loop as they come. First come, first
served, and bounded: one too many is refused at once, before anything was done for it. Who leaves is taken out
of the line. Items are never held back by a client that reads slowly: it holds up itself alone. Knows nothing
of HTTP, nor of what the work is.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from rag.model.model_queue import ModelQueue, Ticket
from rag.records import Queued

Item = TypeVar("Item")
Work = Callable[[threading.Event], Iterator[Item]]
LONGEST_WAIT_SECONDS = 600
_FIRST_GUESS_SECONDS = 5.0  # how long one takes, before one was timed
_NEW_SHARE = 0.25  # of the newest time in the running mean


class Line:
    """`at_once` jobs run, `limit` more wait; `start` raises `ModelBusy` for the next."""

    def __init__(self, name: str, limit: int, *, at_once: int = 1) -> None:
        self._queue = ModelQueue(limit, at_once=at_once)
        # a job's thread goes on for a moment after its place in the line is free again
        self._pool = ThreadPoolExecutor(2 * (limit + at_once), thread_name_prefix=name)
        self._seconds = _FIRST_GUESS_SECONDS

    def start(self, work: Work[Item]) -> Job[Item]:
        """Takes a place for `work`; call it from the event loop, so that who came first is first."""
        ticket = self._queue.enter()
        job = Job[Item](self, asyncio.get_running_loop())
        try:
            self._pool.submit(job._serve, ticket, work)
        except BaseException:
            ticket.leave()
            raise
        return job

    @property
    def running(self) -> int:
        """How many are being served."""
        return min(len(self._queue), self._queue.at_once)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, len(self._queue) - self._queue.at_once)

    def retry_seconds(self) -> int:
        """After how long it is worth while to come again, by what jobs have taken lately."""
        seconds = math.ceil(self._seconds * len(self._queue) / self._queue.at_once)
        return min(LONGEST_WAIT_SECONDS, max(1, seconds))

    def close(self) -> None:
        """No more jobs; those that run are waited for."""
        self._pool.shutdown(cancel_futures=True)

    def _timed(self, seconds: float) -> None:
        self._seconds += _NEW_SHARE * (seconds - self._seconds)


class Job(Generic[Item]):
    """Work in the line. `stop` ends it wherever it is; who started it sets it at the latest at the end."""

    def __init__(self, line: Line, loop: asyncio.AbstractEventLoop) -> None:
        self.stop = threading.Event()
        self.gone = False  # whether nobody is there any more to be told
        self._line = line
        self._loop = loop
        self._items: asyncio.Queue[Item | Queued | BaseException | None] = asyncio.Queue()

    async def items(self) -> AsyncIterator[Item | Queued]:
        """`Queued` while it waits, then what the work gives; raises what the work raises."""
        try:
            while (item := await self._items.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.stop.set()

    def _serve(self, ticket: Ticket, work: Work[Item]) -> None:
        try:
            with ticket:
                for ahead in ticket.wait(self.stop):
                    self._put(Queued(ahead))
                if not self.stop.is_set():
                    begun = time.monotonic()
                    for item in work(self.stop):
                        self._put(item)
                    self._line._timed(time.monotonic() - begun)
            self._put(None)
        except BaseException as error:  # it is raised again where the items are read
            self._put(error)

    def _put(self, item: Item | Queued | BaseException | None) -> None:
        if self._loop.is_closed():  # the server has ended; nobody reads any more
            self.stop.set()
        else:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
