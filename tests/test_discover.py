"""What a look at folders finds: new, changed, touched, moved, gone; and what it leaves out, and says so."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ingest.discover import Plan, discover
from rag.errors import UsageError
from rag.records import Failure, Place

VERSION = 1


def write(path: Path, text: str, modified: int = 1_000_000_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(modified, modified))
    return path


def look(*paths: object, places: Iterable[Place] = (), failures: Any = (), **options: Any) -> Plan:
    known = list(places)
    options.setdefault("has_content", {place.content_hash for place in known}.__contains__)
    return discover(
        [Path(str(path)) for path in paths],
        known,
        failures,
        **{"parser_version": VERSION, "file_megabytes": 1, **options},
    )


def places_of(plan: Plan) -> list[Place]:
    return [task.place for task in plan.tasks]


def told(plan: Plan) -> list[tuple[str, str, str]]:
    return [(task.action, task.outcome, task.place.source) for task in plan.tasks]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    write(tmp_path / "docs" / "a.txt", "about apes")
    write(tmp_path / "docs" / "sub" / "b.md", "about bananas")
    return tmp_path / "docs"


# --- what became of files ---------------------------------------------------------------------------


def test_new_files_are_read_in_the_order_of_their_names(docs: Path) -> None:
    plan = look(docs)
    assert told(plan) == [("read", "added", "a.txt"), ("read", "added", "sub/b.md")]
    place = plan.tasks[0].place
    assert place.root == str(docs)
    assert place.location == os.fsencode(docs / "a.txt")
    assert place.content_hash == hashlib.sha256(b"about apes").hexdigest()
    assert (place.size_bytes, place.modified_ns) == (10, 1_000_000_000)
    assert plan.gone == []


def test_unchanged_files_are_not_opened(docs: Path) -> None:
    known = places_of(look(docs))
    for path in (docs / "a.txt", docs / "sub" / "b.md"):
        path.write_text(path.read_text().upper())  # a change that size and time do not show
        os.utime(path, ns=(1_000_000_000, 1_000_000_000))
    assert told(look(docs, places=known)) == [
        ("keep", "unchanged", "a.txt"),
        ("keep", "unchanged", "sub/b.md"),
    ]


def test_a_touched_file_is_only_noted_again(docs: Path) -> None:
    known = places_of(look(docs))
    os.utime(docs / "a.txt", ns=(2, 2))
    plan = look(docs, places=known)
    assert told(plan)[0] == ("link", "unchanged", "a.txt")
    assert plan.tasks[0].place.modified_ns == 2


def test_a_changed_file_is_read(docs: Path) -> None:
    known = places_of(look(docs))
    write(docs / "a.txt", "about other apes")
    assert told(look(docs, places=known))[0] == ("read", "updated", "a.txt")


def test_a_moved_file_is_the_one_that_is_gone(docs: Path) -> None:
    known = places_of(look(docs))
    (docs / "a.txt").rename(docs / "sub" / "c.txt")
    plan = look(docs, places=known)
    assert told(plan)[1] == ("move", "moved", "sub/c.txt")
    assert plan.tasks[1].before == os.fsencode(docs / "a.txt")
    assert plan.gone == []


def test_of_two_copies_of_a_file_that_is_gone_one_was_moved(docs: Path) -> None:
    known = places_of(look(docs))
    (docs / "a.txt").unlink()
    write(docs / "x.txt", "about apes")
    write(docs / "y.txt", "about apes")
    assert told(look(docs, places=known))[1:] == [("move", "moved", "x.txt"), ("link", "added", "y.txt")]


def test_a_copy_is_linked(docs: Path) -> None:
    known = places_of(look(docs))
    write(docs / "c.txt", "about apes")
    assert told(look(docs, places=known))[1] == ("link", "added", "c.txt")


def test_a_file_that_became_a_copy_of_another_is_updated(docs: Path) -> None:
    known = places_of(look(docs))
    write(docs / "a.txt", "about bananas")
    assert told(look(docs, places=known))[0] == ("link", "updated", "a.txt")


def test_gone_files_are_those_below_the_paths(docs: Path) -> None:
    known = places_of(look(docs))
    (docs / "a.txt").unlink()
    (docs / "sub" / "b.md").unlink()
    assert look(docs / "sub", places=known).gone == [known[1]]
    assert look(docs, places=known).gone == known


def test_a_file_that_became_a_folder_is_gone(docs: Path) -> None:
    known = places_of(look(docs))
    (docs / "a.txt").unlink()
    (docs / "a.txt").mkdir()
    assert look(docs, places=known).gone == [known[0]]


def test_a_hidden_file_that_was_named_by_itself_is_not_gone(docs: Path) -> None:
    write(docs / ".notes.txt", "about owls")
    known = places_of(look(docs, docs / ".notes.txt"))
    assert [place.source for place in known] == [".notes.txt", "a.txt", "sub/b.md"]
    plan = look(docs, places=known)
    assert told(plan)[0] == ("keep", "unchanged", ".notes.txt")
    assert plan.gone == []


def test_in_a_folder_that_can_no_longer_be_listed_nothing_is_gone(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = places_of(look(docs))
    real = os.scandir

    def refuse(path: bytes) -> object:
        if path.endswith(b"sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    plan = look(docs, places=known)
    assert plan.gone == []
    assert plan.failed == [Failure(str(docs / "sub"), "the folder can't be listed: Permission denied")]


# --- roots ------------------------------------------------------------------------------------------


def test_a_file_named_by_itself_has_its_folder_as_root(docs: Path) -> None:
    place = places_of(look(docs / "sub" / "b.md"))[0]
    assert (place.root, place.source) == (str(docs / "sub"), "b.md")


def test_what_lies_below_a_known_root_keeps_it(docs: Path) -> None:
    known = places_of(look(docs))
    write(docs / "sub" / "c.txt", "about cats")
    for path in (docs / "sub", docs / "sub" / "c.txt"):
        added = [task.place for task in look(path, places=known).tasks if task.outcome == "added"]
        assert [(place.root, place.source) for place in added] == [(str(docs), "sub/c.txt")]


def test_a_folder_above_a_known_root_takes_it_over(docs: Path) -> None:
    known = places_of(look(docs / "sub"))
    plan = look(docs, places=known)
    assert told(plan) == [("read", "added", "a.txt"), ("link", "unchanged", "sub/b.md")]
    assert plan.tasks[1].place.root == str(docs)


def test_paths_inside_each_other_are_one_root(docs: Path) -> None:
    plan = look(docs / "sub" / "b.md", docs, docs / "sub", docs)
    assert told(plan) == [("read", "added", "a.txt"), ("read", "added", "sub/b.md")]
    assert {place.root for place in places_of(plan)} == {str(docs)}


def test_a_folder_named_through_a_link_is_the_folder(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(docs)
    assert places_of(look(tmp_path / "link")) == places_of(look(docs))


def test_paths_with_a_dot_or_from_here(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(docs)
    assert places_of(look(".")) == places_of(look(docs)) == places_of(look("sub/..", "a.txt"))


def test_a_path_that_is_not_there(docs: Path) -> None:
    with pytest.raises(UsageError, match="nowhere' is not there; name a file or a folder"):
        look(docs, docs / "nowhere")
    with pytest.raises(UsageError, match="no path was given"):
        look()


# --- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (b"new\nline.txt", "new\nline.txt"),
        (b"esc\x1b[31m.txt", "esc\x1b[31m.txt"),
        (b"not-utf8-\xff\xfe.txt", "not-utf8-\\xff\\xfe.txt"),
        ("rtl\u202etxt.exe.txt".encode(), "rtl\u202etxt.exe.txt"),
        (b"x" * 251 + b".txt", "x" * 251 + ".txt"),
        ("中文 名.txt".encode(), "中文 名.txt"),
    ],
)
def test_any_name_is_shown_as_valid_text_and_kept_exactly(name: bytes, source: str, tmp_path: Path) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"root-\xff")
    os.mkdir(folder)
    location = os.path.join(folder, name)
    with open(location, "wb") as file:
        file.write(b"words")
    (place,) = places_of(look(os.fsdecode(folder)))
    assert (place.source, place.location) == (source, location)
    assert place.root.endswith("/root-\\xff")
    # and again: the root is found by its bytes, not by how it is shown
    assert told(look(os.fsdecode(folder), places=[place])) == [("keep", "unchanged", source)]


# --- what is left out -------------------------------------------------------------------------------


def test_what_is_left_out_is_counted(docs: Path, tmp_path: Path) -> None:
    write(docs / ".hidden.txt", "x")
    write(docs / ".git" / "config.txt", "x")
    write(docs / "film.mp4", "x")
    write(docs / "table.accdb", "x")
    (docs / "program").write_bytes(b"\x7fELF" + bytes(100))
    outside = write(tmp_path / "outside.txt", "secret")
    (docs / "outward.txt").symlink_to(outside)
    (docs / "up").symlink_to("..")
    (docs / "loop.txt").symlink_to("loop.txt")
    (docs / "again").symlink_to("sub")
    os.mkfifo(docs / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(docs / "socket.txt"))
        plan = look(docs)
    assert [place.source for place in places_of(plan)] == ["a.txt", "sub/b.md"]
    assert dict(plan.left_out) == {
        "hidden": 2,
        "no parser for it": 3,
        "a link out of the folder": 2,
        "a broken link": 1,
        "a link to a folder": 1,
        "not an ordinary file": 2,
    }
    assert plan.failed == []


def test_a_link_to_a_file_inside_is_a_file(docs: Path) -> None:
    (docs / "link.txt").symlink_to("a.txt")
    assert [place.source for place in places_of(look(docs))] == ["a.txt", "link.txt", "sub/b.md"]


def test_a_text_without_extension_is_read(docs: Path) -> None:
    write(docs / "README", "Read this.")
    (docs / "paper").write_bytes(b"%PDF-1.4 ...")
    (docs / "scan.orig").write_bytes(b"%PDF-1.4 ...")
    assert [place.source for place in places_of(look(docs))] == [
        "README",
        "a.txt",
        "paper",
        "scan.orig",
        "sub/b.md",
    ]


def test_the_indexs_own_folder_is_passed_over(docs: Path) -> None:
    write(docs / "index" / "notes.txt", "x")
    assert [place.source for place in places_of(look(docs, leave_out=docs / "index"))] == [
        "a.txt",
        "sub/b.md",
    ]


def test_folders_as_deep_as_they_get(tmp_path: Path) -> None:
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1100):  # deeper than Python's own recursion goes
            os.mkdir("d")
            os.chdir("d")
        Path("a.txt").write_text("deep")
    finally:
        os.chdir(here)
    try:
        assert [place.source.count("/") for place in places_of(look(tmp_path))] == [1100]
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # shutil.rmtree can't


# --- what can't be read -----------------------------------------------------------------------------


def test_what_is_named_and_no_file_is_a_failure(docs: Path) -> None:
    os.mkfifo(docs / "pipe.txt")
    plan = look(docs / "pipe.txt", "/dev/null")
    assert {(one.source, one.reason) for one in plan.failed} == {
        ("pipe.txt", "is a named pipe, not a file; only ordinary files are read"),
        ("null", "is a device, not a file; only ordinary files are read"),
    }


def test_a_file_over_the_limit_is_a_failure(docs: Path) -> None:
    with open(docs / "sparse.txt", "wb") as file:
        file.truncate(1 << 40)
    plan = look(docs)
    assert [place.source for place in places_of(plan)] == ["a.txt", "sub/b.md"]
    assert plan.failed == [
        Failure("sparse.txt", "the file has 1,048,576 MB, the limit is 1 MB; raise file_megabytes to read it")
    ]


def test_a_failure_is_remembered_until_the_file_or_the_parsers_change(docs: Path) -> None:
    failed = places_of(look(docs))[0]
    failures = [(failed, "it is broken", VERSION)]
    plan = look(docs, failures=failures)
    assert told(plan) == [("read", "added", "sub/b.md")]
    assert plan.failed == [Failure("a.txt", "it is broken")]
    for options in ({"retry": True}, {"parser_version": VERSION + 1}):
        assert told(look(docs, failures=failures, **options))[0] == ("read", "added", "a.txt")
    os.utime(docs / "a.txt", ns=(5, 5))
    assert told(look(docs, failures=failures))[0] == ("read", "added", "a.txt")


def test_a_failure_whose_file_is_gone_is_forgotten(docs: Path) -> None:
    failed = places_of(look(docs))[0]
    failures = [(failed, "it is broken", VERSION)]
    (docs / "a.txt").unlink()
    assert look(docs, failures=failures).forgotten == [failed.location]
    assert look(docs / "sub", failures=failures).forgotten == []


def test_what_a_ragignore_names_is_gone_and_its_failures_are_forgotten(docs: Path) -> None:
    known = places_of(look(docs))
    write(docs / "bad.pdf", "x")
    failures = [(place, "bad", VERSION) for place in places_of(look(docs)) if place.source == "bad.pdf"]
    write(docs / ".ragignore", "sub/\n*.pdf\n")
    plan = look(docs, places=known, failures=failures)
    assert told(plan) == [("keep", "unchanged", "a.txt")]
    assert [place.source for place in plan.gone] == ["sub/b.md"]
    assert plan.forgotten == [os.fsencode(docs / "bad.pdf")]
    assert plan.left_out == {"named in .ragignore": 2}


def test_a_stopped_look_calls_nothing_gone(docs: Path) -> None:
    known = places_of(look(docs))
    (docs / "a.txt").unlink()
    answers = iter([True])
    plan = look(docs, places=known, stopped=lambda: next(answers))
    assert (plan.tasks, plan.gone) == ([], [])
