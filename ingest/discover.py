"""Paths that a person names -> the files below them, and what became of those that the index knows.

Takes paths and the index's places, gives a `Plan`: for each file what is to be done. Only looks: sizes and
times first, a file's hash where these differ, never a parser.

A folder is a root; its files are named by their path below it. A file named by itself has its folder as root.
What lies below a root that the index knows keeps that root; naming a folder above a known root takes it over.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ingest.files import hash_file, read_head
from ingest.parse import EXTENSIONS, HEAD_BYTES, worth_reading
from rag.errors import SourceError, UsageError
from rag.records import Failure, Place

Action = Literal["read", "link", "move", "keep"]

HIDDEN = "hidden"
OUTWARD_LINK = "a link out of the folder"
FOLDER_LINK = "a link to a folder"
NOT_A_FILE = "not an ordinary file"
NO_PARSER = "no parser for it"


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done for one file.

    `read`: parse and embed it; `link`: its content is in the index already; `move`: as `link`, and it was at
    `before`; `keep`: nothing. `known` says whether the index had something else at this place.
    """

    action: Action
    place: Place
    known: bool = False
    before: bytes | None = None


@dataclass(slots=True)
class Plan:
    """All tasks in the order of their names, and what is gone, left out or can't be read."""

    tasks: list[Task] = field(default_factory=list)
    gone: list[Place] = field(default_factory=list)
    failed: list[tuple[Place, str]] = field(default_factory=list)  # found out now
    remembered: list[Failure] = field(default_factory=list)  # failed before, and unchanged since
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Found:
    root: bytes
    location: bytes
    size_bytes: int
    modified_ns: int

    def place(self, content_hash: str = "") -> Place:
        return Place(
            root=_shown(self.root),
            source=_shown(os.path.relpath(self.location, self.root)),
            location=self.location,
            content_hash=content_hash,
            size_bytes=self.size_bytes,
            modified_ns=self.modified_ns,
        )


def discover(
    paths: Sequence[str | Path],
    places: Sequence[Place],
    failures: Sequence[tuple[Place, str, int]],
    *,
    has_content: Callable[[str], bool],
    parser_version: int,
    file_megabytes: int,
    retry: bool = False,
    leave_out: Path | None = None,
) -> Plan:
    """The plan for reading `paths` into an index that has `places`.

    `has_content(hash)` says whether a content is in the index; files that failed before are tried again only
    when they or the parsers changed, or with `retry`; the folder `leave_out` (the index's own) is not walked.
    Raises `UsageError` for a path that is not there.
    """
    plan = Plan()
    wanted = [_absolute(path) for path in paths]
    walk = _Walk(wanted, {os.fsencode(place.root) for place in places}, leave_out, plan)
    found = {one.location: one for one in walk.files()}
    known = {place.location: place for place in places}
    failed_before = {
        place.location: (place, reason)
        for place, reason, version in failures
        if version == parser_version and not retry
    }
    missing = [place for place in places if place.location not in found and walk.covers(place.location)]
    movable = {place.content_hash: place for place in missing}
    moved: set[bytes] = set()
    for one in sorted(found.values(), key=lambda one: (one.root, one.location)):
        task = _task(one, known, failed_before, movable, has_content, file_megabytes, plan)
        if task is None:
            continue
        if task.action == "move":
            assert task.before is not None
            moved.add(task.before)
            movable.pop(task.place.content_hash)
        plan.tasks.append(task)
    plan.gone = [place for place in missing if place.location not in moved]
    return plan


def _task(
    one: _Found,
    known: dict[bytes, Place],
    failed_before: dict[bytes, tuple[Place, str]],
    movable: dict[str, Place],
    has_content: Callable[[str], bool],
    file_megabytes: int,
    plan: Plan,
) -> Task | None:
    present = known.get(one.location)
    if present is not None and _looks_the_same(one, present):
        place = one.place(present.content_hash)
        return Task("keep" if place == present else "link", place, known=True)
    failed = failed_before.get(one.location)
    if failed is not None and _looks_the_same(one, failed[0]):
        plan.remembered.append(Failure(one.place().source, failed[1]))
        return None
    try:
        place = one.place(hash_file(one.location, limit_megabytes=file_megabytes))
    except SourceError as error:
        plan.failed.append((one.place(), str(error)))
        return None
    if present is not None and present.content_hash == place.content_hash:
        return Task("link", place, known=True)
    if not has_content(place.content_hash):
        return Task("read", place, known=present is not None)
    before = movable.get(place.content_hash)
    if before is not None and present is None:
        return Task("move", place, before=before.location)
    return Task("link", place, known=False)


