"""The lock of an index: one process writes at a time, and a killed one leaves nothing locked.

Takes a file's path, holds `flock` on it. The file's content, the holder's process id, is only for the
message: the lock itself is the kernel's, and gone when its holder is.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import IndexLocked, StoreError

LOCK_NAME = "lock"
_POLL_SECONDS = 0.05

# A child that was forked shares its parent's locks, and would go on holding them when the parent dies.
_held: set[int] = set()


def _let_go_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)  # closing leaves the parent's lock alone; unlocking would not
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)


@contextmanager
def held_lock(directory: Path, *, wait_seconds: float) -> Iterator[None]:
    """Holds the index's lock for writing; `IndexLocked` names who has it after `wait_seconds`."""
    descriptor = _opened(directory, os.O_RDWR | os.O_CREAT)
    try:
        _acquire(descriptor, fcntl.LOCK_EX, directory, wait_seconds)
        _name_holder(descriptor, directory)
        try:
            yield
        finally:
            if descriptor in _held:  # not so in a forked child, where it may be another file's by now
                os.ftruncate(descriptor, 0)
    finally:
        _close(descriptor)


@contextmanager
def shared_lock(directory: Path, *, wait_seconds: float) -> Iterator[None]:
    """Keeps writers out while an index is read that this process may not write anything beside.

    A folder without a lock file (copied without it to a read-only medium) has no writers to keep out.
    """
    if not (directory / LOCK_NAME).exists():
        yield
        return
    descriptor = _opened(directory, os.O_RDONLY)
    try:
        _acquire(descriptor, fcntl.LOCK_SH, directory, wait_seconds)
        yield
    finally:
        _close(descriptor)


def _opened(directory: Path, flags: int) -> int:
    try:
        descriptor = os.open(directory / LOCK_NAME, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise StoreError(
            f"index {str(directory)!r} cannot be locked: {error.strerror};"
            " make its folder and files yours to read and write"
        ) from error
    _held.add(descriptor)
    return descriptor


def _name_holder(descriptor: int, directory: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    except OSError as error:
        raise StoreError(
            f"index {str(directory)!r} cannot be written: {error.strerror}; nothing was lost;"
            " free some space and try again"
        ) from error


def _close(descriptor: int) -> None:
    if descriptor in _held:  # not so in a forked child
        _held.discard(descriptor)
        os.close(descriptor)


def _acquire(descriptor: int, kind: int, directory: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise IndexLocked(_who(descriptor, directory)) from None
        except OSError as error:
            raise StoreError(
                f"index {str(directory)!r} cannot be locked: {error.strerror};"
                " put it on a local disk (a network file system may not have locks)"
            ) from error
        time.sleep(_POLL_SECONDS)


def _who(descriptor: int, directory: Path) -> str:
    holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    if not holder.isdigit():
        return f"index {str(directory)!r} is in use by another process; try again when it is done"
    if int(holder) == os.getpid():
        return f"index {str(directory)!r} is being written by this process ({holder}); one writer at a time"
    return (
        f"index {str(directory)!r} is being written by process {holder};"
        f" wait until it is done (`ps {holder}` shows it), or stop it and try again: nothing will be lost"
    )
