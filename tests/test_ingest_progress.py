"""What the terminal says of an ingest: the bar's words, the lines, the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.report import Progress, Report
from rag.errors import UsageError
from rag.records import Failure
from ui.ingest_progress import append_log, change_line, progress_words, report_lines


def test_the_bar_says_files_pages_chunks_rate_and_time_left() -> None:
    state = Progress(1, 1200, 90, "a.pdf", seconds_left=125.4, pages=7, seconds=3.0)
    assert progress_words(state) == "1 of 1,200 files, 7 pages, 90 chunks, 30/s, 2:05 left"
    scan = Progress(0, 2, 0, "scan.pdf", None, page=(3, 300))
    assert progress_words(scan) == "page 3 of 300, 0 of 2 files, 0 pages, 0 chunks"
    assert progress_words(Progress(0, 1, 0, "a.pdf", None)) == "0 of 1 file, 0 pages, 0 chunks"


def test_the_table_has_all_that_happened() -> None:
    report = Report(
        added=("a.txt", "b.txt"),
        removed=("c\n.txt",),
        failed=(Failure("bad\x1b.pdf", "is damaged"),),
        left_out={"hidden": 2, "named in .ragignore": 1},
        pages=3,
        chunks=40,
        embedded=39,
        seconds=4.0,
    )
    assert report_lines(report) == [
        "added          2  a.txt, b.txt",
        "removed        1  c\n.txt",
        "failed         1",
        "                  bad\\x1b.pdf: is damaged",
        "left out       3  2 hidden, 1 named in .ragignore",
        "3 pages, 40 chunks stored, 39 embedded, in 4.0 s, 10/s",
    ]


def test_a_change_is_one_line_and_none_where_nothing_changed() -> None:
    names = tuple(f"{n}.txt" for n in range(5))
    report = Report(added=names, removed=("x\ny",), chunks=5, embedded=4, seconds=0.26)
    assert change_line(report, [Failure("bad.pdf", "is damaged")]) == (
        "added 0.txt, 1.txt, 2.txt and 2 more; removed x\\ny; failed bad.pdf (is damaged); "
        "5 chunks, 4 embedded, in 0.3 s"
    )
    assert change_line(Report(unchanged=names, failed=(Failure("bad.pdf", "is damaged"),)), []) is None


def test_the_log_grows_by_a_line_a_failure(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append_log(log, [Failure("a\n.pdf", "is damaged")], [])
    append_log(log, [], [Failure("b.txt", "1 characters were left out")])
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["what"], one["source"], one["reason"]) for one in entries] == [
        ("failed", "a\n.pdf", "is damaged"),
        ("noticed", "b.txt", "1 characters were left out"),
    ]
    with pytest.raises(UsageError, match=r"--log '.*' can't be written: Is a directory; name another"):
        append_log(tmp_path, [], [])
