"""An evaluation in a thread that every tab can watch: questions asked one after the other, and their result.

Takes the evaluation itself as a callable; gives how far it is and what came of it. One at a time. Stopping
keeps what was measured. Knows nothing about Streamlit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from rag.errors import RagError
from rag.evaluation.records import EvalMode, EvalResult

Measured = Callable[[Path, EvalMode, threading.Event, Callable[[int, int, str], None]], EvalResult]
_log = logging.getLogger(__name__)


class Evaluation:
    """What is measured now, and what was measured last."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.progress: tuple[int, int, str] | None = None  # done, of how many, the question that is next
        self.result: EvalResult | None = None
        self.name = ""  # of the file of questions
        self.error: str | None = None

    @property
    def going(self) -> bool:
        """Whether questions are being asked."""
        return self._thread is not None

    @property
    def stopping(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._stop.is_set()

    def start(self, path: Path, mode: EvalMode) -> None:
        """Begins on the questions of a file; while another one is under way nothing happens."""
        with self._lock:
            if self._thread is not None:
                return
            self._stop.clear()
            self.progress, self.result, self.error, self.name = None, None, None, path.name
            self._thread = threading.Thread(
                target=self._work, args=(path, mode), name="evaluation", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Ends it where it is; the questions before are kept."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Waits for the end; false when the time was over first."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self._thread is None

    def _work(self, path: Path, mode: EvalMode) -> None:
        try:
            self.result = self._measured(path, mode, self._stop, self._note)
        except RagError as error:
            self.error = str(error)
        except Exception as error:  # the page must go on; the traceback goes to the terminal
            _log.exception("an evaluation failed in a way that was not foreseen")
            self.error = f"Something failed inside ({type(error).__name__}); the terminal has the details."
        finally:
            self._thread = None

    def _note(self, done: int, total: int, question: str) -> None:
        self.progress = (done, total, question)
