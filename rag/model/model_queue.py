"""The line in front of the model: first come first served, bounded; one at a time, or a few on a server.

Takes threads that want the model, gives each its turn. Knows nothing of the model.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from rag.errors import ModelBusy

_LOOK_SECONDS = 0.1  # how soon a waiting thread sees that it was stopped


class ModelQueue:
    """At most `limit` wait while one is served, or `at_once`."""

    def __init__(self, limit: int, *, at_once: int = 1) -> None:
        self.limit = limit
        self.at_once = at_once
        self._line: deque[object] = deque()  # the first `at_once` are being served
        self._moved = threading.Condition()

    def enter(self) -> Ticket:
        """A place at the end of the line; raises `ModelBusy` when the line is full."""
        with self._moved:
            waiting = max(0, len(self._line) - self.at_once)
            if len(self._line) >= self.at_once and waiting >= self.limit:
                raise ModelBusy(
                    f"{waiting} questions wait for the model already, and {self.limit} may: try again in a "
                    "while (RAG_QUEUE sets the limit)"
                )
            ticket = Ticket(self)
            self._line.append(ticket)
            return ticket

    def __len__(self) -> int:
        return len(self._line)


class Ticket:
    """A place in the line; leave it when done, or the line stands still. Also a context manager."""

    def __init__(self, queue: ModelQueue) -> None:
        self._queue = queue

    def wait(self, stop: threading.Event | None = None) -> Iterator[int]:
        """Gives the number of those ahead each time it changes, and ends when it is this ticket's turn.

        Ends early, with the turn not reached, when `stop` is set: look at `stop` afterwards.
        """
        queue, told = self._queue, 0
        while not (stop is not None and stop.is_set()):
            with queue._moved:
                ahead = queue._line.index(self) - queue.at_once + 1
                if ahead <= 0:
                    return
                if ahead == told:
                    queue._moved.wait(_LOOK_SECONDS)
                    continue
            told = ahead
            yield ahead

    def leave(self) -> None:
        """Gives the place up; may be called twice."""
        with self._queue._moved:
            if self in self._queue._line:
                self._queue._line.remove(self)
                self._queue._moved.notify_all()

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