def _looks_the_same(one: _Found, place: Place) -> bool:
    return (one.size_bytes, one.modified_ns) == (place.size_bytes, place.modified_ns)


class _Walk:
    """The files below the named paths; counts what it leaves out."""

    def __init__(
        self, wanted: Sequence[bytes], roots: set[bytes], leave_out: Path | None, plan: Plan
    ) -> None:
        self._wanted = wanted
        self._roots = roots
        self._leave_out = os.fsencode(leave_out) if leave_out else None
        self._plan = plan
        self._unread: list[bytes] = []  # folders that could not be looked into

    def covers(self, location: bytes) -> bool:
        """Whether a file at `location` would have been found if it were there."""
        if any(_is_below(location, folder) for folder in self._unread):
            return False
        return any(location == path or _is_below(location, path) for path in self._wanted)

    def files(self) -> Iterator[_Found]:
        for path in self._wanted:
            if os.path.isdir(path):
                yield from self._folder(self._root_of(path), path)
            else:
                root = self._root_of(os.path.dirname(path))
                status = os.stat(path)
                yield _Found(root, path, status.st_size, status.st_mtime_ns)

    def _root_of(self, folder: bytes) -> bytes:
        """The known root that `folder` is in, the highest; else `folder` itself."""
        above = [root for root in self._roots if root == folder or _is_below(folder, root)]
        return min(above, key=len, default=folder)

    def _folder(self, root: bytes, folder: bytes) -> Iterator[_Found]:
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._unread.append(folder)
            place = _Found(root, folder, 0, 0).place()
            self._plan.failed.append((place, f"the folder can't be read: {error.strerror}"))
            return
        for entry in ordered:
            if entry.name.startswith(b"."):
                self._plan.left_out[HIDDEN] += 1
            elif entry.is_dir(follow_symlinks=False):
                if entry.path != self._leave_out:
                    yield from self._folder(root, entry.path)
            else:
                yield from self._file(root, entry)

    def _file(self, root: bytes, entry: os.DirEntry[bytes]) -> Iterator[_Found]:
        try:
            if entry.is_symlink():
                if not _is_below(os.path.realpath(entry.path), os.path.realpath(root)):
                    self._plan.left_out[OUTWARD_LINK] += 1
                    return
                if entry.is_dir():
                    self._plan.left_out[FOLDER_LINK] += 1
                    return
            status = entry.stat()
            if not stat.S_ISREG(status.st_mode):
                self._plan.left_out[NOT_A_FILE] += 1
                return
            if not _is_ours(entry):
                self._plan.left_out[NO_PARSER] += 1
                return
        except FileNotFoundError:  # a link to nothing, or gone since the folder was listed
            self._plan.left_out[NOT_A_FILE] += 1
            return
        except (OSError, SourceError) as error:
            place = _Found(root, entry.path, 0, 0).place()
            self._plan.failed.append((place, f"can't be looked at: {error}"))
            return
        yield _Found(root, entry.path, status.st_size, status.st_mtime_ns)


def _is_ours(entry: os.DirEntry[bytes]) -> bool:
    name = _shown(entry.name)
    if name.lower().endswith(EXTENSIONS):
        return True
    return worth_reading(name, read_head(entry.path, HEAD_BYTES))


def _absolute(path: str | Path) -> bytes:
    if not os.path.exists(path):
        raise UsageError(f"{str(path)!r} is not there; name a file or a folder")
    return os.path.abspath(os.fsencode(path))


def _is_below(location: bytes, folder: bytes) -> bool:
    return location.startswith(folder.rstrip(b"/") + b"/")


def _shown(path: bytes) -> str:
    """A path as people see it: valid UTF-8, undecodable bytes as `\\xNN`."""
    return path.decode("utf-8", "backslashreplace")
