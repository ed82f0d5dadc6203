"""A published file brought to this machine: into `NAME.part`, resumed, and renamed once its sha256 agrees.

Takes what the hub says of a file and a place for it; gives the file, whole and verified, or an error with
nothing lost: what came is kept for the next call, whatever ended this one. Does not record anything.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rag.errors import ModelError, ModelFailed, ModelInvalid
from rag.model_files.hub import HubFile, Passing, bytes_from
from rag.model_files.records import OnProgress, make_folder, no_progress, sync_folder

# Seconds between tries that bring nothing; one that brought a byte starts the row again.
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
_LONGEST_WAIT = 120.0  # when the hub itself says how long
_SPARE_BYTES = 64_000_000  # left free on the disk
_BLOCK_BYTES = 1 << 20

Result = TypeVar("Result")


def part_path(target: Path) -> Path:
    """Where the bytes are until they are all there and verified."""
    return target.with_name(target.name + ".part")


def with_patience(
    action: Callable[[], Result], *, waits: Sequence[float] = WAITS, on_progress: OnProgress = no_progress
) -> Result:
    """Runs `action` again while its trouble is `Passing`; `ModelFailed` after the last wait."""
    patience = _Patience(waits, on_progress)
    while True:
        try:
            return action()
        except Passing as trouble:
            patience.wait(trouble, 0, 0)


def download(
    hub_file: HubFile, target: Path, *, on_progress: OnProgress = no_progress, waits: Sequence[float] = WAITS
) -> None:
    """Leaves the file at `target`, in place of what was there, with the sha256 that the hub publishes.

    Raises `ModelFailed` where the hub or the network gives up, `ModelInvalid` where the bytes are not those
    that the hub publishes, `ModelError` for the disk. Ctrl-C may come at any moment.
    """
    make_folder(target.parent)
    try:
        with _locked(part_path(target)) as descriptor:
            part = _Part(descriptor, hub_file, on_progress)
            resumed = part.done
            _require_space(target.parent, hub_file.size_bytes - part.done, hub_file)
            _fill(part, hub_file, on_progress, waits)
            _require_hash(part, hub_file, resumed)
            os.fsync(descriptor)
            os.replace(part_path(target), target)
            sync_folder(target.parent)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        cure = "free some space" if full else "make the folder writable by you"
        raise ModelError(
            f"{part_path(target)} can't be written: {error.strerror}; what came is kept: {cure} and run the"
            " same command again"
        ) from error


class _Part:
    """The bytes that are here, and their hash so far."""

    def __init__(self, descriptor: int, hub_file: HubFile, on_progress: OnProgress) -> None:
        self.descriptor = descriptor
        self.total = hub_file.size_bytes
        self.done = 0
        self.sha256 = hashlib.sha256()
        kept = os.fstat(descriptor).st_size
        if kept > self.total:
            os.ftruncate(descriptor, 0)  # of another revision: the hub's file is smaller
            return
        while block := os.pread(descriptor, _BLOCK_BYTES, self.done):
            self._count(block)
            on_progress("checking what is here", self.done, kept)

    def start_over(self) -> None:
        os.ftruncate(self.descriptor, 0)
        self.done = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, self.done)
            self._count(view[:written])
            view = view[written:]

    def _count(self, data: bytes | memoryview) -> None:
        self.sha256.update(data)
        self.done += len(data)


class _Patience:
    """Waits between tries, longer each time that brought nothing, and gives up after the last one."""

    def __init__(self, waits: Sequence[float], on_progress: OnProgress) -> None:
        self.waits = waits
        self.on_progress = on_progress
        self.failures = 0
        self.furthest = 0

    def wait(self, trouble: Passing, done: int, total: int) -> None:
        self.failures = 0 if done > self.furthest else self.failures + 1
        self.furthest = max(self.furthest, done)
        kept = f" at {done} of {total} bytes, which are kept" if done else ""
        if self.failures > len(self.waits):
            raise ModelFailed(
                f"{trouble}{kept}; {self.failures} tries in a row brought nothing:"
                " run the same command again later"
            ) from trouble
        seconds = self.waits[max(0, self.failures - 1)] if self.waits else 0.0
        if trouble.wait_seconds is not None:
            seconds = max(seconds, trouble.wait_seconds)
        if seconds > _LONGEST_WAIT:
            raise ModelFailed(
                f"{trouble}{kept}, and asks to wait for {seconds:.0f} s, longer than {_LONGEST_WAIT:.0f}:"
                " run the same command again after that"
            ) from trouble
        self.on_progress(f"{trouble}; again in {seconds:.0f} s", done, total)
        time.sleep(seconds)


def _fill(part: _Part, hub_file: HubFile, on_progress: OnProgress, waits: Sequence[float]) -> None:
    patience = _Patience(waits, on_progress)
    patience.furthest = part.done
    while part.done < part.total:
        try:
            with bytes_from(hub_file, part.done) as (start, blocks):
                if start != part.done:
                    part.start_over()
                for block in blocks:
                    _write(part, block, hub_file)
                    on_progress("downloading", part.done, part.total)
            if part.done < part.total:
                raise Passing("the connection was closed too early")
        except Passing as trouble:
            patience.wait(trouble, part.done, part.total)


def _write(part: _Part, block: bytes, hub_file: HubFile) -> None:
    if part.done + len(block) > part.total:
        part.start_over()
        raise ModelFailed(
            f"the hub sends more of {hub_file.file.name} than the {part.total} bytes that it announced;"
            " what came was removed: try again later"
        )
    part.write(block)


def _require_hash(part: _Part, hub_file: HubFile, resumed: int) -> None:
    found = part.sha256.hexdigest()
    if found == hub_file.sha256:
        return
    part.start_over()
    perhaps = f" (the {resumed} bytes from before may have been damaged)" if resumed else ""
    raise ModelInvalid(
        f"what came of {hub_file.file.name} is damaged: its sha256 is {found[:16]}…, the hub publishes"
        f" {hub_file.sha256[:16]}…{perhaps}; it was removed:"
        f" `rag model pull {hub_file.file.name}` starts again"
    )


def _require_space(folder: Path, needed: int, hub_file: HubFile) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        raise ModelError(
            f"{hub_file.file.name} needs {needed / 1e9:.2f} GB more in {folder}, and"
            f" {free / 1e9:.2f} GB are free there: free some space, name a smaller file"
            " (`rag model list`), or set XDG_DATA_HOME to a folder on another disk"
        )


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The part file, held by this process alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ModelError(f"{path} is not a regular file; remove it and run the same command again")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(path) from None
        # Between opening and locking, another process may have finished it and renamed it.
        if not path.exists() or os.fstat(descriptor).st_ino != os.stat(path).st_ino:
            raise _taken(path)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(path: Path) -> ModelError:
    name = path.name.removesuffix(".part")
    return ModelError(f"another process is downloading {name} at this moment; wait until it is done")
