"""Uploaded files: attacked through their names, kept without loss."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import StoreError, UsageError
from ui import uploads
from ui.uploads import discard, holds, require_few, safe_name, save, save_below


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\notes.md", "notes.md"),
        (".bashrc", "bashrc"),
        ("...", "document"),
        ("", "document"),
        ("a\nb\x1b[31m.txt", "ab[31m.txt"),
        ("annex\u202efdp.exe", "annexfdp.exe"),
        ("关于灯塔.txt", "关于灯塔.txt"),
        ("cafe\u0301.txt", "café.txt"),
        ("<img src=x onerror=alert(1)>.md", "<img src=x onerror=alert(1)>.md"),
        ("a.pdf/..", "document"),
    ],
)
def test_safe_name(name: str, expected: str) -> None:
    assert safe_name(name) == expected


@given(st.text(max_size=400))
def test_a_safe_name_is_one_file_below_the_folder(name: str) -> None:
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert not safe.startswith(".")
    assert "/" not in safe
    assert "\0" not in safe
    assert len(safe.encode()) <= 200
    assert safe_name(safe) == safe


def test_a_long_name_keeps_its_ending() -> None:
    safe = safe_name("塔" * 200 + ".pdf")
    assert safe.endswith("塔.pdf")
    assert len(safe.encode()) <= 180


def test_the_same_file_twice_is_kept_once(tmp_path: Path) -> None:
    first = save(tmp_path / "up", "a.txt", io.BytesIO(b"one"))
    assert save(tmp_path / "up", "a.txt", io.BytesIO(b"one")) == first
    assert os.listdir(tmp_path / "up") == ["a.txt"]
    assert first.read_bytes() == b"one"


def test_another_file_of_the_same_name_does_not_replace_the_first(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", io.BytesIO(b"one"))
    second = save(tmp_path, "a.txt", io.BytesIO(b"two"))
    third = save(tmp_path, "a.txt", io.BytesIO(b"three"))
    assert (second.name, third.name) == ("a (2).txt", "a (3).txt")
    assert save(tmp_path, "a.txt", io.BytesIO(b"two")) == second
    assert (tmp_path / "a.txt").read_bytes() == b"one"


def test_the_folder_and_the_file_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "up", "a.txt", io.BytesIO(b"one"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"a\.txt can't be kept in .*: No space left on device"):
        save(tmp_path, "a.txt", Failing(b"one"))
    assert os.listdir(tmp_path) == []


def test_discard_deletes_only_what_is_kept_here(tmp_path: Path) -> None:
    path = save(tmp_path / "up", "a.txt", io.BytesIO(b"one"))
    outside = tmp_path / "b.txt"
    outside.write_text("mine")
    sneaking = bytes(tmp_path / "up") + b"/../b.txt"
    assert not discard(tmp_path / "up", bytes(outside))
    assert not discard(tmp_path / "up", sneaking)
    assert outside.exists()
    assert holds(tmp_path / "up", bytes(path))
    assert discard(tmp_path / "up", bytes(path))
    assert not path.exists()
    assert not discard(tmp_path / "up", bytes(path))


def test_too_many_at_once() -> None:
    require_few(uploads.MOST_FILES)
    with pytest.raises(UsageError, match="1001 files at once; 1000 is the limit"):
        require_few(1001)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("letters/2026/june.md", "letters/2026/june.md"),
        ("june.md", "june.md"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a\\..\\b.txt", "a/b.txt"),
        ("a/.hidden/./b.txt", "a/hidden/b.txt"),
        ("x/" * 40 + "y.txt", "x/" * 12 + "y.txt"),
    ],
)
def test_a_file_of_a_dropped_folder_keeps_its_folders(tmp_path: Path, path: str, kept: str) -> None:
    folder = tmp_path / "uploads"
    saved = save_below(folder, path, io.BytesIO(b"words"))
    assert saved == folder / kept
    assert saved.read_bytes() == b"words"
    assert holds(folder, os.fsencode(saved))
    assert not holds(folder / "let", os.fsencode(saved))
    assert discard(folder, os.fsencode(saved))


@given(st.text(max_size=300))
def test_no_path_leads_out(path: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "uploads"
        assert save_below(folder, path, io.BytesIO(b"x")).resolve().is_relative_to(folder)
