"""Parses files before their turn, so that parser and embedder are both at work.

Takes tasks and a function that parses one, gives what came of each, in order. What waits is bounded in files
and in bytes. Does not know what a parsed file becomes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from ingest.discover import Task
from rag.errors import SourceError

MOST_FILES = 64
MOST_BYTES = 4 << 20  # of the files that wait together; a larger one is parsed ahead alone
LEAST_FILES = 2  # whatever their size
_POLL_SECONDS = 0.1  # how soon Stop is seen while a parser is at work

Parsed = TypeVar("Parsed")


class ReadAhead(Generic[Parsed]):
    """The results of `parse` for each task in order; the pool's threads do the parsing."""

    def __init__(
        self,
        tasks: Sequence[Task],
        parse: Callable[[Task], Parsed],
        pool: ThreadPoolExecutor,
        stop: threading.Event,
    ) -> None:
        self._left = deque(tasks)
        self._waiting: deque[tuple[Task, Future[Parsed]]] = deque()
        self._parse = parse
        self._pool = pool
        self._stop = stop
        self.waited_seconds = 0.0

    def upcoming(self) -> Task | None:
        """The task whose result is next; None after the last, and when it was stopped."""
        if self._stop.is_set():
            return None
        while self._left and self._has_room(self._left[0]):
            task = self._left.popleft()
            self._waiting.append((task, self._pool.submit(self._parse, task)))
        return self._waiting[0][0] if self._waiting else None

    def _has_room(self, task: Task) -> bool:
        if len(self._waiting) < LEAST_FILES:
            return True
        waiting_bytes = sum(other.place.size_bytes for other, _ in self._waiting)
        return len(self._waiting) < MOST_FILES and waiting_bytes + task.place.size_bytes <= MOST_BYTES

    def next(self, *, patience_seconds: float | None) -> tuple[Task, Parsed | SourceError] | None:
        """The next task and its result; None if it isn't there in time, or when it was stopped."""
        task, future = self._waiting[0]
        begun = time.monotonic()
        while not (future.done() or self._stop.is_set()):
            left = _POLL_SECONDS
            if patience_seconds is not None:
                left = min(left, begun + patience_seconds - time.monotonic())
                if left <= 0:
                    break
            wait([future], timeout=left)
        self.waited_seconds += time.monotonic() - begun
        if self._stop.is_set() or not future.done():
            return None
        self._waiting.popleft()
        error = future.exception()
        return task, error if isinstance(error, SourceError) else future.result()
