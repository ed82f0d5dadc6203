"""Documents being read into the index, in a thread that every tab can watch.

Takes the pipeline as a callable; gives how far it is and what came of it, as records and as plain data for
the screen. Paths that are named while reading goes on are read after it. Knows nothing about Streamlit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import RagError
from ui.terminal import duration, plural, visible

if TYPE_CHECKING:
    from ingest.pipeline import Progress, Report

    Pipeline = Callable[[Sequence[Path], Callable[[Progress], None], threading.Event], Report]

_MOST_FAILURES_SHOWN = 8
_log = logging.getLogger(__name__)


class Intake:
    """What is read now and what was read last. One at a time; safe to share by tabs."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._lock = threading.Lock()
        self._waiting: list[Path] = []
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.progress: Progress | None = None
        self.report: Report | None = None
        self.error: str | None = None

    @property
    def going(self) -> bool:
        """Whether something is read now."""
        return self._thread is not None

    @property
    def stopping(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._stop.is_set()

    def start(self, paths: Sequence[Path]) -> None:
        """Reads these paths, at once or after what is being read."""
        with self._lock:
            self._waiting += [path for path in paths if path not in self._waiting]
            if self._thread is None:
                self._stop.clear()
                self._thread = threading.Thread(target=self._work, name="reading", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Ends it after the file at hand; what is read stays."""
        with self._lock:
            self._waiting.clear()
            self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Waits for the end; false when the time was over first."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self._thread is None

    def _work(self) -> None:
        while paths := self._next():
            self.progress = self.report = self.error = None
            try:
                self.report = self._pipeline(paths, self._note, self._stop)
            except RagError as error:
                self.error = str(error)
            except Exception as error:  # the page must go on; the traceback goes to the terminal
                _log.exception("reading failed in a way that was not foreseen")
                self.error = (
                    f"Something failed inside ({type(error).__name__}); the terminal has the details."
                )

    def _next(self) -> list[Path]:
        """The paths to read now; with none left the thread counts as ended, before anybody adds more."""
        with self._lock:
            paths, self._waiting = self._waiting, []
            if not paths:
                self._thread = None
            return paths

    def _note(self, progress: Progress) -> None:
        self.progress = progress


def intake_data(intake: Intake) -> dict[str, Any] | None:
    """What the screen shows; None when nothing was read since the start."""
    if intake.going:
        return {"going": _going(intake), "done": None}
    if intake.error is not None:
        return {"going": None, "done": {"words": intake.error, "failed": [], "trouble": True}}
    if intake.report is not None:
        return {"going": None, "done": _done(intake.report, stopped=intake.stopping)}
    return None


def _going(intake: Intake) -> dict[str, Any]:
    progress = intake.progress
    if progress is None:
        return {"now": "Looking for what is new", "far": " ", "share": None, "stopping": intake.stopping}
    far = [f"{progress.files_done:,} of {plural(progress.files_total, 'file')}"]
    if progress.pages:
        far.append(plural(progress.pages, "page"))
    far.append(plural(progress.chunks, "chunk"))
    if progress.chunks_per_second is not None:
        far.append(f"{progress.chunks_per_second:.0f} a second")
    if progress.seconds_left is not None:
        far.append(f"about {duration(progress.seconds_left)} left")
    page = f", page {progress.page[0]} of {progress.page[1]}" if progress.page else ""
    return {
        "now": f"Reading {visible(progress.source)}{page}" if progress.source else "Looking for what is new",
        "far": ", ".join(far),
        "share": progress.files_done / progress.files_total if progress.files_total else None,
        "stopping": intake.stopping,
    }


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _done(report: Report, *, stopped: bool) -> dict[str, Any]:
    counts = [
        (len(report.added), "added"),
        (len(report.updated), "updated"),
        (len(report.moved), "moved"),
        (len(report.removed), "removed"),
        (len(report.unchanged), "unchanged"),
        (len(report.failed), "could not be read"),
    ]
    said = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "nothing to read was found"
    took = f"{plural(report.chunks, 'chunk')} in {_took(report.seconds)}"
    words = f"{'Stopped: ' if stopped else ''}{said}; {took}."
    words += "".join(f" {count} left out: {why}." for why, count in report.left_out.items())
    shown = (*report.failed, *report.warnings)[:_MOST_FAILURES_SHOWN]
    return {
        "words": words[:1].upper() + words[1:],
        "failed": [{"name": visible(failure.source), "reason": visible(failure.reason)} for failure in shown],
        "trouble": bool(report.failed),
    }
