"""`rag ingest --watch` on real files, in a real process: what it reads, when, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hashed_embeddings import HashedEmbeddings

from ingest import watch
from ingest.pipeline import Report, ingest
from rag.errors import UsageError
from rag.settings import Settings
from rag.store.open import open_store

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 60  # on a machine that has other things to do


def load(name: str) -> Any:
    return HashedEmbeddings(name)


class Watched:
    """A folder that is followed in a thread; `reports` are those of its ingests."""

    def __init__(self, folder: Path) -> None:
        self.docs = folder / "docs"
        self.docs.mkdir()
        self.settings = Settings(index=str(folder / "docs" / "index"), embedding_model="hashed")
        self.reports: list[Report] = []
        self.waited: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._follow)

    def _follow(self) -> None:
        watch.follow(
            [self.docs],
            self.settings,
            told=self.reports.append,
            waiting=self.waited.append,
            stop=self.stop,
            load_embedder=load,
        )

    def until(self, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not there():
            assert time.monotonic() < deadline, self.reports
            assert self.thread.is_alive()
            time.sleep(0.05)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(watch, "_LOCKED_SECONDS", 0.2)
    made = Watched(tmp_path)
    (made.docs / "a.txt").write_text("There at the start.")
    made.thread.start()
    made.until(lambda: len(made.reports) == 1)
    yield made
    made.stop.set()
    made.thread.join(PATIENCE_SECONDS)
    assert not made.thread.is_alive()


def test_what_changes_is_read(watched: Watched) -> None:
    assert watched.reports[0].added == ("a.txt",)
    (watched.docs / "sub").mkdir()
    (watched.docs / "sub" / "b.txt").write_text("New, in a new folder.")
    watched.until(lambda: any(report.added == ("sub/b.txt",) for report in watched.reports))
    (watched.docs / "sub" / "b.txt").rename(watched.docs / "c.txt")
    watched.until(lambda: any(report.moved == ("c.txt",) for report in watched.reports))
    (watched.docs / "c.txt").unlink()
    watched.until(lambda: any(report.removed == ("c.txt",) for report in watched.reports))
    (watched.docs / ".ragignore").write_text("a.txt\n")
    watched.until(lambda: any(report.removed == ("a.txt",) for report in watched.reports))


def test_a_burst_of_saves_is_one_ingest_of_the_last_words(watched: Watched) -> None:
    for n in range(12):  # a writer that takes its time, but never as long as the rest that is waited for
        with (watched.docs / "long.txt").open("a") as file:
            file.write(f"Line {n}. ")
        (watched.docs / f"b{n}.txt").write_text(f"Number {n}.")
        time.sleep(watch.REST_SECONDS / 5)
    watched.until(lambda: len(watched.reports) > 1)
    assert len(watched.reports[1].added) == 13
    time.sleep(2 * watch.REST_SECONDS)
    assert len(watched.reports) == 2
    store = open_store(watched.settings.index)
    with store.snapshot() as snapshot:
        assert "Line 11." in snapshot.page("long.txt", 1).text
    store.close()


def test_a_folder_that_is_never_at_rest_is_read_all_the_same(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LONGEST_WAIT_SECONDS", 2.0)
    (watched.docs / "new.txt").write_text("New.")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(watched.reports) == 1:
        (watched.docs / "log.txt").write_text(f"{time.monotonic()}")
        time.sleep(0.1)
        assert time.monotonic() < deadline
    assert "new.txt" in watched.reports[1].added


def test_what_does_not_matter_wakes_nobody(watched: Watched) -> None:
    (watched.docs / ".hidden.txt").write_text("Not seen.")
    (watched.docs / ".git").mkdir()
    (watched.docs / ".git" / "index.txt").write_text("Not seen.")
    store = open_store(watched.settings.index)  # in the folder itself, and written by somebody else
    with store.writer(wait_seconds=5):
        pass
    store.close()
    time.sleep(3 * watch.REST_SECONDS)
    assert len(watched.reports) == 1


def test_another_ingest_works_in_between_and_is_waited_for(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "o.txt").write_text("From elsewhere.")
    report = ingest([tmp_path / "other"], watched.settings, load_embedder=load)
    assert report.added == ("o.txt",)
    store = open_store(watched.settings.index)
    with store.writer(wait_seconds=5):
        (watched.docs / "late.txt").write_text("Late.")
        watched.until(lambda: bool(watched.waited))
        assert "is being written by this process" in watched.waited[0]
        assert len(watched.reports) == 1
    store.close()
    watched.until(lambda: len(watched.reports) == 2)
    assert watched.reports[1].added == ("late.txt",)


def test_a_file_cannot_be_followed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    settings = Settings(index=str(tmp_path / "index"))
    with pytest.raises(
        UsageError, match=r"a\.txt' is not a folder; only folders can be followed with --watch"
    ):
        watch.follow([tmp_path / "a.txt"], settings, told=print, stop=threading.Event())


def test_the_command_says_a_line_for_each_change_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("A lock gate opens at noon.")
    (docs / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    log = tmp_path / "failed.jsonl"
    arguments = [
        "ingest",
        str(docs),
        "--index",
        str(tmp_path / "index"),
        "--watch",
        "--json",
        "--log",
        str(log),
    ]
    child = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert child.stdout is not None
    first = json.loads(child.stdout.readline())
    assert first["added"] == ["a.txt"]
    (docs / "b.txt").write_text("It closes at four.")
    second = json.loads(child.stdout.readline())
    assert (second["added"], second["unchanged"]) == (["b.txt"], ["a.txt"])
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert (child.returncode, out) == (0, "")
    lines = err.splitlines()
    assert lines[0] == f"following {docs}; Ctrl-C ends it"
    assert "added a.txt; failed bad.pdf (" in lines[1]
    assert lines[2].split("  ", 1)[1].startswith("added b.txt; 1 chunk, 1 embedded, in ")  # not bad.pdf again
    assert len(lines) == 3
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(entry["what"], entry["source"]) for entry in logged] == [("failed", "bad.pdf")]
    assert log.stat().st_mode & 0o777 == 0o600
