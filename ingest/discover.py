"""Paths that a person names -> the files below them, and what became of those that the index knows.

Takes paths and the index's places, gives a `Plan`: for each file what is to be done. Only looks: sizes and
times first, a file's hash where these differ, never a parser. A change that keeps a file's size and its time
to the nanosecond is not seen: two writes within one tick of a file system's clock (2 s on FAT, 4 ms or less
elsewhere), or a program that puts the time back; touching the file shows it.

A folder is a root; its files are named by their path below it. A file named by itself has its folder as root.
What lies below a root that the index knows keeps that root; naming a folder above a known root takes it over.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ingest.files import hash_file
from ingest.walk import Found, Walk, is_below
from rag.errors import SourceError, UsageError
from rag.records import Failure, Place

Action = Literal["read", "link", "move", "keep"]
Outcome = Literal["added", "updated", "moved", "unchanged"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done for one file, and what the report will call it.

    `read`: parse and embed it; `link`: its content is in the index already; `move`: as `link`, and it was at
    `before`; `keep`: nothing.
    """

    action: Action
    outcome: Outcome
    place: Place
    before: bytes | None = None


@dataclass(slots=True)
class Plan:
    """All tasks in the order of their names, and what is gone, left out or can't be read."""

    tasks: list[Task] = field(default_factory=list)
    gone: list[Place] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)  # failed before, and gone
    failed: list[Failure] = field(default_factory=list)  # can't be opened now, or failed before, unchanged
    left_out: Counter[str] = field(default_factory=Counter)


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
    stopped: Callable[[], bool] = lambda: False,
) -> Plan:
    """The plan for reading `paths` into an index that has `places`.

    `has_content(hash)` says whether a content is in the index; files that failed before are tried again only
    when they or the parsers changed, or with `retry`; the folder `leave_out` (the index's own) is not walked.
    When `stopped()` turns true the plan ends there, and nothing in it is gone. Raises `UsageError` for a path
    that is not there.
    """
    if not paths:
        raise UsageError("no path was given; name the files and folders to read")
    look = _Look(places, failures, leave_out)
    found = look.at([_absolute(path) for path in paths])
    planner = _Planner(look, has_content, file_megabytes)
    if not retry:
        planner.failed_before = {
            place.location: (place, reason)
            for place, reason, version in failures
            if version == parser_version
        }
    plan = look.plan
    for one in found:
        if stopped():
            return plan
        if (task := planner.task(one)) is not None:
            plan.tasks.append(task)
    moved = {task.before for task in plan.tasks}
    plan.gone = [place for place in look.missing if place.location not in moved]
    plan.forgotten = [
        place.location
        for place, _, _ in failures
        if look.covers(place.location) and (not _exists(place.location) or look.is_ignored(place.location))
    ]
    return plan


class _Look:
    """The files at some paths, and the index's places there where no file is any more."""

    def __init__(
        self, places: Sequence[Place], failures: Sequence[tuple[Place, str, int]], leave_out: Path | None
    ) -> None:
        self.plan = Plan()
        self.known = {place.location: place for place in places}
        self.missing: list[Place] = []
        self._wanted: list[bytes] = []
        self._roots = {_root_of(place) for place in places}
        read_before = frozenset([*self.known, *(place.location for place, _, _ in failures)])
        self._walk = Walk(known=read_before, leave_out=os.fsencode(leave_out) if leave_out else None)

    def at(self, paths: Sequence[bytes]) -> list[Found]:
        """Everything at the paths, in the order of roots and names."""
        self._wanted = list(paths)
        self._roots.update(path for path in paths if os.path.isdir(path))
        found = {one.location: one for path in paths for one in self._found(path)}
        for place in self.known.values():
            if place.location in found or not self.covers(place.location):
                continue
            # a hidden file, say, that was named by itself when it was read; a .ragignore holds all the same
            again = None
            if os.path.isfile(place.location) and not self.is_ignored(place.location):
                again = self._file(place.location)
            if again is not None:
                found[place.location] = again
            else:
                self.missing.append(place)
        for folder, reason in self._walk.unlisted.items():
            self.plan.failed.append(Failure(_shown(folder), reason))
        self.plan.left_out = self._walk.left_out
        return sorted(found.values(), key=lambda one: (one.root, one.location))

    def is_ignored(self, location: bytes) -> bool:
        """Whether the file or a folder above it was passed over for a `.ragignore`."""
        while location not in self._walk.ignored:
            above = os.path.dirname(location)
            if above == location:
                return False
            location = above
        return True

    def covers(self, location: bytes) -> bool:
        """Whether a file at `location` would have been found if it were there."""
        if any(is_below(location, folder) for folder in self._walk.unlisted):
            return False
        return any(location == path or is_below(location, path) for path in self._wanted)

    def _found(self, path: bytes) -> Iterator[Found]:
        if os.path.isdir(path):
            yield from self._walk.files(path, self._root(path))
        elif (one := self._file(path)) is not None:
            yield one

    def _file(self, path: bytes) -> Found | None:
        try:
            status = os.stat(path)
        except OSError:
            return None  # gone since it was looked for
        return Found(self._root(os.path.dirname(path)), path, status.st_size, status.st_mtime_ns)

    def _root(self, folder: bytes) -> bytes:
        """The known or named root that `folder` is in, the highest; else `folder` itself."""
        above = [root for root in self._roots if root == folder or is_below(folder, root)]
        return min(above, key=len, default=folder)


