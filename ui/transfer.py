"""A model file being brought here or checked, in a thread that every tab can watch.

Takes a file's name when somebody asks for it, and only then; gives how far it is. A stopped download keeps
what came, and the next one goes on from there. Knows nothing about Streamlit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rag.errors import RagError

What = Literal["download", "use"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transferred:
    """How far it is: bytes done of all, since when, and in words what is being done."""

    name: str
    what: What
    stage: str = ""
    done: int = 0
    total: int = 0
    began_at: float = 0.0  # on the monotonic clock, when this stage began
    began_with: int = 0  # bytes that were there then

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None where that is not known."""
        moved, seconds = self.done - self.began_with, time.monotonic() - self.began_at
        return (self.total - self.done) * seconds / moved if moved > 0 and seconds > 1 else None


class _Stopped(Exception):
    """Somebody pressed Stop."""


class Transfer:
    """One at a time. `use_model` is told of the file that shall answer from now on."""

    def __init__(self, use_model: Callable[[str | None], None]) -> None:
        self._use_model = use_model
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.progress: Transferred | None = None
        self.said: str | None = None  # what came of the last one, in words
        self.error: str | None = None

    @property
    def going(self) -> bool:
        """Whether something is under way."""
        return self._thread is not None

    @property
    def stopping(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._stop.is_set()

    def start(self, what: What, name: str) -> None:
        """Begins; while another one is under way nothing happens."""
        with self._lock:
            if self._thread is not None:
                return
            self._stop.clear()
            self.progress, self.said, self.error = Transferred(name, what), None, None
            self._thread = threading.Thread(target=self._work, args=(what, name), name=what, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends it; what came of a download stays for the next one."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Waits for the end; false when the time was over first."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self._thread is None

    def _work(self, what: What, name: str) -> None:
        try:
            self.said = self._downloaded(name) if what == "download" else self._used(name)
        except _Stopped:
            self.said = "Stopped. What came is kept, and Go on continues from there."
        except RagError as error:
            self.error = str(error)
        except Exception as error:  # the page must go on; the traceback goes to the terminal
            _log.exception("a model file failed in a way that was not foreseen")
            self.error = f"Something failed inside ({type(error).__name__}); the terminal has the details."
        finally:
            self._thread = None

    def _downloaded(self, name: str) -> str:
        from rag.model_files.pulling import pull

        pulled = pull(name, on_progress=self._note)
        if pulled.made_default:
            self._use_model(str(pulled.path))
            return f"{pulled.path.name} is here and verified, and answers from now on."
        return f"{pulled.path.name} is here and verified."

    def _used(self, name: str) -> str:
        from rag.model_files.pulling import use

        chosen = use(name, on_progress=self._note)
        self._use_model(str(chosen.path))
        return f"{chosen.path.name} answers from now on."

    def _note(self, stage: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        before = self.progress
        assert before is not None
        if before.stage == stage:
            began_at, began_with = before.began_at, before.began_with
        else:
            began_at, began_with = time.monotonic(), done
        self.progress = Transferred(before.name, before.what, stage, done, total, began_at, began_with)
