"""Ends a request that blocks: when somebody wants it to end, or when nothing came in time.

Takes a Stop and deadlines, shuts the request's socket down. Knows nothing of what is sent or read.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

_LOOK_SECONDS = 0.05  # how soon Stop and a passed deadline are seen


class Stopped(Exception):
    """The read ended because somebody wanted it to."""


class Watch:
    """Shuts a request's socket down when `stop` is set or nothing came in time; a context manager.

    A read that blocks can't be told to end in another way. `reason` says which of the two it was.
    """

    def __init__(self, stop: threading.Event | None, seconds: float) -> None:
        self.reason: Literal["", "stopped", "late"] = ""
        self._stop = stop
        self._stream: Any = None
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="model-server-watch", daemon=True)
        self.expect(seconds)

    def expect(self, seconds: float) -> None:
        """From now on, the next sign of life may take this long."""
        self.seconds = seconds
        self._deadline = time.monotonic() + seconds

    def rest(self) -> None:
        """Nothing is waited for: whoever reads the events is busy with one."""
        self._deadline = math.inf

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """httpcore's `trace` extension: says when the connection is there."""
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._stream = info["return_value"]

    def __enter__(self) -> Watch:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            if self._stop is not None and self._stop.is_set():
                self.reason = "stopped"
            elif time.monotonic() > self._deadline:
                self.reason = "late"
            if self.reason and self._stream is not None:
                with contextlib.suppress(OSError):  # it may be closed already
                    self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
                return
