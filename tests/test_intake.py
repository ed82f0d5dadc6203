"""Reading documents in a thread: progress, queueing, stopping, failing in words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.pipeline import Progress, Report
from rag.errors import IndexLocked
from rag.records import Failure
from ui.intake import Intake, intake_data

REPORT = Report(
    added=("a.md", "b.md"),
    updated=(),
    moved=(),
    removed=("old.md",),
    unchanged=("c.md",),
    failed=(Failure("evil\x1b.pdf", "a password is needed"),),
    left_out={"hidden": 3},
    warnings=(),
    chunks=12,
    embedded=12,
    seconds=1.25,
    stages={},
)


class ScriptedPipeline:
    """Tells one progress, holds until `gate` is set or it is stopped, gives a report or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.read: list[list[Path]] = []
        self.gate = threading.Event()
        self.told = threading.Event()
        self.error = error

    def run(self, paths: Sequence[Path], note: Callable[[Progress], None], stop: threading.Event) -> Report:
        self.read.append(list(paths))
        note(Progress(3, 12, 40, "long\nname.pdf", 7.6))
        self.told.set()
        while not self.gate.wait(0.01) and not stop.is_set():
            pass
        if self.error:
            raise self.error
        return REPORT


def test_nothing_was_read_yet() -> None:
    assert intake_data(Intake(ScriptedPipeline().run)) is None


def test_progress_and_report() -> None:
    pipeline = ScriptedPipeline()
    intake = Intake(pipeline.run)
    intake.start([Path("/docs")])
    assert pipeline.told.wait(5)
    assert intake_data(intake) == {
        "going": {
            "now": "Reading long\nname.pdf",
            "far": "3 of 12 files, 40 chunks, about 8 s left",
            "share": 0.25,
            "stopping": False,
        },
        "done": None,
    }
    pipeline.gate.set()
    assert intake.wait(5)
    assert intake_data(intake) == {
        "going": None,
        "done": {
            "words": "2 added, 1 removed, 1 unchanged, 1 could not be read; 12 chunks in 1.2 s."
            " 3 left out: hidden.",
            "failed": [{"name": "evil\\x1b.pdf", "reason": "a password is needed"}],
            "trouble": True,
        },
    }


def test_paths_named_meanwhile_are_read_afterwards_each_once() -> None:
    pipeline = ScriptedPipeline()
    intake = Intake(pipeline.run)
    intake.start([Path("/one")])
    assert pipeline.told.wait(5)
    intake.start([Path("/two")])
    intake.start([Path("/two"), Path("/three")])
    pipeline.gate.set()
    assert intake.wait(5)
    assert pipeline.read == [[Path("/one")], [Path("/two"), Path("/three")]]


def test_stopping_ends_it_and_forgets_what_waits() -> None:
    pipeline = ScriptedPipeline()
    intake = Intake(pipeline.run)
    intake.start([Path("/one")])
    assert pipeline.told.wait(5)
    intake.start([Path("/two")])
    intake.stop()
    assert intake.wait(5)
    assert pipeline.read == [[Path("/one")]]
    data = intake_data(intake)
    assert data is not None
    assert data["done"]["words"].startswith("Stopped: 2 added")
    pipeline.gate.set()
    intake.start([Path("/two")])  # a stop is for what was going on then
    assert intake.wait(5)
    assert not intake.stopping


def test_errors_are_words() -> None:
    for error, words in (
        (IndexLocked("process 12 is writing to the index; wait for it"), "process 12 is writing"),
        (ZeroDivisionError(), "Something failed inside (ZeroDivisionError)"),
    ):
        pipeline = ScriptedPipeline(error)
        pipeline.gate.set()
        intake = Intake(pipeline.run)
        intake.start([Path("/docs")])
        assert intake.wait(5)
        data = intake_data(intake)
        assert data is not None
        assert data["done"]["words"].startswith(words)
        assert data["done"]["trouble"]


def test_nothing_to_read() -> None:
    empty = replace(REPORT, added=(), removed=(), unchanged=(), failed=(), left_out={}, chunks=0)
    intake = Intake(lambda paths, note, stop: empty)
    intake.start([Path("/docs")])
    assert intake.wait(5)
    data = intake_data(intake)
    assert data is not None
    assert data["done"]["words"] == "Nothing to read was found; 0 chunks in 1.2 s."