class _Planner:
    """Says what is to be done for a file, given what the index has."""

    def __init__(self, look: _Look, has_content: Callable[[str], bool], file_megabytes: int) -> None:
        self.failed_before: dict[bytes, tuple[Place, str]] = {}
        self._known = look.known
        self._plan = look.plan
        self._movable = {place.content_hash: place for place in look.missing}
        self._has_content = has_content
        self._file_megabytes = file_megabytes

    def task(self, one: Found) -> Task | None:
        present = self._known.get(one.location)
        if present is not None and _same_file(one, present):
            place = _place(one, present.content_hash)
            return Task("keep" if place == present else "link", "unchanged", place)
        failed = self.failed_before.get(one.location)
        if failed is not None and _same_file(one, failed[0]):
            self._plan.failed.append(Failure(_place(one).source, failed[1]))
            return None
        try:
            place = _place(one, hash_file(one.location, limit_megabytes=self._file_megabytes))
        except SourceError as error:
            self._plan.failed.append(Failure(_place(one).source, str(error)))
            return None
        return self._hashed(place, present)

    def _hashed(self, place: Place, present: Place | None) -> Task:
        if present is not None and present.content_hash == place.content_hash:
            return Task("link", "unchanged", place)  # touched
        outcome: Outcome = "added" if present is None else "updated"
        if not self._has_content(place.content_hash):
            return Task("read", outcome, place)
        before = self._movable.pop(place.content_hash, None) if present is None else None
        if before is not None:
            return Task("move", "moved", place, before.location)
        return Task("link", outcome, place)


def _place(one: Found, content_hash: str = "") -> Place:
    return Place(
        root=_shown(one.root),
        source=_shown(one.location[len(one.root.rstrip(b"/")) + 1 :]),
        location=one.location,
        content_hash=content_hash,
        size_bytes=one.size_bytes,
        modified_ns=one.modified_ns,
    )


def _same_file(one: Found, place: Place) -> bool:
    return (one.size_bytes, one.modified_ns) == (place.size_bytes, place.modified_ns)


def _absolute(path: str | Path) -> bytes:
    """The path with its folders' links resolved, so that one folder has one name."""
    if not os.path.exists(path):
        raise UsageError(f"{str(path)!r} is not there; name a file or a folder")
    location = os.path.abspath(os.fsencode(path))
    if os.path.isdir(location):
        return os.path.realpath(location)
    return os.path.join(os.path.realpath(os.path.dirname(location)), os.path.basename(location))


def _root_of(place: Place) -> bytes:
    """The root in the file system's own bytes: the location without as many parts as the source has."""
    root = place.location
    for _ in range(place.source.count("/") + 1):
        root = os.path.dirname(root)
    return root


def _exists(location: bytes) -> bool:
    return os.path.lexists(location)


def _shown(path: bytes) -> str:
    """A path as people see it: valid UTF-8, undecodable bytes as `\\xNN`."""
    return path.decode("utf-8", "backslashreplace")
