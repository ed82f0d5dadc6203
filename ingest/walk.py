"""Looks through folders for files that could be read, and says what was left out and why.

Takes absolute paths in bytes, gives the files found in order of their names. Hidden files, symbolic links
that lead out of the root, whatever is no ordinary file, what a `.ragignore` names and files that no parser
knows are counted. Opens nothing but `.ragignore` and the first bytes of files whose names say nothing.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.files import read_head
from ingest.ignore import IGNORE_NAME, Rules, is_named, read_rules
from ingest.parse import EXTENSIONS, PICTURES, worth_reading
from ingest.parse.ocr import INSTALL, available
from ingest.parse.recognise import HEAD_BYTES
from rag.errors import SourceError

HIDDEN = "hidden"
OUTWARD_LINK = "a link out of the folder"
FOLDER_LINK = "a link to a folder"
BROKEN_LINK = "a broken link"
NOT_A_FILE = "not an ordinary file"
NO_PARSER = "no parser for it"
PICTURE = f"a picture, whose text is read after `{INSTALL}`"
IGNORED = f"named in {IGNORE_NAME}"


@dataclass(frozen=True, slots=True)
class Found:
    """A file as a look at its folder shows it."""

    root: bytes
    location: bytes
    size_bytes: int
    modified_ns: int


@dataclass(slots=True)
class Walk:
    """One look through folders: what was left out, by reason, and the folders that could not be listed."""

    known: frozenset[bytes] = frozenset()  # locations that were read before: a parser knew them
    leave_out: bytes | None = None  # a folder that is passed over: the index's own
    left_out: Counter[str] = field(default_factory=Counter)
    unlisted: dict[bytes, str] = field(default_factory=dict)
    ignored: set[bytes] = field(default_factory=set)  # files and folders that a .ragignore names

    def files(self, folder: bytes, root: bytes) -> Iterator[Found]:
        """The files below a folder that are worth reading, depth first, in order of their names."""
        waiting = [(folder, self._rules_above(folder, root))]
        if any(is_below(folder, unlisted) for unlisted in self.unlisted):
            return  # rules from above that can't be read
        while waiting:
            current, levels = waiting.pop()
            try:
                with os.scandir(current) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                self.unlisted[current] = f"the folder can't be listed: {error.strerror}"
                continue
            levels = self._with_rules_of(current, levels)
            if current in self.unlisted:
                continue
            folders = []
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name == os.fsencode(IGNORE_NAME):
                    continue
                if entry.name.startswith(b"."):
                    self.left_out[HIDDEN] += 1
                elif levels and is_named(entry.path, is_folder=is_folder, levels=levels):
                    self.ignored.add(entry.path)
                    self.left_out[IGNORED] += 1
                elif is_folder:
                    folders.append(entry.path)
                elif (found := self._look(entry, root)) is not None:
                    yield found
            waiting += [(path, levels) for path in reversed(folders) if path != self.leave_out]

    def _rules_above(self, folder: bytes, root: bytes) -> tuple[Rules, ...]:
        """The rules of the folders from the root down to this one, which has its own looked at later."""
        levels: tuple[Rules, ...] = ()
        above = []
        while folder != root and is_below(folder, root):
            folder = os.path.dirname(folder)
            above.append(folder)
        for one in reversed(above):
            levels = self._with_rules_of(one, levels)
        return levels

    def _with_rules_of(self, folder: bytes, levels: tuple[Rules, ...]) -> tuple[Rules, ...]:
        try:
            rules = read_rules(folder)
        except SourceError as error:
            self.unlisted[folder] = f"not looked into, since its {IGNORE_NAME} {error}"
            return levels
        return levels if rules is None else (*levels, rules)

    def _look(self, entry: os.DirEntry[bytes], root: bytes) -> Found | None:
        reason = _link_trouble(entry.path, root) if entry.is_symlink() else None
        if reason is None:
            try:
                status = entry.stat()
            except OSError:
                reason = BROKEN_LINK  # or gone since its folder was listed
            else:
                if not stat.S_ISREG(status.st_mode):
                    reason = NOT_A_FILE
                elif entry.path not in self.known and _is_picture(entry) and not available():
                    reason = PICTURE
                elif entry.path in self.known or _is_ours(entry):
                    return Found(root, entry.path, status.st_size, status.st_mtime_ns)
                else:
                    reason = NO_PARSER
        self.left_out[reason] += 1
        return None


def is_below(location: bytes, folder: bytes) -> bool:
    """Whether a path lies in a folder, at any depth; it does not lie in itself."""
    return location.startswith(folder.rstrip(b"/") + b"/")


def _link_trouble(link: bytes, root: bytes) -> str | None:
    target = os.path.realpath(link)
    if not os.path.exists(target):
        return BROKEN_LINK  # a loop, too
    if not is_below(target, os.path.realpath(root)):
        return OUTWARD_LINK
    return FOLDER_LINK if os.path.isdir(target) else None


def _is_picture(entry: os.DirEntry[bytes]) -> bool:
    return entry.name.decode("utf-8", "replace").lower().endswith(PICTURES)


def _is_ours(entry: os.DirEntry[bytes]) -> bool:
    name = entry.name.decode("utf-8", "replace")
    if name.lower().endswith(EXTENSIONS):
        return True
    try:
        return worth_reading(name, read_head(entry.path, HEAD_BYTES))
    except SourceError:
        return False
